#!/usr/bin/env python3
"""Bad input: what is wrong is said with its row and column, the good rows are kept, nothing breaks.

Each case is a file that nobody would write on purpose: cut, mistyped, in a wrong encoding, a bomb. The
command that reads it must end within its time and memory, without a panic, with the stated exit code: 3
where rows were rejected and the others kept, 1 only where the file as a whole cannot be read.
"""

import gzip
import json
import os
import resource
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import product

# A bomb must not be held in memory: far below its size, far above what the product needs.
RESIDENT_MIB_MAX = 320
SECONDS_MAX = 60


@dataclass(frozen=True)
class Case:
    name: str
    file: str
    content: bytes
    code: int
    # What standard error (or, of engine commands, any output) must say: row, column, value, reason.
    says: tuple[str, ...] = ()
    # Rows in the ledger afterwards, or priced lines.
    kept: int | None = None
    command: tuple[str, ...] = ("import",)
    # Arguments after the file.
    more: tuple[str, ...] = ()
    # Files beside it.
    beside: dict[str, bytes] = field(default_factory=dict)


HEADER = "call_id,at,provider,model,input_tokens,output_tokens\n"
GOOD = "{},2026-10-01T00:00:00Z,openai,gpt-5.1,100,10\n"


def log(*rows: str) -> bytes:
    """A call log: a good row, the bad ones, a good row."""
    return (HEADER + GOOD.format("first") + "".join(r + "\n" for r in rows) + GOOD.format("last")).encode()


def line(**changes: object) -> str:
    row = {"at": "2026-10-01T00:00:00Z", "provider": "openai", "model": "gpt-5.1", "input_tokens_total": 10}
    return json.dumps({key: value for key, value in {**row, **changes}.items() if value is not None})


def ndjson(*rows: str) -> bytes:
    return "\n".join([line(call_id="first"), *rows, line(call_id="last"), ""]).encode()


BILL = (
    "BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,EffectiveCost,ListCost,"
    "ContractedCost,ProviderName,PublisherName,InvoiceIssuerName,ServiceName,ServiceCategory,BillingAccountId\n"
)
CHARGE = "{},{},{},{},{},1,1,1,Ex,Ex,Ex,VM,Compute,a\n"
DAY = ("2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z")


def bill(*rows: str) -> bytes:
    good = CHARGE.format(1, "USD", "Usage", *DAY)
    return (BILL + good + "".join(rows) + good).encode()


def deep(opening: str, closing: str, depth: int) -> str:
    return opening * depth + closing * depth


def bomb(unit: bytes, mebibytes: int) -> bytes:
    """A gzip of a mebibyte over and over, made without holding it."""
    packed = gzip.compress(unit * ((1 << 20) // len(unit)), mtime=0)
    return packed * mebibytes


def zip_of(name: str, content: bytes, folder: Path) -> bytes:
    path = folder / "archive.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return path.read_bytes()


def call_log_cases() -> list[Case]:
    bad_rows = {
        "a negative count": ("b,2026-10-01T00:00:01Z,openai,gpt-5.1,-5,10", "`input_tokens` `-5` is negative"),
        "NaN": ("b,2026-10-01T00:00:01Z,openai,gpt-5.1,NaN,10", "`input_tokens` `NaN` is not a number"),
        "infinity": ("b,2026-10-01T00:00:01Z,openai,gpt-5.1,Infinity,10", "`Infinity` is not a number"),
        "a word for a count": ("b,2026-10-01T00:00:01Z,openai,gpt-5.1,many,10", "`many` is not a number"),
        "a huge number": (f"b,2026-10-01T00:00:01Z,openai,gpt-5.1,{'9' * 60},10", "more than a row can hold"),
        "an exponent": ("b,2026-10-01T00:00:01Z,openai,gpt-5.1,1e400,10", "`input_tokens`"),
        "a fraction of a token": ("b,2026-10-01T00:00:01Z,openai,gpt-5.1,1.5,10", "`1.5` is not a whole number"),
        "separators": ('b,2026-10-01T00:00:01Z,openai,gpt-5.1,"1,204",10', "no thousands separators"),
        "a day that is none": ("b,2026-02-30T00:00:01Z,openai,gpt-5.1,1,1", "`2026-02-30T00:00:01Z`"),
        "the year 9999": ("b,9999-12-31T23:59:59Z,openai,gpt-5.1,1,1", "`at` `9999-12-31T23:59:59Z`"),
        "the year 0": ("b,0000-00-00T00:00:00Z,openai,gpt-5.1,1,1", "`at`"),
        "too few fields": ("b,2026-10-01T00:00:01Z,openai", "3 fields where the header has 6"),
        "too many fields": ("b,2026-10-01T00:00:01Z,openai,gpt-5.1,1,1,1,1", "8 fields where the header has 6"),
        "an unclosed quote": ('b,2026-10-01T00:00:01Z,openai,"gpt-5.1,1,1', "a quote is opened and never closed"),
        "no model": ("b,2026-10-01T00:00:01Z,openai,,1,1", "no model"),
        "a NUL byte": ("b,2026-10-01T00:00:01Z,openai,gpt-5.1,1\0,1", "`input_tokens`"),
        "an escape sequence": ("\x1b[2J\x1b[31m", "1 field where the header has 6"),
    }
    cases = [
        # The NUL comes late: a file that starts with one is no text.
        Case(f"call log: {name}", "calls.csv", log(*[GOOD.format(i).strip() for i in range(40)], row), 3,
             ("row 42", says), 42)
        for name, (row, says) in bad_rows.items()
    ]
    rows = log().decode()
    latin = log().replace(b"first", b"f\xfcrst") + b""
    return cases + [
        Case("cut in the middle of a row", "calls.csv", log()[:-20], 3, ("row 2", "the input ends in this row"), 1),
        Case("cut in a quoted field", "calls.csv", log() + b'x,"2026', 3, ("row 3", "quote"), 2),
        Case("Latin-1", "calls.csv", latin, 3, ("row 1", "column 1 is not UTF-8 (byte 0xfc)"), 1),
        Case("UTF-16, little end first", "calls.csv", rows.encode("utf-16"), 1, ("UTF-16", "hint: ")),
        Case("UTF-16, big end first", "calls.csv", b"\xfe\xff" + rows.encode("utf-16-be"), 1, ("UTF-16", "hint: ")),
        Case("UTF-32", "calls.csv", rows.encode("utf-32"), 1, ("error: ",)),
        Case("a byte order mark", "calls.csv", b"\xef\xbb\xbf" + log(), 0, (), 2),
        Case("mixed line ends", "calls.csv", rows.replace("\n", "\r\n", 1).replace("\n", "\r", 2).encode(), 0, (), 2),
        Case("a column twice", "calls.csv", rows.replace("call_id", "at", 1).encode(), 1,
             ("`at` stands twice", "hint: ")),
        Case("no bytes", "calls.csv", b"", 1, ("holds nothing",)),
        Case("spaces only", "calls.csv", b" \n\t\n  ", 1, ("error: ",)),
        Case("a header alone", "calls.csv", HEADER.encode(), 0, (), 0),
        Case("no column that is known", "calls.csv", b"name,age\nx,1\n", 1, ("`name`", "hint: ")),
        Case("a row longer than memory should hold", "calls.csv.gz",
             gzip.compress(log()) + bomb(b"x", 512), 3, ("row 3", "bytes, more than"), 2),
        Case("a bomb of empty lines", "calls.csv.gz", gzip.compress(log()) + bomb(b"\n", 256), 0, (), 2),
        Case("a bomb of quotes", "calls.csv.gz", gzip.compress(log()) + bomb(b'"', 64), 3, ("row 3",), 2),
        Case("a cut gzip", "calls.csv.gz", gzip.compress(log() * 1000)[:-40], 1, ("cannot read on after byte",)),
        Case("a gzip in name only", "calls.csv.gz", log(), 1, ("error: ",)),
        Case("a zstd in name only", "calls.csv.zst", log(), 1, ("error: ",)),
        Case("a gzip without its name", "calls.csv", gzip.compress(log()), 1, ("gzip", "hint: ")),
        Case("a page for logging in", "calls.csv", b"<!DOCTYPE html><html></html>", 1, ("HTML",)),
        Case("bytes of no format", "calls.csv", bytes(range(256)) * 8, 1, ("error: ",)),
    ]


def json_cases() -> list[Case]:
    usage = '{"at":"2026-10-01T00:00:00Z","provider":"openai","model":"gpt-5.1",'
    bad_rows = {
        "a cut line": (line()[:50], "row 2"),
        "a lone surrogate": (line(feature="X").replace("X", "\\ud800"), "row 2"),
        "a number for an object": ("7", "not a JSON object"),
        "NaN": (line(input_tokens_total=float("nan")), "row 2"),
        "a negative count": (line(input_tokens_total=-1), "`input_tokens_total` `-1` is negative"),
        "1e999": (usage + '"input_tokens_total":1e999}', "`input_tokens_total`"),
        "a list for a count": (line(input_tokens_total=[1]), "row 2"),
        "an object for a count": (line(input_tokens_total={"a": 1}), "row 2"),
        "a boolean for a count": (line(input_tokens_total=True), "`input_tokens_total`"),
        "a part above its total": (line(cache_read_tokens=11), "`cache_read_tokens` (11) exceeds"),
        "brackets without end": (deep("[", "", 100_000), "row 2"),
        "nesting without end": (usage + '"input_tokens_total":1,"a":' + deep('{"a":', "}", 50_000)[:-1], "row 2"),
        "a raw control character": (line(feature="X").replace("X", "a\x01b"), "row 2"),
        "bytes that are no text": (line(feature="X").replace("X", "\udcff"), "row 2"),
    }
    cases = [
        Case(f"JSON lines: {name}", "calls.jsonl",
             b"\n".join([line(call_id="first").encode(), row.encode("utf-8", "surrogateescape"),
                         line(call_id="last").encode(), b""]), 3, ("row 2", says), 2)
        for name, (row, says) in bad_rows.items()
    ]
    nested = usage + '"input_tokens_total":10,"metadata":' + deep('{"a":', "}", 30_000).replace('"a":}', '"a":1}')
    return cases + [
        Case("JSON lines: deep, but whole", "calls.jsonl", ndjson(nested + "}"), 0, (), 3),
        # Of two the later one counts, as in JSON; `price` is stricter.
        Case("JSON lines: a key twice", "calls.jsonl",
             ndjson(usage + '"input_tokens_total":1,"input_tokens_total":2}'), 0, (), 3),
        Case("a JSON array without its end", "calls.json", b"[" + line().encode() + b",\n" + line()[:40].encode(), 3,
             ("row 2",), 1),
        Case("an OTLP payload that is cut", "trace.json", b'{"resourceSpans":[{"scopeSpans":[', 1, ("OTLP",)),
        Case("an OTLP span with a negative count", "trace.json", otlp(-5), 3, ("row 1",), 1),
        Case("an outcome that is negative", "outcomes.jsonl",
             b'{"outcome_id":"a","at":"2026-10-01T00:00:00Z","kind":"k","quantity":1}\n'
             b'{"outcome_id":"b","at":"2026-10-01T00:00:00Z","kind":"k","quantity":-1}\n', 3, ("row 2", "`quantity`")),
        Case("a LiteLLM row with broken metadata", "spend.json",
             b'[{"request_id":"a","call_type":"c","spend":"1","startTime":"2026-10-01T00:00:00Z","model":"gpt-5.1",'
             b'"custom_llm_provider":"openai","prompt_tokens":-1,"completion_tokens":1,"metadata":"{{"}]', 3,
             ("row 1", "`prompt_tokens`")),
    ]


def otlp(tokens: int) -> bytes:
    def span(number: int, count: int) -> dict:
        attributes = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai",
                      "gen_ai.request.model": "gpt-5.1"}
        values = [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()]
        values.append({"key": "gen_ai.usage.input_tokens", "value": {"intValue": str(count)}})
        return {"traceId": f"{number:032x}", "spanId": f"{number:016x}", "name": "chat",
                "startTimeUnixNano": "1790000000000000000", "endTimeUnixNano": "1790000001000000000",
                "attributes": values}

    spans = [span(1, tokens), span(2, 7)]
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()


def bill_cases() -> list[Case]:
    bad_rows = {
        "a cost of NaN": (CHARGE.format("NaN", "USD", "Usage", *DAY), "`BilledCost` `NaN`"),
        "a decimal comma": (CHARGE.format('"1,50"', "USD", "Usage", *DAY), "`BilledCost` `1,50`"),
        "more digits than can be kept": (CHARGE.format("0." + "1" * 50, "USD", "Usage", *DAY), "more digits"),
        "more money than there is": (CHARGE.format("1e30", "USD", "Usage", *DAY), "larger than any bill"),
        "no currency": (CHARGE.format(1, "dollars", "Usage", *DAY), "dollars"),
        "an unknown category": (CHARGE.format(1, "USD", "Refund", *DAY), "ChargeCategory `Refund`"),
        "an end before its start": (CHARGE.format(1, "USD", "Usage", *DAY[::-1]), "charge"),
        "a null cost": (CHARGE.format("", "USD", "Usage", *DAY).replace(",1,1,1,", ",,1,1,"), "BilledCost"),
        "a time without a day": (CHARGE.format(1, "USD", "Usage", "noon", DAY[1]), "`ChargePeriodStart` `noon`"),
    }
    cases = [
        Case(f"bill: {name}", "bill.csv", bill(row), 3, ("row 2", says), 2)
        for name, (row, says) in bad_rows.items()
    ]
    return cases + [
        Case("a bill without a currency column", "bill.csv", bill().replace(b"BillingCurrency", b"Currency"), 1,
             ("no column BillingCurrency",)),
        Case("a Parquet file that is cut", "bill.parquet", b"PAR1" + b"\x15\x04" * 200, 1, ("error: ",)),
        Case("a Parquet file of nothing", "bill.parquet", b"PAR1PAR1", 1, ("error: ",)),
        Case("a Parquet file with a footer beyond its start", "bill.parquet",
             b"PAR1" + b"\0" * 64 + struct.pack("<I", 0x7FFFFFFF) + b"PAR1", 1, ("error: ",)),
    ]


def price_cases() -> list[Case]:
    good = '{"id":"a","provider":"openai","model":"gpt-4o","usage":{"input_tokens_total":5,"output_tokens_total":1}}'
    call = '{"provider":"openai","model":"gpt-4o","usage":'
    bad_rows = {
        "a cut line": (good[:60], "line 2"),
        "a negative count": (call + '{"input_tokens_total":-1}}', "line 2"),
        "a fraction": (call + '{"input_tokens_total":1.5}}', "line 2"),
        "NaN": (call + '{"input_tokens_total":NaN}}', "line 2"),
        "a huge number": (call + '{"input_tokens_total":' + "9" * 40 + "}}", "line 2"),
        "an unknown class": (call + '{"prompt_tokens":1}}', "prompt_tokens"),
        "a class twice": (call + '{"input_tokens_total":1,"input_tokens_total":2}}', "line 2"),
        "nesting without end": (call + deep("[", "", 100_000), "line 2"),
        "a lone surrogate": ('{"provider":"\\ud800","model":"m","usage":{}}', "line 2"),
        "a line of two mebibytes": ('{"x":"' + "x" * (2 << 20) + '"}', "longer than"),
        "a time that is none": (good.replace('"id"', '"at":"2026-13-01T00:00:00Z","id"'), "line 2"),
        "bytes that are no text": ('{"provider":"\udcff","model":"m","usage":{}}', "line 2"),
    }
    cases = [
        Case(f"price: {name}", "usage.jsonl",
             b"\n".join([good.encode(), row.encode("utf-8", "surrogateescape"), good.encode(), b""]), 3, (says,), 2,
             ("--json", "price", "--book", "builtin", "--usage"))
        for name, (row, says) in bad_rows.items()
    ]
    usage = {"usage.jsonl": good.encode()}
    with_book = ("price", "--usage", "usage.jsonl", "--book")
    return cases + [
        Case("price: a byte order mark and \\r\\n", "usage.jsonl", b"\xef\xbb\xbf" + good.encode() + b"\r\n", 0, (), 1,
             ("--json", "price", "--book", "builtin", "--usage")),
        Case("a price book that is cut", "book.toml", b'format = 1\nname = "x', 1, ("error: ", "line 2"), None,
             with_book, (), usage),
        Case("a price book with a number for a price", "book.toml",
             b'format = 1\nname = "x"\ncurrency = "USD"\nrecorded = "2026-11-22"\n[[model]]\nprovider = "p"\n'
             b'model = "m"\n[[model.price]]\neffective_from = "unknown"\nsource = "s"\nrates.standard = { input = 5 }\n',
             1, ("error: ",), None, with_book, (), usage),
    ]


def table_cases() -> list[Case]:
    """Tables of the engine's commands: every reader is the same one."""
    series = "series,date,cost\n" + "".join(f"a,2026-{m:02}-{d:02},10\n" for m in (9, 10) for d in range(1, 29))
    cells = (
        "model,side,outputs,calls,tok_in,tok_cached,tok_out,cost\n"
        "m,before,1,10,100,0,10,1.5\nm,after,1,20,200,0,20,3\n"
    )
    hours = "timestamp,usage_on_demand_cost\n" + "".join(f"2026-10-01T{h:02}:00:00Z,10\n" for h in range(24))
    offers = b'[[offer]]\nname = "o"\ndiscount = "0.3"\nterm_hours = 24\npayment = "no_upfront"\n' \
             b'increment = "1"\nminimum = "0"\n'
    tables = [
        ("detect", series, "a,2026-11-01,{}\n", ("--json", "detect", "--series"), (), {}),
        ("decompose", cells, "n,before,1,1,1,0,1,{}\n", ("--json", "decompose", "--cells"), (), {}),
        ("commit optimize", hours, "2026-10-03T00:00:00Z,{}\n",
         ("--json", "commit", "optimize", "--offers", "offers.toml", "--usage"), (), {"offers.toml": offers}),
        ("commit report", bill().decode(), CHARGE.replace("{}", "{{}}", 1).format("USD", "Usage", *DAY)
         .replace("{}", "{}"), ("--json", "commit", "report"), (), {}),
    ]
    cases = []
    for name, whole, row, command, more, beside in tables:
        number = whole.count("\n") + 1

        def case(what: str, content: bytes, code: int, says: tuple[str, ...] = ()) -> Case:
            return Case(f"{name}: {what}", "in.csv", content, code, says, None, command, more, beside)

        first_line = whole.split("\n")[0] + "\n"
        tail = whole[len(first_line):]
        for what, value in [("NaN", "NaN"), ("a word", "many"), ("two points", "1.2.3"),
                            ("a huge number", "9" * 60), ("an exponent", "1e999")]:
            cases.append(case(what, (whole + row.format(value)).encode(), 3, (f"{number}", "`")))
        bad = row.format("1")
        quoted = first_line + '"' + bad + tail
        cases += [
            case("too few fields", (whole + "x\n").encode(), 3, (f"{number}",)),
            case("too many fields", (whole + bad.strip() + ",1,1,1\n").encode(), 3, (f"{number}",)),
            case("Latin-1", whole.encode() + bad.replace(bad[0], "\xfc", 1).encode("latin-1"), 3, ("UTF-8",)),
            case("an unclosed quote before the good rows", quoted.encode(), 3, ("2", "quote")),
            case("a byte order mark", b"\xef\xbb\xbf" + whole.encode(), 0),
            case("mixed line ends", whole.replace("\n", "\r\n", 5).encode(), 0),
            case("UTF-16", whole.encode("utf-16"), 1, ("UTF-16",)),
            case("a column twice", whole.replace(first_line.split(",")[0], first_line.split(",")[1].strip(), 1)
                 .encode(), 1, ("twice",)),
            case("no bytes", b"", 1, ("error: ",)),
            case("binary", bytes(range(256)) * 8, 1, ("error: ",)),
            case("another table", b"name,age\nx,1\n", 1, ("error: ", "hint: ")),
        ]
        long_row = Case(f"{name}: a row longer than memory should hold", "in.csv.gz",
                        gzip.compress(whole.encode()) + bomb(b"x", 512), 3, (f"{number}",), None, command, more, beside)
        cases.append(long_row)
    cases.append(Case("offers that are cut", "offers.toml", b'[[offer]]\nname = "o', 1, ("error: ", "line 2"), None,
                      ("commit", "optimize", "--usage", "in.csv", "--offers"), (), {"in.csv": hours.encode()}))
    return cases


def run(case: Case, folder: Path) -> None:
    for name, content in {**case.beside, case.file: case.content}.items():
        (folder / name).write_bytes(content)
    arguments = [*case.command, case.file, *case.more]
    started = time.monotonic()
    process = subprocess.Popen(
        product.command(folder / "home", *arguments), cwd=folder, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
        env={**os.environ, "RUST_BACKTRACE": "0"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (SECONDS_MAX, SECONDS_MAX)),
    )
    # Of all commands so far; it grows when this one needed more than any before.
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    out, err = process.communicate(timeout=4 * SECONDS_MAX)
    taken = time.monotonic() - started
    resident = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    what = f"{case.name} ({' '.join(arguments)})"

    def fail(reason: str) -> None:
        shown = f"{out[:1500]}{err[:1500]}".encode("unicode_escape").decode()
        raise product.Failed(f"{what}: {reason}, after {taken:.1f} s, {resident} MiB\n{shown}")

    if "panicked" in err or process.returncode < 0:
        fail(f"died with {process.returncode}")
    if process.returncode != case.code:
        fail(f"exit code {process.returncode} instead of {case.code}")
    if resident > max(before, RESIDENT_MIB_MAX):
        fail(f"needs {resident} MiB")
    for word in case.says:
        if word not in err and word not in out:
            fail(f"does not say `{word}`")
    if any(c < " " and c not in "\n\t" for c in err):
        fail("control characters on the terminal")
    if case.code == 1 and not any(line.startswith("error: ") for line in err.splitlines()):
        fail("no error line")
    if case.command == ("import",):
        check_ledger(case, folder, fail)
    elif case.kept is not None:
        lines = [json.loads(line) for line in out.splitlines()]
        priced = sum(line["status"] in ("priced", "unpriced") for line in lines)
        if priced != case.kept:
            fail(f"{priced} lines answered instead of {case.kept}")


def check_ledger(case: Case, folder: Path, fail) -> None:
    home = folder / "home"
    if case.kept is not None and case.kept > 0:
        spend = json.loads(product.run(home, "--json", "spend", "--by", "model", "--period", "all"))
        found = spend["total"]["calls"] + spend["total"]["charges"]
        if found != case.kept:
            fail(f"{found} rows kept instead of {case.kept}")
    kept = [path for path in (home / "rejected").glob("*.ndjson")]
    if (case.code == 3) != (len(kept) == 1):
        fail(f"{len(kept)} files of rejected rows")
    for path in kept:
        for row in path.read_text().splitlines():
            if not json.loads(row)["reason"] or json.loads(row)["row"] < 1:
                fail(f"a rejected row without reason or place: {row}")
    product.run(home, "ledger", "verify")


def main() -> None:
    cases = [*call_log_cases(), *json_cases(), *bill_cases(), *price_cases(), *table_cases()]
    wanted = sys.argv[1:]
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        archive = zip_of("calls.csv", log(), Path(folder))
        cases.append(Case("a zip archive", "calls.csv", archive, 1, ("zip", "hint: ")))
    ran = 0
    for case in cases:
        if wanted and not any(word in case.name for word in wanted):
            continue
        ran += 1
        with tempfile.TemporaryDirectory() as folder:
            try:
                run(case, Path(folder))
            except product.Failed as failure:
                failures.append(str(failure))
    if failures:
        raise product.Failed(f"{len(failures)} of {ran} cases\n\n" + "\n\n".join(failures))
    print(f"ok {ran} malformed files")


if __name__ == "__main__":
    try:
        main()
    except product.Failed as failure:
        sys.exit(f"FAILED {failure}")
