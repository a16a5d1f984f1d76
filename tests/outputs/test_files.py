"""Whole files, plain JSON, and nothing secret in it."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from changedetect.errors import OutputError
from changedetect.model import Window
from changedetect.outputs.files import plain, remove, whole, write_json
from changedetect.outputs.formats.folders import whole_folder
from changedetect.redaction import redact


def test_a_file_that_fails_half_way_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail() -> None:
        with whole(path) as beside:
            beside.write_text("ne")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    with whole(path) as beside:
        beside.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_interrupted_between_its_two_renames_is_the_old_one(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "a"
    with whole_folder(path) as beside:
        (beside / "one").write_text("old")
    once = Path.rename

    def stopped(self: Path, target: Path) -> Path:
        if target == path and (self / "one").read_text() == "new":
            raise KeyboardInterrupt
        return once(self, target)

    monkeypatch.setattr(Path, "rename", stopped)
    with pytest.raises(KeyboardInterrupt), whole_folder(path) as beside:
        (beside / "one").write_text("new")
    assert (path / "one").read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("I am a file")
    with pytest.raises(OutputError, match=r"run\.json can't be written .*: check the folder"):
        write_json(tmp_path / "out" / "run.json", {})
    remove(tmp_path / "out" / "run.json")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(OutputError, match="can't be removed"):
        remove(tmp_path / "folder.json")


def test_json_is_sorted_and_plain(tmp_path: Path) -> None:
    value = {
        "z": np.float32(0.5),
        "array": np.array([[1, 2], [3, 4]]),
        "nan": [float("nan"), np.float64("inf"), None],
        "when": datetime(2023, 5, 1, 10, tzinfo=UTC),
        "day": np.datetime64("2023-05-01"),
        "window": Window(start=date(2023, 5, 1), end=date(2023, 5, 2)),
        "path": Path("a/b"),
        "kinds": {"b", "a"},
        "ok": np.bool_(1),
        "3": {1: "공장"},
    }
    write_json(tmp_path / "a.json", value)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert "공장" in text
    read = json.loads(text)
    assert list(read) == sorted(read)
    assert read == {
        "z": 0.5,
        "array": [[1, 2], [3, 4]],
        "nan": [None, None, None],
        "when": "2023-05-01T10:00:00+00:00",
        "day": "2023-05-01T00:00:00",
        "window": {"start": "2023-05-01", "end": "2023-05-02"},
        "path": "a/b",
        "kinds": ["a", "b"],
        "ok": True,
        "3": {"1": "공장"},
    }


@pytest.mark.parametrize("value", [object(), {"a": [1, {"b": 1j}]}, {(1, 2): 3}, b"x"])
def test_what_json_cannot_hold_is_refused_not_printed(tmp_path: Path, value: object) -> None:
    with pytest.raises(TypeError, match=r"^\$"):
        plain(value)
    with pytest.raises(OutputError, match=r"a\.json can't be written: \$\.value"):
        write_json(tmp_path / "a.json", {"value": value})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://h/a.tif?se=1&sig=SECRET#x", "https://h/a.tif"),
        ("s3://key:SECRET@bucket/a b", "s3://bucket/a b"),
        ("/vsicurl/https://u:SECRET@h:8080/a?sig=SECRET", "/vsicurl/https://h:8080/a"),
        ("/vsicurl?max_retry=3&url=https%3A%2F%2Fh%2Fa%3Fsig%3DSECRET", "/vsicurl?<redacted>"),
        ('GET "https://h/?t=SECRET" failed, then http://i/?t=SECRET', 'GET "https://h/" failed, then http://i/'),
        ("HTTP://[bad/?t=SECRET", "<redacted>"),
        ("Is it so? yes#1 a@b", "Is it so? yes#1 a@b"),
    ],
)
def test_urls_lose_what_may_be_secret(text: str, expected: str) -> None:
    assert redact(text) == expected
    assert plain({text: [text]}) == {expected: [expected]}


def test_values_named_a_secret_never_leave() -> None:
    value = {"sas_token": "x", "AWS_SECRET_ACCESS_KEY": "x", "password": "", "tokens_used": 3, "mask": "scl"}
    assert plain(value) == {
        "sas_token": "<redacted>",
        "AWS_SECRET_ACCESS_KEY": "<redacted>",
        "password": "",
        "tokens_used": 3,
        "mask": "scl",
    }


@settings(deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists))
def test_whatever_comes_out_is_json_and_stays_as_it_is(value: object) -> None:
    once = plain(value)
    json.dumps(once, allow_nan=False)
    assert plain(once) == once
