"""What else a run can be written as: made from its folder alone, whenever it is wanted.

Adding a format: a function that writes it, a row in `FORMATS`, its name in `types.FormatName`; the tests take it up.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from changedetect.errors import ConfigError
from changedetect.outputs.formats.csv_table import write_csv, write_csv_wkt
from changedetect.outputs.formats.geopackage import write_geopackage
from changedetect.outputs.formats.kml import write_kmz
from changedetect.outputs.formats.published import Published
from changedetect.outputs.formats.smart import write_smart
from changedetect.outputs.formats.stac_items import write_stac
from changedetect.types import FormatName

__all__ = ["FORMATS", "Format", "Published", "Writer", "export", "present"]


class Writer(Protocol):
    """Writes a run to a file or folder, whole or not at all."""

    def __call__(self, published: Published, path: Path) -> None:
        """Write it; `OutputError` where the file system refuses."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One form of a run's outputs."""

    path: str
    """Name of the file or folder in the run's folder."""
    title: str
    """What it is for."""
    write: Writer
    """Makes it."""


FORMATS: Mapping[FormatName, Format] = MappingProxyType(
    {
        "gpkg": Format(path="changes.gpkg", title="GeoPackage, coloured in QGIS", write=write_geopackage),
        "kml": Format(path="changes.kmz", title="KML with pictures and time, for Google Earth", write=write_kmz),
        "stac": Format(path="stac", title="STAC collection with an item a site", write=write_stac),
        "smart": Format(path="smart", title="IARPA SMART region and site models", write=write_smart),
        "csv": Format(path="changes.csv", title="table for spreadsheets", write=write_csv),
        "csv-wkt": Format(path="changes_wkt.csv", title="table with outlines as WKT", write=write_csv_wkt),
    }
)
"""Formats by the name that `--format` takes."""


def present(out: Path) -> list[FormatName]:
    """Formats that an earlier run left in a folder: they are to be written anew, or they would tell of another run."""
    return [name for name, one in FORMATS.items() if (out / one.path).exists()]


def export(out: Path, names: Iterable[str]) -> list[Path]:
    """Write a finished run in other formats, from its folder alone; gives the files and folders that were written.

    The same folder gives the same bytes.

    Raises
    ------
    ConfigError
        There is no such format.
    OutputError
        `out` is not the folder of a run that has ended, or can't be written.
    RasterError
        A site's raster can't be read.
    """
    wanted: list[Format] = []
    for name in names:
        found = next((one for known, one in FORMATS.items() if known == name), None)
        if found is None:
            msg = f"no format {name!r}: choose of {', '.join(FORMATS)}"
            raise ConfigError(msg)
        wanted += [found] if found not in wanted else []
    if not wanted:
        return []
    published = Published(out)
    for one in wanted:
        one.write(published, out / one.path)
    return [out / one.path for one in wanted]
