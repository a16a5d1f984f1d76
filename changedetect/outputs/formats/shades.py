"""How a change looks on a map: its kind is the colour, its confidence how solid it is."""

from collections.abc import Iterator
from dataclasses import dataclass

from changedetect.model import KIND_CODES
from changedetect.stretching import COLOURS
from changedetect.types import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Shade:
    """Colours of one kind at one class of confidence."""

    kind: Kind
    """A kind of change."""
    least: float
    """Lowest confidence of the class."""
    below: float
    """Confidence that the class stays below."""
    label: str
    """What a legend calls the class."""
    rgb: tuple[int, int, int]
    """Red, green and blue, 0-255; told apart by the colour-blind (see `stretching.COLOURS`)."""
    fill: int
    """Opacity of the inside, 0-255."""
    dashed: bool
    """Whether the outline is dashed: classes differ without colour, too."""

    @property
    def name(self) -> str:
        """A name for files: `construction-0.8`."""
        return f"{self.kind}-{self.least:g}"


_CLASSES = ((0.8, 1.01, 150, False), (0.5, 0.8, 90, False), (0.0, 0.5, 40, True))
"""Lowest confidence, limit, opacity of the inside, and whether the outline is dashed. Confidence is calibrated: of the
first class eight in ten or more are real, of the last fewer than half."""


def shades() -> Iterator[Shade]:
    """Every kind, and every class of confidence of each, the surest first."""
    for kind in KIND_CODES:
        rgb = tuple(int(COLOURS[kind][at : at + 2], 16) for at in (1, 3, 5))
        for least, below, fill, dashed in _CLASSES:
            label = f"{least:g} and more" if below > 1 else f"{least:g} to {below:g}" if least else f"below {below:g}"
            yield Shade(
                kind=kind,
                least=least,
                below=below,
                label=label,
                rgb=(rgb[0], rgb[1], rgb[2]),
                fill=fill,
                dashed=dashed,
            )


def shade_of(kind: str, confidence: float) -> Shade:
    """The shade of a change; one of unknown kind looks like `other`, one of unknown confidence like the least sure.

    >>> shade_of("clearing", 0.55).name
    'clearing-0.5'
    """
    known = kind if kind in KIND_CODES else "other"
    mine = [shade for shade in shades() if shade.kind == known]
    return next((shade for shade in mine if confidence >= shade.least), mine[-1])
