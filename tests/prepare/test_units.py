import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prepare_cases import GRID, composite

from changedetect.errors import PairError
from changedetect.model import Pair
from changedetect.prepare import apply_units, detect_units

RANDOM = np.random.default_rng(5)
REFLECTANCE = RANDOM.gamma(3, 0.05, (2, *GRID.shape)).astype(np.float32)
SCALED = (REFLECTANCE * 10_000).astype(np.float32)
NUMBERS_8BIT = RANDOM.integers(20, 255, (2, *GRID.shape)).astype(np.float32)
KINDS = {"reflectance": (REFLECTANCE, 1.0), "scaled": (SCALED, 10_000.0), "8 bit": (NUMBERS_8BIT, None)}


@pytest.mark.parametrize("before", KINDS)
@pytest.mark.parametrize("after", KINDS)
def test_units_are_told_by_values_and_one_unknown_date_makes_the_pair_so(before, after):
    units = detect_units(KINDS[before][0].ravel(), KINDS[after][0].ravel())
    divisors = (KINDS[before][1], KINDS[after][1])
    if None in divisors:
        assert (units.before_divisor, units.after_divisor, units.calibrated) == (1, 1, False)
    else:
        assert (units.before_divisor, units.after_divisor, units.calibrated) == (*divisors, True)


def test_mixed_units_meet_in_reflectance():
    pair = Pair(before=composite(SCALED), after=composite(REFLECTANCE))
    made = apply_units(pair, detect_units(SCALED.ravel(), REFLECTANCE.ravel()))
    assert made.calibrated
    assert made.before.data.dtype == np.float32
    np.testing.assert_allclose(made.before.data, REFLECTANCE, rtol=1e-5)
    np.testing.assert_array_equal(made.after.data, REFLECTANCE)


def test_unknown_units_leave_the_numbers_alone():
    data = NUMBERS_8BIT.copy()
    data[:, 3, 4] = np.nan
    pair = Pair(before=composite(data), after=composite(NUMBERS_8BIT))
    made = apply_units(pair, detect_units(data[np.isfinite(data)], NUMBERS_8BIT.ravel()))
    assert not made.calibrated
    np.testing.assert_array_equal(made.before.data, data)


def test_a_few_glints_do_not_decide():
    glinting = REFLECTANCE.ravel().copy()
    glinting[:20] = 9000
    assert detect_units(glinting, REFLECTANCE.ravel()).calibrated


@given(st.floats(0.05, 1.9), st.floats(0.05, 1.9))
@settings(max_examples=30, deadline=None)
def test_any_reflectance_scaled_or_not_is_found(bright, dark):
    before, after = REFLECTANCE.ravel() / REFLECTANCE.max() * bright, SCALED.ravel() / SCALED.max() * dark * 10_000
    units = detect_units(before, after)
    assert units.calibrated
    assert (units.before_divisor, units.after_divisor) == (1, 10_000)


@pytest.mark.parametrize("date", ["before", "after"])
def test_a_date_without_values_is_named(date):
    values = {"before": REFLECTANCE.ravel(), "after": REFLECTANCE.ravel(), date: np.empty(0, dtype=np.float32)}
    with pytest.raises(PairError, match=f"{date} has no valid pixel"):
        detect_units(values["before"], values["after"])
