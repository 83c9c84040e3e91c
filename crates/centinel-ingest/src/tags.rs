//! Tags and SKU details: columns that hold JSON, and the ways in which they go wrong.

use std::borrow::Cow;

use centinel_engine::series::{Dimension, Labels};
use serde::Deserialize;

use crate::{
    calls::normalize,
    json::{self, Leaf},
};

/// Tag keys that say for whom money was spent, normalized; of two for one dimension the earlier one
/// counts.
const OWNER_KEYS: [(&str, Dimension); 24] = [
    ("team", Dimension::Team),
    ("teamname", Dimension::Team),
    ("squad", Dimension::Team),
    ("owner", Dimension::Team),
    ("ownerteam", Dimension::Team),
    ("feature", Dimension::Feature),
    ("featurename", Dimension::Feature),
    ("environment", Dimension::Environment),
    ("env", Dimension::Environment),
    ("stage", Dimension::Environment),
    ("deploymentenvironment", Dimension::Environment),
    ("application", Dimension::Application),
    ("applicationname", Dimension::Application),
    ("app", Dimension::Application),
    ("appname", Dimension::Application),
    ("appkubernetesioname", Dimension::Application),
    ("process", Dimension::Process),
    ("businessprocess", Dimension::Process),
    ("workflow", Dimension::Process),
    ("agent", Dimension::Agent),
    ("agentname", Dimension::Agent),
    ("agentid", Dimension::Agent),
    ("workload", Dimension::Application),
    ("product", Dimension::Feature),
];

/// Reads tags into dimensions by an allow-list.
pub(crate) struct TagReader {
    // Normalized key, and the key as the user wrote it.
    allowed: Vec<(String, String)>,
    // For each dimension set in this row, the rank of the key that set it.
    ranks: Vec<(Dimension, usize)>,
}

impl TagReader {
    pub(crate) fn new(keys: &[String]) -> Self {
        let allowed = keys.iter().map(|key| (normalize(key), key.clone()));
        Self {
            allowed: allowed.filter(|(normal, _)| !normal.is_empty()).collect(),
            ranks: Vec::new(),
        }
    }

    /// Forgets which keys the last row had; [`TagReader::read`] does so itself.
    pub(crate) fn begin(&mut self) {
        self.ranks.clear();
    }

    /// Sets the dimensions that the tags of a row name; `false` when the text cannot be read.
    pub(crate) fn read(&mut self, text: &str, labels: &mut Labels) -> bool {
        self.ranks.clear();
        if text.starts_with('[') {
            return self.read_pairs(text, labels);
        }
        let mut take = |key: &str, leaf: Leaf<'_>| {
            if !matches!(leaf, Leaf::Array(_)) {
                self.set(key, leaf.text(), labels);
            }
        };
        if json::walk(text, &mut String::new(), &mut take).is_ok() {
            return true;
        }
        // A Python dictionary, or the members of an object without its braces (older Azure exports).
        let Some(repaired) = repair(text) else { return false };
        json::walk(&repaired, &mut String::new(), &mut take).is_ok()
    }

    fn read_pairs(&mut self, text: &str, labels: &mut Labels) -> bool {
        let Ok(pairs) = serde_json::from_str::<Vec<Pair<'_>>>(text) else { return false };
        for Pair { key, value } in pairs {
            self.set(&key, &value, labels);
        }
        true
    }

    /// Sets the dimension that one tag names, if it names one.
    pub(crate) fn set(&mut self, key: &str, value: &str, labels: &mut Labels) {
        // Providers put a name space before the key: `user:team`, `Oracle-Tags/CreatedBy`.
        let own = key.rsplit([':', '/']).next().unwrap_or(key);
        let own = normalize(own.strip_prefix("user_").unwrap_or(own));
        let whole = normalize(key);
        let is_one = |known: &str| known == own || known == whole;
        if let Some((_, key)) = self.allowed.iter().find(|(normal, _)| is_one(normal)) {
            labels.set(Dimension::Tag(key.as_str().into()), value);
        }
        let owner = OWNER_KEYS.iter().enumerate().find(|(_, (known, _))| is_one(known));
        if let Some((rank, (_, dimension))) = owner {
            let set = self.ranks.iter_mut().find(|(other, _)| other == dimension);
            match set {
                Some((_, best)) if *best <= rank => return,
                Some((_, best)) => *best = rank,
                None => self.ranks.push((dimension.clone(), rank)),
            }
            labels.set(dimension.clone(), value);
        }
    }
}

/// One tag of a list.
#[derive(Deserialize)]
struct Pair<'a> {
    #[serde(borrow, alias = "Key")]
    key: Cow<'a, str>,
    #[serde(borrow, alias = "Value")]
    value: Cow<'a, str>,
}

/// Rewrites a Python dictionary, or an object without braces, as JSON; `None` when it is neither.
fn repair(text: &str) -> Option<String> {
    let braced =
        if text.starts_with('{') { Cow::Borrowed(text) } else { Cow::Owned(format!("{{{text}}}")) };
    let mut repaired = String::with_capacity(braced.len());
    let mut quote = None;
    let mut rest = braced.as_ref();
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        match (quote, c) {
            (Some(_), '\\') => {
                let escaped = rest.get(1..)?.chars().next()?;
                length += escaped.len_utf8();
                // JSON knows no `\'`.
                if escaped != '\'' {
                    repaired.push(c);
                }
                repaired.push(escaped);
            }
            (Some(open), c) if c == open => {
                quote = None;
                repaired.push('"');
            }
            (Some('\''), '"') => repaired.push_str("\\\""),
            (None, '\'' | '"') => {
                quote = Some(c);
                repaired.push('"');
            }
            (None, 'N') if rest.starts_with("None") => {
                length = 4;
                repaired.push_str("null");
            }
            (None, 'T') if rest.starts_with("True") => {
                length = 4;
                repaired.push_str("true");
            }
            (None, 'F') if rest.starts_with("False") => {
                length = 5;
                repaired.push_str("false");
            }
            _ => repaired.push(c),
        }
        rest = rest.get(length..)?;
    }
    quote.is_none().then_some(repaired)
}

/// What `SkuPriceDetails`, or an extension of it, says of a model's row.
///
/// # Source
///
/// FOCUS working draft, AI model identity, prompt caching and billing: keys changed between drafts
/// (`TokenType`, then `TokenDirection` and `TokenCacheAction`), so all are read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct SkuDetails {
    /// `ModelId`, else `ModelName`, `Model`.
    pub(crate) model: Option<String>,
    /// `TokenDirection` or `TokenType`, and `TokenCacheAction`, as words.
    pub(crate) token: String,
    /// `ServiceTier` or `InferenceTier`, in lower case.
    pub(crate) tier: Option<String>,
}

/// Reads SKU details: a JSON object, or a list of keys and values; what is neither says nothing.
pub(crate) fn sku_details(text: &str) -> SkuDetails {
    let mut details = SkuDetails::default();
    let mut model_rank = usize::MAX;
    let (mut direction, mut action) = (String::new(), String::new());
    let mut take = |key: &str, value: &str| {
        let last = normalize(key.rsplit('.').next().unwrap_or_default());
        let last = last.strip_prefix('x').filter(|rest| rest.starts_with("model")).unwrap_or(&last);
        match last {
            "tokendirection" | "tokentype" => value.clone_into(&mut direction),
            "tokencacheaction" | "cacheaction" if !value.eq_ignore_ascii_case("uncached") => {
                action = format!("cache {value}");
            }
            "servicetier" | "inferencetier" | "processingtier" => {
                details.tier = Some(value.to_ascii_lowercase());
            }
            _ => {
                let rank =
                    ["modelid", "modelname", "model"].iter().position(|known| *known == last);
                if let Some(rank) = rank.filter(|rank| *rank < model_rank) {
                    model_rank = rank;
                    details.model = Some(value.to_owned());
                }
            }
        }
    };
    if text.starts_with('[') {
        for Pair { key, value } in serde_json::from_str::<Vec<Pair<'_>>>(text).unwrap_or_default() {
            take(&key, &value);
        }
    } else {
        let _ = json::walk(text, &mut String::new(), &mut |path, leaf| {
            if let Leaf::Text(value) = leaf {
                take(path, value);
            }
        });
    }
    format!("{action} {direction}").trim().clone_into(&mut details.token);
    details
}

/// The text of the first of these members that an object has; names are normalized.
pub(crate) fn member(text: &str, names: &[&str]) -> Option<String> {
    let mut found: Option<(usize, String)> = None;
    let _ = json::walk(text, &mut String::new(), &mut |path, leaf| {
        let name = normalize(path);
        let rank = names.iter().position(|known| *known == name);
        if let (Some(rank), Leaf::Text(value)) = (rank, leaf)
            && found.as_ref().is_none_or(|(best, _)| rank < *best)
        {
            found = Some((rank, value.to_owned()));
        }
    });
    found.map(|(_, value)| value)
}

/// The model that a JSON text names.
pub(crate) fn model(text: &str) -> Option<String> {
    sku_details(text).model
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Option<String> {
        let mut labels = Labels::default();
        let mut reader = TagReader::new(&["cost-center".to_owned()]);
        reader.read(text, &mut labels).then(|| {
            labels.iter().map(|(d, value)| format!("{d}={value}")).collect::<Vec<_>>().join(" ")
        })
    }

    #[test]
    fn tags_in_all_their_forms() {
        for (text, expected) in [
            (
                r#"{"application": "A", "env": "dev", "x": "y"}"#,
                Some("environment=dev application=A"),
            ),
            (r#"{"owner": "o", "Team": "t"}"#, Some("team=t")),
            (r#"{"CostCenter": 42}"#, Some("tag:cost-center=42")),
            (r#"{"user:team": "t", "aws:createdBy": "x"}"#, Some("team=t")),
            (r#"[{"key": "team", "value": "t"}]"#, Some("team=t")),
            ("{'team': 't', 'env': None, 'x': 'it\\'s'}", Some("team=t")),
            (r#""team": "t","env": "prod""#, Some("team=t environment=prod")),
            ("{}", Some("")),
            ("team=t", None),
            ("{'team': 't", None),
            (r#"{"team": "t""#, None),
        ] {
            assert_eq!(labels(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn models() {
        let text = r#"{"ModelFamily":"S","ModelName":"Solora","ModelId":"solora-pro"}"#;
        assert_eq!(model(text).as_deref(), Some("solora-pro"));
        assert_eq!(model("NULL"), None);
        for (text, token, tier) in [
            (r#"{"TokenDirection":"Input","TokenCacheAction":"Read"}"#, "cache Read Input", None),
            (r#"{"TokenDirection":"Input","TokenCacheAction":"Uncached"}"#, "Input", None),
            (r#"{"TokenType":"Output","ServiceTier":"Batch"}"#, "Output", Some("batch")),
            (r#"[{"key":"TokenDirection","value":"Output"}]"#, "Output", None),
            ("{}", "", None),
        ] {
            let details = sku_details(text);
            assert_eq!((details.token.as_str(), details.tier.as_deref()), (token, tier), "{text}");
        }
    }
}
