#!/usr/bin/env python3
"""Questions of practitioners, asked over MCP by a client that knows no tool, against what the engine says.

    evals/mcp_questions.py [--seed N ...] [--home HOME ...] [--real] [--transport http|stdio] [--bar] BINARY

The questions stand in mcp_questions.toml; each is filled with names of the home, asked by mcp_asker over
the official Python SDK, and compared with the answer of a command of the product: equal decimals, the
same name, the same instant. Homes are copied first, since a few questions write proposals. `--real` adds
a home of real files beside the repository, where they are.

Prints a line for each question that was not answered right at the first call, and a table; `--bar` fails
when a question is not answered, when the median is not one call, or when one takes more than three.
"""

import argparse
import asyncio
import datetime
import json
import os
import shutil
import statistics
import sys
import tempfile
from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "independent"))

import httpx2  # noqa: E402
import mcp_reference  # noqa: E402
import product  # noqa: E402
import serving  # noqa: E402
from mcp import Client, StdioServerParameters  # noqa: E402
from mcp.client.streamable_http import streamable_http_client  # noqa: E402
from mcp_asker.client import Answer, Asker, Result  # noqa: E402

CALLS_MAX = 3
REAL_FILES = ("focus_sample_1_0/focus_sample.csv",)


class Connected:
    """A server by the SDK; counts bytes of results as they are sent."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def tools(self) -> list[Any]:
        return (await self.client.list_tools()).tools

    async def call(self, name: str, arguments: dict[str, Any]) -> Result:
        result = await self.client.call_tool(name, arguments)
        text = "".join(part.text for part in result.content if part.type == "text")
        size = len(result.model_dump_json(by_alias=True, exclude_none=True).encode())
        return Result(result.structured_content, text, bool(result.is_error), size)


@asynccontextmanager
async def connected(home: Path, transport: str):
    if transport == "stdio":
        command, *rest = product.command(home, "mcp")
        async with Client(StdioServerParameters(command=command, args=rest)) as client:
            yield Connected(client)
        return
    with serving.server(home) as page:
        headers = product.mcp_headers(home)
        async with httpx2.AsyncClient(headers=headers, timeout=60) as http_client:
            async with Client(streamable_http_client(f"{page}/mcp", http_client=http_client)) as client:
                yield Connected(client)


@dataclass(frozen=True)
class Outcome:
    """What became of one question in one home."""

    home: str
    question: mcp_reference.Question
    expected: Any
    answer: Answer

    @property
    def is_right(self) -> bool:
        return same(self.answer.value, self.expected)

    @property
    def is_coming(self) -> bool:
        return bool(self.question.spec.get("coming"))

    @property
    def calls(self) -> int:
        return len(self.answer.steps)

    @property
    def size(self) -> int:
        return sum(step.size for step in self.answer.steps)


def same(found: Any, expected: Any) -> bool:
    """Equal decimals, instants, names, or lists of names."""
    if found is None or expected is None:
        return False
    if isinstance(expected, list):
        return isinstance(found, list) and sorted(found) == sorted(expected)
    if (one := instant(found)) is not None and (other := instant(expected)) is not None:
        return one == other
    try:
        return Decimal(str(found)) == Decimal(str(expected))
    except InvalidOperation:
        return str(found) == str(expected)


def instant(value: Any) -> datetime.datetime | None:
    try:
        found = datetime.datetime.fromisoformat(str(value)) if "-" in str(value) else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=datetime.UTC)


async def asked_of(home: Path, name: str, transport: str, only: list[str]) -> tuple[list[Outcome], list[str]]:
    """Asks a home every question that can be asked of it."""
    slots = mcp_reference.slots_of(home)
    engine = mcp_reference.Engine(home)
    questions, left = mcp_reference.questions(slots)
    questions = [question for question in questions if not only or question.id in only]
    expected = engine.answers(questions)
    left += [name for name, answer in expected.items() if answer is None]
    outcomes = []
    async with connected(home, transport) as server:
        asker = await Asker.of(server, datetime.datetime.now(datetime.UTC).date())
        for question in questions:
            if question.id in left:
                continue
            if not question.spec.get("follows"):
                asker.forget()
            answer = await asker.ask(question.ask)
            right = expected.get(question.id) or engine.answer(question.spec)
            outcomes.append(Outcome(name, question, right, answer))
    return outcomes, left


def homes(given: argparse.Namespace, into: Path) -> list[tuple[str, Path]]:
    found = []
    for home in given.home:
        copy = into / f"copy-{len(found)}"
        shutil.copytree(home, copy)
        found.append((home.name, copy))
    for seed in given.seed or ([] if given.home or given.real else [7]):
        folder = into / f"seed-{seed}"
        product.run(folder, "demo", "--seed", str(seed), "--no-serve", "--quiet")
        found.append((f"generated company, seed {seed}", folder / f"demo-{seed}"))
    files = [product.SHARED / file for file in REAL_FILES]
    if given.real and all(file.is_file() for file in files):
        folder = into / "real"
        product.run(folder, "init", "--quiet")
        product.run(folder, "import", "--quiet", "--tag", "business-unit", *map(str, files))
        found.append(("FOCUS sample of the FinOps Foundation", folder))
    return found


def report(outcomes: list[Outcome]) -> str:
    """Of each home and of all, tuned and held out: how many were right, in how many calls and bytes."""
    head = "home|questions|answered|at the first call|calls, median|max|bytes, median|p95|max".split("|")
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        part = "held out" if outcome.question.is_held_out else "tuned on"
        part = "coming" if outcome.is_coming else part
        groups[f"{outcome.home}, {part}"].append(outcome)
    groups["all but those coming"] = [outcome for outcome in outcomes if not outcome.is_coming]
    for name, group in groups.items():
        calls = [outcome.calls for outcome in group]
        sizes = sorted(outcome.size for outcome in group)
        cells = [
            name,
            len(group),
            sum(outcome.is_right for outcome in group),
            sum(outcome.is_right and outcome.calls == 1 for outcome in group),
            statistics.median(calls),
            max(calls),
            int(statistics.median(sizes)),
            sizes[min(len(sizes) - 1, int(len(sizes) * 0.95))],
            sizes[-1],
        ]
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(lines)


def shown(outcome: Outcome) -> str:
    steps = "\n".join(
        f"      {step.tool} {json.dumps(step.arguments)}{' refused: ' + step.refusal if step.is_error else ''}"
        for step in outcome.answer.steps
    )
    verdict = "right" if outcome.is_right else "WRONG"
    part = " (held out)" if outcome.question.is_held_out else ""
    return (
        f"{verdict} {outcome.question.id}{part}: {outcome.question.ask}\n"
        f"      answered {outcome.answer.value!r}, the engine says {outcome.expected!r}\n{steps}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("binary", type=Path)
    parser.add_argument("--seed", type=int, action="append", default=[], help="of a generated company (7)")
    parser.add_argument("--home", type=Path, action="append", default=[], help="a home to copy")
    parser.add_argument("--real", action="store_true", help="a home of real files too")
    parser.add_argument("--transport", choices=["http", "stdio"], action="append", help="http")
    parser.add_argument("--only", action="append", default=[], help="these questions")
    parser.add_argument("--verbose", action="store_true", help="every question")
    parser.add_argument("--tuned", action="store_true", help="do not show those held out")
    parser.add_argument("--bar", action="store_true", help="fail below the bar")
    given = parser.parse_args()
    os.environ["CENTINEL_BIN"] = str(given.binary)
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as folder:
        for place, (name, home) in enumerate(homes(given, Path(folder))):
            transports = given.transport or ["http"]
            transport = transports[place % len(transports)]
            found, left = asyncio.run(asked_of(home, name, transport, given.only))
            outcomes += found
            print(f"ok {name} over {transport}: {len(found)} asked")
            print(f"not of this home: {', '.join(left) or 'none'}")
    for outcome in outcomes:
        if given.tuned and outcome.question.is_held_out:
            continue
        if given.verbose or not outcome.is_right or outcome.calls > 1:
            print(shown(outcome))
    print(report(outcomes))
    outcomes = [outcome for outcome in outcomes if not outcome.is_coming]
    wrong = [outcome.question.id for outcome in outcomes if not outcome.is_right]
    long = [outcome.question.id for outcome in outcomes if outcome.calls > CALLS_MAX]
    if given.bar and (wrong or long or statistics.median(outcome.calls for outcome in outcomes) > 1):
        much = f"too many calls: {', '.join(long) or 'none'}"
        raise product.Failed(f"not answered: {', '.join(wrong) or 'none'}; {much}")


if __name__ == "__main__":
    try:
        main()
    except product.Failed as failure:
        sys.exit(f"FAILED {failure}")
