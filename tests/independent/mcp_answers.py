#!/usr/bin/env python3
"""What the tools of the product say over a home whose every name was written by an attacker.

Tags, models, features, teams, sources and invoice lines hold the injection corpus. Every tool is asked; every
structured answer is held against its schema, its size limit, and what may leave the server: imported words
in data fields of at most 64 characters or in backticks, and no control character anywhere. Then every tool
is called as a weak model would, and each refusal's corrected call is made: it must be answered.
"""

import csv
import json
import re
import subprocess
import sys
import tempfile
import unicodedata
from pathlib import Path

import call_log
import jsonschema
import mcp_stdio
import product

CORPUS = product.FIXTURES / "mcp" / "injection-corpus.json"
SCHEMAS = product.ROOT / "crates" / "centinel-mcp" / "answer-schemas.json"
MARK = "zqxmark"
LABEL_CHARS_MAX = 64
BYTES_MAX = {"summary": 8 * 1024, "full": 32 * 1024}
# Fields that hold what was imported, and nothing else does.
DATA_FIELDS = {
    "group", "scope", "within", "owner", "name", "source", "model", "instead", "field", "from", "to",
    "reason", "eligible", "proposed_by", "not_invoiced", "proposal_id", "kind",
}  # fmt: skip
GROUPS = [
    "model", "kind", "owner", "provider", "service", "service_tier", "team", "feature", "process", "environment",
    "application", "agent", "api_key", "sub_account", "region", "day", "week", "month",
]  # fmt: skip
CALL_COLUMNS = [
    "call_id", "at", "provider", "model", "feature", "team", "process", "environment", "agent", "application",
    "api_key", "sub_account", "region", "input_tokens", "cache_read_tokens", "output_tokens", "tag:cost-center",
]  # fmt: skip
BILL_COLUMNS = [
    "BilledCost", "BillingAccountId", "BillingCurrency", "ChargeCategory", "ChargePeriodEnd", "ChargePeriodStart",
    "EffectiveCost", "InvoiceIssuerName", "ListCost", "ProviderName", "ServiceCategory", "ServiceName", "Tags",
    "ChargeDescription", "SubAccountId", "RegionId", "x_LineItemId",
]  # fmt: skip


def fill(home: Path) -> None:
    """Sixty days of ordinary calls, and the corpus in every name of calls, a bill and an invoice."""
    ordinary, prices = home / "calls.csv", home / "prices.json"
    call_log.write_calls(ordinary, 5_000)
    call_log.write_prices(prices)
    product.run(home, *product.import_calls(ordinary, prices))
    attacks = [attack["text"] + MARK for attack in json.loads(CORPUS.read_text())]
    hostile, bill, invoice = home / "hostile.csv", home / "bill.csv", home / "invoice.csv"
    with hostile.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(CALL_COLUMNS)
        for number, text in enumerate(attacks):
            name = text[-250:] if len(text) > 250 else text
            model = "gpt-5.1" if number % 2 else name
            at = f"2026-09-{1 + number % 28:02d}T10:{number % 60:02d}:00Z"
            rows.writerow([f"h-{number}", at, "openai", model, *[name] * 9, 50_000 * (number + 1), 0, 700_000, name])
    for path, issuer in ((bill, "Cloud"), (invoice, "openai")):
        with path.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(BILL_COLUMNS)
            for number, text in enumerate(attacks):
                name = text[-250:] if len(text) > 250 else text
                day = 1 + number % 27
                rows.writerow([
                    f"{number + 1}.5", name, "USD", "Usage", f"2026-09-{day + 1:02d}T00:00:00Z",
                    f"2026-09-{day:02d}T00:00:00Z", f"{number + 1}.25", issuer, f"{number + 2}", issuer if issuer == "openai" else name,
                    "AI and Machine Learning" if issuer == "openai" else "Compute", name,
                    json.dumps({"team": name, "cost-center": name}), name, name, name, f"line-{number}",
                ])  # fmt: skip
    for path, source, more in (
        (hostile, f"calls of {MARK} <b>`x`</b>", []),
        (bill, "bill", []),
        (invoice, "invoice", ["--invoice"]),
    ):
        # Rows that no connector takes are kept aside, which its exit code says; a file without a row is none.
        line = product.command(home, "--json", "import", str(path), "--source", source, *more)
        done = subprocess.run(line, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        told = json.loads(done.stdout) if done.stdout.strip() else {}
        if not any(told.get(name) for name in ("accepted", "rows_accepted", "rows")):
            raise product.Failed(f"nothing of `{path.name}` was imported: {done.stdout[:500]}{done.stderr[:500]}")


def strings(value: object, field: str = "") -> list[tuple[str, str]]:
    """Every text of an answer, with the data field that it is in."""
    if isinstance(value, str):
        return [(field, value)]
    if isinstance(value, list):
        return [found for item in value for found in strings(item, field)]
    if isinstance(value, dict):
        found = []
        for name, item in value.items():
            inside = field if field in ("scope", "within") else name
            found += [("scope" if inside in ("scope", "within") else "(name)", name), *strings(item, inside)]
        return found
    return []


def check_texts(where: str, answer: object) -> None:
    """Nothing imported outside data fields, nothing long, nothing invisible."""
    for field, text in strings(answer):
        hidden = [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Co", "Cn", "Zl", "Zp")]
        if hidden:
            raise product.Failed(f"{where}: {hidden!r} in {field} {text!r}")
        if any(mark in text for mark in ("](", "<", ">")) or ("://" in text and field != "review_url"):
            raise product.Failed(f"{where}: a mark of a link in {field} {text!r}")
        if field in DATA_FIELDS:
            if len(text) > LABEL_CHARS_MAX:
                raise product.Failed(f"{where}: {len(text)} characters in {field} {text!r}")
        elif MARK in "".join(text.split("`")[::2]):
            raise product.Failed(f"{where}: imported words outside quotes in {field}: {text!r}")


def questions() -> list[tuple[str, dict]]:
    """Every tool, and every way to put rows together."""
    september = {"start": "2026-09-01", "end": "2026-10-01"}
    asked = [("spend_breakdown", {**september, "group_by": group}) for group in GROUPS]
    asked += [("spend_breakdown", {**september, "group_by": "tag", "tag_key": "cost-center", "detail": "full"})]
    compared = {**september, "compare_to": "previous_period"}
    asked += [("spend_breakdown", {**compared, "group_by": group}) for group in ("model", "feature", "team", "service")]
    asked += [
        ("explain_change", {**compared}),
        ("explain_change", {"period": "last_7d", "detail": "full"}),
        ("anomalies", {"period": "last_90d", "status": "all", "impact_min": "0", "detail": "full"}),
        ("anomalies", {"period": "last_90d", "status": "all"}),
        ("forecast", {"group_by": "feature", "detail": "full"}),
        ("forecast", {"group_by": "team", "amount": "1000", "assume": "volume +20%"}),
        ("forecast", {}),
        ("data_health", {**september, "detail": "full"}),
        ("data_health", {}),
        ("proposals", {}),
        ("savings", {}),
        ("propose_change", {"kind": "budget", "amount": "500", "per": "month", "reason": f"`{MARK}` <b>\u202e\n rose"}),
        ("proposals", {"proposal_id": "P-1"}),
        ("withdraw_proposal", {"proposal_id": "P-1", "reason": "back to normal"}),
        ("proposals", {"detail": "full"}),
    ]
    return asked


def answered(schemas: dict, tool: str, arguments: dict, result: dict) -> dict:
    """A structured answer, held against its schema, its size, and what may be in it."""
    where = f"{tool} {json.dumps(arguments)[:200]}"
    if result.get("isError"):
        raise product.Failed(f"{where}: {result['content'][0]['text']}")
    answer = result["structuredContent"]
    errors = [f"{list(error.path)}: {error.message}" for error in schemas[tool].iter_errors(answer)]
    if errors:
        raise product.Failed(f"{where}: {errors[:3]}")
    size = len(json.dumps(result, separators=(",", ":"), ensure_ascii=False).encode())
    if size > BYTES_MAX[arguments.get("detail", "summary")]:
        raise product.Failed(f"{where}: {size} bytes")
    product.equal(f"{where}, text and structure", json.loads(result["content"][0]["text"]), answer)
    check_texts(where, answer)
    return answer


def follow(session: mcp_stdio.Session, schemas: dict, tool: str, arguments: dict) -> int:
    """All pages of an answer."""
    pages = 0
    while True:
        answer = answered(schemas, tool, arguments, session.call(tool, arguments))
        pages += 1
        if "next_cursor" not in answer or pages == 5:
            return pages
        arguments = {**arguments, "cursor": answer["next_cursor"]}


MISTAKES = [
    ("spend_breakdown", {"period": "last week"}), ("spend_breakdown", {"period": "September"}),
    ("spend_breakdown", {"period": "2026-09"}), ("spend_breakdown", {"period": "Q3"}),
    ("spend_breakdown", {"period": "2026-09-01 to 2026-09-15"}), ("spend_breakdown", {"period": "last 14 days"}),
    ("spend_breakdown", {"period": ["last_7d"]}), ("spend_breakdown", {"period": 7}),
    ("spend_breakdown", {"period": {"start": "2026-09-01", "end": "2026-09-15"}}),
    ("spend_breakdown", {"start": "2026-09-10", "end": "2026-09-01"}),
    ("spend_breakdown", {"start": "2026-09-10", "end": "2026-09-10"}),
    ("spend_breakdown", {"start": "2026-09"}), ("spend_breakdown", {"end": "2026-09-10"}),
    ("spend_breakdown", {"start": "2026-09-01T10:30:00Z", "end": "2026-09-02T11:00:00Z"}),
    ("spend_breakdown", {"start": "2031-01-01", "end": "2031-02-01"}),
    ("spend_breakdown", {"start": "2019-01-01", "end": "2019-02-01"}),
    ("spend_breakdown", {"period": "last_7d", "start": "2026-09-01"}),
    ("spend_breakdown", {"group_by": "project"}), ("spend_breakdown", {"group_by": "app"}),
    ("spend_breakdown", {"group_by": ["model", "team"]}), ("spend_breakdown", {"group_by": "tag"}),
    ("spend_breakdown", {"group_by": "tag:cost-center"}), ("spend_breakdown", {"group_by": "hour"}),
    ("spend_breakdown", {"dimension": "team"}), ("spend_breakdown", {"limit": 50}), ("spend_breakdown", {"top": 3}),
    ("spend_breakdown", {"filter": "feature=feature-01"}), ("spend_breakdown", {"filter": ["feature=feature-01"]}),
    ("spend_breakdown", {"filter": {"feature": ["feature-01", "feature-02"]}}),
    ("spend_breakdown", {"filter": {"feature": "feature01"}}), ("spend_breakdown", {"filter": {"team": "Team 1"}}),
    ("spend_breakdown", {"filter": {"feature": 1}}), ("spend_breakdown", {"filter": {"project": "x"}}),
    ("spend_breakdown", {"filter": {"tag": "cost-center"}}), ("spend_breakdown", {"feature": "feature-01"}),
    ("spend_breakdown", {"compare_to": "last_month", "group_by": "day"}),
    ("spend_breakdown", {"compare_to": "yoy"}), ("spend_breakdown", {"detail": "verbose"}),
    ("spend_breakdown", {"arguments": {"group_by": "team"}}), ("spend_breakdown", {"cursor": "2"}),
    ("explain_change", {"anomaly_id": 99999}), ("explain_change", {"anomaly_id": "E-99999"}),
    ("explain_change", {"anomaly_id": "the first one"}), ("explain_change", {"filter": {"feature": "nope"}}),
    ("explain_change", {"period": "last_week", "compare_to": "year_before"}),
    ("anomalies", {"status": "active"}), ("anomalies", {"impact_min": "$100"}), ("anomalies", {"impact_min": 100}),
    ("anomalies", {"filter": {"environment": "prod"}}), ("anomalies", {"filter": {"feature": "nope"}}),
    ("anomalies", {"severity": "high"}), ("forecast", {"period": "next month"}), ("forecast", {"period": "last_month"}),
    ("forecast", {"amount": "50k"}), ("forecast", {"amount": "lots"}), ("forecast", {"assume": "double it"}),
    ("forecast", {"horizon": 30}), ("forecast", {"filter": {"feature": "nope"}}), ("data_health", {"source": "x"}),
    ("data_health", {"period": "this quarter so far"}), ("proposals", {"status": "open", "limit": 5}),
    ("proposals", {"proposal_id": 77}), ("proposals", {"proposal_id": "P-77"}), ("savings", {"status": "realized"}),
    ("savings", {"period": "last_month"}), ("propose_change", {"kind": "budget", "reason": "x"}),
    ("propose_change", {"kind": "budget", "amount": 500, "per": "monthly", "reason": "x"}),
    ("propose_change", {"kind": "budget", "amount": "500", "per": "month", "reason": "x", "currency": "EUR"}),
    ("propose_change", {"kind": "budget", "amount": "500", "per": "month", "reason": "x", "on_breach": "deny"}),
    ("propose_change", {"kind": "limit", "amount": "500", "per": "month", "reason": "x"}),
    ("propose_change", {"kind": "budget", "amount": "500", "per": "month", "reason": "x", "evidence_id": "bundle:abcdef"}),
    ("withdraw_proposal", {"id": "P-1"}), ("withdraw_proposal", {"proposal_id": "P-77", "reason": "x"}),
]  # fmt: skip
CALL = re.compile(r"^call `(\w+)` with (\{.*\})$", re.DOTALL)
# What is missing here is the object, not the call.
ABSENT = ("there is no proposal", "there is no anomaly", "proposal", "there is no evidence")


def check_mistake(session: mcp_stdio.Session, schemas: dict, tool: str, arguments: dict) -> None:
    """A wrong call is told in one line, and at most two corrected calls lead to an answer."""
    told = []
    first, asked = (tool, arguments), 0
    while True:
        result = session.call(tool, arguments)
        if not result.get("isError"):
            if asked == 0:
                raise product.Failed(f"{first}: answered as it is")
            answered(schemas, tool, arguments, result)
            return
        text = result["content"][0]["text"]
        told.append(text)
        message, _, hint = text.partition("\nhint: ")
        check_texts(str(first), message)
        match = CALL.match(hint)
        if len(message) > 600 or "\n" in message:
            raise product.Failed(f"{first}: {text}")
        if asked > 0 and message.startswith(ABSENT):
            return
        asked += 1
        if match is None or asked > 2:
            raise product.Failed(f"{first}: no call that is answered:\n" + "\n".join(told))
        tool, arguments = match[1], json.loads(match[2])


def main() -> None:
    kept = json.loads(SCHEMAS.read_text())
    schemas = {tool: jsonschema.Draft202012Validator(schema) for tool, schema in kept.items()}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        fill(home)
        with mcp_stdio.session(home) as session:
            product.equal("tools with a schema", sorted(tool["name"] for tool in session.tools()), sorted(schemas))
            asked = questions()
            pages = sum(follow(session, schemas, tool, arguments) for tool, arguments in asked)
            print(f"ok {len(asked)} questions, {pages} pages: as their schemas say, and nothing imported outside data")
            for tool, arguments in MISTAKES:
                check_mistake(session, schemas, tool, arguments)
            print(f"ok {len(MISTAKES)} wrong calls: each corrected call is answered")


if __name__ == "__main__":
    try:
        main()
    except product.Failed as failure:
        sys.exit(f"FAILED {failure}")
