//! MCP Apps: two views that clients show beside an answer. Each is one file without network, links or
//! calls; it draws the figures of the answer as they are and decides nothing.
//!
//! The protocol between a view and the client that shows it is that of SEP-1865, revision 2026-01-26.

use rmcp::model::{
    CacheScope, JsonObject, MetaObject, ReadResourceResult, Resource, ResourceContents,
};
use serde_json::json;

/// Media type of a view.
const MIME: &str = "text/html;profile=mcp-app";

/// One view.
pub(crate) struct App {
    uri: &'static str,
    name: &'static str,
    title: &'static str,
    description: &'static str,
    /// The tool whose answer it shows.
    tool: &'static str,
    html: &'static str,
}

/// A whole page: what both views share, and the script of one.
macro_rules! page {
    ($title:literal, $script:literal) => {
        concat!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
            $title,
            "</title>\n<style>\n",
            include_str!("apps/view.css"),
            "</style>\n</head>\n<body>\n<main id=\"view\" aria-live=\"polite\" aria-busy=\"true\">",
            "<p class=\"quiet\">Waiting for the answer…</p></main>\n<script>\n\"use strict\";\n",
            include_str!("apps/view.js"),
            include_str!($script),
            "</script>\n</body>\n</html>\n"
        )
    };
}

static APPS: [App; 2] = [
    App {
        uri: "ui://centinel/change",
        name: "change-view",
        title: "Explained change",
        description: "The drivers of a change as a waterfall",
        tool: "explain_change",
        html: page!("Explained change", "apps/change.js"),
    },
    App {
        uri: "ui://centinel/proposals",
        name: "proposals-view",
        title: "Proposals",
        description: "Proposals as cards to read; nothing in them decides",
        tool: "proposals",
        html: page!("Proposals", "apps/proposals.js"),
    },
];

/// The view of an address.
pub(crate) fn app_of(uri: &str) -> Option<&'static App> {
    APPS.iter().find(|app| app.uri == uri)
}

/// What a tool says of its view; `None` for a tool without one.
pub(crate) fn meta_of(tool: &str) -> Option<MetaObject> {
    let app = APPS.iter().find(|app| app.tool == tool)?;
    Some(meta(&json!({ "resourceUri": app.uri })))
}

/// The views as resources.
pub(crate) fn listed() -> impl Iterator<Item = Resource> {
    APPS.iter().map(|app| {
        Resource::new(app.uri, app.name)
            .with_title(app.title)
            .with_description(app.description)
            .with_mime_type(MIME)
            .with_size(u64::try_from(app.html.len()).unwrap_or(u64::MAX))
            .with_meta(wanted())
    })
}

/// A view's page.
pub(crate) fn read(app: &App) -> ReadResourceResult {
    let page = ResourceContents::text(app.html, app.uri).with_mime_type(MIME).with_meta(wanted());
    ReadResourceResult::new(vec![page]).with_cache_scope(CacheScope::Private)
}

/// No network and no permissions; a border, since a view has no background of its own.
fn wanted() -> MetaObject {
    let nothing: [&str; 0] = [];
    meta(&json!({
        "csp": { "connectDomains": nothing, "resourceDomains": nothing },
        "prefersBorder": true,
    }))
}

fn meta(ui: &serde_json::Value) -> MetaObject {
    MetaObject(JsonObject::from_iter([("ui".to_owned(), ui.clone())]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What would let a view reach out, write, or take data for markup.
    const FORBIDDEN: [&str; 22] = [
        "http://",
        "https://",
        "src=",
        "href",
        "@import",
        "url(",
        "fetch(",
        "XMLHttpRequest",
        "WebSocket",
        "EventSource",
        "sendBeacon",
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "Function(",
        "tools/call",
        "ui/open-link",
        "ui/message",
        "localStorage",
        "<form",
    ];

    #[test]
    fn views_are_alone_and_only_read() {
        for app in &APPS {
            for forbidden in FORBIDDEN {
                // The name space of SVG is an identifier, and never fetched.
                let html = app.html.replace("http://www.w3.org/2000/svg", "");
                assert!(!html.contains(forbidden), "{}: {forbidden}", app.uri);
            }
            assert_eq!(app.html.matches("<script>").count(), 1);
            assert_eq!(app.html.matches("</script>").count(), 1);
            assert!(app.html.len() < 32 * 1024, "{}: {} bytes", app.uri, app.html.len());
        }
    }
}
