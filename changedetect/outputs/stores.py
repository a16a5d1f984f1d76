"""Where a run leaves its files: a folder, or a prefix of an object store; in both a file is whole or not there.

A folder gets each file beside its name and then renamed; an object store shows an object once its last byte is there
(Amazon S3 User Guide, "Amazon S3 data consistency model"; Google and Azure say the same of theirs).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from changedetect.errors import ConfigError, OutputError
from changedetect.outputs.files import remove, whole
from changedetect.redaction import redact

_URL = re.compile(r"[a-z][a-z0-9+.-]+:/{1,2}(?=[^/])", re.IGNORECASE)
"""How an address begins; a `Path` made of one has lost a slash."""


class Store(Protocol):
    """Files by name, such as `sites/a/changes.geojson`; `OutputError` wherever the place refuses."""

    @property
    def where(self) -> str:
        """What it is called in messages; nothing in it is secret."""
        ...

    def sizes(self, folder: str) -> Mapping[str, int]:
        """Bytes of each file in a folder, by its bare name; empty where there is no such folder."""
        ...

    def read(self, names: Sequence[str]) -> list[bytes | None]:
        """Contents, in the order of the names; None where there is no such file."""
        ...

    def put(self, name: str, content: bytes) -> None:
        """Write a file whole, over an older one."""
        ...

    def remove(self, names: Iterable[str]) -> None:
        """Remove files that are there."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder of this machine, or of a disk that all machines share."""

    path: Path
    """The folder; made when the first file is put."""

    @property
    def where(self) -> str:
        """Its path."""
        return str(self.path)

    def sizes(self, folder: str) -> Mapping[str, int]:
        """Bytes of each file in a folder, by its bare name."""
        with _told(f"{self.path / folder} can't be listed"):
            try:
                return {one.name: one.stat().st_size for one in (self.path / folder).iterdir() if one.is_file()}
            except (FileNotFoundError, NotADirectoryError):
                return {}

    def read(self, names: Sequence[str]) -> list[bytes | None]:
        """Contents, in the order of the names."""
        return [self._read(self.path / name) for name in names]

    def _read(self, path: Path) -> bytes | None:
        with _told(f"{path} can't be read"):
            try:
                return path.read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None

    def put(self, name: str, content: bytes) -> None:
        """Write a file beside its name and rename it."""
        with whole(self.path / name) as beside:
            beside.write_bytes(content)

    def remove(self, names: Iterable[str]) -> None:
        """Remove files that are there."""
        for name in names:
            remove(self.path / name)


class Bucket:
    """A prefix of an object store, by fsspec: `s3://bucket/prefix`, or whatever else it has a driver for."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        try:
            import fsspec  # noqa: PLC0415 - an extra

            # Another process may write here at the same time: what was listed before is no answer.
            self._files: Any = fsspec.filesystem(url.partition(":")[0], use_listings_cache=False)
        except (ImportError, ValueError) as error:
            msg = f"{redact(url)} can't be written: {error}; install changedetect[remote], or the fsspec driver"
            raise ConfigError(msg) from error

    @property
    def where(self) -> str:
        """Its address without secrets."""
        return redact(self._url)

    def _at(self, name: str) -> str:
        return f"{self._url}/{name}"

    def sizes(self, folder: str) -> Mapping[str, int]:
        """Bytes of each object under a folder, by its bare name."""
        with _told(f"{self.where}/{folder} can't be listed"):
            try:
                listed = self._files.ls(self._at(folder), detail=True)
            except FileNotFoundError:
                return {}
        return {PurePosixPath(one["name"]).name: int(one["size"]) for one in listed if one["type"] == "file"}

    def read(self, names: Sequence[str]) -> list[bytes | None]:
        """Contents, in the order of the names, fetched together."""
        paths = [self._files._strip_protocol(self._at(name)) for name in names]  # noqa: SLF001 - its keys
        if not paths:
            return []
        with _told(f"{self.where} can't be read"):
            found = self._files.cat(paths, on_error="return")
            for one in found.values():
                if isinstance(one, Exception) and not isinstance(one, FileNotFoundError):
                    raise one
        return [one if isinstance(one, bytes) else None for one in (found[path] for path in paths)]

    def put(self, name: str, content: bytes) -> None:
        """Write an object: it is there once its last byte is."""
        with _told(f"{self.where}/{name} can't be written"):
            self._files.pipe_file(self._at(name), content)

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects that are there."""
        for name in names:
            with _told(f"{self.where}/{name} of an earlier run can't be removed"), suppress(FileNotFoundError):
                self._files.rm_file(self._at(name))


def open_store(out: str | Path) -> Store:
    """Open a folder, or an address such as `s3://bucket/prefix`; nothing is written yet.

    Raises
    ------
    ConfigError
        There is no driver for the address.

    >>> open_store("out/demo").where
    'out/demo'
    """
    scheme = _URL.match(str(out))
    if scheme is None:
        return Folder(path=Path(out))
    return Bucket(f"{scheme[0].rstrip('/')}//{str(out)[scheme.end() :]}")


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Put a refusal into words; drivers of object stores raise whatever their libraries do."""
    try:
        yield
    except Exception as error:
        why = redact(" ".join(str(getattr(error, "strerror", None) or error).split())) or type(error).__name__
        msg = f"{what} ({why}): check the address, your rights and the free space"
        raise OutputError(msg) from error
