//! Access tokens of the company's identity provider.
//!
//! # Source
//!
//! MCP 2026-07-28 and 2025-11-25, "Authorization"; RFC 9728; RFC 8707; RFC 9068.

use std::collections::BTreeMap;

use anyhow::Context as _;
use centinel_app::{
    App, ApprovalError, McpConfig, ResourceAddress, TokenTypeConfig,
    oidc::{AccessTokens, Bearer, OidcError, Providers},
};
use centinel_mcp::{Challenge, Principal, ProtectedResource, Turned};
use jiff::Timestamp;

use crate::text::printable;

/// Whose access tokens count, and for what.
#[derive(Debug)]
pub(super) struct OAuth {
    providers: Providers,
    provider: String,
    resource: ResourceAddress,
    documentation: Option<String>,
    accepted: AccessTokens,
    read_scope: String,
    propose_scope: String,
    /// Names of service tokens, by subject.
    agents: BTreeMap<String, String>,
    challenge: Challenge,
}

impl OAuth {
    /// As it was configured; `None` where no provider is. `page` is where people reach the server.
    pub(super) fn of(
        config: &McpConfig,
        page: &str,
        providers: Providers,
    ) -> anyhow::Result<Option<Self>> {
        let Some(provider) = config.identity_provider.clone() else { return Ok(None) };
        let issued_by = providers.named(&provider)?;
        let default = || ResourceAddress::try_from(format!("{}/mcp", page.trim_end_matches('/')));
        let resource = config.resource.clone().map_or_else(default, Ok);
        let resource = resource.map_err(anyhow::Error::msg)?;
        let audience = config.audience.clone().unwrap_or_else(|| resource.as_str().to_owned());
        let are_marked = config.token_type == TokenTypeConfig::Marked;
        anyhow::ensure!(
            are_marked || audience != issued_by.client_id(),
            "the audience is the `client_id` of the sign-in, whose tokens are not told apart"
        );
        let metadata = ProtectedResource::address(resource.origin(), resource.path());
        let asked_for = |scope: &str| format!("{}{scope}", config.scope_prefix);
        let (read, propose) = (asked_for(&config.read_scope), asked_for(&config.propose_scope));
        let challenge = Challenge::new(&metadata, &read, &propose);
        let agents = config.agents.iter().map(|one| (one.subject.clone(), one.token.clone()));
        Ok(Some(Self {
            challenge: challenge.context("a scope holds what cannot stand in a header")?,
            accepted: AccessTokens { audience, are_marked },
            documentation: config.documentation.as_ref().map(|at| at.as_str().to_owned()),
            read_scope: config.read_scope.clone(),
            propose_scope: config.propose_scope.clone(),
            agents: agents.collect(),
            resource,
            provider,
            providers,
        }))
    }

    pub(super) fn challenge(&self) -> &Challenge {
        &self.challenge
    }

    /// What says who gives tokens, and the path of the resource.
    pub(super) fn metadata(&self, read_only: bool) -> (ProtectedResource, String) {
        let issuer = self.providers.named(&self.provider).map(|one| one.issuer().to_owned());
        let proposes = (!read_only).then(|| self.challenge.propose_scope().to_owned());
        let read = self.challenge.read_scope().to_owned();
        let document = ProtectedResource {
            resource: self.resource.as_str().to_owned(),
            authorization_servers: issuer.into_iter().collect(),
            scopes_supported: std::iter::once(read).chain(proposes).collect(),
            bearer_methods_supported: ["header"],
            resource_name: "Centinel".to_owned(),
            resource_documentation: self.documentation.clone(),
        };
        (document, self.resource.path().to_owned())
    }

    /// Whom a token stands for: a program of a person, a program with a service token's rights, or nobody.
    pub(super) async fn principal(
        &self,
        app: &App,
        token: &str,
        now: Timestamp,
    ) -> Result<Principal, Turned> {
        let approvals = app.approvals();
        let provider = self.providers.named(&self.provider).map_err(refused)?;
        let bearer =
            approvals.bearer(provider, token, &self.accepted, now).await.map_err(refused)?;
        let principal = match (&bearer.person, self.agents.get(&bearer.subject)) {
            (Some(person), None) => Principal::on_behalf_of(person),
            (None, Some(name)) => {
                let held = approvals.token_named(name, now).await.map_err(|error| match error {
                    ApprovalError::WrongToken => Turned::Unknown(format!(
                        "the service token `{}` that this program works with is unknown, was \
                         revoked, or is over",
                        printable(name)
                    )),
                    error => refused(error.into()),
                })?;
                Principal::token(&held.name)
            }
            (None, None) => return Err(unknown(bearer)),
            // Less than either of them could mean is not known, so it means nothing.
            (Some(_), Some(_)) => {
                let reason =
                    "the token is of somebody who is a person here and a program in `[mcp]`";
                return Err(Turned::Unknown(reason.to_owned()));
            }
        };
        tracing::debug!(%principal, client = ?bearer.client, "an access token was taken");
        if !bearer.scopes.contains(&self.read_scope) {
            return Err(Turned::MissingScope(self.challenge.read_scope().to_owned()));
        }
        let proposes = bearer.scopes.contains(&self.propose_scope);
        Ok(if proposes { principal } else { principal.reading_only() })
    }
}

fn unknown(bearer: Bearer) -> Turned {
    let Some(account) = bearer.account else {
        return Turned::Unknown("the token's subject can be linked to nobody here".to_owned());
    };
    let error = OidcError::NotLinked(account);
    let hint = error.hint().map(|hint| format!(": {hint}")).unwrap_or_default();
    Turned::Unknown(printable(&format!("{error}{hint}")))
}

/// Why a token is not taken. What it holds is not logged.
fn refused(error: OidcError) -> Turned {
    if error.is_failure() {
        let error = printable(&centinel_app::in_one_line(&error.into()));
        tracing::error!(%error, "an access token could not be checked");
        return Turned::Unanswered;
    }
    tracing::warn!(%error, "an access token was refused");
    Turned::WrongToken(printable(&error.to_string()))
}
