//! What is asked of the ports: checked, typed, bounded.

use std::{borrow::Cow, collections::BTreeMap};

use centinel_engine::{
    money::Pico,
    period::Grain,
    series::{Dimension, DimensionError},
};
use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::window::{CompareTo, Window};

/// Exact values that a row must carry, all of them. Empty means everything.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Filter(pub BTreeMap<Dimension, String>);

/// What an answer's rows stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grouping {
    /// One row for each value, largest net cost first, ties by name.
    By(Dimension),
    /// One row for each owner, by the ownership policy, in the same order.
    Owner,
    /// One row for each kind of spend (AI tokens, cloud, Kubernetes, `SaaS`), in the same order.
    Kind,
    /// One row for each day, week or month, in time order. Never [`Grain::Hour`].
    Over(Grain),
}

/// How much is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    /// At most 10 rows and 8 KB.
    #[default]
    Summary,
    /// At most 100 rows and 32 KB.
    Full,
}

/// Which rows of a list are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Rows to skip, in the list's order.
    pub offset: u64,
    /// Rows to return at most.
    pub limit: u32,
    /// Answer from what was known then, so that pages of one list fit together; `None` means now.
    pub as_of: Option<Timestamp>,
}

/// Asks [`Answers::spend`](crate::Answers::spend).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendRequest {
    /// Time counted.
    pub window: Window,
    /// What the rows stand for.
    pub grouping: Grouping,
    /// What counts.
    pub filter: Filter,
    /// Which rows.
    pub page: Page,
}

/// Asks [`Answers::compare`](crate::Answers::compare).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompareRequest {
    /// The later period.
    pub window: Window,
    /// Which period or level it is compared with.
    pub compare_to: CompareTo,
    /// What the rows stand for; always [`Grouping::By`].
    pub grouping: Grouping,
    /// What counts, on both sides.
    pub filter: Filter,
    /// Which rows; their order is by size of the change, either way, ties by name.
    pub page: Page,
}

/// Which anomalies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnomalyFilter {
    /// Not yet back to normal, and not dismissed by a person.
    #[default]
    Open,
    /// Back to normal, or dismissed.
    Closed,
    /// Both.
    All,
}

/// Asks [`Answers::anomalies`](crate::Answers::anomalies).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnomaliesRequest {
    /// An anomaly counts when any day of it is in here.
    pub window: Window,
    /// What counts.
    pub filter: Filter,
    /// Open, closed or all.
    pub status: AnomalyFilter,
    /// Leave out what cost less than this over the usual, in the ledger's currency.
    pub impact_min: Option<Pico>,
    /// Which rows; their order is by impact, largest first, ties by id.
    pub page: Page,
}

/// Asks [`Answers::explain`](crate::Answers::explain).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExplainRequest {
    /// The change that an anomaly marks, against its usual level.
    Anomaly {
        /// As [`AnomalyRow::anomaly_id`](crate::AnomalyRow) gave it, such as `E-12`.
        anomaly_id: String,
    },
    /// The change of a scope between two periods.
    Scope {
        /// The later period.
        window: Window,
        /// Which period or level it is compared with.
        compare_to: CompareTo,
        /// What counts, on both sides.
        filter: Filter,
    },
}

/// Asks [`Answers::data_health`](crate::Answers::data_health).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthRequest {
    /// Time whose coverage is stated.
    pub window: Window,
    /// Which sources; their order is worst state first, then by name.
    pub page: Page,
}

impl Filter {
    /// Dimensions that a filter may name; a tag is `tag`, written `KEY=VALUE`.
    pub const NAMES: [&'static str; 14] = [
        "provider",
        "service",
        "model",
        "service_tier",
        "region",
        "sub_account",
        "api_key",
        "feature",
        "team",
        "process",
        "environment",
        "agent",
        "application",
        "tag",
    ];
    /// Characters of a value at most.
    const VALUE_CHARS_MAX: usize = 256;

    fn from_arguments(arguments: BTreeMap<String, String>) -> Result<Self, String> {
        let mut dimensions = BTreeMap::new();
        for (name, value) in arguments {
            if value.is_empty() || value.chars().count() > Self::VALUE_CHARS_MAX {
                return Err(format!(
                    "filter `{name}` needs 1 to {} characters",
                    Self::VALUE_CHARS_MAX
                ));
            }
            let (dimension, value) = if name == "tag" {
                let (key, value) = value
                    .split_once('=')
                    .ok_or("filter `tag` is written `KEY=VALUE`, as in `cost-center=4711`")?;
                (format!("tag:{key}"), value.to_owned())
            } else {
                (name, value)
            };
            let dimension = dimension.parse().map_err(|error: DimensionError| error.to_string())?;
            dimensions.insert(dimension, value);
        }
        Ok(Self(dimensions))
    }
}

impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_arguments(BTreeMap::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl JsonSchema for Filter {
    fn schema_name() -> Cow<'static, str> {
        "Filter".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let properties: serde_json::Map<_, _> = Self::NAMES
            .iter()
            .map(|&name| (name.to_owned(), serde_json::json!({ "type": "string" })))
            .collect();
        json_schema!({
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
        })
    }
}

impl Detail {
    /// Rows on a page at most.
    pub(crate) fn rows_max(self) -> u32 {
        match self {
            Self::Summary => 10,
            Self::Full => 100,
        }
    }

    /// Bytes of a tool's whole result at most.
    pub(crate) fn bytes_max(self) -> usize {
        match self {
            Self::Summary => 8 * 1024,
            Self::Full => 32 * 1024,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn filters_name_dimensions() {
        let filter: Filter =
            serde_json::from_value(json!({"model": "gpt-5.1", "tag": "cost-center=4=7"})).unwrap();
        assert_eq!(filter.0[&Dimension::Model], "gpt-5.1");
        assert_eq!(filter.0[&Dimension::Tag("cost-center".into())], "4=7");
        for bad in [json!({"tag": "x"}), json!({"tag": "=x"}), json!({"model": ""})] {
            assert!(serde_json::from_value::<Filter>(bad.clone()).is_err(), "{bad}");
        }
        for name in Filter::NAMES {
            let value = if name == "tag" { "k=v" } else { "v" };
            assert!(serde_json::from_value::<Filter>(json!({ name: value })).is_ok(), "{name}");
        }
    }
}
