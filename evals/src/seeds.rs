//! Ranges of seeds on the command line.

use anyhow::Context as _;

/// A range of seeds.
#[derive(Debug, Clone)]
pub(crate) struct Seeds(pub(crate) Vec<u64>);

/// Reads `101..120` (both included) or one number.
pub(crate) fn seeds(text: &str) -> anyhow::Result<Seeds> {
    let number = |text: &str| text.parse::<u64>().with_context(|| format!("`{text}` is no seed"));
    Ok(Seeds(match text.split_once("..") {
        Some((first, last)) => (number(first)?..=number(last)?).collect(),
        None => vec![number(text)?],
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_a_range_are_in_it() {
        assert_eq!(seeds("101..103").unwrap().0, [101, 102, 103]);
        assert_eq!(seeds("7").unwrap().0, [7]);
        assert_eq!(seeds("7..x").unwrap_err().to_string(), "`x` is no seed");
    }
}
