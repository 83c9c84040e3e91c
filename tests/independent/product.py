"""How the checks talk to the product: one place that knows its command line and its JSON."""

import json
import os
import subprocess
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# Real data beside the repository; where it is absent, the checks run on tests/fixtures alone.
SHARED = ROOT.parent / "shared" / "data"
FIXTURES = ROOT / "tests" / "fixtures"


class Failed(Exception):
    """A check found something else than it should."""


def binary() -> Path:
    """The binary under test: $CENTINEL_BIN, else the debug build."""
    default = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug" / "centinel"
    path = Path(os.environ.get("CENTINEL_BIN", default))
    if not path.is_file():
        raise Failed(f"no binary at {path}: build it with `cargo build`, or set CENTINEL_BIN")
    return path


def tools_folder() -> Path:
    """Where scripts/setup-tests put what comes from npm."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    folder = Path(os.environ.get("CENTINEL_TEST_TOOLS", target / "test-tools"))
    if not (folder / "node").is_dir():
        raise Failed(f"no tools in {folder}: run scripts/setup-tests")
    return folder


def command(home: Path, *arguments: str) -> list[str]:
    return [str(binary()), "--home", str(home), *arguments]


def run(home: Path, *arguments: str, exit_code: int = 0) -> str:
    """Runs a command to its end; returns its standard output."""
    line = command(home, *arguments)
    done = subprocess.run(line, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != exit_code:
        expected = f"exit code {done.returncode} instead of {exit_code}"
        raise Failed(f"{expected}: {' '.join(line)}\n{done.stdout}{done.stderr}")
    return done.stdout


def import_calls(file: Path, prices: Path, *more: str) -> list[str]:
    """The import of a call log at LiteLLM's prices, which say of no day since when they hold."""
    book = ["--book", f"litellm:{prices}", "--undated-prices"]
    return ["import", str(file), "--source", "calls", *book, *more]


@dataclass(frozen=True)
class Sums:
    """What `spend` adds up: exact decimals, and counts. What an answer does not say is `None`."""

    cost: Decimal
    billed_cost: Decimal | None
    list_cost: Decimal | None
    calls: int | None
    input_tokens: int | None
    output_tokens: int | None


@dataclass(frozen=True)
class Spend:
    """An answer of `spend`: the total, and the rows by group (and start of the slice, if time is cut)."""

    total: Sums
    rows: dict[tuple[str, ...], Sums]
    elapsed_ms: Decimal | None


def ask_spend(by: str, start: str, end: str, *more: str) -> list[str]:
    """The question for spend by every value of a dimension: no rest is put together."""
    return ["--json", "spend", "--by", by, "--top", "0", "--from", start, "--until", end, *more]


def spend(home: Path, by: str, start: str, end: str, *more: str) -> Spend:
    return read_spend(run(home, *ask_spend(by, start, end, *more)), by)


def read_spend(text: str, by: str) -> Spend:
    """Reads the JSON of `spend`: the only place that knows its keys."""
    answer = json.loads(text, parse_float=Decimal)

    def amount(value: str | None) -> Decimal | None:
        if value is not None and not isinstance(value, str):
            raise Failed(f"money must be a string, not {value!r}")
        return None if value is None else Decimal(value)

    def sums(row: dict) -> Sums:
        return Sums(
            cost=amount(row["cost"]),
            billed_cost=amount(row.get("billed_cost")),
            list_cost=amount(row.get("list_cost")),
            calls=row.get("calls"),
            input_tokens=row.get("input_tokens"),
            output_tokens=row.get("output_tokens"),
        )

    rows = {}
    for row in answer["rows"]:
        key = (row["group"][by], *([row["at"]] if "at" in row else []))
        if key in rows:
            raise Failed(f"two rows of {key} in one answer")
        rows[key] = sums(row)
    return Spend(total=sums(answer["total"]), rows=rows, elapsed_ms=amount(answer.get("elapsed_ms")))


def equal(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise Failed(f"{what}: the product says {found}, an independent computation {expected}")


def inbox(home: Path) -> set[str]:
    """Ids of the proposals that wait for a decision."""
    answer = json.loads(run(home, "--json", "inbox"))
    return {row["id"] for row in answer["proposals"]}


def mcp_headers(home: Path) -> dict[str, str]:
    """What a client over HTTP shows: the home's own token, where the server keeps one."""
    token = home / "mcp.token"
    return {"Authorization": f"Bearer {token.read_text().strip()}"} if token.is_file() else {}


def files_below(folder: Path) -> dict[str, int]:
    """Length of every file below a folder, by its path there."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.stat().st_size for path in files}
