"""A ledger is as before a week or as after it, whatever happens: killed, two at once, no space, no rights, damaged."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace

import pytest
from command_line import run
from ledger_cases import BASELINE, arguments, rows, run_until

from changedetect.errors import OutputError
from changedetect.ledger.store import open_ledger

PROGRAM = (sys.executable, "-c", "from changedetect.cli import main; main()")


@pytest.fixture
def out(watched, tmp_path):
    shutil.copytree(watched, tmp_path / "out")
    return tmp_path / "out"


def test_killed_at_any_moment_it_is_the_ledger_of_one_run(archive, watched, tmp_path):
    shutil.copytree(watched / ".watch" / "scenes", tmp_path / ".watch" / "scenes")
    codes = []
    for number, seconds in enumerate((2.0, 3.0, 4.0)):
        with subprocess.Popen([*PROGRAM, *arguments(archive, tmp_path)], stderr=subprocess.DEVNULL) as going:
            try:
                time.sleep(seconds + random.Random(number).uniform(0, 0.5))  # noqa: S311 - no secret
            finally:
                going.kill()
        codes.append(going.returncode)
        if number == 1:  # from here on the scenes have to be read first
            shutil.rmtree(tmp_path / ".watch" / "scenes", ignore_errors=True)
    assert -signal.SIGKILL in codes
    assert run_until(archive, tmp_path) == 0
    assert rows(tmp_path) == rows(watched)
    assert not list((tmp_path / ".watch" / "scenes" / "watched").glob("*/.*/"))


def test_a_scene_that_was_all_but_kept_when_a_run_was_killed_is_read_again(archive, watched, tmp_path):
    """Killed after the scene's record was written and before its folder got its name."""
    shutil.copytree(watched / ".watch" / "scenes", tmp_path / ".watch" / "scenes")
    (home,) = (tmp_path / ".watch" / "scenes" / "watched").iterdir()
    (home / "searched.json").unlink()
    kept = sorted(one.name for one in home.iterdir())
    for half_done in kept[::3]:
        (home / half_done).rename(home / f".{half_done}")
    assert run_until(archive, tmp_path) == 0
    (home / "searched.json").unlink()
    assert sorted(one.name for one in home.iterdir()) == kept
    assert rows(tmp_path) == rows(watched)


def test_a_week_is_written_wholly_or_not_at_all(out):
    before = rows(out)

    def fail_within(ledger):
        with ledger.transaction():
            ledger.put_alerts([replace(one, area_m2=1.0) for one in ledger.alerts()], [])
            raise KeyboardInterrupt

    with open_ledger(out) as ledger, pytest.raises(KeyboardInterrupt):
        fail_within(ledger)
    assert rows(out) == before


def test_the_second_of_two_at_once_refuses_in_one_line(archive, out, capfd):
    with open_ledger(out):
        assert run_until(archive, out) == 1
        assert run("verdict", out, "any", "dismissed", "--note", "x") == 1
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all("another `watch` or `verdict` works on" in line for line in lines)
    assert run_until(archive, out) == 0


def test_a_lock_does_not_outlive_its_holder(archive, out):
    code = f"import time\nfrom pathlib import Path\nfrom changedetect.ledger import open_ledger\nwith open_ledger(Path({str(out)!r})):\n    print('held', flush=True)\n    time.sleep(60)"  # noqa: E501
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        assert run_until(archive, out) == 1
        holder.kill()
    assert run_until(archive, out) == 0


def test_a_full_disk_is_one_line_and_loses_nothing(out):
    before = rows(out)

    def fill(ledger):
        ledger._connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        with ledger.transaction():
            ledger.put_alerts([replace(one, note="x" * 100_000) for one in ledger.alerts()], [])

    with closing(sqlite3.connect(out / "ledger.gpkg")) as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    with open_ledger(out) as ledger, pytest.raises(OutputError, match="disk is full") as error:
        fill(ledger)
    assert "\n" not in str(error.value)
    assert rows(out) == before


def test_no_space_for_files_is_one_line(archive, out):
    before = rows(out)
    command = [*PROGRAM, *arguments(archive, out)]
    # No file may grow beyond 2 kB: the first that does is refused as on a full disk.
    code = "import os, resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
    code += "resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048)); os.execv(sys.argv[1], sys.argv[1:])"
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert next(line for line in done.stderr.splitlines() if line.startswith("Error: ")).count("can't be written") == 1
    assert rows(out) == before


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="rights are those of POSIX")
def test_a_read_only_folder_is_one_line(archive, out):
    before = rows(out)
    command = [*PROGRAM, *arguments(archive, out)]
    folders = [out, *(path for path in out.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    for path in (out / "ledger.gpkg", out / ".watch" / "lock"):
        path.chmod(0o444)
    # Root may write everywhere: without its capability it may not.
    drop = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"] if os.geteuid() == 0 else []
    if drop and shutil.which("setpriv") is None:
        pytest.skip("runs as root, and there is no setpriv to give that up")
    done = subprocess.run([*drop, *command], capture_output=True, text=True, check=False)
    for folder in folders:
        folder.chmod(0o755)
    assert done.returncode == 1, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "rights" in done.stderr
    assert rows(out) == before


@pytest.mark.parametrize("damage", ["garbage", "torn", "empty"])
def test_a_damaged_ledger_is_set_aside_and_its_copy_put_in_place(archive, out, damage, capfd):
    before, path = rows(out), out / "ledger.gpkg"
    content = path.read_bytes()
    broken = {"garbage": b"no database" * 500, "torn": content[: len(content) // 2], "empty": b""}[damage]
    path.write_bytes(broken)
    assert run_until(archive, out) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert "is damaged" in line
    assert "it is now ledger-damaged-1.gpkg, and that of the last complete run is in its place" in line
    assert (out / "ledger-damaged-1.gpkg").read_bytes() == broken
    assert run_until(archive, out) == 0
    assert rows(out) == before
    path.write_bytes(broken)
    assert run_until(archive, out) == 1
    assert (out / "ledger-damaged-2.gpkg").exists()
    assert (out / "ledger-damaged-1.gpkg").read_bytes() == broken


def test_another_programs_file_is_left_alone(archive, out, capfd):
    (out / "ledger.gpkg").unlink()
    with closing(sqlite3.connect(out / "ledger.gpkg")) as connection:
        connection.execute("CREATE TABLE holidays (day TEXT)")
    content = (out / "ledger.gpkg").read_bytes()
    assert run_until(archive, out) == 1
    assert "is no ledger of `watch` (it has holidays)" in capfd.readouterr().err
    assert (out / "ledger.gpkg").read_bytes() == content


def test_a_folder_that_is_a_file_is_one_line(archive, tmp_path, capfd):
    (tmp_path / "out").write_text("a file")
    assert run("watch", archive.parent / "sites.geojson", "-o", tmp_path / "out", "--baseline", BASELINE) == 1
    assert "can't be written" in capfd.readouterr().err
