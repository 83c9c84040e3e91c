//! Lists within a body: counts by modality or lifetime, rounds of sampling, results.

use std::{borrow::Cow, fmt};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{
    field::{Field, Modalities, Node, Slot},
    found::{Found, Round},
    read::{Count, Object, Str, shown},
};

/// Values in whose place an object or a list was expected, and that say nothing.
macro_rules! others_say_nothing {
    () => {
        fn visit_unit<X>(self) -> Result<(), X> {
            Ok(())
        }

        fn visit_bool<X>(self, _: bool) -> Result<(), X> {
            Ok(())
        }

        fn visit_u64<X>(self, _: u64) -> Result<(), X> {
            Ok(())
        }

        fn visit_i64<X>(self, _: i64) -> Result<(), X> {
            Ok(())
        }

        fn visit_f64<X>(self, _: f64) -> Result<(), X> {
            Ok(())
        }

        fn visit_str<X>(self, _: &str) -> Result<(), X> {
            Ok(())
        }
    };
}

/// A list of objects; anything else in its place says nothing.
pub(super) struct List<E>(pub(super) E);

/// An element of a list, by its keys.
pub(super) trait Element<'de> {
    fn read<A: MapAccess<'de>>(&mut self, map: A) -> Result<(), A::Error>;
}

impl<'de, E: Element<'de>> DeserializeSeed<'de> for List<E> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, E: Element<'de>> Visitor<'de> for List<E> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(One(&mut self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }

    others_say_nothing!();
}

struct One<'e, E>(&'e mut E);

impl<'de, E: Element<'de>> DeserializeSeed<'de> for One<'_, E> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, E: Element<'de>> Visitor<'de> for One<'_, E> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.0.read(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    others_say_nothing!();
}

/// `{"modality": "AUDIO", "tokenCount": 12}`, in either order.
pub(super) struct ModalityCount<'f, 'de> {
    pub(super) list: Modalities,
    pub(super) found: &'f mut Found<'de>,
}

impl<'de> Element<'de> for ModalityCount<'_, 'de> {
    fn read<A: MapAccess<'de>>(&mut self, mut map: A) -> Result<(), A::Error> {
        let mut modality: Option<Str<'de>> = None;
        // An element without a count, or with one of zero, is written without it.
        let mut count: Option<&'de RawValue> = None;
        while let Some(key) = map.next_key::<Str<'de>>()? {
            match key.0.as_ref() {
                "modality" => modality = map.next_value()?,
                "tokenCount" | "token_count" => count = Some(map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let field = modality.and_then(|modality| self.list.field(&modality.0));
        if let (Some(field), Some(count)) = (field, count) {
            // The text was read as JSON already, so reading it again cannot fail.
            let _ = Count { field, is_sum: true, found: self.found }
                .deserialize(&mut serde_json::Deserializer::from_str(count.get()));
        }
        Ok(())
    }
}

/// `{"ttl": "1h", "inputTokens": 12}`: cache writes by lifetime.
pub(super) struct CacheDetail<'f, 'de> {
    pub(super) found: &'f mut Found<'de>,
}

impl<'de> Element<'de> for CacheDetail<'_, 'de> {
    fn read<A: MapAccess<'de>>(&mut self, mut map: A) -> Result<(), A::Error> {
        let mut lifetime: Option<Str<'de>> = None;
        let mut count: Option<&'de RawValue> = None;
        while let Some(key) = map.next_key::<Str<'de>>()? {
            match key.0.as_ref() {
                "ttl" => lifetime = map.next_value()?,
                "inputTokens" => count = Some(map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let field = match lifetime.as_ref().map(|lifetime| lifetime.0.as_ref()) {
            Some("5m") => Field::ConverseWrite5m,
            Some("1h") => Field::ConverseWrite1h,
            other => {
                let what = format!("lifetime `{}`, which is not known", shown(other.unwrap_or("")));
                self.found.problem_at(Cow::Borrowed("usage.cacheDetails[].ttl"), what);
                return Ok(());
            }
        };
        if let Some(count) = count {
            let _ = Count { field, is_sum: true, found: self.found }
                .deserialize(&mut serde_json::Deserializer::from_str(count.get()));
        }
        Ok(())
    }
}

/// One result of a Titan text model.
pub(super) struct TitanResult<'f, 'de> {
    pub(super) found: &'f mut Found<'de>,
}

impl<'de> Element<'de> for TitanResult<'_, 'de> {
    fn read<A: MapAccess<'de>>(&mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Str<'de>>()? {
            if key.0 == "tokenCount" {
                let field = Field::TitanOutput;
                map.next_value_seed(Count { field, is_sum: true, found: self.found })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// One round of sampling within a Messages call. The totals of the call leave out two kinds: those
/// that made a summary, and those of another model.
pub(super) struct Iteration<'f, 'de> {
    pub(super) found: &'f mut Found<'de>,
}

impl<'de> Element<'de> for Iteration<'_, 'de> {
    fn read<A: MapAccess<'de>>(&mut self, mut map: A) -> Result<(), A::Error> {
        let (mut kind, mut model) = (None::<Str<'de>>, None::<Str<'de>>);
        let mut round = Found::new();
        while let Some(key) = map.next_key::<Str<'de>>()? {
            match key.0.as_ref() {
                "type" => kind = map.next_value()?,
                "model" => model = map.next_value()?,
                other => {
                    let found = &mut round;
                    match usage_slot(other) {
                        Some(Slot::Count(field)) => {
                            map.next_value_seed(Count { field, is_sum: false, found })?;
                        }
                        Some(Slot::Object(node)) => map.next_value_seed(Object { node, found })?,
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
            }
        }
        if let Some(problem) = round.problem {
            self.found.problem_at(problem.path, problem.what);
            return Ok(());
        }
        let count = |field| round.get(field).unwrap_or(0);
        let (input, output) = (count(Field::InputTokens), count(Field::OutputTokens));
        let (read, write) = (count(Field::CacheReadInput), count(Field::CacheCreationInput));
        let write_1h = count(Field::Ephemeral1h);
        match kind.as_ref().map(|kind| kind.0.as_ref()) {
            // The rounds that the totals add up.
            Some("message") | None => {}
            Some("compaction") if model.is_none() => {
                for (field, count) in [
                    (Field::CompactionInput, input),
                    (Field::CompactionOutput, output),
                    (Field::CompactionRead, read),
                    (Field::CompactionWrite, write),
                    (Field::CompactionWrite1h, write_1h),
                ] {
                    self.found.add(field, count);
                }
            }
            Some(kind) => {
                let kind = kind.chars().take(60).collect();
                let model = model.map(|model| model.0.into_owned());
                self.found.rounds.push(Round { kind, model, input, output, read, write, write_1h });
            }
        }
        Ok(())
    }
}

/// Keys of a round's usage: those of the call's.
fn usage_slot(key: &str) -> Option<Slot> {
    let slot = Node::Usage.slot(key);
    matches!(slot, Slot::Count(_) | Slot::Object(Node::CacheCreation)).then_some(slot)
}
