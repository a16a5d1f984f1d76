"""How many points to label, and in which strata: good practices of Olofsson et al. (2014).

Olofsson, Foody, Herold, Stehman, Woodcock and Wulder, Good practices for estimating area and assessing accuracy of
land change, Remote Sensing of Environment 148, 42-57, doi:10.1016/j.rse.2014.02.015: sections 5.1.1 and 5.1.2.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from changedetect.errors import ConfigError

NO_CHANGE = "none"
"""The stratum of all ground without an object, and the label of a point where nothing happened."""

Allocation = Literal["minimum", "equal", "proportional"]
"""How points are shared out: by area, but no fewer than `minimum` in a rare stratum; alike; by area."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleOptions:
    """How a sample of points is designed."""

    points: int | None = None
    """How many points; None: as many as `target_se` asks for."""
    target_se: float = 0.01
    """Standard error of the overall accuracy to reach, 0-1."""
    allocation: Allocation = "minimum"
    """How points are shared out among strata."""
    minimum: int = 50
    """Fewest points in a stratum, where `allocation` is `minimum`; section 5.1.2 advises 50 to 100."""
    expected: Mapping[str, float] = field(default_factory=dict)
    """User's accuracy that is expected of a stratum; else 0.95 of `none` and 0.7 of others, as in section 5.1.1."""
    seed: int = 0
    """The same seed gives the same points."""

    def __post_init__(self) -> None:
        if self.allocation not in get_args(Allocation):
            msg = f"allocation is {self.allocation!r}: use {', '.join(get_args(Allocation))}"
            raise ConfigError(msg)
        if not 0 < self.target_se < 0.5:
            msg = f"target_se is {self.target_se}: give a standard error between 0 and 0.5, such as 0.01"
            raise ConfigError(msg)
        for name, share in self.expected.items():
            if not 0 <= share <= 1:
                msg = f"expected accuracy of {name!r} is {share}: give a share from 0 to 1"
                raise ConfigError(msg)
        for name, number, least in (("points", self.points, 2), ("minimum", self.minimum, 2), ("seed", self.seed, 0)):
            if number is not None and number < least:
                msg = f"{name} is {number}: give at least {least}"
                raise ConfigError(msg)


def sample_size(shares: Mapping[str, float], options: SampleOptions) -> int:
    """Points that bring the overall accuracy's standard error to `target_se`: eq. 13, for many more pixels than points.

    `shares` are the strata's shares of the area, which add up to 1.

    >>> areas = {"deforestation": 0.020, "gain": 0.015, "forest": 0.320, "none": 0.645}
    >>> sample_size(areas, SampleOptions(expected={"deforestation": 0.7, "gain": 0.6, "forest": 0.9}))
    641
    """
    spread = sum(share * math.sqrt((user := _expected(name, options)) * (1 - user)) for name, share in shares.items())
    return math.ceil((spread / options.target_se) ** 2)


def allocate(shares: Mapping[str, float], points: int, options: SampleOptions) -> dict[str, int]:
    """Share points out among strata; each gets two at least, or its accuracy would have no error.

    Raises
    ------
    ConfigError
        There are too few points.

    Examples
    --------
    >>> allocate({"new": 0.01, "none": 0.99}, 640, SampleOptions())
    {'new': 50, 'none': 590}
    """
    least = options.minimum if options.allocation == "minimum" else 2
    if points < least * len(shares):
        msg = f"{points} points are too few for {len(shares)} strata of at least {least}: ask for {least * len(shares)}"
        raise ConfigError(msg)
    weights = dict.fromkeys(shares, 1.0) if options.allocation == "equal" else dict(shares)
    given: dict[str, int] = {}
    while True:  # strata that would get too few get the least, the others share what is left
        open_ = {name: weight for name, weight in weights.items() if name not in given}
        part = _proportional(open_, points - sum(given.values()))
        short = [name for name, number in part.items() if number < least]
        if not short:
            return {name: given.get(name, part.get(name, 0)) for name in shares}
        given |= dict.fromkeys(short, least)


def _expected(name: str, options: SampleOptions) -> float:
    return options.expected.get(name, 0.95 if name == NO_CHANGE else 0.7)


def _proportional(weights: Mapping[str, float], points: int) -> dict[str, int]:
    """Whole numbers that add up to `points`, by the largest remainder."""
    exact = np.array(list(weights.values())) / sum(weights.values()) * points
    whole = np.floor(exact).astype(int)
    order = np.argsort(whole - exact, kind="stable")
    whole[order[: points - whole.sum()]] += 1
    return dict(zip(weights, whole.tolist(), strict=True))
