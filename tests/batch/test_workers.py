"""Processes beside this one: any number gives the same bytes, and one that dies costs what it was doing."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
import pytest
import shapely
from batch_cases import digests
from command_line import run

from changedetect import batch
from changedetect.crew import Execution, by_place, work_off
from changedetect.errors import ConfigError, WorkerError
from changedetect.making import Task
from changedetect.tiling import TilingOptions
from changedetect.workers import Died, survived, usual_workers

MONTHS = ("--before", "2022-06/2022-09", "--after", "2023-06/2023-09")


def work(item: int) -> int:
    """Doubles; what the negative ones do is told by their number."""
    if item == -9:
        os.kill(os.getpid(), signal.SIGKILL)
    if item == -1:
        os._exit(3)
    if item == -2:
        msg = "wrong for all"
        raise ConfigError(msg)
    return 2 * item


def work_once(marker: str) -> str:
    """Dies the first time."""
    if marker and not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_every_item_is_done_once(workers):
    done = dict(survived(work, range(7), workers))
    assert done == {item: 2 * item for item in range(7)}


def test_no_item_needs_no_process():
    assert list(survived(work, [], 3)) == []


def test_an_item_that_kills_its_process_costs_only_itself():
    done = dict(survived(work, [1, 2, -9, 3, -1, 4], 2))
    assert {item: done[item] for item in (1, 2, 3, 4)} == {1: 2, 2: 4, 3: 6, 4: 8}
    assert done[-9] == Died(reason="its process was ended by SIGKILL")
    assert done[-1] == Died(reason="its process ended with code 3")


def test_an_item_whose_process_was_killed_by_accident_is_done_after_all(tmp_path):
    marker = str(tmp_path / "killed")
    assert dict(survived(work_once, [marker, ""], 1)) == {marker: "done", "": "done"}


def test_what_is_wrong_for_all_ends_everything():
    with pytest.raises(ConfigError, match="wrong for all"):
        list(survived(work, [1, -2, 3], 1))


def test_a_script_without_a_guard_is_told_so(tmp_path):
    script = tmp_path / "unguarded.py"
    script.write_text(
        "import sys\nfrom changedetect.workers import survived\n"
        "if __name__ != '__main__': sys.exit(5)\n"
        "try:\n    list(survived(abs, [1, 2], 1))\n"
        "except Exception as error:\n    print(type(error).__name__, error)\n"
    )
    told = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True, timeout=120).stdout
    assert told.startswith(WorkerError.__name__)
    assert "__main__" in told


def test_the_usual_number_is_no_more_than_the_cores():
    assert 1 <= usual_workers() <= (os.cpu_count() or 1)


@pytest.mark.parametrize("wrong", [{"workers": 0}, {"workers": 2, "scheduler": "tcp://127.0.0.1:1"}])
def test_a_wrong_way_of_working_is_refused(wrong):
    with pytest.raises(ConfigError):
        Execution(**wrong)


def test_neighbours_follow_each_other(sites):
    order = [task.site.site_id for task in by_place([Task(site=site) for site in sites])]
    assert sorted(order) == sorted(site.site_id for site in sites)
    steps = [abs(int(one[1]) - int(two[1])) + abs(int(one[2]) - int(two[2])) for one, two in pairwise(order)]
    assert sum(steps) <= len(sites) + 1


@pytest.mark.parametrize("workers", [1, 2])
def test_processes_give_the_same_bytes(tmp_path, sites, config, uninterrupted, workers):
    result = batch.run(sites, config=config, out=tmp_path, execution=Execution(workers=workers))
    assert digests(tmp_path) == uninterrupted[0]
    assert [one.site.site_id for one in result.results] == [site.site_id for site in sites]


def test_tiles_that_divide_nothing_evenly_give_the_same_bytes(tmp_path, sites, config, uninterrupted):
    list(work_off(sites[:1], replace(config, tiling=TilingOptions(tile_px=19)), tmp_path))
    assert digests(tmp_path).items() <= uninterrupted[0].items()


def write_list(path: Path, sites, *more: dict) -> Path:
    features = [
        {
            "type": "Feature",
            "properties": {"id": site.site_id, "name": site.name},
            "geometry": json.loads(shapely.to_geojson(site.geometry)),
        }
        for site in sites
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [*features, *more]}))
    return path


@pytest.fixture
def command(tmp_path, sites, catalog):
    listed = write_list(tmp_path / "sites.geojson", sites)
    start = "from changedetect.cli import main; main()"
    return [sys.executable, "-c", start, "run", str(listed), "--catalog", str(catalog), *MONTHS, "--workers", "2"]


def started(command, out):
    return subprocess.Popen([*command, "-o", str(out)], stderr=subprocess.PIPE, text=True, start_new_session=True)


def records(out: Path) -> int:
    return len(list(out.glob("sites/*/done.json")))


def wait_for(sites: int, out: Path, process) -> None:
    until = time.monotonic() + 60
    while records(out) < sites and process.poll() is None and time.monotonic() < until:
        time.sleep(0.01)


def test_killed_again_and_again_and_resumed_it_leaves_the_same_bytes(tmp_path, command, uninterrupted):
    out = tmp_path / "out"
    chance = np.random.default_rng(7)
    for done in (1, 3, 5):
        process = started(command, out)
        wait_for(done, out, process)
        time.sleep(chance.uniform(0, 0.15))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        for record in out.glob("sites/*/done.json"):
            files = json.loads(record.read_text())["files"]
            assert {name: (record.parent / name).stat().st_size for name in files} == files
    process = started(command, out)
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 0
    assert "was there" in said
    assert digests(out) == uninterrupted[0]
    assert not list((out / "sites").rglob(".*"))


def test_an_interrupt_leaves_what_is_done_and_says_so_in_one_line(tmp_path, command, uninterrupted):
    out = tmp_path / "out"
    process = started(command, out)
    wait_for(2, out, process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    said = process.communicate(timeout=60)[1].strip().splitlines()
    assert process.returncode == 130
    assert said[-1].startswith("Interrupted: "), said
    assert "Traceback" not in "".join(said)
    done = records(out)
    assert len((out / "summary.csv").read_text().splitlines()) == 1 + done
    assert f"{done} of 8 sites are done" in said[-1]
    process = started(command, out)
    process.communicate(timeout=120)
    assert digests(out) == uninterrupted[0]


def test_an_interrupt_while_a_site_is_shown_ends_the_workers_before_it_is_told_what_is_done(tmp_path, sites, config):
    def follow(made):
        yield next(made)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=r"\d of 8 sites are done") as stop:
        batch.carried_out(sites, config, tmp_path, Execution(workers=2), follow=follow)
    assert not multiprocessing.active_children()
    done = records(tmp_path)
    assert str(stop.value).startswith(f"{done} of 8")
    assert len((tmp_path / "summary.csv").read_text().splitlines()) == 1 + done


def test_a_worker_that_is_killed_costs_nothing(tmp_path, sites, config, uninterrupted):
    done = work_off(sites, config, tmp_path, Execution(workers=1))
    next(done)
    forkserver = next(one for one in psutil.Process().children() if "forkserver" in " ".join(one.cmdline()))
    victim = forkserver.children()[0]
    victim.kill()
    list(done)
    batch.run(sites, config=config, out=tmp_path)
    assert digests(tmp_path) == uninterrupted[0]


def test_bad_sites_cost_only_themselves(tmp_path, sites, catalog):
    point = {"type": "Point", "coordinates": [100, 10]}
    far = {"type": "Feature", "properties": {"id": "far", "name": "far"}, "geometry": point}
    nowhere = {"type": "Feature", "properties": {"id": "none"}, "geometry": None}
    listed = write_list(tmp_path / "sites.geojson", sites[:3], far, nowhere)
    assert run("run", listed, "--catalog", catalog, *MONTHS, "-o", tmp_path / "out", "--workers", 2) == 3
    summary = (tmp_path / "out" / "summary.csv").read_text()
    assert summary.count(",ok,") == 3
    assert "no scene over the site" in summary
    assert "no geometry" in summary
