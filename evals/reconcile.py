"""Plants faults in a ledger and its invoice, drives the binary, and compares with what was planted.

    python evals/reconcile.py path/to/centinel [--worlds 40] [--together 40]

Shares no code with the engine: prices are stated here, costs are computed here, and the files are
those that people have (JSON lines of priced calls, FOCUS CSV). Twelve kinds of fault, each alone in
so many worlds: all of the gap must be of its kind, to the last digit. Then several at once: terms
must add to the gap exactly, and no part may name a cause that was not planted there, unless it is
unexplained and names one that was among its candidates. Exits 1 when a world fails.
"""

import argparse
import csv
import json
import random
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

MILLION = Decimal(1_000_000)
FIRST = datetime(2026, 10, 5, tzinfo=timezone.utc)
CHANGE = datetime(2026, 10, 8, tzinfo=timezone.utc)
DAYS = 6
MODELS = {
    "aurora-2": {"input": "2.5", "cache_read": "0.25", "output": "10"},
    "aurora-2-mini": {"input": "0.4", "cache_read": "0.04", "output": "1.6"},
}
# The price before the change, of the one model that changed.
OLD = {"aurora-2": {"input": "3", "cache_read": "0.3", "output": "12.5"}}
TIERS = {"standard": Decimal(1), "batch": Decimal("0.5"), "priority": Decimal("1.8")}
REGIONS = {"": Decimal(1), "eu": Decimal("1.1")}
CONTRACT = Decimal("0.91")
CLASSES = ("input", "cache_read", "output")
SKU = {"input": "Input Tokens", "cache_read": "Cache Read Input Tokens", "output": "Output Tokens"}
KEYS = ("key-a", "key-b")


def unit(model, cls, tier, region, at):
    table = OLD[model] if model in OLD and at < CHANGE else MODELS[model]
    return Decimal(table[cls]) * TIERS[tier] * REGIONS[region] / MILLION


def book():
    def rates(table, factor):
        return ", ".join(f'{cls} = "{(Decimal(table[cls]) * factor).normalize():f}"' for cls in CLASSES)

    lines = ['format = 1', 'name = "planted"', 'currency = "USD"', 'recorded = "2026-11-01"']
    for model, table in MODELS.items():
        lines += ["[[model]]", 'provider = "openai"', f'model = "{model}"']
        versions = [("unknown", OLD[model]), ("2026-10-08", table)] if model in OLD else [("unknown", table)]
        for start, prices in versions:
            lines += ["[[model.price]]", f'effective_from = "{start}"', 'source = "generated"']
            lines += ['regions = { eu = "1.1" }']
            lines += [f"rates.{tier} = {{ {rates(prices, factor)} }}" for tier, factor in TIERS.items()]
    return "\n".join(lines) + "\n"


class World:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.calls = []
        self.contract = set()
        self.with_list = True
        self.rate = None
        self.cents = False
        self.truth = {}
        self.everywhere = set()
        self.log = []
        for day in range(DAYS):
            for model in MODELS:
                for key in KEYS:
                    for _ in range(self.random.randint(3, 6)):
                        self.calls.append(self.call(day, model, key))

    def call(self, day, model, key):
        at = FIRST + timedelta(days=day, seconds=self.random.randrange(20 * 3600))
        tokens = {
            "input": self.random.randint(300, 9000),
            "cache_read": self.random.randint(100, 5000),
            "output": self.random.randint(50, 3000),
        }
        return {
            "at": at, "day": day, "model": model, "key": key, "ledger": dict(tokens),
            "billed": dict(tokens), "times": 1, "priced_at": at, "tier": "standard", "region": "",
            "named": False, "reasoning": 0, "marks": {},
        }

    def note(self, kind, places):
        self.log.append((kind, places))
        for place in places:
            self.truth.setdefault(place, set()).add(kind)

    def plant(self, kind):
        before = self.gap()
        rnd = self.random
        form = rnd.random() < 0.5
        day, model, key = rnd.randrange(1, DAYS - 1), rnd.choice(list(MODELS)), rnd.choice(KEYS)
        here = [c for c in self.calls if (c["day"], c["model"], c["key"]) == (day, model, key)]
        places = [(day, model, key)]
        extra = self.call(day, model, key)
        if kind == "missing_calls":
            extra["ledger"] = None
            self.calls.append(extra)
        elif kind == "unbilled_calls":
            own = [c for c in here if c["at"].date() == (FIRST + timedelta(days=day)).date()]
            min(own, key=lambda c: c["at"])["billed"] = None
        elif kind == "cache_class":
            for call in here:
                if call["billed"]:
                    call["billed"]["cache_read"] -= 60
                    call["billed"]["input"] += 60
        elif kind == "reasoning_class":
            for call in here:
                if call["billed"] and call["ledger"]:
                    call["billed"]["output"] += 45
                    call["reasoning"] = 45 if form else 0
        elif kind == "list_vs_contracted":
            self.contract.add(model)
            self.with_list = form
            places = [(d, model, k) for d in range(DAYS) for k in KEYS]
        elif kind == "tier":
            for call in here:
                call["tier"], call["named"] = "priority" if day % 2 else "batch", form
        elif kind == "region":
            for call in here:
                call["region"], call["named"] = "eu", form
        elif kind == "stale_book":
            days = [d for d in range(DAYS) if FIRST + timedelta(days=d) >= CHANGE]
            for call in self.calls:
                if call["model"] == "aurora-2" and call["key"] == key and call["day"] in days:
                    call["priced_at"] = FIRST
            places = [(d, "aurora-2", key) for d in days]
        elif kind == "aborted_stream":
            extra["marks"] = {"aborted": True}
            if form:
                extra["billed"] = None
            else:
                extra["billed"]["output"] += 640
            self.calls.append(extra)
        elif kind == "retry":
            extra["marks"] = {"is_retry": True}
            if form:
                extra["billed"] = None
            else:
                extra["times"] = 2
            self.calls.append(extra)
        elif kind == "period_edge":
            late = day if form else DAYS - 1
            extra = self.call(late, model, key)
            extra["at"] = FIRST + timedelta(days=late, hours=23, minutes=59, seconds=30)
            extra["priced_at"] = extra["at"]
            places = [(late, model, key)]
            if form:
                extra["day"] = late + 1
                places.append((late + 1, model, key))
            else:
                extra["billed"] = None
            self.calls.append(extra)
        elif kind == "rounding":
            self.cents = True
        elif kind == "currency":
            self.rate = Decimal("0.87")
        if kind in ("rounding", "currency"):
            self.everywhere.add(kind)
            self.log.append((kind, []))
        else:
            self.note(kind, places)
        return self.gap() - before

    def ledger_lines(self):
        for number, call in enumerate(self.calls):
            tokens = call["ledger"]
            if tokens is None:
                continue
            lines = []
            for cls in CLASSES:
                price = unit(call["model"], cls, "standard", "", call["priced_at"])
                lines.append({
                    "token_class": cls, "quantity": tokens[cls], "unit_price": f"{price.normalize():f}",
                    "amount": f"{(price * tokens[cls]).normalize():f}",
                })
            cost = sum(Decimal(line["amount"]) for line in lines)
            usage = {
                "input_tokens_total": tokens["input"] + tokens["cache_read"],
                "cache_read_tokens": tokens["cache_read"],
                "output_tokens_total": tokens["output"],
                "reasoning_tokens": call["reasoning"],
            }
            yield cost, {
                "id": f"c{number}", "provider": "openai", "model": call["model"],
                "at": call["at"].strftime("%Y-%m-%dT%H:%M:%SZ"), "api_key": call["key"],
                "usage": usage, "status": "priced", "cost": f"{cost.normalize():f}",
                "currency": "USD", "lines": lines, **call["marks"],
            }

    def invoice_rows(self):
        sums = {}
        for call in self.calls:
            if call["billed"] is None:
                continue
            for cls in CLASSES:
                names = (call["tier"], call["region"]) if call["named"] else ("", "")
                price = unit(call["model"], cls, call["tier"], call["region"], call["at"])
                slot = sums.setdefault((call["day"], call["model"], call["key"], *names, cls), [0, Decimal(0)])
                slot[0] += call["billed"][cls] * call["times"]
                slot[1] += price * call["billed"][cls] * call["times"]
        for (day, model, key, tier, region, cls), (quantity, amount) in sums.items():
            bill = amount * (CONTRACT if model in self.contract else 1) * (self.rate or 1)
            if self.cents:
                bill = bill.quantize(Decimal("0.0001"), ROUND_HALF_EVEN)
            start = FIRST + timedelta(days=day)
            stated = amount * (self.rate or 1) if self.with_list or model not in self.contract else bill
            yield bill, {
                "BilledCost": f"{bill:f}", "EffectiveCost": f"{bill:f}",
                "ListCost": f"{stated:f}" if self.with_list else "",
                "ContractedCost": f"{bill:f}" if self.with_list else "",
                "BillingCurrency": "EUR" if self.rate else "USD", "ChargeCategory": "Usage",
                "ChargePeriodStart": start.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "ChargePeriodEnd": (start + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "ServiceProviderName": "OpenAI", "ServiceName": "OpenAI API",
                "ServiceCategory": "AI and Machine Learning", "SkuMeter": SKU[cls], "x_ModelId": model,
                "x_ServiceTier": tier, "RegionId": region, "CredentialId": key,
                "ConsumedQuantity": str(quantity), "ConsumedUnit": "Tokens",
            }

    def gap(self):
        return sum(bill for bill, _ in self.invoice_rows()) - sum(cost for cost, _ in self.ledger_lines())

    def run(self, binary, folder):
        ledger, invoice, prices = folder / "ledger.jsonl", folder / "invoice.csv", folder / "book.toml"
        ledger.write_text("".join(json.dumps(line) + "\n" for _, line in self.ledger_lines()))
        rows = [row for _, row in self.invoice_rows()]
        with invoice.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
        prices.write_text(book())
        command = [binary, "--json", "--quiet", "reconcile", "--ledger", ledger, "--invoice", invoice]
        found = subprocess.run([*command, "--book", prices, "--parts", "0"], capture_output=True, text=True)
        if found.returncode != 0:
            raise SystemExit(f"exit {found.returncode}: {found.stderr}")
        return json.loads(found.stdout)

    def causes_at(self, part):
        day = part.get("day")
        number = (datetime.fromisoformat(day).replace(tzinfo=timezone.utc) - FIRST).days if day else None
        causes = set(self.everywhere)
        for (at, model, key), kinds in self.truth.items():
            same = number in (None, at) and part.get("model") in (None, model)
            if same and part.get("api_key") in (None, key):
                causes |= kinds
        return causes


KINDS = (
    "missing_calls", "unbilled_calls", "cache_class", "reasoning_class", "list_vs_contracted", "tier",
    "region", "stale_book", "aborted_stream", "retry", "period_edge", "rounding", "currency",
)


def sums(world, answer):
    """What is wrong with the sums of an answer, if anything is."""
    gap = world.gap()
    faults = []
    if Decimal(answer["gap"]) != gap:
        faults.append(f"gap is {answer['gap']}, and {gap} was planted")
    for name in ("causes", "parts"):
        total = sum(Decimal(entry["amount"]) for entry in answer[name])
        if total != gap:
            faults.append(f"{name} add up to {total}, not {gap}")
    return faults


def single(binary, folder, kind, seed):
    world = World(seed)
    planted = world.plant(kind)
    answer = world.run(binary, folder)
    faults = sums(world, answer)
    causes = {entry["cause"]: Decimal(entry["amount"]) for entry in answer["causes"]}
    if causes != {kind: planted}:
        faults.append(f"{kind} {planted} planted, found {causes}")
    return faults


def together(binary, folder, seed):
    world = World(seed)
    rnd = random.Random(seed)
    for kind in rnd.choices(KINDS, k=rnd.randint(2, 7)):
        world.plant(kind)
    answer = world.run(binary, folder)
    faults = sums(world, answer)
    open_parts = 0
    for part in answer["parts"]:
        truth = world.causes_at(part)
        if part["cause"] == "unexplained":
            open_parts += 1
            right = bool(truth & set(part["candidates"]))
        else:
            right = part["cause"] in truth or part["cause"] == "rounding"
        if not right:
            faults.append(f"{part} where {truth} was planted ({world.log})")
    return faults, open_parts, len(answer["parts"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("binary")
    parser.add_argument("--worlds", type=int, default=40)
    parser.add_argument("--together", type=int, default=40)
    args = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind in KINDS:
            bad = 0
            for seed in range(args.worlds):
                faults = single(args.binary, folder, kind, seed)
                bad += bool(faults)
                for fault in faults[:2]:
                    print(f"  {kind}, seed {seed}: {fault}")
            failed += bad
            print(f"{kind:20} {args.worlds - bad}/{args.worlds}")
        bad = open_parts = parts = 0
        for seed in range(10_000, 10_000 + args.together):
            faults, some, of = together(args.binary, folder, seed)
            bad, open_parts, parts = bad + bool(faults), open_parts + some, parts + of
            for fault in faults[:2]:
                print(f"  together, seed {seed}: {fault}")
        failed += bad
        print(f"{'together':20} {args.together - bad}/{args.together}, {open_parts} of {parts} parts unexplained")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
