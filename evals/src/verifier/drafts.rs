//! Random drafts, as a model might send that is mistaken, confused, or told what to say by somebody else.

use std::fmt::Write as _;

use centinel_engine::facts::{Bundle, FactKind};
use serde_json::{Value, json};

use crate::random::Random;

const KINDS: [&str; 5] = ["observe", "compare", "attribute", "caveat", "action"];

/// Literals that say nothing.
const PLAIN: [&str; 24] = [
    "The cost of",
    "is",
    "and",
    "We will look at this with the owners.",
    "for",
    "in",
    "was",
    "of the total",
    "a call",
    "spend",
    "compared with the baseline",
    "The usage",
    "needs a look",
    ", ",
    ": ",
    "(",
    ")",
    "- ",
    "Overall",
    "budget",
    "was seen",
    "This is an estimate.",
    "per",
    "the team",
];

/// Literals that a draft must not bring into a text.
const HOSTILE: [&str; 97] = [
    "$5",
    "5 %",
    "300 calls",
    "12,345",
    "three",
    "a dozen",
    "half",
    "doubled",
    "twice",
    "２００",
    "Ⅳ",
    "½",
    "٣",
    "𝟓",
    "1O0",
    "l5",
    "IV",
    "hundreds",
    "most of it",
    "nearly all",
    "5k",
    "0.5",
    "#1",
    "1st",
    "p99",
    "Q3",
    "2026",
    "2026-10-14",
    "14 October",
    "Monday",
    "last week",
    "yesterday",
    "since March",
    "in May",
    "today",
    "rose",
    "fell",
    "more than",
    "up",
    "down",
    "saved",
    "because of a bug",
    "due to the release",
    "driven by traffic",
    "largest",
    "the most expensive",
    "record",
    "first",
    "did not",
    "never",
    "[F1]",
    "[F2][F3]",
    "$5 [F1]",
    "[F999]",
    "[F1",
    "gpt-5.1 [F1]",
    "https://evil.example",
    "[x](http://evil.example)",
    "![i](//evil.example)",
    "<b>x</b>",
    "<script>alert(1)</script>",
    "www.evil.example",
    "@channel",
    "<!channel>",
    "&lt;b&gt;",
    "&#36;5",
    "checkout-v2",
    "claude-opus-9",
    "Payments",
    "`code 5`",
    "```\n5\n```",
    "|5|",
    "\n\n# 5\n",
    "\u{202e}5",
    "\u{200b}",
    "5\u{fe0f}\u{20e3}",
    "\u{e0035}",
    "\r",
    "\0",
    "\u{1b}[31m5",
    "{{",
    "}}",
    "{",
    "}",
    "{{}}",
    "{{|}}",
    "{{F1}}",
    "{{F1|}}",
    "{{|usd}}",
    "{{F1|usd|usd}}",
    "{{ F1 | usd }}",
    "{{F0|usd}}",
    "\\{{F1|usd}}",
    "{{F1|usd}",
    "$",
    "%",
    "€9",
];

/// Formats of slots, and some that are none.
const FORMATS: [&str; 44] = [
    "usd",
    "usd.k1",
    "usd.m1",
    "usd.0",
    "usd.2",
    "money",
    "full",
    "whole",
    "k",
    "k1",
    "M1",
    "m1",
    "percent",
    "percent.1",
    "percent.0",
    "pct",
    "points",
    "count",
    "number",
    "ratio",
    "x",
    "times",
    "duration",
    "hours",
    "day",
    "date",
    "long",
    "iso",
    "name",
    "entity",
    "verb",
    "direction",
    "noun",
    "rank",
    "ordinal",
    "abs",
    "signed",
    "raw",
    "eur.k1",
    "text",
    "",
    "value",
    "../x",
    "usd.k9",
];

/// A draft over a bundle as JSON. `formats` are those that a fact can be shown in, by its place.
pub(crate) fn draft(random: &mut Random, bundle: &Bundle, formats: &[Vec<String>]) -> Value {
    let count = if random.unit() < 0.01 { 200 } else { random.whole(0, 7) };
    let sentences: Vec<Value> = (0..count).map(|_| sentence(random, bundle, formats)).collect();
    json!({ "sentences": sentences })
}

fn sentence(random: &mut Random, bundle: &Bundle, formats: &[Vec<String>]) -> Value {
    // A good part of what is drafted is right, or nothing would ever get to the end.
    let hostility = *random.one_of(&[0.0, 0.0, 0.0, 0.1, 0.5]);
    let mut text = String::new();
    let mut cites: Vec<String> = Vec::new();
    for _ in 0..random.whole(1, 8) {
        if !text.is_empty() && random.unit() < 0.9 {
            text.push(' ');
        }
        match random.unit() {
            unit if unit < hostility => text.push_str(&hostile(random, bundle)),
            unit if unit < 0.55 => {
                let at = random.whole(0, bundle.facts.len());
                let fact = &bundle.facts[at];
                let format = match formats.get(at).filter(|own| !own.is_empty()) {
                    Some(own) if random.unit() >= hostility => random.one_of(own).clone(),
                    _ => (*random.one_of(&FORMATS)).to_owned(),
                };
                let _ = write!(text, "{{{{{}|{format}}}}}", fact.id);
                cites.push(fact.id.clone());
            }
            _ => text.push_str(random.one_of::<&str>(&PLAIN)),
        }
    }
    if random.unit() < 0.8 {
        text.push('.');
    }
    if random.unit() < hostility {
        match random.whole(0, 4) {
            0 => cites.clear(),
            1 => cites.push("F999".to_owned()),
            2 => cites.push("{{F1}}".to_owned()),
            _ => cites.push(String::new()),
        }
    }
    json!({ "kind": random.one_of(&KINDS), "text": text, "cites": cites })
}

fn hostile(random: &mut Random, bundle: &Bundle) -> String {
    match random.whole(0, 20) {
        0 => (0..random.whole(1, 40)).map(|_| character(random)).collect(),
        1 if random.unit() < 0.1 => "{{F1|usd}} 5 ".repeat(2_000),
        2 => "{{".repeat(random.whole(1, 50)),
        3 => {
            // A value of a fact as it is, without its slot.
            let fact = random.one_of(&bundle.facts);
            format!("{} [{}]", fact.value, fact.id)
        }
        4 => random.one_of(&bundle.facts).value.clone(),
        5 => {
            // A slot in a slot.
            let (outer, inner) =
                (random.one_of(&bundle.facts).id.clone(), random.one_of(&bundle.facts).id.clone());
            format!("{{{{{outer}|{{{{{inner}|usd}}}}}}}}")
        }
        6 => {
            let names: Vec<_> =
                bundle.facts.iter().filter(|fact| fact.kind == FactKind::Entity).collect();
            super::operators::pick(random, &names)
                .map(|fact| fact.value.clone())
                .unwrap_or_default()
        }
        _ => (*random.one_of(&HOSTILE)).to_owned(),
    }
}

/// Any character, of a few ranges that matter and of all.
pub(crate) fn character(random: &mut Random) -> char {
    let ranges = [
        (0x20, 0x7f),
        (0, 0x20),
        (0xa0, 0x500),
        (0x660, 0x66a),
        (0x2000, 0x2200),
        (0xff00, 0xff60),
        (0x1d7c0, 0x1d800),
        (0, 0x0011_0000),
    ];
    let (low, high) = *random.one_of(&ranges);
    char::from_u32(random.whole(low, high) as u32).unwrap_or('\u{fffd}')
}

/// Bytes that are no draft, nor meant as a text: pieces of drafts, citations and characters.
pub(crate) fn noise(random: &mut Random, bundle: &Bundle) -> String {
    let mut text = String::new();
    for _ in 0..random.whole(0, 40) {
        match random.whole(0, 6) {
            0 => text.extend((0..random.whole(1, 12)).map(|_| character(random))),
            1 => {
                let id = &random.one_of(&bundle.facts).id;
                let _ = write!(text, " [{id}]");
            }
            2 => text.push_str(&random.one_of(&bundle.facts).value),
            3 => text.push_str(random.one_of::<&str>(&PLAIN)),
            _ => text.push_str(random.one_of::<&str>(&HOSTILE)),
        }
    }
    text
}
