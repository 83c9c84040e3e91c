//! JSON, read by serde_json; numbers keep their digits, and keys may stand twice.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{DEPTH_MAX, Leaf, Reading};

/// One value.
pub(super) fn read(text: &str) -> Result<Reading, String> {
    value(text, 0).map_err(|error| error.to_string())
}

fn value(text: &str, depth: usize) -> Result<Reading, serde_json::Error> {
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    if depth > DEPTH_MAX {
        return Err(serde::de::Error::custom("nested too deeply"));
    }
    let leaf = |kind, text: &str| Reading::Leaf(kind, text.to_owned());
    Ok(match text.bytes().next() {
        Some(b'{') => {
            let Entries(entries) = serde_json::from_str(text)?;
            let entries: Result<Vec<_>, serde_json::Error> = entries
                .into_iter()
                .map(|(key, raw)| Ok((key, value(raw.get(), depth + 1)?)))
                .collect();
            Reading::Map(entries?)
        }
        Some(b'[') => {
            let items: Vec<Box<RawValue>> = serde_json::from_str(text)?;
            let items: Result<Vec<_>, serde_json::Error> =
                items.iter().map(|raw| value(raw.get(), depth + 1)).collect();
            Reading::List(items?)
        }
        Some(b'"') => Reading::Leaf(Leaf::Text, serde_json::from_str(text)?),
        Some(b't' | b'f') => leaf(Leaf::Boolean, &serde_json::from_str::<bool>(text)?.to_string()),
        Some(b'n') => leaf(Leaf::Other, "null"),
        _ => {
            let _: Box<RawValue> = serde_json::from_str(text)?;
            leaf(Leaf::Number, text)
        }
    })
}

/// An object as its entries, in their order.
struct Entries(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(All)
    }
}
