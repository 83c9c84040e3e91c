//! The report: catch rates by operator with their intervals, refusals of true texts, and whether the bars
//! are met.

use std::fmt::Write as _;

use super::{
    checkers,
    corpus::Origin,
    operators::{self, Bar},
    tally::{Counts, Tally},
};

/// Share of true texts that may be refused.
const REFUSED_MAX: f64 = 0.01;
/// Of operators that have to catch 99 or 95 %, and of refusals, as many texts as make that sayable.
pub(crate) const PLACE: [&str; 2] = ["<!-- verifier: begin -->", "<!-- verifier: end -->"];

/// 95 % Wilson interval of a share.
pub(crate) fn wilson(part: usize, whole: usize) -> [f64; 2] {
    if whole == 0 {
        return [0.0, 1.0];
    }
    let (count, z) = (whole as f64, 1.959_964);
    let share = part as f64 / count;
    let middle = share + z * z / (2.0 * count);
    let half = z * (share * (1.0 - share) / count + z * z / (4.0 * count * count)).sqrt();
    [-1.0, 1.0].map(|side| ((middle + side * half) / (1.0 + z * z / count)).clamp(0.0, 1.0))
}

fn percent(part: usize, whole: usize) -> String {
    if whole == 0 { "–".to_owned() } else { format!("{:.2} %", cut(part, whole)) }
}

/// In percent, cut, so that 100.00 means all.
fn cut(part: usize, whole: usize) -> f64 {
    (part as f64 / whole as f64 * 10_000.0).floor() / 100.0
}

fn interval(part: usize, whole: usize) -> String {
    let [low, high] = wilson(part, whole);
    format!("{:.2} to {:.2}", low * 100.0, high * 100.0)
}

fn bar(bar: Bar) -> &'static str {
    match bar {
        Bar::All => "100 %",
        Bar::Most => "99 %",
        Bar::Many => "95 %",
        Bar::None => "–",
    }
}

/// The tables.
pub(crate) fn tables(tally: &Tally, bundles: usize) -> String {
    let mut text = String::new();
    let mutants: usize = operators::rows().map(|(name, _)| tally.of(name).made[0]).sum();
    let texts: usize = tally.texts.values().map(|(texts, _)| texts).sum();
    let _ = writeln!(
        text,
        "{bundles} bundles, {texts} true texts, {} operators, {mutants} mutants.\n",
        operators::rows().count()
    );
    let others: Vec<&str> = checkers::ALL[1..].iter().map(|(name, _)| *name).collect();
    let _ = writeln!(
        text,
        "| operator | bar | caught | 95 % interval | mutants | dropped as still true | {} |",
        others.join(" | ")
    );
    let _ = writeln!(text, "|---|---|---|---|---|---|{}", "---|".repeat(others.len()));
    for (name, least) in operators::rows() {
        let Counts { equivalent, made, caught } = tally.of(name);
        let beside: Vec<String> =
            (1..checkers::ALL.len()).map(|at| percent(caught[at], made[at])).collect();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {equivalent} | {} |",
            name,
            bar(least),
            percent(caught[0], made[0]),
            interval(caught[0], made[0]),
            made[0],
            beside.join(" | ")
        );
    }
    let _ = writeln!(
        text,
        "\n| true texts | texts | refused | 95 % interval | {} |",
        others.join(" | ")
    );
    let _ = writeln!(text, "|---|---|---|---|{}", "---|".repeat(others.len()));
    for origin in Origin::ALL {
        let Some((texts, refused)) = tally.texts.get(&origin) else { continue };
        let beside: Vec<String> =
            (1..checkers::ALL.len()).map(|at| percent(refused[at], *texts)).collect();
        let _ = writeln!(
            text,
            "| {} | {texts} | {} ({}) | {} | {} |",
            origin.name(),
            refused[0],
            percent(refused[0], *texts),
            interval(refused[0], *texts),
            beside.join(" | ")
        );
    }
    text
}

/// What is not as it has to be.
pub(crate) fn failures(tally: &Tally) -> Vec<String> {
    let mut failures = Vec::new();
    for (name, least) in operators::rows() {
        let Counts { made, caught, .. } = tally.of(name);
        if made[0] == 0 {
            failures.push(format!("`{}` made no mutant: nothing is known of it", name));
        } else if (caught[0] as f64) < least.share() * made[0] as f64 {
            failures.push(format!(
                "`{}`: {} of {} caught, the bar is {}",
                name,
                caught[0],
                made[0],
                bar(least)
            ));
        }
    }
    for (origin, (texts, refused)) in &tally.texts {
        if refused[0] as f64 > REFUSED_MAX * *texts as f64 {
            failures.push(format!(
                "{}: {} of {texts} true texts are refused",
                origin.name(),
                refused[0]
            ));
        }
    }
    failures
}

/// A document with the part between two marks replaced.
pub(crate) fn put(document: &str, place: [&str; 2], report: &str) -> anyhow::Result<String> {
    let [begin, end] = place;
    let parts = document
        .split_once(begin)
        .and_then(|(before, rest)| Some((before, rest.split_once(end)?.1)));
    let Some((before, after)) = parts else {
        anyhow::bail!("`{begin}` and `{end}` are not in the document")
    };
    Ok(format!("{before}{begin}\n\n{}\n\n{end}{after}", report.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_wilsons() {
        // 10 of 10 and 95 of 100, as published tables have them.
        let near = |found: [f64; 2], low: f64, high: f64| {
            (found[0] - low).abs() < 5e-4 && (found[1] - high).abs() < 5e-4
        };
        assert!(near(wilson(10, 10), 0.7225, 1.0));
        assert!(near(wilson(95, 100), 0.8882, 0.9785));
        assert_eq!(percent(9999, 10_000), "99.99 %");
        assert_eq!(percent(99_999, 100_000), "99.99 %");
    }

    #[test]
    fn a_missed_mutant_or_a_refused_text_fails() {
        let mut tally = Tally::default();
        let counts = |caught| Counts { equivalent: 0, made: [100; 4], caught: [caught, 0, 0, 0] };
        for (name, _) in operators::rows() {
            tally.operators.insert((name, false), counts(100));
        }
        tally.texts.insert(Origin::Own, (100, [1, 0, 0, 0]));
        assert!(failures(&tally).is_empty());
        tally.operators.insert(("digit", false), counts(99));
        tally.operators.insert(("sign", false), counts(99));
        tally.operators.insert(("invented cause", false), counts(94));
        tally.texts.insert(Origin::Own, (100, [2, 0, 0, 0]));
        assert_eq!(failures(&tally).len(), 3);
    }

    #[test]
    fn the_report_goes_between_its_marks() {
        let document = format!("a\n{}\nold\n{}\nb\n", PLACE[0], PLACE[1]);
        let put_once = put(&document, PLACE, "new\n").unwrap();
        assert_eq!(put(&put_once, PLACE, "new").unwrap(), put_once);
        assert!(put_once.contains("new") && !put_once.contains("old"));
        assert!(put("none", PLACE, "new").is_err());
    }
}
