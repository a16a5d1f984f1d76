"""The rivals that `make bench` measures against are what their names say: a weak copy would flatter us."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from changedetect.testing import simulated_pair

SPEC = importlib.util.spec_from_file_location("rivals", Path(__file__).parents[1] / "benchmarks" / "rivals.py")
rivals = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(rivals)
METHODS = pytest.mark.parametrize("name", rivals.RIVALS)


@pytest.fixture(scope="module")
def seen():
    return simulated_pair(4, (96, 96), [(np.s_[20:32, 20:32], "concrete"), (np.s_[60:70, 50:64], "white_roof")])


@METHODS
def test_what_is_built_is_flagged_and_the_rest_is_not(name, seen):
    pair, truth = seen
    noise = np.random.default_rng(1).normal(0, 0.003, pair.before.data.shape).astype(np.float32)
    quiet = np.where(truth, pair.after.data, pair.before.data) + noise  # the fields stay as they were
    mask = rivals.RIVALS[name](replace(pair, after=replace(pair.after, data=quiet)))
    assert mask[truth].mean() > 0.5
    assert mask[~truth].mean() < mask[truth].mean() / 2


@METHODS
def test_nothing_is_flagged_where_a_date_is_unknown(name, seen):
    pair, truth = seen
    valid = pair.valid.copy()
    valid[18:40] = False
    data = np.where(valid, pair.before.data, np.nan).astype(np.float32)
    holed = replace(pair, before=replace(pair.before, valid=valid, data=data))
    mask = rivals.RIVALS[name](holed)
    assert not mask[~valid].any()
    assert mask[truth & valid].any()


@pytest.mark.parametrize("name", [name for name in rivals.RIVALS if not name.startswith("NDBI")])
def test_gain_and_offset_of_a_date_do_not_matter(name, seen):
    pair, _ = seen
    gain = np.linspace(0.7, 1.4, len(pair.bands), dtype=np.float32)[:, None, None]
    other = replace(pair, after=replace(pair.after, data=pair.after.data * gain + np.float32(0.03)))
    method = rivals.RIVALS[name]
    assert (method(other) == method(pair)).mean() > 0.995


def test_without_its_bands_ndbi_says_nothing(seen):
    pair, _ = seen
    rgb = {
        side: replace(getattr(pair, side), bands=pair.bands[:3], data=getattr(pair, side).data[:3])
        for side in ("before", "after")
    }
    assert rivals.ndbi_gain(replace(pair, **rgb)) is None


def test_objects_are_polygons_from_800_m2_on(seen):
    pair, _ = seen
    mask = np.zeros(pair.geobox.shape, dtype=bool)
    mask[2:4, 2:6] = True  # eight pixels of 100 m2: just large enough
    mask[10, 10:17] = True  # seven
    mask[20:30, 20:30] = True
    assert sorted(rivals.objects(mask, pair).area) == [800.0, 10_000.0]
