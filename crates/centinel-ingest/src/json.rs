//! Walks a JSON object and hands on its scalars with their dotted path; numbers keep their digits.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// A value that is no object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaf<'a> {
    /// A text, unescaped.
    Text(&'a str),
    /// A number or boolean, as written.
    Plain(&'a str),
    /// An array, as written.
    Array(&'a str),
}

impl<'a> Leaf<'a> {
    /// The value as a CSV field would hold it.
    pub(crate) fn text(self) -> &'a str {
        match self {
            Self::Text(text) | Self::Plain(text) | Self::Array(text) => text,
        }
    }
}

/// Deepest nesting walked; what lies deeper is passed over.
const DEPTH_MAX: usize = 8;

/// Calls `leaf` for every scalar and array of an object, in order; nulls are left out. `prefix` is
/// the path that the object itself has, and serves as buffer.
pub(crate) fn walk(
    text: &str,
    prefix: &mut String,
    leaf: &mut dyn FnMut(&str, Leaf<'_>),
) -> Result<(), serde_json::Error> {
    walk_object(text, prefix, 0, leaf)
}

fn walk_object(
    text: &str,
    path: &mut String,
    depth: usize,
    leaf: &mut dyn FnMut(&str, Leaf<'_>),
) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    deserializer.deserialize_map(Members { path, depth, leaf })?;
    deserializer.end()
}

struct Members<'p, 'l> {
    path: &'p mut String,
    depth: usize,
    leaf: &'l mut dyn FnMut(&str, Leaf<'_>),
}

impl<'de> Visitor<'de> for Members<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Text(key)) = map.next_key::<Text<'de>>()? {
            let value = map.next_value::<&'de RawValue>()?.get();
            let length = self.path.len();
            if length > 0 {
                self.path.push('.');
            }
            self.path.push_str(&key);
            match value.as_bytes().first() {
                Some(b'"') => {
                    let Text(text) = serde_json::from_str(value).map_err(de::Error::custom)?;
                    (self.leaf)(self.path, Leaf::Text(&text));
                }
                Some(b'{') if self.depth < DEPTH_MAX => {
                    walk_object(value, self.path, self.depth + 1, self.leaf)
                        .map_err(de::Error::custom)?;
                }
                Some(b'{' | b'n') | None => {}
                Some(b'[') => (self.leaf)(self.path, Leaf::Array(value)),
                Some(_) => (self.leaf)(self.path, Leaf::Plain(value)),
            }
            self.path.truncate(length);
        }
        Ok(())
    }
}

/// A text that is borrowed where it needs no unescaping.
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrowed;
        impl<'de> Visitor<'de> for Borrowed {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Borrowed)
    }
}

/// What is wrong with a text that is no JSON, in words without a position in our buffers.
pub(crate) fn reason(error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "the JSON object ends too early: the row is cut".to_owned();
    }
    // A row is a line to us; serde_json counts lines within it.
    let text = error.to_string();
    let problem = text.rsplit_once(" at line ").map_or(text.as_str(), |(problem, _)| problem);
    format!("not a JSON object: {problem} (at its byte {})", error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(text: &str) -> Result<Vec<String>, serde_json::Error> {
        let mut found = Vec::new();
        walk(text, &mut String::new(), &mut |path, leaf| found.push(format!("{path}={leaf:?}")))?;
        Ok(found)
    }

    #[test]
    fn scalars_come_with_their_path_and_digits() {
        let text = r#"{"a":{"b":0.10,"c":{"d":"x\ny"}},"e":[1],"f":null,"g":true,"h":1e-7}"#;
        assert_eq!(
            leaves(text).unwrap(),
            [
                "a.b=Plain(\"0.10\")",
                "a.c.d=Text(\"x\\ny\")",
                "e=Array(\"[1]\")",
                "g=Plain(\"true\")",
                "h=Plain(\"1e-7\")",
            ]
        );
    }

    #[test]
    fn what_is_no_object_is_an_error_and_depth_is_bounded() {
        for bad in ["", "[1]", "7", "{\"a\":", "{\"a\":1} x", "{\"a\":NaN}"] {
            assert!(leaves(bad).is_err(), "{bad}");
        }
        let deep = "{\"a\":".repeat(3_000) + "1" + &"}".repeat(3_000);
        assert!(leaves(&deep).unwrap().is_empty());
    }
}
