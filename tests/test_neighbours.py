"""Growing and shrinking against scipy."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage as ndi

from changedetect.neighbours import closed, grown, opened, shrunk

MASKS = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9), elements=st.booleans())
CROSS = ndi.generate_binary_structure(2, 1)


@given(MASKS)
def test_all_are_what_scipy_gives(mask):
    np.testing.assert_array_equal(grown(mask), ndi.binary_dilation(mask))
    np.testing.assert_array_equal(shrunk(mask), ndi.binary_erosion(mask, border_value=1))
    np.testing.assert_array_equal(opened(mask), ndi.binary_opening(mask, structure=np.ones((2, 2), bool)))
    # Padded, or scipy's closing eats what touches the border.
    wide = ndi.binary_closing(np.pad(mask, 1, mode="edge"), structure=CROSS)[1:-1, 1:-1]
    np.testing.assert_array_equal(closed(mask), wide | mask)


@given(MASKS)
def test_the_mask_itself_is_left_alone(mask):
    before = mask.copy()
    for work in (grown, shrunk, opened, closed):
        work(mask)
    np.testing.assert_array_equal(mask, before)
