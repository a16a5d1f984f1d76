"""Items in a stac-geoparquet file (stac-geoparquet 1.0), as catalogs too large for JSON are handed around."""

from pathlib import Path

from changedetect.catalog.acquisitions import Entry
from changedetect.catalog.base import KeptCatalog, read_items, with_absolute_hrefs
from changedetect.catalog.paths import as_base
from changedetect.catalog.raw import mapping, sequence
from changedetect.errors import CatalogError


class GeoparquetCatalog(KeptCatalog):
    """A stac-geoparquet file; its items are read at the first search and kept for the next sites."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        super().__init__(self._all)

    def __repr__(self) -> str:
        return f"GeoparquetCatalog({str(self.path)!r})"

    def _all(self) -> tuple[Entry, ...]:
        import rustac  # noqa: PLC0415 - a large library that few runs need

        try:
            items = sequence(mapping(rustac.read_sync(str(self.path), format="parquet")).get("features"))
        except (rustac.RustacError, OSError, ValueError) as error:
            msg = f"{self.path} can't be read as stac-geoparquet ({error}): write it with rustac or stac-geoparquet"
            raise CatalogError(" ".join(msg.split())) from error
        return read_items((with_absolute_hrefs(mapping(item), as_base(self.path)) for item in items), str(self.path))
