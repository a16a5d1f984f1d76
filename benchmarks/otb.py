"""Orfeo ToolBox's MAD (Nielsen et al. 1998, doi:10.1016/S0034-4257(97)00162-4), with Debian's `otb-bin` installed."""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

NAME = "Orfeo ToolBox MAD"
TOOLS = ("otbcli_MultivariateAlterationDetector", "gdalbuildvrt")


def installed() -> bool:
    """Whether its tools are on the PATH."""
    return all(shutil.which(tool) for tool in TOOLS)


def mad(dates: Sequence[Sequence[Path]]) -> None:
    """MAD of two dates, a raster a band each; bands of 20 m are repeated on pixels of 10 m."""
    with tempfile.TemporaryDirectory() as folder:
        stacks = [Path(folder) / name for name in ("before.vrt", "after.vrt")]
        for stack, bands in zip(stacks, dates, strict=True):
            _run(TOOLS[1], "-separate", "-resolution", "highest", stack, *bands)
        _run(TOOLS[0], "-in1", stacks[0], "-in2", stacks[1], "-out", Path(folder) / "mad.tif")


def _run(tool: str, *arguments: str | Path) -> None:
    subprocess.run([tool, *map(str, arguments)], check=True, capture_output=True)
