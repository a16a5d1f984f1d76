"""Scripts and styles that the page carries inside it, and the policy that lets nothing else in."""

import base64
import hashlib
import re
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from importlib.resources import files
from pathlib import Path

from changedetect.errors import OutputError

_LEAFLET = "xstatic/pkg/leaflet/data"


@cache
def style() -> str:
    """All CSS: Leaflet's, without the pictures it would fetch, and ours."""
    leaflet = re.sub(r"url\([^)]*\)", "none", _leaflet("leaflet.css"))
    return f"{leaflet}\n{_own('report.css')}"


@cache
def script() -> str:
    """All JavaScript: Leaflet's and ours."""
    leaflet = re.sub(r"//# sourceMappingURL=.*", "", _leaflet("leaflet.js"))
    code = f"{leaflet}\n{_own('map.js')}\n{_own('report.js')}"
    return code.replace("</script", "<\\/script")


@cache
def land() -> str:
    """Outlines of the continents as JSON (Natural Earth 1:110m, public domain), for orientation."""
    return _own("land.json")


def policy() -> str:
    """Content security policy: pictures from the page itself, our script and style by their hash, nothing else."""
    return (
        f"default-src 'none'; img-src data:; style-src '{_hash(style())}'; script-src '{_hash(script())}';"
        " base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    """A source expression of CSP level 2, section 4.2.3."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _own(name: str) -> str:
    return (files("changedetect.report") / "static" / name).read_text(encoding="utf-8")


def _leaflet(name: str) -> str:
    # Found by its distribution: importing namespace packages of the XStatic sort is not needed to read a file.
    try:
        path = Path(str(distribution("XStatic-Leaflet").locate_file(f"{_LEAFLET}/{name}")))
        return path.read_text(encoding="utf-8")
    except (PackageNotFoundError, OSError) as error:
        msg = f"the map library Leaflet is not installed ({error}): pip install XStatic-Leaflet"
        raise OutputError(msg) from error
