"""What `decisions.tif` says of a pixel: which tests it passed, and which object it was counted to."""

from collections.abc import Mapping
from types import MappingProxyType

PASSED: Mapping[str, int] = MappingProxyType(
    {"seen": 1, "changed": 2, "strong": 4, "candidate": 8, "structured": 16, "barren": 32, "beside": 64}
)
"""Bits of band `passed`: seen at both dates; differs beyond the pair's noise; strongly enough for an object; `strong`
and neither green nor wet afterwards; new fine structure that soil does not make; barren enough for something built;
beside structure so strong that its blur is all that is seen."""

DECISION_BANDS = ("passed", "object", "object_backward")
"""Bands of `decisions.tif`: the bits above, and the number of the object a pixel belongs to (0 none) when time is read
forward and backward. Object `n` is entry `n - 1` of `objects.forward` and `objects.backward` in `provenance.json`."""
