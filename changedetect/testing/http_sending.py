"""The way of an answer to the socket: whole, delayed, cut short or torn off."""

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from changedetect.testing.faults import Hit
from changedetect.testing.http_answers import Answer, Ask

_ON_ITS_WAY_S = 0.02
"""Pause before a RST, so that the peer's kernel has what was sent: a RST throws away what is still under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as the server saw it; never its query, which may hold a signature."""

    connection: int
    """Number of the TCP connection, from 1."""
    method: str
    """Upper case."""
    host: str
    """Host and port as asked for."""
    path: str
    """Percent-decoded path."""
    range: str
    """The Range header, empty without one."""
    status: int
    """Status sent; 0 where none was (`reset`)."""
    bytes_sent: int
    """Bytes of the body that were sent."""
    faults: tuple[str, ...]
    """Kinds of what was injected, empty when served well."""


async def send(
    answer: Answer, ask: Ask, hit: Hit, writer: asyncio.StreamWriter, note: Callable[[int, int], None]
) -> bool:
    """Send an answer, or as much of it as the fault lets through; True when the connection may stay open.

    `note` is called once, with status and bytes of the body, before the last of them goes out: whoever has the whole
    answer finds it noted.
    """
    fault = hit.fault
    if fault and fault.kind == "reset":
        note(0, 0)
        _reset(writer)
        return False
    cut = fault if fault and fault.kind in {"truncate", "reset_body"} else None
    limit = 0 if ask.method == "HEAD" else answer.kept(cut.at) if cut else answer.length
    keep_alive = ask.keep_alive and ask.method in {"GET", "HEAD"}
    pause_at = next((max(1, answer.kept(one.at)) for one in hit.delays if one.kind == "stall"), limit)
    spans = ((0, min(pause_at, limit)), (min(pause_at, limit), limit))
    whole = await _write(answer, spans, hit.seconds("stall"), writer, note, keep_alive=keep_alive)
    if cut and cut.kind == "reset_body":
        await asyncio.sleep(_ON_ITS_WAY_S)
        _reset(writer)
    return keep_alive and whole and cut is None


async def _write(
    answer: Answer,
    spans: tuple[tuple[int, int], tuple[int, int]],
    pause_s: float,
    writer: asyncio.StreamWriter,
    note: Callable[[int, int], None],
    *,
    keep_alive: bool,
) -> bool:
    """Write the head and two adjoining spans of the body with a pause between them; True when all of it went out."""
    limit = spans[-1][1]
    sent, noted = 0, False
    pending = answer.head(keep_alive=keep_alive)  # goes out with the first piece: one packet, one system call
    try:
        for first, last in spans:
            if first:
                await asyncio.sleep(pause_s)
            with closing(answer.chunks(first, last)) as pieces:
                for piece in pieces:
                    sent += len(piece)
                    if sent == limit:
                        noted = True
                        note(answer.status, sent)
                    writer.write(pending + piece)
                    pending = b""
                    await writer.drain()
        return sent == limit
    finally:
        if not noted:
            note(answer.status, sent)
        if pending:
            writer.write(pending)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection with RST: lingering for 0 s forgoes the orderly end (socket(7), SO_LINGER)."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
