"""What is complete is not made again, and no one can tell from the files that a run was resumed."""

import json
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pytest
import shapely
from batch_cases import digests, options, write_land

from changedetect import batch, outputs
from changedetect.crew import Execution, work_off
from changedetect.errors import CatalogError, OutputError, RasterError, SiteListError
from changedetect.model import Site
from changedetect.outputs.files import whole
from changedetect.prepare import PrepareOptions
from changedetect.tiling import TilingOptions

WORDS = "no space left on device"


def kept(sites, config, out, execution=None):
    """Ids of the sites that are not made again."""
    return {made.result.site.site_id for made in work_off(sites, config, out, execution) if made.kept}


@pytest.fixture
def out(tmp_path, sites, config):
    """Two sites, complete."""
    batch.run(sites[:2], config=config, out=tmp_path)
    return tmp_path


def test_a_resumed_run_leaves_the_same_bytes(tmp_path, sites, config, uninterrupted):
    batch.run(sites[:3], config=config, out=tmp_path)
    assert kept(sites[:3], config, tmp_path) == {site.site_id for site in sites[:3]}
    result = batch.run(sites, config=config, out=tmp_path)
    assert digests(tmp_path) == uninterrupted[0]
    assert [one.site.site_id for one in result.results] == [site.site_id for site in sites]


def test_what_is_read_back_is_what_was_found(sites, config, uninterrupted):
    found = batch.run(sites, config=config)
    again = batch.run(sites, config=config, out=uninterrupted[1])
    assert again.changes["change_id"].tolist() == found.changes["change_id"].tolist()
    numbers = found.changes.select_dtypes("number")
    assert again.changes[numbers.columns].dtypes.equals(numbers.dtypes)
    assert shapely.equals_exact(*(one.changes.geometry.normalize().values for one in (again, found)), 1e-6).all()
    one, other = again.results[0], found.results[0]
    assert again.results[-1].site == sites[-1]
    assert again.results[0:2][0].provenance == one.provenance
    assert json.loads(json.dumps(one.provenance["before"])) == json.loads(json.dumps(other.provenance["before"]))
    assert one.timeline(one.changes["change_id"][0]).equals(other.timeline(one.changes["change_id"][0]))
    run_level = gpd.read_file(uninterrupted[1] / "changes.geojson")
    per_site = [gpd.read_file(uninterrupted[1] / "sites" / site.site_id / "changes.geojson") for site in sites]
    assert run_level.geometry.tolist() == [shape for frame in per_site for shape in frame.geometry]


@pytest.mark.parametrize(
    "other",
    [
        lambda config: replace(config, min_confidence=0.2),
        lambda config: replace(config, kinds=("construction",)),
        lambda config: replace(config, prepare=PrepareOptions(register=False)),
    ],
)
def test_other_options_make_a_site_anew(out, sites, config, other):
    assert kept(sites[:2], other(config), out) == set()


@pytest.mark.parametrize("other", [TilingOptions(tile_px=300), TilingOptions(threads=1)])
def test_what_can_not_change_a_result_does_not(out, sites, config, other):
    assert len(kept(sites[:2], replace(config, tiling=other), out)) == 2


def test_what_concerns_watching_formats_and_cells_does_not_either(out, sites, config):
    other = replace(config, watch=replace(config.watch, looks=9), overlap_m=123.0, formats=("csv",))
    assert len(kept(sites[:2], other, out)) == 2


def test_another_site_of_that_id_is_made_anew(out, sites, config):
    moved = replace(sites[0], geometry=sites[2].geometry)
    renamed = replace(sites[1], name="renamed")
    assert kept([moved, renamed], config, out) == set()


def test_another_version_of_the_package_makes_it_anew(out, sites, config, monkeypatch):
    monkeypatch.setattr("changedetect.completion.package_version", lambda: "9.9")
    monkeypatch.setattr("changedetect.making.package_version", lambda: "9.9")
    assert kept(sites[:2], config, out) == set()


def test_fresh_makes_everything_anew(out, sites, config):
    assert kept(sites[:2], config, out, Execution(fresh=True)) == set()


def test_new_scenes_make_a_site_anew(tmp_path, sites):
    land = write_land(tmp_path / "land", (1280.0, 640.0), [(100, 100, 90, 60)])
    out = tmp_path / "out"
    batch.run(sites[:2], config=options(land), out=out)
    item = next((tmp_path / "land").rglob("S2*_20220804*.json"))
    item.write_text(item.read_text().replace('"offset": -0.1', '"offset": -0.09'))
    assert kept(sites[:2], options(land), out) == set()


def test_a_catalog_that_does_not_answer_costs_nothing_that_is_there(out, sites, config):
    def dead(*_):
        raise CatalogError(WORDS)

    class Dead:
        entries = search = dead

    assert all(made.kept for made in work_off(sites[:2], config, out, catalog=Dead()))


@pytest.mark.parametrize("damage", ["after.png", "done.json", "change_map.tif"])
def test_a_site_that_lacks_a_file_is_made_anew(out, sites, config, damage):
    before = digests(out)
    (out / "sites" / "s00" / damage).unlink()
    assert kept(sites[:2], config, out) == {"s01"}
    assert digests(out) == before


@pytest.mark.parametrize("text", ["", "{", "[]", '{"made_with": 1}', "null"])
def test_a_record_that_is_none_counts_as_none(out, sites, config, text):
    (out / "sites" / "s00" / "done.json").write_text(text)
    assert kept(sites[:2], config, out) == {"s01"}


def test_failed_sites_are_tried_again(tmp_path, sites, config):
    nowhere = replace(config, before=replace(config.before, start=config.before.end))
    assert batch.run(sites[:1], config=nowhere, out=tmp_path).failed
    assert kept(sites[:1], nowhere, tmp_path) == set()


def test_leftovers_of_a_kill_go_and_what_others_wrote_stays(out, sites, config):
    folder = out / "sites" / "s00"
    (folder / f".after.{'0' * 32}.png").write_bytes(b"half")
    (folder / "notes.txt").write_text("mine")
    list(work_off(sites[:1], config, out, Execution(fresh=True)))
    assert not list(folder.glob(".*"))
    assert (folder / "notes.txt").exists()


def test_two_sites_of_one_id_are_refused(tmp_path, sites, config):
    twin = Site(site_id="S00", name="twin", geometry=sites[1].geometry)
    with pytest.raises(SiteListError, match="two sites are called 'S00'"):
        batch.run([sites[0], twin], config=config, out=tmp_path)


@pytest.mark.parametrize("error", [OutputError("disk full"), RasterError("disk full"), AssertionError("disk full")])
def test_what_can_not_be_written_fails_with_the_reason(tmp_path, sites, config, monkeypatch, error):
    write = outputs.write_change_map

    def full(path, change_map):
        if "s01" in str(path):
            raise error
        write(path, change_map)

    monkeypatch.setattr(outputs, "write_change_map", full)
    result = batch.run(sites[:3], config=config, out=tmp_path)
    assert [one.status for one in result.results] == ["ok", "failed", "ok"]
    assert result.results[1].reason.endswith("disk full")
    assert sorted(path.name for path in (tmp_path / "sites" / "s01").iterdir()) == ["done.json", "provenance.json"]
    assert "disk full" in (tmp_path / "summary.csv").read_text()


def test_a_place_that_is_lost_half_way_leaves_no_half_site(tmp_path, sites, config, monkeypatch):
    def lost(path):
        if path.name == "changes.geojson" and path.parent.name == "s00" and tmp_path in path.parents:
            raise OutputError(WORDS)
        return whole(path)

    monkeypatch.setattr("changedetect.outputs.stores.whole", lost)
    result = batch.run(sites[:2], config=config, out=tmp_path)
    assert [one.status for one in result.results] == ["failed", "ok"]
    assert sorted(path.name for path in (tmp_path / "sites" / "s00").iterdir()) == ["done.json", "provenance.json"]


def test_a_folder_that_refuses_everything_is_one_line(tmp_path, sites, config):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="can't be written"):
        batch.run(sites[:1], config=config, out=tmp_path / "out")


def test_a_result_read_back_shows_its_pixels(tmp_path, sites, config):
    (result,) = batch.run(sites[:1], config=config, out=tmp_path).results
    again = batch.run(sites[:1], config=config, out=tmp_path).results[0]
    assert result.preview is None, "a pass over all results holds no pixels"
    assert again.preview.before.data.shape == again.preview.after.data.shape
    assert 0 < np.nanmedian(again.preview.after.data) < 1


def test_progress_is_shown_where_it_is_asked_for(sites, config, tmp_path, capfd):
    quiet = batch.run(sites[:2], config=config, out=tmp_path)
    assert capfd.readouterr().out == ""
    shown = batch.run(sites[:2], config=config, out=tmp_path, execution=batch.Execution(progress=True))
    assert "100%" in capfd.readouterr().out
    assert shown.changes["change_id"].tolist() == quiet.changes["change_id"].tolist()
