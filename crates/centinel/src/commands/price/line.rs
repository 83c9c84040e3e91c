//! Lines of the input: one call each, borrowed from the line.

use std::{
    borrow::Cow,
    fmt,
    io::{self, BufRead, Read as _},
    num::NonZero,
};

use centinel_engine::usage::Usage;
use jiff::Timestamp;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// Longest line read, in bytes.
const LINE_BYTES_MAX: usize = 1 << 20;

/// A line of the input, or that it was too long to be read.
pub(super) enum InputLine<'b> {
    Text(&'b [u8]),
    TooLong,
}

/// The next line, without its end; memory is bounded whatever the input holds.
pub(super) fn next_line<'b>(
    input: &mut impl BufRead,
    buffer: &'b mut Vec<u8>,
) -> io::Result<Option<InputLine<'b>>> {
    buffer.clear();
    let limit = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    if input.by_ref().take(limit).read_until(b'\n', buffer)? == 0 {
        return Ok(None);
    }
    if buffer.last() != Some(&b'\n') && buffer.len() > LINE_BYTES_MAX {
        input.skip_until(b'\n')?;
        return Ok(Some(InputLine::TooLong));
    }
    Ok(Some(InputLine::Text(buffer.trim_ascii())))
}

/// One call as it comes. Strings are borrowed where they hold no escapes.
#[derive(Debug)]
pub(super) struct CallLine<'l> {
    pub(super) id: Option<&'l RawValue>,
    pub(super) provider: Cow<'l, str>,
    pub(super) model: Cow<'l, str>,
    pub(super) service_tier: Option<Cow<'l, str>>,
    pub(super) region: Option<Cow<'l, str>>,
    pub(super) at: Option<Timestamp>,
    /// How many calls the row stands for.
    pub(super) calls: u64,
    pub(super) usage: Usage,
    /// A key that is none of the above.
    pub(super) unknown: Option<Cow<'l, str>>,
}

/// A string that borrows from the line where it can.
#[derive(Deserialize)]
struct Text<'l>(#[serde(borrow)] Cow<'l, str>);

impl<'de> Deserialize<'de> for CallLine<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = CallLine<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with `provider`, `model` and `usage`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let (mut id, mut unknown) = (None, None);
                let (mut provider, mut model, mut usage) = (None, None, None);
                let (mut service_tier, mut region, mut at) = (None, None, None);
                let mut calls: Option<Option<NonZero<u64>>> = None;
                while let Some(Text(key)) = map.next_key()? {
                    match key.as_ref() {
                        "id" => once(&mut id, &mut map, "id")?,
                        "provider" => once(&mut provider, &mut map, "provider")?,
                        "model" => once(&mut model, &mut map, "model")?,
                        "service_tier" => once(&mut service_tier, &mut map, "service_tier")?,
                        "region" => once(&mut region, &mut map, "region")?,
                        "at" => once(&mut at, &mut map, "at")?,
                        "calls" => once(&mut calls, &mut map, "calls")?,
                        "usage" => once(&mut usage, &mut map, "usage")?,
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            unknown = Some(key);
                        }
                    }
                }
                let missing = A::Error::missing_field;
                let text = |text: Option<Option<Text<'de>>>| text.flatten().map(|Text(text)| text);
                Ok(CallLine {
                    id: id.flatten(),
                    provider: provider.map(|Text(text)| text).ok_or_else(|| missing("provider"))?,
                    model: model.map(|Text(text)| text).ok_or_else(|| missing("model"))?,
                    service_tier: text(service_tier),
                    region: text(region),
                    at: text(at).map(|at| time(&at)).transpose().map_err(A::Error::custom)?,
                    calls: calls.flatten().map_or(1, NonZero::get),
                    usage: usage.ok_or_else(|| missing("usage"))?,
                    unknown,
                })
            }
        }

        /// Keeps a value; a key that comes twice contradicts itself.
        fn once<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
            slot: &mut Option<T>,
            map: &mut A,
            key: &'static str,
        ) -> Result<(), A::Error> {
            match slot.replace(map.next_value()?) {
                None => Ok(()),
                Some(_) => Err(A::Error::duplicate_field(key)),
            }
        }

        fn time(text: &str) -> Result<Timestamp, String> {
            let shown: String = text.chars().take(40).collect();
            text.parse().map_err(|_| format!("`at` is `{shown}`, which is no RFC 3339 time"))
        }

        deserializer.deserialize_map(Keys)
    }
}

/// The call's own id where it is text or a number, else the line's number.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Id<'l> {
    Given(&'l RawValue),
    Line(u64),
}

/// The id of a line that is no call, as far as it can still be read.
pub(super) fn salvaged_id(text: &[u8], number: u64) -> Id<'_> {
    #[derive(Default, Deserialize)]
    struct OnlyId<'l> {
        #[serde(borrow)]
        id: Option<&'l RawValue>,
    }
    // An array would also be read as a struct.
    let only: Option<OnlyId<'_>> =
        text.starts_with(b"{").then(|| serde_json::from_slice(text).ok()).flatten();
    id(only.unwrap_or_default().id, number)
}

pub(super) fn id(given: Option<&RawValue>, number: u64) -> Id<'_> {
    match given {
        Some(raw) if raw.get().starts_with(['"', '-']) || starts_with_digit(raw.get()) => {
            Id::Given(raw)
        }
        _ => Id::Line(number),
    }
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let line: Result<CallLine<'_>, _> = serde_json::from_str(text);
        let found = match line {
            Ok(line) => serde_json::to_string(&id(line.id, 9)).unwrap(),
            Err(error) => {
                let id = serde_json::to_string(&salvaged_id(text.as_bytes(), 9)).unwrap();
                format!("{id}: {error}")
            }
        };
        assert!(found.starts_with(expected), "{text}: {found}");
    }

    #[test]
    fn an_id_is_given_back_as_it_came() {
        let call = |id: &str| format!(r#"{{{id}"provider":"p","model":"m","usage":{{}}}}"#);
        check(&call(r#""id":"a\u0062","#), r#""a\u0062""#);
        check(&call(r#""id":1.50,"#), "1.50");
        check(&call(r#""id":null,"#), "9");
        check(&call(r#""id":{"x":1},"#), "9");
        check(&call(""), "9");
        check(&call(r#""id":1,"#).replace("model", "mode"), "1: missing field `model`");
        check(r#"{"id":1,"id":2}"#, "9: duplicate field `id`");
        check(r#"{"id":1,"at":"yesterday"}"#, "1: missing field `provider`");
        check(&call(r#""id":1,"at":"yesterday","#), "1: `at` is `yesterday`, which is no RFC 3339");
        check("[1]", "9: invalid type: sequence");
        check(r#"{"id":1"#, "9: EOF");
    }

    #[test]
    fn a_long_line_is_skipped_and_the_next_one_read() {
        let mut text = vec![b'x'; LINE_BYTES_MAX + 1];
        text.extend_from_slice(b"\n next \r\nlast");
        let mut input = io::BufReader::with_capacity(64, text.as_slice());
        let mut buffer = Vec::new();
        let mut lines = Vec::new();
        while let Some(line) = next_line(&mut input, &mut buffer).unwrap() {
            lines.push(match line {
                InputLine::Text(text) => String::from_utf8(text.to_vec()).unwrap(),
                InputLine::TooLong => "too long".to_owned(),
            });
        }
        assert_eq!(lines, ["too long", "next", "last"]);
    }
}
