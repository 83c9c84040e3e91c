#!/usr/bin/env python3
"""What `centinel serve` endures from MCP clients: a thousand calls at once, slow and silent ones, cut
connections, and requests that are none. It answers each as the protocols say, panics at nothing, and
afterwards holds no more files, threads or memory than before.

Everything happens on 127.0.0.1, over sockets of our own: no library is between that would mend a request.
"""

import asyncio
import itertools
import json
import os
import re
import socket
import struct
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import call_log
import product
import serving

# At once, of each tool that reads.
CALLS = int(os.environ.get("CENTINEL_LOAD_CALLS", "1000"))
IDLE = 1000
# What the server allows for headers and bodies, and some more.
PATIENCE_SECONDS = 30
GRACE_SECONDS = 15
ANSWER_SECONDS_MAX = 600
# How long a thread that has nothing to do is kept, and some more.
THREAD_SECONDS = 15
# A server of this language may keep that much more than it needs.
RSS_GROWTH_MAX = 1.15
RSS_SLACK_KB = 16 * 1024

AUGUST = {"start": "2026-08-01", "end": "2026-09-01"}
READING: dict[str, dict] = {
    "spend_breakdown": {**AUGUST, "group_by": "team"},
    "explain_change": {"start": "2026-09-01", "end": "2026-09-08", "compare_to": "previous_period"},
    "anomalies": AUGUST,
    "forecast": {},
    "data_health": {},
    "proposals": {},
    "savings": {},
}
MODERN = "2026-07-28"
# What a call may say instead of an answer when the machine is busy with a thousand others.
BUSY = re.compile(r"no (answer|turn) within \d+ s")


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict:
        return json.loads(self.body)


@dataclass
class Held:
    """What a process holds."""

    files: int
    threads: int
    rss_kb: int

    @staticmethod
    def by(pid: int) -> "Held":
        status = Path(f"/proc/{pid}/status").read_text()

        def number(name: str) -> int:
            found = re.search(rf"^{name}:\s+(\d+)", status, re.M)
            if found is None:
                raise product.Failed(f"no {name} of process {pid}")
            return int(found[1])

        files = len(os.listdir(f"/proc/{pid}/fd"))
        return Held(files=files, threads=number("Threads"), rss_kb=number("VmRSS"))


def call(tool: str, arguments: dict, call_id: object = 1) -> dict:
    meta = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientInfo": {"name": "load", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"name": tool, "arguments": arguments, "_meta": meta}
    return {"jsonrpc": "2.0", "id": call_id, "method": "tools/call", "params": params}


def request(message: object, **changed: str | None) -> bytes:
    """A POST of a message as a client of 2026-07-28 sends it. Headers may be changed, or left out."""
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    headers: dict[str, str | None] = {
        "host": "localhost",
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": MODERN,
        "content-length": str(len(body)),
    }
    if isinstance(message, dict):
        headers["mcp-method"] = message["method"]
        if "name" in message.get("params", {}):
            headers["mcp-name"] = message["params"]["name"]
    headers |= {name.replace("_", "-"): value for name, value in changed.items()}
    lines = [f"{name}: {value}\r\n" for name, value in headers.items() if value is not None]
    return ("POST /mcp HTTP/1.1\r\n" + "".join(lines) + "\r\n").encode() + body


class Server:
    """The server under test, and how one talks to it."""

    def __init__(self, page: str, pid: int) -> None:
        self.port = int(page.rsplit(":", 1)[1])
        self.pid = pid

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def send(self, whole: bytes, seconds: float = ANSWER_SECONDS_MAX) -> Answer:
        """One request on a connection of its own."""
        reader, writer = await self.connect()
        try:
            writer.write(whole)
            return await asyncio.wait_for(read(reader), seconds)
        finally:
            await end(writer)

    async def answers(self) -> None:
        """An ordinary call is answered as ever."""
        answer = await self.send(request(call("data_health", {})), seconds=60)
        result = answer.json()["result"]
        product.equal("status of an ordinary call", (answer.status, result.get("isError")), (200, False))

    async def settles(self, what: str, before: Held) -> Held:
        """Waits until the process holds no more files and threads than before."""
        deadline = time.monotonic() + PATIENCE_SECONDS + GRACE_SECONDS
        while (now := Held.by(self.pid)).files > before.files or now.threads > before.threads:
            if time.monotonic() > deadline:
                raise product.Failed(f"after {what}: {now}; before it: {before}")
            await asyncio.sleep(0.2)
        return now


async def read(reader: asyncio.StreamReader) -> Answer:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.split(": ", 1) for line in lines if line)
    headers = {name.lower(): value for name, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Answer(int(first.split(" ")[1]), headers, body)


async def end(writer: asyncio.StreamWriter) -> None:
    writer.close()
    try:
        await writer.wait_closed()
    except OSError:
        pass


def cut(writer: asyncio.StreamWriter) -> None:
    """Ends a connection as a crash does: without a farewell."""
    held = writer.get_extra_info("socket")
    held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def parallel(server: Server, count: int) -> None:
    """So many calls of each reading tool at once, each on a connection of its own."""
    for tool, arguments in READING.items():
        whole = request(call(tool, arguments))
        started = time.monotonic()
        answers = await asyncio.gather(*(server.send(whole) for _ in range(count)))
        busy = 0
        for answer in answers:
            product.equal(f"{tool}: status", answer.status, 200)
            result = answer.json()["result"]
            if result["isError"]:
                text = result["content"][0]["text"]
                if not BUSY.search(text):
                    raise product.Failed(f"{tool}: {text}")
                busy += 1
        if busy == count:
            raise product.Failed(f"{tool}: none of {count} calls at once was answered in time")
        seconds = time.monotonic() - started
        told = f"{count - busy} answered, {busy} told to come again, {seconds:.1f} s"
        serving.ok(f"{count} calls of {tool} at once: {told}")


async def slow_readers(server: Server) -> None:
    """Clients that take a byte a second, and leave in the middle."""
    whole = request(call("spend_breakdown", {**AUGUST, "group_by": "feature", "detail": "full"}))

    async def one() -> None:
        reader, writer = await server.connect()
        writer.write(whole)
        for _ in range(5):
            await reader.readexactly(1)
            await asyncio.sleep(1)
        cut(writer)

    readers = [asyncio.create_task(one()) for _ in range(100)]
    await asyncio.sleep(1)
    await server.answers()
    await asyncio.gather(*readers)
    serving.ok("100 clients that read a byte a second hold up nobody")


async def slow_writers(server: Server) -> None:
    """Clients that send a byte a second: of headers, of a body; and a thousand that send nothing."""
    whole = request(call("data_health", {}))
    head_bytes = whole.index(b"\r\n\r\n") + 4
    allowed = PATIENCE_SECONDS + GRACE_SECONDS

    async def trickle(begin: int) -> tuple[bytes, float]:
        reader, writer = await server.connect()
        writer.write(whole[:begin])
        started = time.monotonic()

        async def drip() -> None:
            for byte in itertools.chain(whole[begin:-1], itertools.repeat(0x20)):
                writer.write(bytes([byte]))
                await asyncio.sleep(1)

        dripping = asyncio.create_task(drip())
        try:
            said = await asyncio.wait_for(until_end(reader), allowed)
        finally:
            dripping.cancel()
            await end(writer)
        return said, time.monotonic() - started

    async def idle() -> float:
        reader, writer = await server.connect()
        started = time.monotonic()
        said = await asyncio.wait_for(until_end(reader), allowed)
        await end(writer)
        product.equal("said to a client that says nothing", said, b"")
        return time.monotonic() - started

    silent = []
    for _ in range(IDLE):
        silent.append(asyncio.create_task(idle()))
        # More at a time than the kernel keeps for a listener would be lost before the server sees them.
        await asyncio.sleep(0.002)
    heads = [asyncio.create_task(trickle(5)) for _ in range(50)]
    # The first bytes of the body are there; the last ones never come.
    bodies = [asyncio.create_task(trickle(head_bytes + 10)) for _ in range(50)]
    await asyncio.sleep(2)
    await server.answers()
    for said, _ in await asyncio.gather(*bodies):
        if not said.startswith(b"HTTP/1.1 408 "):
            raise product.Failed(f"a body that never ends is answered {said!r}")
    for said, _ in await asyncio.gather(*heads):
        if said and not said.startswith(b"HTTP/1.1 408 "):
            raise product.Failed(f"headers that never end are answered {said!r}")
    longest = max(await asyncio.gather(*silent))
    serving.ok("50 bodies of a byte a second: 408; 50 heads: cut off")
    serving.ok(f"{IDLE} silent connections: let go within {longest:.0f} s, an ordinary call answered meanwhile")


async def until_end(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


async def cut_off(server: Server) -> None:
    """Connections that break in the middle of a request, of the work, and of the answer."""
    whole = request(call("explain_change", READING["explain_change"]))

    async def one(sent: int, taken: int) -> None:
        reader, writer = await server.connect()
        writer.write(whole[:sent])
        await writer.drain()
        if taken:
            await reader.readexactly(taken)
        cut(writer)

    cuts = [(sent, 0) for sent in range(1, len(whole), 3)]
    cuts += [(len(whole), 0)] * 200
    cuts += [(len(whole), taken) for taken in range(1, 400, 20)]
    for some in chunks(cuts, 100):
        await asyncio.gather(*(one(sent, taken) for sent, taken in some))
    serving.ok(f"{len(cuts)} connections cut in request, work and answer")


def chunks(items: list, size: int) -> list[list]:
    return [items[start : start + size] for start in range(0, len(items), size)]


# Name, what is sent, the status, and the code of the JSON-RPC error, where there is one.
def bad_requests() -> list[tuple[str, bytes, int, int | None]]:
    good = call("data_health", {})
    listed = json.dumps(good).encode()
    deep = b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    foreign = {**good, "method": "tools/none"}
    large = b" " * (1024 * 1024 + 1)
    return [
        ("no JSON", request(b"hello"), 400, -32700),
        ("nothing", request(b""), 400, -32700),
        ("half of it", request(listed[:40]), 400, -32700),
        ("not UTF-8", request(b'{"jsonrpc":"2.0","id":"\xff\xfe","method":"ping"}'), 400, -32700),
        ("deep JSON", request(deep), 400, -32602),
        ("brackets without end", request(b"[" * 500_000), 400, -32700),
        ("a batch", request(b"[" + listed + b"," + listed + b"]"), 400, -32600),
        ("an empty batch", request(b"[]"), 400, -32600),
        ("a number", request(b"1e999"), 400, -32600),
        ("no method", request(b'{"jsonrpc":"2.0","id":1}'), 400, -32600),
        ("JSON-RPC 1.0", request(b'{"jsonrpc":"1.0","id":1,"method":"ping"}'), 400, -32600),
        ("an id twice", request(b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}'), 400, -32600),
        ("no such method", request(foreign), 404, -32601),
        ("no such tool", request(call("approve", {})), 200, -32602),
        ("too large", request(large), 413, None),
        ("text", request(good, content_type="text/plain"), 415, None),
        ("a form", request(good, content_type="application/x-www-form-urlencoded"), 415, None),
        ("no type", request(good, content_type=None), 415, None),
        ("HTML wanted", request(good, accept="text/html"), 406, None),
        ("JSON alone wanted", request(good, accept="application/json"), 406, None),
        ("another host", request(good, host="evil.example"), 403, None),
        ("another origin", request(good, origin="https://evil.example"), 403, None),
        ("another method in the header", request(good, mcp_method="tools/list"), 400, -32020),
        ("another name in the header", request(good, mcp_name="savings"), 400, -32020),
        ("no method in the header", request(good, mcp_method=None), 400, -32020),
        ("another revision in the header", request(good, mcp_protocol_version="2025-11-25"), 400, -32020),
        ("a revision of the future", request(good, mcp_protocol_version="2999-01-01"), 400, None),
        ("an unknown token", request(good, authorization="Bearer nobody"), 401, None),
        ("two lengths", request(good).replace(b"\r\n", b"\r\ncontent-length: 5\r\n", 1), 400, None),
        ("no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, None),
        ("a large header", request(good, x_large="x" * 600_000), 431, None),
        ("GET", b"GET /mcp HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n", 405, None),
        ("DELETE", b"DELETE /mcp HTTP/1.1\r\nhost: localhost\r\n\r\n", 405, None),
    ]  # fmt: skip


async def bad(server: Server) -> None:
    for name, whole, status, code in bad_requests():
        answer = await server.send(whole, seconds=30)
        product.equal(f"{name}: status", answer.status, status)
        if code is not None:
            product.equal(f"{name}: code", answer.json()["error"]["code"], code)
        if "panicked" in answer.body.decode(errors="replace"):
            raise product.Failed(f"{name}: {answer.body!r}")
    serving.ok(f"{len(bad_requests())} requests that are none: each told so")


async def one_id(server: Server) -> None:
    """The same id many times: at once on connections of their own, and in a row on one."""
    whole = request(call("data_health", {}, call_id="same"))
    answers = await asyncio.gather(*(server.send(whole) for _ in range(50)))
    reader, writer = await server.connect()
    writer.write(whole * 20)
    answers += [await asyncio.wait_for(read(reader), 60) for _ in range(20)]
    await end(writer)
    for answer in answers:
        found = answer.json()
        product.equal("the same id", (found["id"], found["result"]["isError"]), ("same", False))
    serving.ok("70 calls with one id: 70 answers")


async def endure(server: Server) -> None:
    # What the first thousands need stays: connections to the database, room for memory.
    await parallel(server, CALLS)
    await asyncio.sleep(THREAD_SECONDS)
    before = Held.by(server.pid)
    serving.ok(f"held after the first thousands: {before}")
    steps = [bad, one_id, slow_readers, slow_writers, cut_off, again]
    now = before
    for step in steps:
        await step(server)
        await server.answers()
        now = await server.settles(step.__name__, before)
    allowed = before.rss_kb * RSS_GROWTH_MAX + RSS_SLACK_KB
    if now.rss_kb > allowed:
        raise product.Failed(f"memory grew from {before.rss_kb} KB to {now.rss_kb} KB")
    serving.ok(f"held at the end: {now}")


async def again(server: Server) -> None:
    await parallel(server, max(CALLS // 10, 1))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        calls, prices = home / "calls.csv", home / "prices.json"
        call_log.write_calls(calls, 20_000)
        call_log.write_prices(prices)
        product.run(home, *product.import_calls(calls, prices))
        with serving.server_process(home) as (page, process):
            asyncio.run(endure(Server(page, process.pid)))
            if process.poll() is not None:
                raise product.Failed(f"the server ended with {process.returncode}")
        log = (home / "serve.log").read_text(errors="replace")
        if "panicked" in log or " ERROR " in log:
            raise product.Failed(f"the log says:\n{log[-4000:]}")
        serving.ok("no panic and no error in the log")


if __name__ == "__main__":
    try:
        main()
    except product.Failed as failure:
        sys.exit(f"FAILED {failure}")
