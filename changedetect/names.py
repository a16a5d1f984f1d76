"""The closed vocabularies that types, documentation and CLI share; imports nothing, for `--help` waits for it."""

from typing import Literal

Kind = Literal["construction", "clearing", "removal", "other"]
"""What a change is. See `changedetect.model.KIND_CODES` for the raster codes."""

FormatName = Literal["gpkg", "kml", "stac", "smart", "csv", "csv-wkt"]
"""Other forms of a run's outputs. See `changedetect.outputs.formats.FORMATS`."""

SiteStatus = Literal["ok", "poor", "failed"]
"""How a site ended."""

ChangeStatus = Literal["candidate", "confirmed", "reverted"]
"""How sure it is that a change lasts: too few looks show it, enough do, or it is gone again."""

WindowName = Literal["before", "after"]
"""The two dates of a comparison."""

WINDOW_NAMES: tuple[WindowName, WindowName] = ("before", "after")
"""Both, in order of time."""
