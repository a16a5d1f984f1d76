"""Fenced snippets of a page, and what can be done with each: run it, or only understand it.

A fence's first word is its language. Its title, which readers see, tells more: commands that need a network are parsed
and not run, those that are refused must fail with the lines that stand below them.
"""

import json
import re
import shlex
import tomllib
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import typer
import yaml
from command_line import run

from changedetect.cli import app
from changedetect.config import load_config
from changedetect.model import Window

LANGUAGES = {"python", "sh", "console", "crontab", "toml", "yaml", "text"}
_CHANGE = re.compile(r"[a-z][a-z-]*-[0-9a-f]{8}")
"""On pages, the id of a change stands for any of its site, or where there is no such site for any at all."""
_FENCE = re.compile(r'^```(\w*)(?: title="([^"\n]*)")?\n(.*?)^```$', flags=re.DOTALL | re.MULTILINE)
_SHELL = {"make", "ogr2ogr", "source"}
"""Programs that are not ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    language: str
    title: str
    text: str

    @property
    def live(self):
        return self.title.startswith("needs a ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    words: tuple[str, ...]
    says: tuple[str, ...]
    """Lines below it, which it must print."""


def snippets(page):
    text = page.read_text(encoding="utf-8")
    found = _FENCE.findall(text)
    assert 2 * len(found) == len(re.findall(r"^\s*```", text, flags=re.MULTILINE)), f"{page.name}: an odd fence"
    return [Snippet(language=name, title=title, text=text) for name, title, text in found]


def commands(snippet):
    """The commands of `changedetect` in a snippet; anything else in it must be known."""
    found = []
    for line in snippet.text.replace("\\\n", " ").splitlines():
        if snippet.language == "console" and not line.startswith("$ "):
            found[-1] = Command(words=found[-1].words, says=(*found[-1].says, line))
            continue
        if snippet.language == "crontab":
            line = line.split(maxsplit=5)[5].partition(">>")[0]  # noqa: PLW2901 - minute, hour, day, month, weekday
        words = shlex.split(line.removeprefix("$ "), comments=True)
        if words and words[0] not in _SHELL:
            assert words[0] == "changedetect", line
            found.append(Command(words=tuple(words[1:]), says=()))
    return found


def understand(command, *, sound=True):
    """Parse a command as the program would, a `sound` one's options and windows too, and do nothing."""
    name, *arguments = command.words
    given = typer.main.get_command(app).commands[name].make_context(name, arguments).params
    if sound:
        load_config(None, given.get("assignments") or ())
        if given.get("baseline"):
            Window.parse(given["baseline"])
        if given.get("before") and name != "compare":
            assert Window.parse(given["before"]).end < Window.parse(given["after"]).start
    return given


def execute(command, snippet, capfd):
    """Run a command in this folder; it must end well, or fail as the page says."""
    if command.words[0] == "assess-sample":
        _label(Path(command.words[1]))
    words = list(command.words)
    if snippet.title != "refused":
        words = [_change_like(word, words) if _CHANGE.fullmatch(word) else word for word in words]
    code, told = run(*words), "".join(capfd.readouterr())
    assert bool(code) == (snippet.title == "refused"), told
    for line in command.says:
        assert line in told, f"{shlex.join(words)} says:\n{told}"


def _change_like(told, words):
    """The first change of the same site in the folder that a command speaks of, or else the first of all."""
    out = next(Path(word) for word in words if (Path(word) / "changes.geojson").exists())
    found = [one["properties"] for one in json.loads((out / "changes.geojson").read_text())["features"]]
    same = [one for one in found if one["site_id"] == told[:-9]]
    return (same or found)[0]["change_id"]


def _label(points):
    """Do what the page asks people to do: fill the column `reference`."""
    told = gpd.read_file(points if points.exists() else "drawn.gpkg")
    told["reference"] = "none"
    if points.suffix == ".csv":
        told.drop(columns="geometry").to_csv(points, index=False)
    else:
        told.to_file(points)


def check_data(snippet, folder):
    """A run file's part must be one; other TOML and YAML must at least be whole."""
    if snippet.language == "yaml":
        assert yaml.safe_load(snippet.text)
    if snippet.language == "toml":
        names = set(tomllib.loads(snippet.text))
        assert names
        if "project" not in names:  # else it is another package's
            (folder / "part.toml").write_text(snippet.text)
            load_config(folder / "part.toml")
