"""A real STAC API on loopback: `rustac serve` with items of one's own, for tests and benchmarks.

It answers POST searches and pages them by links; searches by GET with collections, and `query` or CQL2 filters, it does
not honour, and says nothing of it (rustac 0.9): as good as the faults of public servers.
"""

import json
import shutil
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pystac

from changedetect.errors import ConfigError

_START_S = 20.0
"""Time that the server has to begin answering; it takes a tenth of a second as a rule."""

_POLL_S = 0.02


@contextmanager
def serve_stac(items: Iterable[pystac.Item | Mapping[str, Any]], folder: Path) -> Iterator[str]:
    """Serve items as a STAC API on 127.0.0.1 while the `with` block lasts; its collections are those of the items.

    Parameters
    ----------
    items
        Items or their JSON; give assets absolute hrefs, the server resolves none.
    folder
        Where the server's input and log are written.

    Yields
    ------
    str
        URL of the landing page, without a slash at the end.

    Raises
    ------
    ConfigError
        `rustac` is not installed, or its server does not start.
    """
    program = shutil.which("rustac", path=sysconfig.get_path("scripts")) or shutil.which("rustac")
    if program is None:
        msg = "can't serve a STAC API: there is no rustac on the path; install the Python package 'rustac'"
        raise ConfigError(msg)
    raws = [item.to_dict() if isinstance(item, pystac.Item) else item for item in items]
    source = folder / "stac-server-items.json"
    source.write_text(json.dumps({"type": "FeatureCollection", "features": raws}), encoding="utf-8")
    port = _free_port()
    command = [program, "serve", "--addr", f"127.0.0.1:{port}", "--create-collections", str(source)]
    with (folder / "stac-server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)  # noqa: S603 - arguments of our own
        try:
            _wait(process, port, folder / "stac-server.log")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    """Give a port that nobody uses now: rustac can't tell which one it took when asked for any."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    end = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(_POLL_S)
    said = " ".join(log.read_text(encoding="utf-8", errors="replace").split())
    msg = f"rustac serve does not answer on 127.0.0.1:{port}: {said or 'it said nothing'}"
    raise ConfigError(msg)
