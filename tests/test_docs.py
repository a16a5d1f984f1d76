"""The commands of docs/catalogs.md are commands, their catalogs open, and the variables it names are read."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from changedetect.catalog import open_catalog
from changedetect.cli import app
from changedetect.model import Window

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "catalogs.md").read_text(encoding="utf-8")
COMMANDS = [line for snippet in re.findall(r"```sh\n(.*?)```", TEXT, flags=re.DOTALL) for line in snippet.splitlines()]


def test_it_is_short():
    assert len(TEXT.splitlines()) < 100


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_understood(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "downloads" / "S2B_MSIL2A_20230601T092601_N0509_R136_T35TKM_20230601T120000.SAFE").mkdir(parents=True)
    program, name, *arguments = shlex.split(command)
    assert program == "changedetect"
    given = typer.main.get_command(app).commands[name].make_context(name, arguments).params
    assert Window.parse(given["before"]).end < Window.parse(given["after"]).start
    assert open_catalog(given["catalog"] or "earth-search")


def test_the_variables_it_names_are_read():
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "changedetect").rglob("*.py"))
    names = set(re.findall(r"`([A-Z0-9_]{6,})[`=]", TEXT))
    assert names >= {"CDSE_S3_ACCESS_KEY", "AWS_REQUEST_PAYER"}
    assert all(f'"{name}"' in source for name in names)
