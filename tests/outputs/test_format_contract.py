"""What holds for every format: any run can be written, the same run is the same bytes, and it is whole or not there."""

import io
import zipfile
from pathlib import Path
from typing import get_args

import pytest
from format_cases import CASES, publish, site

from changedetect.errors import ConfigError, OutputError
from changedetect.outputs.formats import FORMATS, export, present
from changedetect.types import FormatName


def contents(path: Path) -> dict[str, bytes]:
    files = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
    return {str(one.relative_to(path.parent)): one.read_bytes() for one in files}


def unpacked(contents: dict[str, bytes]) -> list[bytes]:
    """Every file, and what lies in those that are archives."""
    told = []
    for content in contents.values():
        told.append(content)
        if zipfile.is_zipfile(io.BytesIO(content)):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                told += [archive.read(name) for name in archive.namelist()]
    return told


def leftovers(out: Path) -> list[Path]:
    return list(out.rglob(".*"))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", FORMATS)
def test_any_run_is_written_and_twice_the_same(name, case, tmp_path):
    out = publish(CASES[case], tmp_path / "out")
    before = contents(out)
    (path,) = export(out, [name])
    first = contents(path)
    assert path.exists()
    assert path == out / FORMATS[name].path
    assert export(out, [name]) == [path]
    assert contents(path) == first
    assert contents(out).items() >= before.items()
    assert not leftovers(out)


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_secret_and_no_path_of_this_machine_leaves(name, tmp_path):
    out = publish([site()], tmp_path / "out")
    for content in unpacked(contents(export(out, [name])[0])):
        assert b"secret" not in content
        assert str(tmp_path).encode() not in content


@pytest.mark.parametrize("name", FORMATS)
def test_what_fails_half_way_leaves_what_was_there(name, tmp_path):
    out = publish([site("a"), site("b")], tmp_path / "out")
    (path,) = export(out, [name])
    there = contents(path)
    broken = out / ("changes.geojson" if name.startswith("csv") else "sites/b/provenance.json")
    broken.write_text("{", encoding="utf-8")
    with pytest.raises(OutputError, match=f"{broken.name} is not what a run writes"):
        export(out, [name])
    assert contents(path) == there
    assert not leftovers(out)


@pytest.mark.parametrize("name", FORMATS)
def test_a_folder_that_can_not_be_written_is_one_line(name, tmp_path, monkeypatch):
    out = publish([site()], tmp_path / "out")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(OutputError, match=r"can't be written .*No space left on device") as told:
        export(out, [name])
    assert "\n" not in str(told.value)
    assert not (out / FORMATS[name].path).exists()
    assert not leftovers(out)


def test_the_names_are_those_of_the_options():
    assert set(FORMATS) == set(get_args(FormatName))
    assert len({one.path for one in FORMATS.values()}) == len(FORMATS)


def test_what_is_there_is_known(tmp_path):
    out = publish([site()], tmp_path)
    assert present(out) == []
    assert export(out, ["csv", "stac", "csv"]) == [out / "changes.csv", out / "stac"]
    assert present(out) == ["stac", "csv"]
    assert export(tmp_path / "nowhere", []) == []


def test_an_unknown_format_lists_the_known(tmp_path):
    with pytest.raises(ConfigError, match="no format 'shp': choose of gpkg, kml, stac, smart, csv, csv-wkt"):
        export(tmp_path, ["kml", "shp"])


@pytest.mark.parametrize("text", [None, "[]", '{"finished": "soon", "sites": {}}'])
def test_a_folder_without_a_finished_run_is_told(text, tmp_path):
    publish([], tmp_path)
    (tmp_path / "run.json").unlink()
    if text is not None:
        (tmp_path / "run.json").write_text(text, encoding="utf-8")
    with pytest.raises(OutputError, match=r"run\.json (can't be read|is not what a run writes|says finished 'soon')"):
        export(tmp_path, ["stac"])


def test_a_site_id_that_is_no_folder_name_is_refused(tmp_path):
    out = publish([site()], tmp_path / "out")
    record = out / "sites" / "a" / "provenance.json"
    record.write_text(
        record.read_text(encoding="utf-8").replace('"site_id": "a"', '"site_id": "../a"'), encoding="utf-8"
    )
    with pytest.raises(OutputError, match=r"is not what a run writes .*can't be a folder name"):
        export(out, ["kml"])
