//! Who comes in over `/mcp`: whoever holds the home, service tokens, and programs with an access token of
//! the company's identity provider.
//!
//! INVARIANT: nothing that is shown here decides anything. A token is an agent's, also where a person let
//! the agent in; people decide with a proof of their own, elsewhere.

mod limits;
mod local_token;
mod oauth;
mod peer;
mod proc_net;
#[cfg(test)]
mod tests;

use anyhow::Context as _;
use axum::{
    extract::ConnectInfo,
    http::{HeaderMap, request::Parts},
};
use centinel_app::{App, ApprovalError, oidc::Providers};
use centinel_mcp::{
    AccessToken, Admission, Asked, Challenge, Gatekeeper, HttpOptions, Principal,
    ProtectedResource, Turned,
};
use centinel_store::StoreError;
use centinel_web::{Refusals, Why};
use jiff::Timestamp;

use self::{limits::Limits, oauth::OAuth};
pub(crate) use self::{local_token::of_home as local_token, peer::Peer};

/// What something in front of the server adds to requests that it hands on: then the connection says
/// nothing of who sends them.
const FORWARDED: [&str; 6] =
    ["forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip"];

/// Decides who comes in.
#[derive(Debug)]
pub(crate) struct McpGate {
    app: App,
    clock: fn() -> Timestamp,
    refusals: Refusals,
    /// The token of whoever holds the home; `None` where everybody is to sign in.
    local: Option<AccessToken>,
    /// Whether a process of the same user may come in without a token.
    is_open: bool,
    oauth: Option<OAuth>,
    limits: Limits,
}

impl McpGate {
    /// The gate of a home. `page` is where people reach it: `http://localhost:8787`.
    pub(crate) fn new(
        app: &App,
        page: &str,
        clock: fn() -> Timestamp,
        providers: Providers,
        refusals: &Refusals,
        local: Option<AccessToken>,
    ) -> anyhow::Result<Self> {
        let config = app.config();
        let names = other_names(app);
        // Behind another name something hands requests on, and its own connection is all that is seen.
        let is_open = !config.access.sign_in && names.iter().all(|(_, host)| is_loopback(host));
        Ok(Self {
            oauth: OAuth::of(&config.mcp, page, providers).context("reading `[mcp]`")?,
            limits: Limits::new(config.mcp.requests_per_minute),
            local: local.filter(|_| !config.access.sign_in),
            is_open,
            app: app.clone(),
            clock,
            refusals: refusals.clone(),
        })
    }

    /// Under which names the server answers: this machine's own, and those that were configured.
    pub(crate) fn http_options(&self) -> HttpOptions {
        other_names(&self.app)
            .iter()
            .fold(HttpOptions::loopback(Vec::new()), |options, (scheme, host)| {
                options.also_at(scheme, host)
            })
    }

    /// What says who gives tokens, and under which path of the resource; `None` where nobody does.
    pub(crate) fn metadata(&self, read_only: bool) -> Option<(ProtectedResource, String)> {
        self.oauth.as_ref().map(|oauth| oauth.metadata(read_only))
    }

    async fn admitted(&self, token: &str) -> Result<Admission, Turned> {
        if self.local.as_ref().is_some_and(|local| local.is_of(token)) {
            return Ok(Admission::Home);
        }
        let now = (self.clock)();
        let principal = match &self.oauth {
            // A service token has no dot in it, a signed one has two.
            Some(oauth) if token.contains('.') => oauth.principal(&self.app, token, now).await?,
            _ => self.service_token(token, now).await?,
        };
        self.limits.take(principal.as_str(), now).map_err(Turned::TooMany)?;
        Ok(Admission::As(principal))
    }

    async fn service_token(&self, token: &str, now: Timestamp) -> Result<Principal, Turned> {
        match self.app.approvals().token(token, now).await {
            Ok(token) => Ok(Principal::token(&token.name)),
            Err(ApprovalError::Store(error @ StoreError::Database(_))) => {
                tracing::error!(%error, "a service token could not be looked up");
                Err(Turned::Unanswered)
            }
            Err(error) => {
                tracing::warn!(%error, "a service token was refused");
                Err(Turned::WrongToken(ApprovalError::WrongToken.to_string()))
            }
        }
    }
}

impl Gatekeeper for McpGate {
    fn token<'a>(&'a self, token: &'a str) -> Asked<'a> {
        Box::pin(self.admitted(token))
    }

    fn nothing<'a>(&'a self, request: &'a Parts) -> Asked<'a> {
        let is_own_user = || {
            let peer = request.extensions.get::<ConnectInfo<Peer>>();
            peer.is_some_and(|ConnectInfo(peer)| peer.is_own_user())
        };
        let is_let_in = self.is_open && !is_handed_on(&request.headers) && is_own_user();
        let admission = if is_let_in { Ok(Admission::Home) } else { Err(Turned::NoToken) };
        Box::pin(std::future::ready(admission))
    }

    fn challenge(&self) -> Option<&Challenge> {
        self.oauth.as_ref().map(OAuth::challenge)
    }

    fn turned_away(&self, why: &Turned) {
        let why = match why {
            Turned::NoToken => Why::NoToken,
            Turned::WrongToken(_) => Why::WrongToken,
            Turned::MissingScope(_) => Why::MissingScope,
            Turned::Unknown(_) => Why::NotLinked,
            Turned::TooMany(_) => Why::TooMany,
            // Nobody was refused: nobody could be asked.
            Turned::Unanswered => return,
        };
        self.refusals.count(why);
    }
}

/// Names beside this machine's own, each with its scheme.
fn other_names(app: &App) -> Vec<(String, String)> {
    let config = app.config();
    let page = config.access.address.as_ref().map(|address| {
        let scheme = if address.is_https() { "https" } else { "http" };
        (scheme.to_owned(), address.host().to_owned())
    });
    let resource = config.mcp.resource.as_ref().and_then(|resource| {
        let (scheme, host) = resource.origin().split_once("://")?;
        Some((scheme.to_owned(), host.to_ascii_lowercase()))
    });
    let mut names: Vec<_> = page.into_iter().chain(resource).collect();
    names.dedup();
    names
}

/// Whether a host, with or without a port, is this machine alone.
fn is_loopback(host: &str) -> bool {
    let is_port = |rest: &str| {
        rest.is_empty() || rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
    };
    ["localhost", "127.0.0.1", "[::1]"]
        .iter()
        .any(|name| host.strip_prefix(name).is_some_and(is_port))
}

fn is_handed_on(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| {
        let name = name.as_str();
        name.starts_with("x-forwarded-") || FORWARDED.contains(&name)
    })
}
