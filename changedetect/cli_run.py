"""The work of `changedetect run`, between the options of the command line and the batch."""

from functools import partial
from pathlib import Path

from changedetect import batch, console
from changedetect.config import RunConfig
from changedetect.crew import Execution
from changedetect.errors import ConfigError
from changedetect.sites import SiteList
from changedetect.wall import cells as cells_of
from changedetect.wall import parse_length_m, read_area
from changedetect.workers import usual_workers


def execution(workers: int | None, scheduler: str | None, *, fresh: bool) -> Execution:
    """Who does the work: a process a core unless told otherwise; a site that kills its process costs only itself.

    Where there is but one core, this process does it.

    Raises
    ------
    ConfigError
        Workers and a scheduler are both given.
    """
    if scheduler is None and workers is None:
        usual = usual_workers()
        workers = usual if usual > 1 else None
    return Execution(workers=workers, scheduler=scheduler, fresh=fresh)


def given(sites: Path | None) -> Path:
    """The list of sites; `ConfigError` when there is none."""
    if sites is None:
        msg = "nothing to look at: give SITES, or --aoi AREA --grid 10km"
        raise ConfigError(msg)
    return sites


def cells(sites: Path | None, aoi: Path | None, grid: str, options: RunConfig) -> SiteList | None:
    """The cells of an area; None where none is given.

    Raises
    ------
    ConfigError
        A list is given, too, or `grid` is no length.
    SiteListError
        The area can't be read.
    """
    if aoi is None:
        return None
    if sites is not None:
        msg = f"SITES ({sites}) and --aoi ({aoi}) are both given: give one of them"
        raise ConfigError(msg)
    return SiteList(sites=cells_of(read_area(aoi), parse_length_m(grid), options.overlap_m), refused=())


def run(listed: SiteList, options: RunConfig, out: str, how: Execution) -> bool:
    """Run, show what was found, and say whether a site failed.

    Raises
    ------
    ChangeDetectError
        Nothing can go on.
    SystemExit
        The user has interrupted: with the words for it, once what is said of all sites is written for those done.
    """
    refused = list(batch.refuse(listed.refused, out, options))
    follow = partial(console.follow, total=len(listed.sites))
    try:
        results = batch.carried_out(listed.sites, options, out, how, refused=refused, follow=follow)
    except KeyboardInterrupt as stop:
        told = f"Interrupted: {stop}"
        raise SystemExit(told) from None
    console.show_results(results, out)
    return any(result.status == "failed" for result in results)
