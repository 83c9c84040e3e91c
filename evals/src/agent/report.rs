//! The scoreboard: a table a suite, and what broke an invariant.

use std::{collections::BTreeSet, fmt::Write as _};

use super::score::Score;
use crate::verifier::report::{put, wilson};

/// Where the scoreboard stands in a document.
const PLACE: [&str; 2] = ["<!-- agent: begin -->", "<!-- agent: end -->"];

/// Scores by suite and model, in the order of the run.
#[derive(Debug, Default)]
pub(crate) struct Board {
    rows: Vec<(&'static str, String, Score)>,
}

impl Board {
    /// Adds one.
    pub(crate) fn add(&mut self, suite: &'static str, model: &str, score: Score) {
        self.rows.push((suite, model.to_owned(), score));
    }

    /// What broke an invariant, anywhere.
    pub(crate) fn breaches(&self) -> Vec<String> {
        let of = |(suite, model, score): &(&str, String, Score)| {
            score
                .breaches
                .iter()
                .map(|what| format!("{suite}, {model}: {what}"))
                .collect::<Vec<_>>()
        };
        self.rows.iter().flat_map(of).collect()
    }

    /// The tables, one a suite, a column a model.
    pub(crate) fn tables(&self) -> String {
        let mut text = String::new();
        let mut suites: Vec<&str> = Vec::new();
        for (suite, _, _) in &self.rows {
            if !suites.contains(suite) {
                suites.push(suite);
            }
        }
        for suite in suites {
            let models: Vec<(&str, &Score)> = self
                .rows
                .iter()
                .filter(|(of, _, _)| *of == suite)
                .map(|(_, model, score)| (model.as_str(), score))
                .collect();
            table(&mut text, suite, &models);
        }
        let breaches = self.breaches();
        let _ = writeln!(text, "Broken invariants: {}.", breaches.len());
        text
    }
}

fn table(text: &mut String, suite: &str, models: &[(&str, &Score)]) {
    let names: Vec<&str> = models.iter().map(|(name, _)| *name).collect();
    let _ = writeln!(
        text,
        "| `{suite}` | {} |\n|---|{}",
        names.join(" | "),
        "---|".repeat(names.len())
    );
    let mut kinds: BTreeSet<&str> = BTreeSet::new();
    for (_, score) in models {
        kinds.extend(score.names());
    }
    for kind in &kinds {
        let cells: Vec<String> = models.iter().map(|(_, score)| share(score.share(kind))).collect();
        let _ = writeln!(text, "| {kind} | {} |", cells.join(" | "));
    }
    let row = |text: &mut String, name: &str, cell: &dyn Fn(&Score) -> Option<String>| {
        let cells: Vec<Option<String>> = models.iter().map(|(_, score)| cell(score)).collect();
        if cells.iter().any(Option::is_some) {
            let cells: Vec<String> =
                cells.into_iter().map(|cell| cell.unwrap_or_else(|| "–".to_owned())).collect();
            let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
        }
    };
    row(text, "tokens read, written", &|score| {
        let [read, written] = score.tokens();
        (read + written > 0).then(|| format!("{read}, {written}"))
    });
    row(text, "booked for the model's calls", &|score| {
        score.cost().map(|cost| format!("${cost:.4}"))
    });
    row(text, "seconds a task, median and 95 %", &|score| {
        score
            .latency()
            .map(|[median, high]| format!("{:.2}, {:.2}", median.as_secs_f64(), high.as_secs_f64()))
    });
    row(text, "broken invariants", &|score| Some(score.breaches.len().to_string()));
    text.push('\n');
}

/// `12 of 12 (76 to 100 %)`: the count, and Wilson's interval where it says something.
fn share(share: Option<(usize, usize)>) -> String {
    let Some((so, all)) = share else { return "–".to_owned() };
    let [low, high] = wilson(so, all);
    format!("{so} of {all} ({:.0} to {:.0} %)", low * 100.0, high * 100.0)
}

/// A document with the scoreboard between its marks.
pub(crate) fn put_into(document: &str, board: &str) -> anyhow::Result<String> {
    put(document, PLACE, board)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_column_a_model() {
        let mut board = Board::default();
        let mut score = Score::default();
        score.count("told", true);
        score.breach("x".to_owned());
        board.add("explain", "honest", score);
        board.add("explain", "silent", Score::default());
        let tables = board.tables();
        assert!(tables.contains("| `explain` | honest | silent |"), "{tables}");
        assert!(tables.contains("| told | 1 of 1 (21 to 100 %) | – |"), "{tables}");
        assert!(tables.contains("| broken invariants | 1 | 0 |"), "{tables}");
        assert_eq!(board.breaches(), ["explain, honest: x"]);
        let document = format!("a\n{}\n{}\n", PLACE[0], PLACE[1]);
        assert!(put_into(&document, &tables).unwrap().contains("Broken invariants: 1."));
    }
}
