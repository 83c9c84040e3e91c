#!/usr/bin/env python3
"""How long a call of each MCP tool takes over HTTP, one after the other on one kept connection.

    evals/bench/mcp_latency.py [--home HOME | --seed N] [--calls N] [--in-process PROFILE] [--bar] BINARY

The home is copied first, since proposals are written too. Without one, the generated company is made
from the seed: 180 days. Every tool is asked many different questions about names that the home has: a
median over one repeated question would say how fast an answer is remembered. A round asks each question
once, in an order that a fixed seed mixes; the first round is reported by itself, as cold.

The client is a socket and a few lines, because an HTTP library of Python alone takes what the bar
allows. `--in-process` has cargo build the same calls into a test and shows what they take without a socket
(`release` for a release binary, `dev` for a debug one). `--bar` fails when a tool's median is not under
5 ms or its 99th percentile not under 50 ms.
"""

import argparse
import json
import math
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "independent"))

import product  # noqa: E402
import serving  # noqa: E402

REVISION = "2026-07-28"
P50_MS_MAX = 5.0
P99_MS_MAX = 50.0
CALLS_DEFAULT = 200
ORDER_SEED = 6


@dataclass(frozen=True)
class Question:
    """A call of a tool."""

    tool: str
    # As JSON, so that it can be a key.
    asked: str

    @property
    def arguments(self) -> dict:
        return json.loads(self.asked)


def question(tool: str, **arguments: object) -> Question:
    return Question(tool, json.dumps(arguments))


@dataclass(frozen=True)
class Answer:
    """What came back: the time from the first byte sent to the last one read, and the bytes."""

    milliseconds: float
    body_bytes: int
    result: dict


class Connection:
    """One kept connection to an MCP server."""

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port = port
        self.headers = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.id = 0

    def call(self, one: Question) -> Answer:
        """Calls a tool; an answer that is an error of any kind fails the bench."""
        self.id += 1
        meta = {
            "io.modelcontextprotocol/protocolVersion": REVISION,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": "latency", "version": "1"},
        }
        params = {"name": one.tool, "arguments": one.arguments, "_meta": meta}
        body = json.dumps(
            {"jsonrpc": "2.0", "id": self.id, "method": "tools/call", "params": params}
        ).encode()
        head = (
            f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
            f"MCP-Protocol-Version: {REVISION}\r\nMcp-Method: tools/call\r\n"
            f"Mcp-Name: {one.tool}\r\n{self.headers}Content-Length: {len(body)}\r\n\r\n"
        ).encode()
        started = time.perf_counter()
        self.socket.sendall(head + body)
        status, answer = self._read()
        milliseconds = (time.perf_counter() - started) * 1000
        result = json.loads(answer).get("result") if status == 200 else None
        if result is None or result.get("isError"):
            raise product.Failed(f"{one.tool} {one.asked}: {status} {answer[:2000]!r}")
        return Answer(milliseconds, len(answer), result)

    def _read(self) -> tuple[int, bytes]:
        """One response: its status and its body, which states its length or comes in chunks."""
        got = b""
        while b"\r\n\r\n" not in got:
            got += self._more()
        head, _, body = got.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        fields = (line.partition(":") for line in lines[1:])
        headers = {name.lower(): value.strip() for name, _, value in fields}
        status = int(lines[0].split()[1])
        if "content-length" in headers:
            length = int(headers["content-length"])
            while len(body) < length:
                body += self._more()
            return status, body
        if headers.get("transfer-encoding") != "chunked":
            raise product.Failed(f"an answer without a length: {head!r}")
        while not body.endswith(b"0\r\n\r\n"):
            body += self._more()
        whole, rest = b"", body
        while True:
            size, _, rest = rest.partition(b"\r\n")
            count = int(size, 16)
            if count == 0:
                return status, whole
            whole, rest = whole + rest[:count], rest[count + 2 :]

    def _more(self) -> bytes:
        got = self.socket.recv(1 << 16)
        if not got:
            raise product.Failed("the server closed the connection")
        return got


def names(home: Path, dimension: str) -> list[str]:
    """Values of a dimension over all time, largest spend first."""
    rows = json.loads(
        product.run(home, "--quiet", "--json", "spend", "--period", "all", "--by", dimension, "--top", "8")
    )["rows"]
    return [name for row in rows if (name := row["group"][dimension]) is not None]


def questions(home: Path) -> list[Question]:
    """What is asked: every tool that reads, over periods, dimensions and names of this home."""
    teams, features, models, services = (
        names(home, dimension) for dimension in ("team", "feature", "model", "service")
    )
    scopes: list[dict] = [
        {},
        *({"team": name} for name in teams[:4]),
        *({"feature": name} for name in features[:4]),
        *({"model": name} for name in models[:3]),
        *({"service": name} for name in services[:2]),
    ]
    periods = ["yesterday", "last_7d", "last_week", "last_30d", "last_month", "last_90d"]
    dimensions = ["model", "team", "feature", "provider", "service", "environment", "day", "week"]
    asked = []

    def ask(tool: str, **arguments: object) -> None:
        asked.append(question(tool, **{name: value for name, value in arguments.items() if value}))

    for place, period in enumerate(periods):
        for dimension in dimensions:
            ask("spend_breakdown", period=period, group_by=dimension)
        for scope in scopes[place % 2 :: 2]:
            ask("spend_breakdown", period=period, group_by="model", filter=scope)
            ask("explain_change", period=period, filter=scope)
        for against in ("previous_period", "usual"):
            ask("spend_breakdown", period=period, group_by=dimensions[place], compare_to=against)
            ask("explain_change", period=period, compare_to=against)
        ask("data_health", period=period)
        ask("anomalies", period=period, status="all")
        ask("anomalies", period=period, impact_min="0")
    for scope in scopes:
        ask("anomalies", period="last_90d", filter=scope, status="all")
    for period in ("day", "week", "month", "quarter"):
        for dimension in ("kind", "team", "model", "feature"):
            ask("forecast", period=period, group_by=dimension)
        ask("forecast", period=period, amount="50000")
        ask("forecast", period=period, assume="volume +20%")
    for scope in scopes:
        ask("forecast", filter=scope)
    for status in (None, "pending_approval", "executed", "withdrawn"):
        ask("proposals", status=status)
    for stage in (None, "open", "realised"):
        ask("savings", stage=stage)
    return asked


def follow_up(connection: Connection) -> list[Question]:
    """What is asked about ids that the server gave."""
    listed = connection.call(question("anomalies", period="last_90d", status="all"))
    rows = listed.result["structuredContent"]["rows"]
    asked = [question("explain_change", anomaly_id=row["anomaly_id"]) for row in rows[:8]]
    listed = connection.call(question("proposals"))
    rows = listed.result["structuredContent"]["rows"]
    return asked + [question("proposals", proposal_id=row["proposal_id"]) for row in rows[:3]]


class Bench:
    """Rounds over all questions, until each tool was asked often enough."""

    def __init__(self, connection: Connection, asked: list[Question], calls: int, every: int) -> None:
        self.connection = connection
        by_tool: dict[str, list[Question]] = defaultdict(list)
        for one in asked:
            by_tool[one.tool].append(one)
        self.by_tool = {tool: questions[::every] for tool, questions in by_tool.items()}
        self.calls = calls
        self.cold: dict[str, list[Answer]] = defaultdict(list)
        self.warm: dict[str, list[Answer]] = defaultdict(list)
        # Of each question the fastest warm answer: what else runs on the machine is not in it.
        self.fastest: dict[Question, float] = {}

    def run(self, seconds: float) -> None:
        """The cold round, then warm ones; a tool leaves when it has its calls, all when time is over."""
        for tool, asked in self.by_tool.items():
            for one in asked:
                self.cold[tool].append(self.connection.call(one))
        order = random.Random(ORDER_SEED)
        deadline = time.monotonic() + seconds
        while True:
            wanted = [tool for tool in self.by_tool if len(self.warm[tool]) < self.calls]
            mixed = [one for tool in wanted for one in self.by_tool[tool]]
            if not mixed or time.monotonic() > deadline:
                break
            order.shuffle(mixed)
            for one in mixed:
                answer = self.connection.call(one)
                self.warm[one.tool].append(answer)
                self.fastest[one] = min(self.fastest.get(one, math.inf), answer.milliseconds)
        self._write()

    def _write(self) -> None:
        """Proposals and their withdrawals: each call changes the home, so none is asked twice."""
        tools = ("propose_change", "withdraw_proposal")
        for place in range(max(3, self.calls // 4)):
            draft = {"kind": "budget", "amount": str(20_000 + place), "per": "month", "reason": "a bench"}
            written = self.connection.call(question(tools[0], **draft))
            proposal = written.result["structuredContent"]["proposal_id"]
            withdrawn = self.connection.call(
                question(tools[1], proposal_id=proposal, reason="the bench is over")
            )
            for tool, answer in zip(tools, (written, withdrawn), strict=True):
                (self.cold if place == 0 else self.warm)[tool].append(answer)


def percentile(values: list[float], share: float) -> float:
    """The smallest value that at least this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


def in_process(bench: Bench, home: Path, profile: str) -> dict[str, list[float]]:
    """Milliseconds of the same calls inside one process, by tool: the second of two rounds."""
    folder = home.parent
    if home.name != "home":
        home.rename(folder / "home")
    asked = [
        json.dumps({"tool": tool, "arguments": one.arguments})
        for tool, questions in bench.by_tool.items()
        for one in questions
    ]
    random.Random(ORDER_SEED).shuffle(asked)
    (folder / "calls.jsonl").write_text("\n".join(asked + asked) + "\n")
    command = [os.environ.get("CARGO", "cargo"), "test", "--locked", "--package", "centinel"]
    command += ["--profile", "release" if profile == "release" else "test", "in_process"]
    done = subprocess.run(
        command, cwd=product.ROOT, env={**os.environ, "CENTINEL_CALLS": str(folder)},
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode != 0:
        raise product.Failed(f"{' '.join(command)}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    lines = (folder / "times.jsonl").read_text().splitlines()[len(asked) :]
    times: dict[str, list[float]] = defaultdict(list)
    for line in map(json.loads, lines):
        times[line["tool"]].append(line["micros"] / 1000)
    return times


def report(bench: Bench, inside: dict[str, list[float]]) -> list[dict]:
    rows = []
    for tool in bench.cold:
        # Without a warm round, what there is.
        answers = bench.warm[tool] or bench.cold[tool]
        times = [answer.milliseconds for answer in answers]
        sizes = [answer.body_bytes for answer in answers]
        cold = [answer.milliseconds for answer in bench.cold[tool]]
        fastest = [bench.fastest[one] for one in bench.by_tool.get(tool, []) if one in bench.fastest]
        rows.append(
            {
                "tool": tool,
                "questions": max(len(bench.by_tool.get(tool, [])), 1),
                "calls": len(times),
                "p50_ms": round(statistics.median(times), 2),
                "p95_ms": round(percentile(times, 0.95), 2),
                "p99_ms": round(percentile(times, 0.99), 2),
                "max_ms": round(max(times), 2),
                # What is written is never asked twice.
                "fastest_p50_ms": round(statistics.median(fastest), 2) if fastest else "",
                "fastest_p99_ms": round(percentile(fastest, 0.99), 2) if fastest else "",
                "cold_p50_ms": round(statistics.median(cold), 2),
                "cold_max_ms": round(max(cold), 2),
                "bytes_p50": int(statistics.median(sizes)),
                "bytes_max": max(sizes),
            }
        )
        if inside:
            within = inside.get(tool, [])
            rows[-1]["in_process_p50_ms"] = round(statistics.median(within), 2) if within else ""
            rows[-1]["in_process_p99_ms"] = round(percentile(within, 0.99), 2) if within else ""
    return rows


def table(rows: list[dict]) -> str:
    head = list(rows[0])
    lines = [head, ["---"] * len(head), *([str(row[name]) for name in head] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def prepared(given: Path | None, seed: int, into: Path) -> Path:
    """A home of the bench's own: a copy of the one given, or the generated company."""
    if given is not None:
        shutil.copytree(given, into / "home")
        return into / "home"
    product.run(into, "demo", "--seed", str(seed), "--no-serve", "--quiet")
    return into / f"demo-{seed}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("binary", type=Path)
    parser.add_argument("--home", type=Path, help="a home to copy, instead of a generated company")
    parser.add_argument("--seed", type=int, default=7, help="of the generated company (7)")
    parser.add_argument("--calls", type=int, default=CALLS_DEFAULT, help="warm calls of each tool, about")
    parser.add_argument("--seconds", type=float, default=600, help="no new warm round after this")
    parser.add_argument("--every", type=int, default=1, help="only every Nth question of a tool")
    parser.add_argument("--bar", action="store_true", help="fail above the bar")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--in-process", choices=["release", "dev"], help="the same calls without a socket")
    given = parser.parse_args()
    os.environ["CENTINEL_BIN"] = str(given.binary)
    with tempfile.TemporaryDirectory() as folder:
        home = prepared(given.home, given.seed, Path(folder))
        asked = questions(home)
        with serving.server(home) as page:
            connection = Connection(int(page.rsplit(":", 1)[1]), product.mcp_headers(home))
            bench = Bench(connection, asked + follow_up(connection), given.calls, given.every)
            bench.run(given.seconds)
        inside = in_process(bench, home, given.in_process) if given.in_process else {}
    rows = report(bench, inside)
    print(json.dumps({"tools": rows}) if given.json else table(rows))
    for one, milliseconds in sorted(bench.fastest.items(), key=lambda entry: -entry[1]):
        if milliseconds >= P99_MS_MAX and not given.json:
            print(f"never under {P99_MS_MAX:.0f} ms: {one.tool} {one.asked}: {milliseconds:.1f}")
    slow = [
        f"{row['tool']}: p50 {row['p50_ms']} ms, p99 {row['p99_ms']} ms"
        for row in rows
        if row["p50_ms"] >= P50_MS_MAX or row["p99_ms"] >= P99_MS_MAX
    ]
    if given.bar and slow:
        raise product.Failed(f"above the bar of {P50_MS_MAX} and {P99_MS_MAX} ms: {'; '.join(slow)}")


if __name__ == "__main__":
    try:
        main()
    except product.Failed as failure:
        sys.exit(f"FAILED {failure}")
