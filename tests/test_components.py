"""Parts of masks, strip by strip: whatever scipy and numpy say of the whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage as ndi

from changedetect import components
from changedetect.components import counted, large, looked_up, numbered, shared


@pytest.fixture(autouse=True, scope="module")
def narrow():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(components, "STRIP_ROWS", 7)
        yield


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 30), st.floats(0, 1))
def test_numbers_are_those_of_scipy(seed, height, width, density):
    mask = np.random.default_rng(seed).random((height, width)) < density
    expected, count = ndi.label(mask)
    labels = numbered(mask)
    np.testing.assert_array_equal(labels, expected)
    np.testing.assert_array_equal(counted(labels), np.bincount(expected.ravel(), minlength=count + 1))


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 30), st.floats(0, 1))
def test_large_parts_are_those_of_many_pixels(seed, height, width, density):
    mask = np.random.default_rng(seed).random((height, width)) < density
    labels, _ = ndi.label(mask)
    sizes = np.bincount(labels.ravel())
    for least in (1, 2, 5):
        np.testing.assert_array_equal(large(mask, least), mask & (sizes[labels] >= least))


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 30), st.floats(0, 1))
def test_of_large_parts_some_pixels_may_count_alone(seed, height, width, density):
    mask, where = np.random.default_rng(seed).random((2, height, width)) < density
    labels, _ = ndi.label(mask)
    sizes = np.bincount(labels[where], minlength=labels.max() + 1)
    for least in (1, 3):
        np.testing.assert_array_equal(large(mask, least, where), mask & (sizes[labels] >= least))


def test_one_part_that_winds_through_all_strips_has_one_number():
    mask = np.zeros((40, 9), dtype=bool)
    mask[:, ::2] = True
    mask[39, :] = True
    mask[0, 8] = False
    assert set(np.unique(numbered(mask))) == {0, 1}


def test_more_parts_than_sixteen_bits_hold_are_numbered_in_more():
    mask = np.zeros((600, 600), dtype=bool)
    mask[::2, ::2] = True
    assert numbered(mask).dtype == np.uint32
    assert numbered(mask).max() == 90_000
    assert numbered(mask[:300]).dtype == np.uint16


def test_sums_over_parts():
    rng = np.random.default_rng(3)
    labels, others = rng.integers(0, 5, (30, 11)), rng.integers(0, 4, (30, 11)).astype(np.uint16)
    where = rng.random((30, 11)) < 0.5
    meant = np.array([False, True, False, True])
    assert counted(labels, where).tolist() == [int((where & (labels == n)).sum()) for n in range(5)]
    on = np.isin(others, [1, 3])
    assert shared(labels, others, meant).tolist() == [int((on & (labels == n)).sum()) for n in range(5)]
    np.testing.assert_array_equal(looked_up(others, meant), on)


def test_there_may_be_nothing():
    labels = numbered(np.zeros((9, 4), dtype=bool))
    assert labels.max() == 0
    assert counted(labels).tolist() == [36]
