//! Where somebody wanted to go before they had to sign in: a path of this server, and nothing else.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// Longest address that is come back to, in bytes.
const BYTES_MAX: usize = 512;
/// Where people go who wanted to go nowhere in particular.
const DEFAULT: &str = "/inbox";
/// What has a meaning of its own inside of a query.
const IN_A_QUERY: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+')
    .add(b'<')
    .add(b'=')
    .add(b'>')
    .add(b'?');

/// An address that leads to a page of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReturnTo(String);

impl Default for ReturnTo {
    fn default() -> Self {
        Self(DEFAULT.to_owned())
    }
}

impl ReturnTo {
    /// Takes an address as a browser sent it; what could lead elsewhere becomes the inbox.
    ///
    /// Browsers take `//host`, and `\` for `/`, for another server, and drop tabs and line breaks
    /// before they look; so each of these is refused, wherever it stands.
    pub(crate) fn new(text: &str) -> Self {
        let is_path = text.starts_with('/') && !text.starts_with("//");
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        let (path, _) = text.split_once('?').unwrap_or((text, ""));
        // Coming back to the form would be a circle, and nothing is shown at the other.
        let is_page = !matches!(path, "/sign-in" | "/sign-out");
        if is_path && is_plain && is_page && text.len() <= BYTES_MAX {
            Self(text.to_owned())
        } else {
            Self::default()
        }
    }

    /// The address.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The sign-in form that leads back here.
    pub(crate) fn sign_in(&self) -> String {
        self.after("/sign-in")
    }

    /// Another address of ours, which leads back here.
    pub(crate) fn after(&self, address: &str) -> String {
        format!("{address}?to={}", utf8_percent_encode(&self.0, IN_A_QUERY))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_server_are_come_back_to() {
        for own in
            ["/", "/inbox", "/proposals/P-1?done=approved#decide", "/a//b", "/%2f%2fevil", "/@x"]
        {
            assert_eq!(ReturnTo::new(own).as_str(), own);
        }
        let long = format!("/{}", "x".repeat(BYTES_MAX));
        for other in [
            "",
            "inbox",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/a\\b",
            "https://evil.example",
            "https:evil.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "/\t/evil.example",
            "/\n/evil.example",
            "/a\r\nSet-Cookie: x=1",
            "/\u{0}",
            " /inbox",
            "\t//evil.example",
            "/ä",
            "/\u{202e}",
            "/sign-in",
            "/sign-in?to=/sign-in",
            "/sign-out",
            long.as_str(),
        ] {
            assert_eq!(ReturnTo::new(other), ReturnTo::default(), "{other:?}");
        }
        assert_eq!(
            ReturnTo::new("/a?b=c&d=%20+e").sign_in(),
            "/sign-in?to=/a%3Fb%3Dc%26d%3D%2520%2Be"
        );
    }
}
