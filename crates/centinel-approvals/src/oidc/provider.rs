//! A company's identity provider: its addresses, its keys, and the exchange of a code for a token.
//!
//! # Source
//!
//! OpenID Connect Core 1.0, sections 3.1.2.1, 3.1.3.1 and 9; RFC 6749, sections 2.3.1 and 5.2; RFC 7636
//! (PKCE), section 4; RFC 9700 (security best current practice), sections 2.1 and 4.4.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use centinel_engine::proposal::Role;
use jiff::{SignedDuration, Timestamp};
use reqwest::{Url, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::{
    Claims, Expected, Jwt, KeySet, OidcError, TokenType,
    claims::later,
    discovery::{self, Metadata, WELL_KNOWN},
    error::shown,
    fetch,
};

/// How long the discovery document and the keys are kept.
const KEPT_FOR: SignedDuration = SignedDuration::from_mins(60);
/// A key that is not known is asked for at most this often: a token can name any.
const KEYS_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// What the configuration says of a provider.
#[derive(Debug, Clone)]
pub struct ProviderSettings {
    /// Its name in addresses and in the log: letters, digits, `-`.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Its issuer, exactly as its tokens name it.
    pub issuer: String,
    /// The name under which Centinel is registered there.
    pub client_id: String,
    /// The secret of that registration; `None` where PKCE alone is enough.
    pub client_secret: Option<SecretString>,
    /// What is asked for beside `openid`.
    pub scopes: Vec<String>,
    /// Values of `acr` or `amr` that mean that a second factor was proved.
    pub second_factor: BTreeSet<String>,
    /// Whether somebody who is not linked gets an account, without any role.
    pub creates_accounts: bool,
    /// Roles by groups of the provider.
    pub groups: Option<GroupRoles>,
}

/// Roles that the groups of a claim give, and take away again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRoles {
    /// The claim that holds the groups.
    pub claim: String,
    /// Roles by group.
    pub roles: BTreeMap<String, BTreeSet<Role>>,
}

/// A provider that can be asked.
pub struct Provider {
    settings: ProviderSettings,
    discovery: Url,
    http: reqwest::Client,
    known: Mutex<Known>,
}

/// What a provider said, and when.
#[derive(Debug, Default)]
struct Known {
    metadata: Option<(Timestamp, Metadata)>,
    keys: Option<(Timestamp, Arc<KeySet>)>,
    /// When the keys were asked for last, with or without an answer.
    keys_asked: Option<Timestamp>,
}

/// The providers of a home, by name.
#[derive(Debug, Clone, Default)]
pub struct Providers(Arc<Vec<Provider>>);

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Providers {
    /// Takes what was configured.
    ///
    /// # Errors
    ///
    /// [`OidcError::Settings`], also for two of one name or one issuer: a link must mean one of them.
    pub fn new(settings: Vec<ProviderSettings>) -> Result<Self, OidcError> {
        let mut providers: Vec<Provider> = Vec::new();
        for one in settings {
            let same =
                |other: &Provider| other.name() == one.name || other.settings.issuer == one.issuer;
            if providers.iter().any(same) {
                let reason = "another one has the same name or issuer".to_owned();
                return Err(OidcError::Settings { name: one.name, reason });
            }
            providers.push(Provider::new(one)?);
        }
        Ok(Self(Arc::new(providers)))
    }

    /// Every provider, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.0.iter()
    }

    /// A provider by name.
    ///
    /// # Errors
    ///
    /// [`OidcError::NoProvider`].
    pub fn named(&self, name: &str) -> Result<&Provider, OidcError> {
        let found = self.iter().find(|provider| provider.name() == name);
        found.ok_or_else(|| OidcError::NoProvider(shown(name)))
    }
}

/// What the token endpoint answers.
#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    access_token: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

/// What a question to the provider holds.
pub(super) struct Question<'a> {
    pub(super) redirect_uri: &'a str,
    pub(super) state: &'a str,
    pub(super) nonce: &'a str,
    pub(super) challenge: &'a str,
    /// The person is to prove themselves now, whatever the provider remembers of them.
    pub(super) afresh: bool,
}

impl Provider {
    fn new(settings: ProviderSettings) -> Result<Self, OidcError> {
        let wrong = |reason: &str| OidcError::Settings {
            name: shown(&settings.name),
            reason: reason.to_owned(),
        };
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !(1..=40).contains(&settings.name.len()) || !settings.name.chars().all(is_name) {
            return Err(wrong("its name must be 1 to 40 of `a` to `z`, digits and `-`"));
        }
        if settings.client_id.trim().is_empty() {
            return Err(wrong("it needs a `client_id`"));
        }
        let issuer = discovery::issuer(&settings.issuer)
            .ok_or_else(|| wrong("its `issuer` must be an `https` address without query"))?;
        let roles = settings.groups.iter().flat_map(|groups| groups.roles.values()).flatten();
        if roles.into_iter().any(|role| *role == Role::Admin) {
            return Err(wrong("a group gives no role `admin`: another admin does"));
        }
        let address = format!("{}{WELL_KNOWN}", issuer.as_str().trim_end_matches('/'));
        let discovery = Url::parse(&address).map_err(|_| wrong("its `issuer` is no address"))?;
        let http = fetch::client().map_err(|reason| wrong(&reason))?;
        Ok(Self { discovery, http, known: Mutex::default(), settings })
    }

    /// Its name in addresses and in the log.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// What people call it.
    pub fn title(&self) -> &str {
        &self.settings.title
    }

    /// Its issuer, exactly as its tokens name it.
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// The name under which Centinel is registered there for sign-in: whom its identity tokens are for.
    pub fn client_id(&self) -> &str {
        &self.settings.client_id
    }

    pub(super) fn settings(&self) -> &ProviderSettings {
        &self.settings
    }

    /// The claims of a token of one kind, for an audience, once signature and claims hold.
    ///
    /// # Errors
    ///
    /// As [`Jwt::parse`], [`Jwt::claims`] and [`Claims::check`]; [`OidcError::Unanswered`] when the keys
    /// are not to be had.
    pub async fn check(
        &self,
        token: &str,
        kind: TokenType,
        audience: &str,
        now: Timestamp,
    ) -> Result<Claims, OidcError> {
        let jwt = Jwt::parse(token, kind)?;
        let claims = match jwt.claims(&*self.keys(false, now).await?) {
            Err(OidcError::UnknownKey(_)) => jwt.claims(&*self.keys(true, now).await?)?,
            claims => claims?,
        };
        claims.check(&Expected { issuer: self.issuer(), audience, now })?;
        match kind {
            TokenType::Id => claims.check_party(audience)?,
            TokenType::Access | TokenType::AccessUnmarked => claims.check_access(kind)?,
        }
        Ok(claims)
    }

    /// The keys. With one that they lack, they are read again, unless that was just done.
    async fn keys(&self, is_lacking: bool, now: Timestamp) -> Result<Arc<KeySet>, OidcError> {
        let address = self.metadata(now).await?.keys;
        // Held while it is asked: many tokens at once ask once.
        let mut known = self.known.lock().await;
        let was_just_asked =
            known.keys_asked.is_some_and(|at| is_within(at, KEYS_AGAIN_AFTER, now));
        if let Some((_, keys)) = known
            .keys
            .as_ref()
            .filter(|(at, _)| is_within(*at, KEPT_FOR, now) && (was_just_asked || !is_lacking))
        {
            return Ok(Arc::clone(keys));
        }
        known.keys_asked = Some(now);
        let keys = Arc::new(KeySet::parse(&fetch::document(&self.http, &address).await?)?);
        known.keys = Some((now, Arc::clone(&keys)));
        Ok(keys)
    }

    pub(super) async fn metadata(&self, now: Timestamp) -> Result<Metadata, OidcError> {
        let mut known = self.known.lock().await;
        if let Some((_, metadata)) =
            known.metadata.as_ref().filter(|(at, _)| is_within(*at, KEPT_FOR, now))
        {
            return Ok(metadata.clone());
        }
        let document = fetch::document(&self.http, &self.discovery).await?;
        let metadata = Metadata::parse(&document, self.issuer())?;
        known.metadata = Some((now, metadata.clone()));
        Ok(metadata)
    }

    /// Where the browser is sent.
    pub(super) async fn address_of(
        &self,
        question: &Question<'_>,
        now: Timestamp,
    ) -> Result<String, OidcError> {
        let mut address = self.metadata(now).await?.authorization;
        let scopes = self.settings.scopes.iter().map(String::as_str);
        let scope: Vec<&str> = std::iter::once("openid").chain(scopes).collect();
        {
            let mut query = address.query_pairs_mut();
            query
                .append_pair("response_type", "code")
                .append_pair("client_id", &self.settings.client_id)
                .append_pair("redirect_uri", question.redirect_uri)
                .append_pair("scope", &scope.join(" "))
                .append_pair("state", question.state)
                .append_pair("nonce", question.nonce)
                .append_pair("code_challenge", question.challenge)
                .append_pair("code_challenge_method", "S256");
            if question.afresh {
                query.append_pair("prompt", "login").append_pair("max_age", "0");
            }
        }
        Ok(address.into())
    }

    /// Exchanges a code for an identity token, and checks all of it but that it answers our question.
    pub(super) async fn exchange(
        &self,
        code: &str,
        redirect_uri: &str,
        verifier: &str,
        now: Timestamp,
    ) -> Result<Claims, OidcError> {
        let metadata = self.metadata(now).await?;
        let client = self.settings.client_id.as_str();
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier),
        ];
        let mut request = self.http.post(metadata.token.clone());
        match &self.settings.client_secret {
            Some(secret) if metadata.basic => {
                let part = |text: &str| form_encoded(&[("", text)]).split_off(1);
                let (user, password) = (part(client), part(secret.expose_secret()));
                request = request.basic_auth(user, Some(password));
            }
            Some(secret) => {
                form.push(("client_id", client));
                form.push(("client_secret", secret.expose_secret()));
            }
            None => form.push(("client_id", client)),
        }
        let request = request
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(form_encoded(&form));
        let answer = fetch::answer(&metadata.token, request).await?;
        if !answer.is_success {
            let status = answer.status;
            let said = serde_json::from_slice::<Refusal>(&answer.body);
            let said =
                said.map_or_else(|_| format!("it answered {status}"), |said| shown(&said.error));
            return Err(OidcError::Refused(said));
        }
        let Tokens { id_token, access_token } = serde_json::from_slice(&answer.body)
            .map_err(|_| OidcError::Token("the provider's answer holds none"))?;
        let claims = self.check(&id_token, TokenType::Id, client, now).await?;
        let algorithm = Jwt::parse(&id_token, TokenType::Id)?.algorithm;
        claims.check_access_token(access_token.as_deref(), algorithm)?;
        Ok(claims)
    }
}

/// Whether something of an instant still counts; not when the clock was set back.
fn is_within(at: Timestamp, lasts: SignedDuration, now: Timestamp) -> bool {
    at <= now && now < later(at, lasts)
}

fn form_encoded(pairs: &[(&str, &str)]) -> String {
    let mut url = Url::parse("http://form").ok();
    if let Some(url) = &mut url {
        url.query_pairs_mut().extend_pairs(pairs);
    }
    url.as_ref().and_then(Url::query).unwrap_or_default().to_owned()
}
