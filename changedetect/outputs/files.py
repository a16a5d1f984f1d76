"""Files that appear whole or not at all, and JSON that holds nothing but plain values and no secret."""

import json
import math
import re
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from changedetect.errors import OutputError
from changedetect.redaction import REDACTED, redact

_SECRET_KEY = re.compile(
    r"(.*[_-])?(token|secret|password|signature|sas|credentials?|authorization|(api|access|secret|subscription)[_-]?key)",
    re.IGNORECASE,
)

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""Time of every file in an archive, the first that ZIP can tell: the same content gives the same bytes."""


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a name beside `path` to write to; it takes `path`'s place when the block ends, and is gone if it fails.

    Raises
    ------
    OutputError
        The file system refuses.
    """
    beside = path.with_name(f".{path.stem}.{uuid.uuid4().hex}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        beside.replace(path)
    except OSError as error:
        msg = f"{path} can't be written ({error.strerror or error}): check the folder, its rights and the free space"
        raise OutputError(msg) from error
    finally:
        _discard(beside)


def pack_entry(archive: zipfile.ZipFile, name: str, content: bytes, method: int) -> None:
    """Put a file into an archive, compressed by a `method` of `zipfile`; without a time, so that bytes are the same."""
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type, entry.external_attr = method, 0o644 << 16
    archive.writestr(entry, content)


def remove(path: Path) -> None:
    """Remove a file of an earlier run, if there is one.

    Raises
    ------
    OutputError
        The file system refuses.
    """
    try:
        path.unlink(missing_ok=True)
    except NotADirectoryError:  # a file stands where the folder should: writing will say so
        return
    except OSError as error:
        msg = f"{path} of an earlier run can't be removed ({error.strerror or error}): remove it by hand"
        raise OutputError(msg) from error


def _discard(beside: Path) -> None:
    try:
        beside.unlink(missing_ok=True)
    except OSError:  # the folder is not there or not ours; what matters has been said by `whole`
        return


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write sorted, indented JSON.

    Raises
    ------
    OutputError
        The file can't be written, or `value` holds what JSON has no word for.
    """
    try:
        text = json.dumps(plain(value), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    except TypeError as error:
        msg = f"{path} can't be written: {error}"
        raise OutputError(msg) from error
    with whole(path) as beside:
        beside.write_text(text + "\n", encoding="utf-8")


def plain(value: Any, where: str = "$") -> Any:  # noqa: ANN401 - any value in, a JSON value out
    """Turn a value into what JSON can hold; text loses what may be secret in its URLs.

    Dates become ISO 8601, NaN and infinity null, NumPy values Python's, dataclasses and mappings objects, sets
    sorted lists. Nothing else is turned into text: an object's `repr` is no record.

    Raises
    ------
    TypeError
        `value` holds something else; `where` in it is in the message.

    Examples
    --------
    >>> plain({"shift_px": np.float32(0.25), "scenes": ("a", "b"), "rmse": float("nan")})
    {'shift_px': 0.25, 'scenes': ['a', 'b'], 'rmse': None}
    """
    if isinstance(value, np.generic | np.ndarray):
        value = pd.Timestamp(value) if isinstance(value, np.datetime64) else value.tolist()
    if is_dataclass(value) and not isinstance(value, type):
        value = {option.name: getattr(value, option.name) for option in fields(value)}
    if isinstance(value, Mapping):
        return {_key(key, where): _entry(key, item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, set | frozenset):
        return sorted(plain(item, where) for item in value)
    return _scalar(value, where)


def _scalar(value: object, where: str) -> str | int | float | None:
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, str | Path):
        return redact(str(value))
    if isinstance(value, date):
        return value.isoformat()
    msg = f"{where} is a {type(value).__name__}, which JSON can't hold: give numbers, text, dates, lists or mappings"
    raise TypeError(msg)


def _key(key: object, where: str) -> str:
    if not isinstance(key, str | int):
        msg = f"{where} has a {type(key).__name__} for a key: give text"
        raise TypeError(msg)
    return redact(str(key))


def _entry(key: object, value: object, where: str) -> object:
    secret = isinstance(value, str) and value and _SECRET_KEY.fullmatch(str(key))
    return REDACTED if secret else plain(value, where)
