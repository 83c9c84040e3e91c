//! Reads a body: one pass, nothing kept that is not needed, strings borrowed from the text.

use std::{borrow::Cow, fmt};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{
    field::{Field, Label, Node, Slot},
    found::Found,
    lists::{CacheDetail, Iteration, List, ModalityCount, TitanResult},
    unknown::Unknown,
};

/// Reads one JSON object.
///
/// # Errors
///
/// The reason when the text is no JSON object. Counts that cannot be ones are no error here; they are
/// noted in [`Found`], so that what else the body says is still known.
pub(super) fn read<'de>(text: &'de str, node: Node, found: &mut Found<'de>) -> Result<(), String> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read =
        Object { node, found }.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    read.map_err(|error| syntax(text, &error))
}

/// What is wrong with a text that is no JSON, with its place and what stands there.
fn syntax(text: &str, error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "the JSON ends in the middle: the body is cut".to_owned();
    }
    let message = error.to_string();
    let problem = message.rsplit_once(" at line ").map_or(message.as_str(), |(problem, _)| problem);
    let line = text.lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
    let at = error.column().saturating_sub(1);
    // serde_json counts bytes, and may point between two that are one character.
    let rest = line.get(at..).unwrap_or_default();
    let token: String =
        rest.chars().take_while(|c| !matches!(c, ',' | '}' | ']')).take(40).collect();
    let key = line
        .get(..at)
        .and_then(|before| before.trim_end().strip_suffix(':'))
        .and_then(|before| before.trim_end().strip_suffix('"'))
        .and_then(|before| before.rsplit_once('"'))
        .map(|(_, key)| key.chars().take(60).collect::<String>());
    let place = match (error.line(), error.column()) {
        (1, column) => format!("column {column}"),
        (line, column) => format!("line {line} column {column}"),
    };
    match key {
        Some(key) if !token.is_empty() => {
            format!("`{key}` is `{}`, which is no JSON ({place})", token.trim())
        }
        _ => format!("no JSON: {problem} ({place})"),
    }
}

/// An object whose keys are known.
pub(super) struct Object<'f, 'de> {
    pub(super) node: Node,
    pub(super) found: &'f mut Found<'de>,
}

impl<'de> DeserializeSeed<'de> for Object<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.node == Node::Top {
            deserializer.deserialize_map(self)
        } else {
            deserializer.deserialize_any(self)
        }
    }
}

impl Object<'_, '_> {
    fn not_an_object(self, value: impl fmt::Display) {
        let what = format!("`{value}`, which is no object");
        self.found.problem_at(Cow::Borrowed(self.node.path()), what);
    }
}

impl<'de> Visitor<'de> for Object<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { node, found } = self;
        while let Some((slot, key)) = map.next_key_seed(Key { node })? {
            match slot {
                Slot::Count(field) => map.next_value_seed(Count { field, is_sum: false, found })?,
                Slot::Seconds(field) => map.next_value_seed(Seconds { field, found })?,
                Slot::Text(label) => map.next_value_seed(Text { label, found })?,
                Slot::Object(node) => map.next_value_seed(Object { node, found })?,
                Slot::Modalities(list) => {
                    map.next_value_seed(List(ModalityCount { list, found }))?;
                }
                Slot::CacheDetails => map.next_value_seed(List(CacheDetail { found }))?,
                Slot::Iterations => map.next_value_seed(List(Iteration { found }))?,
                Slot::TitanResults => map.next_value_seed(List(TitanResult { found }))?,
                Slot::Wrapped(part) => {
                    let raw = map.next_value::<&'de RawValue>()?;
                    found.set_wrapped(part, raw);
                }
                Slot::Id => found.id = id(map.next_value()?).or(found.id.take()),
                Slot::GivenId => found.given_id = id(map.next_value()?).or(found.given_id.take()),
                Slot::Known => {
                    map.next_value::<IgnoredAny>()?;
                }
                Slot::Unknown => {
                    let path = [node.path(), key.as_deref().unwrap_or_default()];
                    map.next_value_seed(Unknown { path: &path, found })?;
                }
            }
        }
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        // An empty array is how PHP writes an empty object.
        if seq.next_element::<IgnoredAny>()?.is_some() {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            self.not_an_object("[…]");
        }
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.not_an_object(value);
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.not_an_object(value);
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.not_an_object(value);
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.not_an_object(value);
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.not_an_object(shown(value));
        Ok(())
    }
}

/// Text or a number: what serves as an id. It is given back as it came.
fn id(raw: &RawValue) -> Option<Cow<'_, RawValue>> {
    let text = raw.get();
    let is_id =
        text.starts_with(|first: char| first == '"' || first == '-' || first.is_ascii_digit());
    (is_id && text != "\"\"").then_some(Cow::Borrowed(raw))
}

/// A key, as what stands under it; unknown keys keep their name.
struct Key {
    node: Node,
}

impl<'de> DeserializeSeed<'de> for Key {
    type Value = (Slot, Option<Cow<'de, str>>);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = (Slot, Option<Cow<'de, str>>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
        let slot = self.node.slot(key);
        Ok((slot, (slot == Slot::Unknown).then_some(Cow::Borrowed(key))))
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        let slot = self.node.slot(key);
        Ok((slot, (slot == Slot::Unknown).then(|| Cow::Owned(key.to_owned()))))
    }
}

/// A string that is borrowed where it needs no unescaping.
#[derive(serde::Deserialize)]
pub(super) struct Str<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// A value from outside, short enough for a message.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

/// A whole number of something. A fraction of zero is one (`12.0`; some SDKs and gateways write
/// counts as floating point, Cohere documents them so), and so are digits in quotes (64-bit numbers
/// in the JSON form of Protocol Buffers).
pub(super) struct Count<'f, 'de> {
    pub(super) field: Field,
    pub(super) is_sum: bool,
    pub(super) found: &'f mut Found<'de>,
}

impl Count<'_, '_> {
    fn is(self, count: u64) {
        if self.is_sum {
            self.found.add(self.field, count);
        } else {
            self.found.set(self.field, count);
        }
    }

    fn bad(self, value: impl fmt::Display, why: &str) {
        self.found.problem(self.field, format!("`{value}`, {why}"));
    }
}

impl<'de> DeserializeSeed<'de> for Count<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Count<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a count")
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.is(value);
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        match u64::try_from(value) {
            Ok(count) => self.is(count),
            Err(_) => self.bad(value, "which is negative"),
        }
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        // The shortest decimal that reads as this number: whole numbers without a point.
        match value.to_string().parse() {
            Ok(count) => self.is(count),
            Err(_) if value < 0.0 => self.bad(value, "which is negative"),
            Err(_) if value.fract() == 0.0 => {
                self.bad(format_args!("{value:e}"), "more than one response can hold");
            }
            Err(_) => self.bad(value, "which is no whole number"),
        }
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        match value.parse() {
            Ok(count) if value.bytes().all(|byte| byte.is_ascii_digit()) => self.is(count),
            _ => self.bad(shown(value), "which is no number"),
        }
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.bad(value, "which is no number");
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut is_empty = true;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            is_empty = false;
        }
        // `{}` is how an SDK's unset value is written; it says nothing.
        if !is_empty {
            self.bad("{…}", "which is no number");
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        self.bad("[…]", "which is no number");
        Ok(())
    }
}

/// Seconds, kept in whole milliseconds.
struct Seconds<'f, 'de> {
    field: Field,
    found: &'f mut Found<'de>,
}

impl<'de> DeserializeSeed<'de> for Seconds<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        use serde::Deserialize as _;
        let raw = <&'de RawValue>::deserialize(deserializer)?.get();
        let text = raw.trim_matches('"');
        match milliseconds(text) {
            Some(count) => self.found.set(self.field, count),
            None if matches!(raw, "null" | "{}") => {}
            None => {
                self.found.problem(self.field, format!("`{}`, which is no duration", shown(text)));
            }
        }
        Ok(())
    }
}

/// Seconds as decimal text, in milliseconds; finer parts are rounded half up.
fn milliseconds(text: &str) -> Option<u64> {
    let value: crate::money::Decimal = text.parse().ok()?;
    let in_tenths = value.checked_mul(crate::money::Decimal::from_integer(10_000)).ok()?;
    let whole = in_tenths.to_string();
    let whole = whole.split_once('.').map_or(whole.as_str(), |(whole, _)| whole);
    let tenths: u64 = whole.parse().ok()?;
    Some(tenths.checked_add(5)? / 10)
}

/// A text. An object that names its kind is read as that name (Bedrock's `serviceTier`).
struct Text<'f, 'de> {
    label: Label,
    found: &'f mut Found<'de>,
}

impl<'de> DeserializeSeed<'de> for Text<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Text<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<(), E> {
        self.found.set_text(self.label, Cow::Borrowed(text));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.found.set_text(self.label, Cow::Owned(text.to_owned()));
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.found.set_text(self.label, Cow::Borrowed(if value { "true" } else { "false" }));
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { label, found } = self;
        while let Some(key) = map.next_key::<Str<'de>>()? {
            if key.0 == "type" {
                map.next_value_seed(Text { label, found: &mut *found })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}
