//! The document that says who gives tokens for this server.
//!
//! # Source
//!
//! RFC 9728, sections 2 and 3.

use std::collections::BTreeSet;

use axum::{
    Json, Router,
    http::{StatusCode, header},
    routing::get,
};
use serde::Serialize;

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// Protected resource metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProtectedResource {
    /// The address under which programs know the server, and for which their tokens are made.
    pub resource: String,
    /// Issuers of tokens.
    pub authorization_servers: Vec<String>,
    /// Scopes, as a program asks for them.
    pub scopes_supported: Vec<String>,
    /// How a token is shown: `header`, and no other way.
    pub bearer_methods_supported: [&'static str; 1],
    /// For people.
    pub resource_name: String,
    /// Where developers read on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_documentation: Option<String>,
}

impl ProtectedResource {
    /// The address of this document, for a resource of an origin (`https://finops.example.com`) and a
    /// path (`/mcp`, or nothing).
    pub fn address(origin: &str, path: &str) -> String {
        format!("{origin}{WELL_KNOWN}{path}")
    }
}

/// Where the document is found: at the root, under `/mcp`, and under the resource's own path, which may be
/// another one outside. All else that is well known is not here, in plain words: a program that looks for
/// something must not be led to a page for people.
pub fn metadata_routes(document: Option<ProtectedResource>, path: &str) -> Router {
    let nothing = || async { (StatusCode::NOT_FOUND, "nothing is here\n") };
    let mut router = Router::new().route("/.well-known/{*name}", get(nothing));
    if let Some(document) = document {
        let paths: BTreeSet<&str> = ["", "/mcp", path.trim_end_matches('/')].into();
        for path in paths {
            let document = document.clone();
            let shown =
                move || async move { ([(header::CACHE_CONTROL, "max-age=300")], Json(document)) };
            router = router.route(&format!("{WELL_KNOWN}{path}"), get(shown));
        }
    }
    router
}
