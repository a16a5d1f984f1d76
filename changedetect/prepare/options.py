"""What a user can choose about masks and composites."""

from dataclasses import dataclass
from typing import Literal

from changedetect.errors import ConfigError

CompositeName = Literal["median", "medoid", "least-cloudy", "recent"]
"""Ways to make one picture of a window; see `changedetect.prepare.composite`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareOptions:
    """How scenes become one clear picture per date."""

    cloud_dilation_m: float = 60.0
    """How far clouds and their shadows are grown: quality bands miss thin edges. Fmask grows by three pixels of 20 or
    30 m (Zhu & Woodcock 2012, doi:10.1016/j.rse.2011.10.028)."""
    max_cloud_cover: float = 100.0
    """Scenes with more cloud, percent of the whole scene, are left out; the site itself may well be clear."""
    looks: int = 7
    """Clear looks sought for every pixel of a window: the clearest scenes are read until it has them. The median of
    seven is right though three of them show a missed cloud."""
    register: bool = True
    """Whether the dates are laid over each other where that provably helps."""
    match_sharpness: bool = True
    """Whether the sharper date is blurred where the dates clearly differ in sharpness."""
    min_looks: int = 1
    """Clear looks that a pixel needs in a window to be used."""
    composite: CompositeName = "median"
    """One picture of a window's clear looks: median (band by band), medoid (the look nearest to the median: bands of
    one day), least-cloudy (of the scene with least cloud), recent (of the latest scene)."""
    reject_outliers: bool = True
    """Leave out looks that stand out from the window's others as missed clouds, haze and shadows do."""
    keep_roofs: bool = True
    """Use ground that quality bands call cloud where it is the same bright, hard-edged thing on most dates: a roof."""
    harmonise: bool = True
    """Bring Sentinel-2 to the bands of Landsat 8/9 where a site is seen by both."""
    find_clouds: bool = True
    """In rasters, which come without a mask, leave out clouds that their shadows give away."""
    mask_model: str = ""
    """A cloud mask that is joined to the quality bands: ukis-csmask, ukis-csmask-4 (for sites without swir; both need
    pip install changedetect[masks]), or a plug-in's name; empty: none."""

    def __post_init__(self) -> None:
        if not 0 <= self.cloud_dilation_m <= 2000:
            msg = f"prepare.cloud_dilation_m is {self.cloud_dilation_m}: give metres from 0 to 2000"
            raise ConfigError(msg)
        if not 0 <= self.max_cloud_cover <= 100:
            msg = f"prepare.max_cloud_cover is {self.max_cloud_cover}: give a percentage from 0 to 100"
            raise ConfigError(msg)
        if self.looks < 1:
            msg = f"prepare.looks is {self.looks}: give at least 1"
            raise ConfigError(msg)
        if self.min_looks < 1:
            msg = f"prepare.min_looks is {self.min_looks}: give at least 1"
            raise ConfigError(msg)
