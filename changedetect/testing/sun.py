"""Where the sun stands: enough of an almanac for shadows and item properties."""

from datetime import datetime

import numpy as np


def sun_position(lon: float, lat: float, moment: datetime) -> tuple[float, float]:
    """Elevation and azimuth of the sun in degrees, azimuth clockwise from north.

    NOAA's solar equations (Spencer 1971 series); good to about half a degree.

    >>> from datetime import UTC
    >>> elevation, azimuth = sun_position(0.0, 51.5, datetime(2017, 6, 21, 12, 2, tzinfo=UTC))
    >>> round(elevation), round(azimuth)
    (62, 180)
    """
    hour = moment.hour + moment.minute / 60 + moment.second / 3600
    turn = 2 * np.pi / 365 * (moment.timetuple().tm_yday - 1 + (hour - 12) / 24)
    equation_min = 229.18 * (
        0.000075
        + 0.001868 * np.cos(turn)
        - 0.032077 * np.sin(turn)
        - 0.014615 * np.cos(2 * turn)
        - 0.040849 * np.sin(2 * turn)
    )
    declination = (
        0.006918
        - 0.399912 * np.cos(turn)
        + 0.070257 * np.sin(turn)
        - 0.006758 * np.cos(2 * turn)
        + 0.000907 * np.sin(2 * turn)
        - 0.002697 * np.cos(3 * turn)
        + 0.00148 * np.sin(3 * turn)
    )
    hour_angle = np.radians((hour * 60 + equation_min + 4 * lon) / 4 - 180)
    phi = np.radians(lat)
    up = np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(hour_angle)
    east = -np.cos(declination) * np.sin(hour_angle)
    north = np.cos(phi) * np.sin(declination) - np.sin(phi) * np.cos(declination) * np.cos(hour_angle)
    return float(np.degrees(np.arcsin(up))), float(np.degrees(np.arctan2(east, north)) % 360)
