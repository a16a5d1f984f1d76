"""Which numbers of a band mean no data: what its sensor's row says, and what its item declares besides.

Providers that rewrite a product give it a nodata of their own (Terrascope 32767, many -9999) and pixels of the old
kind may be left in it: both are masked.
"""

from collections.abc import Mapping
from math import isclose

from changedetect.catalog.assets import Found, declared
from changedetect.catalog.raw import number
from changedetect.sensors import Sensor

_NUMBERS = range(-32768, 65536)
"""Of 16 bits, signed or not: reflectance is stored in no other integers."""

_FILL = 32767
"""The largest signed one: a nodata even where (Landsat) it would be a reflectance of 0.7."""


def absent_numbers(sensor: Sensor, found: Found) -> float | tuple[float, float]:
    """Give the numbers of a reflectance band that mean no data, masked before scale and offset.

    Only what can be no reflectance is believed: not `true`, no fraction, and nothing from just above 0 to 1 (a
    Sentinel-2 item that declares 2000 is wrong, its pixels would be punched full of holes).

    >>> from changedetect.sensors import SENSORS
    >>> declares = [{"raster:bands": [{"nodata": value}]} for value in (0, -9999, 32767, 2000, True, 1e20)]
    >>> [absent_numbers(SENSORS["sentinel-2-l2a"], Found(key="B04", asset=asset)) for asset in declares]
    [0, (0, -9999.0), (0, 32767.0), 0, 0, 0]
    """
    told = number(declared(found, "nodata"))
    if told is None or told not in _NUMBERS or isclose(told, sensor.nodata):
        return sensor.nodata
    reflectance = told * sensor.scale + sensor.offset
    return sensor.nodata if 0 < reflectance <= 1 and told != _FILL else (sensor.nodata, told)


def nodata_notes(sensor: Sensor, found: Mapping[str, Found]) -> tuple[str, ...]:
    """Say which bands have a nodata that is not their sensor's; nothing where none has.

    >>> from changedetect.sensors import SENSORS
    >>> asset = {"raster:bands": [{"nodata": -9999}]}
    >>> nodata_notes(SENSORS["sentinel-2-l2a"], {"red": Found(key="B04", asset=asset)})
    ('nodata 0 and, as the item declares, -9999 (red)',)
    """
    others: dict[float, list[str]] = {}
    for common, one in found.items():
        absent = absent_numbers(sensor, one)
        if isinstance(absent, tuple):
            others.setdefault(absent[1], []).append(common)
    if not others:
        return ()
    words = ", ".join(f"{value:g} ({' '.join(commons)})" for value, commons in others.items())
    return (f"nodata {sensor.nodata:g} and, as the item declares, {words}",)
