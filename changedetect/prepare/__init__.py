"""From scenes to one clear picture per date, in reflectance."""

from changedetect.prepare.composite import median_composite
from changedetect.prepare.masks import clear_sky, halo_px
from changedetect.prepare.options import PrepareOptions
from changedetect.prepare.units import Units, apply_units, detect_units

__all__ = ["PrepareOptions", "Units", "apply_units", "clear_sky", "detect_units", "halo_px", "median_composite"]
