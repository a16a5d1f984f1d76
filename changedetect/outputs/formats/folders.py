"""Folders that appear whole or not at all, as single files do."""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from changedetect.errors import OutputError


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give a folder beside `path` to write into; it takes `path`'s place when the block ends, and is gone if it fails.

    No system exchanges two folders in one step: for a moment between two renames there is neither, never a mixture.

    Raises
    ------
    OutputError
        The file system refuses.
    """
    beside, old = (path.with_name(f".{path.name}.{uuid.uuid4().hex}") for _ in range(2))
    try:
        beside.mkdir(parents=True)
        yield beside
        if path.exists():
            path.rename(old)
        beside.rename(path)
    except OSError as error:
        msg = f"{path} can't be written ({error.strerror or error}): check the folder, its rights and the free space"
        raise OutputError(msg) from error
    finally:
        if old.exists() and not path.exists():
            old.rename(path)  # stopped between the two renames
        for leftover in (beside, old):
            shutil.rmtree(leftover, ignore_errors=True)
