"""The site builds without a broken link, and every command and snippet on its pages works.

Commands that need a network, so titled, are parsed, with their options and windows, and not run.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import matplotlib as mpl
import pytest
from snippets import LANGUAGES, check_data, commands, execute, snippets, understand

import changedetect
from changedetect.catalog import open_catalog
from changedetect.config import load_config
from changedetect.geotiff import write_cog
from changedetect.outputs.formats import export
from changedetect.testing import simulated_pair

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
CATALOGS = ROOT / "docs" / "catalogs.md"
SAMPLES = ROOT / "sample_tiles"


def sites_named(*names):
    listed = json.loads((SAMPLES / "sites.geojson").read_text())
    return json.dumps(listed | {"features": [one for one in listed["features"] if one["properties"]["id"] in names]})


def lay_out_samples(folder):
    """The sample scenes, with two of their sites: enough to try pages out."""
    (folder / "sample_tiles").mkdir(parents=True)
    for path in SAMPLES.iterdir():
        (folder / "sample_tiles" / path.name).symlink_to(path)
    (folder / "sample_tiles" / "sites.geojson").unlink()
    (folder / "sample_tiles" / "sites.geojson").write_text(sites_named("sim-factory", "sim-crossing"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a finished run over the sample sites, made where the pages are tried out."""
    folder = tmp_path_factory.mktemp("workplace")
    lay_out_samples(folder)
    out = tmp_path_factory.mktemp("finished") / "out"
    with contextlib.chdir(folder):
        sites = changedetect.read_sites("sample_tiles/sites.geojson")
        changedetect.run(sites, config=load_config(Path("sample_tiles/run.toml")), out=out)
    export(out, ["smart"])
    shutil.rmtree(folder)
    return out, folder


@pytest.fixture
def workplace(finished, monkeypatch):
    """A folder as the pages imagine it: the samples, two rasters, lists of sites, a reference, a finished run.

    It lies at one place for all pages: a run that is made again finds its sites complete.
    """
    done, tmp_path = finished
    lay_out_samples(tmp_path)
    shutil.copytree(done, tmp_path / "out")
    shutil.copytree(done, tmp_path / "out" / "demo")
    pair, _ = simulated_pair(1)
    for name, date in (("before", pair.before), ("after", pair.after)):
        write_cog(tmp_path / f"{name}.tif", date.data, pair.geobox, band_names=pair.bands)
    for name in ("sites", "looked_at"):
        (tmp_path / f"{name}.geojson").write_text(sites_named("sim-factory"))
    shutil.copy(SAMPLES / "truth" / "sim-factory.geojson", tmp_path / "reference.geojson")
    shutil.copy(next((done / "smart").rglob("ZZ_R*.geojson")), tmp_path / "BR_R002.geojson")
    gpd.read_file(tmp_path / "reference.geojson").to_file(tmp_path / "reference.gpkg")
    (tmp_path / "run.toml").write_text((SAMPLES / "run.toml").read_text().replace('"catalog', '"sample_tiles/catalog'))
    (tmp_path / "plant.csv").write_text("id,name,lat,lon,radius_m\nplant,Plant on the plain,46.8500,20.6244,600\n")
    (tmp_path / "downloads" / "S2B_MSIL2A_20230601T092601_N0509_R136_T35TKM_20230601T120000.SAFE").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    mpl.use("agg")
    yield tmp_path
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize("page", [page for page in PAGES if snippets(page)], ids=lambda page: page.stem)
def test_what_stands_on_a_page_works(page, workplace, capfd):
    names = {}
    for snippet in snippets(page):
        assert snippet.language in LANGUAGES, f"{page.name}: a fence needs one of {LANGUAGES}: {snippet.text[:60]}"
        if snippet.language == "python":
            exec(compile(snippet.text, str(page), "exec"), names)  # noqa: S102 - our own pages
        elif snippet.language in {"sh", "console", "crontab"}:
            for command in commands(snippet):
                understand(command, sound=snippet.title != "refused")
                if not snippet.live and snippet.language != "crontab":
                    execute(command, snippet, capfd)
        else:
            check_data(snippet, workplace)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_speaks_of_make_targets_that_exist(page):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make ([\w-]+)|`make ([\w-]+)", page.read_text(encoding="utf-8"), flags=re.MULTILINE):
        assert re.search(rf"^{''.join(target)}:", makefile, flags=re.MULTILINE), target


def test_the_site_builds_strictly_and_fetches_nothing(tmp_path):
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    silent = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(build, cwd=ROOT, env=silent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    built = {path.stem for path in tmp_path.glob("*.html")}
    assert built >= {page.stem for page in PAGES}
    for path in tmp_path.glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"""(?:<link|<script|<img)[^>]*(?:src|href)=["']?(?:https?:)?//""", text), path.name
        assert "```" not in text, f"{path.name} shows a fence that was not understood"


def test_the_reference_has_every_name():
    told = set(re.findall(r"^::: changedetect\.(\w+)", (ROOT / "docs" / "api.md").read_text(), flags=re.MULTILINE))
    assert told == set(changedetect.__all__)


def test_pictures_are_light():
    for path in (ROOT / "docs" / "images").glob("*"):
        assert path.stat().st_size < 300_000, path.name


def test_catalogs_is_short():
    assert len(CATALOGS.read_text(encoding="utf-8").splitlines()) < 100


def test_the_catalogs_it_names_open(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "downloads" / "S2B_MSIL2A_20230601T092601_N0509_R136_T35TKM_20230601T120000.SAFE").mkdir(parents=True)
    for snippet in snippets(CATALOGS):
        for command in commands(snippet):
            assert open_catalog(understand(command)["catalog"] or "earth-search")


def test_the_variables_it_names_are_read():
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "changedetect").rglob("*.py"))
    names = set(re.findall(r"`([A-Z0-9_]{6,})[`=]", CATALOGS.read_text(encoding="utf-8")))
    assert names >= {"CDSE_S3_ACCESS_KEY", "AWS_REQUEST_PAYER"}
    assert all(f'"{name}"' in source for name in names)
