"""The package as a whole: few names, and none of them costs anything until it is used."""

import subprocess
import sys

import changedetect


def test_the_names_are_few_and_all_there():
    assert len(changedetect.__all__) <= 20
    assert all(hasattr(changedetect, name) for name in changedetect.__all__)
    assert not hasattr(changedetect, "no_such_name")


def test_import_and_help_load_no_heavy_library():
    code = (
        "import sys, changedetect, changedetect.cli\n"
        "print(sorted({'rasterio', 'geopandas', 'scipy', 'skimage', 'pyarrow'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert said.strip() == "[]"
