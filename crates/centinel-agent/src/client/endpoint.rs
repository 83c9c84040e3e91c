//! Where a model answers, and how it knows who asks.

use std::{fmt, net::IpAddr};

use async_openai::config::Config;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{
    Url,
    header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue},
};
use secrecy::{ExposeSecret as _, SecretString};

/// What stays as it is in a part of a path (RFC 3986, section 2.3).
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One OpenAI-compatible endpoint with its model.
///
/// # Source
///
/// OpenAI API reference, "Chat completions"; Azure OpenAI REST reference (`api-key`, `api-version`,
/// `/openai/deployments/{id}`).
#[derive(Clone)]
pub struct Endpoint {
    base: Url,
    model: String,
    provider: String,
    api_version: Option<String>,
    // What the library asks for even where there is none.
    credential: SecretString,
    headers: HeaderMap,
}

/// Why an endpoint cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// No URL.
    #[error("`base_url` is not an address: {0}")]
    Invalid(String),
    /// A scheme that is not spoken.
    #[error("`base_url` starts with `https://`, or with `http://` inside a network of your own")]
    Scheme,
    /// A user, a password, a query or a fragment within.
    #[error("`base_url` holds no user, password or query; a key is stated as `credential`")]
    Extra,
    /// Readable by everybody on the way.
    #[error("`base_url` is not encrypted: facts of the spend would go to `{0}` readable by others")]
    Unencrypted(String),
    /// No model.
    #[error("`model` is empty")]
    NoModel,
    /// Characters that no header can carry.
    #[error("the credential holds characters that no header can carry")]
    BadCredential,
}

impl EndpointError {
    /// How to go on, where that can be told.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unencrypted(_) => Some("`plain_http = true` says that the way there is your own"),
            Self::Scheme => {
                Some("as in `https://api.openai.com/v1` or `http://localhost:11434/v1`")
            }
            _ => None,
        }
    }
}

impl Endpoint {
    /// Reads what is configured: the address without the path of the API (`https://api.openai.com/v1`),
    /// the model as the endpoint calls it (on Azure, the deployment), and for Azure the API's version.
    /// `provider` names whose prices hold; without, the host says it. `plain_http` says that the way
    /// there is safe without encryption.
    ///
    /// # Errors
    ///
    /// [`EndpointError`]; its text repeats nothing of a password or key.
    pub fn new(
        base_url: &str,
        model: &str,
        provider: Option<&str>,
        api_version: Option<&str>,
        credential: Option<SecretString>,
        plain_http: bool,
    ) -> Result<Self, EndpointError> {
        let base = Url::parse(base_url.trim())
            .map_err(|error| EndpointError::Invalid(error.to_string()))?;
        let host = match base.host_str() {
            Some(host) if matches!(base.scheme(), "https" | "http") => host.to_owned(),
            _ => return Err(EndpointError::Scheme),
        };
        let has_user = !base.username().is_empty() || base.password().is_some();
        if has_user || base.query().is_some() || base.fragment().is_some() {
            return Err(EndpointError::Extra);
        }
        if base.scheme() == "http" && !plain_http && !is_here(&host) {
            return Err(EndpointError::Unencrypted(host));
        }
        if model.trim().is_empty() {
            return Err(EndpointError::NoModel);
        }
        let headers = match &credential {
            Some(credential) => headers(credential, api_version.is_some())?,
            None => HeaderMap::new(),
        };
        Ok(Self {
            model: model.trim().to_owned(),
            provider: provider.map_or_else(|| provider_of(&host), str::to_owned),
            api_version: api_version.map(str::to_owned),
            credential: credential.unwrap_or_default(),
            headers,
            base,
        })
    }

    /// The model, as the endpoint calls it.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Whose prices hold.
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// Whether `max_completion_tokens` is the name of the limit of tokens; elsewhere it is the older
    /// `max_tokens`, and a name that a server does not know is no limit at all.
    pub(crate) fn says_completion_tokens(&self) -> bool {
        matches!(self.provider.as_str(), "openai" | "azure")
    }

    /// Whether a URL is one of this endpoint: same scheme, host, port, and below its path.
    pub(crate) fn owns(&self, url: &Url) -> bool {
        let origin = |url: &Url| {
            let port = url.port_or_known_default();
            (url.scheme().to_owned(), url.host_str().map(str::to_owned), port)
        };
        origin(url) == origin(&self.base) && url.path().starts_with(self.base.path())
    }

    /// The secret, to keep it out of what is shown and recorded.
    pub(crate) fn credential(&self) -> &SecretString {
        &self.credential
    }
}

/// As people may see it: scheme, host, port, path.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.base.scheme(), self.base.host_str().unwrap_or_default())?;
        if let Some(port) = self.base.port() {
            write!(f, ":{port}")?;
        }
        f.write_str(self.base.path().trim_end_matches('/'))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self}, {})", self.model)
    }
}

impl Config for Endpoint {
    fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    fn url(&self, path: &str) -> String {
        let base = self.base.as_str().trim_end_matches('/');
        match self.api_version {
            Some(_) => {
                let deployment = utf8_percent_encode(&self.model, PART);
                format!("{base}/openai/deployments/{deployment}{path}")
            }
            None => format!("{base}{path}"),
        }
    }

    fn query(&self) -> Vec<(&str, &str)> {
        self.api_version.iter().map(|version| ("api-version", version.as_str())).collect()
    }

    fn api_base(&self) -> &str {
        self.base.as_str()
    }

    fn api_key(&self) -> &SecretString {
        &self.credential
    }
}

fn headers(credential: &SecretString, is_azure: bool) -> Result<HeaderMap, EndpointError> {
    let key = credential.expose_secret().trim();
    let (name, text) = if is_azure {
        (HeaderName::from_static("api-key"), key.to_owned())
    } else {
        (AUTHORIZATION, format!("Bearer {key}"))
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| EndpointError::BadCredential)?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(name, value)]))
}

fn is_here(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The name under which price books know a host; the host itself where none does.
fn provider_of(host: &str) -> String {
    const KNOWN: [(&str, &str); 13] = [
        ("api.openai.com", "openai"),
        ("openai.azure.com", "azure"),
        ("cognitiveservices.azure.com", "azure"),
        ("openrouter.ai", "openrouter"),
        ("api.groq.com", "groq"),
        ("api.mistral.ai", "mistral"),
        ("api.deepseek.com", "deepseek"),
        ("api.x.ai", "xai"),
        ("api.together.xyz", "together_ai"),
        ("api.fireworks.ai", "fireworks_ai"),
        ("api.perplexity.ai", "perplexity"),
        ("generativelanguage.googleapis.com", "google"),
        ("api.anthropic.com", "anthropic"),
    ];
    let is = |known: &str| {
        host == known || host.strip_suffix(known).is_some_and(|rest| rest.ends_with('.'))
    };
    let known = KNOWN.iter().find(|(known, _)| is(known));
    known.map_or_else(|| host.to_owned(), |(_, provider)| (*provider).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(base: &str, version: Option<&str>, plain: bool) -> Result<Endpoint, EndpointError> {
        Endpoint::new(base, "gpt 5/mini", None, version, Some("hunter2".into()), plain)
    }

    #[test]
    fn addresses_are_put_together() {
        for (base, version, url, provider) in [
            ("https://api.openai.com/v1", None, "https://api.openai.com/v1/x", "openai"),
            ("https://api.openai.com/v1/", None, "https://api.openai.com/v1/x", "openai"),
            ("http://localhost:11434/v1", None, "http://localhost:11434/v1/x", "localhost"),
            (
                "https://acme.openai.azure.com",
                Some("2024-10-21"),
                "https://acme.openai.azure.com/openai/deployments/gpt%205%2Fmini/x",
                "azure",
            ),
            ("https://notgroq.example/v1", None, "https://notgroq.example/v1/x", "notgroq.example"),
        ] {
            let endpoint = endpoint(base, version, false).unwrap();
            assert_eq!(endpoint.url("/x"), url);
            assert_eq!(endpoint.provider(), provider);
            assert_eq!(endpoint.query().len(), usize::from(version.is_some()));
            assert!(endpoint.owns(&Url::parse(&endpoint.url("/x")).unwrap()));
            let header = if version.is_some() { "api-key" } else { "authorization" };
            assert!(endpoint.headers()[header].is_sensitive());
            assert!(!format!("{endpoint:?} {endpoint}").contains("hunter2"));
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        for (base, expected) in [
            ("api.openai.com/v1", "not an address"),
            ("ftp://api.example/v1", "starts with `https://`"),
            ("https://ana:hunter2@api.example/v1", "no user"),
            ("https://api.example/v1?key=hunter2", "no user, password or query"),
            ("http://10.0.0.7:8000/v1", "not encrypted"),
        ] {
            let error = endpoint(base, None, false).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert!(endpoint("http://10.0.0.7:8000/v1", None, true).is_ok());
        let broken =
            Endpoint::new("https://a.example", "m", None, None, Some("a\nb".into()), false);
        assert_eq!(broken.unwrap_err(), EndpointError::BadCredential);
        let nameless = Endpoint::new("https://a.example", " ", None, None, None, false);
        assert_eq!(nameless.unwrap_err(), EndpointError::NoModel);
    }

    #[test]
    fn only_the_endpoint_is_its_own() {
        let endpoint = endpoint("https://api.openai.com/v1", None, false).unwrap();
        for (url, owned) in [
            ("https://api.openai.com/v1/chat/completions", true),
            ("https://api.openai.com:443/v1/chat/completions", true),
            ("https://api.openai.com/admin", false),
            ("http://api.openai.com/v1/chat/completions", false),
            ("https://api.openai.com.evil.example/v1/chat", false),
            ("https://api.openai.com:8443/v1/chat", false),
        ] {
            assert_eq!(endpoint.owns(&Url::parse(url).unwrap()), owned, "{url}");
        }
    }
}
