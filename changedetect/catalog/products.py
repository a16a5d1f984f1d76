"""A folder of products as people download them: Sentinel-2 `.SAFE` and Landsat bundles, packed or not, side by side."""

import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from changedetect.catalog.acquisitions import Entry
from changedetect.catalog.base import KeptCatalog
from changedetect.catalog.bundle import LANDSAT_FILE, LANDSAT_METADATA, landsat_entry, landsat_products
from changedetect.catalog.package import Package, open_package
from changedetect.catalog.safe import safe_entry, safe_products
from changedetect.errors import CatalogError
from changedetect.model import Scene

log = logging.getLogger(__name__)

_LEVELS = 2
"""How deep below the folder given products are looked for."""

_ARCHIVE = re.compile(r".+\.(?:zip|tar|tar\.gz|tgz)", flags=re.IGNORECASE)
_NAMED_ARCHIVE = re.compile(r"(?:S2\w_|L\w\d\d_).+\.(?:zip|tar|tar\.gz|tgz)", flags=re.IGNORECASE)
_SAFE_METADATA = re.compile(r"MTD_MSIL\w\w\.xml", flags=re.IGNORECASE)

_Reader = Callable[[Package, str, str], Entry]


class ProductFolder(KeptCatalog):
    """Downloaded products below a folder, or a single one, of which only the metadata is read.

    A product that can't be read is left out, with a warning that names it and says why. When none can be read a search
    fails.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        super().__init__(lambda: _read_all(self.path))

    def __repr__(self) -> str:
        return f"ProductFolder({str(self.path)!r})"


def looks_like_products(path: Path) -> bool:
    """Whether a path is a product, packed or not, or a folder with products in it; nothing is opened."""
    if path.is_file():
        return any(form.fullmatch(path.name) for form in (_ARCHIVE, _SAFE_METADATA, LANDSAT_METADATA))
    return path.is_dir() and any(place.is_dir() or _NAMED_ARCHIVE.fullmatch(place.name) for place in _places(path))


def scene_of_product(path: Path) -> Scene:
    """Read the one product at a path: a `.SAFE` folder, a Landsat bundle's folder, their archive or metadata file.

    Raises
    ------
    CatalogError
        There is no product, it can't be read, or there are several.
    """
    entries, refused = _products(path.absolute())
    if refused:
        raise refused[0]
    if len(entries) > 1:
        names = ", ".join(entry.scene.scene_id for entry in entries)
        msg = f"{path} holds {len(entries)} products ({names}): name one, by its .SAFE, archive or MTL file"
        raise CatalogError(msg)
    if not entries:
        raise _nothing(path)
    return entries[0].scene


def _read_all(path: Path) -> tuple[Entry, ...]:
    entries, refused = _products(path)
    for error in refused:
        log.warning("left out: %s", error)
    if refused and not entries:
        more = f" ({len(refused) - 1} others neither)" if len(refused) > 1 else ""
        msg = f"no product of {path} can be read: {refused[0]}{more}"
        raise CatalogError(msg) from refused[0]
    if not entries:
        raise _nothing(path)
    return entries


def _nothing(path: Path) -> CatalogError:
    what = "holds no product" if path.exists() else "does not exist"
    msg = f"{path} {what}: give a Sentinel-2 L2A .SAFE, a Landsat C2 L2 bundle, or a folder of such, packed or not"
    return CatalogError(msg)


def _products(path: Path) -> tuple[tuple[Entry, ...], tuple[CatalogError, ...]]:
    """Read every product at or below a path: what they are, and why the others can't be read."""
    entries: list[Entry] = []
    refused: list[CatalogError] = []
    only = LANDSAT_METADATA.fullmatch(path.name) if path.is_file() else None
    for place in sorted(_places(path), key=Path.is_file):  # of equal copies the first is read: unpacked ones are faster
        try:
            package = open_package(place)
        except CatalogError as error:
            refused.append(error)
            continue
        readers: list[tuple[_Reader, str]] = [(safe_entry, root) for root in safe_products(package)]
        readers += [(landsat_entry, stem) for stem in landsat_products(package) if not only or stem == only[1]]
        if not readers:
            log.info("no Sentinel-2 or Landsat product in %s", place)
        for read, name in readers:
            try:
                entries.append(read(package, name, str(path)))
            except CatalogError as error:
                refused.append(error)
    return tuple(entries), tuple(refused)


def _places(path: Path, levels: int = _LEVELS) -> Iterator[Path]:
    """Find folders and archives that seem to hold products, at a path and so many levels below."""
    if path.is_file():
        if _ARCHIVE.fullmatch(path.name):
            yield path
        elif _SAFE_METADATA.fullmatch(path.name) or LANDSAT_METADATA.fullmatch(path.name):
            yield path.parent
        return
    children = _children(path) if path.is_dir() else []
    nested = any(child.suffix.upper() == ".SAFE" for child in children)
    if any(_SAFE_METADATA.fullmatch(child.name) for child in children) or (
        path.suffix.upper() == ".SAFE" and not nested
    ):
        yield path
        return
    if any(LANDSAT_FILE.fullmatch(child.name) for child in children):
        yield path
    for child in children:
        if child.is_dir() and levels:
            yield from _places(child, levels - 1)
        elif child.is_file() and _ARCHIVE.fullmatch(child.name):
            yield child


def _children(folder: Path) -> list[Path]:
    try:
        return sorted(child for child in folder.iterdir() if not child.name.startswith("."))
    except OSError as error:
        log.warning("left out %s: can't be listed (%s)", folder, error.strerror)
        return []
