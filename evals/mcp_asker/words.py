"""Words of a question, and which of them mean the same. Nothing here is taken from a server."""

import re

# Words that say nothing of what is asked.
IDLE = frozenset(
    """a an and any are as at be been but by can could did do does for from give had has have how i if in
    into is it its just like look made make makes me more much my near need of off on one or our ours
    please quite really sorry that the their them then there these they this those to up us very was we
    were what which who whom with would you your alone account further everything past name over still
    less than while going many together ones another also""".split()
)

# Words that begin with `un` and are not the contrary of anything.
KEPT = frozenset(("unusual", "unique", "until", "united", "universal"))

# Each line is one meaning; the first word stands for all of it. Stems, as `stem` makes them.
_MEANINGS = """
spend spent cost bill pay paid expense expensive money charge dear worth
why cause reason explain because due driver driven behind
forecast will project predict future expect land outlook
anomaly unusual odd strange abnormal outlier
usual normal typical
change increase decrease rise rose grow grew grown growth fall fell drop move delta differ difference
large largest biggest big most top highest high peak main dearest
low lowest least smallest lower cheapest
upper
prior before previous preceding earlier ago
compare versus vs against
provider vendor supplier
propose suggest recommend
withdraw retract revoke
limit cap budget
deny refuse block
pending wait await
approval approve
save saving
promise
owner own accountable responsible
probability likely chance odds risk
reach hit
expire lapse
source feed
fresh recent
accept deliver
reject
volume traffic
instead switch
start since begin
share ratio percent percentage proportion
gross list undiscounted
net
call request
current now moment open
team squad
scenario assume suppose imagine
impact
"""

# Phrases that are one word in meaning; the longest first.
PHRASES = [
    ("end up", "forecast"),
    ("list price", "gross"),
    ("before discounts and credits", "gross"),
    ("before discounts", "gross"),
    ("after discounts", "net"),
    ("take back", "withdraw"),
    ("over the usual", "impact"),
    ("waiting for", "pending"),
    ("without a price", "no price"),
    ("without an owner", "no owner"),
    ("has an owner", "owned"),
    ("upper end", "high"),
    ("lower end", "low"),
    ("at the moment", "now"),
    ("as it was before", "before"),
    ("out of", "left"),
    ("how far", "delta"),
    ("more or less", "delta"),
    ("how much more", "delta"),
    ("how much less", "delta"),
    ("what if", "scenario"),
    (" if ", " scenario "),
]


def stem(word: str) -> str:
    """A word without its ending: the same for question and description is all that matters."""
    word = word.lower()
    for ending, instead in (
        ("ies", "y"), ("sses", "ss"), ("ations", "at"), ("ation", "at"), ("ings", ""), ("ing", ""),
        ("edly", ""), ("ed", ""), ("ly", ""), ("ness", ""), ("es", ""), ("s", ""), ("e", ""),
    ):  # fmt: skip
        kept = word[: len(word) - len(ending)]
        if word.endswith(ending) and len(kept) >= 3 and not (ending == "s" and word.endswith(("ss", "us"))):
            word = kept + instead
            break
    if len(word) > 4 and word[-1] == word[-2] and word[-1] not in "ls":
        word = word[:-1]
    return word[:-1] if word.endswith("e") and len(word) > 4 else word


def _meanings() -> dict[str, str]:
    known: dict[str, str] = {}
    for line in _MEANINGS.strip().splitlines():
        first, *rest = line.split()
        for word in (first, *rest):
            known.setdefault(word, first)
            known.setdefault(stem(word), first)
    return known


_MEANING = _meanings()


def meaning(word: str) -> str:
    """What stands for a word and all that mean the same."""
    return _MEANING.get(word.lower(), _MEANING.get(stem(word), stem(word)))


def split(text: str) -> list[str]:
    """Words and numbers of a text or of a name such as `last_7d`, in order."""
    text = re.sub(r"(\d+)\s*d\b", r"\1 day", text.replace("_", " "))
    return re.findall(r"[a-z]+|\d+(?:\.\d+)?", text.lower())


def meanings(text: str) -> list[str]:
    """Meanings of the words of a text that say anything, in order. What is said to be without something
    is one word, so `unpriced` and `no price` are both `no_price` and `price`."""
    text = text.lower()
    for phrase, instead in PHRASES:
        text = text.replace(phrase, f" {instead} ")
    found: list[str] = []
    is_without = False
    for word in split(text):
        if word in ("without", "lack", "lacks", "lacking", "no", "none", "missing"):
            is_without = True
            continue
        if word.startswith("un") and len(word) > 6 and word not in KEPT:
            word, is_without = word[2:], True
        if word in IDLE:
            continue
        if is_without:
            found.append(f"no_{meaning(word)}")
            is_without = False
        found.append(meaning(word))
    return found
