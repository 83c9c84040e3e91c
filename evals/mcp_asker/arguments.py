"""Arguments of a call, from a question and the tool's schema."""

import re
from dataclasses import dataclass, field
from typing import Any

from .question import UNITS, Name, Question
from .ranking import Tool, fitting_ids
from .words import meaning, meanings, split

COMPARED = {"compare", "change", "usual", "before", "prior"}


@dataclass
class Call:
    """A call about to be made."""

    tool: Tool
    arguments: dict[str, Any] = field(default_factory=dict)
    # Names that no parameter took: rows to look for.
    left: list[Name] = field(default_factory=list)


def fill(tool: Tool, question: Question, known: dict[str, str]) -> Call:
    """`known` are the ids of earlier answers of the conversation, by field name."""
    rows = [Name(given, ()) for given in question.ids if given not in fitting_ids(tool, question.ids)]
    call = Call(tool, left=[*question.names, *rows])
    for name, schema in tool.properties.items():
        value = _value(tool, name, schema, question, known, call)
        if value is not None:
            call.arguments[name] = value
    alone = [
        name
        for name in call.arguments
        if "nothing else" in tool.properties[name].get("description", "")
    ]
    if alone:
        call.arguments = {alone[0]: call.arguments[alone[0]]}
    return call


def _value(
    tool: Tool, name: str, schema: dict, question: Question, known: dict[str, str], call: Call
) -> Any:
    text = schema.get("description", "")
    if "enum" in schema:
        return _choice(name, schema["enum"], question, is_required=name in tool.required)
    if schema.get("type") == "object":
        shares = question.wants == "ratio" and "amount" not in tool.properties
        return None if shares else _entities(schema.get("properties", {}), call) or None
    example = re.search(r"\bas ([A-Z])-\d+", text, re.IGNORECASE)
    if example or name.endswith("_id"):
        letter = example[1].upper() if example else ""
        fitting = [given for given in question.ids if given.startswith(letter)] if letter else []
        if fitting:
            return fitting[0]
        return known.get(name) if name in tool.required or (not example and tool.writes) else None
    if "`" in text and question.percents + [entity.value for entity in call.left]:
        return _from_template(text, question, call)
    if "decimal" in text and question.amounts:
        return question.amounts[0]
    days = next((time.days for time in question.times if time.days), None)
    if days and name in ("start", "from", "since"):
        return days[0].isoformat()
    if days and name in ("end", "until", "to") and "not counted" in text.lower():
        return days[1].isoformat()
    if name in tool.required:
        return question.text
    return None


def _choice(name: str, choices: list[str], question: Question, *, is_required: bool) -> str | None:
    if any(_temporal(choice) for choice in choices) and not name.startswith(("group", "compare")):
        return _period(choices, question)
    if name.startswith("group"):
        return _grouping(choices, question)
    said = question.meanings
    times = [word for time in question.times for word in time.words]
    if name.startswith("compare"):
        if not COMPARED & {*said, *times}:
            return None
        said = [*said, *times, *("period" for time in question.times if "before" in time.words)]
        said += ["prior"] if "before" in (*times, *split(question.rest)) else []
    best: tuple[float, str | None] = (0.0, None)
    for choice in choices:
        words = meanings(choice)
        if not words:
            continue
        share = sum(word in said for word in words) / len(words)
        if share > best[0] and share > 0.6:
            best = (share, choice)
    if best[1] is None and is_required and len(choices) == 1:
        return choices[0]
    if best[1] is None and name.startswith("compare") and "change" in said:
        return choices[0] if not COMPARED & {*said} - {"change"} else None
    return best[1]


def _temporal(choice: str) -> bool:
    return any(word in (*UNITS, "today", "yesterday") for word in split(choice))


def _period(choices: list[str], question: Question) -> str | None:
    """The choice that says the first time of the question, or the one that counts days."""
    told: dict[tuple[str, ...], str] = {tuple(split(choice)): choice for choice in choices}
    for time in sorted(question.times, key=lambda time: len(time.words) != 3):
        words = time.words
        if not words:
            continue
        if words in told:
            return told[words]
        if words[0] == "this":
            for form in ((words[1],), (words[1], "to", "date")):
                if form in told:
                    return told[form]
        if words[0] == "per" and (words[1],) in told:
            return told[(words[1],)]
    said = split(question.rest)
    return next((choice for choice in choices if choice in said and choice in UNITS), None)


def _grouping(choices: list[str], question: Question) -> str | None:
    """What the rows stand for: a noun of the question that is a choice, first what is asked for."""
    text = question.rest.lower()
    nouns = [*question.asked_for, *split(text)]
    pairs = [f"{one}_{two}" for one, two in zip(nouns, nouns[1:], strict=False)]
    if question.wants == "ratio":
        # A share is of the whole: the name is a row of it, no filter.
        nouns = [label for name in question.names for label in name.labels] + nouns
    for noun in (*pairs, *nouns):
        for choice in choices:
            if choice == noun or (meaning(choice) == meaning(noun) and "_" not in choice):
                return choice
    return None


def _entities(properties: dict[str, Any], call: Call) -> dict[str, str]:
    """Names whose label is a property go there, one each."""
    found: dict[str, str] = {}
    for name in list(call.left):
        for label in name.labels:
            key = next((known for known in properties if meaning(known) == meaning(label)), None)
            if key and key not in found:
                found[key] = name.value
                call.left.remove(name)
                break
    return found


def _from_template(text: str, question: Question, call: Call) -> str | None:
    """Fills the first form in backticks that the question has the words for: `volume +20%`,
    `model X -> Y`."""
    for form in re.findall(r"`([^`]+)`", text):
        words = split(form)
        if not words or words[0].isdigit():
            continue
        head = meaning(words[0])
        if "%" in form and question.percents and head in question.meanings:
            falls = "fall" in question.rest or "drop" in question.rest or "less" in question.rest
            return re.sub(r"[+-]?\d+%", f"{'-' if falls else '+'}{question.percents[0]}%", form)
        places = re.findall(r"\b[A-Z]\b", form)
        fitting = [name for name in question.names if head in (meaning(label) for label in name.labels)]
        if places and len(fitting) == len(places):
            for place, name in zip(places, fitting, strict=True):
                form = re.sub(rf"\b{place}\b", lambda _, name=name: name.value, form, count=1)
            # They are used up; a filter would ask for something else.
            call.left = [name for name in call.left if name not in fitting]
            call.arguments = {
                key: value
                for key, value in call.arguments.items()
                if not isinstance(value, dict) or not {name.value for name in fitting} & {*value.values()}
            }
            return form
    return None
