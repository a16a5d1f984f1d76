"""Detectors: how strongly each pixel differs between the dates, in multiples of the pair's own noise.

A detector is fitted once on a sample of the whole site and then applied tile by tile, pixel by pixel. Its strength
is 1 at the site's median, so that one threshold means the same everywhere: on heavy-tailed statistics a fixed
multiple of the median is steadier than a histogram threshold such as Otsu's, which follows the outliers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import numpy as np

from changedetect.diff.context import Context
from changedetect.diff.features import Features
from changedetect.diff.irmad import fit_irmad
from changedetect.diff.mixing import squared_length
from changedetect.diff.surprise import fit_surprise
from changedetect.diff.whitened import NOISE_FLOOR, fit_whitened
from changedetect.errors import ConfigError
from changedetect.plugins import plugin_named
from changedetect.types import BoolArray, Float64Array, FloatArray

Strength = Callable[[Features], FloatArray]
"""Features of a tile → (y, x) strength of change, 1 at the site's median; a pure function of each pixel."""

ENTRY_POINTS = "changedetect.detectors"
"""Entry-point group under which other packages register a detector."""


LEAST_MEDIAN = 0.3
"""Least median distance that strength is measured in, in standard deviations of noise."""


_LEAST = 0.01
"""Strengths below this are as good as none."""


class Detector(Protocol):
    """A way to measure change."""

    @property
    def name(self) -> str:
        """Key in `DETECTORS`."""
        ...

    @property
    def changed_at(self) -> float:
        """Strength above which the ground counts as changed in `change_map.tif`."""
        ...

    @property
    def object_at(self) -> float:
        """Strength above which a pixel can belong to a reported object."""
        ...

    def fit(self, sample: Features, no_change: BoolArray) -> Strength:
        """Learn the pair's noise.

        Parameters
        ----------
        sample
            (band, pixel) features with the earlier date normalised onto the later one.
        no_change
            (pixel,) True on the half that changed least.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Whitened:
    """Residual whitened by the noise of each land cover (see `changedetect.diff.whitened`)."""

    name: str = "whitened"
    """Key in `DETECTORS`."""
    changed_at: float = 2.2
    """2.2 times the median residual."""
    object_at: float = 3.1
    """3.1 times: published polygons ask for more than a change map."""
    classes: int = 10
    """Land-cover classes. Five to ten give the same within chance on suburbs; eight to ten do best on Taizhou."""

    def fit(self, sample: Features, no_change: BoolArray) -> Strength:
        """Fit class centres, their noise, and the median residual."""
        whitened = fit_whitened(sample, no_change, classes=self.classes)
        return _in_medians(whitened.distance, sample)


@dataclass(frozen=True, slots=True, kw_only=True)
class RobustCva:
    """Change vector analysis on robust z-scores: the length of the residual in units of each band's own noise.

    Malila (1980), Change vector analysis, Purdue LARS Symposium paper 385; the centre and scale are the median and
    1.4826 times the median absolute deviation (Hampel 1974, doi:10.1080/01621459.1974.10482962).
    """

    name: str = "cva"
    """Key in `DETECTORS`."""
    changed_at: float = 2.2
    """As `Whitened`."""
    object_at: float = 3.1
    """As `Whitened`."""

    def fit(self, sample: Features, no_change: BoolArray) -> Strength:
        """Fit the centre and scale of each band's residual."""
        residual = (sample.after_smooth - sample.before_smooth)[:, no_change]
        centre = np.median(residual, axis=1)
        scale = np.maximum(1.4826 * np.median(np.abs(residual - centre[:, None]), axis=1), NOISE_FLOOR)

        def length(features: Features) -> FloatArray:
            total = np.zeros(features.valid.shape, dtype=np.float32)
            for band in range(len(centre)):
                change = features.after_smooth[band] - features.before_smooth[band]
                total += ((change - centre[band]) / scale[band]) ** 2
            return np.sqrt(total)

        return _in_medians(length, sample)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mad:
    """IR-MAD on the smoothed dates: the root of its chi-square (see `changedetect.diff.irmad`)."""

    name: str = "irmad"
    """Key in `DETECTORS`."""
    changed_at: float = 2.2
    """As `Whitened`."""
    object_at: float = 3.1
    """As `Whitened`."""

    def fit(self, sample: Features, no_change: BoolArray) -> Strength:  # noqa: ARG002 - finds its own no-change
        """Fit the canonical variates."""
        mad = fit_irmad(sample.before_smooth, sample.after_smooth)

        def root_chi_square(features: Features) -> FloatArray:
            chi_square: Float64Array = mad.chi_square(features.before_smooth, features.after_smooth)
            return np.sqrt(chi_square).astype(np.float32)

        return _in_medians(root_chi_square, sample)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrincipalComponents:
    """Principal components of the smoothed residual, each in units of its own noise.

    The leading components of a difference hold what changed, the last ones noise (Fung & LeDrew 1987, Application of
    principal components analysis to change detection, PE&RS 53(12); on smoothed neighbourhoods as Celik 2009,
    doi:10.1109/LGRS.2009.2025059, proposes).
    """

    name: str = "pca"
    """Key in `DETECTORS`."""
    changed_at: float = 2.2
    """As `Whitened`."""
    object_at: float = 3.1
    """As `Whitened`."""
    explained: float = 0.98
    """Share of the variance that the components kept must hold together."""

    def fit(self, sample: Features, no_change: BoolArray) -> Strength:
        """Fit the components on all residuals, and their centre and scale on the unchanged half."""
        residual = (sample.after_smooth - sample.before_smooth).astype(np.float64)
        scale = np.maximum(residual[:, no_change].std(axis=1), NOISE_FLOOR)
        values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(residual / scale[:, None])))
        order = np.argsort(values)[::-1]
        held = np.cumsum(values[order]) / max(float(values.sum()), NOISE_FLOOR)
        kept = order[: int(np.searchsorted(held, self.explained)) + 1]
        axes = (vectors[:, kept] / scale[:, None]).T
        scores = np.array([(axis[:, None] * residual[:, no_change]).sum(axis=0) for axis in axes])
        centre, spread = scores.mean(axis=1), np.maximum(scores.std(axis=1), _LEAST)

        weights, constants = axes / spread[:, None], -centre / spread

        def length(features: Features) -> FloatArray:
            change = features.after_smooth - features.before_smooth
            return np.sqrt(squared_length(change, weights, constants)).astype(np.float32)

        return _in_medians(length, sample)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What neither date and its surroundings foretell of the other, after SiROC (see `changedetect.diff.context`).

    For what stands alone in ground that changed all over, by season, haze or drought. Where most of a neighbourhood was
    built at once, some 300 m and more across, the rest foretells its middle, which goes missing; so do most changes at
    30 m and coarser pixels.
    """

    name: str = "context"
    """Key in `DETECTORS`."""
    changed_at: float = 2.2
    """As `Whitened`."""
    object_at: float = 3.1
    """As `Whitened`."""
    looks_around: bool = True
    """See `looks_around`."""

    def fit(self, sample: Features, no_change: BoolArray) -> Strength:
        """Fit what errors of prediction are usual."""
        surprise = fit_surprise(_context(sample), no_change)
        return _in_medians(lambda features: surprise.distance(_context(features)), sample)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ensemble:
    """Several detectors asked together, the default: the geometric mean of their strengths.

    Each is 1 at the site's median, so they speak one language; the mean of logarithms lets a detector that sees nothing
    speak against one that sees much (logarithmic opinion pool, Genest & Zidek 1986, doi:10.1214/ss/1177013825).
    """

    name: str = "ensemble"
    """Key in `DETECTORS`."""
    changed_at: float = 2.2
    """As `Whitened`."""
    object_at: float = 3.1
    """As `Whitened`."""
    members: tuple[tuple[Detector, float], ...] = ((Whitened(), 3.0), (Mad(), 1.0), (PrincipalComponents(), 1.0))
    """Detectors and their weights: most of the say has the one that knows land covers. On suburbs and their quarters
    one to four times the weight of each other does the same within chance; with less, fields join a simulated hall.
    """

    @property
    def looks_around(self) -> bool:
        """Whether a member does."""
        return any(looks_around(member) for member, _ in self.members)

    def fit(self, sample: Features, no_change: BoolArray) -> Strength:
        """Fit every member."""
        fitted = [(member.fit(sample, no_change), weight) for member, weight in self.members]
        weights = sum(weight for _, weight in fitted)

        def pooled(features: Features) -> FloatArray:
            total = np.zeros(features.valid.shape, dtype=np.float32)
            for strength, weight in fitted:
                total += np.float32(weight / weights) * np.log(np.maximum(strength(features), np.float32(_LEAST)))
            return np.exp(total)

        return _in_medians(pooled, sample, least=_LEAST)


def looks_around(detector: Detector) -> bool:
    """Whether a detector asks for `Features.context`: those that do have a true `looks_around`.

    No attribute of `Detector`, so that those of other packages need not have it.
    """
    return bool(getattr(detector, "looks_around", False))


def _context(features: Features) -> Context:
    if features.context is None:
        msg = "features without context, which the detector looks at: take them with context=True"
        raise ConfigError(msg)
    return features.context


def _in_medians(distance: Strength, sample: Features, least: float = LEAST_MEDIAN) -> Strength:
    # Two dates that differ by less than their own numbers can say (one image twice, at another gain) have no noise to
    # measure by: distances are in units of noise that is never taken for less than half a DN.
    median = max(float(np.median(distance(sample))), least)

    def strength(features: Features) -> FloatArray:
        return np.where(features.valid, distance(features) / np.float32(median), np.nan).astype(np.float32)

    return strength


DETECTORS: Mapping[str, Detector] = MappingProxyType(
    {d.name: d for d in (Whitened(), RobustCva(), Mad(), PrincipalComponents(), Surroundings(), Ensemble())}
)
"""The detectors that ship with the package, by name."""


def detector_named(name: str) -> Detector:
    """Look a detector up: the package's own, then other packages' entry points.

    Raises
    ------
    ConfigError
        No such detector; the message lists those there are.
    """
    if name in DETECTORS:
        return DETECTORS[name]
    plugin: Detector = plugin_named(ENTRY_POINTS, name, DETECTORS, f"unknown detector {name!r}")
    return plugin
