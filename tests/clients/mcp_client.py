"""Asks a Centinel MCP server what a person would, through the MCP Python SDK (mcp==2.3.0).

    python mcp_client.py [--mode MODE] [--token TOKEN] [--withdraw] http://127.0.0.1:8787/mcp
    python mcp_client.py [--mode MODE] [--withdraw] -- centinel --home HOME mcp

MODE is `auto` (the newest protocol both sides know), `legacy` (the handshake of 2025-11-25 and
older), or a revision such as `2026-07-28`. Prints one JSON object with every answer, and exits 1
when a check fails. It assumes no figures, only that the ledger holds some spend, and leaves one
budget proposal pending unless `--withdraw` is given.
"""

import argparse
import asyncio
import json
import sys
from contextlib import asynccontextmanager
from decimal import Decimal

import anyio
import httpx2
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

SUMMARY_BYTES_MAX = 8 * 1024
FULL_BYTES_MAX = 32 * 1024
DECIDING_WORDS = ("approve", "reject", "decide", "apply", "execute", "merge", "sql", "fetch")


class Failed(Exception):
    """A check that did not hold."""


def check(holds, what):
    if not holds:
        raise Failed(what)


def add(amounts):
    return sum((Decimal(amount) for amount in amounts), Decimal(0))


class Session:
    def __init__(self, client):
        self.client = client
        self.answers = {}

    async def call(self, label, tool, **arguments):
        result = await self.client.call_tool(tool, arguments)
        check(not result.is_error, f"{tool} {arguments}: {result.content}")
        size = len(result.model_dump_json(by_alias=True, exclude_none=True))
        limit = FULL_BYTES_MAX if arguments.get("detail") == "full" else SUMMARY_BYTES_MAX
        check(size <= limit, f"{tool}: {size} bytes, at most {limit}")
        answer = result.structured_content
        check(json.loads(result.content[0].text) == answer, f"{tool}: text and structure differ")
        check(answer.get("summary"), f"{tool}: no summary")
        self.answers[label] = answer
        return answer

    async def mistake(self, label, tool, **arguments):
        result = await self.client.call_tool(tool, arguments)
        check(result.is_error, f"{tool} {arguments} is not refused")
        text = result.content[0].text
        self.answers[label] = text
        return text


    async def give_up(self, tool, **arguments):
        """A call that is taken back is over, and the next one is answered."""
        with anyio.move_on_after(0.001) as scope:
            await self.client.call_tool(tool, arguments)
        check(scope.cancelled_caught, f"{tool} was answered before it could be taken back")
        await self.call("after_giving_up", "data_health")


def check_basis(answer):
    for field in ("currency", "period", "as_of", "coverage", "evidence_id", "truncated"):
        check(field in answer, f"no {field} in {sorted(answer)}")
    check(answer["evidence_id"].startswith("bundle:"), answer["evidence_id"])


def check_rows(answer, field, total):
    parts = [row[field] for row in answer["rows"]]
    if "other" in answer:
        parts.append(answer["other"][field])
    check(add(parts) == Decimal(total), f"{field}: rows and other make {add(parts)}, not {total}")


async def ask(client, withdraw):
    session = Session(client)
    listed = (await client.list_tools()).tools
    names = [tool.name for tool in listed]
    check(len(names) <= 14, f"{len(names)} tools")
    for name in names:
        check(not any(word in name for word in DECIDING_WORDS), f"tool `{name}`")
    for tool in listed:
        hints = tool.annotations
        check(hints.open_world_hint is False and hints.read_only_hint is not None, tool.name)

    # What did we spend by model last week?
    spend = await session.call("spend", "spend_breakdown", period="last_week", group_by="model")
    check_basis(spend)
    check_rows(spend, "net", spend["total"]["net"])
    check_rows(spend, "gross", spend["total"]["gross"])

    # Against the week before, and what moved it.
    change = await session.call(
        "change",
        "spend_breakdown",
        period="last_week",
        group_by="feature",
        compare_to="previous_period",
    )
    check_basis(change)
    total = change["total"]
    check_rows(change, "delta", total["delta"])
    effects = add(effect["amount"] for effect in total["effects"])
    check(effects == Decimal(total["delta"]), f"effects make {effects}, not {total['delta']}")

    # Why did it jump?
    anomalies = await session.call("anomalies", "anomalies", period="last_90d", status="all")
    check_basis(anomalies)
    if anomalies["rows"]:
        asked = {"anomaly_id": anomalies["rows"][0]["anomaly_id"]}
    else:
        asked = {"period": "last_week", "compare_to": "previous_period"}
    why = await session.call("why", "explain_change", **asked)
    check_basis(why)
    effects = add(effect["amount"] for effect in why["effects"])
    check(effects == Decimal(why["delta"]), f"effects make {effects}, not {why['delta']}")
    check_basis(await session.call("health", "data_health"))

    # Propose a budget, twice: one proposal, pending.
    budget = {
        "kind": "budget",
        "amount": "32000",
        "per": "month",
        "reason": "spend rose; see the evidence",
        "evidence_id": why["evidence_id"],
    }
    receipt = await session.call("receipt", "propose_change", **budget)
    check(receipt["status"] == "pending_approval", receipt["status"])
    again = await session.call("receipt_again", "propose_change", **budget)
    check(again["proposal_id"] == receipt["proposal_id"] and not again["created"], "not idempotent")
    pending = await session.call(
        "pending", "proposals", status="pending_approval", kind="budget", detail="full"
    )
    ids = [row["proposal_id"] for row in pending["rows"]]
    check(receipt["proposal_id"] in ids, f"{receipt['proposal_id']} not in {ids}")

    # A mistake comes back with the call that works.
    text = await session.mistake("mistake", "spend_breakdown", groupby="team", period="last-week")
    corrected = json.loads(text.split("hint: call `spend_breakdown` with ", 1)[1])
    check(corrected == {"group_by": "team", "period": "last_week"}, corrected)
    await session.call("mended", "spend_breakdown", **corrected)

    await session.give_up("explain_change", period="last_90d", compare_to="previous_period")

    # There is no way to decide.
    refused = {}
    for tool in ("approve", "approve_proposal", "approve_change", "decide", "apply_change"):
        try:
            result = await client.call_tool(tool, {"proposal_id": receipt["proposal_id"]})
            raise Failed(f"`{tool}` answered {result}")
        except MCPError as error:
            refused[tool] = error.error.code
    session.answers["refused_tools"] = refused
    one = await session.call("one", "proposals", proposal_id=receipt["proposal_id"])
    check(one["status"] == "pending_approval", one["status"])

    if withdraw:
        withdrawn = await session.call(
            "withdrawn",
            "withdraw_proposal",
            proposal_id=receipt["proposal_id"],
            reason="the check is over",
        )
        check(withdrawn["status"] == "withdrawn", withdrawn["status"])
    return {
        "protocol_version": client.protocol_version,
        # A client pinned to a revision asks nothing before its first call.
        "server": client.server_info and client.server_info.model_dump(exclude_none=True),
        "tools": names,
        "answers": session.answers,
    }


@asynccontextmanager
async def connected(arguments):
    if arguments.server[0].startswith(("http://", "https://")):
        headers = {"Authorization": f"Bearer {arguments.token}"} if arguments.token else {}
        async with httpx2.AsyncClient(headers=headers, timeout=60) as http_client:
            transport = streamable_http_client(arguments.server[0], http_client=http_client)
            async with Client(transport, mode=arguments.mode) as client:
                yield client
    else:
        command, *rest = arguments.server
        parameters = StdioServerParameters(command=command, args=rest)
        async with Client(parameters, mode=arguments.mode) as client:
            yield client


async def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mode", default="auto")
    parser.add_argument("--token")
    parser.add_argument("--withdraw", action="store_true")
    parser.add_argument("server", nargs="+", help="URL, or a command and its arguments after --")
    arguments = parser.parse_args()
    try:
        async with connected(arguments) as client:
            print(json.dumps(await ask(client, arguments.withdraw), indent=1))
    except* Failed as group:
        for failure in group.exceptions:
            print(f"failed: {failure}", file=sys.stderr)
        sys.exit(1)


asyncio.run(main())
