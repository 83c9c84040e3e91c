#!/usr/bin/env python3
"""A million calls: how fast they are imported, how small they lie, how fast they are asked; DuckDB does
the same with the same file in the same run. Two cores for both. Prints a Markdown table.

    evals/bench/million_calls.py [--calls N] [--repeats N] target/release/centinel

Both price every call: Centinel by its book, DuckDB by a join with a table of prices in exact decimals.
Centinel also keeps each call once for ever (128 bits of its id) and writes hourly and daily sums; DuckDB
does neither. A query of Centinel is timed twice: the whole process (start, catalogue, scan, JSON), and
what `--timings` says it took inside; DuckDB's is timed inside a process that has its database open.
DuckDB's memory includes the Python that it runs in.
Sums must be equal to the last digit, or the script fails.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "independent"))

import call_log  # noqa: E402
import product  # noqa: E402

CORES = 2
PERIOD = ("2026-07-01", "2026-10-01")
# What DuckDB reads and writes. Decimals are wide enough for every product and sum to be exact.
PRICED = """
    select c.*, (
        (input_tokens_total - cache_read_tokens) * p.fresh + cache_read_tokens * p.cached
        + output_tokens_total * p.output
    )::decimal(18, 12) as cost
    from read_csv('{calls}', header = true) c join prices p using (provider, model)
"""
QUESTION = """
    select model, "at"::date as day, count(*), sum(input_tokens_total), sum(output_tokens_total), sum(cost)
    from {table} group by model, day
"""


def measured(command: list[str]) -> tuple[float, float, str]:
    """Runs a command; its seconds, its peak resident mebibytes, and its output."""
    with tempfile.TemporaryFile("w+") as out:
        started = time.monotonic()
        process = subprocess.Popen(command, stdout=out, stdin=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise product.Failed(f"exit code {process.returncode}: {' '.join(command)}")
        out.seek(0)
        return seconds, usage.ru_maxrss / 1024, out.read()


def median_ms(repeats: int, question: Callable[[], object]) -> float:
    """Milliseconds of a question, median, after it was asked once to warm up."""
    question()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        question()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def duckdb_session(database: Path) -> object:
    import duckdb

    session = duckdb.connect(str(database), config={"threads": CORES})
    session.execute("set timezone = 'UTC'")
    return session


def duckdb_load(work: Path, into: str) -> float:
    """Loads the calls, priced; its seconds. Runs in a process of its own, whose memory can be read."""
    session = duckdb_session(work / f"{into}.duckdb")
    started = time.monotonic()
    session.execute(
        "create table prices (provider varchar, model varchar, "
        "fresh decimal(9, 8), cached decimal(10, 9), output decimal(9, 8))"
    )
    for provider, model, *per_million in call_log.MODELS:
        rates = [str(Decimal(rate).scaleb(-6)) for rate in per_million]
        session.execute("insert into prices values (?, ?, ?, ?, ?)", [provider, model, *rates])
    select = PRICED.format(calls=work / "calls.csv")
    if into == "table":
        session.execute(f"create table calls as {select}")
        session.execute("checkpoint")
    else:
        session.execute(f"copy ({select}) to '{work / 'calls.parquet'}' (format parquet, compression zstd)")
    return time.monotonic() - started


def duckdb_sums(rows: list[tuple]) -> dict:
    return {
        (model, f"{day:%Y-%m-%d}"): (calls, tokens_in, tokens_out, cost)
        for model, day, calls, tokens_in, tokens_out, cost in rows
    }


def our_sums(answer: product.Spend) -> dict:
    return {
        (model, start[:10]): (sums.calls, sums.input_tokens, sums.output_tokens, sums.cost)
        for (model, start), sums in answer.rows.items()
        if sums.calls
    }


def bench_duckdb(work: Path, calls: int, repeats: int) -> tuple[list, list, dict]:
    """Rows of the two tables, and the sums."""
    loads, questions, sums = [], [], {}
    for into, size_of in [("table", "table.duckdb"), ("parquet", "calls.parquet")]:
        loader = [sys.executable, __file__, "--duckdb-load", into, "--work", str(work), ""]
        _, mebibytes, seconds = measured(loader)
        size = (work / size_of).stat().st_size
        loads.append((f"DuckDB, {into}", float(seconds), f"{size / calls:.1f}", mebibytes))
        session = duckdb_session(work / "table.duckdb")
        source = "calls" if into == "table" else f"read_parquet('{work / 'calls.parquet'}')"
        query = QUESTION.format(table=source)
        inside = median_ms(repeats, lambda: session.execute(query).fetchall())  # noqa: B023
        questions.append((f"DuckDB, {into}", None, inside))
        sums[into] = duckdb_sums(session.execute(query).fetchall())
        session.close()
    product.equal("DuckDB's Parquet against its table", sums["parquet"], sums["table"])
    return loads, questions, sums["table"]


def bench_centinel(work: Path, calls: int, repeats: int, expected: dict) -> tuple[list, list]:
    home = work / "home"
    seconds, mebibytes, _ = measured(
        product.command(home, "--quiet", *product.import_calls(work / "calls.csv", work / "prices.json"))
    )
    files = product.files_below(home / "segments")
    cells = sum(size for name, size in files.items() if name.startswith(("calls_hour-", "calls_day-")))
    raw = sum(size for name, size in files.items() if name.startswith("calls-"))
    size = f"{raw / calls:.1f} raw, {cells / calls:.1f} cells"
    questions = []
    for name, scan in [("cells", []), ("raw segments", ["--scan", "raw"])]:
        question = product.ask_spend("model", *PERIOD, "--grain", "day", "--timings", *scan)
        texts: list[str] = []
        whole = median_ms(repeats, lambda: texts.append(product.run(home, *question)))  # noqa: B023
        answers = [product.read_spend(text, "model") for text in texts]
        # The first was the warm-up.
        inside = statistics.median(answer.elapsed_ms for answer in answers[1:])
        questions.append((f"Centinel, {name}", whole, inside))
        for answer in answers:
            product.equal(f"sums from {name}", our_sums(answer), expected)
    product.run(home, "ledger", "verify")
    return [("Centinel", seconds, size, mebibytes)], questions


def report(calls: int, file_bytes: int, loads: list, questions: list) -> None:
    print(f"{calls:,} calls, {file_bytes / calls:.0f} bytes each as CSV; {CORES} cores\n")
    print("| import | calls/s | seconds | bytes per call | peak memory, MiB |")
    print("|---|---:|---:|---|---:|")
    for name, seconds, size, mebibytes in loads:
        print(f"| {name} | {calls / seconds:,.0f} | {seconds:.2f} | {size} | {mebibytes:,.0f} |")
    print("\n| spend by model and day | whole process, ms | inside, ms |")
    print("|---|---:|---:|")
    for name, whole, inside in questions:
        print(f"| {name} | {'' if whole is None else f'{whole:.1f}'} | {inside:.1f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", help="the release binary; empty for DuckDB alone")
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--duckdb-load", choices=["table", "parquet"], help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.duckdb_load:
        print(duckdb_load(arguments.work, arguments.duckdb_load))
        return
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        call_log.write_calls(work / "calls.csv", arguments.calls, arguments.seed)
        call_log.write_prices(work / "prices.json")
        loads, questions, sums = bench_duckdb(work, arguments.calls, arguments.repeats)
        if arguments.binary:
            os.environ["CENTINEL_BIN"] = arguments.binary
            ours = bench_centinel(work, arguments.calls, arguments.repeats, sums)
            loads, questions = ours[0] + loads, ours[1] + questions
        report(arguments.calls, (work / "calls.csv").stat().st_size, loads, questions)
        total = sum(cost for *_, cost in sums.values())
        print(f"\nok sums by model and day are equal to the last digit; total {total} USD")


if __name__ == "__main__":
    try:
        main()
    except product.Failed as failure:
        sys.exit(f"FAILED {failure}")
