"""Several catalogs as one, in order of preference: what one lacks or fails to tell, another may know."""

import logging
from collections.abc import Iterable, Sequence

import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.catalog.acquisitions import Entry, merge
from changedetect.catalog.base import Catalog
from changedetect.errors import CatalogError
from changedetect.journal import note
from changedetect.model import Scene, Window
from changedetect.parallel import mapped

log = logging.getLogger(__name__)

_THREADS = 8
"""Catalogs asked at once; the same number everywhere, because the pools of `parallel` are kept by their size."""


class Chain(Catalog):
    """Catalogs in order of preference, all asked at once.

    A scene comes from the first that has it, its copies in the others stand behind it (`Scene.copies`). A catalog that
    fails costs only itself, as long as another finds something.
    """

    def __init__(self, members: Iterable[Catalog]) -> None:
        # A chain in a chain is laid open: the preferences of its members count, too.
        self.members: tuple[Catalog, ...] = tuple(
            inner for member in members for inner in (member.members if isinstance(member, Chain) else (member,))
        )
        """Catalogs, the preferred first; none of them a chain."""

    def __repr__(self) -> str:
        return f"Chain({[*self.members]!r})"

    def search(self, geometry: BaseGeometry, window: Window) -> tuple[Scene, ...]:
        """Give the scenes over `geometry` (lon/lat) acquired in the window, oldest first.

        Raises
        ------
        CatalogError
            All catalogs failed; or some did, and the others know of nothing: it may be there all the same.
        """
        return merge(self._answers(geometry, window))

    def entries(self, geometry: BaseGeometry, window: Window) -> tuple[Entry, ...]:
        """Give all that `search` chooses from; `CatalogError` as there."""
        return tuple(entry for answer in self._answers(geometry, window) for entry in answer)

    def _answers(self, geometry: BaseGeometry, window: Window) -> list[Sequence[Entry]]:
        outline = shapely.to_wkb(geometry)

        def ask(member: Catalog) -> Sequence[Entry] | CatalogError:
            try:
                # Each its own copy: a geometry that one thread prepares is not safe to use in another.
                return member.entries(shapely.from_wkb(outline), window)
            except CatalogError as error:
                return error

        told = mapped(ask, self.members, threads=_THREADS)
        answers = [answer for answer in told if not isinstance(answer, CatalogError)]
        # Collections of one server fail in one way when it is the server that fails.
        failures: dict[str, Catalog] = {}
        for member, answer in zip(self.members, told, strict=True):
            if isinstance(answer, CatalogError):
                failures.setdefault(str(answer), member)
        if failures and not any(answers):
            others = "the other catalogs know of no scene, and " if answers else ""
            msg = f"{others}{'; '.join(failures)}"
            raise CatalogError(msg) from next(answer for answer in told if isinstance(answer, CatalogError))
        for failure, member in failures.items():
            log.warning("catalog %s is left out: %s", member, failure)
            note(f"catalog {member} left out: {failure}")
        return answers
