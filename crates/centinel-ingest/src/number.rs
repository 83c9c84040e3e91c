//! Counts: whole, not negative, and believable.

/// Largest count that one row may carry. More than a trillion tokens in one call is a broken file.
pub(crate) const COUNT_MAX: u64 = 1_000_000_000_000;

/// Reads a count; `374.0` and `1e3` are whole, too (spreadsheets and data frames write them).
///
/// # Errors
///
/// What is wrong with it, as the end of a sentence that starts with column and value.
pub(crate) fn parse_count(text: &str) -> Result<u64, &'static str> {
    let bytes = text.as_bytes();
    let count = if !bytes.is_empty() && bytes.len() <= 18 && bytes.iter().all(u8::is_ascii_digit) {
        bytes.iter().fold(0, |count, digit| count * 10 + u64::from(digit - b'0'))
    } else {
        parse_unusual(text)?
    };
    if count > COUNT_MAX { Err("is more than a row can hold (1000000000000)") } else { Ok(count) }
}

fn parse_unusual(text: &str) -> Result<u64, &'static str> {
    use centinel_engine::money::{Decimal, DecimalError};
    match text.parse::<Decimal>() {
        Ok(value) if value.is_negative() => Err("is negative"),
        Ok(value) => {
            let whole = value.mantissa_at(0).ok_or("is not a whole number")?;
            u64::try_from(whole).map_err(|_| "is more than a row can hold (1000000000000)")
        }
        Err(DecimalError::Separators(_)) => Err("is not a number (no thousands separators)"),
        Err(DecimalError::TooLong(_)) => Err("is more than a row can hold (1000000000000)"),
        Err(_) => Err("is not a number"),
    }
}

/// Reads a yes or no.
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "true" | "True" | "TRUE" | "t" | "yes" | "Yes" => Some(true),
        "0" | "false" | "False" | "FALSE" | "f" | "no" | "No" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        for (text, expected) in [
            ("0", Ok(0)),
            ("374", Ok(374)),
            ("374.0", Ok(374)),
            ("1e3", Ok(1000)),
            ("000000000000000000000012", Ok(12)),
            ("-5", Err("is negative")),
            ("1.5", Err("is not a whole number")),
            ("NaN", Err("is not a number")),
            ("inf", Err("is not a number")),
            ("1,204", Err("is not a number (no thousands separators)")),
            ("1000000000001", Err("is more than a row can hold (1000000000000)")),
            ("99999999999999999999", Err("is more than a row can hold (1000000000000)")),
            ("1e300", Err("is more than a row can hold (1000000000000)")),
            ("", Err("is not a number")),
        ] {
            assert_eq!(parse_count(text), expected, "{text}");
        }
    }
}
