"""What simulated products say of themselves: the XML of a Sentinel-2 `.SAFE` and the MTL of a Landsat bundle.

Fields are those of the Sentinel-2 Products Specification Document (ESA S2-PDGS-TAS-DI-PSD) and of the Landsat 8-9
Collection 2 Level 2 Data Format Control Book (USGS LSDS-1328), of them only what readers use.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, timedelta
from xml.sax.saxutils import escape

from shapely import get_coordinates

from changedetect.lonlat import footprint
from changedetect.testing.sensing import Observation
from changedetect.testing.stac import PATH_ROW, cloud_percent

LANDSAT_PROCESSED = timedelta(days=12)
"""From the acquisition to the final Landsat product."""

SENTINEL_2_PROCESSED = timedelta(hours=9)
"""From the acquisition to the Sentinel-2 product."""

RENAMED = "02.07"
"""To baseline 02.06 issue 14.2 of the specification holds: some elements end with `_2A` or begin with `L2A_`."""

_TO_TILE = timedelta(minutes=5)  # from the start of a datatake, by which products are named
_SIMULATED = "simulated by changedetect: no satellite saw this"

Tree = Mapping[str, "Tree | str | Sequence[str]"]
"""Nested XML elements."""


def mtl_files(observation: Observation, name: str) -> dict[str, bytes]:
    """Write the MTL of a Landsat product in its three forms, by file name."""
    groups = _mtl(observation, name)
    return {
        f"{name}_MTL.txt": _odl(groups).encode(),
        f"{name}_MTL.json": json.dumps({"LANDSAT_METADATA_FILE": groups}, indent=2).encode(),
        f"{name}_MTL.xml": _xml({"LANDSAT_METADATA_FILE": groups}).encode(),
    }


def product_xml(observation: Observation, name: str, images: Sequence[str]) -> str:
    """Write `MTD_MSIL2A.xml` of the product of that name; `images` are its files without their ending."""
    acquisition = observation.acquisition
    moment = f"{acquisition.moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.024Z}"
    outline = get_coordinates(footprint(observation.landscape.geobox))
    shift = round(acquisition.offset * 10000)
    shifts = {f'BOA_ADD_OFFSET band_id="{band}"': str(shift) for band in range(13)}
    info: Tree = {
        "PRODUCT_START_TIME": moment,
        "PRODUCT_URI": f"{name}.SAFE",
        "PROCESSING_LEVEL": "Level-2A",
        "PRODUCT_TYPE": "S2MSI2A",
        "PROCESSING_BASELINE": acquisition.baseline,
        "GENERATION_TIME": f"{acquisition.moment.astimezone(UTC) + SENTINEL_2_PROCESSED:%Y-%m-%dT%H:%M:%S.000000Z}",
        "Datatake": {"SPACECRAFT_NAME": f"Sentinel-2{name[2]}", "DATATAKE_SENSING_START": moment},
        "Product_Organisation": {"Granule_List": {'Granule imageFormat="JPEG2000"': {"IMAGE_FILE": images}}},
    }
    characteristics: Tree = {"QUANTIFICATION_VALUES_LIST": {'BOA_QUANTIFICATION_VALUE unit="none"': "10000"}}
    if shift:
        characteristics = {**characteristics, "BOA_ADD_OFFSET_VALUES_LIST": shifts}
    ring = " ".join(f"{lat:.7f} {lon:.7f}" for lon, lat in outline)
    space = f"https://psd-{15 if acquisition.baseline >= '05.10' else 14}.sentinel2.eo.esa.int/PSD/"
    content: Tree = {
        "n1:General_Info": {"Product_Info": info, "Product_Image_Characteristics": characteristics},
        "n1:Geometric_Info": {"Product_Footprint": {"Product_Footprint": {"Global_Footprint": {"EXT_POS_LIST": ring}}}},
        "n1:Quality_Indicators_Info": {"Cloud_Coverage_Assessment": str(cloud_percent(observation))},
    }
    xml = _xml({f'n1:Level-2A_User_Product xmlns:n1="{space}User_Product_Level-2A.xsd"': content})
    return _old_names(xml) if acquisition.baseline < RENAMED else xml


def _old_names(xml: str) -> str:
    for name in ("PRODUCT_URI", "IMAGE_FILE"):
        xml = xml.replace(f"{name}>", f"{name}_2A>")
    for name in ("Product_Info", "Product_Image_Characteristics", "Product_Organisation", "BOA_QUANTIFICATION_VALUE"):
        xml = xml.replace(f"<{name}", f"<L2A_{name}").replace(f"</{name}", f"</L2A_{name}")
    return xml.replace(">Level-2A<", ">Level-2Ap<").replace(">S2MSI2A<", ">S2MSI2Ap<")


def tile_xml(observation: Observation, tile: str) -> str:
    """Write `MTD_TL.xml` of a tile of the MGRS grid."""
    space = "https://psd-14.sentinel2.eo.esa.int/PSD/S2_PDI_Level-2A_Tile_Metadata.xsd"
    (rows, cols), affine = observation.bands["red"][1].shape, observation.bands["red"][1].affine
    elevation, azimuth = observation.sun
    view: Tree = {'Mean_Viewing_Incidence_Angle bandId="0"': {'ZENITH_ANGLE unit="deg"': "5.1"}}
    sun: Tree = {'ZENITH_ANGLE unit="deg"': f"{90 - elevation:.6f}", 'AZIMUTH_ANGLE unit="deg"': f"{azimuth:.6f}"}
    geocoding: Tree = {
        "HORIZONTAL_CS_CODE": f"EPSG:{observation.landscape.epsg}",
        'Size resolution="10"': {"NROWS": str(rows), "NCOLS": str(cols)},
        'Geoposition resolution="10"': {"ULX": f"{affine.c:.0f}", "ULY": f"{affine.f:.0f}"},
    }
    content: Tree = {
        "n1:General_Info": {
            "TILE_ID": f"SIMULATED_TL_A021000_T{tile}_N{observation.acquisition.baseline}",
            "SENSING_TIME": f"{observation.acquisition.moment.astimezone(UTC) + _TO_TILE:%Y-%m-%dT%H:%M:%S.578328Z}",
        },
        "n1:Geometric_Info": {
            "Tile_Geocoding": geocoding,
            "Tile_Angles": {"Mean_Viewing_Incidence_Angle_List": view, "Mean_Sun_Angle": sun},
        },
    }
    return _xml({f'n1:Level-2A_Tile_ID xmlns:n1="{space}"': content})


def _xml(tree: Tree) -> str:
    """Write nested elements; a key is a tag with its attributes, a list repeats its element."""

    def lines(within: Tree, indent: str) -> Iterator[str]:
        for tag, content in within.items():
            end = tag.partition(" ")[0]
            if isinstance(content, Mapping):
                yield from (f"{indent}<{tag}>", *lines(content, f"{indent}  "), f"{indent}</{end}>")
            else:
                texts = [content] if isinstance(content, str) else content
                yield from (f"{indent}<{tag}>{escape(text)}</{end}>" for text in texts)

    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', f"<!-- {_SIMULATED} -->", *lines(tree, ""), ""])


def _mtl(observation: Observation, name: str) -> dict[str, dict[str, str]]:
    """Fields of the MTL file that readers use, by group; text is quoted only where it is written as ODL."""
    moment = observation.acquisition.moment.astimezone(UTC)
    grid = observation.bands["red"][1]
    affine, (rows, cols) = grid.affine, grid.shape
    cell = affine.a
    edges = {"UL": (0.5, 0.5), "UR": (cols - 0.5, 0.5), "LL": (0.5, rows - 0.5), "LR": (cols - 0.5, rows - 0.5)}
    corners = {
        f"CORNER_{corner}_PROJECTION_{axis}_PRODUCT": f"{value:.3f}"
        for corner, at in edges.items()
        for axis, value in zip("XY", affine * at, strict=True)
    }
    factors = {"MULT": "2.75e-05", "ADD": "-0.2"}
    return {
        "PRODUCT_CONTENTS": {
            "ORIGIN": _SIMULATED,
            "LANDSAT_PRODUCT_ID": name,
            "PROCESSING_LEVEL": "L2SP",
            "COLLECTION_NUMBER": "02",
            "COLLECTION_CATEGORY": "T1",
        },
        "IMAGE_ATTRIBUTES": {
            "SPACECRAFT_ID": "LANDSAT_8",
            "WRS_PATH": str(int(PATH_ROW[0])),
            "WRS_ROW": str(int(PATH_ROW[1])),
            "DATE_ACQUIRED": f"{moment:%Y-%m-%d}",
            "SCENE_CENTER_TIME": f"{moment:%H:%M:%S}.1234567Z",
            "CLOUD_COVER": str(cloud_percent(observation)),
            "SUN_ELEVATION": f"{observation.sun[0]:.8f}",
        },
        "PROJECTION_ATTRIBUTES": {
            "MAP_PROJECTION": "UTM",
            "UTM_ZONE": str(observation.landscape.epsg % 100),
            "GRID_CELL_SIZE_REFLECTIVE": f"{cell:.2f}",
            **corners,
        },
        "LEVEL2_PROCESSING_RECORD": {
            "PROCESSING_LEVEL": "L2SP",
            "DATE_PRODUCT_GENERATED": f"{moment + LANDSAT_PROCESSED:%Y-%m-%dT%H:%M:%SZ}",
        },
        "LEVEL2_SURFACE_REFLECTANCE_PARAMETERS": {
            f"REFLECTANCE_{what}_BAND_{number}": value for what, value in factors.items() for number in range(1, 8)
        },
        # Level 1 repeats names with other numbers: a reader that ignores groups is wrong by a factor.
        "LEVEL1_PROCESSING_RECORD": {"PROCESSING_LEVEL": "L1TP"},
        "LEVEL1_RADIOMETRIC_RESCALING": {
            f"REFLECTANCE_{what}_BAND_{number}": value
            for what, value in {"MULT": "2.0000E-05", "ADD": "-0.100000"}.items()
            for number in range(1, 8)
        },
    }


def _odl(groups: Mapping[str, Mapping[str, str]]) -> str:
    lines = ["GROUP = LANDSAT_METADATA_FILE"]
    for group, fields in groups.items():
        lines.append(f"  GROUP = {group}")
        lines += [f"    {key} = {_quoted(value)}" for key, value in fields.items()]
        lines.append(f"  END_GROUP = {group}")
    return "\n".join([*lines, "END_GROUP = LANDSAT_METADATA_FILE", "END", ""])


def _quoted(value: str) -> str:
    """Quote text and times; numbers and dates stand bare."""
    return value if value[0] in "-0123456789" and not value.endswith("Z") else f'"{value}"'
