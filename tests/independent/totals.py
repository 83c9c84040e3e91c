#!/usr/bin/env python3
"""Totals of real traces and bills, computed here from the files alone, and held against the product.

To the last digit: exact decimals on both sides. Each file is imported twice, and the second time must
change nothing. Runs on the real data where it lies beside the repository, and always on tests/fixtures.
"""

import csv
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, Inexact, getcontext
from pathlib import Path

import product


@dataclass(frozen=True)
class Trace:
    """A file of calls that says neither provider nor model, so that we say them."""

    path: Path
    book: Path
    model: str
    start: str  # of the period asked for
    end: str
    # For traces that count milliseconds from an unstated instant.
    starts_at: str | None = None

    def tokens(self) -> Iterable[tuple[int, int]]:
        with self.path.open(newline="") as file:
            if self.path.suffix == ".csv":
                for row in csv.DictReader(file):
                    yield int(row["ContextTokens"]), int(row["GeneratedTokens"])
            else:
                for line in file:
                    row = json.loads(line)
                    yield row["input_length"], row["output_length"]


def expected_of_trace(trace: Trace) -> product.Sums:
    # `parse_float` keeps the digits of the prices.
    price = json.loads(trace.book.read_text(), parse_float=Decimal)[trace.model]
    calls = list(trace.tokens())
    tokens_in, tokens_out = sum(i for i, _ in calls), sum(o for _, o in calls)
    cost = tokens_in * price["input_cost_per_token"] + tokens_out * price["output_cost_per_token"]
    return product.Sums(cost, None, None, len(calls), tokens_in, tokens_out)


def check_trace(trace: Trace, home: Path) -> None:
    expected = expected_of_trace(trace)
    more = ["--set", "provider=openai", "--set", f"model={trace.model}"]
    if trace.starts_at:
        more += ["--start", trace.starts_at]
    for _ in range(2):
        product.run(home, *product.import_calls(trace.path, trace.book, *more))
        found = product.spend(home, "model", trace.start, trace.end)
        for where, sums in [("total", found.total), ("row", found.rows[(trace.model,)])]:
            for field in ("cost", "calls", "input_tokens", "output_tokens"):
                what = f"{trace.path.name}, {where}, {field}"
                product.equal(what, getattr(sums, field), getattr(expected, field))
        product.equal(f"{trace.path.name}, groups", len(found.rows), 1)
    product.run(home, "ledger", "verify")
    print(f"ok {trace.path.name}: {expected.calls:,} calls, {expected.cost} USD")


# Sums of a FOCUS file, in the order of the columns.
COSTS = ("EffectiveCost", "BilledCost", "ListCost")


# Dimensions of the product, and the columns that they come from.
GROUPS = {"service_category": "ServiceCategory", "provider": "ProviderName"}


def expected_of_bill(rows: list[dict[str, str]], column: str) -> dict[str, list[Decimal]]:
    sums: dict = defaultdict(lambda: [Decimal(0)] * len(COSTS))
    for row in rows:
        for key in (row[column], "total"):
            sums[key] = [sum + Decimal(row[cost]) for sum, cost in zip(sums[key], COSTS)]
    return dict(sums)


def check_bill(path: Path, start: str, end: str, home: Path) -> None:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for _ in range(2):
        product.run(home, "import", str(path), "--source", "bill")
        for dimension, column in GROUPS.items():
            spend = product.spend(home, dimension, start, end)
            found = {value: sums for (value,), sums in spend.rows.items()} | {"total": spend.total}
            product.equal(
                f"{path.name}, {COSTS} by {dimension}",
                {key: [s.cost, s.billed_cost, s.list_cost] for key, s in found.items()},
                expected_of_bill(rows, column),
            )
    product.run(home, "ledger", "verify")
    total = expected_of_bill(rows, "ProviderName")["total"]
    print(f"ok {path.name}: {len(rows):,} rows, effective, billed, list {', '.join(map(str, total))}")


def main() -> None:
    # An inexact operation is an error: what is held against the product is exact, or it is nothing.
    getcontext().prec = 60
    getcontext().traps[Inexact] = True

    october, midnight = ("2026-10-01", "2026-11-01"), "2026-10-01T00:00:00Z"
    book = product.FIXTURES / "prices.json"
    traces = [
        Trace(product.FIXTURES / "call_trace.csv", book, "example-model", *october),
        Trace(product.FIXTURES / "call_trace.jsonl", book, "example-model", *october, midnight),
    ]
    bills = [(product.FIXTURES / "focus_1_0.csv", *october)]
    if product.SHARED.is_dir():
        book = product.SHARED / "litellm_prices" / "model_prices_and_context_window_backup.json"
        azure = product.SHARED / "azure_llm_2023" / "AzureLLMInferenceTrace_conv.csv"
        mooncake = product.SHARED / "mooncake" / "conversation_trace.jsonl"
        traces += [
            Trace(azure, book, "gpt-4o", "2023-11-01", "2023-12-01"),
            Trace(mooncake, book, "gpt-4o", *october, midnight),
        ]
        sample = product.SHARED / "focus_sample_1_0" / "focus_sample.csv"
        bills.append((sample, "2024-09-01", "2024-10-01"))
    for trace in traces:
        with tempfile.TemporaryDirectory() as home:
            check_trace(trace, Path(home))
    for bill in bills:
        with tempfile.TemporaryDirectory() as home:
            check_bill(*bill, Path(home))


if __name__ == "__main__":
    try:
        main()
    except product.Failed as failure:
        sys.exit(f"FAILED {failure}")
