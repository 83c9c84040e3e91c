//! Edits of files that nobody would write: no panic, and an edit that was made can be made back.

use centinel_approvals::edit::{Format, Planned, Value, edit};

use crate::driver::{Seen, Target, check_for};

/// A place that the seeds have: path, value, another value; `None` where a key comes or goes.
type Place = (&'static str, Option<&'static str>, Option<&'static str>);

fn value(text: Option<&str>) -> Option<Value> {
    text.map(|text| Value::Untyped(text.to_owned()))
}

fn target(
    name: &'static str,
    format: Format,
    seeds: &[&str],
    words: &'static [&'static str],
    places: &[Place],
) {
    let run = |input: &[u8]| {
        let mut seen = Seen::default();
        for (path, old, new) in places {
            let plan = |old: Option<&str>, new: Option<&str>| {
                [Planned { path: (*path).to_owned(), old: value(old), new: value(new) }]
            };
            let edited = edit(input, format, &plan(*old, *new));
            seen.result(&edited);
            let Ok(after) = edited else { continue };
            let before = std::str::from_utf8(input).unwrap();
            let lines = |text: &str| text.matches('\n').count();
            match (old, new) {
                (Some(_), Some(_)) => {
                    assert_eq!(lines(before), lines(&after), "{path}: {after:?}");
                    let back = edit(after.as_bytes(), format, &plan(*new, *old));
                    assert!(back.is_ok(), "{path}: {after:?}: {back:?}");
                }
                (None, _) => assert!(after.len() > before.len(), "{path}: {after:?}"),
                _ => assert!(after.len() < before.len(), "{path}: {after:?}"),
            }
        }
        seen
    };
    let seeds = seeds.iter().map(|seed| seed.as_bytes().to_vec()).collect();
    check_for(&Target { name, seeds, words, run: &run }, 10_000);
}

#[test]
fn edits_yaml() {
    const WORDS: &[&str] = &[
        "&k ",
        "*k",
        "<<: *k",
        "!t ",
        "|\n  ",
        ">-\n ",
        "---\n",
        "...\n",
        "? ",
        "- ",
        ": ",
        " #",
        "{{",
        "}}",
        "~",
        "yes",
        "0x1",
        "{",
        "}",
        "[",
        "]",
        ", ",
        "'",
        "\"",
        "%YAML 1.2\n",
        "\n  ",
        "\n- ",
        "\u{85}",
        "\u{feff}",
        "\u{e4}",
    ];
    let seeds = [
        "# values\na: x # c\nb:\n  c: 1\n  d: 'y'\nl:\n- n: p\n  v: \"2\"\n- n: q\n  v: z\nf: {a: x, b: [1, 2]}\n",
        "a: x\r\nb: &k\r\n    c: 1\r\nm:\r\n  <<: *k\r\nt: |\r\n  a: x\r\nf: {a: x,\r\n  b: y}\r\n",
        "---\nkind: D\nmetadata: {name: s}\na: x\n---\nkind: E\nb:\n  c: 1\n...\n",
        "\u{feff}? a\n: x\n\"b\": {c: 1}\n'f' : {\"a\":\"x\"}\nl: [{n: p, v: w}]",
    ];
    let places: [Place; 8] = [
        ("a", Some("x"), Some("new")),
        ("b.c", Some("1"), Some("22")),
        ("l[n=p].v", Some("2"), Some("w w")),
        ("f.a", Some("x"), Some("a: b")),
        ("D/s: a", Some("x"), Some("yes")),
        ("b.new", None, Some("1")),
        ("f.new", None, Some("v")),
        ("b.d", Some("y"), None),
    ];
    target("edits_yaml", Format::Yaml, &seeds, WORDS, &places);
}

#[test]
fn edits_json() {
    let seeds = [
        "{\"a\": \"x\", \"b\": {\"c\": 1, \"d\": \"y\"},\n\t\"l\": [{\"n\": \"p\", \"v\": \"2\"}]}\n",
    ];
    let places: [Place; 5] = [
        ("a", Some("x"), Some("n\"ew")),
        ("b.c", Some("1"), Some("22")),
        ("l[n=p].v", Some("2"), Some("3")),
        ("b.new", None, Some("1")),
        ("b.d", Some("y"), None),
    ];
    target(
        "edits_json",
        Format::Json,
        &seeds,
        &["{", "}", "[", "]", ",", ":", "\"a\":", "\\u0061", "null"],
        &places,
    );
}

#[test]
fn edits_hcl() {
    const WORDS: &[&str] = &[
        "${",
        "%{",
        "$${",
        "<<E\n",
        "<<-E\n",
        "E\n",
        "/*",
        "*/",
        "//",
        "#",
        " = ",
        "==",
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        "\"",
        "\\\"",
        "for x in y : x",
        "? 1 : 2",
        "...",
        "b {\n",
        "}\n",
        "-1",
        "1e3",
        ":",
        ",\n",
    ];
    let seeds = [
        "# m\na = \"x\" # c\nb {\n  c = 1\n  d = \"y\"\n}\nr \"t\" \"n\" {\n  v = true\n  e {\n    n = \"p\"\n    w = 2\n  }\n  e {\n  n = \"q\"\n  }\n}\nf = { a = \"x\", b = [1, 2] }\n",
        "a = \"x\"\nb {\n  c = 1\n  h = <<-E\n    c = 1\n  E\n  d = \"${y}\"\n}\nf = {\n  a = \"x\"\n  \"k\" : upper(\"z\")\n}\ng = [for i in j : i]\n",
    ];
    let places: [Place; 8] = [
        ("a", Some("x"), Some("${n}")),
        ("b.c", Some("1"), Some("22")),
        ("r.t.n.v", Some("true"), Some("false")),
        ("r.t.n.e[n=p].w", Some("2"), Some("3")),
        ("f.a", Some("x"), Some("a\"b")),
        ("b.new", None, Some("1")),
        ("f.new", None, Some("v")),
        ("b.d", Some("y"), None),
    ];
    target("edits_hcl", Format::Hcl, &seeds, WORDS, &places);
}

#[test]
fn edits_toml() {
    const WORDS: &[&str] = &[
        "[[l]]\n",
        "[b]\n",
        "[b.c]\n",
        "\"\"\"",
        "'''",
        "'",
        "\"",
        "\\u0061",
        " = ",
        "{",
        "}",
        "[",
        "]",
        ", ",
        "#",
        "inf",
        "0x1",
        "1_0",
        "2026-11-22",
        "a.b",
        "\r\n",
        "true",
    ];
    let seeds = [
        "# p\na = \"x\" # c\n[b]\nc = 1\nd = 'y'\n[[l]]\nn = \"p\"\nv = \"2\"\n[[l]]\nn = 'q'\n[f]\na = \"x\"\n",
        "a = 'x'\nb.c = 1\nt = \"\"\"\na = 1\n\"\"\"\nf = { a = \"x\", b = [1, 2.5], d = 2026-11-22 }\n[\"o k\".k]\nx = 0x1f\n",
    ];
    let places: [Place; 7] = [
        ("a", Some("x"), Some("n\"e'w")),
        ("b.c", Some("1"), Some("22")),
        ("l[n=p].v", Some("2"), Some("3")),
        ("f.a", Some("x"), Some("y")),
        ("b.new", None, Some("1")),
        ("f.new", None, Some("v")),
        ("b.d", Some("y"), None),
    ];
    target("edits_toml", Format::Toml, &seeds, WORDS, &places);
}
