//! The token that a request shows.

use axum::http::{HeaderMap, header};

/// What a request shows of who sends it. A token in an address is none: addresses are logged.
///
/// # Source
///
/// RFC 6750, sections 2.1 and 5.3; RFC 9110, section 11.1 (schemes have no case).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown<'a> {
    Nothing,
    Token(&'a str),
    /// Something that is no token, in words.
    Unusable(&'static str),
}

impl<'a> Shown<'a> {
    pub(crate) fn by(headers: &'a HeaderMap) -> Self {
        let mut shown = headers.get_all(header::AUTHORIZATION).iter();
        let shown = match (shown.next(), shown.next()) {
            (None, _) => return Self::Nothing,
            (Some(shown), None) => shown,
            // One of them could have been put there by somebody else.
            (Some(_), Some(_)) => {
                return Self::Unusable("the header `authorization` is there twice");
            }
        };
        let parted = shown.to_str().ok().and_then(|shown| shown.split_once(' '));
        let token = parted.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        match token.map(|(_, token)| token.trim_matches(' ')) {
            Some(token) if is_token(token) => Self::Token(token),
            _ => Self::Unusable("the header `authorization` holds no bearer token"),
        }
    }
}

/// `b64token`: what a bearer token is made of.
fn is_token(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty() && body.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn one_bearer_token_is_shown_or_none() {
        let none = Shown::Unusable("the header `authorization` holds no bearer token");
        let twice = Shown::Unusable("the header `authorization` is there twice");
        for (lines, expected) in [
            (&[][..], Shown::Nothing),
            (&["Bearer abc.def-_~+/1=="], Shown::Token("abc.def-_~+/1==")),
            (&["bearer abc"], Shown::Token("abc")),
            (&["BEARER   abc "], Shown::Token("abc")),
            (&[""], none),
            (&["Bearer"], none),
            (&["Bearer "], none),
            (&["Bearer ="], none),
            (&["Bearer\tabc"], none),
            (&["Bearer a b"], none),
            (&["Bearer abc, Bearer def"], none),
            (&["Bearer abc,def"], none),
            (&["Bearer \u{e4}"], none),
            (&["Basic YWRhOmFkYQ=="], none),
            (&["DPoP abc"], none),
            (&["abc"], none),
            (&["Bearer abc", "Bearer abc"], twice),
            (&["Bearer abc", "Basic x"], twice),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                let line = HeaderValue::from_bytes(line.as_bytes()).unwrap();
                headers.append(header::AUTHORIZATION, line);
            }
            assert_eq!(Shown::by(&headers), expected, "{lines:?}");
        }
    }
}
