"""Options from TOML and back: what is mistyped is an error, what is written reads back equal."""

import tomllib
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from changedetect.config_io import assign, commented_toml, fill
from changedetect.errors import ConfigError
from changedetect.model import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    radius_m: float = 1000.0
    """How far."""
    detector: Literal["cva", "ir-mad"] = "cva"
    """Which one."""
    window: Window | None = None
    """A span of days."""

    def __post_init__(self) -> None:
        if self.radius_m < 0:
            msg = f"radius_m {self.radius_m} is negative"
            raise ConfigError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    inner: Inner = field(default_factory=lambda: Inner(radius_m=50.0))
    """A table of
    options."""
    workers: int = 2
    """How many at once."""
    fresh: bool = False
    name: str = "demo"
    """Any text."""
    folder: Path = Path("out")
    kinds: tuple[Literal["construction", "clearing"], ...] = ("construction",)
    stretch: tuple[float, float] = (2.0, 98.0)
    limit: int | None = None
    """A number, or none."""


PARSERS = {Window: Window.parse}


def filled(values: dict[str, Any]) -> Outer:
    return fill(Outer, values, "run.toml", PARSERS)


def test_values_take_their_types_and_the_rest_keeps_its_default() -> None:
    values = tomllib.loads("""
        workers = 4
        folder = "a/b"
        kinds = ["clearing", "construction"]
        stretch = [1, 99]
        limit = 7
        [inner]
        window = "2023-05/2023-06"
    """)
    assert filled(values) == Outer(
        workers=4,
        folder=Path("a/b"),
        kinds=("clearing", "construction"),
        stretch=(1.0, 99.0),
        limit=7,
        inner=Inner(radius_m=50.0, window=Window.parse("2023-05/2023-06")),
    )
    assert type(filled(values).stretch[0]) is float


def test_a_bare_toml_date_is_a_window_of_one_day() -> None:
    window = filled({"inner": {"window": date(2023, 5, 1)}}).inner.window
    assert window == Window.parse("2023-05-01")


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ({"worker": 1}, ["unknown option 'worker'", "did you mean 'workers'?", "known: inner, workers, fresh"]),
        ({"inner": {"radius": 1}}, ["'inner.radius'", "known in [inner]: radius_m, detector, window"]),
        ({"workers": "4"}, ["workers is '4'", "a whole number"]),
        ({"workers": 1.5}, ["workers is 1.5", "a whole number"]),
        ({"workers": True}, ["workers is True", "a whole number"]),
        ({"fresh": 1}, ["fresh is 1", "true or false"]),
        ({"name": 3}, ["name is 3", "text"]),
        ({"folder": 3}, ["folder is 3", "a path"]),
        ({"inner": {"radius_m": "far"}}, ["inner.radius_m is 'far'", "a number"]),
        ({"inner": {"detector": "irmad"}}, ["inner.detector is 'irmad'", "'cva', 'ir-mad'", "did you mean 'ir-mad'?"]),
        ({"inner": {"window": "soon"}}, ["inner.window: window 'soon' is not a date"]),
        ({"inner": {"window": 7}}, ["inner.window is 7", "Window as text"]),
        ({"inner": 7}, ["inner is 7", "a table of options (radius_m, detector, window)"]),
        ({"inner": {"radius_m": -1}}, ["[inner] radius_m -1.0 is negative"]),
        ({"kinds": "clearing"}, ["kinds is 'clearing'", "a list, each item one of"]),
        ({"kinds": ["clearing", "removal"]}, ["kinds[1] is 'removal'"]),
        ({"stretch": [1]}, ["stretch is [1]", "a list of 2: a number, a number"]),
        ({"limit": 1.5}, ["limit is 1.5", "a whole number"]),
    ],
)
def test_what_is_wrong_is_one_line_with_path_value_and_remedy(values: dict[str, Any], parts: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        filled(values)
    message = str(caught.value)
    assert message.startswith("run.toml: ")
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_a_field_without_default_must_be_given() -> None:
    with pytest.raises(ConfigError, match=r"--set: end is missing"):
        fill(Window, {"start": date(2023, 5, 1)}, "--set")


def test_a_type_nobody_can_write_in_toml_is_a_bug() -> None:
    @dataclass(frozen=True)
    class Odd:
        what: complex = 0j

    with pytest.raises(TypeError, match="what"):
        fill(Odd, {"what": 1}, "run.toml")


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("workers=4", {"workers": 4}),
        ("inner.radius_m = 2e3", {"inner": {"detector": "cva", "radius_m": 2000.0}}),
        ("inner.detector=ir-mad", {"inner": {"detector": "ir-mad"}}),
        ('name="a b"', {"name": "a b"}),
        ("name=a=b", {"name": "a=b"}),
        ("name=", {"name": ""}),
        ("fresh=true", {"fresh": True}),
        ('kinds=["clearing"]', {"kinds": ["clearing"]}),
        ("inner.window=2023-05/2023-06", {"inner": {"detector": "cva", "window": "2023-05/2023-06"}}),
        ("new.table.key=1", {"new": {"table": {"key": 1}}}),
        ("name=1\nother=2", {"name": "1\nother=2"}),
    ],
)
def test_assign_sets_one_value_and_leaves_its_input_alone(assignment: str, expected: dict[str, Any]) -> None:
    values = {"inner": {"detector": "cva"}}
    assert assign(values, assignment) == {"inner": {"detector": "cva"}} | expected
    assert values == {"inner": {"detector": "cva"}}


@pytest.mark.parametrize("assignment", ["workers", "=4", "inner.=4", "workers.sub=4"])
def test_an_assignment_that_is_none_says_so(assignment: str) -> None:
    with pytest.raises(ConfigError, match="--set"):
        assign({"workers": 2}, assignment)


def test_the_written_defaults_carry_the_docstrings() -> None:
    lines = commented_toml(Outer()).splitlines()
    assert lines[lines.index("workers = 2") - 1] == "# How many at once."
    assert lines[lines.index("[inner]") - 1] == "# A table of options."
    assert lines[lines.index("radius_m = 50.0") - 1] == "# How far."
    assert "#limit = <a whole number>" in lines
    assert "#window = <Window>" in lines


def test_a_written_window_reads_back() -> None:
    outer = Outer(inner=Inner(window=Window.parse("2023-05")))
    assert filled(tomllib.loads(commented_toml(outer))) == outer


@settings(deadline=None)
@given(
    st.builds(
        Outer,
        inner=st.builds(
            Inner, radius_m=st.floats(min_value=0, allow_nan=False), detector=st.sampled_from(["cva", "ir-mad"])
        ),
        workers=st.integers(-(2**60), 2**60),
        fresh=st.booleans(),
        name=st.text(st.characters(exclude_categories=["Cs"])),
        kinds=st.lists(st.sampled_from(["construction", "clearing"])).map(tuple),
        stretch=st.tuples(st.floats(allow_nan=False), st.floats(allow_nan=False)),
        limit=st.none() | st.integers(-(2**60), 2**60),
    )
)
def test_what_is_written_reads_back_equal(outer: Outer) -> None:
    assert filled(tomllib.loads(commented_toml(outer))) == outer
