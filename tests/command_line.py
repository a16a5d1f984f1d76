"""The command line as a process sees it, in this one."""

import pytest

from changedetect.cli import main


def run(*arguments: object) -> int:
    """Give the exit code of `changedetect` with these arguments."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["changedetect", *map(str, arguments)])
        try:
            main()
        except SystemExit as stop:
            return int(stop.code or 0)
        return 0
