"""Which tool answers a question, by what the tools say of themselves."""

import math
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .question import Question
from .words import meaning, meanings, split

# How much a word counts, by where it stands.
NAME, TAKEN, FIRST_SENTENCE, SENTENCE, PARAMETER = 4.0, 3.0, 2.0, 1.5, 1.0
# Words of how much and of how many, which any list can be asked.
ORDER = frozenset("large low total upper change day week month quarter year".split())
FUTURE = "forecast"


@dataclass(frozen=True)
class Tool:
    """A tool as it is listed."""

    name: str
    title: str
    description: str
    properties: dict[str, dict[str, Any]]
    required: tuple[str, ...]
    writes: bool


def listed(tool: Any) -> Tool:
    """Of an entry of `tools/list`."""
    schema = tool.input_schema
    hints = tool.annotations
    return Tool(
        tool.name,
        tool.title or "",
        tool.description or "",
        schema.get("properties", {}),
        tuple(schema.get("required", ())),
        not (hints and hints.read_only_hint),
    )


class Ranking:
    """The tools of a server, and the meanings that stand for each."""

    def __init__(self, tools: list[Tool]) -> None:
        self.tools = tools
        self.weights: dict[str, dict[str, float]] = {tool.name: defaultdict(float) for tool in tools}
        for tool in tools:
            for weight, name, text in self._texts(tool):
                for word in meanings(text):
                    self.weights[name][word] = max(self.weights[name][word], weight)

    def _texts(self, tool: Tool) -> Iterator[tuple[float, str, str]]:
        """Each text with its weight and the tool that it speaks for: a sentence that names another tool
        says when to take that one."""
        yield NAME, tool.name, f"{tool.name} {tool.title}"
        for other in self.tools:
            if other is not tool and any(takes_from(schema, other) for schema in tool.properties.values()):
                yield TAKEN, tool.name, other.name
        for place, sentence in enumerate(re.split(r"(?<=[.!?])\s+", tool.description)):
            others = [
                other.name
                for other in self.tools
                if other.name != tool.name and re.search(rf"\b{other.name}\b", sentence) and "_" in other.name
            ]
            text = re.sub("|".join(others) or r"(?!)", " ", sentence)
            weight = FIRST_SENTENCE if place == 0 else SENTENCE
            for name in others or [tool.name]:
                yield weight if not others else SENTENCE, name, text
        for name, schema in tool.properties.items():
            choices = " ".join(str(choice) for choice in schema.get("enum", ()))
            yield PARAMETER, tool.name, f"{name} {schema.get('description', '')} {choices}"

    def rarity(self, word: str) -> float:
        """What every tool says tells none of them apart."""
        holders = sum(word in weights for weights in self.weights.values())
        return math.log((1 + len(self.tools)) / (1 + holders)) + 0.3 if holders else 0.0

    def scores(self, question: Question) -> dict[str, float]:
        """For whoever wonders why."""
        return {tool.name: score for score, tool in self._scored(question)}

    def best_first(self, question: Question) -> list[Tool]:
        """The tools by how much of the question they speak of. One that writes is taken only when its
        deed is what the question begins with."""
        scored = enumerate(self._scored(question))
        return [tool for _, (_, tool) in sorted(scored, key=lambda entry: (-entry[1][0], entry[0]))]

    def _scored(self, question: Question) -> list[tuple[float, Tool]]:
        verb = meaning(question.verb)
        labels = {meaning(label) for name in question.names for label in name.labels[:1]}
        compared = {"compare"} if any("before" in time.words for time in question.times) else set()
        # What is said twice counts twice, and so does what is asked first.
        said = (verb, *question.meanings, *labels, *compared)
        asked = [word for word in said if word not in ORDER and not word.isdigit()]
        is_past = question.is_past and FUTURE not in asked
        ranked = []
        for tool in self.tools:
            weights = self.weights[tool.name]
            score = sum(weights[word] * self.rarity(word) for word in asked if word in weights)
            if _groups(tool, question):
                score += SENTENCE
            score += FIRST_SENTENCE * len(fitting_ids(tool, question.ids))
            if is_past and weights.get(FUTURE, 0) >= NAME:
                # What is over needs no estimate.
                score *= 0.3
            if tool.writes:
                deed = meaning(split(tool.name)[0])
                if verb != deed:
                    continue
                score += 100
            ranked.append((score, tool))
        return ranked


def takes_from(schema: dict[str, Any], other: Tool) -> bool:
    """Whether a parameter's description says that another tool's answer has its value."""
    return bool(re.search(rf"\bfrom {other.name}\b", schema.get("description", ""), re.IGNORECASE))


def fitting_ids(tool: Tool, ids: list[str]) -> list[str]:
    """Ids that a parameter takes, by the example in its description: `as P-7`."""
    letters = {
        found[1]
        for schema in tool.properties.values()
        if (found := re.search(r"\b[Aa]s ([A-Z])-\d+", schema.get("description", "")))
    }
    return [given for given in ids if given[0] in letters]


def _groups(tool: Tool, question: Question) -> bool:
    """Whether its rows can stand for what the question wants of each row."""
    nouns = {meaning(noun) for noun in question.asked_for[:3]}
    return any(
        name.startswith("group") and nouns & {meaning(choice) for choice in schema.get("enum", ())}
        for name, schema in tool.properties.items()
    )
