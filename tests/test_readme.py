"""Every snippet of the README works, in the order it stands there."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from changedetect.cli import main
from changedetect.geotiff import write_cog
from changedetect.testing import simulated_pair

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def snippets(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, flags=re.DOTALL)


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder that looks like a clone with two rasters in it."""
    (tmp_path / "sample_tiles").symlink_to(ROOT / "sample_tiles")
    pair, _ = simulated_pair(1, (96, 96), [])
    for name, date in (("before", pair.before), ("after", pair.after)):
        write_cog(tmp_path / f"{name}.tif", date.data, pair.geobox, band_names=pair.bands)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_is_short():
    assert len(TEXT.splitlines()) < 120


def test_its_make_targets_exist():
    make = shutil.which("make")
    assert make
    for line in snippets("sh")[0].splitlines():
        words = shlex.split(line, comments=True)
        assert words[0] == "make"
        subprocess.run([make, "-n", words[1]], cwd=ROOT, check=True, capture_output=True)


def test_its_commands_run(workplace, monkeypatch, capfd):
    for line in snippets("sh")[1].splitlines():
        monkeypatch.setattr(sys, "argv", shlex.split(line))
        with pytest.raises(SystemExit) as stop:
            main()
        assert not stop.value.code, capfd.readouterr().err
    assert (workplace / "out" / "sites" / "changes.geojson").exists()


@pytest.mark.usefixtures("workplace")
def test_its_python_runs(capsys):
    (snippet,) = snippets("python")
    exec(compile(snippet, "README.md", "exec"), {})  # noqa: S102 - our own README
    assert "romania-road" in capsys.readouterr().out


def test_its_picture_is_there():
    for name in re.findall(r"!\[.*?\]\((.*?)\)", TEXT, flags=re.DOTALL):
        assert (ROOT / name).stat().st_size > 10_000
