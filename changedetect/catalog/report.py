"""What becomes of the items in a file: which sensor, which bands, which decision, or why it is refused."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from changedetect.catalog.items import scene_from_item
from changedetect.catalog.raw import Raw, mapping, sequence, shown, text
from changedetect.errors import CatalogError
from changedetect.model import Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one item."""

    path: Path
    """The file it is in."""
    item_id: str
    """Its id, on one line; empty where the file holds no item."""
    scene: Scene | None = None
    """The scene it became; None where it was refused."""
    reason: str = ""
    """Why it was refused; empty where it was not."""
    is_stac: bool = True
    """False where the file is no STAC document at all."""

    def __str__(self) -> str:
        head = f"{shown(self.path.name)}: {self.item_id}".removesuffix(": ")
        if self.scene is None:
            return f"{head}: {'refused' if self.is_stac else 'not STAC'}: {self.reason}"
        scene = self.scene
        bands = " ".join(name if band.index == 1 else f"{name}[{band.index}]" for name, band in scene.bands.items())
        band = next(iter(scene.bands.values()))
        numbers = f"scale {band.scale:g} offset {band.offset:g} nodata {_all(band.nodata)}"
        grid = f"EPSG:{scene.epsg}" if scene.epsg else "no EPSG"
        qa = shown(scene.qa.href.partition("?")[0].rpartition("/")[2])
        told = (f"bands {bands}", f"QA {qa}", grid, numbers, *scene.notes)
        return f"{head}: {scene.sensor} ({scene.platform or 'platform untold'}); {'; '.join(told)}"


def _all(nodata: object) -> str:
    return " and ".join(f"{value:g}" for value in sequence(nodata) or (nodata,))


def judge(path: Path) -> list[Verdict]:
    """Read every item of a JSON file (an item, or a collection of features that are items).

    Whatever the file holds, there is an answer: one verdict an item, or one on the file when it holds none.
    """
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        return [Verdict(path=path, item_id="", reason=f"no JSON ({type(error).__name__})", is_stac=False)]
    raw = mapping(document)
    kind = text(raw.get("type"))
    if kind == "FeatureCollection":
        features = sequence(raw.get("features"))
        return [_judged(path, mapping(feature)) for feature in features] or [_none(path, "holds no feature")]
    if kind == "Feature":
        return [_judged(path, raw)]
    if text(raw.get("stac_version")):
        return [_none(path, f"is a STAC {shown(kind) or 'document'}, not an item")]
    return [Verdict(path=path, item_id="", reason="neither an item nor a collection of features", is_stac=False)]


def _judged(path: Path, raw: Raw) -> Verdict:
    name = shown(raw.get("id"))
    if not (text(raw.get("stac_version")) or mapping(raw.get("assets"))):
        reason = "a feature without stac_version and assets"
        return Verdict(path=path, item_id=name, reason=reason, is_stac=False)
    try:
        return Verdict(path=path, item_id=name, scene=scene_from_item(raw))
    except CatalogError as error:
        return Verdict(path=path, item_id=name, reason=str(error))


def _none(path: Path, reason: str) -> Verdict:
    return Verdict(path=path, item_id="", reason=reason)


def judge_folder(folder: Path) -> Sequence[Verdict]:
    """Read every `*.json` below a folder, in order of its name."""
    return [verdict for path in sorted(folder.rglob("*.json")) if path.is_file() for verdict in judge(path)]
