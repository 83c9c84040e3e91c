"""A session with `centinel mcp` over standard input and output: plain lines of JSON, no library between."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import product


class Session:
    """One conversation with a running server."""

    def __init__(self, server: subprocess.Popen[str]) -> None:
        self.server = server
        self.number = 0
        started = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "check", "version": "1"}}
        self.request("initialize", started)
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def send(self, message: dict) -> None:
        assert self.server.stdin is not None
        self.server.stdin.write(json.dumps(message) + "\n")
        self.server.stdin.flush()

    def request(self, method: str, params: dict) -> dict:
        """The answer to a request, a result or an error."""
        self.number += 1
        self.send({"jsonrpc": "2.0", "id": self.number, "method": method, "params": params})
        assert self.server.stdout is not None
        for line in self.server.stdout:
            answer = json.loads(line)
            if answer.get("id") == self.number:
                return answer
        raise product.Failed(f"the server ended before it answered `{method}`")

    def result(self, method: str, params: dict) -> dict:
        answer = self.request(method, params)
        if "result" not in answer:
            raise product.Failed(f"`{method}` {params}: {answer}")
        return answer["result"]

    def call(self, tool: str, arguments: dict) -> dict:
        """The result of a tool call, refused or not."""
        return self.result("tools/call", {"name": tool, "arguments": arguments})

    def tools(self) -> list[dict]:
        return self.result("tools/list", {})["tools"]


@contextmanager
def session(home: Path, *arguments: str) -> Iterator[Session]:
    """A session with the product over this home."""
    with subprocess.Popen(
        product.command(home, "mcp", *arguments),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as server:  # fmt: skip
        try:
            yield Session(server)
        finally:
            assert server.stdin is not None
            server.stdin.close()
            server.wait(timeout=60)
