"""From scenes to one clear picture per date, in reflectance."""

from changedetect.prepare.alignment import Alignment
from changedetect.prepare.blocks import padded_places, sample_blocks
from changedetect.prepare.composite import (
    Composites,
    SceneAccount,
    added_up,
    halo_px,
    make_composites,
)
from changedetect.prepare.harmonise import Harmonising, harmonise, harmonising
from changedetect.prepare.mask_models import MaskModel
from changedetect.prepare.masks import clear_sky
from changedetect.prepare.options import PrepareOptions
from changedetect.prepare.registration import LIMIT_PX, fit_alignment
from changedetect.prepare.shadows import clouds_by_shadows, without_clouds
from changedetect.prepare.sharpness import REACH_PX, Sharpness, fit_sharpness, match_sharpness
from changedetect.prepare.shifting import align, shift_halo_px
from changedetect.prepare.units import Units, apply_units, detect_units

__all__ = [
    "LIMIT_PX",
    "REACH_PX",
    "Alignment",
    "Composites",
    "Harmonising",
    "MaskModel",
    "PrepareOptions",
    "SceneAccount",
    "Sharpness",
    "Units",
    "added_up",
    "align",
    "apply_units",
    "clear_sky",
    "clouds_by_shadows",
    "detect_units",
    "fit_alignment",
    "fit_sharpness",
    "halo_px",
    "harmonise",
    "harmonising",
    "make_composites",
    "match_sharpness",
    "padded_places",
    "sample_blocks",
    "shift_halo_px",
    "without_clouds",
]
