"""What a question says by its form: names in quotes, times, amounts, ids, and what kind of thing it
wants to know."""

import datetime
import re
from dataclasses import dataclass, field

from .words import IDLE, meanings, split

UNITS = ("day", "week", "month", "quarter", "year")
NUMBERS = {"two": 2, "three": 3, "seven": 7, "ten": 10, "fourteen": 14, "thirty": 30, "ninety": 90}
MONTHS = [datetime.date(2000, month, 1).strftime("%B").lower() for month in range(1, 13)]
POLITE = {"please", "sorry", "kindly", "can", "could", "you", "would", "i", "want", "to", "and", "now"}


@dataclass(frozen=True)
class Name:
    """A name in quotes, and the words next to it that may say what it is the name of."""

    value: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Time:
    """A time that is spoken of: the words of a relative one, or days; `place` is where it stands."""

    words: tuple[str, ...] = ()
    days: tuple[datetime.date, datetime.date] | None = None
    place: int = 0


@dataclass
class Question:
    """A question, taken apart."""

    text: str
    names: list[Name] = field(default_factory=list)
    times: list[Time] = field(default_factory=list)
    amounts: list[str] = field(default_factory=list)
    percents: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    # The text without names, times, amounts and ids.
    rest: str = ""
    wants: str = "amount"
    asked_for: list[str] = field(default_factory=list)

    @property
    def meanings(self) -> list[str]:
        return meanings(self.rest)

    @property
    def verb(self) -> str:
        """The first word that is no politeness."""
        words = [word for word in split(self.rest) if word not in POLITE]
        return words[0] if words else ""

    @property
    def is_plural(self) -> bool:
        """Whether more than one name is wanted, by the noun after `which`."""
        found = re.search(r"\b(?:which|what|list|all)\s+([a-z]+)", self.rest.lower())
        return bool(found) and found[1].endswith("s") and not found[1].endswith("ss")

    @property
    def is_past(self) -> bool:
        """Whether the time that it is about is over."""
        over = ("last", "yesterday", "before")
        return any(time.days is not None or time.words[0] in over for time in self.times)

    @property
    def is_superlative(self) -> bool:
        return bool(re.search(r"\b(most|largest|biggest|highest|main|top|peak|dearest)\b", self.rest.lower()))


def parse(text: str, today: datetime.date) -> Question:
    question = Question(text)
    rest = _take_names(question, text)
    question.ids = re.findall(r"\b[A-Z]-\d+\b", rest)
    rest = re.sub(r"\b[A-Z]-\d+\b", " ", rest)
    for found in re.finditer(r"[$€£]\s?(\d[\d,]*(?:\.\d+)?)(k\b)?", rest):
        amount = found[1].replace(",", "")
        question.amounts.append(f"{amount}000" if found[2] else amount)
    rest = re.sub(r"[$€£]\s?\d[\d,]*(?:\.\d+)?(?:k\b)?", " ", rest)
    rest = _take_dates(question, rest, today)
    rest = _take_relative(question, rest)
    question.percents = re.findall(r"(\d+(?:\.\d+)?)\s*(?:%|percent)", rest)
    question.rest = rest
    question.wants = _wants(rest)
    question.asked_for = _asked_for(rest)
    return question


def _take_names(question: Question, text: str) -> str:
    """Notes what stands in quotes; the word before or after it is its label, and goes with it."""
    pieces = re.split(r'"([^"]+)"', text)
    for place in range(1, len(pieces), 2):
        before = [word.lower() for word in re.findall(r"[A-Za-z]+", pieces[place - 1])[-2:]]
        after = re.findall(r"[A-Za-z]+", pieces[place + 1])[:1]
        labels = [word for word in (*reversed(before), *(word.lower() for word in after)) if word not in IDLE]
        if len(before) == 2 and before[0] not in IDLE:
            labels.insert(0, "_".join(before))
        question.names.append(Name(pieces[place], tuple(labels)))
        # Only the words of other things stay.
        pieces[place - 1] = re.sub(r"[A-Za-z]+\W*$", " ", pieces[place - 1])
        pieces[place] = " "
    return "".join(pieces)


def _take_dates(question: Question, rest: str, today: datetime.date) -> str:
    day = datetime.timedelta(days=1)
    iso = r"(\d{4}-\d{2}-\d{2})"
    joined = rf"{iso}\s*(?:to|through|until|till|and|–|-)\s*{iso}"
    for found in re.finditer(joined, rest):
        first, last = (datetime.date.fromisoformat(part) for part in found.groups())
        question.times.append(Time(days=(first, last + day), place=found.start()))
    rest = re.sub(joined, " ", rest)
    for found in re.finditer(iso, rest):
        first = datetime.date.fromisoformat(found[1])
        question.times.append(Time(days=(first, first + day), place=found.start()))
    rest = re.sub(iso, " ", rest)
    names = "|".join(MONTHS)
    spoken = rf"(?:(\d{{1,2}})(?:[a-z]{2})?\s+)?\b({names})\b(?:\s+(\d{{4}}))?"
    for found in re.finditer(spoken, rest, re.IGNORECASE):
        month = MONTHS.index(found[2].lower()) + 1
        year = int(found[3]) if found[3] else today.year - (month > today.month)
        first = datetime.date(year, month, int(found[1] or 1))
        after = first + day if found[1] else (first + 32 * day).replace(day=1)
        question.times.append(Time(days=(first, after), place=found.start()))
    return re.sub(spoken, " ", rest, flags=re.IGNORECASE)


def _take_relative(question: Question, rest: str) -> str:
    """`last week`, `the past 7 days`, `so far this month`, `yesterday`; words as they are told apart."""
    units = "|".join(UNITS)
    numbers = "|".join(NUMBERS)
    forms = [
        (rf"\b(?:last|past|previous|trailing)\s+(\d+|{numbers})\s+({units})s?\b", "counted"),
        (rf"\bso far (?:this|the)\s+({units})\b|\bthis\s+({units})\s+so far\b", "to_date"),
        (rf"\b({units})[ -]to[ -]date\b", "to_date"),
        (rf"\bthe\s+({units})\s+(?:before|earlier|prior)\b", "before"),
        (rf"\b(?:previous|prior|preceding)\s+({units})\b", "before"),
        (rf"\b(?:last|past)\s+({units})(?:'s)?\b", "last"),
        (rf"\b(?:end of the|this|the|next|coming|current)\s+({units})(?:'s)?\b", "this"),
        (r"\b(today|yesterday)\b", "name"),
        (rf"\b(?:a|an|per|each|every)\s+({units})\b|\b(dai|week|month|quarter|year)ly\b", "per"),
    ]
    for form, kind in forms:
        for found in re.finditer(form, rest, re.IGNORECASE):
            words = [part.lower() for part in found.groups() if part]
            if kind == "counted":
                number = NUMBERS.get(words[0], words[0])
                told: tuple[str, ...] = ("last", str(number), words[1])
            elif kind == "name":
                told = (words[0],)
            elif kind == "to_date":
                told = (words[0], "to", "date")
            else:
                told = (kind, "day" if words[0] == "dai" else words[0])
            question.times.append(Time(words=told, place=found.start()))
        keep = {"before": " before ", "per": " "}.get(kind, " ")
        rest = re.sub(form, lambda found, keep=keep: keep.ljust(len(found[0])), rest, flags=re.IGNORECASE)
    question.times.sort(key=lambda time: time.place)
    return rest


def _wants(rest: str) -> str:
    """The kind of answer: `amount`, `count`, `ratio`, `time` or `name`."""
    text = rest.lower()
    for form, kind in (
        (r"\b(when|since|how fresh|how recent|until when)\b", "time"),
        (rf"\bwhich\s+({'|'.join(UNITS)})\b", "time"),
        (r"\bhow many\b", "count"),
        (r"\bhow (likely|probable)|\b(probability|chance|share|percentage|proportion|ratio)\b", "ratio"),
        (r"\bhow (much|far)\b|\bby how much\b", "amount"),
        (r"\bwhat kind\b", "name"),
        (r"\b(which|who|whose|name|give me the|list the)\b", "name"),
        (r"\b(most expensive|dearest|biggest|largest)\b", "name"),
    ):
        if re.search(form, text):
            return kind
    return "amount"


def _asked_for(rest: str) -> list[str]:
    """Words after `which`, `by`, `per`, `each`, `how many`, `who`: what is wanted of each row, best first."""
    text = rest.lower()
    heads = "which|what|by|per|each|every|how many|whose|name the|give me the|who (?:is|are) the"
    heads += "|most expensive|largest|biggest|dearest"
    found = re.findall(rf"\b(?:{heads})\s+(?:of the\s+)?(?:most\s+)?((?:[a-z]+\s+){{0,2}}[a-z]+)", text)
    words: list[str] = []
    for group in found:
        words += [word for word in group.split() if word not in words]
    return words
