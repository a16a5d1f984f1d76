"""The notebooks run from their own folder, and are stored with their outputs."""

import json
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


def test_there_are_five():
    assert [path.stem[:2] for path in NOTEBOOKS] == ["01", "02", "03", "04", "05"]


@pytest.mark.filterwarnings("default")  # of the kernel's own machinery
def test_it_runs(path, tmp_path):
    (tmp_path / "sample_tiles").symlink_to(ROOT / "sample_tiles")
    folder = tmp_path / "notebooks"
    folder.mkdir()
    notebook = nbformat.read(path, as_version=4)
    where = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=where).execute()
    assert (tmp_path / "out" / "notebooks").is_dir()


def test_it_is_stored_with_its_outputs(path):
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    shown = [output for cell in cells for output in cell["outputs"]]
    assert not [output for output in shown if output["output_type"] == "error"]
    assert len(shown) >= 5


def test_it_is_light_and_tells_nothing_of_a_machine(path):
    text = path.read_text()
    assert len(text) < 1_500_000
    assert not re.search(r"/(work|tmp|home|root|Users)/", text)


def test_it_says_what_is_simulated(path):
    assert "simulated" in path.read_text()
