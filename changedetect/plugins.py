"""Plug-ins of other packages, found by entry point and name."""

from collections.abc import Collection
from importlib.metadata import entry_points
from typing import Any

from changedetect.errors import ConfigError


def plugin_named(group: str, name: str, own: Collection[str], unknown: str) -> Any:  # noqa: ANN401 - its group says what it is
    """Make the plug-in that another package registers under a name.

    Parameters
    ----------
    group
        Entry-point group; what stands there is called without arguments.
    name
        Which one.
    own
        Names that the package has itself, for the message.
    unknown
        Beginning of the message where there is none.

    Raises
    ------
    ConfigError
        No such plug-in; the message lists those there are.
    """
    plugins = {entry.name: entry for entry in entry_points(group=group)}
    if name in plugins:
        return plugins[name].load()()
    msg = f"{unknown}: choose one of {', '.join(sorted({*own, *plugins}))}"
    raise ConfigError(msg)
