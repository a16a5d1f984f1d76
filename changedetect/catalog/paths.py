"""Places on this disk, however a user or an item writes them: a path, `~/…`, or a `file://` URL."""

from pathlib import Path
from urllib.parse import unquote, urlsplit


def local_path(where: str) -> Path:
    """Give the path that a path, one that begins with `~`, or a `file://` URL (RFC 8089) stands for.

    Whether there is anything is not asked. A URL whose `%` is part of a name, as it should not be, is understood when
    the file is there.

    >>> local_path("file:///data/p%23q/catalog.json"), local_path("~nobody-at-all/items.json")
    (PosixPath('/data/p#q/catalog.json'), PosixPath('~nobody-at-all/items.json'))
    """
    if where.casefold().startswith("file://"):
        host, slash, rest = where[len("file://") :].partition("/")
        plain = f"{slash}{rest}"
        if host.casefold() not in {"", "localhost"} or not rest:
            return Path(where)  # of another machine, or of none: there is no such path
        return Path(plain if is_there(Path(plain)) else unquote(plain))
    try:
        return Path(where).expanduser()
    except RuntimeError:  # no user of that name
        return Path(where)


def is_there(path: Path) -> bool:
    """Whether a path exists; what the disk would not even look for (a name of 5,000 letters) does not."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def as_base(path: Path) -> str:
    """Write a path so that hrefs can be resolved against it.

    Whoever reads it as a URL (pystac does) takes `#` and `?` for the ends of a path.

    >>> as_base(Path("/data/catalog.json")), as_base(Path("/data/p#q/catalog.json"))
    ('/data/catalog.json', 'file:///data/p%23q/catalog.json')
    """
    return path.as_uri() if {"#", "?"} & set(str(path)) else str(path)


def without_scheme(href: str) -> str:
    """Give the path for a `file://` URL, any other href as it is."""
    return str(local_path(href)) if urlsplit(href).scheme == "file" else href
