"""Products as they lie on disk: a folder, a zip or a tar, and how files inside are listed, read and told to GDAL."""

import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path, PurePosixPath
from typing import Literal
from xml.etree import ElementTree as ET

from changedetect.errors import CatalogError
from changedetect.model import BandAsset

_MAX_METADATA_BYTES = 64_000_000
"""A hundred times the usual: more is no metadata, and would only fill the memory."""

_BROKEN = (OSError, zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, RuntimeError, NotImplementedError)
"""What a folder that went away, or a damaged, truncated or encrypted archive raises."""

_VSI = {"": "", "zip": "/vsizip/", "tar": "/vsitar/"}  # what GDAL wants before the path of an archive


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A folder or an archive, as the list of files in it."""

    path: Path
    """The folder or archive, absolute."""
    sizes: Mapping[str, int]
    """Bytes of each file by its name inside, with forward slashes."""
    archive: Literal["", "zip", "tar"] = ""
    """How it is packed; empty: a folder."""

    def href(self, name: str) -> str:
        """Say where GDAL finds a file."""
        return f"{_VSI[self.archive]}{self.path.as_posix()}/{name}"


def open_package(path: Path) -> Package:
    """List a folder (its own files, and all below its `GRANULE`), a zip or a tar.

    Raises
    ------
    CatalogError
        It can't be listed: gone, truncated, compressed in a way that can't be read in parts.
    """
    try:
        if path.is_dir():
            below = [file for file in (*path.iterdir(), *path.glob("GRANULE/**/*")) if file.is_file()]
            return Package(path=path, sizes={file.relative_to(path).as_posix(): file.stat().st_size for file in below})
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as packed:
                files = [one for one in packed.infolist() if not (one.is_dir() or one.filename.startswith("__MACOSX/"))]
            return Package(path=path, sizes={one.filename: one.file_size for one in files}, archive="zip")
        if path.suffix.lower() != ".tar":
            msg = f"product {path} is compressed as a whole, no part of it can be read alone: unpack it to a .tar first"
            raise CatalogError(msg)
        with tarfile.open(path, "r:") as tape:
            held = [one for one in tape.getmembers() if one.isfile()]
        if any(one.offset_data + one.size > path.stat().st_size for one in held):
            msg = "it ends before its last file does"
            raise tarfile.ReadError(msg)
        return Package(path=path, sizes={one.name.removeprefix("./"): one.size for one in held}, archive="tar")
    except _BROKEN as error:
        msg = f"product {path} can't be opened ({error}): the download is broken or incomplete, fetch it again"
        raise CatalogError(" ".join(msg.split())) from error


def read_bytes(package: Package, name: str) -> bytes:
    """Read a file of metadata; `CatalogError` when it is damaged, or far too big to be metadata."""
    try:
        if package.sizes[name] > _MAX_METADATA_BYTES:
            msg = f"{package.sizes[name]} bytes are no metadata"
            raise OSError(msg)
        if package.archive == "zip":
            with zipfile.ZipFile(package.path) as packed:
                return packed.read(name)
        if package.archive == "tar":
            with tarfile.open(package.path, "r:") as tape:
                member = next(member for member in tape if member.name.removeprefix("./") == name)
                held = tape.extractfile(member)
                return held.read() if held else b""
        return (package.path / name).read_bytes()
    except (*_BROKEN, LookupError, StopIteration) as error:
        msg = f"product {package.path} is damaged: {name} can't be read ({error}); fetch it again"
        raise CatalogError(" ".join(msg.split())) from error


def read_xml(package: Package, name: str) -> ET.Element:
    """Read XML that declares no document type: entities could name other files or grow without end.

    Raises
    ------
    CatalogError
        It is cut short, is no XML, or declares a document type.
    """
    data = read_bytes(package, name)
    if b"\0" in data or b"<!DOCTYPE" in data:  # a NUL: UTF-16, in which a declaration could hide
        msg = f"product {package.path} is not as its provider wrote it: {name} declares a document type; fetch it again"
        raise CatalogError(msg)
    try:
        return ET.fromstring(data)  # noqa: S314 - no entities without a document type, refused above
    except (ET.ParseError, LookupError, ValueError) as error:
        msg = f"product {package.path} is damaged: {name} is not whole XML ({error}); fetch it again"
        raise CatalogError(msg) from error


def hrefs(package: Package, label: str, wanted: Mapping[str, str]) -> dict[str, str]:
    """Say where GDAL finds files, by the keys of `wanted`; letter case of names does not matter.

    Raises
    ------
    CatalogError
        A file is missing or empty.
    """
    names = {name.lower(): name for name in package.sizes}
    found = {key: names.get(name.lower(), "") for key, name in wanted.items()}
    if lost := [PurePosixPath(wanted[key]).name for key, name in found.items() if not package.sizes.get(name)]:
        msg = f"product {label} is incomplete: {', '.join(lost)} missing or empty; download it again, whole"
        raise CatalogError(msg)
    return {key: package.href(name) for key, name in found.items()}


def check_factors(bands: Iterable[BandAsset]) -> None:
    """Raise `ValueError` for a scale or offset that makes no reflectance of any number."""
    for asset in bands:
        if not (isfinite(asset.offset) and 0 < asset.scale < 1):
            msg = f"DN * {asset.scale} {asset.offset:+} is no reflectance"
            raise ValueError(msg)
