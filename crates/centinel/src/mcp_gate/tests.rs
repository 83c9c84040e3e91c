//! The gate of the product: real tokens of a provider on this machine, over the routes as they are served.

use axum::{
    body::{Body, to_bytes},
    extract::ConnectInfo,
    http::{HeaderMap, Request, StatusCode, header},
};
use centinel_app::{
    App,
    oidc::{ProviderSettings, Providers},
};
use centinel_mcp::AccessToken;
use centinel_web::Refusals;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::Peer;
use crate::{
    commands::serve::router,
    ports::sight_tests::{Site, clock, password},
};

mod forged;
mod loopback;
#[expect(dead_code, reason = "tests of signing in use the rest")]
#[path = "../../../centinel-approvals/tests/it/oidc/provider.rs"]
mod provider;
mod rights;
mod rows;

use provider::{Fake, Key};

const RESOURCE: &str = "https://finops.example.com/mcp";
const LOCAL: &str = "the-local-token-of-this-home";
/// `sub` of whoever is linked to Ana, of somebody linked to nobody, and of a program.
const ANA: &str = "7f3a";
const STRANGER: &str = "9c11";
const PROGRAM: &str = "ci-bot";

/// `[mcp]` as most companies write it.
const CONFIG: &str = "resource = \"https://finops.example.com/mcp\"\n\
                      [[mcp.agent]]\nsubject = \"ci-bot\"\ntoken = \"bot\"\n";

/// A home whose provider's tokens open `/mcp`.
struct Stage {
    site: Site,
    fake: Fake,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn challenge(&self) -> &str {
        self.headers.get(header::WWW_AUTHENTICATE).map_or("", |value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{}", self.body))
    }
}

impl Stage {
    async fn new() -> Self {
        Self::of(Site::new("bravo", "gpt-4o-mini", 3_000_000).await, "", CONFIG).await
    }

    /// A site's home with more configuration: of `[access]`, and of `[mcp]`.
    async fn of(mut site: Site, access: &str, mcp: &str) -> Self {
        let fake = Fake::start().await;
        let issuer = fake.issuer();
        let account = format!("oidc:{ANA}@{issuer}").parse().unwrap();
        let approvals = site.app.approvals();
        approvals.link_as_admin("ada", password("ada"), "ana", &account, clock()).await.unwrap();
        let path = site.home.path().join("centinel.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let provider = format!(
            "[[identity_provider]]\nname = \"company\"\nissuer = \"{issuer}\"\nclient_id = \"page\"\n"
        );
        let text = format!(
            "{text}\n[access]\n{access}\n{provider}[mcp]\nidentity_provider = \"company\"\n{mcp}"
        );
        std::fs::write(&path, text).unwrap();
        site.app = App::open(site.home.path(), None).await.unwrap();
        let mut stage = Self { site, fake };
        stage.restart(false);
        stage
    }

    /// The routes anew, as a server that was started again has them.
    fn restart(&mut self, read_only: bool) {
        let settings = ProviderSettings {
            name: "company".to_owned(),
            title: "Example Company".to_owned(),
            issuer: self.fake.issuer(),
            client_id: "page".to_owned(),
            client_secret: None,
            scopes: Vec::new(),
            second_factor: [].into(),
            creates_accounts: false,
            groups: None,
        };
        let providers = Providers::new(vec![settings]).unwrap();
        let (page, refusals) = ("http://localhost:8787", Refusals::default());
        let local = Some(AccessToken::new(LOCAL, "home"));
        let app = &self.site.app;
        self.site.router =
            router(app, page, read_only, clock, providers, &refusals, local).unwrap();
    }

    /// A token of the provider, for somebody, that was given for these scopes.
    fn token(&self, subject: &str, scopes: &str) -> String {
        self.changed(|_, claims| {
            claims["sub"] = subject.into();
            claims["scope"] = scopes.into();
        })
    }

    /// Ana's token with whatever else a test writes into it before it is signed.
    fn changed(&self, change: impl FnOnce(&mut Value, &mut Value)) -> String {
        let set = self.fake.set();
        let now = clock().as_second();
        let mut header =
            json!({ "alg": set.keys[0].algorithm(), "typ": "at+jwt", "kid": set.keys[0].id });
        let mut claims = json!({
            "iss": set.issuer, "sub": ANA, "aud": RESOURCE, "client_id": "claude-code",
            "iat": now, "exp": now + 300, "scope": "centinel:read centinel:propose",
        });
        change(&mut header, &mut claims);
        provider::token(&set.keys[0], &header, &claims)
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.site.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = to_bytes(response.into_body(), 64 << 20).await.unwrap();
        Answer { status, headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    /// A message to `/mcp`, as clients of the handshake era send it.
    async fn message(&self, headers: &[(&str, &str)], message: &Value) -> Answer {
        self.send(posted(headers, message.to_string(), None)).await
    }

    async fn with_token(&self, token: &str, message: &Value) -> Answer {
        self.message(&[("authorization", &format!("Bearer {token}"))], message).await
    }

    async fn get(&self, path: &str) -> Answer {
        let request = Request::get(path).header(header::HOST, "localhost:8787");
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn counted(&self, reason: &str) -> u64 {
        let metrics = self.with_page_token("/metrics").await;
        let line = format!("centinel_refused_requests_total{{reason=\"{reason}\"}} ");
        let found = metrics.body.lines().find_map(|shown| shown.strip_prefix(&line));
        found.unwrap_or_else(|| panic!("no {line}")).parse().unwrap()
    }

    async fn with_page_token(&self, path: &str) -> Answer {
        let request = Request::get(path).header(header::HOST, "localhost:8787");
        let request = request.header("authorization", format!("Bearer {}", self.site.token));
        self.send(request.body(Body::empty()).unwrap()).await
    }
}

/// A request to `/mcp`. Of whose process it comes, `is_own_user` says; nothing tells it without.
fn posted(headers: &[(&str, &str)], body: String, is_own_user: Option<bool>) -> Request<Body> {
    let mut request = Request::post("/mcp");
    for (name, value) in [
        ("host", "localhost:8787"),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", "2025-11-25"),
    ] {
        if !headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name)) {
            request = request.header(name, value);
        }
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Body::from(body)).unwrap();
    if let Some(is_own_user) = is_own_user {
        request.extensions_mut().insert(ConnectInfo(Peer::known(is_own_user)));
    }
    request
}

fn asks(method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}

fn tool(name: &str, arguments: &Value) -> Value {
    asks("tools/call", &json!({ "name": name, "arguments": arguments }))
}

fn list() -> Value {
    asks("tools/list", &json!({}))
}

fn spend() -> Value {
    tool("spend_breakdown", &json!({ "group_by": "team", "period": "last_30d" }))
}

/// A budget of Ana's own team.
fn budget(amount: &str) -> Value {
    let scope = json!({ "team": "alpha" });
    let budget = json!({ "kind": "budget", "amount": amount, "per": "week", "scope": scope });
    let mut arguments = budget;
    arguments["reason"] = "a test".into();
    tool("propose_change", &arguments)
}
