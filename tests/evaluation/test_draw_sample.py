"""Points drawn from maps and polygons lie where they say, as often as asked, and hide what the map says."""

import affine
import numpy as np
import pytest
import shapely
from evaluation_cases import bare, square, table
from odc.geo.geobox import GeoBox

from changedetect.evaluation import EvaluationError, SampleOptions, sample_maps, sample_polygons
from changedetect.geotiff import write_cog


def write_map(path, kind, at=(600_000.0, 5_500_000.0), epsg=32636):
    path.parent.mkdir(parents=True, exist_ok=True)
    geobox = GeoBox(kind.shape, affine.Affine(10, 0, at[0], 0, -10, at[1]), f"EPSG:{epsg}")
    bands = np.stack([(kind > 0).astype(np.uint8), np.zeros_like(kind), kind])
    write_cog(path, bands, geobox, band_names=("changed", "confidence", "kind"), nodata=255)
    return geobox


@pytest.fixture
def run(tmp_path):
    """Two sites: 100 pixels of construction at the first, 300 at the second with 50 of clearing; some unknown."""
    first, second = np.zeros((60, 80), np.uint8), np.zeros((50, 50), np.uint8)
    first[10:20, 10:20], first[40:, :] = 1, 255
    second[0:10, 0:30], second[20:25, 20:30] = 1, 2
    boxes = [
        write_map(tmp_path / "sites" / "a" / "change_map.tif", first),
        write_map(tmp_path / "sites" / "b" / "change_map.tif", second, at=(700_000.0, 5_400_000.0)),
    ]
    return tmp_path, list(zip(boxes, (first, second), strict=True))


def kinds_at(points, maps) -> list[int]:
    """Code of the map under each point."""
    codes = []
    for x, y in shapely.get_coordinates(points.to_crs(32636).geometry.to_numpy()):
        for box, kind in maps:
            col, row = (round(part - 0.5, 3) for part in ~box.affine * (x, y))
            if 0 <= row < kind.shape[0] and 0 <= col < kind.shape[1]:
                assert (abs(row - round(row)), abs(col - round(col))) == pytest.approx((0, 0), abs=0.01)  # a centre
                codes.append(int(kind[round(row), round(col)]))
    return codes


def test_points_are_centres_of_pixels_of_their_stratum(run):
    folder, maps = run
    sample = sample_maps([folder], SampleOptions(points=200, minimum=30))
    names = {0: "none", 1: "construction", 2: "clearing"}
    assert [names[code] for code in kinds_at(sample.points, maps)] == list(sample.stratum.values())
    counts = {name: list(sample.stratum.values()).count(name) for name in names.values()}
    assert counts == {"none": 140, "construction": 30, "clearing": 30}
    assert not sample.points[["lon", "lat"]].duplicated().any()
    assert sample.area_m2 == pytest.approx({"none": (3100 + 2150) * 100, "construction": 40_000, "clearing": 5000})


def test_strata_span_all_maps(run):
    folder, maps = run
    sample = sample_maps([folder], SampleOptions(points=400, allocation="equal"))
    built = sample.points[[sample.stratum[one] == "construction" for one in sample.points["point_id"]]]
    at_first = built.to_crs(32636).geometry.x.lt(650_000).mean()
    assert at_first == pytest.approx(100 / 400, abs=0.1)
    assert len(maps) == 2


def test_a_small_stratum_is_taken_whole(run):
    folder, _ = run
    sample = sample_maps([folder], SampleOptions(points=600, allocation="equal"))
    assert list(sample.stratum.values()).count("clearing") == 50


def test_labels_are_blind_and_the_seed_fixes_the_draw(run):
    folder, _ = run
    one, same, other = (sample_maps([folder], SampleOptions(points=150, seed=seed)) for seed in (1, 1, 2))
    assert one.points.equals(same.points)
    assert not one.points[["lon", "lat"]].equals(other.points[["lon", "lat"]])
    assert list(one.points.columns) == ["point_id", "lon", "lat", "reference", "geometry"]
    assert set(one.points["reference"]) == {""}
    told = np.array([name == "none" for name in one.stratum.values()])
    assert np.abs(np.diff(told.astype(int))).sum() > 20  # not sorted by stratum


def test_pixels_are_drawn_alike(tmp_path):
    kind = np.ones((1, 4), np.uint8)
    kind[0, 3] = 0
    write_map(tmp_path / "m.tif", np.tile(kind, (50, 1)))
    sample = sample_maps([tmp_path / "m.tif"], SampleOptions(points=80, allocation="equal"))
    built = sample.points[[sample.stratum[one] == "construction" for one in sample.points["point_id"]]]
    column = ((built.to_crs(32636).geometry.x - 600_000) // 10).astype(int)
    assert np.bincount(column, minlength=3)[:3] == pytest.approx([40 / 3] * 3, abs=10)


def test_maps_without_a_change_or_a_map_are_refused(tmp_path):
    write_map(tmp_path / "m" / "change_map.tif", np.zeros((20, 20), np.uint8))
    with pytest.raises(EvaluationError, match="shows no change on known ground"):
        sample_maps([tmp_path / "m"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(EvaluationError, match=r"empty holds no change_map\.tif: give the folder of a run"):
        sample_maps([tmp_path / "empty"])


def test_points_in_polygons_are_inside_and_the_rest_outside():
    halls = [square(0, 0), square(2000, 0, 50)]
    said = table((halls[0], "construction"), (halls[1], "clearing"), (square(900, 0), "removal"), column="kind")
    ground = square(-1000, -1000, 4000)
    sample = sample_polygons(said, ground, SampleOptions(points=300, allocation="equal"))
    inside = {
        "construction": shapely.contains(halls[0], sample.points.geometry.to_numpy()),
        "clearing": shapely.contains(halls[1], sample.points.geometry.to_numpy()),
    }
    for name, hits in inside.items():
        assert [sample.stratum[one] == name for one in sample.points["point_id"]] == hits.tolist()
        assert hits.sum() == 100
    assert shapely.contains(ground, sample.points.geometry.to_numpy()).all()
    assert sample.area_m2 == pytest.approx({"construction": 10_000, "clearing": 2500, "none": 16e6 - 12_500}, rel=1e-4)


def test_points_in_a_polygon_are_spread_evenly():
    said = bare(square(0, 0, 900), square(1000, 0, 300))
    sample = sample_polygons(said, square(-500, -500, 2000), SampleOptions(points=4000))
    built = np.array([name == "change" for name in sample.stratum.values()])
    assert built.mean() == pytest.approx(0.9 / 4, abs=0.001)  # proportional to area
    x = sample.points[built].to_crs("+proj=laea +lon_0=30 +lat_0=50 +datum=WGS84").geometry.x
    assert x.gt(950).mean() == pytest.approx(0.1, abs=0.04)
    assert x[x < 950].lt(450).mean() == pytest.approx(0.5, abs=0.06)


def test_more_ground_than_numpy_draws_from_makes_no_difference(run, monkeypatch):
    folder, maps = run
    monkeypatch.setattr("changedetect.evaluation.sampling._LARGEST_URN", 1)
    sample = sample_maps([folder], SampleOptions(points=200, minimum=30))
    assert sorted(kinds_at(sample.points, maps)) == [0] * 140 + [1] * 30 + [2] * 30
