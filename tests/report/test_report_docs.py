"""docs/report.md: its commands are commands, and the answers it lists are those that are given."""

import re
import shlex
from pathlib import Path
from typing import get_args

import pytest
import typer

from changedetect.cli import app
from changedetect.report import Answer

TEXT = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")
COMMANDS = [line for snippet in re.findall(r"```sh\n(.*?)```", TEXT, flags=re.DOTALL) for line in snippet.splitlines()]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_understood(command):
    program, name, *arguments = shlex.split(command)
    assert program == "changedetect"
    typer.main.get_command(app).commands[name].make_context(name, arguments)


def test_the_answers_are_all_told_and_no_others():
    table = TEXT[TEXT.index("| answer |") :]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    assert set(re.findall(r"`([a-z_]+)`", " ".join(rows))) == set(get_args(Answer))
