#!/usr/bin/env python3
"""Kills an import with SIGKILL at a drawn moment, again and again.

After each kill the ledger must hold either nothing of the file or all of it, and verify; a second
import must complete it, exactly once. $CENTINEL_KILL_ROUNDS says how often (default 10).
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import call_log
import product

CALLS = 100_000
PERIOD = ("2026-07-01", "2026-10-01")


def complete_import(home: Path, file: Path, prices: Path) -> None:
    product.run(home, *product.import_calls(file, prices))


def killed_import(home: Path, file: Path, prices: Path, after_seconds: float) -> bool:
    """Starts an import and kills it; whether it was still running."""
    process = subprocess.Popen(
        product.command(home, *product.import_calls(file, prices)),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        process.wait(timeout=after_seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def state(home: Path) -> product.Spend:
    """All that the ledger says, once it has verified itself."""
    product.run(home, "ledger", "verify")
    answer = product.spend(home, "model", *PERIOD)
    return product.Spend(answer.total, answer.rows, elapsed_ms=None)


def main() -> None:
    rounds = int(os.environ.get("CENTINEL_KILL_ROUNDS", "10"))
    draw = random.Random(20261101)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        before, file, prices = work / "before.csv", work / "calls.csv", work / "prices.json"
        call_log.write_prices(prices)
        call_log.write_calls(before, 1_000, seed=1)
        call_log.write_calls(file, CALLS, seed=2)

        # A home with a first file in it, and how it looks with the second, imported in peace.
        base, whole = work / "base", work / "whole"
        complete_import(base, before, prices)
        shutil.copytree(base, whole)
        started = time.monotonic()
        complete_import(whole, file, prices)
        duration = time.monotonic() - started
        without, complete = state(base), state(whole)
        product.equal("calls, before and after", (without.total.calls, complete.total.calls), (1_000, 101_000))

        hits = committed = 0
        for number in range(rounds):
            home = work / f"round-{number}"
            shutil.copytree(base, home)
            delay = draw.uniform(0.02, 1.0) * duration
            hit = killed_import(home, file, prices, delay)
            found = state(home)
            if found not in (without, complete):
                raise product.Failed(f"round {number}, killed after {delay:.3f} s: a part of the file is in")
            if not hit:
                product.equal(f"round {number}, not killed", found, complete)
            complete_import(home, file, prices)
            product.equal(f"round {number}, imported again", state(home), complete)
            hits, committed = hits + hit, committed + (hit and found == complete)
            shutil.rmtree(home)
        if hits == 0:
            raise product.Failed(f"none of {rounds} imports was hit: they took {duration:.2f} s")
        print(f"ok {hits} of {rounds} imports killed in the middle ({committed} after they had committed)")


if __name__ == "__main__":
    try:
        main()
    except product.Failed as failure:
        sys.exit(f"FAILED {failure}")
