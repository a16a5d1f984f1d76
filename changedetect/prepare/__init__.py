"""From scenes to one clear picture per date, in reflectance."""

from changedetect.prepare.alignment import Alignment
from changedetect.prepare.blocks import sample_blocks
from changedetect.prepare.composite import median_composite
from changedetect.prepare.masks import clear_sky, halo_px
from changedetect.prepare.options import PrepareOptions
from changedetect.prepare.registration import LIMIT_PX, fit_alignment
from changedetect.prepare.shifting import align, shift_halo_px
from changedetect.prepare.units import Units, apply_units, detect_units

__all__ = [
    "LIMIT_PX",
    "Alignment",
    "PrepareOptions",
    "Units",
    "align",
    "apply_units",
    "clear_sky",
    "detect_units",
    "fit_alignment",
    "halo_px",
    "median_composite",
    "sample_blocks",
    "shift_halo_px",
]
