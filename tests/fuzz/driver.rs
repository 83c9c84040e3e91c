//! A mutation fuzzer on a stable tool chain: seeds, a dictionary, and a corpus that grows by behaviour.
//!
//! Each execution takes an input of the corpus, changes it (bytes, ranges, words of a dictionary, fields,
//! lines, other inputs spliced in) and gives it to the target, which says what came of it as a
//! [`Seen`]. An input whose behaviour was not seen before joins the corpus: without instrumentation, the
//! messages and counts of a parser stand for its branches. The same seed gives the same executions.
//!
//! What must hold of every execution: no panic, the same result for the same input (looked at for one in
//! 16), less than [`SECONDS_MAX`] of time, and a process that stays below [`MEMORY_MAX_MIB`].

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

/// Longest input made by mutation, in bytes, unless a seed is longer.
const INPUT_MAX: usize = 3072;
/// Most inputs kept.
const CORPUS_MAX: usize = 2048;
/// Longest that one execution may take. Far above the usual microseconds, because machines stall.
const SECONDS_MAX: u64 = 20;
/// Largest resident size of the process at any time.
const MEMORY_MAX_MIB: u64 = 1024;

/// Behaviour of a target on one input: equal for inputs that went the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Seen(u64);

impl Seen {
    /// Adds a message: what it quotes and counts is left out, as values are endless.
    pub(crate) fn text(&mut self, text: &str) {
        let mut hasher = DefaultHasher::new();
        self.0.hash(&mut hasher);
        for (index, part) in text.split('`').enumerate() {
            if index % 2 == 0 {
                for byte in part.bytes().filter(|byte| !byte.is_ascii_digit()).take(200) {
                    byte.hash(&mut hasher);
                }
            }
        }
        self.0 = hasher.finish();
    }

    /// Adds a count, by its order of magnitude.
    pub(crate) fn count(&mut self, count: u64) {
        self.text(&"x".repeat(usize::try_from(count.min(4)).unwrap_or(4)));
    }

    /// Adds how something ended.
    pub(crate) fn result<T>(&mut self, result: &Result<T, impl std::fmt::Display>) {
        match result {
            Ok(_) => self.text("ok"),
            Err(error) => self.text(&error.to_string()),
        }
    }
}

/// What is run.
pub(crate) struct Target<'t> {
    /// Its name, for messages.
    pub(crate) name: &'static str,
    /// Inputs to start from.
    pub(crate) seeds: Vec<Vec<u8>>,
    /// Words of its format.
    pub(crate) words: &'static [&'static str],
    /// Runs one input; panics when something that must hold does not.
    pub(crate) run: &'t dyn Fn(&[u8]) -> Seen,
}

/// What a run did.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) executions: u64,
    pub(crate) behaviours: usize,
    pub(crate) elapsed: Duration,
}

/// SplitMix64: small, seeded, good enough to choose mutations.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`; 0 when there is nothing below it.
    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).unwrap_or(1);
        usize::try_from(self.next() % end).unwrap_or(0)
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let index = self.below(from.len());
        &from[index]
    }
}

/// Words that hurt parsers of tables, numbers, times and JSON.
const WORDS: [&str; 66] = [
    "NaN",
    "Infinity",
    "-Infinity",
    "-1",
    "-0",
    "0",
    "1e308",
    "1e-400",
    "1e999999999",
    "0x10",
    "1_000",
    "1,000",
    "00000000000000000000000000000000000000001",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "170141183460469231731687303715884105727",
    "340282366920938463463374607431768211456",
    "1000000000001",
    "0.1",
    ".5",
    "5.",
    "+7",
    "--7",
    "1e",
    "true",
    "null",
    "NULL",
    "\\N",
    "None",
    "[]",
    "{}",
    "[[[[[[[[",
    "]]]]",
    "{\"a\":",
    "\"",
    "\"\"",
    "'",
    "`",
    "\\",
    "\\u0000",
    "\\ud800",
    "\\udfff",
    "\u{feff}",
    "\u{0}",
    "\u{1b}[31m",
    "\u{202e}",
    "\r\n",
    "\r",
    "\n\n",
    "\t",
    ",",
    ";",
    "|",
    ",,,,",
    "=1+1",
    "@",
    "%",
    "2026-11-03T14:05:00Z",
    "2026-02-30T25:61:61Z",
    "0000-00-00",
    "9999-12-31T23:59:60Z",
    "1700000000000",
    "-99999999999999",
    "2026-11-03T14:05:00+99:99",
    "2026-11-03",
];

/// Runs a target `executions` times, or as long as `limit` says.
///
/// # Panics
///
/// When something that must hold does not; the input is in the message and in a file.
pub(crate) fn fuzz(
    target: &Target<'_>,
    executions: u64,
    limit: Option<Duration>,
    seed: u64,
) -> Report {
    let started = Instant::now();
    let mut random = Random(seed);
    let mut corpus: Vec<Vec<u8>> = Vec::new();
    let mut seen: HashSet<Seen> = HashSet::new();
    let mut input = Vec::new();
    let mut done = 0;
    // Room to grow: a file of which mutation always loses the end is always broken.
    let longest = target.seeds.iter().map(|seed| seed.len() + 256).max();
    let input_max = longest.unwrap_or(0).max(INPUT_MAX);
    for execution in 0..executions {
        if limit.is_some_and(|limit| execution.is_multiple_of(256) && started.elapsed() > limit) {
            break;
        }
        done += 1;
        let seeds = target.seeds.len();
        match usize::try_from(execution) {
            // The seeds as they are, first.
            Ok(index) if index < seeds => input.clone_from(&target.seeds[index]),
            _ => {
                // Half of the time from the seeds: they are whole files, mutants seldom are.
                let from = if random.below(2) == 0 || corpus.is_empty() {
                    random.pick(&target.seeds)
                } else {
                    random.pick(&corpus)
                };
                input.clone_from(from);
                for _ in 0..=random.below(4) {
                    let other = if corpus.is_empty() { &target.seeds } else { &corpus };
                    let other = random.pick(other).clone();
                    mutate(&mut input, &other, target.words, &mut random);
                    input.truncate(input_max);
                }
            }
        }
        let began = Instant::now();
        let behaviour = run(target, &input);
        if execution.is_multiple_of(16) {
            assert!(run(target, &input) == behaviour, "{}", failed(target, &input, "two results"));
        }
        let is_quick = began.elapsed().as_secs() < SECONDS_MAX;
        assert!(is_quick, "{}", failed(target, &input, "too slow"));
        if seen.insert(behaviour) && corpus.len() < CORPUS_MAX {
            corpus.push(input.clone());
        }
        let is_small = !execution.is_multiple_of(4096) || memory_mib() <= MEMORY_MAX_MIB;
        assert!(is_small, "{}", failed(target, &input, "too much memory"));
    }
    Report { executions: done, behaviours: seen.len(), elapsed: started.elapsed() }
}

fn run(target: &Target<'_>, input: &[u8]) -> Seen {
    match catch_unwind(AssertUnwindSafe(|| (target.run)(input))) {
        Ok(seen) => seen,
        Err(cause) => {
            let text = cause.downcast_ref::<String>().map(String::as_str);
            let text = text.or(cause.downcast_ref::<&str>().copied()).unwrap_or("a panic");
            panic!("{}", failed(target, input, text));
        }
    }
}

/// Keeps the input, and says where it is.
fn failed(target: &Target<'_>, input: &[u8], what: &str) -> String {
    let mut hasher = DefaultHasher::new();
    input.hash(&mut hasher);
    let name = format!("fuzz-{}-{:016x}.bin", target.name, hasher.finish());
    let path = std::env::temp_dir().join(name);
    let kept = std::fs::write(&path, input).map(|()| path.display().to_string());
    let shown = input.escape_ascii().to_string();
    let shown: String = shown.chars().take(2000).collect();
    format!("{}: {what}\ninput ({kept:?}): b\"{shown}\"", target.name)
}

fn mutate(input: &mut Vec<u8>, other: &[u8], words: &[&str], random: &mut Random) {
    let length = input.len();
    let at = random.below(length + 1);
    match random.below(14) {
        0 if length > 0 => input[at.min(length - 1)] ^= 1 << random.below(8),
        1 if length > 0 => input[at.min(length - 1)] = random.next().to_le_bytes()[0],
        2 => input.insert(at, random.next().to_le_bytes()[0]),
        // A piece goes, comes twice, or comes from another input.
        3 if length > 0 => {
            let from = at.min(length - 1);
            let to = (from + 1 + random.below(32)).min(length);
            input.drain(from..to);
        }
        4 if length > 0 => {
            let from = at.min(length - 1);
            let to = (from + 1 + random.below(200)).min(length);
            let piece = input[from..to].to_vec();
            splice(input, random.below(length), 0, &piece);
        }
        5 if !other.is_empty() => {
            let from = random.below(other.len());
            let to = (from + 1 + random.below(400)).min(other.len());
            let gone = random.below(100);
            splice(input, at, gone, &other[from..to]);
        }
        6 => input.truncate(at),
        // Words, put in or in the place of a value.
        7 => splice(input, at, 0, random.pick(&WORDS).as_bytes()),
        8 if !words.is_empty() => splice(input, at, 0, random.pick(words).as_bytes()),
        9 | 10 => {
            let word = if words.is_empty() || random.below(4) > 0 {
                random.pick(&WORDS).as_bytes()
            } else {
                random.pick(words).as_bytes()
            };
            let (from, to) = value_around(input, at);
            splice(input, from, to - from, word);
        }
        // A line twice, or gone; two lines swapped by way of both.
        11 | 12 => {
            let (from, to) = line_around(input, at);
            let line = input[from..to].to_vec();
            if random.below(3) == 0 {
                input.drain(from..to);
            } else {
                splice(input, random.below(length + 1), 0, &line);
            }
        }
        // One value in the place of another.
        _ => {
            let (from, to) = value_around(input, at);
            let value = input[from..to].to_vec();
            let (from, to) = value_around(input, random.below(length + 1));
            splice(input, from, to - from, &value);
        }
    }
}

fn splice(input: &mut Vec<u8>, at: usize, gone: usize, piece: &[u8]) {
    let at = at.min(input.len());
    let end = at.saturating_add(gone).min(input.len());
    input.splice(at..end, piece.iter().copied());
}

/// The value that a position lies in: between delimiters of tables and JSON.
fn value_around(input: &[u8], at: usize) -> (usize, usize) {
    let is_end = |byte: &u8| b",;\t|\n\r{}[]:\"= ".contains(byte);
    let at = at.min(input.len());
    let from = input[..at].iter().rposition(is_end).map_or(0, |position| position + 1);
    let to = input[at..].iter().position(is_end).map_or(input.len(), |position| at + position);
    (from, to)
}

fn line_around(input: &[u8], at: usize) -> (usize, usize) {
    let at = at.min(input.len());
    let from = input[..at].iter().rposition(|&byte| byte == b'\n').map_or(0, |found| found + 1);
    let to = input[at..].iter().position(|&byte| byte == b'\n');
    (from, to.map_or(input.len(), |found| at + found + 1))
}

/// Peak resident size of this process; 0 where the system does not say.
fn memory_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

/// What whoever runs the tests states.
#[expect(clippy::disallowed_methods, reason = "how long to run is for whoever runs it")]
fn stated_text(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A number that whoever runs the tests states.
fn stated(name: &str) -> Option<u64> {
    stated_text(name)?.parse().ok()
}

/// Runs a target, and says how it went.
pub(crate) fn check(target: &Target<'_>) {
    check_for(target, 10_000);
}

/// As [`check`], with as many executions as this target can afford in CI.
pub(crate) fn check_for(target: &Target<'_>, usual: u64) {
    let chosen = stated_text("CENTINEL_FUZZ_TARGETS");
    if chosen.is_some_and(|names| !names.split(',').any(|name| name == target.name)) {
        return;
    }
    let executions = stated("CENTINEL_FUZZ_EXECUTIONS").unwrap_or(usual);
    let limit = stated("CENTINEL_FUZZ_SECONDS").map(Duration::from_secs);
    let seed = stated("CENTINEL_FUZZ_SEED").unwrap_or(0xc0ff_ee00);
    let report = fuzz(target, executions, limit, seed);
    let millis = report.elapsed.as_millis().max(1);
    println!(
        "{}: {} executions in {} ms ({}/s), {} behaviours",
        target.name,
        report.executions,
        millis,
        u128::from(report.executions) * 1000 / millis,
        report.behaviours,
    );
    assert!(report.behaviours > 1, "{}: every input went the same way", target.name);
}
