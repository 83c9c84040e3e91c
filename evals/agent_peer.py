#!/usr/bin/env python3
"""The agent suites against an endpoint that no one here wrote: aimock (npm) answers over real HTTP with one
scripted draft, and breaks on request. Whatever it says, the suites' invariants hold.

    evals/agent_peer.py target/debug/centinel-evals target/debug/centinel
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "independent"))
import product
import serving

# The first sentence is true of every explanation whose change is the seventh fact, the second of none.
DRAFT = {
    "sentences": [
        {"kind": "observe", "text": "The cost of {{F1}} {{F7|verb}} by {{F7}}.", "cites": ["F1", "F7"]},
        {"kind": "observe", "text": "It cost 4711 dollars, see https://example.com.", "cites": []},
    ]
}
USAGE = {"prompt_tokens": 900, "completion_tokens": 60, "total_tokens": 960}
# The ways in which it breaks, each for a run of its own.
CHAOS = [{}, {"malformedRate": 0.5}, {"dropRate": 0.5}]


def request(method: str, url: str, body: object = None) -> None:
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, {"content-type": "application/json"}, method=method)
    with urllib.request.urlopen(asked, timeout=10):
        pass


def drafts(board: str) -> tuple[int, int]:
    """Sentences of the drafts that the peer gave: true ones, and all."""
    found = re.search(r"^\| true sentences, drafted \| (\d+) of (\d+) ", board, re.MULTILINE)
    if not found:
        raise product.Failed(f"no draft arrived: {board}")
    return int(found[1]), int(found[2])


def main(evals: str, binary: str) -> None:
    tools = product.tools_folder() / "node" / "node_modules"
    port = serving.free_port()
    peer = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as name:
        fixtures = Path(name) / "fixtures.json"
        answer = {"content": json.dumps(DRAFT), "usage": USAGE}
        known = [{"match": {"userMessage": "Explain this change"}, "response": answer}]
        fixtures.write_text(json.dumps({"fixtures": known}))
        script = tools / "@copilotkit" / "aimock" / "dist" / "cli.js"
        line = [str(tools / ".bin" / "node"), str(script), "-p", str(port), "--log-level", "warn", "-f", str(fixtures)]
        log = Path(name) / "aimock.log"
        with serving.program(line, log) as process:
            serving.wait_for(f"{peer}/health", process, log)
            for chaos in CHAOS:
                if chaos:
                    request("POST", f"{peer}/__aimock/chaos", chaos)
                run = [evals, "agent", "--suite", "explain", "--companies", "1", "--cases", "4", "--model", f"live:{peer}/v1"]
                environment = {**os.environ, "CENTINEL_BIN": binary}
                done = subprocess.run(run, capture_output=True, text=True, check=False, env=environment, timeout=600)
                if chaos:
                    request("DELETE", f"{peer}/__aimock/chaos")
                if done.returncode != 0:
                    raise product.Failed(f"{chaos}: {done.stdout}{done.stderr}")
                true, drafted = drafts(done.stdout)
                if not 0 < true < drafted:
                    raise product.Failed(f"{chaos}: {true} of {drafted} true: {done.stdout}")
                serving.ok(f"aimock {chaos or 'as it is'}: every text ends verified or in the standard wording")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:3])
    except product.Failed as failure:
        sys.exit(f"FAILED {failure}")
