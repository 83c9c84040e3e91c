//! One-time codes of an authenticator app.
//!
//! # Source
//!
//! RFC 6238 (steps of time), RFC 4226 (truncation), RFC 4648 (base 32); the URI is that of the "Key Uri
//! Format" page of Google Authenticator, which all apps read.

use std::fmt;

use jiff::Timestamp;
use ring::hmac;
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

use crate::ApprovalError;

/// Seconds of a step.
const STEP: i64 = 30;
/// Digits of a code.
const DIGITS: u32 = 6;
/// Bytes of a key: the length of the hash, as RFC 4226 recommends.
const KEY_BYTES: usize = 20;
const ALPHABET: [u8; 32] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The key of an account's codes. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct CodeKey(Vec<u8>);

impl CodeKey {
    /// A fresh key.
    pub(crate) fn random() -> Result<Self, ApprovalError> {
        let mut bytes = vec![0; KEY_BYTES];
        getrandom::fill(&mut bytes).map_err(|error| ApprovalError::Secret(error.to_string()))?;
        Ok(Self(bytes))
    }

    /// From its base 32 form; `None` for anything else.
    pub(crate) fn from_base32(text: &str) -> Option<Self> {
        from_base32(text).filter(|key| key.len() == KEY_BYTES).map(Self)
    }

    /// As it is kept, and typed into an app.
    pub(crate) fn to_base32(&self) -> String {
        to_base32(&self.0)
    }

    /// What an app reads, also as a picture.
    pub(crate) fn uri(&self, account: &str) -> String {
        let secret = self.to_base32();
        // Names are of `a` to `z`, digits, `.`, `_`, `-` and `@`.
        let account = account.replace('@', "%40");
        format!(
            "otpauth://totp/Centinel:{account}?secret={secret}&issuer=Centinel&algorithm=SHA1\
             &digits={DIGITS}&period={STEP}"
        )
    }

    /// The step whose code this is: the present one, or one to either side of it, for clocks differ.
    /// Takes the same time for every code.
    pub(crate) fn step_of(&self, code: &str, now: Timestamp) -> Option<i64> {
        let present = now.as_second().div_euclid(STEP);
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let (mut is_found, mut found) = (Choice::from(0), 0_i64);
        for step in [present.saturating_sub(1), present, present.saturating_add(1)] {
            let expected = code_of(&key, step, DIGITS);
            let is_same = expected.as_bytes().ct_eq(code.as_bytes());
            found.conditional_assign(&step, is_same);
            is_found |= is_same;
        }
        bool::from(is_found).then_some(found)
    }

    /// The code of an instant.
    #[cfg(test)]
    pub(crate) fn code_at(&self, now: Timestamp) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        code_of(&key, now.as_second().div_euclid(STEP), DIGITS)
    }
}

impl fmt::Debug for CodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeKey(…)")
    }
}

/// RFC 4226, section 5.3.
fn code_of(key: &hmac::Key, step: i64, digits: u32) -> String {
    let tag = hmac::sign(key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag.last().copied().unwrap_or(0) & 0x0f);
    let four = tag.iter().skip(offset).take(4);
    let number = four.fold(0_u32, |number, &byte| (number << 8) | u32::from(byte)) & 0x7fff_ffff;
    let number = number % 10_u32.saturating_pow(digits);
    let width = usize::try_from(digits).unwrap_or(0);
    format!("{number:0width$}")
}

/// RFC 4648 base 32 without padding.
pub(crate) fn to_base32(bytes: &[u8]) -> String {
    let mut text = String::new();
    let (mut buffer, mut bits) = (0_u32, 0);
    for &byte in bytes {
        buffer = (buffer << 8) | u32::from(byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(letter(buffer >> bits));
        }
        buffer &= (1 << bits) - 1;
    }
    if bits > 0 {
        text.push(letter(buffer << (5 - bits)));
    }
    text
}

fn letter(value: u32) -> char {
    let index = usize::try_from(value & 31).unwrap_or(0);
    char::from(ALPHABET.get(index).copied().unwrap_or(b'A'))
}

fn from_base32(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut buffer, mut bits) = (0_u32, 0);
    for letter in text.bytes() {
        let value = ALPHABET.iter().position(|&known| known == letter)?;
        buffer = (buffer << 5) | u32::try_from(value).ok()?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(buffer >> bits).ok()?);
            buffer &= (1 << bits) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B: all three hashes, eight digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let seed = |length: usize| "1234567890".repeat(7)[..length].to_owned();
        let keys = [
            hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, seed(20).as_bytes()),
            hmac::Key::new(hmac::HMAC_SHA256, seed(32).as_bytes()),
            hmac::Key::new(hmac::HMAC_SHA512, seed(64).as_bytes()),
        ];
        for (seconds, codes) in [
            (59_i64, ["94287082", "46119246", "90693936"]),
            (1_111_111_109, ["07081804", "68084774", "25091201"]),
            (1_111_111_111, ["14050471", "67062674", "99943326"]),
            (1_234_567_890, ["89005924", "91819424", "93441116"]),
            (2_000_000_000, ["69279037", "90698825", "38618901"]),
            (20_000_000_000, ["65353130", "77737706", "47863826"]),
        ] {
            let found: Vec<String> = keys.iter().map(|key| code_of(key, seconds / 30, 8)).collect();
            assert_eq!(found, codes, "{seconds}");
        }
    }

    /// RFC 4648, section 10, without padding: all but the one that reads as a misspelt word.
    #[test]
    fn base_32_is_that_of_the_rfc() {
        for (bytes, text) in [
            ("", ""),
            ("f", "MY"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(to_base32(bytes.as_bytes()), text);
            assert_eq!(from_base32(text).unwrap(), bytes.as_bytes());
        }
        assert_eq!(from_base32("mzxw"), None);
        let key = CodeKey::random().unwrap();
        assert_eq!(CodeKey::from_base32(&key.to_base32()), Some(key));
        assert_eq!(CodeKey::from_base32("MZXW6YTBOI"), None, "too short for a key");
    }

    #[test]
    fn a_code_holds_for_three_steps_and_no_other_text_does() {
        let key = CodeKey(b"12345678901234567890".to_vec());
        let at = |second| Timestamp::from_second(second).unwrap();
        let code = key.code_at(at(59));
        assert_eq!(code, "287082", "the last six of the RFC's eight digits");
        for (second, step) in [(0, Some(1)), (29, Some(1)), (59, Some(1)), (89, Some(1))] {
            assert_eq!(key.step_of(&code, at(second)), step, "{second}");
        }
        for second in [-31, 90, 3_600] {
            assert_eq!(key.step_of(&code, at(second)), None, "{second}");
        }
        for wrong in ["", "28708", "2870822", "287083", " 287082", "２８７０８２"] {
            assert_eq!(key.step_of(wrong, at(59)), None, "{wrong:?}");
        }
        let uri = key.uri("ana@example.com");
        assert_eq!(
            uri,
            "otpauth://totp/Centinel:ana%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Centinel&algorithm=SHA1&digits=6&period=30"
        );
        assert_eq!(format!("{key:?}"), "CodeKey(…)");
    }
}
