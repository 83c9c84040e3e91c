#!/usr/bin/env python3
"""Extraction and pricing of response bodies on one core, beside LiteLLM's `cost_per_token` on the same
calls in the same run.

    usage_throughput.py [--records N] [--calls N] BENCH

BENCH is the built example (`cargo build --release -p centinel-engine --example usage_throughput`).
LiteLLM runs where this script runs, if it is installed there; it prices the first CALLS of the same
calls, as it takes minutes for a million.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def litellm_seconds(path, limit):
    """Seconds a call, and how many calls were priced; None without LiteLLM."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    try:
        from litellm import cost_per_token
    except ImportError:
        return None
    calls = []
    for line in path.open():
        call = json.loads(line)
        usage = call["usage"]
        written = sum(count for name, count in usage.items() if name.startswith("cache_write"))
        calls.append({
            "model": call["model"],
            "custom_llm_provider": call["provider"],
            "prompt_tokens": usage["input_tokens_total"],
            "completion_tokens": usage["output_tokens_total"],
            "cache_read_input_tokens": usage.get("cache_read_tokens", 0),
            "cache_creation_input_tokens": written,
        })
        if len(calls) == limit:
            break
    priced = 0
    start = time.perf_counter()
    for call in calls:
        priced += cost_per_token(**call)[1] > 0
    seconds = time.perf_counter() - start
    if priced != len(calls):
        sys.exit(f"error: LiteLLM priced {priced} of {len(calls)} calls")
    return seconds / len(calls), len(calls)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--calls", type=int, default=50_000)
    parser.add_argument("bench", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "calls.jsonl")
        command = [options.bench, str(options.records), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout)
        compared = litellm_seconds(path, options.calls)
    ours = found["price_seconds"] / found["records"]
    for name, value in found.items():
        print(f"{name}: {value}")
    print(f"pricing alone: {ours * 1e9:.0f} ns a call")
    if compared is None:
        print("LiteLLM is not installed here: not compared")
    else:
        theirs, calls = compared
        print(f"LiteLLM cost_per_token: {theirs * 1e9:.0f} ns a call over {calls} calls, "
              f"{theirs / ours:.0f} times ours")


if __name__ == "__main__":
    main()
