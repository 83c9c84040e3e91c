//! Canonical JSON: one byte sequence for equal values.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Why a value has no canonical form.
#[derive(Debug, thiserror::Error)]
pub enum CanonicalError {
    /// The value does not serialize.
    #[error("cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A number that is not a whole one: amounts and ratios travel as strings.
    #[error("`{0}` is a JSON number with a fraction; canonical values carry decimals as strings")]
    Fraction(String),
}

/// JSON with sorted keys, no spaces, whole numbers only (RFC 8785 restricted to what we use).
///
/// # Errors
///
/// [`CanonicalError::Fraction`] when a float is anywhere inside.
pub fn canonical_json(value: &impl Serialize) -> Result<String, CanonicalError> {
    let mut text = String::new();
    write_value(&serde_json::to_value(value)?, &mut text)?;
    Ok(text)
}

fn write_value(value: &Value, text: &mut String) -> Result<(), CanonicalError> {
    match value {
        Value::Number(number) if number.is_f64() => {
            return Err(CanonicalError::Fraction(number.to_string()));
        }
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_value(item, text)?;
            }
            text.push(']');
        }
        Value::Object(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            // RFC 8785 sorts by UTF-16 code units.
            entries.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            text.push('{');
            for (index, (key, item)) in entries.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_value(&Value::String(key.clone()), text)?;
                text.push(':');
                write_value(item, text)?;
            }
            text.push('}');
        }
        scalar => {
            // Writing to a String cannot fail.
            let _ = write!(text, "{scalar}");
        }
    }
    Ok(())
}

/// SHA-256 in lowercase hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in lowercase hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_sorted_and_floats_refused() {
        let text = canonical_json(&json!({"b": [1, "x\n"], "a": {"ß": null, "é": true}})).unwrap();
        assert_eq!(text, r#"{"a":{"ß":null,"é":true},"b":[1,"x\n"]}"#);
        assert!(matches!(canonical_json(&json!({"a": 0.5})), Err(CanonicalError::Fraction(_))));
    }

    #[test]
    fn digest_is_sha256() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256_hex(b""), empty);
    }
}
