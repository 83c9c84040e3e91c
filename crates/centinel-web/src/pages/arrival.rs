//! A page that asks for itself once more.

use askama::Template;
use axum::response::Response;

use super::html;
use crate::{assets, return_to::ReturnTo};

#[derive(Template)]
#[template(path = "arrival.html")]
struct Page<'a> {
    address: &'a str,
    style: String,
    icon: String,
}

/// What somebody gets who followed a link of another site: their browser kept the session's cookie back
/// (`SameSite=Strict`). It sends the cookie with the request that this page makes, because that one is
/// ours; and a request for a page changes nothing.
pub(crate) fn arrival(address: &ReturnTo) -> Response {
    onward(address.as_str())
}

/// A page that leads somewhere at once: to ourselves, or to where the configuration says.
pub(crate) fn onward(address: &str) -> Response {
    html(&Page { address, style: assets::style_address(), icon: assets::icon_address() })
}
