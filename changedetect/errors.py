"""One root, one leaf per cause. A message says what happened, with the values, and what to do."""


class ChangeDetectError(Exception):
    """Root of every error a user can cause or meet; the CLI prints it as one line."""


class ConfigError(ChangeDetectError):
    """An option is unknown, of the wrong type, or out of range."""


class SiteListError(ChangeDetectError):
    """The site list can't be read, or a site in it is not usable."""


class CatalogError(ChangeDetectError):
    """The catalog can't be read, or an item in it is not a scene of a known sensor."""


class NoScenesError(ChangeDetectError):
    """A window holds no scene over the site, or none with a clear look at it."""


class RasterError(ChangeDetectError):
    """A raster can't be opened, read or written."""


class SceneError(RasterError):
    """The pixels of a scene can't be read; others may do instead."""

    def __init__(self, message: str, *, scene_id: str) -> None:
        super().__init__(message)
        self.scene_id = scene_id


class BandError(ChangeDetectError):
    """Rasters lack the bands that a comparison needs, or their bands can't be told apart."""


class PairError(ChangeDetectError):
    """Two dates can't be compared: no overlap, or too little valid ground in common."""


class OutputError(ChangeDetectError):
    """The output folder can't be written."""


class EvaluationError(ChangeDetectError):
    """Predictions, references or a labelled sample can't be read, or can't be compared."""


class WorkerError(ChangeDetectError):
    """Workers can't be started or reached, or are not what is needed."""
