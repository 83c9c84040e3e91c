//! Names that may be meant by one that is not known.

/// Names that a message has at most.
pub(super) const NEAR_MAX: usize = 3;

/// Names that may be meant, best first.
pub(super) fn near<'n>(given: &str, names: impl Iterator<Item = &'n str>) -> Vec<String> {
    let given = given.to_lowercase();
    let mut found: Vec<(f64, &str)> = names
        .map(|name| {
            let lower = name.to_lowercase();
            let within = given.len() >= 3 && lower.contains(&given);
            (strsim::jaro_winkler(&given, &lower) + if within { 0.2 } else { 0.0 }, name)
        })
        .filter(|(score, _)| *score >= 0.85)
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.len().cmp(&b.1.len())).then(a.1.cmp(b.1)));
    found.into_iter().take(NEAR_MAX).map(|(_, name)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_may_be_meant_come_best_first() {
        let names =
            ["gpt-4o", "gpt-4o-mini", "gpt-5.1", "claude-sonnet-4-5", "text-embedding-3-small"];
        let found = |given: &str| near(given, names.into_iter());
        assert_eq!(found("gpt-4o-mni").first().map(String::as_str), Some("gpt-4o-mini"));
        assert_eq!(found("sonnet"), ["claude-sonnet-4-5"]);
        assert_eq!(found("GPT-4O").first().map(String::as_str), Some("gpt-4o"));
        assert!(found("zz").is_empty());
        assert!(found("gpt").len() <= NEAR_MAX);
    }
}
