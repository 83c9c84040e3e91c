//! A worded text against its facts: what the model drafted, what was published, what had to be said.
//!
//! Both are read by the verifier suite's own reader, which shares no code with the product's checker.

use centinel_engine::facts::{Bundle, FactKind};
use serde_json::Value;

use super::{
    score::Score,
    stand_in::{Exchange, sheet},
};
use crate::verifier::reread;

/// A text as the product showed it.
#[derive(Debug, Clone)]
pub(crate) struct Published<'a> {
    pub(crate) what: &'a str,
    /// Cited Markdown.
    pub(crate) text: &'a str,
    /// Whose words it says that they are.
    pub(crate) label: &'a str,
    pub(crate) bundle: &'a Bundle,
}

/// Counts one text. An unverified figure in it, an empty text and a label that is none break invariants.
pub(crate) fn judged(published: &Published<'_>, exchanges: &[Exchange], score: &mut Score) {
    let Published { what, text, label, bundle } = published;
    let is_standard = label.starts_with("standard wording");
    let is_by_model = label.starts_with("worded by");
    if text.trim().is_empty() || !(is_standard || is_by_model) {
        score.breach(format!("{what}: not answered (`{label}`)"));
    }
    score.count("in the standard wording", is_standard);
    let faults = reread::faults(text, &bundle.facts, &bundle.caveats);
    let citations = text.matches("[F").count();
    if is_by_model {
        // What is worded by a model is held to what is cited; the standard wording has words of its own
        // for figures (`no place`), which the product's checker and its tests answer for.
        for fault in &faults {
            score.breach(format!("{what}: {fault} in `{}`", text.escape_debug()));
        }
        score.add("true mentions, published", citations, citations + faults.len());
    }
    let told = bundle.required.iter().filter(|id| text.contains(&format!("[{id}]"))).count();
    score.add("required facts told", told, bundle.required.len());
    drafts(published, exchanges, score);
    if !exchanges.is_empty() {
        score.count("accepted at the first draft", is_by_model && exchanges.len() == 1);
    }
}

/// Counts the drafts behind a text, and what of their false sentences was published.
fn drafts(published: &Published<'_>, exchanges: &[Exchange], score: &mut Score) {
    let Published { what, text, bundle, .. } = published;
    for (turn, exchange) in exchanges.iter().enumerate() {
        score.used(exchange.tokens);
        let lines: Vec<sheet::Line> = super::stand_in::messages(&exchange.request)
            .iter()
            .filter(|(role, _)| role != "assistant")
            .flat_map(|(_, text)| sheet::lines(text))
            .collect();
        for sentence in sentences(&exchange.said.text) {
            let rendered = rendered(&sentence, &lines, bundle);
            let lie = exchange.said.lies.iter().find(|(lie, _)| *lie == sentence);
            let is_lie = lie.is_some();
            if turn == 0 {
                let is_true =
                    !is_lie && reread::faults(&rendered, &bundle.facts, &bundle.caveats).is_empty();
                score.count("true sentences, drafted", is_true);
            }
            if let Some((_, fault)) = lie {
                let is_published = stands_in(text, &rendered);
                score.count("false sentences published", is_published);
                if is_published {
                    score.misses.push(format!("{what}: published, {fault}: {rendered}"));
                }
            }
        }
    }
}

/// Sentences of a draft; none of what is no draft.
pub(crate) fn sentences(text: &str) -> Vec<String> {
    let draft: Value = serde_json::from_str(text).unwrap_or(Value::Null);
    let list = draft["sentences"].as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(|sentence| Some(sentence["text"].as_str()?.to_owned())).collect()
}

/// A sentence with its slots filled by what the prompt says that they read as, each with its citation.
pub(crate) fn rendered(sentence: &str, lines: &[sheet::Line], bundle: &Bundle) -> String {
    let mut text = String::new();
    let mut rest = sentence;
    while let Some((words, after)) = rest.split_once("{{") {
        text.push_str(words);
        let Some((slot, after)) = after.split_once("}}") else {
            rest = after;
            break;
        };
        let (id, format) = slot.split_once('|').unwrap_or((slot, ""));
        text.push_str(&shown(id, format, lines, bundle));
        rest = after;
    }
    text.push_str(rest);
    text
}

fn shown(id: &str, format: &str, lines: &[sheet::Line], bundle: &Bundle) -> String {
    let Some(fact) = bundle.facts.iter().find(|fact| fact.id == id) else {
        return format!("{{{{{id}|{format}}}}}");
    };
    let line = lines.iter().find(|line| line.id == id);
    let of_format = |slot: &str| {
        let slots = line.map(|line| line.slots.as_slice()).unwrap_or_default();
        slots.iter().find(|(known, _)| known == slot).map(|(_, shows)| shows.clone())
    };
    let plain = of_format(&format!("{{{{{id}}}}}")).unwrap_or_else(|| fact.value.clone());
    let shown = match (fact.kind, format) {
        (FactKind::Entity, _) => fact.value.clone(),
        (_, "verb" | "noun") => of_format(&format!("{{{{{id}|{format}}}}}")).unwrap_or(plain),
        // The digits are other ones; what they stand for is the same.
        _ => plain,
    };
    format!("{shown} [{id}]")
}

/// Whether a sentence stands in a text as it is: the same words with a citation behind them are a mended one.
fn stands_in(text: &str, sentence: &str) -> bool {
    let (text, sentence) = (squeezed(text), squeezed(sentence));
    let found: Vec<usize> =
        text.match_indices(&sentence).map(|(at, _)| at + sentence.len()).collect();
    found.iter().any(|end| !text[*end..].starts_with("[F"))
}

/// Without what rendering may change: spaces, escapes, the end.
fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '\\' | '.')).collect()
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use centinel_engine::{
        facts::BundleBuilder,
        money::{Currency, Money},
    };
    use serde_json::json;

    use super::*;
    use crate::agent::stand_in::Said;

    fn bundle() -> Bundle {
        let mut facts = BundleBuilder::new("explain", None);
        facts.entity("about.feature", "mail");
        facts.money("delta", Money { amount: "350".parse().unwrap(), currency: Currency::USD });
        facts.direction(Ordering::Greater).required();
        facts.build()
    }

    fn exchange(sentence: &str, is_lie: bool) -> Exchange {
        let text = json!({ "sentences": [{ "kind": "observe", "text": sentence }] }).to_string();
        let lies = if is_lie { vec![(sentence.to_owned(), "x")] } else { Vec::new() };
        let prompt = "F2 money: delta; up; required; {{F2}} will read as $350.00, {{F2|verb}} will read as rose";
        Exchange {
            request: json!({ "messages": [{ "role": "user", "content": prompt }] }),
            said: Said { text, lies, ..Said::default() },
            tokens: [10, 2],
        }
    }

    fn score(text: &str, label: &str, sentence: &str, is_lie: bool) -> Score {
        let mut score = Score::default();
        let published = Published { what: "case", text, label, bundle: &bundle() };
        judged(&published, &[exchange(sentence, is_lie)], &mut score);
        score
    }

    #[test]
    fn true_words_are_counted_as_true() {
        let text = "The cost of mail [F1] rose [F2] by $350.00 [F2].\n";
        let good = score(
            text,
            "worded by a model, 3 of 3 figures verified",
            "The cost of {{F1}} {{F2|verb}} by {{F2}}.",
            false,
        );
        assert!(good.breaches.is_empty(), "{:?}", good.breaches);
        assert_eq!(good.share("true sentences, drafted"), Some((1, 1)));
        assert_eq!(good.share("true mentions, published"), Some((3, 3)));
        assert_eq!(good.share("required facts told"), Some((1, 1)));
    }

    #[test]
    fn a_mended_sentence_is_not_the_false_one() {
        assert!(!stands_in("It is $1.71 [F4].", "It is $1.71."));
        assert!(stands_in("It is $1.71. It rose [F2].", "It is $1.71."));
    }

    /// What is put at the sink is found there.
    #[test]
    fn a_false_text_is_found_whoever_let_it_through() {
        let figure =
            score("It rose [F2] by $351.00 [F2].", "worded by a model", "It rose by $351.", true);
        assert!(!figure.breaches.is_empty());
        assert_eq!(figure.share("true sentences, drafted"), Some((0, 1)));
        let invented =
            score("It rose [F2] by $350.00 [F2], 37 % of it.", "worded by a model", "x", false);
        assert!(!invented.breaches.is_empty());
        let lie = score(
            "It rose by $350.00 [F2] because.",
            "worded by a model",
            "It rose by {{F2}} because.",
            true,
        );
        assert_eq!(lie.share("false sentences published"), Some((1, 1)));
        assert!(!score("", "standard wording", "x", false).breaches.is_empty());
        assert!(!score("Words.", "", "x", false).breaches.is_empty());
    }
}
