"""Many sites: each by itself, written as soon as it is done; one that fails costs only itself."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from changedetect import outputs
from changedetect.catalog import Catalog, is_scene, open_catalog, scene_at
from changedetect.completion import complete, light, package_version, read_back
from changedetect.concluding import conclude, run_record, write_together
from changedetect.config import RunConfig
from changedetect.crew import Execution, work_off
from changedetect.errors import PairError
from changedetect.journal import in_words, journal
from changedetect.making import Job, Made, failure, finish, with_journal
from changedetect.model import Site, SiteResult, Window
from changedetect.outputs.stores import open_store
from changedetect.pipeline import compare_rasters, compare_scenes
from changedetect.redaction import redact
from changedetect.results import RunResult, Stored
from changedetect.scouting import Found, scout

logger = logging.getLogger(__name__)

__all__ = ["RunResult", "carried_out", "compare", "refuse", "run", "run_sites", "search"]


def run_sites(
    sites: Iterable[Site],
    catalog: Catalog,
    config: RunConfig,
    out: str | Path | None = None,
    execution: Execution | None = None,
) -> Iterator[SiteResult]:
    """Compare site after site; each one's files are complete in `out` before it is yielded, without its pixels.

    Sites that are complete in `out` are not compared again; see `work_off`, which this is, with changes and provenance.
    """
    store = None if out is None else open_store(out)
    for made in work_off(tuple(sites), config, out, execution, catalog):
        yield made.result if store is None else next(read_back(store, [made.result]))


def refuse(
    refused: Iterable[tuple[Site, str]], out: str | Path | None = None, config: RunConfig | None = None
) -> Iterator[SiteResult]:
    """Results of the rows of a site list that could not be read, written like those of other failed sites."""
    address = None if out is None else str(out)
    job = Job(config=config or RunConfig(), out=address, render=out is not None, version=package_version())
    for site, reason in refused:
        yield failure(site, reason) if out is None else finish(job, failure(site, reason)).result


def carried_out(
    sites: Sequence[Site],
    config: RunConfig,
    out: str | Path | None,
    execution: Execution | None = None,
    catalog: Catalog | None = None,
    *,
    refused: Sequence[SiteResult] = (),
    follow: Callable[[Iterator[Made]], Iterable[Made]] = iter,
) -> list[SiteResult]:
    """Do all sites, write what is said of them together, and give the results in the order of the list.

    Parameters
    ----------
    sites, config, out, execution, catalog
        As for `work_off`.
    refused
        Results of rows that are no sites; they come last.
    follow
        What shows how far it is: takes what is made, and passes it on.

    Raises
    ------
    KeyboardInterrupt
        The user has interrupted; what is done is told, and the error says how much that is. Nobody works on.
    ChangeDetectError
        As `work_off` and `conclude`.
    """
    started, done = datetime.now(UTC), list[SiteResult]()
    try:
        # Closed by hand: an interrupt that comes while one is shown leaves it waiting, and its workers at work.
        with closing(work_off(sites, config, out, execution, catalog)) as made:
            done.extend(one.result for one in follow(made))
    except KeyboardInterrupt:
        if out is None:
            raise
        there = complete_so_far(sites, done, out, config)
        conclude([*there, *refused], out, config, started)
        msg = f"{len(there)} of {len(sites)} sites are done; the same command goes on from there."
        raise KeyboardInterrupt(msg) from None
    results = [*in_order(sites, done), *refused]
    if out is not None:
        conclude(results, out, config, started)
    return results


def complete_so_far(
    sites: Sequence[Site], done: Iterable[SiteResult], out: str | Path, config: RunConfig
) -> list[SiteResult]:
    """Results of a run that was interrupted: of the sites done, and of those that earlier runs left complete."""
    told = {result.site.site_id: result for result in done}
    left = [site for site in sites if site.site_id not in told]
    known = complete(open_store(out), left, config)
    for site in left:
        if site.site_id in known:
            told[site.site_id] = light(site, known[site.site_id])
    return in_order(sites, told.values())


def in_order(sites: Iterable[Site], results: Iterable[SiteResult]) -> list[SiteResult]:
    """Results in the order of the list, whoever was first."""
    told = {result.site.site_id: result for result in results}
    return [told[site.site_id] for site in sites if site.site_id in told]


def run(
    sites: Iterable[Site],
    *,
    catalog: str | Path | Sequence[str | Path] = (),
    before: str | Window | None = None,
    after: str | Window | None = None,
    out: str | Path | None = None,
    config: RunConfig | None = None,
    execution: Execution | None = None,
) -> RunResult:
    """Find what was newly built at a list of sites between two windows.

    Parameters
    ----------
    sites
        From `read_sites`, or built by hand.
    catalog
        Where scenes come from, one or several in order of preference: `earth-search`, `planetary-computer`, `cdse`,
        the URL of a STAC API, or a path. Without any, that of `config`, which is `earth-search` by default.
    before, after
        Windows such as `"2023-05/2023-09"`.
    out
        Folder for the outputs, or an address such as `s3://bucket/prefix` (needs changedetect[remote]); nothing is
        written without one. Sites that are complete there, made with the same options and scenes, stay as they are.
    config
        All other options; `catalog`, `before` and `after` above take precedence over its own.
    execution
        Who does the work; without it this process, site after site.

    Raises
    ------
    ConfigError
        No dates.
    CatalogError
        There is no such catalog.
    WorkerError
        Workers can't be started or reached.
    """
    config, listed = _config(config, catalog, before, after), tuple(sites)
    config.windows()
    scenes = open_catalog(config.catalog)  # a mistake in its name is told at once
    results = carried_out(listed, config, out, execution, scenes, follow=_follow(len(listed), execution))
    return RunResult(results=tuple(results) if out is None else Stored(open_store(out), results))


def _follow(total: int, execution: Execution | None) -> Callable[[Iterator[Made]], Iterable[Made]]:
    """A bar that fills as sites are done, if that is wanted."""
    if execution is None or not execution.progress:
        return iter
    from rich.progress import track  # noqa: PLC0415 - most runs show none

    return partial(track, description="sites", total=total)


def compare(
    before: str | Path, after: str | Path, *, out: str | Path | None = None, config: RunConfig | None = None
) -> SiteResult:
    """Find what was newly built between two rasters or two scenes.

    Parameters
    ----------
    before, after
        Paths or URLs of rasters (bands by description, `blue` or `B02`, ...; any grid and CRS that overlap), of
        products (`.SAFE`, Landsat bundle, packed or not), or of STAC items.
    out
        Folder for the outputs; nothing is written without one.
    config
        Options; catalog and dates are not used.

    Raises
    ------
    ChangeDetectError
        One can't be read, they don't overlap, or their bands can't be matched.
    """
    config, started = config or RunConfig(), datetime.now(UTC)
    kinds = [is_scene(where) for where in (before, after)]
    if kinds[0] != kinds[1]:
        names = [redact(str(where)) for where in (before, after)]
        one, other = names if kinds[0] else names[::-1]
        msg = f"{one} is a scene and {other} a raster: give two of a kind, a scene has more than its pixels"
        raise PairError(msg)
    with journal() as kept:
        if all(kinds):
            result = compare_scenes(scene_at(before), scene_at(after), config)
        else:
            result = compare_rasters(str(before), str(after), config)
    result = with_journal(result, in_words(kept))
    if out is not None:
        outputs.write_site(result, Path(out))
        write_together([result], Path(out), run_record(config, [result], started), config)
    return result


def search(
    sites: Iterable[Site],
    *,
    catalog: str | Path | Sequence[str | Path] = (),
    before: str | Window | None = None,
    after: str | Window | None = None,
    config: RunConfig | None = None,
) -> tuple[Found, ...]:
    """Find the scenes over sites in two windows, and how clear they are there; arguments are those of `run`.

    Sites without scenes give none, with the reason in the log.
    """
    config = _config(config, catalog, before, after)
    found: list[Found] = []
    for scouted in scout(sites, open_catalog(config.catalog), config):
        found += scouted.found
        if scouted.reason:
            logger.warning("%s: %s", scouted.site.site_id, scouted.reason)
    return tuple(found)


def _config(
    config: RunConfig | None,
    catalog: str | Path | Sequence[str | Path],
    before: str | Window | None,
    after: str | Window | None,
) -> RunConfig:
    config = config or RunConfig()
    catalogs = [catalog] if isinstance(catalog, str | Path) else catalog
    return replace(
        config,
        catalog=tuple(map(str, catalogs)) or config.catalog,
        before=_window(before) or config.before,
        after=_window(after) or config.after,
    )


def _window(text: str | Window | None) -> Window | None:
    return Window.parse(text) if isinstance(text, str) else text
