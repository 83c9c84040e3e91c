//! What lies ahead, as a question supposes it: an amount that may be passed, another volume, another model.

use super::{names::Found, words};

/// What a question says of what lies ahead.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Supposed {
    /// An amount whose passing is asked about, in the currency of the home: `50000`.
    pub(super) amount: Option<String>,
    /// A scenario, as the forecast takes it: `volume +20%`, `model X -> Y`.
    pub(super) assume: Option<String>,
    /// Whether anything is supposed, understood or not.
    pub(super) is_scenario: bool,
    /// Models that a scenario changes: they limit nothing.
    pub(super) models: Vec<String>,
}

/// Words that begin a scenario.
const IF: &str = "if suppose supposing assume assuming";
/// Words of a change of model.
const CHANGES: &str = "switch switched switching move moved moving migrate migrated migrating replace replaced \
                       replacing swap swapped swapping instead use used using change changed ran run";
/// Words of less.
const LESS: &str = "less fewer lower drop drops dropped fall falls fell shrink shrinks decrease decreases decreased \
                    decline declines down cut cuts reduce reduces reduced halve halves halved";
/// Words of an amount that may be passed.
const PASSES: &str = "over above exceed exceeds exceeding past pass passes passing reach reaches hit hits beyond more \
                      under below within stay likely likelihood probability chance chances odds";

/// Reads it.
pub(super) fn supposed(question: &str, found: &[Found]) -> Supposed {
    let raw: Vec<String> =
        question.split_whitespace().take(words::WORDS_MAX).map(str::to_lowercase).collect();
    let tokens = words::tokens(question);
    let is_scenario = tokens.iter().any(|token| words::has(IF, token));
    let mut supposed = Supposed { is_scenario, ..Supposed::default() };
    if is_scenario {
        if let Some([model, instead]) = models(question, found) {
            supposed.assume = Some(format!("model {model} -> {instead}"));
            supposed.models = vec![model, instead];
        } else {
            supposed.assume = volume(&raw, &tokens);
        }
    } else if tokens.iter().any(|token| words::has(PASSES, token)) {
        supposed.amount = raw.iter().enumerate().find_map(|(at, word)| {
            amount(word, at.checked_add(1).and_then(|next| raw.get(next)).map(String::as_str))
        });
    }
    supposed
}

/// The two models of a change, the one that is left first: `from X to Y`, `X with Y`, `Y instead of X`.
fn models(question: &str, found: &[Found]) -> Option<[String; 2]> {
    let tokens = words::tokens(question);
    if !tokens.iter().any(|token| words::has(CHANGES, token)) {
        return None;
    }
    let is_model = |one: &&Found| one.dimensions.iter().any(|dimension| dimension == "model");
    let [first, second] = found.iter().filter(is_model).collect::<Vec<_>>().try_into().ok()?;
    let between = question.get(first.to..second.from).unwrap_or_default().to_lowercase();
    let turned = between.contains("instead") || between.contains("in place of");
    let (model, instead) = if turned { (second, first) } else { (first, second) };
    Some([model.value.clone(), instead.value.clone()])
}

/// `volume +20%` of `20 %`, `doubles`, `halves`.
fn volume(raw: &[String], tokens: &[String]) -> Option<String> {
    let says = |list: &str| tokens.iter().any(|token| words::has(list, token));
    if says("double doubles doubled doubling twice") {
        return Some("volume +100%".to_owned());
    }
    if says("triple triples tripled") {
        return Some("volume +200%".to_owned());
    }
    if says("halve halves halved half") {
        return Some("volume -50%".to_owned());
    }
    let percent = raw.iter().enumerate().find_map(|(at, word)| {
        let next = at.checked_add(1).and_then(|next| raw.get(next)).map(String::as_str);
        let is_percent =
            |word: &str| words::has("% percent pct", word.trim_matches(['?', ',', '.', '!']));
        let bare = word.trim_matches(|c: char| !(c.is_ascii_digit() || "%.".contains(c)));
        let number = match bare.strip_suffix('%') {
            Some(number) => number,
            None if next.is_some_and(is_percent) => bare,
            None => return None,
        };
        let is_number = number.chars().all(|c| c.is_ascii_digit() || c == '.');
        (is_number && number.parse::<f64>().is_ok() && number.len() <= 6).then_some(number)
    })?;
    let sign = if says(LESS) { '-' } else { '+' };
    Some(format!("volume {sign}{percent}%"))
}

/// `50000` of `$50k`, `50,000`, `0.5 million`. A bare number counts from four digits, and as no year.
fn amount(word: &str, next: Option<&str>) -> Option<String> {
    let word = word.trim_matches(['?', ',', '.', '!', ';', ')', '(']);
    let (has_sign, bare) = match word.strip_prefix(['$', '€', '£', '¥']) {
        Some(bare) => (true, bare),
        None => (false, word),
    };
    let digits_end =
        bare.find(|c: char| !(c.is_ascii_digit() || ",.".contains(c))).unwrap_or(bare.len());
    let (number, unit) = bare.split_at(digits_end);
    let unit = match (unit, next.map(|next| next.trim_matches(['?', ',', '.', '!']))) {
        ("", Some(next)) => next,
        (unit, _) => unit,
    };
    let zeros = match unit {
        "k" | "thousand" => 3_usize,
        "m" | "mn" | "million" => 6,
        "bn" | "billion" => 9,
        _ => 0,
    };
    let plain = number.replace(',', "");
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let is_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 15 || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let is_year =
        zeros == 0 && whole.len() == 4 && whole.starts_with("20") && !number.contains(',');
    let is_amount = has_sign || zeros > 0 || whole.len() >= 4 && !is_year;
    if !is_amount || bare.ends_with('%') {
        return None;
    }
    let mut fraction = fraction.to_owned();
    let mut amount = whole.to_owned();
    for _ in 0..zeros {
        amount.push(if fraction.is_empty() { '0' } else { fraction.remove(0) });
    }
    if !fraction.is_empty() {
        amount.push('.');
        amount.push_str(&fraction);
    }
    let amount = amount.trim_start_matches('0');
    (!amount.is_empty() && !amount.starts_with('.')).then(|| amount.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_scenarios_are_read() {
        for (question, amount) in [
            ("how likely do we go over 50k?", Some("50000")),
            ("what is the chance to exceed $1.25m this quarter", Some("1250000")),
            ("will we stay under 80,000.50?", Some("80000.50")),
            ("odds of passing 2 million", Some("2000000")),
            ("will we go over budget in 2026?", None),
            ("more than 20%?", None),
            ("how much is 50k?", None),
        ] {
            assert_eq!(supposed(question, &[]).amount.as_deref(), amount, "{question}");
        }
        for (question, assume) in [
            ("if traffic grows 20 %, what will it cost?", Some("volume +20%")),
            ("what if volume drops by 7.5%?", Some("volume -7.5%")),
            ("what happens if usage doubles?", Some("volume +100%")),
            ("what if we fire a team?", None),
        ] {
            let read = supposed(question, &[]);
            assert_eq!((read.assume.as_deref(), read.is_scenario), (assume, true), "{question}");
        }
    }
}
