"""Everything that can be chosen about a run: the stages' own options, composed, and the run file that fills them."""

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from changedetect import config_io
from changedetect.diff import DiffOptions
from changedetect.errors import ConfigError
from changedetect.model import Window
from changedetect.polygons import PolygonOptions
from changedetect.prepare import PrepareOptions
from changedetect.sites import SiteOptions
from changedetect.tiling import TilingOptions
from changedetect.timeline import TimelineOptions
from changedetect.types import FormatName, Kind

PARSERS: Mapping[type, Callable[[str], Any]] = {Window: Window.parse}
"""Types of our own that a run file writes as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchOptions:
    """How sites are watched."""

    baseline: Window | None = None
    """The dates that everything later is compared to, written as before; best a whole year. Kept in the ledger."""
    looks: int = 3
    """Clear looks that the latest picture of a site is made of, at least: three outvote a cloud that was missed."""
    reach_days: int = 180
    """How far back those looks may lie; without enough of them nothing is compared."""
    every_weeks: int = 1
    """Weeks between comparisons, those of the past included."""

    def __post_init__(self) -> None:
        for name in ("looks", "reach_days", "every_weeks"):
            if getattr(self, name) < 1:
                msg = f"watch.{name} is {getattr(self, name)}: give at least 1"
                raise ConfigError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """All options of a run."""

    catalog: tuple[str, ...] = ("earth-search",)
    """Where scenes come from, in order of preference: earth-search, planetary-computer, cdse, the URL of a STAC API, or
    a path (catalog.json, items as .json or .parquet, folder of .SAFE and Landsat products); one, or a list. A path is
    relative to the run file that says it."""
    before: Window | None = None
    """The earlier dates: YYYY-MM-DD/YYYY-MM-DD, YYYY-MM/YYYY-MM or one date."""
    after: Window | None = None
    """The later dates, written the same way."""
    kinds: tuple[Kind, ...] = ("construction", "clearing")
    """Kinds of change to report: construction, clearing, removal, other."""
    min_confidence: float = 0.1
    """Changes of less confidence are not reported; 0 to 1. Below one in ten there is next to nothing real."""
    max_false_alarms_per_100km2: float | None = None
    """Report the surest changes of a site alone, as many as lets expect so few false ones on 100 km2 of compared
    ground, by their confidence; unset: all."""
    overlap_m: float = 500.0
    """Metres that the cells of `run --aoi` look beyond their edges: wider than the largest thing that is built."""
    formats: tuple[FormatName, ...] = ()
    """Other forms of the outputs to write: gpkg, kml, stac, smart, csv, csv-wkt."""
    sites: SiteOptions = field(default_factory=SiteOptions)
    """How the site list is read."""
    tiling: TilingOptions = field(default_factory=TilingOptions)
    """How a site is gridded and cut."""
    prepare: PrepareOptions = field(default_factory=PrepareOptions)
    """How scenes become one clear picture per date."""
    diff: DiffOptions = field(default_factory=DiffOptions)
    """How change is found and told apart."""
    polygons: PolygonOptions = field(default_factory=PolygonOptions)
    """How changed pixels become objects."""
    timeline: TimelineOptions = field(default_factory=TimelineOptions)
    """How changes are dated."""
    watch: WatchOptions = field(default_factory=WatchOptions)
    """How sites are watched."""

    def __post_init__(self) -> None:
        if not self.catalog:
            msg = "no catalog: give at least one, such as earth-search"
            raise ConfigError(msg)
        most = self.max_false_alarms_per_100km2
        if most is not None and not most >= 0:
            msg = f"max_false_alarms_per_100km2 is {most}: give 0 or more, or leave it out"
            raise ConfigError(msg)
        if not 0 <= self.min_confidence <= 1:
            msg = f"min_confidence is {self.min_confidence}: give a number from 0 to 1"
            raise ConfigError(msg)
        if self.before and self.after and self.before.end >= self.after.start:
            msg = f"before ({self.before}) does not end before after ({self.after}) starts: exchange or shorten them"
            raise ConfigError(msg)
        until = self.timeline.until
        if until and self.after and until < self.after.end:
            msg = f"timeline.until is {until}, before the end of after ({self.after.end}): give that day or a later one"
            raise ConfigError(msg)

    def windows(self) -> tuple[Window, Window]:
        """Both windows; `ConfigError` when one is not given."""
        if self.before is None or self.after is None:
            msg = "no dates to compare: give --before A/B and --after A/B, or say them in the run file"
            raise ConfigError(msg)
        return self.before, self.after


def load_config(
    run_file: Path | None = None, assignments: Iterable[str] = (), overrides: Mapping[str, Any] | None = None
) -> RunConfig:
    """Defaults, then the run file, then `--set` assignments, then the command line's own options.

    Raises
    ------
    ConfigError
        The run file can't be read, or an option is unknown or of the wrong type.
    """
    values: dict[str, Any] = {}
    if run_file is not None:
        values = _read_toml(run_file)
        values = _with_catalogs(values, run_file.parent)
        config_io.fill(RunConfig, values, str(run_file), PARSERS)
    for assignment in assignments:
        values = config_io.assign(values, assignment)
    values = _with_catalogs(values)
    values |= {key: value for key, value in (overrides or {}).items() if value is not None}
    return config_io.fill(RunConfig, values, "options", PARSERS)


def _with_catalogs(values: dict[str, Any], folder: Path | None = None) -> dict[str, Any]:
    """Let one catalog be written without brackets, and look for paths in the run file's folder."""
    told = values.get("catalog")
    if isinstance(told, str):
        told = [told]
    if not isinstance(told, list):
        return values
    found = [
        str(folder / one) if folder is not None and isinstance(one, str) and one and (folder / one).exists() else one
        for one in told
    ]
    return values | {"catalog": found}


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"can't read run file {path}: {error.strerror}; check the path"
        raise ConfigError(msg) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"run file {path} is not TOML: {error}; `changedetect config` prints one to start from"
        raise ConfigError(msg) from error
