//! Planned values, and values as they stand in a file.

use std::fmt;

use centinel_engine::money::Decimal;

use super::{LIST_ITEMS_MAX, VALUE_BYTES_MAX, is_hidden, shown};

/// A planned value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text, whatever it looks like.
    Text(String),
    /// A whole or decimal number.
    Number(Decimal),
    /// True or false.
    Boolean(bool),
    /// A small list of texts.
    Texts(Vec<String>),
    /// A value as a proposal spells it, of the type that the file has there. Where nothing is there yet,
    /// `true`, `false` and plain decimal numbers are what they look like, and all else is text.
    Untyped(String),
}

/// Type of a single value in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Integer,
    Decimal,
    Boolean,
}

/// A single value: of a plan, or in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scalar {
    pub(super) kind: Type,
    /// Decoded text; of a number as it is spelled, of a boolean `true` or `false`.
    pub(super) text: String,
}

impl Type {
    pub(super) fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Decimal)
    }
}

impl Scalar {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self { kind: Type::Text, text: text.into() }
    }

    /// The exact number that it is.
    pub(super) fn number(&self) -> Option<Decimal> {
        if self.kind.is_number() { self.text.replace('_', "").parse().ok() } else { None }
    }

    /// What an untyped text is where nothing says its type.
    pub(super) fn guessed(text: &str) -> Self {
        let kind = match text {
            "true" | "false" => Type::Boolean,
            _ if is_integer(text) => Type::Integer,
            _ if is_number(text) => Type::Decimal,
            _ => Type::Text,
        };
        Self { kind, text: text.to_owned() }
    }

    /// Whether the plan's old value is this one.
    pub(super) fn is(&self, planned: &Value) -> bool {
        match planned {
            Value::Text(text) => self.kind == Type::Text && self.text == *text,
            Value::Number(number) => self.number() == Some(*number),
            Value::Boolean(truth) => {
                self.kind == Type::Boolean && self.text == if *truth { "true" } else { "false" }
            }
            Value::Texts(_) => false,
            Value::Untyped(text) => {
                let own = self.number();
                self.text == *text
                    || (own.is_some() && is_number(text) && own == text.parse::<Decimal>().ok())
            }
        }
    }
}

impl Value {
    /// Whether it can be written into any file: small, and without characters that nobody sees.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let texts: &[String] = match self {
            Self::Text(text) | Self::Untyped(text) => std::slice::from_ref(text),
            Self::Texts(texts) => texts,
            Self::Number(_) | Self::Boolean(_) => &[],
        };
        if texts.len() > LIST_ITEMS_MAX {
            return Err("has more than 100 items");
        }
        if texts.iter().map(String::len).sum::<usize>() > VALUE_BYTES_MAX {
            return Err("is longer than 4,096 bytes");
        }
        if texts.iter().any(|text| text.chars().any(is_hidden)) {
            return Err("holds line breaks, control or invisible characters");
        }
        Ok(())
    }

    /// The value as a single one; `None` for a list.
    pub(super) fn scalar(&self) -> Option<Scalar> {
        let scalar = match self {
            Self::Text(text) => Scalar::text(text.as_str()),
            Self::Number(number) => {
                let text = number.to_string();
                let kind = if is_integer(&text) { Type::Integer } else { Type::Decimal };
                Scalar { kind, text }
            }
            Self::Boolean(truth) => Scalar { kind: Type::Boolean, text: truth.to_string() },
            Self::Untyped(text) => Scalar::guessed(text),
            Self::Texts(_) => return None,
        };
        Some(scalar)
    }
}

/// A whole number as every format spells it.
pub(super) fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_whole = digits == "0" || !digits.starts_with('0');
    !digits.is_empty() && digits.len() <= 30 && is_whole && all_digits(digits)
}

/// A whole or decimal number as every format spells it.
pub(super) fn is_number(text: &str) -> bool {
    match text.split_once('.') {
        None => is_integer(text),
        Some((whole, part)) => {
            let is_part = !part.is_empty() && part.len() <= 30 && all_digits(part);
            is_integer(whole) && is_part
        }
    }
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A quantity of Kubernetes: `2`, `0.5`, `500m`, `512Mi`.
///
/// # Source
///
/// Kubernetes API conventions, "Quantities": decimal and binary suffixes.
pub(super) fn is_quantity(text: &str) -> bool {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let suffixes =
        ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    is_number(number) && suffixes.contains(&suffix)
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.kind {
            Type::Text => "the text",
            Type::Integer | Type::Decimal => "the number",
            Type::Boolean => "the boolean",
        };
        write!(f, "{name} `{}`", shown(&self.text))
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Texts(texts) => {
                let texts: Vec<String> =
                    texts.iter().take(5).map(|text| format!("`{}`", shown(text))).collect();
                write!(f, "the list of {}", texts.join(", "))
            }
            Self::Untyped(text) => write!(f, "`{}`", shown(text)),
            _ => match self.scalar() {
                Some(scalar) => write!(f, "{scalar}"),
                None => Ok(()),
            },
        }
    }
}
