"""The slow laws of `watch`: forty weekly runs are one run, read little, and thirty kills leave no trace.

    .venv/bin/python benchmarks/watching.py [--seed N] [--kills N] [--every WEEKS] [--keep DIR]

One simulated site of 900 m over three years, as in `dating.py`: about two of three looks lost to clouds, things built
and passing ones. Prints a Markdown table; about fifteen minutes.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import geopandas as gpd
import numpy as np
from dating import EPSG, NORTH, SIDE_M, WEST, Thing, seen_on, things_of

from changedetect import batch, cli, ledger  # noqa: F401 - loaded before forking
from changedetect.ledger.geopackage import TABLES
from changedetect.lonlat import footprint
from changedetect.testing import Acquisition, Landscape, farmland, write_catalog, write_scene

FIRST, LAST = date(2021, 5, 1), date(2024, 4, 28)
BASELINE = "2021-05/2022-04"
WEEKS = 40


def archive(seed: int, folder: Path) -> tuple[Landscape, list[Thing], int]:
    """Three years of scenes; the things of `dating.py`, built in the second winter, pass or stay."""
    rng = np.random.default_rng([seed, 900])
    land = farmland(f"s{seed}", west=WEST, north=NORTH, epsg=EPSG, size_m=(SIDE_M, SIDE_M), seed=seed)
    things = things_of(rng)
    items = [write_scene(seen_on(land, things, one), folder) for one in passes(rng)]
    write_catalog(items, folder)
    return land, things, len(items)


def passes(rng: np.random.Generator) -> Iterator[Acquisition]:
    """Every fifth day, some left out; half of the passes overcast."""
    for number in range((LAST - FIRST).days // 5):
        day = FIRST + timedelta(days=5 * number)
        if rng.random() < 0.3:
            continue
        cloud = float(rng.uniform(0.85, 1.0)) if rng.random() < 0.5 else float(rng.uniform(0, 0.3))
        moment = datetime(day.year, day.month, day.day, 9, 36, tzinfo=UTC)
        yield Acquisition(sensor="sentinel-2-l2a", moment=moment, seed=number, cloud_cover=cloud)


def command(folder: Path, out: Path, until: date, every: int) -> list[str]:
    """Command line of one run."""
    program = [sys.executable, "-c", "from changedetect.cli import main; main()"]
    options = ["--until", until.isoformat(), "--catalog", str(folder), "--baseline", BASELINE]
    chosen = ["--set", f"watch.every_weeks={every}"]
    return [*program, "watch", str(folder / "sites.geojson"), "-o", str(out), *options, *chosen]


def watch(folder: Path, out: Path, until: date, every: int) -> dict[str, int]:
    """Run once; what `run.json` says of the site."""
    done = subprocess.run(command(folder, out, until, every), check=False, capture_output=True, text=True)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        sys.exit(done.returncode)
    return dict(next(iter(json.loads((out / "run.json").read_text())["sites"].values())))


def rows(out: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that a ledger says."""
    with closing(sqlite3.connect(out / "ledger.gpkg")) as connection:
        return {
            table: sorted(connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr)  # noqa: S608
            for table in (*TABLES, "gpkg_contents")
        }


def killed(folder: Path, start: Path, out: Path, kills: int, every: int) -> tuple[int, int]:
    """Run from a ledger of the past, killed at random moments; how many kills hit, and how many runs it took.

    Forks, so that no kill is spent on imports: the clock starts with the run.
    """
    shutil.copytree(start, out)
    rng, hits, runs = random.Random(7), 0, 0  # noqa: S311 - no secret
    with Path(os.devnull).open("wb") as quiet:
        while hits < kills and runs < 2 * kills:
            runs += 1
            child = os.fork()
            if child == 0:
                sys.argv = ["changedetect", *command(folder, out, LAST, every)[3:]]
                os.dup2(quiet.fileno(), 1)
                os.dup2(quiet.fileno(), 2)
                try:
                    cli.main()
                finally:
                    os._exit(0)  # a child must not go on as its parent
            time.sleep(rng.uniform(0.3, 5.0))
            os.kill(child, signal.SIGKILL)  # it is ours until it is waited for, even where it has ended
            hits += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
            if hits == kills // 2:  # from here on the scenes have to be read first
                shutil.rmtree(out / ".watch" / "scenes", ignore_errors=True)
    return hits, runs


def truths(out: Path, things: list[Thing]) -> dict[str, int]:
    """What the alerts are, against what was built."""
    alerts = gpd.read_file(out / "ledger.gpkg", layer="alerts").to_crs(EPSG)
    sure = alerts[(alerts["status"] == "confirmed") & (alerts["state"] != "merged")]
    staying = [thing for thing in things if thing.gone is None]
    passing = [thing for thing in things if thing.gone is not None]

    def over(thing: Thing, some: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        shape = thing.feature.geometry
        shared = some.intersection(shape).area
        return some[shared > 0.3 * np.minimum(some.area, shape.area)]

    held = 0
    for thing in staying:
        own = over(thing, sure)
        held += any(
            row.last_clear_without < str(thing.feature.built) <= row.first_seen
            or (
                thing.feature.cleared is not None
                and row.last_clear_without < str(thing.feature.cleared) <= row.first_seen
            )
            for row in own[own["last_clear_without"].notna()].itertuples()
        )
    real = set().union(*(set(over(thing, sure)["change_id"]) for thing in staying))
    return {
        "alerts ever reported": len(alerts),
        "confirmed now": len(sure),
        "of those, something that stays": len(real),
        f"of {len(staying)} things that stay, confirmed": sum(len(over(thing, sure)) > 0 for thing in staying),
        "with the day it was built or cleared in the bracket": held,
        f"of {len(passing)} passing things, confirmed now": sum(len(over(thing, sure)) > 0 for thing in passing),
    }


def main() -> None:
    """Run in a folder of its own, or the one to keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        measure(given.keep or Path(scratch), given)


def measure(base: Path, given: argparse.Namespace) -> None:
    """Run in a folder, and print."""
    folder, often, once, hurt = base / "archive", base / "often", base / "once", base / "hurt"
    land, things, count = archive(given.seed, folder)
    site = gpd.GeoDataFrame({"id": [land.name]}, geometry=[footprint(land.geobox)], crs="EPSG:4326")
    site.to_file(folder / "sites.geojson", driver="GeoJSON")
    started = time.perf_counter()
    whole = watch(folder, once, LAST, given.every)
    once_s = time.perf_counter() - started
    days = [LAST - timedelta(days=7 * number) for number in reversed(range(WEEKS))]
    weekly = []
    for number, day in enumerate(days):
        weekly.append(watch(folder, often, day, given.every))
        if number == WEEKS // 2:
            shutil.copytree(often, base / "start", dirs_exist_ok=True)
    same = rows(often) == rows(once)
    hits, runs = killed(folder, base / "start", hurt, given.kills, given.every)
    watch(folder, hurt, LAST, given.every)
    later = [run["scenes_new"] for run in weekly[1:]]
    print("\n| measure | figure |\n|---|---|")
    print(f"| scenes of the archive | {count} |")
    print(f"| scenes new to the one run, bands read | {whole['scenes_new']}, {whole['scenes_read']} |")
    print(f"| comparisons of the one run, seconds | {whole['comparisons']}, {once_s:.0f} |")
    print(f"| {WEEKS} weekly runs leave the ledger of one | {same} |")
    print(f"| scenes looked at in a weekly run, mean and most | {np.mean(later):.2f}, {max(later)} |")
    print(f"| share of the archive, mean | {np.mean(later) / count:.1%} |")
    print(f"| killed {hits} times in {runs} runs: the ledger of one | {rows(hurt) == rows(once)} |")
    for name, value in truths(once, things).items():
        print(f"| {name} | {value} |")


if __name__ == "__main__":
    main()
