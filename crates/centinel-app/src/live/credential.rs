//! Where a credential is kept. The configuration names the place, never the credential.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use secrecy::SecretString;
use serde::{Deserialize, Deserializer, de};

use crate::AppError;

/// `env:NAME` or `file:PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialRef {
    /// An environment variable.
    Variable(String),
    /// A file that holds nothing else; relative to the home.
    File(PathBuf),
}

/// A text that names no place; it is not repeated, since it may be the credential itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a credential is named as `env:NAME` or `file:PATH`, and never stated itself")]
pub struct NoReference;

impl FromStr for CredentialRef {
    type Err = NoReference;

    fn from_str(text: &str) -> Result<Self, NoReference> {
        let is_name = |name: &str| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        match text.split_once(':') {
            Some(("env", name)) if is_name(name) => Ok(Self::Variable(name.to_owned())),
            Some(("file", path)) if !path.trim().is_empty() => Ok(Self::File(path.into())),
            _ => Err(NoReference),
        }
    }
}

impl fmt::Display for CredentialRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl<'de> Deserialize<'de> for CredentialRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl CredentialRef {
    /// Reads the credential.
    ///
    /// # Errors
    ///
    /// [`AppError::Credential`] when there is none in that place.
    pub(crate) fn read(
        &self,
        home: &Path,
        variable: fn(&str) -> Option<String>,
    ) -> Result<SecretString, AppError> {
        let failed = |reason: String| AppError::Credential { reference: self.to_string(), reason };
        let text = match self {
            Self::Variable(name) => {
                variable(name).ok_or_else(|| failed("the variable is not set".to_owned()))?
            }
            Self::File(path) => std::fs::read_to_string(home.join(path))
                .map_err(|error| failed(error.to_string().to_lowercase()))?,
        };
        if text.trim().is_empty() {
            return Err(failed("there is nothing in it".to_owned()));
        }
        Ok(SecretString::from(text.trim()))
    }

    /// Whether others on this machine can read the place; `None` where that cannot be told.
    pub(crate) fn is_open_to_others(&self, home: &Path) -> Option<bool> {
        let Self::File(path) = self else { return None };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(home.join(path)).ok()?.permissions().mode();
            Some(mode & 0o077 != 0)
        }
        #[cfg(not(unix))]
        {
            let _ = (path, home);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_place_is_named_and_a_credential_is_not_repeated() {
        for text in ["env:OPENAI_ADMIN_KEY", "file:secrets/openai", "file:/run/secrets/key"] {
            assert_eq!(text.parse::<CredentialRef>().unwrap().to_string(), text);
        }
        for text in ["sk-admin-hunter2", "env:", "env:a b", "file: ", "", "vault:x"] {
            let error = text.parse::<CredentialRef>().unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_credential_is_read_where_it_is() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("key"), "hunter2\n").unwrap();
        std::fs::write(home.path().join("empty"), "\n").unwrap();
        let variable = |name: &str| (name == "KEY").then(|| "hunter2".to_owned());
        for (reference, expected) in [
            ("env:KEY", Ok("hunter2")),
            ("file:key", Ok("hunter2")),
            ("env:OTHER", Err("`env:OTHER`: the variable is not set")),
            ("file:empty", Err("nothing in it")),
            ("file:none", Err("no such file")),
        ] {
            let read = reference.parse::<CredentialRef>().unwrap().read(home.path(), variable);
            match (read, expected) {
                (Ok(secret), Ok(expected)) => assert_eq!(secret.expose_secret(), expected),
                (Err(error), Err(expected)) => {
                    assert!(error.to_string().contains(expected), "{error}");
                }
                (read, expected) => panic!("{reference}: {read:?}, not {expected:?}"),
            }
        }
    }
}
