//! One name for a model that ledger and invoice spell differently.

use std::collections::{BTreeMap, BTreeSet};

use crate::pricing::{PriceBook, PriceQuery};

/// The ledger's name for each name of the invoice, for one provider.
///
/// The same name first; then the model that a book takes both for; then the same words and numbers
/// without dates and the maker's name, if exactly one model of the ledger has them.
pub(super) fn aliases(
    provider: &str,
    ledger: &BTreeSet<&str>,
    invoice: &BTreeSet<&str>,
    books: &[&PriceBook],
) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for &name in invoice.iter().filter(|name| !ledger.contains(*name)) {
        let own = identity(provider, name, books);
        let by_book = own.and_then(|own| {
            only(
                ledger
                    .iter()
                    .filter(|other| identity(provider, other, books).as_ref() == Some(&own)),
            )
        });
        let by_words = || {
            let words = words(name);
            only(ledger.iter().filter(|other| self::words(other) == words))
        };
        let bare = || only(ledger.iter().filter(|other| last_part(other) == last_part(name)));
        if let Some(other) = by_book.or_else(bare).or_else(by_words) {
            found.insert(name.to_owned(), other.to_owned());
        }
    }
    found
}

fn only<'n>(mut names: impl Iterator<Item = &'n &'n str>) -> Option<&'n str> {
    let first = names.next()?;
    names.next().is_none().then_some(*first)
}

fn last_part(name: &str) -> String {
    name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase()
}

/// The model that a book takes a name for.
fn identity(provider: &str, model: &str, books: &[&PriceBook]) -> Option<String> {
    let query = PriceQuery { provider, model, service_tier: None, region: None, at: None };
    books.iter().find_map(|book| Some(book.resolve(&query).ok()?.identity().model.clone()))
}

/// Words and numbers of a model's name, sorted: `Claude4.6Sonnet` and
/// `anthropic.claude-sonnet-4-6-v1:0` are the same.
fn words(name: &str) -> Vec<String> {
    const NOISE: [&str; 17] = [
        "anthropic",
        "openai",
        "meta",
        "amazon",
        "google",
        "mistral",
        "cohere",
        "us",
        "eu",
        "apac",
        "global",
        "v",
        "latest",
        "preview",
        "az",
        "models",
        "publishers",
    ];
    let mut words: Vec<String> = Vec::new();
    let mut was_digit = None;
    for c in name.chars().take(200) {
        let is_digit = c.is_ascii_digit();
        if !c.is_alphanumeric() {
            was_digit = None;
            continue;
        }
        // `4o` is one word, `Claude4` are two.
        let is_new = match was_digit {
            None => true,
            Some(was) => was != is_digit && !(was && c == 'o'),
        };
        if is_new || c.is_uppercase() && was_digit == Some(true) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
        was_digit = Some(is_digit);
    }
    // A version suffix (`v1:0`), and dates.
    if let Some(v) = words.iter().rposition(|word| word == "v") {
        let is_version = words
            .iter()
            .skip(v)
            .all(|word| word.chars().all(|c| c.is_ascii_digit()) || word == "v");
        if is_version {
            words.truncate(v);
        }
    }
    let is_date = |word: &String| word.len() >= 4 && word.chars().all(|c| c.is_ascii_digit());
    if let Some(date) = words.iter().position(is_date) {
        let is_tail = words.iter().skip(date).all(|word| word.chars().all(|c| c.is_ascii_digit()));
        if is_tail {
            words.truncate(date);
        }
    }
    words.retain(|word| !NOISE.contains(&word.as_str()) && !is_date(word));
    words.sort();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_model() {
        for (left, right, is_same) in [
            ("Claude4.6Sonnet", "anthropic.claude-sonnet-4-6-v1:0", true),
            ("us.anthropic.claude-sonnet-4-6-20260219-v1:0", "claude-sonnet-4-6", true),
            ("gpt 4o 0513", "gpt-4o-2024-05-13", true),
            ("gpt-5.1-2025-11-13", "gpt-5.1", true),
            ("gpt-5.1", "gpt-5.2", false),
            ("gpt-5-mini", "gpt-5", false),
            ("claude-opus-4-1", "claude-opus-4", false),
        ] {
            assert_eq!(words(left) == words(right), is_same, "{left} {right}");
        }
    }

    #[test]
    fn two_of_a_name_are_none() {
        let ledger = BTreeSet::from(["gpt-4o-2024-05-13", "gpt-4o-2024-11-20", "gpt-5.1"]);
        let invoice = BTreeSet::from(["gpt-4o", "gpt-5.1-2025-11-13", "openai/gpt-5.1"]);
        let found = aliases("acme", &ledger, &invoice, &[]);
        assert_eq!(found.get("gpt-4o"), None);
        assert_eq!(found.get("gpt-5.1-2025-11-13").map(String::as_str), Some("gpt-5.1"));
        assert_eq!(found.get("openai/gpt-5.1").map(String::as_str), Some("gpt-5.1"));
    }
}
