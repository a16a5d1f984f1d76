"""The report and the evidence pack as files: whole, the same every time, with nothing of strangers in their markup."""

import hashlib
import json
import re
import shutil
import zipfile
from html.parser import HTMLParser

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from report_cases import DESCRIPTION, HOSTILE

from changedetect.errors import OutputError
from changedetect.report import overview, write_pack, write_report
from changedetect.report.overlay import overlay
from changedetect.report.preview import around_change, open_preview, to_pixels
from changedetect.report.reading import find_change, read_run
from changedetect.report.words import sentences


class Markup(HTMLParser):
    """Every address and handler that a page has."""

    def __init__(self):
        super().__init__()
        self.fetched, self.handlers, self.ids = [], [], []

    def handle_starttag(self, tag, attrs):
        told = dict(attrs)
        self.handlers += [name for name in told if name.startswith("on") or name == "style"]
        self.ids += [told["id"]] if "id" in told else []
        if tag in {"img", "script", "iframe", "object", "embed", "source"} and "src" in told:
            self.fetched.append(told["src"])
        if tag == "link":
            self.fetched.append(told["href"])


def test_the_page_is_one_file_that_fetches_and_runs_nothing_else(run):
    out, _ = run
    text = (out / "report.html").read_text(encoding="utf-8")
    markup = Markup()
    markup.feed(text)
    assert markup.fetched
    assert all(address.startswith("data:") for address in markup.fetched)
    assert markup.handlers == []
    assert len(markup.ids) == len(set(markup.ids))
    assert HOSTILE not in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert DESCRIPTION[:40] in text
    assert "'unsafe" not in re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)[1]
    assert str(out) not in text


def test_the_report_is_rebuilt_from_the_folder_alone_and_is_the_same(run, tmp_path):
    out, _ = run
    moved = tmp_path / "elsewhere"
    shutil.copytree(out, moved, ignore=shutil.ignore_patterns("report.html", "evidence"))
    again = write_report(moved)
    assert again.read_bytes() == (out / "report.html").read_bytes()


def test_a_report_without_pictures_or_with_no_run_says_so(run, tmp_path):
    out, _ = run
    bare = tmp_path / "bare"
    shutil.copytree(out, bare, ignore=shutil.ignore_patterns("*.tif", "report.html"))
    assert "left no preview.tif" in write_report(bare).read_text(encoding="utf-8")
    with pytest.raises(OutputError, match="give the folder that `run` or `compare` wrote"):
        write_report(tmp_path)


def test_pictures_shrink_as_their_number_grows(run, monkeypatch, tmp_path):
    out, _ = run
    run_ = read_run(out)
    assert overview.look_through(run_).quality is None
    monkeypatch.setattr(overview, "PAGE_BYTES", 1_000_000)
    assert overview.look_through(run_).quality == 90
    monkeypatch.setattr(overview, "PAGE_BYTES", 690_000)
    few = overview.look_through(run_)
    assert 0 < len(few.pictured) < len(few.changes)
    least = min(one.confidence for one in few.changes if one.change_id in few.pictured)
    assert all(one.confidence <= least for one in few.changes if one.change_id not in few.pictured)
    moved = tmp_path / "out"
    shutil.copytree(out, moved, ignore=shutil.ignore_patterns("report.html"))
    report = write_report(moved)
    assert report.stat().st_size < overview.PAGE_BYTES
    assert report.read_text(encoding="utf-8").count('<article class="change"') == len(few.pictured)


def test_the_outline_lies_on_the_change_and_the_bar_is_as_long_as_it_says(run):
    out, plain = run
    site, change = find_change(out, "plain-0")
    preview = open_preview(site.preview)
    part = preview.geobox[around_change(preview, change.geometry)]
    drawn = overlay(part, site.changes, "plain-0")
    metres = float(drawn.bar.removesuffix(" m"))
    assert drawn.bar_px * 10 == pytest.approx(metres, rel=0.002)
    assert abs(drawn.north_deg) < 1
    x, y = np.array(re.findall(r"([-\d.]+) ([-\d.]+)", drawn.own.path), dtype=float).mean(axis=0)
    kind = plain.change_map.kind
    row = int((part.affine.f - preview.geobox.affine.f) / -10 + y)
    col = int((part.affine.c - preview.geobox.affine.c) / 10 + x)
    assert kind[row, col] == 1


def test_a_grid_across_the_antimeridian_is_one_piece_and_its_bar_is_right():
    grid = GeoBox((100, 100), Affine(1e-4, 0, 179.995, 0, -1e-4, 60.005), "EPSG:4326")
    cols, rows = to_pixels(grid)(np.array([(179.996, 60.0), (-179.996, 60.0)])).T
    np.testing.assert_allclose(cols, [10, 90], atol=1e-6)
    np.testing.assert_allclose(rows, 50, atol=1e-6)
    # At 60 degrees a degree of longitude is 55.8 km (WGS 84).
    assert overlay(grid, ()).pixel_m == pytest.approx(5.58, abs=0.03)


def test_the_evidence_is_told_in_words(run):
    out, _ = run
    site, change = find_change(out, "plain-0")
    told = list(sentences(site, change, None))
    assert told[0] == (
        "Vegetation until 10 August 2022, a surface without vegetation on 2 April 2023,"
        " a bright surface without vegetation since 1 June 2023."
    ).replace("a surface without vegetation on", "bare, reddish ground on")
    assert told[2] == "Seen on 2 clear looks; 1 of 5 looks were cloudy there."
    assert told[-1].startswith("Confidence ")


def test_a_pack_holds_pixels_words_and_the_hash_of_every_file(run):
    out, _ = run
    path = write_pack(out, "plain-0", zipped=True)
    folder = out / "evidence" / "plain-0"
    sums = dict(reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text().splitlines())
    assert set(sums) == {one.name for one in folder.iterdir()} - {"SHA256SUMS"}
    assert {"before.tif", "after.tif", "change.geojson", "provenance.json", "evidence.txt"} < set(sums)
    for name, digest in sums.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    with rasterio.open(folder / "after.tif") as chip, rasterio.open(out / "sites/plain/preview.tif") as whole:
        assert chip.tags()["CHANGE_ID"] == "plain-0"
        assert chip.descriptions[:3] == ("blue", "green", "red")
        window = whole.window(*chip.bounds)
        np.testing.assert_array_equal(chip.read(1), whole.read(1 + len(chip.descriptions), window=window))
    assert json.loads((folder / "provenance.json").read_text())["object"]["kind"] == "construction"
    first = path.read_bytes()
    assert write_pack(out, "plain-0", zipped=True).read_bytes() == first
    with zipfile.ZipFile(path) as archive:
        assert {name.removeprefix("plain-0/") for name in archive.namelist()} == set(sums) | {"SHA256SUMS"}
    shutil.rmtree(out / "evidence")
