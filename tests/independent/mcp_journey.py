#!/usr/bin/env python3
"""Real MCP clients ask the real server, over stdio and HTTP: what did we spend by model last week, why
did it change, and a budget, please. What they propose waits in the inbox; nothing they call decides it.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import call_log
import product

CLIENT = product.ROOT / "tests" / "clients" / "mcp_client.py"
DECIDING_WORDS = ("approve", "reject", "apply", "decide", "execute")
READY_SECONDS_MAX = 60


def fill(home: Path) -> None:
    """Calls of the generated log, priced."""
    calls, prices = home / "calls.csv", home / "prices.json"
    call_log.write_calls(calls, 20_000)
    call_log.write_prices(prices)
    product.run(home, *product.import_calls(calls, prices))


def sdk_client(mode: str, *server: str) -> dict:
    """The Python SDK's questions and checks; returns all that it was told."""
    done = subprocess.run(
        [sys.executable, str(CLIENT), "--mode", mode, *server],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=300,
    )  # fmt: skip
    if done.returncode != 0:
        raise product.Failed(f"Python SDK, {mode}, {' '.join(server)}:\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def inspector_tools(home: Path, *server: str) -> list[str]:
    """Names of the tools as the Inspector lists them; its portability report must be empty."""
    node = product.tools_folder() / "node" / "node_modules"
    inspector = node / "@modelcontextprotocol" / "inspector" / "clients" / "launcher" / "build" / "index.js"
    done = subprocess.run(
        [
            str(node / ".bin" / "node"), str(inspector), "--cli", "--method", "tools/list",
            "--strict", "--format", "json", "--protocol-era", "modern", *server,
        ],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=300,
        # It keeps files in the user's folder, which is none of our business.
        env={**os.environ, "HOME": str(home), "MCP_INSPECTOR_SECRET_STORE": "memory"},
    )  # fmt: skip
    if done.returncode != 0 or "schema" in done.stderr.lower():
        raise product.Failed(f"Inspector, {' '.join(server)}:\n{done.stdout}{done.stderr}")
    return [tool["name"] for tool in json.loads(done.stdout)["result"]["tools"]]


@contextmanager
def served(home: Path, *arguments: str) -> Iterator[str]:
    """A running `centinel serve`; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with (home / "serve.log").open("w+") as log:
        server = subprocess.Popen(
            product.command(home, "serve", "--port", str(port), *arguments),
            stdout=log, stderr=log, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            wait_until_ready(server, f"{address}/healthz", Path(log.name))
            yield address
        finally:
            server.terminate()
            server.wait(timeout=30)


def wait_until_ready(server: subprocess.Popen, url: str, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS_MAX
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    raise product.Failed(f"`centinel serve` did not answer {url}:\n{log.read_text()}")


def check_told(home: Path, where: str, told: dict) -> None:
    """What one client was told: no tool that decides, and its proposal in the inbox."""
    product.equal(f"{where}, deciding tools", deciding(told["tools"]), [])
    if not told["answers"]["refused_tools"]:
        raise product.Failed(f"{where}: no call of a deciding tool was tried")
    proposal = told["answers"]["receipt"]["proposal_id"]
    if proposal not in product.inbox(home):
        raise product.Failed(f"{where}: proposal `{proposal}` is not in the inbox")
    print(f"ok {where}: {len(told['tools'])} tools, proposal {proposal} waits in the inbox")


def deciding(tools: list[str]) -> list[str]:
    return [name for name in tools if any(word in name for word in DECIDING_WORDS)]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        fill(home)
        stdio = ["--", *product.command(home, "mcp")]
        for mode in ("auto", "legacy"):
            check_told(home, f"stdio {mode}", sdk_client(mode, *stdio))
        listed = inspector_tools(home, *stdio)
        with served(home) as address:
            url = f"{address}/mcp"
            for mode in ("auto", "legacy"):
                check_told(home, f"HTTP {mode}", sdk_client(mode, url))
            over_http = inspector_tools(home, url, "--transport", "http")
        product.equal("Inspector, tools over HTTP and stdio", sorted(over_http), sorted(listed))
        product.equal("Inspector, deciding tools", deciding(listed), [])
        print(f"ok Inspector: {', '.join(listed)}")


if __name__ == "__main__":
    try:
        main()
    except product.Failed as failure:
        sys.exit(f"FAILED {failure}")
