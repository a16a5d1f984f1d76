"""The evidence pack of a change: pixels, pictures, outline and record in one folder, with the hash of every file."""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from shapely.geometry import mapping

from changedetect.errors import OutputError
from changedetect.geotiff import write_cog
from changedetect.outputs.files import pack_entry, remove, whole, write_json
from changedetect.outputs.rasters import SCALE_TAGS
from changedetect.report.objects import Weighed, object_of
from changedetect.report.pictures import Pictures, of_area
from changedetect.report.places import links_of, place_of
from changedetect.report.preview import Preview, around_change, open_preview
from changedetect.report.reading import Change, SiteFiles, find_change
from changedetect.report.words import sentences
from changedetect.types import WINDOW_NAMES

ENLARGED_PX = 800
"""Pictures are enlarged by a whole number to at least this side, so that viewers don't smooth pixels into detail."""
SUMS = "SHA256SUMS"
"""As `sha256sum --check` reads it."""


def write_pack(out: Path, change_id: str, *, zipped: bool = False) -> Path:
    """Write the evidence of a change to `out/evidence/<change_id>/`, or to a zip of that name.

    `change.geojson`, `before.tif` and `after.tif` (the compared pixels around it, every band), a PNG of each date and
    colour, `evidence.txt` in words, `provenance.json` and `SHA256SUMS`, which comes last. Bytes depend on the outputs
    alone.

    Returns
    -------
    The folder, or the zip.

    Raises
    ------
    OutputError
        There is no such change, or the folder can't be written.
    RasterError
        The site's pixels can't be read.
    """
    site, change = find_change(out, change_id)
    folder = out / "evidence" / change_id
    names = list(_write_files(site, change, folder))
    sums = "".join(f"{_digest(folder / name)}  {name}\n" for name in sorted(names))
    with whole(folder / SUMS) as beside:
        beside.write_text(sums, encoding="utf-8", newline="\n")
    if not zipped:
        return folder
    path = folder.with_name(f"{change_id}.zip")
    with whole(path) as beside, zipfile.ZipFile(beside, "w") as archive:
        for name in sorted([*names, SUMS]):
            pack_entry(archive, f"{change_id}/{name}", (folder / name).read_bytes(), zipfile.ZIP_DEFLATED)
    return path


def _write_files(site: SiteFiles, change: Change, folder: Path) -> Iterator[str]:
    """Write all but the sums, and give each file's name."""
    remove(folder / SUMS)  # it vouches for the others: gone before they change
    feature = {
        "type": "Feature",
        "id": change.change_id,
        "geometry": mapping(change.geometry),
        "properties": change.told,
    }
    write_json(folder / "change.geojson", feature)
    yield "change.geojson"
    weighed = object_of(site, change)
    write_json(folder / "provenance.json", _record(site, change, weighed))
    yield "provenance.json"
    if site.preview is not None:
        preview = open_preview(site.preview)
        yield from _write_pixels(preview, change, folder)
    with whole(folder / "evidence.txt") as beside:
        beside.write_text(_told(site, change, weighed), encoding="utf-8", newline="\n")
    yield "evidence.txt"


def _write_pixels(preview: Preview, change: Change, folder: Path) -> Iterator[str]:
    area = around_change(preview, change.geometry)
    grid = preview.geobox[area]
    for date, data in preview.cut(area).items():
        numbers = np.nan_to_num(data).astype(np.uint16) if preview.calibrated else data
        nodata = 0.0 if preview.calibrated else float("nan")
        tags = {"CHANGE_ID": change.change_id, "DATE": str(change.told.get(date) or "")}
        tags |= SCALE_TAGS if preview.calibrated else {}
        write_cog(folder / f"{date}.tif", numbers, grid, band_names=preview.bands, nodata=nodata, tags=tags)
        yield f"{date}.tif"
    pictures = of_area(preview, area)
    for colour in pictures.images:
        for date in WINDOW_NAMES:
            name = f"{date}_{colour}_colour.png"
            with whole(folder / name) as beside:
                beside.write_bytes(_png(pictures, pictures.images[colour][date]))
            yield name


def _png(pictures: Pictures, picture: Image.Image) -> bytes:
    times = max(1, -(-ENLARGED_PX // max(pictures.geobox.shape)))
    stream = io.BytesIO()
    picture.resize((picture.width * times, picture.height * times), Image.Resampling.NEAREST).save(stream, "PNG")
    return stream.getvalue()


def _record(site: SiteFiles, change: Change, weighed: Weighed | None) -> dict[str, Any]:
    """The site's provenance, with of its objects and timelines only what is about this change."""
    kept = {name: value for name, value in site.provenance.items() if name not in ("objects", "timeline")}
    return {
        "site": {"site_id": site.site_id, "name": site.name},
        "summary": site.summary,
        "provenance": kept,
        "object": weighed,
        "timeline": site.dated(change.change_id),
    }


def _told(site: SiteFiles, change: Change, weighed: Weighed | None) -> str:
    """The evidence in words, for who has nothing but this folder."""
    place = place_of(change.geometry)
    lines = [
        f"{change.change_id}: {change.told.get('kind')}, {change.told.get('area_m2')} m2",
        f"Site: {' '.join(site.name.split())} ({site.site_id})",
        f"Latitude, longitude (WGS 84): {place.decimal}",
        f"MGRS: {place.mgrs}",
        "",
        *sentences(site, change, weighed),
        "",
        "Elsewhere:",
        *(f"{link.name} ({link.what}): {link.href}" for link in links_of(site, change)),
        "",
        "Made from free satellite imagery; the scenes are named in provenance.json. Check it before you publish.",
    ]
    return "\n".join(lines) + "\n"


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        msg = f"{path} can't be read again ({error.strerror or error}): check the disk"
        raise OutputError(msg) from error
