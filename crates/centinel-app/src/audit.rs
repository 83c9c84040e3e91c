//! The home's key of the audit log: where it is kept, how a log gets one, how it is replaced.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use centinel_store::audit::{
    self, AuditEntry, AuditKey, EntryFilter, KeyError, PublishedHead, Signer,
};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::{App, AppError, live::CredentialRef};

/// File of the private key in a new home.
pub(crate) const KEY_FILE: &str = "audit.key";
/// File of the last head that the home signed.
const HEAD_FILE: &str = "audit.head";
/// What a key that is about to replace another one is called until it has.
const NEXT: &str = "next";

/// `[audit]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditConfig {
    /// Where the private key is that signs what decides: a file relative to the home, or a variable.
    pub key: CredentialRef,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self { key: CredentialRef::File(KEY_FILE.into()) }
    }
}

impl App {
    /// Finds the audit log's key and makes it sign. A log without a key gets one: the configured one,
    /// or a new file where the configuration names a file that is not there. A process that may not
    /// read the key goes on without: it can read and propose, and nothing that it writes decides.
    ///
    /// # Errors
    ///
    /// [`AppError::Credential`] when there is something else in the key's place; store errors.
    pub async fn use_audit_key(
        &self,
        variable: fn(&str) -> Option<String>,
        now: Timestamp,
    ) -> Result<(), AppError> {
        let database = self.database();
        let mut held = self.audit_key(variable)?.map(Arc::new);
        // Also where the log has another key: this one then signs nothing, and `audit verify` tells.
        database.sign_with(held.clone());
        let in_force = audit::keys(database).await?.pop().map(|key| key.key);
        if let (None, None, Some(path)) = (&held, &in_force, self.audit_key_file()) {
            create_key(&path)?;
            held = self.audit_key(variable)?.map(Arc::new);
            database.sign_with(held.clone());
        }
        let Some(signer) = held else { return Ok(()) };
        let id = signer.key().public().id();
        match in_force {
            None => audit::announce_key(database, signer, None, now).await?,
            Some(in_force) if in_force == id => {}
            Some(in_force) => match self.replaced_key(&in_force)? {
                Some(next) => database.sign_with(Some(Arc::new(next))),
                None => return Ok(()),
            },
        }
        Ok(audit::sign_pending(database).await?)
    }

    /// Where the audit log ends, signed where this process holds the key: one word to be pasted where
    /// the database's administrator cannot reach, such as pull requests and messages.
    ///
    /// # Errors
    ///
    /// [`AppError::Store`], also when the log is not the one that this home has signed.
    pub async fn published_head(&self) -> Result<PublishedHead, AppError> {
        Ok(audit::published_head(self.database()).await?)
    }

    /// Replaces the key by a new one, which the old one announces; returns the new one's id. The old
    /// private key is gone afterwards.
    ///
    /// # Errors
    ///
    /// [`AppError::Credential`] when the key is not in a file, or is not the one in force.
    pub async fn rotate_audit_key(&self, now: Timestamp) -> Result<String, AppError> {
        let failed = |reason: &str| self.key_error(reason.to_owned());
        let path = self.audit_key_file().ok_or_else(|| {
            failed("only a key in a file is replaced; name one under `[audit] key`")
        })?;
        let old = self.database().signer().ok_or_else(|| failed("this process holds no key"))?;
        let next = path.with_extension(NEXT);
        match fs::remove_file(&next) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(AppError::Home { path: next, source: error });
            }
            _ => {}
        }
        create_key(&next)?;
        let Some(signer) = self.read_key(&next)? else {
            return Err(failed("the new key cannot be read"));
        };
        let id = signer.key().public().id().to_string();
        audit::announce_key(self.database(), Arc::new(signer), Some(old.key()), now).await?;
        // Should this fail, the next start finds the announced key beside the old one.
        fs::rename(&next, &path).map_err(|source| AppError::Home { path, source })?;
        Ok(id)
    }

    /// The configured key; `None` where there is none, or none that this process may read.
    fn audit_key(&self, variable: fn(&str) -> Option<String>) -> Result<Option<Signer>, AppError> {
        match &self.config().audit.key {
            CredentialRef::File(path) => self.read_key(&self.home().join(path)),
            CredentialRef::Variable(name) => match variable(name) {
                Some(text) => self.signer(&SecretString::from(text)).map(Some),
                None => Ok(None),
            },
        }
    }

    /// A new key whose announcement was written, and which did not take the old one's place any more.
    fn replaced_key(&self, in_force: &audit::KeyId) -> Result<Option<Signer>, AppError> {
        let Some(path) = self.audit_key_file() else { return Ok(None) };
        let next = path.with_extension(NEXT);
        let signer = self.read_key(&next)?;
        let Some(signer) = signer.filter(|signer| signer.key().public().id() == *in_force) else {
            return Ok(None);
        };
        fs::rename(&next, &path).map_err(|source| AppError::Home { path, source })?;
        Ok(Some(signer))
    }

    /// What the audit log holds about a subject (`P-7`, `person:ana`), or about everything, in order.
    ///
    /// # Errors
    ///
    /// Store errors, also for an entry that is not as it was written.
    pub async fn log_about(&self, subject: Option<&str>) -> Result<Vec<AuditEntry>, AppError> {
        let filter = EntryFilter { subject: subject.map(str::to_owned), ..EntryFilter::default() };
        let mut entries: Vec<AuditEntry> = Vec::new();
        loop {
            let after = entries.last().map_or(0, |entry| entry.sequence);
            let page = audit::filtered_after(self.database(), after, &filter).await?;
            if page.is_empty() {
                return Ok(entries);
            }
            entries.extend(page);
        }
    }

    fn audit_key_file(&self) -> Option<PathBuf> {
        match &self.config().audit.key {
            CredentialRef::File(path) => Some(self.home().join(path)),
            CredentialRef::Variable(_) => None,
        }
    }

    fn read_key(&self, path: &Path) -> Result<Option<Signer>, AppError> {
        match fs::read_to_string(path) {
            Ok(text) => self.signer(&SecretString::from(text)).map(Some),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied
                ) =>
            {
                Ok(None)
            }
            Err(source) => Err(AppError::Home { path: path.to_owned(), source }),
        }
    }

    fn signer(&self, pem: &SecretString) -> Result<Signer, AppError> {
        let key = AuditKey::from_pem(pem).map_err(|error| self.key_error(error.to_string()))?;
        Ok(Signer::new(key, Some(self.home().join(HEAD_FILE)))?)
    }

    fn key_error(&self, reason: String) -> AppError {
        AppError::Credential { reference: self.config().audit.key.to_string(), reason }
    }
}

/// Writes a new key to a file that only its owner can read. A file that is there already stays.
pub(crate) fn create_key(path: &Path) -> Result<(), AppError> {
    let failed = |source| AppError::Home { path: path.to_owned(), source };
    let (_, pem) = AuditKey::generate().map_err(|error: KeyError| AppError::Credential {
        reference: format!("file:{}", path.display()),
        reason: error.to_string(),
    })?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(mut file) => {
            file.write_all(pem.expose_secret().as_bytes()).map_err(failed)?;
            file.sync_all().map_err(failed)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed(error)),
    }
}
