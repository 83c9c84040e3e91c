#!/usr/bin/env python3
"""Edits of configuration files, read by the readers that people's tools use.

The Rust test `edits::every_edit_changes_its_value_and_nothing_else` leaves each file before and after its
edit in the target directory. Here PyYAML, json, tomllib and python-hcl2 read both: exactly one value may
differ, from the planned old one to the planned new one, of the same kind, and all keys keep their order.
"""

import json
import os
import sys
import tomllib
from collections import Counter
from decimal import Decimal, InvalidOperation
from pathlib import Path

import hcl2
import yaml

# Fewer files than this are not the corpus.
CASES_MIN = 5_000


def leaves(value, path=()):
    """All single values below a value, in order; empty lists and mappings hold none."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from leaves(below, (*path, str(key)))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from leaves(below, (*path, index))
    else:
        yield path, value


def hcl_value(text):
    # python-hcl2 keeps the quotes of texts; line numbers are no values.
    def plain(value):
        if isinstance(value, dict):
            return {key.strip('"'): plain(below) for key, below in value.items() if not key.startswith("__")}
        if isinstance(value, list):
            return [plain(below) for below in value]
        if isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == '"':
            return value[1:-1]
        return value

    return plain(hcl2.loads(text.replace("\r\n", "\n") + "\n"))


READERS = {
    "yaml": lambda text: list(yaml.load_all(text, Loader=yaml.CSafeLoader)),
    "json": json.loads,
    "toml": lambda text: tomllib.loads(text.replace("\r\n", "\n")),
    "hcl": hcl_value,
}


def kind(value):
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else type(value).__name__


def is_value(found, planned):
    if isinstance(found, bool):
        return str(found).lower() == planned
    if isinstance(found, int | float):
        try:
            return Decimal(repr(found)) == Decimal(planned)
        except InvalidOperation:
            return False
    return str(found) == planned


def problem(before, after, plan):
    old, new = plan["old"], plan["new"]
    was, now = list(leaves(before)), list(leaves(after))
    if plan["kind"] == "replace":
        if [path for path, _ in was] != [path for path, _ in now]:
            return "keys differ"
        changed = [(a, b, path) for (path, a), (_, b) in zip(was, now, strict=True) if (kind(a), a) != (kind(b), b)]
        if len(changed) != 1:
            return f"{len(changed)} values differ"
        a, b, path = changed[0]
        is_quantity = kind(a) == "number" and path[-1] in ("cpu", "memory")
        if kind(a) != kind(b) and not is_quantity:
            return f"{a!r} became {b!r}"
        return None if is_value(a, old) and is_value(b, new) else f"{a!r} became {b!r}, planned {old} to {new}"
    longer, shorter, value = (now, was, new) if plan["kind"] == "add" else (was, now, old)
    for index, (path, found) in enumerate(longer):
        if longer[:index] + longer[index + 1 :] == shorter and is_value(found, value):
            return None
    return f"not one value {plan['kind']}"


def main():
    target = Path(os.environ.get("CARGO_TARGET_DIR", Path(__file__).resolve().parents[2] / "target"))
    counts, failed = Counter(), 0
    for number, line in enumerate((target / "tmp" / "edits.jsonl").open(encoding="utf-8"), 1):
        edit = json.loads(line)
        read = READERS[edit["format"]]
        before, after = (read(edit[side].removeprefix("\ufeff")) for side in ("before", "after"))
        counts[edit["format"]] += 1
        if why := problem(before, after, edit):
            failed += 1
            print(f"edit {number} ({edit['format']}, {edit['kind']}): {why}", file=sys.stderr)
    if failed or sum(counts.values()) < CASES_MIN:
        sys.exit(f"{failed} of {sum(counts.values())} edits are not what was planned (at least {CASES_MIN} expected)")
    for form, count in sorted(counts.items()):
        print(f"ok {form}: {count} edits changed exactly what was planned")


if __name__ == "__main__":
    main()
