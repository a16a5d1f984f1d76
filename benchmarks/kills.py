"""A run that is killed again and again, and resumed, against one that was left in peace: the same bytes, or not.

    python benchmarks/kills.py [--sites 40] [--kills 20] [--seed 1]

Two processes do the sites. At random moments the run and its processes get SIGKILL, which no one can catch; the same
command is then given again. Ends with exit code 1 where a file differs, or is half of one.
"""

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import shapely
from scaling import STAMP_M, ground, tiny_sites

from changedetect import batch

TIMES = {"run.json", "done.json", "report.html"}
"""Files that say when it was, or how long it took. A report that was being written at a kill stays, hidden."""


def digests(out: Path) -> dict[str, str]:
    """Every other file, and what is in it."""
    found = (path for path in out.rglob("*") if path.is_file() and path.name not in TIMES)
    paths = sorted(path for path in found if not path.name.startswith(".report."))
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def done(out: Path) -> int:
    """How many sites are complete."""
    return len(list(out.glob("sites/*/done.json")))


def half(out: Path) -> list[str]:
    """Files that a record tells of and that are not there whole."""
    wrong = []
    for record in out.glob("sites/*/done.json"):
        for name, size in json.loads(record.read_text())["files"].items():
            path = record.parent / name
            if not path.exists() or path.stat().st_size != size:
                wrong.append(str(path))
    return wrong


def main() -> None:
    """Kill, resume, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sites", type=int, default=40)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    chance = np.random.default_rng(chosen.seed)
    with tempfile.TemporaryDirectory() as folder:
        config = ground(Path(folder) / "ground", 1)
        sites = tiny_sites(chosen.sites, STAMP_M)
        peace, out = Path(folder) / "peace", Path(folder) / "killed"
        batch.run(sites, config=config, out=peace)
        listed = Path(folder) / "sites.geojson"
        features = [
            {
                "type": "Feature",
                "properties": {"id": one.site_id},
                "geometry": json.loads(shapely.to_geojson(one.geometry)),
            }
            for one in sites
        ]
        listed.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
        windows = ("--before", str(config.before), "--after", str(config.after))
        start = "from changedetect.cli import main; main()"
        command = [sys.executable, "-c", start, "run", str(listed), "--catalog", config.catalog[0], *windows]
        command += ["--workers", "2", "-o", str(out)]
        kills, wrong = 0, []
        for _ in range(chosen.kills):
            process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
            try:
                until = done(out) + int(chance.integers(0, 4))
                while process.poll() is None and done(out) < until:
                    time.sleep(0.005)
                time.sleep(chance.uniform(0, 0.5))
                kills += process.poll() is None
            finally:
                with suppress(ProcessLookupError):  # it was faster
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            wrong += half(out)
            print(f"killed {kills} times, {done(out)} of {chosen.sites} sites complete", file=sys.stderr)
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        there, here = digests(peace), digests(out)
        differ = sorted(name for name in there.keys() | here.keys() if there.get(name) != here.get(name))
        print(json.dumps({"kills": kills, "files": len(there), "differ": differ, "half": wrong}, indent=2))
        raise SystemExit(bool(differ or wrong))


if __name__ == "__main__":
    main()
