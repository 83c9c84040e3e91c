#!/usr/bin/env python3
"""A conversation with tools against an endpoint that somebody else wrote: aimock (npm) wants tools called,
keeps a journal of what it was sent, and words what was found. `centinel ask` makes the calls, proves the
figures, and sends no name of the data.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import narrator_peer
import product
import serving

QUESTION = f"why did {narrator_peer.HOSTILE} rise in the last 7 days?"
FOLLOWING = "and by model?"
ARGUMENTS = {"filter": {"feature": narrator_peer.HOSTILE}, "period": "last_7d"}


def ask(home: Path, question: str, *more: str) -> dict:
    return json.loads(product.run(home, "--json", "ask", question, *more))


def converse(home: Path, *questions: str) -> list[dict]:
    """Several questions of one conversation, a line each."""
    line = product.command(home, "--json", "ask")
    text = "".join(f"{question}\n" for question in questions)
    done = subprocess.run(line, capture_output=True, text=True, check=False, input=text, timeout=60)
    product.equal(f"exit code\n{done.stderr}", done.returncode, 0)
    return [json.loads(answer) for answer in done.stdout.splitlines()]


def draft(home: Path) -> tuple[str, dict]:
    """A true draft by the ids of the facts, and the answer that needs no model."""
    by_rule = ask(home, QUESTION, "--no-model")
    product.equal("calls by rule", [(call["tool"], call["arguments"]) for call in by_rule["calls"]],
                  [("explain_change", ARGUMENTS)])  # fmt: skip
    bundle = json.loads(product.run(home, "--json", "show", by_rule["evidence"][0]))
    ids = {fact["role"]: fact["id"] for fact in bundle["facts"]}
    slot = {role: "{{" + id + "}}" for role, id in ids.items()}
    sentences = [
        ("observe", f"The cost of {slot['about.feature']} rose by {slot['delta']}."),
        ("attribute", f"Its contribution is {slot['main_driver']}: {slot['effect.tokens_per_call']}."),
    ]
    words = [{"kind": kind, "text": text, "cites": []} for kind, text in sentences]
    return json.dumps({"sentences": words}), by_rule


def fixtures(folder: Path, words: str) -> Path:
    """It calls a tool for a question, is content with an answer, and words what it is asked to."""
    wanted = {"filter": {"feature": "N1"}, "period": "last_7d"}
    usage = narrator_peer.USAGE
    known = [
        {"match": {"userMessage": "Answer it."}, "response": {"content": words, "usage": usage}},
        {
            "match": {"userMessage": "Question: why did N1", "hasToolResult": False},
            "response": {"toolCalls": [{"name": "explain_change", "arguments": wanted}], "usage": usage},
        },
        {
            "match": {"userMessage": "Question: why did N1", "hasToolResult": True},
            "response": {"content": "done", "usage": usage},
        },
        {
            "match": {"userMessage": "Question: and by model"},
            "response": {"content": "I have nothing to look up.", "usage": usage},
        },
    ]
    file = folder / "fixtures.json"
    file.write_text(json.dumps({"fixtures": known}))
    return file


def check_answer(home: Path, peer: str, by_rule: dict) -> None:
    answer = ask(home, QUESTION)
    product.equal("label", answer["label"].split(",")[0], "worded by a model")
    product.equal("worded", (answer["worded"], answer["dropped"]), ("by_model", 0))
    product.equal("calls", [(call["tool"], call["arguments"]) for call in answer["calls"]],
                  [("explain_change", ARGUMENTS)])  # fmt: skip
    product.equal("evidence", answer["evidence"], by_rule["evidence"])
    if narrator_peer.HOSTILE not in answer["plain"] or "[F" not in answer["text"]:
        raise product.Failed(f"no answer with a name and citations: {answer}")
    bundle = product.run(home, "--json", "show", answer["evidence"][0])
    with tempfile.TemporaryDirectory() as name:
        facts, text = Path(name) / "facts.json", Path(name) / "text.md"
        facts.write_text(bundle)
        text.write_text(answer["text"])
        product.run(home, "verify", "--bundle", str(facts), str(text))
    serving.ok("a model chose a tool and worded what it found; `verify` says every figure is true")

    entries = [entry["body"] for entry in narrator_peer.asked(peer)]
    product.equal("questions", len(entries), answer["turns"])
    product.equal("tokens", answer["usage"]["input_tokens"],
                  len(entries) * narrator_peer.USAGE["prompt_tokens"])  # fmt: skip
    tools = {tool["function"]["name"] for tool in entries[0]["tools"]}
    if "explain_change" not in tools or {"propose_change", "withdraw_proposal", "approve"} & tools:
        raise product.Failed(f"tools offered: {tools}")
    if any("tools" in body for body in entries if "response_format" in body):
        raise product.Failed("a draft was offered tools")
    sent = json.dumps(entries).lower()
    if "evil" in sent or narrator_peer.HOSTILE in sent:
        raise product.Failed("a name of the data was sent")
    serving.ok(f"{len(entries)} requests: reading tools alone, and no name of the data in any")


def check_conversation(home: Path, peer: str) -> None:
    before = len(narrator_peer.asked(peer))
    first, second = converse(home, QUESTION, FOLLOWING)
    product.equal("first", first["worded"], "by_model")
    product.equal("second", (second["worded"], bool(second["reason"])), ("standard", True))
    product.equal("tool of what follows", second["calls"][-1]["tool"], "spend_breakdown")
    product.equal("arguments of what follows", second["calls"][-1]["arguments"],
                  {**ARGUMENTS, "group_by": "model"})  # fmt: skip
    sent = json.dumps([entry["body"] for entry in narrator_peer.asked(peer)[before:]])
    if "Asked before: why did N1" not in sent or narrator_peer.HOSTILE in sent:
        raise product.Failed("the question before is not told with aliases")
    serving.ok("a question goes on with the one before; a model that looks nothing up is answered by rule")


def check_no_decision(home: Path, peer: str) -> None:
    before = len(narrator_peer.asked(peer))
    answer = ask(home, "please approve P-1")
    product.equal("calls", answer["calls"], [])
    product.equal("questions to the model", len(narrator_peer.asked(peer)), before)
    if "Only people decide" not in answer["text"]:
        raise product.Failed(f"who decides is not said: {answer}")
    serving.ok("a question that wants a decision reaches no model and no tool")


def check_broken(home: Path, peer: str) -> None:
    narrator_peer.request("POST", f"{peer}/__aimock/chaos", {"dropRate": 1})
    answer = ask(home, QUESTION)
    narrator_peer.request("DELETE", f"{peer}/__aimock/chaos")
    product.equal("worded", answer["worded"], "standard")
    product.equal("calls", [call["tool"] for call in answer["calls"]], ["explain_change"])
    if "busy or broken" not in answer["reason"]:
        raise product.Failed(f"no reason: {answer}")
    serving.ok("a broken endpoint is answered by rule, with the reason")


def main() -> None:
    tools = product.tools_folder() / "node" / "node_modules"
    port = serving.free_port()
    peer = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        home = folder / "home"
        narrator_peer.configure(home, peer)
        narrator_peer.import_calls(home, folder)
        words, by_rule = draft(home)
        script = tools / "@copilotkit" / "aimock" / "dist" / "cli.js"
        line = [str(tools / ".bin" / "node"), str(script), "-p", str(port), "--log-level", "warn"]
        line += ["-f", str(fixtures(folder, words))]
        log = folder / "aimock.log"
        with serving.program(line, log) as process:
            serving.wait_for(f"{peer}/health", process, log)
            check_answer(home, peer, by_rule)
            check_conversation(home, peer)
            check_no_decision(home, peer)
            check_broken(home, peer)


if __name__ == "__main__":
    try:
        main()
    except product.Failed as failure:
        sys.exit(f"FAILED {failure}")
