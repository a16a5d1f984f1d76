"""What can go wrong between a reader and a file server, told as rules that hit the same requests every time.

A `Fault` says what happens and to which requests; a `FaultPlan` counts the requests of one server and says which are
hit. The kinds are those met in public catalogs: throttling (429, 503 with Retry-After), connections cut, answers that
end early, login pages with status 200, dead links, stalls.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, get_args

from changedetect.errors import ConfigError

FaultKind = Literal["status", "reset", "reset_body", "truncate", "short", "html", "dead", "slow", "stall"]
"""`status`: answer with `status` instead; `reset`: RST instead of an answer; `reset_body`: RST in the middle of the
body; `truncate`: the body stops short of its Content-Length and the connection closes; `short`: a whole, consistent
answer of fewer bytes than asked; `html`: a login page with status 200; `dead`: 404 for ever; `slow`: `seconds` more
before the answer; `stall`: `seconds` of silence in the middle of the body."""

Wording = Literal["text", "s3", "azure"]
"""Body of a `status` fault: a plain line, S3's `SlowDown` XML, or the JSON of Azure's API gateway, which tells the
wait only in words (the Planetary Computer's 429)."""

BODY_KINDS: frozenset[FaultKind] = frozenset({"reset_body", "truncate", "short", "stall"})
"""Kinds that need a body of at least two bytes: they pass over HEAD and over answers that are errors anyway."""

DELAYS: frozenset[FaultKind] = frozenset({"slow", "stall"})
"""Kinds that only delay: another fault may hit the same request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong, and for which requests. Conditions are joined by *and*."""

    kind: FaultKind
    """What happens."""
    path: str = "*"
    """Shell pattern of the unquoted path (`/a/*.tif`), or of `host/path` where the server stands in for a host."""
    times: int | None = 1
    """How often each path is hit before it is served well; None: always. `dead` is always."""
    skip: int = 0
    """Requests of each path let through first."""
    every: int = 1
    """Hit only every k-th request, counted over all matching paths."""
    rate: float = 1.0
    """Share of requests hit, drawn from `seed`, path, range and how often that range was asked: not from the clock,
    nor from the order in which parallel requests arrive."""
    seed: int = 0
    """Of the draws for `rate`."""
    status: int = 503
    """HTTP status of kind `status`, 400-599."""
    retry_after_s: int | None = None
    """Seconds in the Retry-After header of kind `status`; None: no such header."""
    retry_after_date: bool = False
    """Write Retry-After as an HTTP date instead of seconds (RFC 9110, 10.2.3, allows both)."""
    wording: Wording = "text"
    """Body of kind `status`."""
    seconds: float = 1.0
    """How long `slow` and `stall` last."""
    at: float = 0.5
    """Share of the body that still goes out, for the kinds that hit a body, 0-1 without 1."""

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            msg = f"fault kind {self.kind!r} is unknown: use one of {', '.join(get_args(FaultKind))}"
            raise ConfigError(msg)
        limits = {
            "times": self.times is None or self.times >= 1,
            "skip": self.skip >= 0,
            "every": self.every >= 1,
            "rate": 0 < self.rate <= 1,
            "status": 400 <= self.status <= 599,
            "retry_after_s": self.retry_after_s is None or self.retry_after_s >= 0,
            "wording": self.wording in get_args(Wording),
            "seconds": self.seconds >= 0,
            "at": 0 <= self.at < 1,
        }
        for name, holds in limits.items():
            if not holds:
                msg = f"fault {name} = {getattr(self, name)!r} is out of range: see the field's documentation"
                raise ConfigError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """What happens to one request."""

    fault: Fault | None = None
    """The fault that takes the answer's place or spoils its body; None: none does."""
    delays: tuple[Fault, ...] = ()
    """Faults that delay it as well."""

    @property
    def kinds(self) -> tuple[FaultKind, ...]:
        """Kinds of all faults that hit the request."""
        return tuple(one.kind for one in (*self.delays, self.fault) if one is not None)

    def seconds(self, kind: FaultKind) -> float:
        """Give the sum of the delays of one kind, in seconds."""
        return sum(fault.seconds for fault in self.delays if fault.kind == kind)


class FaultPlan:
    """The rules of one server with the counts of what they have seen and hit; used from one thread."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        """The rules; the first that applies to a request hits it, and the later ones do not see that request."""
        self._rules = [_Rule(fault) for fault in self.faults]

    def hit(self, path: str, byte_range: str, *, has_body: bool) -> Hit:
        """Say what happens to the next request, and count it.

        Parameters
        ----------
        path
            What `Fault.path` is matched with.
        byte_range
            The Range header, empty without one.
        has_body
            Whether the right answer has a body of at least two bytes.

        >>> plan = FaultPlan([Fault(kind="status", status=429), Fault(kind="reset", path="*.tif")])
        >>> [plan.hit("/a.tif", "", has_body=True).kinds for _ in range(3)]
        [('status',), ('reset',), ()]
        """
        delays: list[Fault] = []
        for rule in self._rules:
            if (has_body or rule.fault.kind not in BODY_KINDS) and rule.applies(path, byte_range):
                if rule.fault.kind not in DELAYS:
                    return Hit(fault=rule.fault, delays=tuple(delays))
                delays.append(rule.fault)
        return Hit(delays=tuple(delays))


class _Rule:
    """One fault and its counts."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self._asked: Counter[str] = Counter()
        self._ranges: Counter[tuple[str, str]] = Counter()
        self._hits: Counter[str] = Counter()
        self._eligible = 0

    def applies(self, path: str, byte_range: str) -> bool:
        fault = self.fault
        if not fnmatchcase(path, fault.path):
            return False
        self._asked[path] += 1
        if self._asked[path] <= fault.skip:
            return False
        self._eligible += 1
        if self._eligible % fault.every or self._draw(path, byte_range) >= fault.rate:
            return False
        if fault.kind != "dead" and fault.times is not None and self._hits[path] >= fault.times:
            return False
        self._hits[path] += 1
        return True

    def _draw(self, path: str, byte_range: str) -> float:
        """Give a number in [0, 1) that depends on the seed and on what was asked, and nothing else."""
        self._ranges[path, byte_range] += 1
        words = f"{self.fault.seed}\n{path}\n{byte_range}\n{self._ranges[path, byte_range]}"
        digest = hashlib.blake2b(words.encode(), digest_size=6).digest()
        return int.from_bytes(digest) / 2**48
