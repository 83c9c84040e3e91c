//! Webhooks of forges: a reason to look, and nothing more.
//!
//! Who merged or closed what is read from the forge's API with our own credential, never from a request
//! that came in: a webhook that is forged, replayed or late makes us look once more.

use std::sync::Arc;

use centinel_approvals::signature::{self, SignatureError};
use secrecy::SecretString;
use serde::Deserialize;
use tokio::sync::Notify;

use super::ForgeKind;
use crate::{App, AppError, live::Outside};

/// Takes webhooks of the repositories that have a secret for them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ForgeHooks {
    app: App,
    all: Arc<[Hook]>,
    look: Arc<Notify>,
}

#[derive(Debug)]
struct Hook {
    name: String,
    project: String,
    kind: ForgeKind,
    secret: SecretString,
}

/// Why a webhook was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ForgeHookError {
    /// No repository of this forge has a secret for webhooks.
    #[error("no repository has a `webhook_secret` for this forge")]
    NotConfigured,
    /// Nobody who knows a secret sent it.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// What it is about cannot be told.
    #[error("the body names no repository that this secret is of")]
    OtherRepository,
    /// It could not be noted.
    #[error(transparent)]
    Store(#[from] AppError),
}

/// The part of a webhook's body that is read: which repository it is of.
#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    repository: Option<Named>,
    #[serde(default)]
    project: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    full_name: Option<String>,
    #[serde(default)]
    path_with_namespace: Option<String>,
}

impl App {
    /// Webhooks of the configured repositories; `None` when none has a secret for them.
    ///
    /// # Errors
    ///
    /// [`AppError::Credential`] when a secret is not where it is configured to be.
    pub fn forge_hooks(&self, outside: &Outside) -> Result<Option<ForgeHooks>, AppError> {
        let mut all = Vec::new();
        for config in &self.config.repositories {
            let (Some(reference), Some(kind)) = (&config.webhook_secret, config.forge) else {
                continue;
            };
            all.push(Hook {
                name: config.name.clone(),
                project: config.project().unwrap_or_default(),
                kind,
                secret: reference.read(&self.home, outside.variable)?,
            });
        }
        let hooks =
            ForgeHooks { app: self.clone(), all: all.into(), look: Arc::new(Notify::new()) };
        Ok((!hooks.all.is_empty()).then_some(hooks))
    }
}

impl ForgeHooks {
    /// Takes a webhook: `proof` is GitHub's `X-Hub-Signature-256`, or GitLab's `X-Gitlab-Token`. What is
    /// open in its repository is looked at next.
    ///
    /// # Errors
    ///
    /// [`ForgeHookError`].
    pub async fn take(
        &self,
        kind: ForgeKind,
        proof: Option<&str>,
        body: &[u8],
    ) -> Result<(), ForgeHookError> {
        let mut refused = ForgeHookError::NotConfigured;
        for hook in self.all.iter().filter(|hook| hook.kind == kind) {
            let signed = match kind {
                ForgeKind::Github => signature::github(&hook.secret, proof, body),
                ForgeKind::Gitlab => signature::gitlab(&hook.secret, proof),
            };
            match signed {
                Ok(()) if is_of(body, &hook.project) => {
                    self.app.look_again(Some(&hook.name)).await?;
                    self.look.notify_one();
                    return Ok(());
                }
                Ok(()) => refused = ForgeHookError::OtherRepository,
                Err(error) if matches!(refused, ForgeHookError::NotConfigured) => {
                    refused = error.into();
                }
                Err(_) => {}
            }
        }
        tracing::warn!(error = %refused, "a webhook was refused");
        Err(refused)
    }

    /// Waits until a webhook came.
    pub async fn came(&self) {
        self.look.notified().await;
    }
}

/// Whether a body names a repository; forges know names without case.
fn is_of(body: &[u8], project: &str) -> bool {
    let Ok(body) = serde_json::from_slice::<Body>(body) else { return false };
    let names = [body.repository, body.project].into_iter().flatten();
    let mut names = names.flat_map(|named| [named.full_name, named.path_with_namespace]).flatten();
    names.any(|name| name.eq_ignore_ascii_case(project))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_names_its_repository() {
        for (body, expected) in [
            (r#"{"repository": {"full_name": "Org/Shop"}, "action": "closed"}"#, true),
            (r#"{"project": {"path_with_namespace": "org/shop"}, "repository": {}}"#, true),
            (r#"{"repository": {"full_name": "org/other"}}"#, false),
            (r#"{"zen": "Design for failure."}"#, false),
            ("payload=%7B%7D", false),
        ] {
            assert_eq!(is_of(body.as_bytes(), "org/shop"), expected, "{body}");
        }
    }
}
