#!/usr/bin/env python3
"""Real MCP clients ask the real server, over stdio and HTTP: what did we spend by model last week, why
did it change, and a budget, please. What they propose waits in the inbox; nothing they call decides it.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import call_log
import product
import serving

CLIENTS = product.ROOT / "tests" / "clients"
CLIENT_SECONDS_MAX = 300
DECIDING_WORDS = ("approve", "reject", "apply", "decide", "execute")
# Arguments with which each tool answers. The ledger has calls from July to September.
CALLS: dict[str, dict] = {
    "spend_breakdown": {"start": "2026-08-01", "end": "2026-09-01", "group_by": "team"},
    "explain_change": {"start": "2026-09-01", "end": "2026-09-08", "compare_to": "previous_period"},
    "anomalies": {"start": "2026-08-01", "end": "2026-09-01"},
    "forecast": {},
    "data_health": {},
    "proposals": {},
    "savings": {},
    "verify_text": {"text": "Spend was measured."},
    "propose_change": {"kind": "budget", "amount": "33000", "per": "month", "reason": "spend rose"},
    "withdraw_proposal": {"reason": "the check is over"},
}


def fill(home: Path) -> None:
    """Calls of the generated log, priced."""
    calls, prices = home / "calls.csv", home / "prices.json"
    call_log.write_calls(calls, 20_000)
    call_log.write_prices(prices)
    product.run(home, *product.import_calls(calls, prices))


def told_by(what: str, line: list[str]) -> dict:
    """A client's questions and checks; returns all that it was told."""
    done = subprocess.run(
        line, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        timeout=CLIENT_SECONDS_MAX,
        env={**os.environ, "CENTINEL_TEST_TOOLS": str(product.tools_folder())},
    )  # fmt: skip
    if done.returncode != 0:
        raise product.Failed(f"{what}:\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def check_clients(home: Path, transport: str, server: list[str]) -> None:
    """Both SDKs, by the newest revision and by the last with a handshake."""
    python = [sys.executable, str(CLIENTS / "mcp_client.py"), "--mode"]
    typescript = [str(node()), str(CLIENTS / "mcp_client.mjs")]
    for sdk, line in (("Python", python), ("TypeScript", typescript)):
        for mode, version in (("auto", "2026-07-28"), ("legacy", "2025-11-25")):
            what = f"{sdk} SDK, {transport}, {version}"
            told = told_by(what, [*line, mode, *server])
            product.equal(f"{what}: revision", told["protocol_version"], version)
            check_told(home, what, told)


def node() -> Path:
    return product.tools_folder() / "node" / "node_modules" / ".bin" / "node"


def inspector(home: Path, server: list[str], method: str, *arguments: str) -> dict:
    """What the Inspector is answered; its portability report must be empty."""
    package = product.tools_folder() / "node" / "node_modules" / "@modelcontextprotocol" / "inspector"
    line = [
        str(node()), str(package / "clients" / "launcher" / "build" / "index.js"), "--cli",
        "--method", method, *arguments, "--format", "json", "--protocol-era", "modern", *server,
    ]  # fmt: skip
    done = subprocess.run(
        line, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        timeout=CLIENT_SECONDS_MAX,
        # It keeps files in the user's folder, which is none of our business.
        env={**os.environ, "HOME": str(home), "MCP_INSPECTOR_SECRET_STORE": "memory"},
    )  # fmt: skip
    if done.returncode != 0 or "schema" in done.stderr.lower():
        raise product.Failed(f"Inspector, {method} {arguments}, {server}:\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout)["result"]


def inspect(home: Path, server: list[str]) -> list[str]:
    """The lists, and a call of every tool that is listed; returns the names of the tools."""
    listed = [tool["name"] for tool in inspector(home, server, "tools/list", "--strict")["tools"]]
    product.equal("tools with arguments to call them with", sorted(CALLS), sorted(listed))
    proposal = evidence = None
    for name, arguments in CALLS.items():
        if name == "withdraw_proposal":
            arguments = {**arguments, "proposal_id": proposal}
        if name == "verify_text":
            arguments = {**arguments, "evidence_id": evidence}
        # Exit code 5, which fails here, is a tool's error.
        given = ("--tool-name", name, "--tool-args-json", json.dumps(arguments))
        answer = inspector(home, server, "tools/call", *given)
        if name == "propose_change":
            proposal = answer["structuredContent"]["proposal_id"]
        if name == "explain_change":
            evidence = answer["structuredContent"]["evidence_id"]
    prompts = [prompt["name"] for prompt in inspector(home, server, "prompts/list")["prompts"]]
    if "weekly_review" not in prompts:
        raise product.Failed(f"Inspector, prompts: {prompts}")
    inspector(home, server, "prompts/get", "--prompt-name", "weekly_review")
    resources = inspector(home, server, "resources/list")["resources"]
    for resource in resources:
        inspector(home, server, "resources/read", "--uri", resource["uri"])
    print(f"ok Inspector: {len(listed)} tools called, {len(prompts)} prompts, {len(resources)} resources read")
    return listed


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
        check_clients(home, "stdio", stdio)
        listed = inspect(home, stdio)
        with serving.server(home) as page:
            url = f"{page}/mcp"
            check_clients(home, "HTTP", [url])
            over_http = inspect(home, [url, "--transport", "http"])
        product.equal("Inspector, tools over HTTP and stdio", sorted(over_http), sorted(listed))
        product.equal("Inspector, deciding tools", deciding(listed), [])


if __name__ == "__main__":
    try:
        main()
    except product.Failed as failure:
        sys.exit(f"FAILED {failure}")
