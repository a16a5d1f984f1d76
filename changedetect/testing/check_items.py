"""`python -m changedetect.testing.check_items DIR`: how every STAC item below a folder is read, or why it is not.

One line an item: file, id, sensor, bands, quality band, scale and offset with the reason (and whether it is doubted),
or `refused` with the reason. Ends with 0 when every file could be judged, with 1 when one is no STAC at all.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from changedetect.catalog.report import judge_folder


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the verdicts on a folder; give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m changedetect.testing.check_items", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of STAC items or item collections (*.json)")
    folder: Path = parser.parse_args(arguments).folder
    if not folder.is_dir():
        parser.error(f"{folder} is no folder")
    verdicts = judge_folder(folder)
    for verdict in verdicts:
        sys.stdout.write(f"{verdict}\n")
    if not verdicts:
        sys.stderr.write(f"no *.json below {folder}: nothing was checked\n")
    return 0 if verdicts and all(verdict.is_stac for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
