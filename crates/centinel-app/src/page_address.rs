//! Under which address people reach the page, where that is not this machine's own.

use std::fmt;

use serde::Deserialize;

/// `https://centinel.example`: scheme, host and port, and nothing behind them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PageAddress {
    is_https: bool,
    host: String,
}

impl TryFrom<String> for PageAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (is_https, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => (false, ""),
        };
        let host = rest.strip_suffix('/').unwrap_or(rest).to_ascii_lowercase();
        let (name, port) = host.split_once(':').unwrap_or((&host, "1"));
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        if !name.is_empty() && name.chars().all(is_name) && port.parse::<u16>().is_ok() {
            return Ok(Self { is_https, host });
        }
        let shown: String = text.chars().filter(|c| !c.is_control()).take(80).collect();
        Err(format!("`{shown}` is no address of a page: `https://centinel.example`"))
    }
}

impl PageAddress {
    /// Whether browsers keep a cookie from being sent in the clear.
    pub fn is_https(&self) -> bool {
        self.is_https
    }

    /// Host and port, in lower case, as a `Host` header names them.
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl fmt::Display for PageAddress {
    /// `https://centinel.example`, without a slash at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.is_https { "https" } else { "http" }, self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_scheme_host_and_port() {
        let read = |text: &str| PageAddress::try_from(text.to_owned()).map(|a| a.to_string()).ok();
        for (text, expected) in [
            ("https://centinel.example", Some("https://centinel.example")),
            ("https://Centinel.Example/", Some("https://centinel.example")),
            ("http://finops.lan:8080", Some("http://finops.lan:8080")),
            ("centinel.example", None),
            ("ftp://centinel.example", None),
            ("https://", None),
            ("https://centinel.example/page", None),
            ("https://ada@centinel.example", None),
            ("https://centinel.example:99999", None),
            ("https://centinel.example\n", None),
        ] {
            assert_eq!(read(text).as_deref(), expected, "{text}");
        }
    }
}
