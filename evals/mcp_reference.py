"""What the engine answers to the questions of mcp_questions.toml, without MCP.

Names, dates and amounts in a question are those of the home that it is asked of; figures come from the
product's commands.
"""

import datetime
import json
import re
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache
from pathlib import Path
from typing import Any

import jmespath
import product

FILE = Path(__file__).with_name("mcp_questions.toml")
HELD_OUT_EVERY = 3
DIMENSIONS = {
    "team": "team", "feature": "feature", "model": "model", "provider": "provider", "service": "service",
    "environment": "environment", "region": "region", "process": "process",
    "business_unit": "tag:business-unit",
}  # fmt: skip
NOTHING_TO_SAY = ("holds no invoice for this period", "nothing before the period to compare with")
# Ratios are stated to four places.
RATIO = Decimal("0.0001")


@dataclass(frozen=True)
class Question:
    """One question, filled for a home."""

    id: str
    who: str
    ask: str
    spec: dict
    is_held_out: bool


class Missing(Exception):
    """The home has no such name."""


@dataclass
class Slots:
    """What `{…}` stands for in one home."""

    home: Path
    values: dict[str, str] = field(default_factory=dict)

    def fill(self, text: str) -> str:
        def value(found: re.Match) -> str:
            name = found[1]
            if name not in self.values:
                raise Missing(name)
            return self.values[name]

        # JMESPath has braces of its own, always with a space or a colon inside.
        return re.sub(r"\{([a-z0-9_.]+)\}", value, text)


def ask(home: Path, *arguments: str) -> Any:
    """A command's JSON; decimals stay as they are written."""
    text = product.run(home, "--quiet", "--json", *arguments)
    return json.loads(text, parse_float=Decimal)


def slots_of(home: Path) -> Slots:
    slots = Slots(home)
    values = slots.values
    names: dict[str, list[str]] = {}
    for name, dimension in DIMENSIONS.items():
        rows = ask(home, "spend", "--period", "all", "--by", dimension, "--top", "0")["rows"]
        found = [value for row in rows if (value := row["group"][dimension])]
        names[name] = found
        values.update({f"{name}.{place}": value for place, value in enumerate(found[:5])})
    pairs = ask(home, "spend", "--period", "all", "--by", "provider,model", "--top", "0")["rows"]
    pairs = [row["group"] for row in pairs if row["group"]["model"] and row["group"]["provider"]]
    for pair in pairs:
        if pair["model"] == values.get("model.1"):
            # A model with a price at several providers is named with one of them.
            values.setdefault("model.1.at", f"{pair['provider']}/{pair['model']}")
    _dates(values, ask(home, "report"))
    _amounts(values, Decimal(ask(home, "forecast")["total"]["period_total"]))
    sources = [row["source"] for row in ask(home, "sources")["sources"] if row["role"] == "spend"]
    values.update({f"source.{place}": name for place, name in enumerate(sources)})
    _proposal(home, names)
    waiting = ask(home, "inbox")["proposals"]
    values.update({f"proposal.{place}": row["id"] for place, row in enumerate(waiting)})
    episodes = ask(home, "anomalies", "--open")["anomalies"]
    episodes.sort(key=lambda row: Decimal(row["impact"]), reverse=True)
    if episodes:
        values["anomaly.largest"] = episodes[0]["id"]
    for row in episodes:
        if list(row["scope"]) == ["feature"]:
            values["anomaly.id"], values["anomaly.feature"] = row["id"], row["scope"]["feature"]
            break
    return slots


def _dates(values: dict[str, str], report: dict) -> None:
    """Days count from the day after the last one with data, as the product's relative periods do."""
    days = datetime.timedelta
    first = datetime.date.fromisoformat(report["data_from"][:10])
    last = datetime.date.fromisoformat(report["data_until"][:10])
    today = last + days(days=1)
    monday = today - days(days=today.weekday())
    month = today.replace(day=1)
    before = (month - days(days=1)).replace(day=1)
    month_before = (before - days(days=1)).replace(day=1)
    quarter = month.replace(month=(month.month - 1) // 3 * 3 + 1)
    quarter_before = (quarter - days(days=80)).replace(day=1)
    spans = {
        "yesterday": (last, today),
        "last_30d": (today - days(days=30), today),
        "last_90d": (today - days(days=90), today),
        "week_before": (monday - days(days=14), monday - days(days=7)),
        "month_before": (month_before, before),
        "last_month": (before, month),
        "last_quarter": (quarter_before, quarter),
        "month": (month_before, before) if month_before >= first else (before, month),
        "day": (last - days(days=17), last - days(days=16)),
        "days": (last - days(days=26), last - days(days=19)),
    }
    for name, (start, end) in spans.items():
        if end <= first or (name in ("month_before", "week_before") and start < first):
            # Of a time without data there is nothing to ask.
            continue
        values[f"{name}.from"], values[f"{name}.until"] = str(start), str(end)
        values[f"{name}.last"] = str(end - days(days=1))
    values["day.words"] = f"{spans['day'][0]:%-d %B %Y}"
    values["month.words"] = f"{spans['month'][0]:%B %Y}"


def _amounts(values: dict[str, str], expected: Decimal) -> None:
    """Round amounts near a month's expected cost, and surely below it."""
    for name, share, digits in (("about", Decimal("1.005"), 3), ("sure", Decimal("0.6"), 2)):
        amount = expected * share
        step = Decimal(1).scaleb(amount.adjusted() - digits + 1)
        rounded = (amount / step).to_integral_value() * step
        values[f"amount.{name}"] = f"{rounded.normalize():f}"
        values[f"amount.{name}.words"] = f"${rounded.normalize():,f}"


def _proposal(home: Path, names: dict[str, list[str]]) -> None:
    """A proposal that promises something waits in the home, where there are features."""
    if not names["feature"]:
        return
    feature = names["feature"][0]
    last_month = ("spend", "--period", "last_month", "--only", f"feature={feature}", "--by", "model")
    rows = ask(home, *last_month)["rows"]
    models = [model for row in rows if (model := row["group"]["model"])]
    if len(models) < 2:
        return
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(
            'title = "Half of the calls by another model"\nrisk = "low"\nreversible = true\n'
            f'[change]\nkind = "routing"\nfeature = {json.dumps(feature)}\nshare_ratio = "0.5"\n'
            f"from_model = {json.dumps(models[0])}\nto_model = {json.dumps(models[1])}\n"
            f"[scope]\nfeature = {json.dumps(feature)}\n"
            '[saves]\nper = "call"\nlow_percent = "20"\nmid_percent = "30"\nhigh_percent = "40"\n'
        )
        file.flush()
        product.run(home, "propose", "change", file.name)


def questions(slots: Slots) -> tuple[list[Question], list[str]]:
    """Those that can be asked of the home, and the ids of those that cannot."""
    asked: list[Question] = []
    left: list[str] = []
    specs = tomllib.loads(FILE.read_text())["question"]
    for place, spec in enumerate(specs):
        if spec.get("follows") in left:
            left.append(spec["id"])
            continue
        try:
            text = slots.fill(spec["ask"])
            filled = _filled(slots, spec)
        except Missing:
            left.append(spec["id"])
            continue
        held_out = spec.get("later", False) or place % HELD_OUT_EVERY == HELD_OUT_EVERY - 1
        asked.append(Question(spec["id"], spec["who"], text, filled, held_out))
    return asked, left


def _filled(slots: Slots, value: Any) -> Any:
    if isinstance(value, str):
        return slots.fill(value)
    if isinstance(value, list):
        return [_filled(slots, item) for item in value]
    if isinstance(value, dict):
        return {name: _filled(slots, item) for name, item in value.items()}
    return value


class Engine:
    """Answers of the product's commands."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._printed = cache(self._run)

    def _run(self, arguments: tuple[str, ...]) -> Any:
        """What a command prints; nothing where the home has nothing that it could be about."""
        try:
            return ask(self.home, *arguments)
        except product.Failed as failure:
            if any(reason in str(failure) for reason in NOTHING_TO_SAY):
                return None
            raise

    def answers(self, questions: list[Question]) -> dict[str, Any]:
        """Answers of all questions but those whose command comes after the client, by id."""
        asked = [question for question in questions if not question.spec.get("after")]
        commands = {tuple(command) for question in asked for command in commands_of(question.spec)}
        # The commands are processes; as many at once as there are cores on a small machine.
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(self._printed, commands))
        return {question.id: self.answer(question.spec) for question in asked}

    def answer(self, spec: dict) -> Any:
        """A string, a number, or a sorted list of strings; `None` where the engine knows nothing."""
        if spec.get("after"):
            # What the client wrote is there now.
            found = jmespath.search(spec["answer"], ask(self.home, *spec["command"]))
        else:
            found = self._figure(spec)
        if found is None:
            return None
        if spec.get("sum"):
            return sum((Decimal(str(part)) for part in found), Decimal(0)) if found else None
        if spec.get("largest"):
            return largest(added(found))
        if "rise" in spec:
            return self._risen(spec, found)
        if "less" in spec:
            return Decimal(str(found)) - Decimal(str(self._figure(spec["less"])))
        if "of" in spec:
            whole = Decimal(str(self._figure(spec["of"])))
            return (Decimal(str(found)) / whole).quantize(RATIO, ROUND_HALF_EVEN) if whole else None
        return sorted(found) or None if isinstance(found, list) else found

    def _figure(self, spec: dict) -> Any:
        return jmespath.search(spec["answer"], self._printed(tuple(spec["command"])))

    def _risen(self, spec: dict, rows: list[dict]) -> str | None:
        before = jmespath.search(spec["answer"], self._printed(tuple(spec["rise"])))
        change = added(rows)
        for name, cost in added(before).items():
            change[name] = change.get(name, Decimal(0)) - cost
        return max(sorted(change), key=lambda name: change[name]) if change else None


def commands_of(spec: dict) -> list[list[str]]:
    """Every command whose figures make the answer."""
    others = [spec[name]["command"] for name in ("less", "of") if name in spec]
    return [spec["command"], *others, *([spec["rise"]] if "rise" in spec else [])]


def added(rows: list[dict]) -> dict[str, Decimal]:
    """Costs by name, without what has no name."""
    sums: dict[str, Decimal] = {}
    for row in rows:
        if row["name"] is not None:
            sums[row["name"]] = sums.get(row["name"], Decimal(0)) + Decimal(row["cost"])
    return sums


def largest(sums: dict[str, Decimal]) -> str | None:
    """The name with the largest figure, either way."""
    return max(sorted(sums), key=lambda name: abs(sums[name])) if sums else None
