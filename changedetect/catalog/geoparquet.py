"""Items in a stac-geoparquet file (stac-geoparquet 1.0), as catalogs too large for JSON are handed around."""

from pathlib import Path

from shapely.geometry.base import BaseGeometry

from changedetect.catalog.acquisitions import Entry, merge
from changedetect.catalog.base import Kept, read_items, with_absolute_hrefs, within
from changedetect.catalog.raw import mapping, sequence
from changedetect.errors import CatalogError
from changedetect.model import Scene, Window


class GeoparquetCatalog:
    """A stac-geoparquet file; its items are read at the first search and kept for the next sites."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._kept = Kept(self._read)

    def __repr__(self) -> str:
        return f"GeoparquetCatalog({str(self.path)!r})"

    def search(self, geometry: BaseGeometry, window: Window) -> tuple[Scene, ...]:
        """Give the scenes over `geometry` (lon/lat) acquired in the window, oldest first.

        Raises
        ------
        CatalogError
            The file can't be read or is no stac-geoparquet.
        """
        return merge([self.entries(geometry, window)])

    def entries(self, geometry: BaseGeometry, window: Window) -> tuple[Entry, ...]:
        """Give all that `search` chooses from; `CatalogError` as there."""
        return within(self._kept(), geometry, window)

    def _read(self) -> tuple[Entry, ...]:
        import rustac  # noqa: PLC0415 - a large library that few runs need

        try:
            items = sequence(mapping(rustac.read_sync(str(self.path), format="parquet")).get("features"))
        except (rustac.RustacError, OSError, ValueError) as error:
            msg = f"{self.path} can't be read as stac-geoparquet ({error}): write it with rustac or stac-geoparquet"
            raise CatalogError(" ".join(msg.split())) from error
        return read_items((with_absolute_hrefs(mapping(item), str(self.path)) for item in items), str(self.path))
