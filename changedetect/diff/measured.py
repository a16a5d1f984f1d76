"""What a tile shows whichever way time is read: computed once for what was built and what is gone."""

from dataclasses import dataclass, replace

from changedetect.diff.features import Features, features_of
from changedetect.diff.indices import Bands
from changedetect.diff.local import filled
from changedetect.diff.radiometry import IndexScale
from changedetect.diff.soil_line import Line, Texture, beside_of, dry_inside, textures_of
from changedetect.grid import mean_pixel_m
from changedetect.model import Composite, Pair
from changedetect.types import BoolArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A tile of a pair, measured."""

    pair: Pair
    """Its pixels."""
    features: Features
    """What detectors look at, not normalised."""
    textures: tuple[Texture, ...]
    """Fine pattern about each soil line."""
    dry: BoolArray
    """(y, x) True inside the valid ground, away from water at either date."""
    beside: BoolArray
    """(y, x) True where only the blur of far stronger structure is seen."""

    def swapped(self) -> "Measured":
        """The same with the dates exchanged."""
        return replace(
            self,
            pair=self.pair.swapped(),
            features=self.features.swapped(),
            textures=tuple(texture.swapped() for texture in self.textures),
        )


def measure(
    pair: Pair, lines: tuple[Line, ...], scales: tuple[IndexScale, IndexScale], *, context: bool = False
) -> Measured:
    """Measure a tile by the soil `lines` and `scales` of its pair, as fitted reading time forward.

    With the `context` of its pixels, if their detector looks around.
    """
    before, after = _sharp(pair.before, scales[0]), _sharp(pair.after, scales[1])
    valid, pixel_m = pair.valid, mean_pixel_m(pair.geobox)
    textures = textures_of((before, after), valid, lines, pixel_m)
    return Measured(
        pair=pair,
        features=features_of(pair, context=context),
        textures=textures,
        dry=dry_inside(before, after, valid),
        beside=beside_of(textures, lines, valid, pixel_m),
    )


def _sharp(composite: Composite, scale: IndexScale) -> Bands:
    return dict(zip(composite.bands, scale.apply(filled(composite.data)), strict=True))
