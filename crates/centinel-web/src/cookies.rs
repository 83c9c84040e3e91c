//! Cookies: none for scripts, and none for other sites but the one of who comes back from a provider.

use axum::http::{HeaderMap, HeaderValue, header};

/// The cookie that holds a session's secret.
pub const SESSION_COOKIE: &str = "centinel_session";
/// The cookie that goes with a sign-in form, before there is a session.
pub(crate) const FORM_COOKIE: &str = "centinel_form";

/// What a request says of one cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent<'h> {
    /// It is there once.
    Once(&'h str),
    /// It is not there.
    Not,
    /// It is there more than once: one of them may have been planted, so neither counts.
    Twice,
}

impl<'h> Sent<'h> {
    /// Reads one cookie of a request.
    pub(crate) fn of(headers: &'h HeaderMap, name: &str) -> Self {
        let cookies =
            headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pairs = cookies.flat_map(|cookies| cookies.split(';'));
        let mut named = pairs.filter_map(|pair| {
            let (key, value) = pair.trim().split_once('=')?;
            (key == name).then_some(value)
        });
        match (named.next(), named.next()) {
            (Some(value), None) => Self::Once(value),
            (None, _) => Self::Not,
            (Some(_), Some(_)) => Self::Twice,
        }
    }

    /// The value, where there is exactly one.
    pub(crate) fn once(self) -> Option<&'h str> {
        match self {
            Self::Once(value) => Some(value),
            Self::Not | Self::Twice => None,
        }
    }
}

/// A `Set-Cookie` of a secret that we drew, for so many seconds; 0 takes the cookie away.
///
/// `None` for a value that is no plain word: we draw none such.
pub(crate) fn set(
    name: &str,
    value: &str,
    path: &str,
    seconds: i64,
    is_secure: bool,
) -> Option<HeaderValue> {
    cookie(name, value, path, seconds, is_secure, "Strict")
}

/// The same for a cookie that the browser sends as well when another site leads it here: of somebody who
/// comes back from an identity provider.
pub(crate) fn lax(
    name: &str,
    value: &str,
    path: &str,
    seconds: i64,
    is_secure: bool,
) -> Option<HeaderValue> {
    cookie(name, value, path, seconds, is_secure, "Lax")
}

fn cookie(
    name: &str,
    value: &str,
    path: &str,
    seconds: i64,
    is_secure: bool,
    same_site: &str,
) -> Option<HeaderValue> {
    let secure = if is_secure { "; Secure" } else { "" };
    let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let cookie = format!(
        "{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite={same_site}{secure}"
    );
    HeaderValue::from_str(&cookie).ok().filter(|_| is_word(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_cookie_is_read_among_others() {
        let read = |cookies: &[&str]| {
            let mut headers = HeaderMap::new();
            for cookie in cookies {
                headers.append(header::COOKIE, cookie.parse().unwrap());
            }
            Sent::of(&headers, SESSION_COOKIE).once().map(str::to_owned)
        };
        assert_eq!(read(&["a=b; centinel_session=77; c=d"]).as_deref(), Some("77"));
        assert_eq!(read(&["a=b", "centinel_session=77"]).as_deref(), Some("77"));
        for none in [&[][..], &["a=b"], &["xcentinel_session=7"], &["centinel_session"]] {
            assert_eq!(read(none), None, "{none:?}");
        }
        assert_eq!(read(&["centinel_session=1; centinel_session=2"]), None);
        assert_eq!(read(&["centinel_session=1", "centinel_session=1"]), None);
    }

    #[test]
    fn cookies_are_for_us_alone() {
        let text = |secure| {
            let cookie = set(SESSION_COOKIE, "ab12", "/", 60, secure).unwrap();
            cookie.to_str().unwrap().to_owned()
        };
        assert_eq!(
            text(true),
            "centinel_session=ab12; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure"
        );
        assert!(!text(false).contains("Secure"));
        assert!(set("a", "b; Path=/", "/", 60, false).is_none());
    }
}
