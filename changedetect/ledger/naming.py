"""Under which names the changes of a week go: those of alerts that are known, or new ones."""

from collections.abc import Iterable, Mapping
from datetime import date

import geopandas as gpd
import numpy as np
import shapely

from changedetect.ledger.alerts import Alert
from changedetect.ledger.matching import Known, goes_beyond, match
from changedetect.model import Site

_BUILT = frozenset({"construction", "clearing"})


def named(
    changes: gpd.GeoDataFrame, known: Mapping[str, Alert], site: Site
) -> tuple[gpd.GeoDataFrame, Mapping[str, str], set[str]]:
    """Changes under the names of their alerts, or new ones; which alerts merged into which; and which need to be sure.

    Left out is what lies on dismissed ground. Another kind of thing there is told once it is sure.
    """
    crs = gpd.GeoSeries([site.geometry], crs=4326).estimate_utm_crs()
    outlines = list(changes.geometry.to_crs(crs))
    living = {name: alert for name, alert in known.items() if not alert.merged_into}
    grounds = dict(
        zip(living, gpd.GeoSeries([one.geometry for one in living.values()], crs=4326).to_crs(crs), strict=True)
    )
    matches = match(
        outlines,
        list(changes["kind"]),
        [
            Known(
                change_id=name,
                kind=one.kind,
                ground=grounds[name],
                since=date.fromisoformat(one.reported_on),
                dismissed=one.verdict == "dismissed",
            )
            for name, one in living.items()
        ],
    )
    names: list[str | None] = []
    doubted: set[str] = set()
    for own, kind, outline, owner, quiet in zip(
        changes["change_id"], changes["kind"], outlines, matches.owner, matches.dismissed, strict=True
    ):
        if owner is not None:
            names.append(owner)
            continue
        other = quiet is not None and {kind, known[quiet].kind} == _BUILT
        within = quiet is not None and not goes_beyond(outline, grounds[quiet])
        if within and not other:
            names.append(None)
            continue
        names.append(_free_name(str(own), {*known, *filter(None, names)}))
        if within:
            doubted.add(str(names[-1]))
    out = changes.assign(change_id=np.array(names, dtype=object))
    return out[np.array([name is not None for name in names], dtype=bool)], matches.merged, doubted


def _free_name(name: str, taken: Iterable[str]) -> str:
    """The name, numbered where another alert has it."""
    used = set(taken)
    return next(one for one in (name, *(f"{name}-{n}" for n in range(2, 10_000))) if one not in used)


def whole(changes: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """One row an alert: what lies in pieces is put together, numbers are those of the largest."""
    if not changes["change_id"].duplicated().any():
        return changes.reset_index(drop=True)
    ordered = changes.sort_values(["area_m2", "confidence"], ascending=False, kind="stable")
    groups = ordered.groupby("change_id", sort=True)
    out = groups.head(1).set_index("change_id", drop=False)
    out["area_m2"], out["confidence"] = groups["area_m2"].sum(), groups["confidence"].max()
    out["geometry"] = gpd.GeoSeries({name: shapely.union_all(some.geometry.values) for name, some in groups}, crs=4326)
    return gpd.GeoDataFrame(out.reset_index(drop=True), geometry="geometry", crs=4326)
