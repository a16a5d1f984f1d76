"""What a run leaves on disk, as its reader finds it."""

import json
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from output_cases import GRID
from rasterio import open as open_raster
from rio_cogeo import cog_validate

from changedetect.changes import empty_changes
from changedetect.errors import OutputError
from changedetect.model import SiteResult
from changedetect.outputs import write_run, write_site

ALL = ["after.png", "before.png", "change_map.tif", "changes.geojson", "preview.tif", "provenance.json"]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_site_leaves_its_five_files(tmp_path: Path, result: SiteResult) -> None:
    write_site(result, tmp_path)
    folder = tmp_path / "sites" / "a"
    assert names(folder) == ALL
    record = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    assert (record["status"], record["site"]["properties"]) == ("ok", {"source": "press"})
    assert record["provenance"] == {"href": "https://host/a.tif", "shift_px": None}
    assert len(gpd.read_file(folder / "changes.geojson")) == 1


def test_the_change_map_is_a_cog_with_named_bands(tmp_path: Path, result: SiteResult) -> None:
    write_site(result, tmp_path)
    path = tmp_path / "sites" / "a" / "change_map.tif"
    assert cog_validate(path, strict=True)[0]
    with open_raster(path) as source:
        assert source.descriptions == ("changed", "confidence", "kind")
        assert (source.nodata, source.dtypes, source.crs.to_epsg()) == (255, ("float32",) * 3, 32652)
        assert source.transform == GRID.affine
        assert result.change_map is not None
        np.testing.assert_array_equal(source.read(1), result.change_map.changed)


def test_a_failed_site_leaves_its_reason_and_nothing_stale(tmp_path: Path, result: SiteResult) -> None:
    write_site(result, tmp_path)
    write_site(SiteResult(site=result.site, status="failed", reason="no scene", changes=empty_changes()), tmp_path)
    folder = tmp_path / "sites" / "a"
    assert names(folder) == ["provenance.json"]
    assert json.loads((folder / "provenance.json").read_text())["reason"] == "no scene"


def test_a_site_without_pictures_keeps_no_old_ones(tmp_path: Path, result: SiteResult) -> None:
    write_site(result, tmp_path)
    write_site(replace(result, preview=None, change_map=None), tmp_path)
    assert names(tmp_path / "sites" / "a") == ["changes.geojson", "provenance.json"]


def test_provenance_is_absent_while_the_other_files_may_be_half_old(tmp_path: Path, result: SiteResult) -> None:
    write_site(result, tmp_path)
    with pytest.raises(OutputError, match=r"provenance\.json can't be written: \$\.provenance\.x is a object"):
        write_site(replace(result, provenance={"x": object()}), tmp_path)
    assert "provenance.json" not in names(tmp_path / "sites" / "a")


def test_a_run_leaves_four_files_of_all_sites(tmp_path: Path, result: SiteResult) -> None:
    light = replace(result, preview=None, change_map=None)
    failed = replace(light, site=replace(result.site, site_id="b"), status="failed", reason="no scene")
    write_run(iter([light, failed]), tmp_path, {"version": "0.1.0", "catalog": "https://me:pw@host/v1"})
    assert names(tmp_path) == ["changes.geojson", "changes.parquet", "run.json", "summary.csv"]
    assert len(gpd.read_file(tmp_path / "changes.geojson")) == len(gpd.read_parquet(tmp_path / "changes.parquet")) == 1
    assert len((tmp_path / "summary.csv").read_text(encoding="utf-8").splitlines()) == 3
    assert json.loads((tmp_path / "run.json").read_text())["catalog"] == "https://host/v1"


def test_a_run_that_found_nothing_is_as_readable(tmp_path: Path) -> None:
    write_run([], tmp_path / "new" / "out", {})
    assert gpd.read_parquet(tmp_path / "new" / "out" / "changes.parquet").empty


def test_an_output_folder_that_is_a_file_is_one_line(tmp_path: Path, result: SiteResult) -> None:
    out = tmp_path / "out"
    out.write_text("taken")
    for write in (lambda: write_site(result, out), lambda: write_run([result], out, {})):
        with pytest.raises(OutputError, match=r"can't be written .*: check the folder") as caught:
            write()
        assert "\n" not in str(caught.value)
    assert out.read_text() == "taken"
