//! Where the next page of a list begins. Opaque to clients, and without any authority: it is
//! checked against the question that it came from, and access is checked anew.

use std::{fmt, str::FromStr};

use centinel_engine::facts::{canonical_json, sha256_hex};
use jiff::Timestamp;
use serde_json::Value;

/// `c1.<offset>.<as_of in microseconds, or ->.<question>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Rows before the page.
    pub(crate) offset: u64,
    /// What the first page knew; `None` on the first page.
    pub(crate) as_of: Option<Timestamp>,
    /// The question it belongs to: see [`question`].
    pub(crate) question: u32,
}

/// A text that is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotACursor;

/// A number for a tool and its arguments, without `cursor` and `detail`, which may change from page
/// to page.
pub(crate) fn question(tool: &str, arguments: &serde_json::Map<String, Value>) -> u32 {
    let asked: serde_json::Map<_, _> = arguments
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "cursor" | "detail"))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let canonical = canonical_json(&(tool, asked)).unwrap_or_default();
    let digest = sha256_hex(canonical.as_bytes());
    digest.get(..8).and_then(|hex| u32::from_str_radix(hex, 16).ok()).unwrap_or_default()
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c1.{}.", self.offset)?;
        match self.as_of {
            Some(as_of) => write!(f, "{}", as_of.as_microsecond())?,
            None => f.write_str("-")?,
        }
        write!(f, ".{:08x}", self.question)
    }
}

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let mut parts = text.split('.');
        let (Some("c1"), Some(offset), Some(as_of), Some(question), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NotACursor);
        };
        let as_of = match as_of {
            "-" => None,
            micros => {
                let micros = micros.parse().map_err(|_| NotACursor)?;
                Some(Timestamp::from_microsecond(micros).map_err(|_| NotACursor)?)
            }
        };
        Ok(Self {
            offset: offset.parse().map_err(|_| NotACursor)?,
            as_of,
            question: u32::from_str_radix(question, 16).map_err(|_| NotACursor)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cursors_go_both_ways() {
        let as_of = "2026-11-01T00:00:00.123456Z".parse().ok();
        for cursor in [
            Cursor { offset: 0, as_of: None, question: 7 },
            Cursor { offset: u64::MAX, as_of, question: u32::MAX },
        ] {
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for bad in ["", "c1", "c1.1.2", "c2.1.-.0", "c1.-1.-.0", "c1.1.x.0", "c1.1.-.0.0"] {
            assert_eq!(bad.parse::<Cursor>(), Err(NotACursor), "{bad}");
        }
    }

    #[test]
    fn a_question_is_its_arguments_without_paging() {
        let of = |value: Value| question("anomalies", value.as_object().unwrap());
        let plain = of(json!({"period": "last_7d"}));
        assert_eq!(plain, of(json!({"detail": "full", "period": "last_7d", "cursor": "x"})));
        assert_ne!(plain, of(json!({"period": "last_30d"})));
        assert_ne!(
            plain,
            question("spend_breakdown", json!({"period": "last_7d"}).as_object().unwrap())
        );
    }
}
