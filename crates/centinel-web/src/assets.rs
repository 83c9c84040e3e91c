//! The stylesheet and the icon, part of the program.

use std::sync::LazyLock;

use axum::{
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use centinel_engine::facts::sha256_hex;

const STYLE: &str = include_str!("../assets/style.css");
const ICON: &str = include_str!("../assets/icon.svg");

/// `style.1f3a….css`: another content has another name, so that browsers may keep it for good.
static STYLE_NAME: LazyLock<String> = LazyLock::new(|| named("style", STYLE, "css"));
static ICON_NAME: LazyLock<String> = LazyLock::new(|| named("icon", ICON, "svg"));

fn named(stem: &str, content: &str, extension: &str) -> String {
    let digest: String = sha256_hex(content.as_bytes()).chars().take(12).collect();
    format!("{stem}.{digest}.{extension}")
}

/// Address of the stylesheet.
pub(crate) fn style_address() -> String {
    format!("/assets/{}", *STYLE_NAME)
}

/// Address of the icon.
pub(crate) fn icon_address() -> String {
    format!("/assets/{}", *ICON_NAME)
}

/// A file by its name; `style.css` without the digest is there for people, and not kept by browsers.
pub(crate) async fn asset(Path(file): Path<String>) -> Response {
    let (content, mime, is_lasting) = match file.as_str() {
        name if name == *STYLE_NAME => (STYLE, "text/css; charset=utf-8", true),
        name if name == *ICON_NAME => (ICON, "image/svg+xml", true),
        "style.css" => (STYLE, "text/css; charset=utf-8", false),
        _ => return (StatusCode::NOT_FOUND, "no such file\n").into_response(),
    };
    let keep = if is_lasting { "public, max-age=31536000, immutable" } else { "no-cache" };
    ([(header::CONTENT_TYPE, mime), (header::CACHE_CONTROL, keep)], content).into_response()
}
