//! Codes that people carry from one window to another.

use centinel_engine::facts::sha256_hex;

use crate::ApprovalError;

/// Letters and digits that nobody takes for one another: no `I`, `L`, `O`, `U`. Thirty-two, so that a
/// random byte picks each as often.
const LETTERS: [u8; 32] = *b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Sixteen of them are 80 random bits.
const LENGTH: usize = 16;

/// A code.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LinkCode(String);

impl LinkCode {
    /// A new one.
    pub(super) fn generate() -> Result<Self, ApprovalError> {
        let mut bytes = [0_u8; LENGTH];
        getrandom::fill(&mut bytes).map_err(|error| ApprovalError::Secret(error.to_string()))?;
        let letter =
            |byte: u8| LETTERS.get(usize::from(byte % 32)).map(|&letter| char::from(letter));
        Ok(Self(bytes.into_iter().filter_map(letter).collect()))
    }

    /// One as a person types it: in any case, with or without hyphens.
    pub(super) fn parse(text: &str) -> Option<Self> {
        // Long enough for every way to write one, and too short to keep anybody busy.
        if text.len() > 64 {
            return None;
        }
        let kept = text.chars().filter(|c| !matches!(c, '-' | ' '));
        let code: String = kept
            .map(|c| match c.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            })
            .collect();
        let is_code = code.len() == LENGTH && code.bytes().all(|byte| LETTERS.contains(&byte));
        is_code.then_some(Self(code))
    }

    /// As it is shown: `7K3M-9QXA-PB2C-V0ZT`.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (index, letter) in self.0.chars().enumerate() {
            if index > 0 && index % 4 == 0 {
                text.push('-');
            }
            text.push(letter);
        }
        text
    }

    /// What is kept of it.
    pub(super) fn digest(&self) -> String {
        sha256_hex(format!("link:{}", self.0).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_people_type_them() {
        let code = LinkCode::generate().unwrap();
        let text = code.text();
        assert_eq!(text.len(), 19);
        for typed in [text.clone(), text.to_lowercase(), text.replace('-', " "), format!(" {text}")]
        {
            assert_eq!(LinkCode::parse(&typed).as_ref(), Some(&code), "{typed}");
        }
        assert_ne!(LinkCode::generate().unwrap(), code);
        let of = |text| LinkCode::parse(text).unwrap().text();
        assert_eq!(of("oiL1-2222-3333-4444"), "0111-2222-3333-4444");
        for wrong in
            ["", "1111-2222-3333", "1111-2222-3333-444U", "1111222233334444é", &"1".repeat(99)]
        {
            assert_eq!(LinkCode::parse(wrong), None, "{wrong:?}");
        }
    }
}
