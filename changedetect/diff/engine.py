"""The diff engine: fit once on a sample of the site, apply tile by tile, decide on the whole.

fit → apply (tiles) → choose_rule (whole) → objects, by `polygons` → evidence (tiles) → judge, by `kinds`
"""

from dataclasses import dataclass

import numpy as np

from changedetect.components import counted, looked_up, numbered
from changedetect.decisions import PASSED
from changedetect.diff.common import Common, common_of
from changedetect.diff.detectors import Detector, Strength, detector_named, looks_around
from changedetect.diff.features import Features, halo_px
from changedetect.diff.gates import GREEN_LIMIT, JUDGED_BANDS, GreenScale, fit_green_scale, not_green_or_wet
from changedetect.diff.indices import Bands, ndvi
from changedetect.diff.measured import Measured
from changedetect.diff.options import DiffOptions
from changedetect.diff.radiometry import (
    BandRadiometry,
    IndexScale,
    Normalisation,
    describe,
    fit_normalisation,
)
from changedetect.diff.soil_line import GREENEST_NDVI, Line, Structure, structure_halo_px, structure_of
from changedetect.errors import PairError
from changedetect.model import UNKNOWN
from changedetect.types import BoolArray, IntArray

LEAST_SAMPLE_PX = 400
"""Fewer pixels in common can't define the noise of six bands."""
SETTLED_CORRELATION = 0.60
"""Median rank correlation of the bands between the dates that settled ground has."""
SETTLED_PURITY = 0.60
"""Share of the strongly changed ground that passes the gates, on settled ground: in a suburb nearly all that changes
is construction, among fields nearly nothing is."""
RESTLESS = 0.85
"""Settledness below which the restless rule stands alone; up to 1 the settled rule comes in by and by, so that two
crops of one scene give nearly the same."""
TYPICAL = 1.0
"""Strength of change at the site's median: new structure must at least have changed more than half of the site."""
WITNESS_SHARE = 0.3
"""On ground that is restless altogether, an object of the settled rule joins whole when this share of it has new
structure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """Everything learnt from the sample; small, and enough to judge any tile of the site."""

    normalisation: Normalisation
    """Earlier date → radiometry of the later one."""
    radiometry: tuple[BandRadiometry, ...]
    """The same told band by band, with what difference it leaves on unchanged ground."""
    strength: Strength
    """The detector, fitted."""
    looks_around: bool
    """Whether it asks for `Features.context`."""
    changed_at: float
    """Strength that counts as changed."""
    object_at: float
    """Strength of a reported object's pixels."""
    scales: tuple[IndexScale, IndexScale]
    """What makes each date's numbers reflectance, for indices: earlier, later."""
    green: GreenScale | None
    """What is green here; None without NIR and red."""
    lines: tuple[Line, ...]
    """Soil lines; empty without blue and red."""
    correlation: float
    """Median over the bands of the rank correlation between the dates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """What is known of each pixel, (y, x) each."""

    passed: IntArray
    """uint8: sum of the `PASSED` of those below that are true; one byte a pixel, for it is kept of the whole site."""

    @classmethod
    def of(
        cls,
        *,
        changed: IntArray,
        strong: BoolArray,
        candidate: BoolArray,
        structured: BoolArray,
        barren: BoolArray,
        beside: BoolArray,
    ) -> "Layers":
        """Put planes together; each is what the property of its name gives back."""
        planes = {"seen": changed != UNKNOWN, "changed": changed == 1, "strong": strong, "candidate": candidate}
        passed = np.zeros(changed.shape, dtype=np.uint8)
        for name, plane in (planes | {"structured": structured, "barren": barren, "beside": beside}).items():
            passed |= np.multiply(plane, np.uint8(PASSED[name]), dtype=np.uint8)
        return cls(passed=passed)

    @property
    def known(self) -> BoolArray:
        """Seen at both dates."""
        return self._where("seen")

    @property
    def changed(self) -> IntArray:
        """uint8: 1 changed, 0 not, 255 unknown."""
        table = np.full(256, UNKNOWN, dtype=np.uint8)
        for value in range(256):
            if value & PASSED["seen"]:
                table[value] = bool(value & PASSED["changed"])
        return looked_up(self.passed, table)

    @property
    def strong(self) -> BoolArray:
        """Changed strongly enough for an object, whatever it is."""
        return self._where("strong")

    @property
    def candidate(self) -> BoolArray:
        """`strong`, and neither green nor wet afterwards."""
        return self._where("candidate")

    @property
    def structured(self) -> BoolArray:
        """Has new fine structure that soil does not make."""
        return self._where("structured")

    @property
    def barren(self) -> BoolArray:
        """Barren enough afterwards for something built."""
        return self._where("barren")

    @property
    def beside(self) -> BoolArray:
        """Shows the blur of much stronger structure near it, and nothing else."""
        return self._where("beside")

    def _where(self, name: str) -> BoolArray:
        out = np.bitwise_and(self.passed, np.uint8(PASSED[name]))
        return np.asarray(np.not_equal(out, 0, out=out.view(bool)))


def needs_context(options: DiffOptions) -> bool:
    """Whether the detector of these options looks around, beyond each pixel's own neighbours.

    Raises
    ------
    ConfigError
        An unknown detector.
    """
    return looks_around(detector_named(options.detector))


def engine_halo_px(pixel_m: float, options: DiffOptions) -> int:
    """Pixels a tile must be read beyond what it owns, for `apply` and `evidence` to be exact.

    Raises
    ------
    ConfigError
        An unknown detector.
    """
    return max(halo_px(pixel_m, context=needs_context(options)), structure_halo_px(pixel_m))


def fit(sample: Features, options: DiffOptions, *, calibrated: bool) -> Fitted:
    """Learn radiometry, noise, vegetation and soil of a pair from a (band, pixel) sample of valid pixels.

    Raises
    ------
    PairError
        Too few pixels that both dates see.
    ConfigError
        An unknown detector.
    """
    return fit_both_ways(sample, options, calibrated=calibrated)[0]


def fit_both_ways(sample: Features, options: DiffOptions, *, calibrated: bool) -> tuple[Fitted, Fitted]:
    """The same with time read forward and backward; the second is what `fit` gives of `sample.swapped()`."""
    count = sample.before.shape[1]
    if count < LEAST_SAMPLE_PX:
        msg = f"only {count} pixels are clear at both dates, fewer than {LEAST_SAMPLE_PX}: widen a window or the site"
        raise PairError(msg)
    detector, common = detector_named(options.detector), common_of(sample, calibrated=calibrated)
    return (
        _fit(sample, common, detector, options, calibrated=calibrated),
        _fit(sample.swapped(), common.swapped(), detector, options, calibrated=calibrated),
    )


def _fit(sample: Features, common: Common, detector: Detector, options: DiffOptions, *, calibrated: bool) -> Fitted:
    no_change = common.no_change
    normalisation = fit_normalisation(sample.before, sample.after, no_change)
    normalised = sample.normalised(normalisation)
    _, after = normalised.reflectance(common.scales[1], JUDGED_BANDS)
    return Fitted(
        normalisation=normalisation,
        radiometry=describe(
            normalisation,
            (sample.before[:, no_change], sample.after[:, no_change]),
            (sample.before_smooth[:, no_change], sample.after_smooth[:, no_change]),
            sample.bands,
            common.scales[1].gain,
        ),
        strength=detector.fit(normalised, no_change),
        looks_around=looks_around(detector),
        changed_at=options.changed_at or detector.changed_at,
        object_at=options.object_at or detector.object_at,
        scales=common.scales,
        green=fit_green_scale(after, no_change, calibrated=calibrated),
        lines=common.lines,
        correlation=common.correlation,
    )


def apply(fitted: Fitted, measured: Measured) -> Layers:
    """Judge every pixel of a tile; exact where `engine_halo_px` of it lie around a pixel, or the site ends."""
    features = measured.features.normalised(fitted.normalisation)
    before, after = features.reflectance(fitted.scales[1], JUDGED_BANDS)
    strength = fitted.strength(features)
    barren = barren_of(fitted, after)
    with np.errstate(invalid="ignore"):
        changed = np.where(features.valid, strength > fitted.changed_at, UNKNOWN).astype(np.uint8)
        strong = strength > fitted.object_at
        more = strength > TYPICAL
    return Layers.of(
        changed=changed,
        strong=strong,
        candidate=strong & not_green_or_wet(before, after, fitted.green),
        structured=(structure(fitted, measured, barren).strength > 1) & more,
        barren=barren,
        beside=measured.beside,
    )


def structure(fitted: Fitted, measured: Measured, barren: BoolArray) -> Structure:
    """Evidence of new structure on a tile, nowhere where the bands can't tell nor where it is not `barren`."""
    return structure_of(measured.textures, fitted.lines, measured.features.valid, measured.dry & barren)


def barren_of(fitted: Fitted, after: Bands) -> BoolArray:
    """(...) True where smoothed reflectance is barren enough for something built; everywhere without NIR and red."""
    if fitted.green is None:
        return np.ones(next(iter(after.values())).shape, dtype=bool)
    green = ndvi(after)
    # Bare by any measure, or bare for this site: in a lush forest even a new road is half green.
    return np.asarray((green < GREENEST_NDVI) | (fitted.green.greenness(green) < GREEN_LIMIT))


def purity(layers: Layers) -> float:
    """Share of the strongly changed ground that is neither green nor wet afterwards; 1 where nothing changed."""
    strong = np.count_nonzero(layers.strong)
    return np.count_nonzero(layers.candidate) / strong if strong else 1.0


def settledness(fitted: Fitted, layers: Layers, options: DiffOptions) -> float:
    """How settled the ground is: 1 for the settled rule alone, 0 to 1 for the other; see `DiffOptions.rule`.

    The geometric mean of how far the two marks of settled ground are reached; neither makes up for the other.
    """
    if options.rule != "auto":
        return 1.0 if options.rule == "settled" else 0.0
    if not fitted.lines:
        return 1.0
    alike, pure = max(fitted.correlation, 0) / SETTLED_CORRELATION, purity(layers) / SETTLED_PURITY
    return float(np.sqrt(min(alike, 1) * min(pure, 1)))


def trust_in_change(settledness: float) -> float:
    """How far strong change speaks for construction by itself: 1 on settled ground, 0 below `RESTLESS`."""
    return min(max((settledness - RESTLESS) / (1 - RESTLESS), 0), 1)


def with_witnesses(structured: BoolArray, candidates: BoolArray, settledness: float) -> BoolArray:
    """New structure, and the whole of every settled-rule object that enough of it covers.

    That is `WITNESS_SHARE` of the object where settledness is below `RESTLESS`, and nothing where it is 1.
    """
    labels = numbered(candidates)
    share = WITNESS_SHARE * (1 - trust_in_change(settledness))
    joins = counted(labels, structured) >= share * counted(labels)
    joins[0] = False
    joined = looked_up(labels, joins)
    joined |= structured
    return joined
