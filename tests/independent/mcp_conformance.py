#!/usr/bin/env python3
"""The official MCP conformance suite: every scored scenario of both requirement sets against fixtures on
the product's HTTP stack, and what does not depend on fixtures against `centinel serve` itself.

The suite's own result files are read, not its exit code alone. There is no list of expected failures:
each scenario that the suite runs is demanded here, or it is said why the product has nothing to show
for it; anything else fails, as does an explanation for what passes by now.
"""

import json
import re
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import call_log
import product
import serving

REVISIONS = ("2026-07-28", "2025-11-25")
RUN_SECONDS_MAX = 300
READY_LINE = re.compile(r"(http://127\.0\.0\.1:\d+)/mcp")

# During these calls the server asks the client something, which revisions before 2026-07-28 can do
# within a session only; without one they cannot pass, and exactly they must not.
NEEDS_SESSION = {
    "tools-call-sampling",
    "tools-call-elicitation",
    "elicitation-sep1034-defaults",
    "elicitation-sep1330-enums",
}

# What the product must pass whole.
DEMANDED = {
    "2026-07-28": {
        "server-stateless",
        "completion-complete",
        "tools-list",
        "server-sse-multiple-streams",
        "resources-list",
        "sep-2164-resource-not-found",
        "prompts-list",
        "dns-rebinding-protection",
        "caching",
        "http-header-validation",
        "input-required-result-missing-input-response",
        "input-required-result-unsupported-methods",
        "input-required-result-ignore-extra-params",
        "input-required-result-validate-input",
    },
    "2025-11-25": {
        "server-initialize",
        "ping",
        "completion-complete",
        "tools-list",
        "resources-list",
        "prompts-list",
        "dns-rebinding-protection",
    },
}

# Scenarios of 2025-11-25 that look into sessions, and find nothing to check where there are none.
OF_SESSIONS = {"server-session-lifecycle", "server-sse-multiple-streams", "server-sse-polling"}

# Checks of demanded scenarios for which the product has nothing to show, with the reason.
NOTHING_TO_SHOW = {
    "sep-2575-server-rejects-undeclared-capability": "calls the fixture `test_missing_capability`",
    "sep-2575-missing-capability-http-400": "calls the fixture `test_missing_capability`",
    "sep-2575-http-server-no-independent-requests-on-stream": "calls the fixture `test_streaming_elicitation`",
    "sep-2575-server-no-log-without-loglevel": "calls the fixture `test_logging_tool`",
    "sep-2322-missing-response-rerequests": "calls the fixture `test_input_required_result_elicitation`",
    "sep-2322-ignore-unexpected-params": "calls the fixture `test_input_required_result_elicitation`",
}

# The same for a server without a capability, which it then must not declare.
WITHOUT_CAPABILITY = {
    "sep-2164-error-code": "resources",
    "sep-2164-data-uri": "resources",
    "logging-set-level": "logging",
    "tools-call-with-logging": "logging",
    "resources-subscribe": "resources.subscribe",
    "resources-unsubscribe": "resources.subscribe",
}

# Everything else that the suite runs calls tools, prompts and resources that only fixtures have.
FIXTURE = re.compile(
    r"^(tools-call|resources-read|resources-templates-read|prompts-get|elicitation|json-schema-2020-12"
    r"|http-custom-header-server-validation|tasks|input-required-result)(-|$)"
)


@dataclass
class Outcome:
    """One scenario: its checks by status, and what did not succeed."""

    succeeded: int = 0
    skipped: int = 0
    # Id of a check, with its status and message.
    faults: dict[str, str] = field(default_factory=dict)

    def cell(self) -> str:
        return f"{self.succeeded}/{self.succeeded + len(self.faults)}"


def suite() -> Path:
    return product.tools_folder() / "node" / "node_modules" / "@modelcontextprotocol" / "conformance"


def node(*arguments: str) -> subprocess.CompletedProcess:
    """Runs the suite."""
    runner = product.tools_folder() / "node" / "node_modules" / ".bin" / "node"
    return subprocess.run(
        [str(runner), str(suite() / "dist" / "index.js"), *arguments],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=RUN_SECONDS_MAX,
    )  # fmt: skip


def requirements(revision: str) -> tuple[list[str], list[str]]:
    """The scenarios for servers that the suite scores at a revision, and those that it only runs."""
    text = (suite() / "requirements" / f"{revision}.yaml").read_text()
    sections = {name: body for name, body in re.findall(r"^(\w+):\n((?:[ \t].*\n|\n|#.*\n)*)", text, re.M)}
    scored = re.findall(r"^  - ([\w/-]+)$", sections["server"], re.M)
    entries = re.findall(r"- scenario: (\S+)\n\s+leg: server\b", sections["not_scored"])
    if len(scored) < 20:
        raise product.Failed(f"only {len(scored)} scored scenarios read of {revision}")
    return scored, entries


def run_suite(url: str, revision: str, out: Path) -> tuple[dict[str, Outcome], str]:
    """Runs a requirement set; returns its scenarios by name, and what the suite printed."""
    done = node("server", "--url", url, "--requirements", revision, "-o", str(out))
    if done.returncode not in (0, 1) or "=== SUMMARY ===" not in done.stdout:
        raise product.Failed(f"the suite did not run:\n{done.stdout}{done.stderr}")
    outcomes = {}
    for file in sorted(out.glob("*/checks.json")):
        name = re.sub(r"^server-(.*)-\d{4}-\d\d-\d\dT[\d-]+Z$", r"\1", file.parent.name)
        outcomes[name] = read_checks(file)
    scored, unscored = requirements(revision)
    product.equal(f"scenarios run of {revision}", sorted(outcomes), sorted(scored + unscored))
    return outcomes, done.stdout


def read_checks(file: Path) -> Outcome:
    outcome = Outcome()
    for check in json.loads(file.read_text()):
        match check["status"]:
            case "SUCCESS":
                outcome.succeeded += 1
            case "SKIPPED":
                outcome.skipped += 1
            case "INFO":
                pass
            case status:
                outcome.faults[check["id"]] = f"{status}: {check.get('errorMessage')}"
    return outcome


def demand_all(what: str, outcomes: dict[str, Outcome], scenarios: list[str]) -> None:
    """Every check of these scenarios succeeds, and there is at least one of each."""
    wrong = [
        f"  {name}: {outcomes[name].faults or 'nothing was checked'}"
        for name in scenarios
        if outcomes[name].faults or not outcomes[name].succeeded
    ]
    if wrong:
        raise product.Failed(f"{what}:\n" + "\n".join(wrong))


@contextmanager
def fixtures(folder: Path) -> Iterator[str]:
    """The fixture server; gives its address."""
    # Built beside the product, as an example of its crate.
    line = [str(product.binary().parent / "examples" / "conformance_server"), "127.0.0.1:0"]
    log = folder / "fixtures.log"
    with serving.program(line, log) as process:
        address = serving.wait_for_line(process, log, READY_LINE)
        yield address
    if "panicked" in log.read_text():
        raise product.Failed(f"the fixture server panicked:\n{log.read_text()}")


def check_fixtures(folder: Path) -> None:
    with fixtures(folder) as address:
        for revision in REVISIONS:
            scored, _ = requirements(revision)
            sessions = revision < "2026-07-28"
            url = f"{address}/sessions/mcp" if sessions else f"{address}/mcp"
            outcomes, _ = run_suite(url, revision, folder / f"fixtures-{revision}")
            demand_all(f"fixtures, {revision}", outcomes, scored)
            table(f"fixtures, {revision}", outcomes, scored)
            serving.ok(f"fixtures, {revision}: {len(scored)} of {len(scored)} scored scenarios")
            if not sessions:
                continue
            outcomes, _ = run_suite(f"{address}/mcp", revision, folder / f"stateless-{revision}")
            demand_all(f"stateless, {revision}", outcomes, sorted(set(scored) - NEEDS_SESSION - OF_SESSIONS))
            failing = {name for name in scored if outcomes[name].faults} - OF_SESSIONS
            product.equal("scenarios that need a session", sorted(failing), sorted(NEEDS_SESSION))
            serving.ok(f"the same without sessions: all but the {len(NEEDS_SESSION)} that ask the client")


def capabilities(url: str) -> dict:
    """What the server declares in its handshake."""
    hello = {
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": {"name": "check", "version": "1"},
        },
    }  # fmt: skip
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    request = urllib.request.Request(url, json.dumps(hello).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["result"]["capabilities"]


def declares(declared: dict, capability: str) -> bool:
    found = declared
    for part in capability.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found is not None and found is not False


def unexplained(revision: str, outcomes: dict[str, Outcome], declared: dict) -> Iterator[str]:
    """What the product neither passes nor has a reason for."""
    for name, outcome in outcomes.items():
        faults = {
            check: fault
            for check, fault in outcome.faults.items()
            if not (check in WITHOUT_CAPABILITY and not declares(declared, WITHOUT_CAPABILITY[check]))
        }
        if name in DEMANDED[revision]:
            for check, fault in faults.items():
                if check not in NOTHING_TO_SHOW:
                    yield f"{name}, {check}: {fault}"
            if not outcome.succeeded:
                yield f"{name}: nothing was checked"
        elif not outcome.faults and outcome.succeeded:
            yield f"{name}: passes, but is not demanded"
        elif revision == "2025-11-25" and name in OF_SESSIONS:
            if outcome.succeeded:
                yield f"{name}: finds a session where there is none"
        elif not FIXTURE.match(name) and (faults or not outcome.faults):
            yield f"{name} is neither demanded nor explained: {faults}"


def check_product(folder: Path) -> None:
    home = folder / "home"
    home.mkdir()
    calls, prices = home / "calls.csv", home / "prices.json"
    call_log.write_calls(calls, 2_000)
    call_log.write_prices(prices)
    product.run(home, *product.import_calls(calls, prices))
    with serving.server(home) as page:
        url = f"{page}/mcp"
        declared = capabilities(url)
        for revision in REVISIONS:
            outcomes, _ = run_suite(url, revision, folder / f"product-{revision}")
            missing = DEMANDED[revision] - set(outcomes)
            wrong = [f"{name}: the suite has no such scenario" for name in sorted(missing)]
            wrong += unexplained(revision, outcomes, declared)
            if wrong:
                raise product.Failed(f"`centinel serve`, {revision}:\n  " + "\n  ".join(wrong))
            demanded = sorted(DEMANDED[revision])
            table(f"`centinel serve`, {revision}", outcomes, demanded)
            serving.ok(f"`centinel serve`, {revision}: {len(demanded)} of {len(demanded)} that need no fixture")
    if "panicked" in (home / "serve.log").read_text():
        raise product.Failed(f"`centinel serve` panicked:\n{(home / 'serve.log').read_text()}")


def table(title: str, outcomes: dict[str, Outcome], scenarios: list[str]) -> None:
    """A scenario a line: checks that succeeded, of those that were made."""
    print(f"\n{title}")
    for name in scenarios:
        outcome = outcomes[name]
        notes = [f"{check}: {NOTHING_TO_SHOW.get(check, 'not declared')}" for check in outcome.faults]
        print(f"  {name:<48}{outcome.cell():>7}  {'; '.join(notes)}".rstrip())


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        check_fixtures(Path(folder))
        check_product(Path(folder))


if __name__ == "__main__":
    try:
        main()
    except product.Failed as failure:
        sys.exit(f"FAILED {failure}")
