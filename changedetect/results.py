"""What a run gives back: results of all sites, in memory, or on disk until they are looked at."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, overload

import geopandas as gpd
import numpy as np
import pandas as pd

from changedetect import display
from changedetect.changes import empty_changes
from changedetect.completion import folder_of, read_back
from changedetect.errors import ConfigError
from changedetect.model import Composite, Pair, SiteResult, sites_frame
from changedetect.outputs.rasters import REFLECTANCE_SCALE
from changedetect.outputs.stores import Folder, Store
from changedetect.report.preview import Preview, open_preview
from changedetect.types import IntArray
from changedetect.wall import unite

if TYPE_CHECKING:
    import folium


class Stored(Sequence[SiteResult]):
    """Results that lie on disk, read when they are looked at."""

    def __init__(self, store: Store, light: Sequence[SiteResult]) -> None:
        self._store = store
        self.light = tuple(light)

    def __len__(self) -> int:
        return len(self.light)

    @overload
    def __getitem__(self, index: int) -> SiteResult: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[SiteResult, ...]: ...
    def __getitem__(self, index: int | slice) -> SiteResult | tuple[SiteResult, ...]:
        if isinstance(index, slice):
            return tuple(read_back(self._store, self.light[index]))
        return self._with_pixels(next(read_back(self._store, [self.light[index]])))

    def __iter__(self) -> Iterator[SiteResult]:
        return read_back(self._store, self.light)

    def _with_pixels(self, result: SiteResult) -> SiteResult:
        """The result with the pixels that its `preview.tif` holds, where it is on this disk."""
        if not isinstance(self._store, Folder):
            return result
        path = self._store.path / folder_of(result.site) / "preview.tif"
        return replace(result, preview=_pair_of(open_preview(path))) if path.exists() else result


def _pair_of(preview: Preview) -> Pair:
    dates = []
    for numbers in preview.cut(preview.whole).values():
        data = numbers / np.float32(REFLECTANCE_SCALE) if preview.calibrated else numbers
        valid = np.asarray(np.isfinite(data).all(axis=0))
        looks: IntArray = valid.astype(np.uint8)
        dates.append(Composite(geobox=preview.geobox, bands=preview.bands, data=data, valid=valid, looks=looks))
    return Pair(before=dates[0], after=dates[1], calibrated=preview.calibrated)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What a run over a list of sites found."""

    results: Sequence[SiteResult]
    """One a site, in the order of the list; without pixels. Where files were written, each is read when looked at."""

    @property
    def changes(self) -> gpd.GeoDataFrame:
        """Changes of all sites, lon/lat."""
        frames = [result.changes for result in unite(self.results) if len(result.changes)]
        return pd.concat(frames, ignore_index=True) if frames else empty_changes()

    @property
    def failed(self) -> tuple[SiteResult, ...]:
        """Sites that could not be compared; each says why in `reason`."""
        return tuple(result for result in self._light if result.status == "failed")

    @property
    def _light(self) -> Sequence[SiteResult]:
        """Results as far as they need no reading."""
        return self.results.light if isinstance(self.results, Stored) else self.results

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

    def explore(self) -> "folium.Map":
        """Show sites and changes on a map to move about; needs folium, mapclassify and matplotlib."""
        return display.explore(self.changes, sites_frame(result.site for result in self._light))

    def _repr_html_(self) -> str:
        rows = [{"site": one.site.site_id, "name": one.site.name, "status": one.status,
                 "changes": one.summary.get("n_changes"), "area_m2": one.summary.get("area_m2"), "reason": one.reason}
                for one in self._light]  # fmt: skip
        return display.table_html(rows)
