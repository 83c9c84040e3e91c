//! A small generated company whose truth is known by construction: parts of a spend, most of them steady,
//! some with one thing planted in the last week. It is written as call events, which the real connector
//! reads. Nothing in it is anybody's.

use std::{collections::BTreeMap, fmt::Write as _, ops::Range};

use serde_json::{Value, json};

use crate::random::Random;

/// First day, a Monday.
pub(crate) const FIRST_DAY: jiff::civil::Date = jiff::civil::date(2026, 8, 3);
/// Days with data: the last one is Sunday, 2026-10-25.
pub(crate) const DAYS: i32 = 84;
/// The first day of the last week: Monday, 2026-10-19.
pub(crate) const LAST_WEEK: i32 = 77;

/// What happens to a part of the spend for some days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Planted {
    /// Nothing.
    Steady,
    /// Prompts are four times as long.
    TokensPerCall,
    /// Three times as many calls, with as many more outputs.
    Volume,
    /// Every call is tried three times for one output.
    CallsPerOutput,
    /// Nothing is read from the cache any more.
    Cache,
    /// A dearer model answers.
    Model,
    /// A decoy: twice as many calls, announced before.
    Announced,
    /// A decoy: it falls by half.
    Fall,
}

impl Planted {
    /// The driver that an explanation should name first; none for what is no incident.
    pub(crate) fn driver(self) -> Option<&'static str> {
        match self {
            Self::TokensPerCall => Some("tokens_per_call"),
            Self::Volume => Some("volume"),
            Self::CallsPerOutput => Some("calls_per_output"),
            Self::Cache => Some("cache"),
            Self::Model => Some("mix"),
            Self::Steady | Self::Announced | Self::Fall => None,
        }
    }

    /// Whether people should be told of it.
    pub(crate) fn is_incident(self) -> bool {
        self.driver().is_some()
    }
}

/// A part of the spend.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) feature: String,
    pub(crate) team: Option<String>,
    /// Further fields of its call events.
    pub(crate) labels: BTreeMap<String, Value>,
    pub(crate) planted: Planted,
    /// Days on which it is so.
    pub(crate) days: Range<i32>,
}

impl Part {
    /// One with a name and a team, planted for the last week.
    pub(crate) fn new(feature: &str, team: Option<&str>, planted: Planted) -> Self {
        let team = team.map(str::to_owned);
        let days = LAST_WEEK..DAYS;
        Self { feature: feature.to_owned(), team, labels: BTreeMap::new(), planted, days }
    }

    /// What is so on a day.
    fn on(&self, day_number: i32) -> Planted {
        if self.days.contains(&day_number) { self.planted } else { Planted::Steady }
    }

    /// The first day that is affected, and the day after the last.
    pub(crate) fn affected(&self) -> [String; 2] {
        [day(self.days.start).to_string(), day(self.days.end).to_string()]
    }
}

/// The day of a number, from 0.
pub(crate) fn day(number: i32) -> jiff::civil::Date {
    jiff::civil::Date::saturating_add(FIRST_DAY, jiff::Span::new().days(number))
}

/// Call events of all parts, one JSON object a line.
pub(crate) fn calls(parts: &[Part], seed: u64, calls_a_day: u32) -> String {
    let mut lines = String::new();
    for (number, part) in (0..).zip(parts) {
        let mut random = Random::new(&[seed, number]);
        for day_number in 0..DAYS {
            of_day(&mut lines, part, number, day_number, calls_a_day, &mut random);
        }
    }
    lines
}

fn of_day(
    lines: &mut String,
    part: &Part,
    number: u64,
    day_number: i32,
    calls_a_day: u32,
    random: &mut Random,
) {
    let planted = part.on(day_number);
    let is_weekend = day_number % 7 >= 5;
    let usual = if is_weekend { calls_a_day / 2 } else { calls_a_day };
    let (calls, tries) = match planted {
        Planted::Volume => (usual * 3, 1),
        Planted::Announced => (usual * 2, 1),
        Planted::Fall => (usual.div_ceil(2), 1),
        Planted::CallsPerOutput => (usual, 3),
        _ => (usual, 1),
    };
    let date = day(day_number);
    for call in 0..calls {
        let at = format!("{date}T{:02}:{:02}:00Z", call * 23 / calls.max(1), call * 7 % 60);
        let input =
            random.whole(90_000, 110_000) * if planted == Planted::TokensPerCall { 4 } else { 1 };
        let cached = if planted == Planted::Cache { 0 } else { input * 6 / 10 };
        let output = random.whole(4_500, 5_500);
        let model = if planted == Planted::Model { "gpt-5.1" } else { "gpt-5-mini" };
        for attempt in 0..tries {
            let mut event = json!({
                "call_id": format!("p{number}-{day_number}-{call}-{attempt}"), "at": at, "provider": "openai",
                "model": model, "feature": part.feature, "input_tokens_total": input,
                "cache_read_tokens": cached, "output_tokens_total": output, "is_retry": attempt > 0,
            });
            if let Some(team) = &part.team {
                event["team"] = json!(team);
            }
            for (key, value) in &part.labels {
                event[key] = value.clone();
            }
            let _ = writeln!(lines, "{event}");
        }
    }
}

/// Business outputs of all parts, one a call that was not a retry, by day.
pub(crate) fn outcomes(parts: &[Part], calls_a_day: u32, kind: impl Fn(&Part) -> String) -> String {
    let mut lines = String::new();
    for (number, part) in parts.iter().enumerate() {
        for day_number in 0..DAYS {
            let usual = if day_number % 7 >= 5 { calls_a_day / 2 } else { calls_a_day };
            let quantity = match part.on(day_number) {
                Planted::Volume => usual * 3,
                Planted::Announced => usual * 2,
                Planted::Fall => usual.div_ceil(2),
                _ => usual,
            };
            let outcome = json!({
                "outcome_id": format!("o{number}-{day_number}"), "at": format!("{}T23:30:00Z", day(day_number)),
                "kind": kind(part), "quantity": quantity, "feature": part.feature,
            });
            let _ = writeln!(lines, "{outcome}");
        }
    }
    lines
}

/// The company of a seed: a dozen features of five teams, one of each thing planted, two decoys, one
/// feature that nobody is stated to own.
pub(crate) fn usual(seed: u64) -> Vec<Part> {
    let mut random = Random::new(&[seed, 77]);
    let mut names = vec![
        "support-answers",
        "code-review",
        "contract-analysis",
        "docs-copilot",
        "invoice-extraction",
        "lead-research",
        "search-index",
        "mail-drafts",
        "meeting-notes",
        "translation",
        "ticket-triage",
        "report-writer",
    ];
    let mut teams = vec!["support", "platform", "legal", "docs", "growth"];
    random.shuffle(&mut names);
    random.shuffle(&mut teams);
    let planted = [
        Planted::TokensPerCall,
        Planted::Volume,
        Planted::CallsPerOutput,
        Planted::Cache,
        Planted::Model,
        Planted::Announced,
        Planted::Fall,
        Planted::TokensPerCall,
    ];
    (0..names.len())
        .map(|at| {
            // The last thing planted is nobody's.
            let team = (at != 7).then(|| teams[at % teams.len()]);
            let planted = planted.get(at).copied().unwrap_or(Planted::Steady);
            // One after the other, so that each is an episode of its own; the last one in the last week.
            let first = LAST_WEEK - 4 * (7 - (at as i32).min(7));
            Part { days: first..first + 4, ..Part::new(names[at], team, planted) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_company_is_its_seed() {
        let parts = usual(3);
        assert_eq!(calls(&parts, 3, 4), calls(&usual(3), 3, 4));
        assert_ne!(calls(&parts, 3, 4), calls(&parts, 4, 4));
        assert_eq!(parts.iter().filter(|part| part.planted.is_incident()).count(), 6);
        assert_eq!(day(DAYS - 1).to_string(), "2026-10-25");
        // Retries are more calls of the same outputs.
        let retried: Vec<Part> =
            parts.into_iter().filter(|part| part.planted == Planted::CallsPerOutput).collect();
        let events = calls(&retried, 3, 4);
        assert_eq!(events.matches("\"is_retry\":true").count(), 2 * 4 * 4);
        assert_eq!(outcomes(&retried, 4, |_| "answer".to_owned()).lines().count(), 84);
    }
}
