//! What a person proves themselves with.

use std::fmt;

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher as _, PasswordVerifier as _, Version,
    password_hash::SaltString,
};

use crate::ApprovalError;

/// One proof of being a person: a password now, a second factor later.
pub trait Factor: Send + 'static {
    /// Under which name the account keeps its counterpart.
    fn name(&self) -> &'static str;

    /// Whether this is what `kept` was made from. May take long.
    fn is_match(&self, kept: &str) -> bool;

    /// A counterpart that nothing matches, and that takes as long to compare.
    fn decoy(&self) -> &'static str;
}

/// A password in the clear, for as short as possible. Never printed.
pub struct Password(String);

impl Password {
    /// Takes a password as typed.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Its argon2id hash in PHC form, with a fresh salt of 16 bytes.
    pub(crate) fn hash(&self) -> Result<String, ApprovalError> {
        let length = self.0.chars().count();
        if !(ApprovalError::PASSWORD_MIN..=ApprovalError::PASSWORD_MAX).contains(&length) {
            return Err(ApprovalError::WeakPassword);
        }
        let secret = |error: &dyn fmt::Display| ApprovalError::Secret(error.to_string());
        let mut salt = [0_u8; 16];
        getrandom::fill(&mut salt).map_err(|error| secret(&error))?;
        let salt = SaltString::encode_b64(&salt).map_err(|error| secret(&error))?;
        let hash = hasher()?.hash_password(self.0.as_bytes(), &salt);
        Ok(hash.map_err(|error| secret(&error))?.to_string())
    }
}

impl Factor for Password {
    fn name(&self) -> &'static str {
        "password"
    }

    fn is_match(&self, kept: &str) -> bool {
        // A longer one was never accepted, and would only cost time.
        self.0.chars().count() <= ApprovalError::PASSWORD_MAX
            && PasswordHash::new(kept).is_ok_and(|kept| {
                Argon2::default().verify_password(self.0.as_bytes(), &kept).is_ok()
            })
    }

    fn decoy(&self) -> &'static str {
        "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
         AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Argon2id with 19 MiB, 2 passes, 1 lane.
///
/// # Source
///
/// OWASP Password Storage Cheat Sheet: the first of its minimum configurations that needs less than
/// 46 MiB.
fn hasher() -> Result<Argon2<'static>, ApprovalError> {
    let params = Params::new(19_456, 2, 1, None)
        .map_err(|error| ApprovalError::Secret(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_salted_state_their_parameters_and_match() {
        let password = Password::new("correct horse battery");
        let (one, two) = (password.hash().unwrap(), password.hash().unwrap());
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(one, two);
        assert!(password.is_match(&one));
        assert!(!Password::new("correct horse batterY").is_match(&one));
        assert!(!password.is_match(password.decoy()));
        assert!(PasswordHash::new(password.decoy()).is_ok(), "as slow as a real one");
        assert!(!password.is_match("") && !password.is_match("plain"));
        assert_eq!(format!("{password:?}"), "Password(…)");
    }

    #[test]
    fn short_and_endless_passwords_are_refused() {
        for text in ["", "elevenchars", &"x".repeat(513)] {
            assert!(matches!(Password::new(text).hash(), Err(ApprovalError::WeakPassword)));
        }
    }
}
