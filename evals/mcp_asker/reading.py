"""The answer in a structured result: found by names of fields, values of labels, and what the summary
says first."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any

from .question import Question
from .words import meaning, meanings, split

INSTANT = re.compile(r"^\d{4}-\d{2}-\d{2}(T[\d:.]+Z)?$")
# Parts of every answer that say what it rests on; a figure there is asked for by its own name only.
# What rows that were asked for by a parameter `group…` are called.
GROUP = "group"
META = frozenset(
    """period as_of coverage notes currency truncated row_count baseline summary hint""".split()
)


@dataclass(frozen=True)
class Leaf:
    """One value and the way to it; what comes from a row of a list has the row."""

    path: tuple[str, ...]
    value: Any
    row: Any = None
    # Whether it stands in a list of one, beside the rows.
    is_aside: bool = False

    @property
    def kind(self) -> str:
        value = self.value
        if isinstance(value, bool):
            return "flag"
        if isinstance(value, int):
            return "count"
        if INSTANT.match(value):
            return "time"
        return "amount" if decimal(value) is not None else "name"


def decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


def leaves(
    value: Any, path: tuple[str, ...] = (), row: Any = None, *, is_aside: bool = False
) -> Iterator[Leaf]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from leaves(part, (*path, name), row, is_aside=is_aside)
    elif isinstance(value, list):
        # A list of one beside the rows is as good as no list.
        is_single = len(value) == 1 and path[-1:] != ("rows",)
        for part in value:
            if isinstance(part, dict):
                yield from leaves(part, path, row if is_single else part, is_aside=is_single)
    elif value is not None and value != "":
        yield Leaf(path, value, row, is_aside)


def fit(path: tuple[str, ...], asked: list[str]) -> float:
    """How much of a field's name the question says; words of the name that it does not say count
    against it."""
    own = meanings(path[-1]) or [meaning(path[-1])]
    above = [word for part in path[:-1] for word in meanings(part)]
    said = set(asked)
    if "usual" in said:
        # What was usual is what was before, where nothing else is called so.
        said.add("prior")
    hits = [word for word in own if word in said]
    context = 0.25 * sum(word in said for word in above)
    if not hits:
        return context
    # Of two that fit, the one that is spoken of first.
    first = min((asked.index(word) for word in hits if word in asked), default=len(asked))
    return len(hits) - 0.3 * (len(own) - len(hits)) + context - 0.01 * first


@dataclass
class Reader:
    """Reads one answer, of all pages, for one question."""

    question: Question
    pages: list[dict[str, Any]]
    # Names that no filter took.
    left: list[str]
    # What the rows were asked to stand for.
    rows_are: str = ""

    @property
    def whole(self) -> dict[str, Any]:
        """One answer with the rows of all pages."""
        merged = dict(self.pages[0])
        for page in self.pages[1:]:
            merged["rows"] = [*merged.get("rows", []), *page.get("rows", [])]
        return merged

    def answer(self) -> Any:
        """A value of the answer, a list of names, or `None` where it is not there."""
        wants = self.question.wants
        if wants == "name":
            return self._names()
        if wants == "time":
            return self._time()
        if wants == "count":
            return self._count()
        if wants == "ratio":
            self.question.rest += " ratio"
        return self._figure("amount")

    def needs_all_rows(self) -> bool:
        """Whether a row that is not shown could be the answer: the list is in the order of another figure
        than the one asked for, or a row is asked for that is not here."""
        if not self.pages[-1].get("next_cursor"):
            return False
        if self.left:
            return self._row_of(self.left[0]) is None
        if self.question.wants == "name" and self.question.is_superlative:
            table = self._table()
            metric = self._metric(table) if table else None
            if table is None or metric is None:
                return False
            figures = [decimal(_at(row, metric)) or Decimal(0) for row in self.whole[table[0]]]
            return figures != sorted(figures, reverse=True)
        table = self._table()
        is_listed = table is not None and table[0] == "rows"
        return is_listed and self.question.wants == "name" and self.question.is_plural

    # Figures.

    def _figure(self, kind: str) -> Any:
        asked = self.question.meanings
        found = [leaf for leaf in leaves(self.whole) if leaf.kind == kind]
        row = self._asked_row()
        if row is not None:
            found = [leaf for leaf in found if leaf.row is row]
        else:
            found = [leaf for leaf in found if leaf.row is None]
        best = self._best(found, asked)
        return None if best is None else best.value

    def _best(self, found: list[Leaf], asked: list[str]) -> Leaf | None:
        scored = []
        for place, leaf in enumerate(found):
            # Every question is of spend; what stands aside is meant when its own name is said.
            said = [word for word in asked if word != "spend"] if leaf.is_aside else asked
            score = fit(leaf.path, said)
            if (leaf.path[0] in META and score < 0.9) or (leaf.is_aside and score < 0.5):
                continue
            scored.append(((-score, self._place_in_summary(leaf), len(leaf.path), place), leaf))
        return min(scored, key=lambda entry: entry[0])[1] if scored else None

    def _place_in_summary(self, leaf: Leaf) -> int:
        """Where the sentence says the value, rounded as sentences do; far behind when it does not."""
        summary = str(self.whole.get("summary", ""))
        value = decimal(leaf.value)
        if value is None:
            place = summary.find(str(leaf.value))
            return place if place >= 0 else len(summary)
        shown = [f"{abs(value).quantize(Decimal(step), ROUND_HALF_EVEN):,}" for step in ("0.01", "1")]
        places = [
            found.start()
            for text in shown
            if text.strip("0.") and (found := re.search(rf"(?<![\d.,]){re.escape(text)}(?![\d]|\.\d)", summary))
        ]
        return min(places, default=len(summary))

    # Rows.

    def _asked_row(self) -> dict[str, Any] | None:
        """The row that the question names: by a name in quotes, by the words of one of its values, or by
        having none where the question says `no`."""
        for name in self.left:
            row = self._row_of(name)
            if row is not None:
                return row
        said = split(self.question.rest)
        for leaf in leaves(self.whole):
            is_word = bool(re.fullmatch(r"[a-z]+(_[a-z]+)*", str(leaf.value)))
            if leaf.row is not None and is_word and all(word in said for word in split(leaf.value)):
                return leaf.row
        if f"no_{meaning(self.rows_are)}" in self.question.meanings:
            bare = [row for row in self.whole.get("rows", []) if GROUP not in row]
            return bare[0] if bare else None
        return None

    def _row_of(self, name: str) -> dict[str, Any] | None:
        held = (leaf for leaf in leaves(self.whole) if leaf.row is not None)
        return next((leaf.row for leaf in held if leaf.value == name), None)

    # Names.

    def _subject(self) -> list[str]:
        words = self.question.asked_for or split(self.question.rest)
        return [meaning(word) for word in words]

    def _table(self) -> tuple[str, str] | None:
        """The list whose rows are what is asked for, and the field with their names."""
        whole = self.whole
        best: tuple[float, int, str, str] | None = None
        subject = self._subject()
        lists = [(name, rows) for name, rows in whole.items() if isinstance(rows, list)]
        for place, (name, rows) in enumerate(lists):
            named = {key: value for row in rows if isinstance(row, dict) for key, value in row.items()}
            for key, value in named.items():
                # A number is a name only where rows were asked to stand for it, as accounts are.
                if not isinstance(value, str) or (key != GROUP and decimal(value) is not None):
                    continue
                score = self._says(key, subject) + 0.5 * self._says(name, self.question.meanings)
                if key == GROUP and name == "rows":
                    score += 0.4
                if best is None or score > best[0]:
                    best = (score, place, name, key)
        return (best[2], best[3]) if best else None

    @staticmethod
    def _says(name: str, said: list[str]) -> float:
        words = [word for word in meanings(name) if word != "id"]
        for place, word in enumerate(said):
            if word in words:
                return 1.0 + 0.2 / (place + 1)
        return 0.0

    def _names(self) -> Any:
        whole = self.whole
        asked = self._subject()
        table = self._table()
        single = [leaf for leaf in leaves(whole) if leaf.kind == "name" and leaf.row is None]
        alone = self._best(single, self.question.meanings)
        if alone is not None and fit(alone.path, self.question.meanings) >= 0.9:
            return alone.value
        if table is None:
            return None
        name, key = table
        rows = [row for row in whole[name] if isinstance(row, dict)]
        if self.question.is_plural and not self.question.is_superlative:
            return sorted(str(row[key]) for row in rows if key in row)
        named = [row for row in rows if key in row]
        metric = self._metric(table)
        if metric is not None and named:
            named = [max(named, key=lambda row: decimal(_at(row, metric)) or Decimal("-Infinity"))]
        if not named:
            return None
        # Of `who is the owner of the largest …`, a field of the row beside its name.
        fields = [leaf for leaf in leaves(named[0]) if leaf.kind == "name" and leaf.path[-1] != key]
        best = self._best(fields, [*asked, *self.question.meanings[:2]])
        if best is not None and fit(best.path, self.question.meanings[:2]) > 0.6 > self._says(key, asked):
            return best.value
        return named[0][key]

    def _metric(self, table: tuple[str, str]) -> tuple[str, ...] | None:
        """The figure of the rows that the superlative is about, where the question names one; the order of
        the list serves else."""
        rows = [row for row in self.whole[table[0]] if isinstance(row, dict)]
        if not rows or not self.question.is_superlative:
            return None
        found = {leaf.path for row in rows for leaf in leaves(row) if leaf.kind in ("amount", "count")}
        scored = sorted((-fit(path, self.question.meanings), path) for path in found)
        return scored[0][1] if scored and scored[0][0] <= -0.6 else None

    # Times and counts.

    def _time(self) -> Any:
        whole = self.whole
        rows = [row for row in whole.get("rows", []) if isinstance(row, dict)]
        stepped = rows and all(INSTANT.match(str(row.get(GROUP, ""))) for row in rows)
        if stepped and self.question.is_superlative:
            first = [leaf.path for leaf in leaves(rows[0]) if leaf.kind == "amount"]
            sums = [(path, _at(whole.get("total", {}), path)) for path in first]
            totals = [Leaf(path, value) for path, value in sums if value]
            headline = self._best(totals, self.question.meanings)
            path = headline.path if headline else first[0]
            return max(rows, key=lambda row: decimal(_at(row, path)) or Decimal(0))[GROUP]
        row = self._asked_row()
        found = [leaf for leaf in leaves(whole) if leaf.kind == "time"]
        if row is None and len(rows) == 1:
            row = rows[0]
        found = [leaf for leaf in found if (leaf.row is row if row is not None else leaf.row is None)]
        best = self._best(found, [*self.question.meanings, *(["reach"] if self.question.amounts else [])])
        return None if best is None else best.value

    def _count(self) -> Any:
        asked = self.question.meanings
        row = self._asked_row()
        found = [leaf for leaf in leaves(self.whole) if leaf.kind == "count" and leaf.row is row]
        best = max(found, key=lambda leaf: (fit(leaf.path, asked), -found.index(leaf)), default=None)
        subject = self._subject()
        table = self.whole.get("rows", [])
        counted = bool(table) and any(self._says(key, subject[:2]) for key in table[0])
        if best is not None and fit(best.path, asked) > 0.6:
            return best.value
        return self.whole.get("row_count") if counted or best is None else best.value


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value
