//! Edits on files as people keep them: each planned value changes in its bytes, and nothing else does.
//!
//! The files are generated from a fixed seed, in the shapes of Helm values, manifests, kustomizations,
//! LiteLLM configurations, Terraform modules, variable files, policies and JSON, with comments, quotes,
//! indentation, line ends and separators as people mix them. The generator knows where it wrote each
//! value, so what an edit must give is known byte for byte without any parser. Files and plans are left
//! in the target directory, where `tests/independent/edits.py` reads them with PyYAML, tomllib and
//! python-hcl2.

mod hcl;
mod toml;
mod yaml;

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    ops::Range,
    path::Path,
};

use centinel_approvals::edit::{Format, Planned, Value, edit};
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;

/// Writes a file from a seed.
type Shape = fn(u64) -> Draft;

/// Files of each shape.
const FILES_OF_A_SHAPE: u64 = 34;

/// A file under construction.
struct Draft {
    format: Format,
    text: String,
    random: Pcg64,
    line_end: &'static str,
    /// What stands below what: two to four blanks.
    indent: usize,
    slots: Vec<Slot>,
    /// Maps that take a new key: path and a key that is not there.
    rooms: Vec<String>,
}

/// A value that was written, and another that could stand there.
struct Slot {
    path: String,
    old: String,
    new: String,
    at: Range<usize>,
    /// Whether it is an entry on a line of its own, beside others.
    is_line: bool,
}

impl Draft {
    fn new(format: Format, seed: u64) -> Self {
        let mut random = Pcg64::seed_from_u64(seed);
        let line_end = if random.random_ratio(1, 4) { "\r\n" } else { "\n" };
        let indent = random.random_range(2..=4);
        let mut draft = Self {
            format,
            text: String::new(),
            random,
            line_end,
            indent,
            slots: Vec::new(),
            rooms: Vec::new(),
        };
        if draft.chance(10) {
            draft.text.push('\u{feff}');
        }
        draft
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.random.random_ratio(percent, 100)
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.random.random_range(0..from.len())]
    }

    /// Text as it is, with the file's line ends.
    fn push(&mut self, text: &str) {
        self.text.push_str(&text.replace('\n', self.line_end));
    }

    /// Blanks of a depth.
    fn pad(&mut self, depth: usize) {
        self.push(&" ".repeat(self.indent * depth));
    }

    /// A value in one of the quotes, remembered with its place.
    fn value(&mut self, path: &str, old: &str, new: &str, quotes: &[&str]) {
        let quote = self.pick(quotes);
        self.push(quote);
        let start = self.text.len();
        self.text.push_str(old);
        let at = start..self.text.len();
        self.push(quote);
        let slot = Slot { path: path.into(), old: old.into(), new: new.into(), at, is_line: false };
        self.slots.push(slot);
    }

    /// The end of a line: nothing, blanks, or a comment.
    fn end(&mut self, mark: &str) {
        match self.random.random_range(0..6) {
            0 => self.push("  "),
            1 | 2 => {
                let words = self.pick(&[
                    "peak load",
                    "do not lower: 'outage' in May",
                    "\"why\"",
                    "a: b, c = d",
                    "ä €",
                ]);
                self.push(&format!("  {mark} {words}"));
            }
            _ => {}
        }
        self.push("\n");
    }

    /// Sometimes a blank or comment line.
    fn gap(&mut self, depth: usize, mark: &str) {
        match self.random.random_range(0..8) {
            0 => self.push("\n"),
            1 => {
                self.pad(depth);
                self.push(&format!("{mark} see the runbook: cpu: 500m, {{x}} = \"y\"\n"));
            }
            2 => self.push(&format!("{mark} left over\n")),
            _ => {}
        }
    }

    /// Says that the last value is an entry on a line of its own.
    fn is_line(&mut self) {
        if let Some(slot) = self.slots.last_mut() {
            slot.is_line = true;
        }
    }

    fn finish(mut self) -> Self {
        if self.chance(25) {
            let end = self.text.trim_end_matches(['\r', '\n']).len();
            if self.slots.iter().all(|slot| slot.at.end <= end) {
                self.text.truncate(end);
            }
        }
        self
    }
}

fn untyped(text: &str) -> Value {
    Value::Untyped(text.to_owned())
}

fn planned(path: &str, old: Option<&str>, new: Option<&str>) -> Planned {
    Planned { path: path.to_owned(), old: old.map(untyped), new: new.map(untyped) }
}

/// What lies between the beginning and the end that two texts have in common, in both.
fn difference<'t>(one: &'t str, two: &'t str) -> (&'t str, &'t str) {
    let start = one.bytes().zip(two.bytes()).take_while(|(a, b)| a == b).count();
    let longest = one.len().min(two.len()) - start;
    let end = one.bytes().rev().zip(two.bytes().rev()).take_while(|(a, b)| a == b).count();
    let end = end.min(longest);
    let part = |text: &'t str| text.get(start..text.len() - end).unwrap_or(text);
    (part(one), part(two))
}

struct Tally {
    files: usize,
    replaced: usize,
    together: usize,
    added: usize,
    removed: usize,
}

/// Keeps a file and what became of it for readers of other languages, a line of JSON an edit.
struct Kept {
    lines: BufWriter<File>,
}

impl Kept {
    fn keep(&mut self, draft: &Draft, after: &str, kind: &str, old: &str, new: &str) {
        let format = draft.format.to_string().to_lowercase();
        let before = &draft.text;
        let line = serde_json::json!({
            "format": format, "kind": kind, "old": old, "new": new, "before": before, "after": after,
        });
        writeln!(self.lines, "{line}").unwrap();
    }
}

fn check(draft: &Draft, name: &str, tally: &mut Tally, kept: &mut Kept) {
    tally.files += 1;
    let apply = |plan: &[Planned]| {
        edit(draft.text.as_bytes(), draft.format, plan).unwrap_or_else(|error| {
            panic!("{name}: {error}\n{:?}\n{plan:?}\n{}", error.hint(), draft.text)
        })
    };
    for slot in &draft.slots {
        let after = apply(&[planned(&slot.path, Some(&slot.old), Some(&slot.new))]);
        let mut expected = draft.text.clone();
        expected.replace_range(slot.at.clone(), &slot.new);
        assert_eq!(after, expected, "{name}: {}", slot.path);
        tally.replaced += 1;
        kept.keep(draft, &after, "replace", &slot.old, &slot.new);

        // Another old value is never overwritten.
        let other = planned(&slot.path, Some("something-else"), Some(&slot.new));
        assert!(
            edit(draft.text.as_bytes(), draft.format, &[other]).is_err(),
            "{name}: {}",
            slot.path
        );

        if slot.is_line {
            let after = apply(&[planned(&slot.path, Some(&slot.old), None)]);
            let (gone, come) = difference(&draft.text, &after);
            assert_eq!(come, "", "{name}: {} gone", slot.path);
            assert!(
                gone.contains(&slot.old) && gone.matches('\n').count() <= 1,
                "{name}: {gone:?}"
            );
            tally.removed += 1;
            kept.keep(draft, &after, "remove", &slot.old, "");
        }
    }
    if draft.slots.len() > 1 {
        let plan: Vec<Planned> = draft
            .slots
            .iter()
            .map(|slot| planned(&slot.path, Some(&slot.old), Some(&slot.new)))
            .collect();
        let mut expected = draft.text.clone();
        for slot in draft.slots.iter().rev() {
            expected.replace_range(slot.at.clone(), &slot.new);
        }
        assert_eq!(apply(&plan), expected, "{name}: all");
        tally.together += 1;
    }
    for path in &draft.rooms {
        let after = apply(&[planned(path, None, Some("new-value"))]);
        let (gone, come) = difference(&draft.text, &after);
        assert_eq!(gone, "", "{name}: {path} new");
        let is_entry = come.contains("new-value") && come.matches('\n').count() <= 1;
        assert!(is_entry, "{name}: {path}: {come:?}");
        tally.added += 1;
        kept.keep(draft, &after, "add", "", "new-value");
    }
}

#[test]
fn every_edit_changes_its_value_and_nothing_else() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("edits.jsonl");
    let mut kept = Kept { lines: BufWriter::new(File::create(file).unwrap()) };
    let mut tally = Tally { files: 0, replaced: 0, together: 0, added: 0, removed: 0 };
    let shapes: [(&str, Shape); 10] = [
        ("values", yaml::values),
        ("manifests", yaml::manifests),
        ("kustomization", yaml::kustomization),
        ("patch", yaml::patch),
        ("litellm", yaml::litellm),
        ("json", yaml::json),
        ("module", hcl::module),
        ("tfvars", hcl::tfvars),
        ("policy", toml::policy),
        ("settings", toml::settings),
    ];
    for (name, make) in shapes {
        for seed in 0..FILES_OF_A_SHAPE {
            check(&make(seed), &format!("{name} {seed}"), &mut tally, &mut kept);
        }
    }
    println!(
        "{} files: {} values replaced, {} plans of all values, {} entries added, {} removed",
        tally.files, tally.replaced, tally.together, tally.added, tally.removed
    );
    kept.lines.flush().unwrap();
    assert!(
        tally.files >= 300 && tally.replaced >= 2_000 && tally.added >= 300 && tally.removed >= 300
    );
}
