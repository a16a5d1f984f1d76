"""A seeded simulator of landscapes and of the satellites that look at them, for tests, documentation and samples.

Ground (`Landscape`, `farmland`, `factory`, `rail_crossing`, `control`) on which things are built on known days
(`Feature`, `truth`) is looked at (`Acquisition`, `observe`) and written as a public catalog would give it
(`write_scene`, `write_catalog`) or as the product that one downloads (`write_safe`, `write_bundle`). `simulated_pair`
skips the files. Everything is a function of its arguments: the same seed gives the same pixels.

>>> from datetime import UTC, datetime
>>> land = farmland("demo", west=500_040, north=5_100_000, epsg=32634, size_m=(240, 240), seed=3)
>>> seen = observe(land, Acquisition(sensor="sentinel-2-l2a", moment=datetime(2023, 7, 1, 9, 36, tzinfo=UTC), seed=1))
>>> seen.bands["red"][0].shape, seen.bands["swir16"][0].shape, seen.qa[0].dtype.name
((24, 24), (12, 12), 'uint8')
"""

from changedetect.testing.farmland import farmland
from changedetect.testing.landscape import Feature, Landscape, truth
from changedetect.testing.pairs import simulated_pair
from changedetect.testing.places import control, factory, rail_crossing
from changedetect.testing.products import write_bundle, write_safe
from changedetect.testing.sensing import Acquisition, observe
from changedetect.testing.stac import write_catalog, write_scene

__all__ = [
    "Acquisition",
    "Feature",
    "Landscape",
    "control",
    "factory",
    "farmland",
    "observe",
    "rail_crossing",
    "simulated_pair",
    "truth",
    "write_bundle",
    "write_catalog",
    "write_safe",
    "write_scene",
]
