"""A file server on loopback that is as far away, as busy and as broken as told: for tests and benchmarks.

`FileServer` serves the files below a folder over HTTP/1.1 with single ranges and keep-alive, each answer after a set
latency, with `Fault`s and tokens that run out (`SasPolicy`) where asked for. It is a forward proxy for plain-http URLs
too: `GDAL_HTTP_PROXY` or `http_proxy` leads real cloud host names to it. One asyncio loop in a thread; hundreds of
connections wait at no cost. Other processes: `python -m changedetect.testing.http_server FOLDER --latency-ms 60`.
"""

import argparse
import asyncio
import json
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path
from typing import Self

from changedetect.errors import ConfigError
from changedetect.testing.faults import Fault, FaultPlan
from changedetect.testing.http_answers import Answer, Ask, file_answer, message, read_ask, spoilt
from changedetect.testing.http_sending import Request, send
from changedetect.testing.tokens import SasPolicy, SasToken, TokenDesk, refusal

_TURNS = 10
"""Turns of the loop in which a connection just accepted surely becomes a task (asyncio takes three or four)."""


class FileServer:
    """A range-capable HTTP/1.1 file server on 127.0.0.1 in a thread, while its `with` block lasts.

    Parameters
    ----------
    root
        Folder to serve; nothing outside it is.
    port
        0: a free one.
    latency_s
        Seconds from a request to the first byte of its answer.
    faults
        What goes wrong.
    hosts
        Folders (relative to `root`) that stand for host names, in proxied URLs and in Host headers.
    sas
        Which paths need a token, which is then given out at `/api/sas/v1/token/{account}/{container}` of any host.

    Raises
    ------
    ConfigError
        `root` is no folder, a host's folder is outside it, or the port is taken.
    """

    def __init__(
        self,
        root: Path,
        *,
        port: int = 0,
        latency_s: float = 0.0,
        faults: Iterable[Fault] = (),
        hosts: Mapping[str, Path | str] | None = None,
        sas: SasPolicy | None = None,
    ) -> None:
        self.latency_s = latency_s
        self._root = root.resolve()
        self._hosts = {name.lower(): (self._root / folder).resolve() for name, folder in (hosts or {}).items()}
        for folder in (self._root, *self._hosts.values()):
            if not folder.is_dir() or not folder.is_relative_to(self._root):
                msg = f"can't serve {folder}: it must be a folder that exists, in {self._root}"
                raise ConfigError(msg)
        if not 0 <= port <= 65535:
            msg = f"port {port} is out of range: give 1-65535, or 0 for a free one"
            raise ConfigError(msg)
        self._plan = FaultPlan(faults)
        self._desk = TokenDesk(sas) if sas else None
        self._port = port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections = self._in_flight = 0
        self.reset_log()

    def reset_log(self) -> None:
        """Empty `log`, `injected` and `peak_in_flight`; faults and tokens stay as they are."""
        self._log: list[Request] = []
        self._injected: Counter[str] = Counter()
        self._peak = 0

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`, without a slash at the end."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def log(self) -> tuple[Request, ...]:
        """Requests answered, in the order of the answers: who has a whole answer finds it here."""
        return tuple(self._log)

    @property
    def injected(self) -> Counter[str]:
        """How often each kind of fault happened, `no_token`, `expired_token` and `bad_token` among them."""
        return self._injected.copy()

    @property
    def peak_in_flight(self) -> int:
        """Most requests that were waiting for their answer at one time."""
        return self._peak

    @property
    def tokens(self) -> tuple[SasToken, ...]:
        """All tokens given out: look for them where no token may be."""
        return self._desk.tokens if self._desk else ()

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What goes wrong; set it to begin anew with other faults, or `()` for none."""
        return self._plan.faults

    @faults.setter
    def faults(self, faults: Iterable[Fault]) -> None:
        self._plan = FaultPlan(faults)

    def expire_tokens(self) -> None:
        """Let every token given out so far end now."""
        if self._desk:
            self._desk.expire()

    def __enter__(self) -> Self:
        started: Future[int] = Future()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._work, args=(started,), name="FileServer", daemon=True)
        self._thread.start()
        try:
            self._port = started.result()
        except OSError as error:
            self._thread.join()
            msg = f"can't listen on 127.0.0.1:{self._port} ({error.strerror}): give another port, or 0 for a free one"
            raise ConfigError(msg) from error
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop and self._thread:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def _work(self, started: "Future[int]") -> None:
        try:
            asyncio.run(self._run(started))
        finally:
            started.cancel()  # no effect once it has started; else nobody may wait for it for ever

    async def _run(self, started: "Future[int]") -> None:
        self._loop = asyncio.get_running_loop()
        try:
            server = await asyncio.start_server(self._serve, "127.0.0.1", self._port, backlog=512)
        except OSError as error:
            started.set_exception(error)
            return
        started.set_result(server.sockets[0].getsockname()[1])
        await self._stop.wait()
        # Accept no more, but close only when all that was accepted is a task: asyncio leaks what comes in between.
        for listening in server.sockets:
            self._loop.remove_reader(listening.fileno())
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection. asyncio has set TCP_NODELAY on it."""
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._connections += 1
        number = self._connections
        # Drained means handed to the kernel: what is counted as sent has left, and a reset comes in the right place.
        writer.transport.set_write_buffer_limits(high=0)
        try:
            try:
                with suppress(
                    OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError
                ):  # client or file is gone
                    while await self._exchange(await reader.readuntil(b"\r\n\r\n"), writer, number):
                        pass
            finally:
                writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
        except asyncio.CancelledError:
            writer.transport.abort()  # the server stops; passed on, asyncio 3.11 would log it as a failure

    async def _exchange(self, head: bytes, writer: asyncio.StreamWriter, number: int) -> bool:
        """Answer one request; True when the connection stays open."""
        self._in_flight += 1
        self._peak = max(self._peak, self._in_flight)
        try:
            ask = read_ask(head)
            if ask is None:
                nonsense = message(HTTPStatus.BAD_REQUEST, "not an HTTP/1.1 request\n")
                writer.write(nonsense.head(keep_alive=False) + nonsense.body)
                return False
            answer, refused = self._answer(ask)
            has_body = ask.method == "GET" and answer.status < HTTPStatus.BAD_REQUEST and answer.length > 1
            hit = self._plan.hit(self._name(ask), ask.headers.get("range", ""), has_body=has_body)
            replaced = hit.fault is not None and hit.fault.kind in {"status", "reset", "html", "dead"}
            kinds = (*hit.kinds, *(() if replaced else refused))
            self._injected.update(kinds)
            await asyncio.sleep(self.latency_s + hit.seconds("slow"))
            if hit.fault:
                answer = spoilt(answer, hit.fault)

            def note(status: int, sent: int) -> None:
                self._log.append(_request(ask, number, status, sent, kinds))

            return await send(answer, ask, hit, writer, note)
        finally:
            self._in_flight -= 1

    def _name(self, ask: Ask) -> str:
        """Give what patterns are matched with."""
        return f"{ask.host}{ask.path}" if ask.host in self._hosts else ask.path

    def _answer(self, ask: Ask) -> tuple[Answer, tuple[str, ...]]:
        """Give the right answer, and how a token was found wanting."""
        if ask.method not in {"GET", "HEAD"}:
            return message(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD, and no tunnels\n"), ()
        if self._desk and ask.method == "GET" and (token := self._desk.issue_json(ask.path)):
            return message(HTTPStatus.OK, token, "application/json"), ()
        if ask.scheme and ask.host not in {*self._hosts, "127.0.0.1", "localhost"}:
            return message(HTTPStatus.BAD_GATEWAY, f"no folder stands for {ask.host}\n"), ()
        if self._desk and (verdict := self._desk.check(self._name(ask), ask.query)) != "ok":
            return message(HTTPStatus.FORBIDDEN, refusal(verdict), "application/xml"), (verdict,)
        return file_answer(self._hosts.get(ask.host, self._root), ask), ()


def _request(ask: Ask, connection: int, status: int, sent: int, kinds: tuple[str, ...]) -> Request:
    return Request(
        connection=connection,
        method=ask.method,
        host=ask.authority,
        path=ask.path,
        range=ask.headers.get("range", ""),
        status=int(status),
        bytes_sent=sent,
        faults=kinds,
    )


def main(arguments: list[str] | None = None) -> None:
    """Serve a folder until interrupted or terminated."""
    parser = argparse.ArgumentParser(prog="python -m changedetect.testing.http_server", description=__doc__)
    parser.add_argument("root", type=Path, help="folder to serve")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="from a request to its answer")
    parser.add_argument("--log", type=Path, help="file for the requests, one JSON object a line, written at the end")
    options = parser.parse_args(arguments)
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    with FileServer(options.root, port=options.port, latency_s=options.latency_ms / 1000) as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        done.wait()
    if options.log:
        options.log.write_text("".join(json.dumps(asdict(one)) + "\n" for one in server.log), encoding="utf-8")


if __name__ == "__main__":
    main()
