//! Bad input: each gives the right message, and loses nothing.

use super::{Notes, report};
use crate::{Options, ReadError, read_detected};

const HEADER: &str = "at,provider,model,input_tokens,output_tokens\n";
const GOOD: &str = "2026-11-03T14:05:00Z,openai,gpt-5.1,10,2\n";

fn check(name: &str, bytes: impl AsRef<[u8]>, expected: &[&str]) {
    let found = report(name, bytes.as_ref(), &Options::default());
    for expected in expected {
        assert!(found.contains(expected), "no `{expected}` in:\n{found}");
    }
    assert!(found.lines().next().unwrap().len() < 400, "{found}");
}

#[test]
fn rows_in_error_are_rejected_and_the_others_kept() {
    for (row, reason) in [
        ("2026-11-03T14:05:00Z,openai,gpt-5.1,-5,2\n", "`input_tokens` `-5` is negative"),
        ("2026-11-03T14:05:00Z,openai,gpt-5.1,1.5,2\n", "`1.5` is not a whole number"),
        ("2026-11-03T14:05:00Z,openai,gpt-5.1,NaN,2\n", "`NaN` is not a number"),
        ("2026-11-03T14:05:00Z,openai,gpt-5.1,\"1,204\",2\n", "no thousands separators"),
        (
            "2026-11-03T14:05:00Z,openai,gpt-5.1,99999999999999999999999,2\n",
            "more than a row can hold",
        ),
        ("2026-11-03T14:05:00Z,openai,,10,2\n", "no model"),
        ("2026-11-03T14:05:00Z,,gpt-5.1,10,2\n", "no provider"),
        ("2026-11-03T14:05:00Z,openai,gpt-5.1,,\n", "no token counts"),
        (",openai,gpt-5.1,10,2\n", "no time"),
        ("03/11/2026,openai,gpt-5.1,10,2\n", "`at` `03/11/2026` is not an instant"),
        ("0001-01-01T00:00:00Z,openai,gpt-5.1,10,2\n", "outside the years"),
        ("2026-11-03T14:05:00Z,openai,gpt-5.1,10\n", "4 fields where the header has 5"),
        ("2026-11-03T14:05:00Z,openai,gpt-5.1,10,2,3\n", "6 fields where the header has 5"),
        ("2026-11-03T14:05:00Z,openai,\"gpt-5.1,10,2\n", "a quote is opened and never closed"),
        ("\u{1b}[31m\n", "1 field where the header has 5"),
    ] {
        let text = format!("{HEADER}{GOOD}{row}{GOOD}");
        check(
            "calls.csv",
            &text,
            &["3 rows, 2 accepted, 1 rejected", "row 2 (line 3): rejected", reason],
        );
    }
}

#[test]
fn a_cut_file_keeps_what_it_has() {
    let whole = format!("{HEADER}{GOOD}{GOOD}");
    for cut in 1..GOOD.len() - 6 {
        let text = &whole[..whole.len() - GOOD.len() + cut];
        check("calls.csv", text, &["2 rows, 1 accepted, 1 rejected", "the input ends in this row"]);
    }
    // Cut within the last value: nothing in the row shows it, so the missing line end is said.
    check("calls.csv", &whole[..whole.len() - 1], &["2 accepted", "the last row has no line end"]);
    let line =
        r#"{"at":"2026-11-03T14:05:00Z","provider":"openai","model":"gpt-5.1","prompt_tokens":1}"#;
    check(
        "calls.jsonl",
        format!("{line}\n{}", &line[..40]),
        &["1 accepted, 1 rejected", "the row is cut"],
    );
    check(
        "calls.json",
        format!("[{line},\n{}", &line[..40]),
        &["1 accepted, 1 rejected", "ends in this row"],
    );
}

#[test]
fn encodings_and_line_ends() {
    let good = &GOOD[..GOOD.len() - 1];
    let header = &HEADER[..HEADER.len() - 1];
    check(
        "a.csv",
        format!("\u{feff}{header}\r\n{good}\r\n{good}\n{good}"),
        &["3 rows, 3 accepted"],
    );
    check("a.csv", format!("{header}\r{good}\r{good}\r"), &["2 rows, 2 accepted"]);
    check("a.csv", format!("{header}\n{good}\n").replace(',', ";"), &["1 rows, 1 accepted"]);
    let mut latin = format!("{HEADER}{GOOD}").into_bytes();
    latin.extend_from_slice(b"2026-11-03T14:05:00Z,openai,mod\xe8le,10,2\n");
    check("a.csv", &latin, &["1 accepted, 1 rejected", "column 3 is not UTF-8 (byte 0xe8)"]);
    let utf16: Vec<u8> = HEADER.encode_utf16().flat_map(u16::to_le_bytes).collect();
    check("a.csv", [&[0xff, 0xfe][..], &utf16].concat(), &["error: the input is UTF-16 text"]);
}

#[test]
fn inputs_that_cannot_be_read_say_so_in_one_line() {
    for (text, expected) in [
        ("", "error: the input is empty"),
        ("at,at,model,input_tokens\n", "column `at` stands twice in the header: as number 1 and 2"),
        (
            "TIMESTAMP,ContextTokens,GeneratedTokens\n",
            "no column for `provider`, `model`; found: TIMESTAMP",
        ),
        (
            "timestamp,provider,model,input_length\n0,a,b,1\n3000,a,b,1\n",
            "column `timestamp` counts from a start that is not stated (first value `0`)",
        ),
        (
            "BilledCost,ChargeCategory,x\n",
            "not a FOCUS bill: no column BillingCurrency, ChargePeriodStart",
        ),
        (
            "line_item_usage_account_id,line_item_unblended_cost\n",
            "not an AWS Cost and Usage Report: no column line_item_line_item_type",
        ),
        ("{\"resourceSpans\": [{]}", "not a valid OTLP JSON payload"),
        ("name,age\nx,1\n", "is a table of another tool"),
    ] {
        check("input", text, &["error: ", expected]);
    }
}

#[test]
fn limits_hold() {
    let options = Options { bytes_max: 1_000, ..Options::default() };
    let found = report("a.csv", format!("{HEADER}{}", GOOD.repeat(1_000)), &options);
    assert!(found.contains("the input has more than 1000 bytes"), "{found}");
}

#[test]
fn compressed_inputs_are_streamed_within_the_limit() {
    use std::io::Write as _;
    let zip = |text: &str, times: usize| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(HEADER.as_bytes()).unwrap();
        for _ in 0..times {
            encoder.write_all(text.as_bytes()).unwrap();
        }
        encoder.finish().unwrap()
    };
    let run = |bytes: &[u8], bytes_max| {
        let options = Options { bytes_max, ..Options::default() };
        let mut notes = Notes::default();
        let input = flate2::read::MultiGzDecoder::new(bytes);
        let result = read_detected("calls.csv.gz", input, &options, &mut notes);
        (result, notes.accepted)
    };
    // A bomb: 64 MiB in 64 KiB.
    let bomb = zip(&"x".repeat(1 << 20), 64);
    assert!(matches!(run(&bomb, 32 << 20), (Err(ReadError::TooLarge { .. }), 0)));
    let (result, accepted) = run(&bomb, u64::MAX);
    assert_eq!((result.unwrap().rejected, accepted), (1, 0));
    // A cut archive: what came through was handed on, and the end is an error.
    let whole = zip(GOOD, 100_000);
    let (result, accepted) = run(&whole[..whole.len() / 2], u64::MAX);
    assert!(matches!(result, Err(ReadError::Io { .. })));
    assert!(accepted > 0);
}

#[test]
fn odd_json_rows() {
    let good =
        r#"{"at":"2026-11-03T14:05:00Z","provider":"openai","model":"gpt-5.1","prompt_tokens":1}"#;
    for (row, reason) in [
        ("[1]", "not a JSON object"),
        ("7", "not a JSON object"),
        ("{\"a\": }", "not a JSON object"),
        (&good.replace(":1}", ":-1}"), "`prompt_tokens` `-1` is negative"),
        (&good.replace(":1}", ":\"x\"}"), "`x` is not a number"),
        (&good.replace(":1}", ":1,\"cached_tokens\":2}"), "`cache_read_tokens` (2) exceeds"),
        (&good.replace("gpt-5.1", ""), "no model"),
    ] {
        check(
            "calls.jsonl",
            format!("{good}\n{row}\n{good}\n"),
            &["3 rows, 2 accepted, 1 rejected", "row 2 (line 2): rejected", reason],
        );
    }
}

/// Metrics and logs are no traces, in either encoding: an error, not silence.
#[test]
fn other_signals_are_no_traces() {
    use crate::{Format, read};
    let run = |format, bytes: &[u8]| {
        let mut notes = Notes::default();
        read(format, bytes, &Options::default(), &mut notes).map(|summary| summary.rows)
    };
    for (body, expected) in [
        (&br#"{"resourceMetrics":[{"scopeMetrics":[]}]}"#[..], "it holds metrics"),
        (br#"{"resourceLogs":[]}"#, "it holds logs"),
    ] {
        let error = run(Format::OtlpJson, body).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(run(Format::OtlpJson, b"{}").unwrap(), 0);
    // ResourceMetrics { scope_metrics { metrics { name: "requests", description: "count" } } }
    let metrics = b"\x0a\x15\x12\x13\x12\x11\x0a\x08requests\x12\x05count";
    let error = run(Format::OtlpProtobuf, metrics).unwrap_err().to_string();
    assert!(error.contains("perhaps it holds metrics or logs"), "{error}");
}
