#!/usr/bin/env python3
"""Extracts and prices the response bodies of the genai-prices usage data, and compares.

    usages.py --binary centinel --usages usages_dev.json --prices v2_data.json [--markdown]

Every body is extracted under every provider and flavor that the data lists for it, by
`centinel usage extract`; what comes out is compared with the expected counts, and its price by
`centinel price`, where the data expects one, with the expected price: exactly, input and output
apart. A disagreement is listed with the reason that its body shows, or as one without a reason;
the exit code is 1 when one has none.
"""

import argparse
import collections
import decimal
import json
import pathlib
import subprocess
import sys
import tempfile

Decimal = decimal.Decimal

# Expected count, and our classes that add up to it.
CLASSES = {
    "input_tokens": ["input_tokens_total"],
    "output_tokens": ["output_tokens_total"],
    "cache_read_tokens": ["cache_read_tokens"],
    "cache_write_tokens": [
        "cache_write_5m_tokens",
        "cache_write_30m_tokens",
        "cache_write_1h_tokens",
        "cache_write_12h_tokens",
    ],
    "cache_write_5m_tokens": ["cache_write_5m_tokens"],
    "cache_write_1h_tokens": ["cache_write_1h_tokens"],
    "input_audio_tokens": ["input_audio_tokens"],
    "input_image_tokens": ["input_image_tokens"],
    "input_video_tokens": ["input_video_tokens"],
    "cache_audio_read_tokens": ["cache_read_audio_tokens"],
    "cache_image_read_tokens": ["cache_read_image_tokens"],
    "cache_video_read_tokens": ["cache_read_video_tokens"],
    "output_reasoning_tokens": ["reasoning_tokens"],
    "output_audio_tokens": ["output_audio_tokens"],
    "output_image_tokens": ["output_image_tokens"],
    "output_video_tokens": ["output_video_tokens"],
    "output_citation_tokens": ["citation_tokens"],
    "web_searches": ["web_search_requests"],
}
# Counts that say how a total is made up, and that nobody bills apart.
NOT_BILLED = {"input_text_tokens", "output_text_tokens", "cache_text_read_tokens",
              "input_tool_tokens", "input_text_tool_tokens", "input_audio_tool_tokens",
              "input_image_tool_tokens", "input_video_tool_tokens"}
INPUT_LINES = ("input", "cache_")
OUTPUT_LINES = ("output", "reasoning", "citation")


def reason(body, provider, expected, answer):
    """Why we differ, as far as the body itself shows it; None when it does not."""
    if answer["status"] == "unpriced" and not any(expected):
        return ("no price", "the data lists the model without prices, and expects zero; nothing unknown "
                "is zero here")
    usage = body.get("usage") or {}
    metadata = body.get("usageMetadata") or {}
    if any(round_.get("type") == "compaction" for round_ in usage.get("iterations") or []):
        return ("compaction", "the body reports rounds that made a summary; Claude API, \"Compaction\": "
                "the top-level counts leave them out, and what is billed is the sum over all rounds")
    tier = metadata.get("trafficType") or ""
    if tier.startswith("ON_DEMAND_") or tier == "PROVISIONED_THROUGHPUT":
        return ("tier", f"the response reports `{tier}`, which is not billed at the standard price "
                "(Vertex AI pricing, Flex and Priority PayGo, Provisioned Throughput); the book has "
                "standard prices only, so the call is unpriced")
    details = usage.get("input_tokens_details") or usage.get("prompt_tokens_details") or {}
    if provider == "azure" and details.get("cache_write_tokens"):
        return ("azure cache writes", "the body reports cache writes; Microsoft Learn, \"Prompt "
                "caching\": from GPT-5.6 on they are billed; the data's Azure extractors pass them over")
    if usage.get("server_tool_use", {}).get("web_search_requests") and answer["status"] == "unpriced":
        return ("search fee", "the response reports web searches, for which the book has no price at "
                "this provider; the data's extractor passes them over, so its price lacks the fee")
    return None


def run(binary, arguments, lines):
    text = "".join(line + "\n" for line in lines)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "lines.jsonl")
        path.write_text(text)
        command = [binary, "--json", *arguments, str(path)]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in (0, 3):
        sys.exit(f"{' '.join(command)}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def side(lines, names):
    chosen = [line for line in lines if line["token_class"].startswith(names)]
    return sum((Decimal(line["amount"]) for line in chosen), Decimal(0))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", default="centinel")
    parser.add_argument("--usages", required=True)
    parser.add_argument("--prices", help="prices of the same data; without it only counts are compared")
    parser.add_argument("--limit", type=int, default=40, help="disagreements listed")
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()

    groups = collections.defaultdict(list)
    for record in json.load(open(options.usages)):
        for expected in record["extracted"]:
            for extractor in expected["extractors"]:
                key = (extractor["provider_id"], extractor["api_flavor"])
                groups[key].append((record["body"], expected["usage"], extractor))

    totals = collections.Counter()
    by_pair = {}
    disagreements = collections.defaultdict(list)
    for (provider, flavor), cases in sorted(groups.items()):
        pair = collections.Counter()
        bodies = [json.dumps(body) for body, _, _ in cases]
        answers = run(options.binary, ["usage", "extract", "--provider", provider, "--api", flavor,
                                       "--model", "not-stated"], bodies)
        if len(answers) != len(cases):
            sys.exit(f"{provider}/{flavor}: {len(answers)} answers to {len(cases)} bodies")
        priced = [None] * len(cases)
        if options.prices:
            lines = [json.dumps({**answer, "id": index}) if "usage" in answer else "{}"
                     for index, answer in enumerate(answers)]
            priced = run(options.binary, ["price", "--undated-prices", "--book",
                                          f"genai-prices:{options.prices}", "--usage"], lines)
        for (body, usage, extractor), answer, price in zip(cases, answers, priced):
            found = answer.get("usage", {})
            wrong = [
                f"{name}: expected {count}, found {value}"
                for name, count in usage.items()
                if name not in NOT_BILLED
                and (value := sum(found.get(part, 0) for part in CLASSES[name])) != count
            ]
            pair["usage"] += 1
            pair["usage agrees"] += not wrong
            place = f"{provider}/{flavor} {body.get('model') or body.get('modelVersion')} {body['file']}"
            if wrong:
                disagreements["counts"].append((place, "; ".join(wrong), answer.get("reason", "")))
            if "input_price" not in extractor or price is None:
                continue
            pair["price"] += 1
            expected = (Decimal(extractor["input_price"]), Decimal(extractor.get("output_price", "0")))
            lines = price.get("lines", [])
            sides = (side(lines, INPUT_LINES), side(lines, OUTPUT_LINES))
            if price["status"] == "priced" and sides == expected:
                pair["price agrees"] += 1
                continue
            if price["status"] == "priced" and sum(sides) == sum(expected):
                pair["sum agrees"] += 1
            why = reason(body, provider, expected, price)
            said = price.get("reason") or f"expected {expected[0]} + {expected[1]}, " \
                                          f"found {sides[0]} + {sides[1]}"
            disagreements[why or ("no reason", "")].append((place, said, answer.get("usage")))
        by_pair[provider, flavor] = pair
        totals.update(pair)

    unexplained = disagreements.pop(("no reason", ""), [])
    counts = disagreements.pop("counts", [])
    rows = [f"| {provider} | {flavor} | {pair['usage agrees']} of {pair['usage']} "
            f"| {pair['price agrees']} of {pair['price']} |"
            for (provider, flavor), pair in by_pair.items()]
    print("| provider | flavor | counts agree | prices agree |\n|---|---|---|---|")
    print("\n".join(rows))
    print(f"| all | | {totals['usage agrees']} of {totals['usage']} "
          f"| {totals['price agrees']} of {totals['price']} |\n")
    for (name, why), cases in disagreements.items():
        print(f"**{name}**, {len(cases)} prices: {why}.\n")
        for place, said, _ in cases[:options.limit]:
            print(f"- `{place}`: {said}")
        print()
    print(f"Prices that differ without a reason: {len(unexplained)}.")
    for place, said, usage in unexplained[:options.limit]:
        print(f"- `{place}`: {said} {json.dumps(usage)}")
    print(f"\nCounts that differ: {len(counts)}.")
    for place, said, why in counts[:options.limit]:
        print(f"- `{place}`: {said} {why}")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
