//! The second factor: codes of an app, and recovery codes for when it is lost.

use std::fmt;

use centinel_engine::{facts::sha256_hex, proposal::Principal};
use centinel_store::{Journal, people, sessions};
use jiff::Timestamp;

use crate::{
    ApprovalError, Approvals, Proof,
    sign_in::Recognised,
    totp::{CodeKey, to_base32},
};

/// Under which name an account keeps the key of its codes.
pub(crate) const CODES: &str = "totp";
/// How many recovery codes there are, and of how many bytes each.
const RECOVERY_CODES: usize = 10;
const RECOVERY_BYTES: usize = 10;

/// A code as typed: six digits of an app, or a recovery code. Never printed.
pub struct Code(String);

impl Code {
    /// Takes a code as typed; spaces and hyphens do not matter.
    pub fn new(text: &str) -> Self {
        let letters = text.chars().filter(|c| !c.is_whitespace() && *c != '-');
        Self(letters.take(64).map(|c| c.to_ascii_uppercase()).collect())
    }

    fn is_recovery(&self) -> bool {
        self.0.len() == RECOVERY_BYTES * 8 / 5
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(…)")
    }
}

/// A second factor that is being set up: nothing is kept before a first code proves that the app has it.
pub struct Enrolment {
    key: CodeKey,
    /// What an authenticator app reads, as text or as a picture of it.
    pub uri: String,
    /// The key, to be typed where no picture can be read.
    pub secret: String,
}

impl fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Enrolment(…)")
    }
}

impl Approvals {
    /// Whether an account has a second factor.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::Store`].
    pub async fn has_second_factor(&self, name: &str) -> Result<bool, ApprovalError> {
        Ok(people::credential(&self.database, name, CODES).await?.is_some())
    }

    /// A key for an account's app. Kept nowhere until [`Self::confirm_second_factor`].
    ///
    /// # Errors
    ///
    /// [`ApprovalError::Secret`].
    pub fn begin_second_factor(&self, name: &str) -> Result<Enrolment, ApprovalError> {
        let key = CodeKey::random()?;
        Ok(Enrolment { uri: key.uri(name), secret: key.to_base32(), key })
    }

    /// The set-up of a key that was drawn before, from the text of it that its person was shown: a page
    /// keeps nothing between showing a key and taking its first code.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::WrongCode`] for what is no key.
    pub fn resume_second_factor(
        &self,
        name: &str,
        secret: &str,
    ) -> Result<Enrolment, ApprovalError> {
        let key = CodeKey::from_base32(secret).ok_or(ApprovalError::WrongCode)?;
        Ok(Enrolment { uri: key.uri(name), secret: key.to_base32(), key })
    }

    /// Sets up one's own second factor, in place of the one that there may be, and returns fresh
    /// recovery codes, which are not kept. `first` is what the app shows.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::WrongCode`]; as [`Self::authenticate`].
    pub async fn confirm_second_factor(
        &self,
        name: &str,
        proof: impl Into<Proof>,
        enrolment: &Enrolment,
        first: &Code,
        now: Timestamp,
    ) -> Result<Vec<String>, ApprovalError> {
        let Some(step) = enrolment.key.step_of(&first.0, now) else {
            return Err(ApprovalError::WrongCode);
        };
        let recognised = self.recognise(name, proof.into(), now).await?;
        let Recognised { mut journal, actor, .. } = recognised;
        // What proved the set-up proves nothing else.
        sessions::use_code(&mut journal, name, step).await?;
        let key = enrolment.key.to_base32();
        people::set_credential(&mut journal, &actor, name, CODES, &key, now).await?;
        let codes = recovery_codes()?;
        let kept = kept(&codes);
        people::set_credential(&mut journal, &actor, name, people::RECOVERY, &kept, now).await?;
        journal.commit().await?;
        Ok(codes)
    }

    /// Takes a lost second factor away, as an admin. Every session of the account ends.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::NotAnAdmin`], [`ApprovalError::NoAccount`].
    pub async fn reset_second_factor(
        &self,
        admin: &str,
        proof: impl Into<Proof>,
        name: &str,
        now: Timestamp,
    ) -> Result<(), ApprovalError> {
        let (mut journal, actor, directory) =
            self.recognise_admin(admin, proof.into(), now).await?;
        if directory.get(name).is_none() {
            return Err(ApprovalError::NoAccount(name.to_owned()));
        }
        for factor in [CODES, people::RECOVERY] {
            people::set_credential(&mut journal, &actor, name, factor, "", now).await?;
        }
        journal.commit().await?;
        Ok(())
    }

    /// Whether a code is right and was never used; a recovery code is spent by it.
    pub(crate) async fn spend_code(
        &self,
        journal: &mut Journal,
        name: &str,
        key: &str,
        code: &Code,
        now: Timestamp,
    ) -> Result<bool, ApprovalError> {
        if !code.is_recovery() {
            let key = CodeKey::from_base32(key);
            return match key.and_then(|key| key.step_of(&code.0, now)) {
                Some(step) => Ok(sessions::use_code(journal, name, step).await?),
                None => Ok(false),
            };
        }
        let left = people::credential_locked(journal, name, people::RECOVERY).await?;
        let left = left.unwrap_or_default();
        // A digest of 80 random bits: what comparing it takes tells nothing.
        let spent = sha256_hex(code.0.as_bytes());
        let others: Vec<&str> = left.split(',').filter(|kept| *kept != spent).collect();
        if others.len() == left.split(',').count() {
            return Ok(false);
        }
        let actor = Principal::person(name);
        let others = others.join(",");
        people::set_credential(journal, &actor, name, people::RECOVERY, &others, now).await?;
        Ok(true)
    }
}

/// `ABCD-EFGH-IJKL-MNOP`, of 80 random bits each.
fn recovery_codes() -> Result<Vec<String>, ApprovalError> {
    let code = |_| {
        let mut bytes = [0_u8; RECOVERY_BYTES];
        getrandom::fill(&mut bytes).map_err(|error| ApprovalError::Secret(error.to_string()))?;
        let letters: Vec<char> = to_base32(&bytes).chars().collect();
        Ok(letters.chunks(4).map(String::from_iter).collect::<Vec<_>>().join("-"))
    };
    (0..RECOVERY_CODES).map(code).collect()
}

/// Digests of codes, as the store keeps them.
fn kept(codes: &[String]) -> String {
    let digests = codes.iter().map(|code| sha256_hex(Code::new(code).0.as_bytes()));
    digests.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_people_type_them() {
        for (typed, read) in [
            ("287 082", "287082"),
            (" 287082\n", "287082"),
            ("abcd-efgh-ijkl-mnop", "ABCDEFGHIJKLMNOP"),
            ("ABCD EFGH IJKL MNOP", "ABCDEFGHIJKLMNOP"),
        ] {
            assert_eq!(Code::new(typed).0, read);
        }
        assert!(Code::new(&"9".repeat(9_999)).0.len() <= 64);
        assert_eq!(format!("{:?}", Code::new("287082")), "Code(…)");
    }

    #[test]
    fn recovery_codes_differ_and_are_kept_by_digest() {
        let codes = recovery_codes().unwrap();
        assert_eq!(codes.len(), RECOVERY_CODES);
        assert!(codes.iter().all(|code| code.len() == 19 && Code::new(code).is_recovery()));
        let distinct: std::collections::BTreeSet<_> = codes.iter().collect();
        assert_eq!(distinct.len(), RECOVERY_CODES);
        let kept = kept(&codes);
        assert!(codes.iter().all(|code| !kept.contains(code.as_str())));
        assert_eq!(kept.split(',').count(), RECOVERY_CODES);
    }
}
