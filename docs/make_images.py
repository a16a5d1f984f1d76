"""Draw the pictures of how-it-works.md from the sample scenes.

    .venv/bin/python docs/make_images.py [FOLDER]

Writes to `docs/images/` unless told otherwise; half a minute. Needs matplotlib.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from PIL import Image

from changedetect import diff, prepare, read_sites, tiling
from changedetect.catalog import open_catalog
from changedetect.comparison import Reading, read_both_ways
from changedetect.config import RunConfig, load_config
from changedetect.ground import Ground, ground_of_scenes, levelled, matched, preview
from changedetect.model import Pair, Tile
from changedetect.pipeline import run_site
from changedetect.scene_reader import SceneReader
from changedetect.selection import Plan, plan_site
from changedetect.stretching import stretch

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "sample_tiles"
SITE = "romania-road"
"""The real one."""


def main() -> None:
    """Draw all pictures."""
    mpl.use("Agg")
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    config = load_config(SAMPLES / "run.toml")
    sites = {site.site_id: site for site in read_sites(SAMPLES / "sites.geojson")}
    catalog = open_catalog(config.catalog)

    plan = plan_site(sites[SITE], catalog, config)
    chosen = [[one.scene for one in some] for some in plan.chosen]
    _save(folder / "stage-looks.png", draw_looks(plan, config))
    raw = ground_of_scenes(plan.grid, chosen[0], chosen[1], config, SceneReader(config))
    ground, _ = matched(raw, config)
    pair = preview(ground)
    _save(folder / "stage-composites.png", draw_composites(pair))
    ground, _ = levelled(ground, pair, config)
    forward, _ = read_both_ways(ground, config)
    _save(folder / "stage-strength.png", draw_strength(ground, forward))
    _save(folder / "stage-evidence.png", draw_evidence(forward))

    result = run_site(sites[SITE], catalog, config)
    _save(folder / "stage-polygons.png", result.plot()[0].figure)
    _save(folder / "stage-timeline.png", result.plot_timeline(result.changes.change_id[0]).figure)


def draw_looks(plan: Plan, config: RunConfig) -> Any:  # noqa: ANN401 - matplotlib is not typed here
    """Draw each scene that was chosen before, and below it what is left of it when clouds and shadows are masked."""
    scenes = [one.scene for one in plan.chosen[0]]
    tiles = tiling.read_scenes(scenes, plan.grid, ("red", "green", "blue"), config.tiling.threads)
    good = [tile for tile in tiles if isinstance(tile, Tile)]
    pictures = {}
    for tile in good:
        pictures[f"{tile.scene.datetime:%d %B %Y}"] = _picture(tile.data)
    for tile in good:
        clear = prepare.clear_sky(tile, config.prepare)
        pictures[f"clear: {clear.mean():.0%}" + " " * len(pictures)] = _picture(np.where(clear, tile.data, np.nan))
    return _grid(pictures, len(good))


def draw_composites(pair: Pair) -> Any:  # noqa: ANN401
    """Draw both windows' composites, and how many clear looks are behind each pixel of the earlier one."""
    before, after = pair.shown().pictures(400)
    return _grid({"before": before, "after": after, "clear looks before": pair.before.looks}, 3, "viridis")


def draw_strength(ground: Ground, forward: Reading) -> Any:  # noqa: ANN401
    """Draw how strongly each pixel changed, in medians of the site."""
    (spec, pair), *_ = ground.pairs()
    measured = diff.measure(pair, forward.fitted.lines, forward.fitted.scales)
    strength = forward.fitted.strength(measured.features.normalised(forward.fitted.normalisation))[spec.inner]
    known = forward.layers.changed != 255
    shown = np.where(known, np.clip(strength, 0, 8), np.nan)
    return _grid({"strength": shown, "changed": np.where(known, forward.layers.changed, 0)}, 2, "magma")


def draw_evidence(forward: Reading) -> Any:  # noqa: ANN401
    """Draw which pixels may belong to something built."""
    names = ("strong", "candidate", "structured")
    return _grid({name: getattr(forward.layers, name) for name in names}, 3, "magma")


def _picture(data: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return stretch(data, data, together=True)[0]


def _grid(pictures: Mapping[str, Any], columns: int, colours: str | None = None) -> Any:  # noqa: ANN401
    rows = -(-len(pictures) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(2.6 * columns, 2.8 * rows), layout="constrained", squeeze=False)
    for ax, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
        ax.imshow(picture, cmap=colours, interpolation="nearest")
        ax.set_title(title.strip(), fontsize=10)
        ax.set_axis_off()
    return figure


def _save(path: Path, figure: Any) -> None:  # noqa: ANN401
    figure.savefig(path, dpi=90, metadata={"Software": None})
    plt.close(figure)
    with Image.open(path) as drawn:
        drawn.convert("RGB").quantize(256, method=Image.Quantize.FASTOCTREE).save(path, optimize=True)


if __name__ == "__main__":
    main()
