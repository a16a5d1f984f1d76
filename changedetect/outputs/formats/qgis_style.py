"""QGIS styles (QML) of the layers: rules by kind and confidence, in the words of QGIS 3 (`QgsRuleBasedRenderer`)."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping

from changedetect.model import KIND_CODES
from changedetect.outputs.formats.shades import Shade, shades

_VERSION = "3.22.0-Białowieża"
_DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>"


def changes_style() -> str:
    """Style of the layer `changes`: a rule a kind, in each a rule a class of confidence."""
    root, renderer = _root("RuleRenderer")
    top, symbols = ET.SubElement(renderer, "rules", key="rules"), ET.Element("symbols")
    kinds = {
        kind: ET.SubElement(top, "rule", key=kind, label=kind, filter=f"\"kind\" = '{kind}'") for kind in KIND_CODES
    }
    for number, shade in enumerate(shades()):
        ET.SubElement(
            kinds[shade.kind],
            "rule",
            key=shade.name,
            label=f"confidence {shade.label}",
            symbol=str(number),
            filter=f'"confidence" >= {shade.least:g} AND "confidence" < {shade.below:g}',
        )
        _symbol(symbols, str(number), _fill_of(shade))
    renderer.append(symbols)
    return _text(root, 'concat("kind", \' \', round("confidence", 2))')


def sites_style() -> str:
    """Style of the layer `sites`: an outline, dashed where a site was not compared."""
    root, renderer = _root("RuleRenderer")
    top, symbols = ET.SubElement(renderer, "rules", key="rules"), ET.Element("symbols")
    for number, (label, test, dash) in enumerate(
        (("compared", "\"status\" = 'ok'", "solid"), ("poor or failed", "\"status\" <> 'ok'", "dash"))
    ):
        ET.SubElement(top, "rule", key=f"sites-{number}", label=label, symbol=str(number), filter=test)
        _symbol(symbols, str(number), _fill("0,0,0,0", "35,35,35,255", dash, 0.4))
    renderer.append(symbols)
    return _text(root, '"site_name"')


def _root(renderer: str) -> tuple[ET.Element, ET.Element]:
    root = ET.Element("qgis", version=_VERSION, styleCategories="Symbology|MapTips")
    kind = {"type": renderer, "symbollevels": "0", "enableorderby": "0", "forceraster": "0"}
    return root, ET.SubElement(root, "renderer-v2", kind)


def _fill_of(shade: Shade) -> Mapping[str, str]:
    colour = ",".join(map(str, shade.rgb))
    return _fill(f"{colour},{shade.fill}", f"{colour},255", "dash" if shade.dashed else "solid", 0.5)


def _fill(colour: str, outline: str, line: str, width_mm: float) -> Mapping[str, str]:
    """Properties of a simple fill: red, green, blue and opacity by comma."""
    return {
        "color": colour,
        "style": "solid",
        "outline_color": outline,
        "outline_style": line,
        "outline_width": f"{width_mm:g}",
        "outline_width_unit": "MM",
        "joinstyle": "miter",
    }


def _symbol(symbols: ET.Element, name: str, properties: Mapping[str, str]) -> None:
    """A fill of one layer; properties as `prop` (QGIS up to 3.24) and as `Option` (since 3.26), as QGIS itself did."""
    symbol = ET.SubElement(symbols, "symbol", type="fill", name=name, alpha="1", clip_to_extent="1", force_rhr="0")
    layer = ET.SubElement(symbol, "layer", {"class": "SimpleFill", "enabled": "1", "locked": "0", "pass": "0"})
    options = ET.SubElement(layer, "Option", type="Map")
    for key, value in properties.items():
        ET.SubElement(options, "Option", type="QString", name=key, value=value)
    for key, value in properties.items():
        ET.SubElement(layer, "prop", k=key, v=value)


def _text(root: ET.Element, title: str) -> str:
    ET.SubElement(root, "previewExpression").text = title
    ET.SubElement(root, "layerGeometryType").text = "2"
    ET.indent(root)
    return f"{_DOCTYPE}\n{ET.tostring(root, encoding='unicode')}\n"
