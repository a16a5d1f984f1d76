"""What each step of preparation buys: accuracy with the step on and off, on real pairs and on simulated sites.

    .venv/bin/python benchmarks/ablation.py [--pairs DIR] [--faults] [--only NAME ...]

DIR holds a folder a pair: `before.tif`, `after.tif`, and `reference.geojson` (polygons with `class` and `certainty`) or
`labels.tif` (1 unchanged, 2 changed), or neither where nothing was built. Every step that can be switched off is: the
options of `prepare` and `diff` that are true. `--faults` adds each referenced pair with its later date half a
pixel off, and with an error of gain and offset in every band.

A cell is object F1 / area F1 / false alarms (objects from 1,000 m2, rules in docs/accuracy.md), or kappa, or the number
of false `construction` polygons over 900 m2 where nothing was built. Prints a Markdown table.
"""

import argparse
import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
from accuracy import against, kappa
from scipy import ndimage as ndi

from changedetect import RunConfig, compare, geotiff, run
from changedetect.lonlat import footprint
from changedetect.model import UNKNOWN, ChangeMap, Site
from changedetect.testing import Acquisition, Landscape, control, factory, observe, truth, write_catalog, write_scene

FALSE_M2 = 900
OF_PAIRS = {"register", "match_sharpness", "level"}
"""Steps that work on two dates; the others work on the scenes of each."""
GAIN, OFFSET = (0.8, 1.25, 0.9, 1.1, 0.85, 1.2), (-0.03, 0.05, 0.03, -0.05, 0.02, -0.04)
Found = tuple[gpd.GeoDataFrame, ChangeMap | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One comparison and how it is scored."""

    name: str
    """Column of the table."""
    find: Callable[[RunConfig], Found]
    """Compare with these options."""
    score: Callable[[Found], str]
    """The cell."""
    of_scenes: bool = False
    """Whether it starts from scenes; rasters are composites already, and some steps do nothing to them."""


def referenced(reference: gpd.GeoDataFrame) -> Callable[[Found], str]:
    """Score objects and areas against reference polygons."""
    return lambda found: against(found[0], reference).text


def labelled(path: Path) -> Callable[[Found], str]:
    """Score the change map by Cohen's kappa on labelled pixels."""
    labels = geotiff.read(path, geotiff.info(path).geobox)[0][0]

    def score(found: Found) -> str:
        if found[1] is None:
            return "failed"
        known = found[1].changed != UNKNOWN
        return f"kappa {kappa(labels[known], found[1].changed[known] == 1):.3f}"

    return score


def unbuilt(found: Found) -> str:
    """Count what was found where nothing was built."""
    changes = found[0]
    false = changes[(changes["kind"] == "construction") & (changes["area_m2"] > FALSE_M2)]
    return f"{len(false)} false"


def pair_cases(folder: Path, work: Path, *, faults: bool) -> Iterator[Case]:
    """Pairs of rasters, as they are and with faults."""
    for where in sorted(path.parent for path in folder.glob("*/before.tif")):
        reference, labels = where / "reference.geojson", where / "labels.tif"
        score = (
            referenced(gpd.read_file(reference))
            if reference.exists()
            else labelled(labels)
            if labels.exists()
            else unbuilt
        )
        yield Case(name=where.name, find=_comparing(where / "before.tif", where / "after.tif"), score=score)
        if faults and reference.exists():
            for fault, spoil in (("shifted", _shifted), ("gains", _off)):
                after = work / f"{where.name}-{fault}.tif"
                _spoil(where / "after.tif", after, spoil)
                find = _comparing(where / "before.tif", after)
                yield Case(name=f"{where.name}, {fault}", find=find, score=score)


def _comparing(before: Path, after: Path) -> Callable[[RunConfig], Found]:
    def find(config: RunConfig) -> Found:
        result = compare(before, after, config=config)
        return result.changes, result.change_map

    return find


def _spoil(source: Path, target: Path, spoil: Callable[[np.ndarray], np.ndarray]) -> None:
    with rasterio.open(source) as one:
        profile, data, names = one.profile, one.read(masked=True).filled(np.nan).astype("float32"), one.descriptions
    profile.update(dtype="float32", nodata=math.nan)
    with rasterio.open(target, "w", **profile) as other:
        other.write(spoil(data).astype("float32"))
        other.descriptions = names


def _shifted(data: np.ndarray) -> np.ndarray:
    seen = np.isfinite(data)
    moved = [ndi.shift(np.nan_to_num(band), 0.5, order=3, mode="nearest") for band in data]
    there = [ndi.shift(band.astype("float32"), 0.5, order=1, mode="nearest") > 0.999 for band in seen]
    return np.where(there, moved, np.nan)


def _off(data: np.ndarray) -> np.ndarray:
    gain, offset = (np.resize(values, len(data))[:, None, None] for values in (GAIN, OFFSET))
    return data * gain + offset


SENTINEL_2, LANDSAT = "sentinel-2-l2a", "landsat-8-9-c2-l2"
SUMMER = [(SENTINEL_2, f"2016-{day}", cloud) for day, cloud in (("07-12", 0.2), ("08-11", 0.0), ("09-10", 0.3))]
LATER = [(SENTINEL_2, f"2017-{day}", cloud) for day, cloud in (("07-17", 0.0), ("08-16", 0.3), ("09-15", 0.1))]
WINTER = [(SENTINEL_2, f"2016-{day}", cloud) for day, cloud in (("01-14", 0.0), ("02-13", 0.2), ("03-04", 0.0))]
COARSE = [(LANDSAT, f"2017-{day}", cloud) for day, cloud in (("07-18", 0.0), ("08-03", 0.2), ("09-04", 0.0))]
SIMULATED = {
    "summers": (SUMMER, LATER),
    "winter, summer": (WINTER, LATER),
    "S2, Landsat": (SUMMER, COARSE),
}
"""What is seen of a simulated site: before and after, as sensor, day and cloud cover."""


def simulated_cases(work: Path) -> Iterator[Case]:
    """A factory that grows and a place where nothing is built, each seen in three ways."""
    for number, (name, land) in enumerate((("factory", factory()), ("control", control()))):
        score = referenced(gpd.GeoDataFrame.from_features(truth(land), crs="EPSG:4326")) if land.features else unbuilt
        for title, (before, after) in SIMULATED.items():
            folder = work / f"{name}-{title}".replace(", ", "-").replace(" ", "-")
            items = [
                write_scene(observe(land, _acquisition(*one, 100 * number + i)), folder)
                for i, one in enumerate([*before, *after])
            ]
            catalog = write_catalog(items, folder)
            yield Case(
                name=f"{name}, {title}", find=_running(land, catalog, before, after), score=score, of_scenes=True
            )


def _acquisition(sensor: str, day: str, cloud: float, seed: int) -> Acquisition:
    moment = datetime.fromisoformat(f"{day}T09:36").replace(tzinfo=UTC)
    return Acquisition(sensor=sensor, moment=moment, seed=seed, cloud_cover=cloud)


def _running(
    land: Landscape, catalog: Path, before: list[tuple[str, str, float]], after: list[tuple[str, str, float]]
) -> Callable[[RunConfig], Found]:
    site = Site(site_id=land.name, name=land.name, geometry=footprint(land.geobox))
    windows = [f"{some[0][1]}/{some[-1][1]}" for some in (before, after)]

    def find(config: RunConfig) -> Found:
        (result,) = run([site], catalog=catalog, before=windows[0], after=windows[1], config=config).results
        return result.changes, result.change_map

    return find


def settings() -> Iterator[tuple[str, RunConfig]]:
    """All steps on, and each one off."""
    default = RunConfig()
    yield "", default
    for part in ("prepare", "diff"):
        options = getattr(default, part)
        for option in fields(options):
            value = getattr(options, option.name)
            if value is True:
                other = replace(default, **{part: replace(options, **{option.name: False})})
                yield f"{part}.{option.name}", other


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, help="folder of pairs of rasters")
    parser.add_argument("--faults", action="store_true", help="also spoil the later date of referenced pairs")
    parser.add_argument("--only", nargs="+", default=[""], help="cases whose name starts so")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pairs = pair_cases(given.pairs, Path(folder), faults=given.faults) if given.pairs else iter(())
        cases = [one for one in chain(pairs, simulated_cases(Path(folder))) if one.name.startswith(tuple(given.only))]
        columns = list(settings())
        print("| case | all on | " + " | ".join(f"no `{title}`" for title, _ in columns[1:]) + " |")
        print("|---" * (len(columns) + 1) + "|")
        for case in cases:
            does = [case.of_scenes or title.rpartition(".")[2] in {*OF_PAIRS, ""} for title, _ in columns]
            cells = [
                case.score(case.find(config)) if each else "" for each, (_, config) in zip(does, columns, strict=True)
            ]
            print(f"| {case.name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
