"""The KMZ: GDAL's LIBKML reads all of it, pictures lie where the ground is, and names stay text."""

import io
import re
import xml.etree.ElementTree as ET
import zipfile
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
from affine import Affine
from format_cases import NASTY, TIMELINE, across, failed, publish, site
from odc.geo.geobox import GeoBox
from output_cases import BANDS, GRID, make_pair
from PIL import Image
from pyproj import Transformer

from changedetect.model import Composite, Pair, SiteResult
from changedetect.outputs.formats import export
from changedetect.outputs.formats.overlays import lonlat_grid

KML = "{http://www.opengis.net/kml/2.2}"
# Elements of a feature in the order that the schema demands (OGC 07-147r2, kml:AbstractFeatureGroup).
ORDER = ["name", "description", "TimeSpan", "styleUrl", "ExtendedData", "Polygon", "MultiGeometry"]


def written(out: Path, *results: SiteResult) -> tuple[Path, ET.Element]:
    path = export(publish(results, out), ["kml"])[0]
    with zipfile.ZipFile(path) as archive:
        return path, ET.fromstring(archive.read("doc.kml"))  # noqa: S314 - ours


def text(element: ET.Element, path: str) -> str | None:
    return element.findtext("/".join(KML + part for part in path.split("/")))


def marks(root: ET.Element) -> dict[str, ET.Element]:
    return {mark.get("id", ""): mark for mark in root.iter(f"{KML}Placemark") if mark.get("id")}


def test_libkml_reads_every_change_with_its_attributes(tmp_path):
    results = [site("a", NASTY, ["construction", "clearing", "other"]), site("b"), failed()]
    path, _ = written(tmp_path, *results)
    told = gpd.read_file(tmp_path / "changes.geojson").set_index("change_id")
    frames = [
        pyogrio.read_dataframe(path, layer=name) for name in pyogrio.list_layers(path)[:, 0] if "before and" not in name
    ]
    found = {row.change_id: row for frame in frames if "change_id" in frame for row in frame.itertuples()}
    assert {key for key in found if isinstance(key, str)} == set(told.index)
    for change_id, row in told.iterrows():
        mine = found[change_id]
        assert mine.geometry.symmetric_difference(row.geometry).area == pytest.approx(0, abs=1e-12)
        assert (mine.kind, float(mine.confidence), float(mine.area_m2)) == (row["kind"], row["confidence"], 400.0)


def test_libkml_reads_both_pictures_of_a_site(tmp_path):
    path, _ = written(tmp_path, site("a"))
    overlays = pyogrio.read_dataframe(path, layer="before and after: a", read_geometry=False)
    assert list(overlays["icon"]) == ["files/a/before.png", "files/a/after.png"]
    assert list(overlays["drawOrder"]) == [0, 1]


def test_elements_come_in_the_order_of_the_schema(tmp_path):
    _, root = written(tmp_path, site("a", kinds=["construction", "clearing"]), across())
    styles = {f"#{style.get('id')}" for style in root.iter(f"{KML}Style")}
    for mark in root.iter(f"{KML}Placemark"):
        names = [child.tag.removeprefix(KML) for child in mark]
        assert names == sorted(names, key=ORDER.index)
        assert text(mark, "styleUrl") in styles
    for color in root.iter(f"{KML}color"):
        assert re.fullmatch("[0-9a-f]{8}", color.text or "")


def test_time_spans_follow_the_bracket(tmp_path):
    result = site("a", kinds=["construction", "clearing"])
    told = {"changes": {"a-0": {**TIMELINE, "gone_on": "2024-05-20"}}}
    _, root = written(tmp_path, replace(result, provenance={**result.provenance, "timeline": told}))
    dated, undated = marks(root)["c-a-0"], marks(root)["c-a-1"]
    assert (text(dated, "TimeSpan/begin"), text(dated, "TimeSpan/end")) == ("2024-03-01", "2024-05-20")
    assert (text(undated, "TimeSpan/begin"), text(undated, "TimeSpan/end")) == ("2024-05-01", None)
    spans = [(text(one, "TimeSpan/begin"), text(one, "TimeSpan/end")) for one in root.iter(f"{KML}GroundOverlay")]
    assert spans == [("2023-05-01", "2024-05-01"), ("2024-05-01", None)]


def test_names_are_text_in_the_tree_and_in_the_balloon(tmp_path):
    _, root = written(tmp_path, site("a", NASTY))
    printable = NASTY.replace("\x0b", "").replace("\x01", "")
    folders = [text(folder, "name") for folder in root.iter(f"{KML}Folder")]
    assert f"{printable} (a)" in folders
    balloon = text(marks(root)["c-a-0"], "description") or ""
    assert "<img" not in balloon
    assert "&lt;img src=x" in balloon
    assert set(re.findall("<[^>]*>", balloon)) == {"<br/>"}


def spot(grid: GeoBox, rows: slice, cols: slice) -> Pair:
    """Dark ground with a bright spot on the later date, and a corner that was not seen."""

    def date(*, bright: bool) -> Composite:
        data = np.full((len(BANDS), *grid.shape), 0.05, dtype=np.float32)
        data[:, rows, cols] = 0.5 if bright else 0.05
        valid = np.ones(grid.shape, dtype=bool)
        valid[-6:, -6:] = False
        data[:, ~valid] = np.nan
        return Composite(geobox=grid, bands=BANDS, data=data, valid=valid, looks=valid.astype(np.uint8))

    return Pair(before=date(bright=False), after=date(bright=True))


@pytest.mark.parametrize(
    "grid", [GRID, GeoBox((40, 50), Affine(10, 0, 833_728, 0, -10, 5_000), "EPSG:32660")], ids=["utm", "over 180"]
)
def test_pictures_lie_on_the_ground_they_show(grid, tmp_path):
    base = site("a") if grid is GRID else across("a")
    path, root = written(tmp_path, replace(base, preview=spot(grid, slice(10, 14), slice(30, 36))))
    after = list(root.iter(f"{KML}GroundOverlay"))[1]
    north, south, east, west = (
        float(text(after, f"LatLonBox/{edge}") or "") for edge in ("north", "south", "east", "west")
    )
    with zipfile.ZipFile(path) as archive:
        picture = np.asarray(Image.open(io.BytesIO(archive.read(text(after, "Icon/href") or ""))))
    height, width = picture.shape[:2]
    rows, cols = np.nonzero((picture[..., 3] == 255) & (picture[..., 0] > 200))
    lat = north - (rows.mean() + 0.5) / height * (north - south)
    lon = west + (cols.mean() + 0.5) / width * (east - west)
    x, y = Transformer.from_crs("EPSG:4326", grid.crs.to_wkt(), always_xy=True).transform(lon, lat)
    assert (x, y) == pytest.approx(tuple(grid.affine * (33, 12)), abs=2.5), "a quarter of a pixel"
    assert (picture[-4:, -4:, 3] == 0).all(), "what was not seen is transparent"
    assert (picture[height // 2 - 5 : height // 2 + 5, width // 2 - 5 : width // 2 + 5, 3] == 255).all()
    if grid is not GRID:
        assert -180 < west < 180 < east


def test_no_picture_is_larger_than_globes_like():
    wide = lonlat_grid(GeoBox((3000, 6000), GRID.affine, GRID.crs))
    assert max(wide.shape) == 1024
    assert max(lonlat_grid(GRID).shape) == 100


def test_without_a_preview_there_are_no_pictures_and_a_word(tmp_path, caplog):
    path, root = written(tmp_path, replace(site("a"), preview=make_pair()))
    (tmp_path / "sites" / "a" / "preview.tif").unlink()
    assert export(tmp_path, ["kml"]) == [path]
    assert zipfile.ZipFile(path).namelist() == ["doc.kml"]
    assert "site a: no pictures in the KML" in caplog.text
    assert len(list(root.iter(f"{KML}GroundOverlay"))) == 2
