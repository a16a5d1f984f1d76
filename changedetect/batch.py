"""Many sites: each by itself, written as soon as it is done; one that fails costs only itself."""

import logging
import platform
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from changedetect import outputs
from changedetect.catalog import Catalog, is_scene, open_catalog, scene_at
from changedetect.changes import empty_changes
from changedetect.config import RunConfig
from changedetect.errors import ChangeDetectError, ConfigError, PairError
from changedetect.journal import in_words, journal
from changedetect.model import Site, SiteResult, Window
from changedetect.pipeline import compare_rasters, compare_scenes, run_site
from changedetect.redaction import redact
from changedetect.scouting import Found, scout

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What a run over a list of sites found."""

    results: tuple[SiteResult, ...]
    """One a site, in the order of the list; without pixels."""

    @property
    def changes(self) -> gpd.GeoDataFrame:
        """Changes of all sites, lon/lat."""
        frames = [result.changes for result in self.results if len(result.changes)]
        return pd.concat(frames, ignore_index=True) if frames else empty_changes()

    @property
    def failed(self) -> tuple[SiteResult, ...]:
        """Sites that could not be compared; each says why in `reason`."""
        return tuple(result for result in self.results if result.status == "failed")

    def timeline(self, change_id: str) -> pd.DataFrame:
        """Give the looks by which a change of any site was dated; see `SiteResult.timeline`.

        Raises
        ------
        ConfigError
            There is no such change, or it was not dated.
        """
        for result in self.results:
            if change_id in set(result.changes["change_id"]):
                return result.timeline(change_id)
        msg = f"no change {change_id!r} among {len(self.changes)}: see `change_id` in `changes`"
        raise ConfigError(msg)


def run_sites(
    sites: Iterable[Site], catalog: Catalog, config: RunConfig, out: Path | None = None
) -> Iterator[SiteResult]:
    """Compare site after site; each one's files are complete in `out` before it is yielded, without its pixels."""
    for site in sites:
        started = time.perf_counter()
        with journal() as kept:
            result = _run_or_fail(site, catalog, config)
        result = _with_journal(result, in_words(kept), seconds=round(time.perf_counter() - started, 3))
        if out is not None:
            outputs.write_site(result, out)
        yield replace(result, preview=None, change_map=None)


def _with_journal(result: SiteResult, worked_around: str, **more: float) -> SiteResult:
    told = {"worked_around": worked_around}
    return replace(
        result,
        summary={**result.summary, **told, **more},
        provenance={**result.provenance, **told} if result.provenance else {},
    )


def _run_or_fail(site: Site, catalog: Catalog, config: RunConfig) -> SiteResult:
    try:
        return run_site(site, catalog, config)
    except ConfigError:
        # Wrong for every site: nothing to go on with.
        raise
    except ChangeDetectError as error:
        return failure(site, str(error))
    except Exception as error:
        # A bug of ours, or a file that no one foresaw: it must not cost the other sites, nor be hushed up.
        logger.exception("site %s: unexpected error, please report it", site.site_id)
        return failure(site, f"unexpected {type(error).__name__}: {error}")


def refuse(refused: Iterable[tuple[Site, str]], out: Path | None = None) -> Iterator[SiteResult]:
    """Results of the rows of a site list that could not be read, written like those of other failed sites."""
    for site, reason in refused:
        result = failure(site, reason)
        if out is not None:
            outputs.write_site(result, out)
        yield result


def failure(site: Site, reason: str) -> SiteResult:
    """The result of a site that could not be compared."""
    return SiteResult(site=site, status="failed", reason=" ".join(reason.split()), changes=empty_changes())


def run(
    sites: Iterable[Site],
    *,
    catalog: str | Path | Sequence[str | Path] = (),
    before: str | Window | None = None,
    after: str | Window | None = None,
    out: str | Path | None = None,
    config: RunConfig | None = None,
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
        Folder for the outputs; nothing is written without one.
    config
        All other options; `catalog`, `before` and `after` above take precedence over its own.

    Raises
    ------
    ConfigError
        No dates.
    CatalogError
        There is no such catalog.
    """
    config = _config(config, catalog, before, after)
    folder = Path(out) if out is not None else None
    started = datetime.now(UTC)
    results = tuple(run_sites(sites, open_catalog(config.catalog), config, folder))
    if folder is not None:
        outputs.write_run(results, folder, run_record(config, results, started))
    return RunResult(results=results)


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
    result = _with_journal(result, in_words(kept))
    if out is not None:
        outputs.write_site(result, Path(out))
        outputs.write_run([result], Path(out), run_record(config, [result], started))
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


def run_record(config: RunConfig, results: Iterable[SiteResult], started: datetime) -> Mapping[str, Any]:
    """What `run.json` says: versions, options, scenes and decisions, timings."""
    packages = ("changedetect", "numpy", "scipy", "scikit-image", "rasterio", "shapely", "geopandas")
    return {
        "started": started.isoformat(timespec="seconds"),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
        "options": _plain(asdict(config)),
        "sites": {
            result.site.site_id: {
                "status": result.status,
                "reason": result.reason,
                "seconds": result.summary.get("seconds"),
                "worked_around": result.summary.get("worked_around", ""),
                **{date: result.provenance.get(date) for date in ("before", "after")},
            }
            for result in results
        },
    }


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as JSON: windows as the text they are written in."""
    plain: dict[str, Any] = {}
    for name, value in options.items():
        is_window = isinstance(value, Mapping) and set(value) == {"start", "end"}
        if is_window:
            plain[name] = str(Window(**value))
        else:
            plain[name] = _plain(value) if isinstance(value, Mapping) else value
    return plain


def _window(text: str | Window | None) -> Window | None:
    return Window.parse(text) if isinstance(text, str) else text
