//! `[mcp]` of `centinel.toml`: who may come in over `/mcp` with a token of the company's provider.

use std::num::NonZeroU32;

use serde::Deserialize;

use crate::identity_providers::IdentityProviderConfig;

/// `[mcp]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct McpConfig {
    /// The `[[identity_provider]]` whose access tokens open `/mcp`; without it, none does.
    pub identity_provider: Option<String>,
    /// Under which address programs know the server, and for whom their tokens are made; without it,
    /// the page's address with `/mcp`.
    pub resource: Option<ResourceAddress>,
    /// What the provider writes into `aud` where that is not the address.
    pub audience: Option<String>,
    /// How the provider calls the scope that reads.
    pub read_scope: String,
    /// How it calls the scope that proposes.
    pub propose_scope: String,
    /// What stands before a scope when a program asks for it, and not in the token.
    pub scope_prefix: String,
    /// How access tokens say what they are.
    pub token_type: TokenTypeConfig,
    /// Programs of nobody, `[[mcp.agent]]`, and whose rights they have.
    #[serde(rename = "agent")]
    pub agents: Vec<McpAgentConfig>,
    /// Where developers of programs read on.
    pub documentation: Option<ResourceAddress>,
    /// Most requests of one token's holder in a minute; so many may come at once.
    pub requests_per_minute: NonZeroU32,
}

/// Most requests of one holder in a minute: far more than people and agents send, and a bound for a loop
/// that does not end.
const REQUESTS_PER_MINUTE: NonZeroU32 = match NonZeroU32::new(12_000) {
    Some(most) => most,
    None => NonZeroU32::MIN,
};

impl Default for McpConfig {
    fn default() -> Self {
        Self {
            identity_provider: None,
            resource: None,
            audience: None,
            read_scope: "centinel:read".to_owned(),
            propose_scope: "centinel:propose".to_owned(),
            scope_prefix: String::new(),
            token_type: TokenTypeConfig::default(),
            agents: Vec::new(),
            documentation: None,
            requests_per_minute: REQUESTS_PER_MINUTE,
        }
    }
}

/// `typ` of access tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
pub enum TokenTypeConfig {
    /// As RFC 9068 wants it.
    #[default]
    #[serde(rename = "at+jwt")]
    Marked,
    /// The issuer does not tell them from its other tokens by type.
    #[serde(rename = "JWT")]
    Unmarked,
}

/// `[[mcp.agent]]`: a program that signs in at the provider as itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct McpAgentConfig {
    /// `sub` of its tokens.
    pub subject: String,
    /// The service token, by name, whose rights it has.
    pub token: String,
}

/// `https://finops.example.com/mcp`: an address without query and fragment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ResourceAddress {
    text: String,
    /// Where the path begins.
    path_at: usize,
}

impl TryFrom<String> for ResourceAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_authority = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
        let is_path = |c: char| c.is_ascii_alphanumeric() || "/-._~".contains(c);
        let read = || {
            let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let is_one = !authority.is_empty()
                && authority.chars().all(is_authority)
                && path.chars().all(is_path)
                && !path.contains("//");
            is_one.then(|| text.len() - path.len())
        };
        match read() {
            Some(path_at) => Ok(Self { text, path_at }),
            None => {
                let shown: String = text.chars().filter(|c| !c.is_control()).take(80).collect();
                Err(format!(
                    "`{shown}` is no address without query: `https://finops.example.com/mcp`"
                ))
            }
        }
    }
}

impl ResourceAddress {
    /// As it was configured: what tokens and metadata hold, to the letter.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `https://finops.example.com`.
    pub fn origin(&self) -> &str {
        self.text.get(..self.path_at).unwrap_or_default()
    }

    /// `/mcp`; empty where there is none.
    pub fn path(&self) -> &str {
        self.text.get(self.path_at..).unwrap_or_default().trim_end_matches('/')
    }
}

impl McpConfig {
    /// Why it cannot be used together with these providers, as far as it can be told without asking anybody.
    pub(crate) fn problem(&self, providers: &[IdentityProviderConfig]) -> Option<String> {
        let wrong = |reason: String| Some(format!("[mcp]: {reason}"));
        let is_scope = |scope: &str| {
            !scope.is_empty()
                && scope.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
        };
        let Some(name) = &self.identity_provider else {
            let needs_provider = [
                ("audience", self.audience.is_some()),
                ("agent", !self.agents.is_empty()),
                ("token_type", self.token_type != TokenTypeConfig::default()),
            ];
            let lone = needs_provider.iter().find(|(_, is_there)| *is_there);
            return lone.and_then(|(key, _)| {
                wrong(format!("`{key}` needs `identity_provider`: whose tokens are meant"))
            });
        };
        let Some(provider) = providers.iter().find(|provider| provider.name == *name) else {
            let name: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
            return wrong(format!("there is no `[[identity_provider]]` named `{name}`"));
        };
        let scopes = [&self.read_scope, &self.propose_scope];
        if !scopes.iter().all(|scope| is_scope(scope)) || self.read_scope == self.propose_scope {
            return wrong("`read_scope` and `propose_scope` are two different words".to_owned());
        }
        if !self.scope_prefix.is_empty() && !is_scope(&self.scope_prefix) {
            return wrong("`scope_prefix` is one word".to_owned());
        }
        let audience = self.audience.as_deref();
        if audience.is_some_and(str::is_empty) {
            return wrong("`audience` is empty: a token must be for somebody".to_owned());
        }
        // Its identity tokens are for this name: without a type of their own, they would open the API.
        if self.token_type == TokenTypeConfig::Unmarked
            && audience == Some(provider.client_id.as_str())
        {
            return wrong(
                "`audience` is the `client_id` of the sign-in: register the API by a name of its \
                 own, or set `token_type = \"at+jwt\"`"
                    .to_owned(),
            );
        }
        let mut subjects: Vec<&str> = self.agents.iter().map(|one| one.subject.as_str()).collect();
        subjects.sort_unstable();
        if subjects.iter().any(|subject| subject.is_empty())
            || subjects.windows(2).any(|pair| pair.first() == pair.last())
        {
            return wrong("each `[[mcp.agent]]` has a `subject` of its own".to_owned());
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    const PROVIDER: &str = "[[identity_provider]]\nname = \"company\"\n\
                            issuer = \"https://login.example.com\"\nclient_id = \"page\"\n";

    fn load(text: &str) -> Result<McpConfig, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("centinel.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(&path).map(|config| config.mcp).map_err(|error| error.to_string())
    }

    #[test]
    fn a_configuration_is_read_or_named_with_what_is_wrong() {
        assert_eq!(load("").unwrap(), McpConfig::default());
        let full = format!(
            "{PROVIDER}[mcp]\nidentity_provider = \"company\"\n\
             resource = \"https://finops.example.com/mcp\"\nread_scope = \"spend.read\"\n\
             requests_per_minute = 60\n[[mcp.agent]]\nsubject = \"ci\"\ntoken = \"nightly\"\n"
        );
        let config = load(&full).unwrap();
        assert_eq!(config.resource.unwrap().as_str(), "https://finops.example.com/mcp");
        assert_eq!((config.read_scope.as_str(), config.agents.len()), ("spend.read", 1));
        for (line, expected) in [
            ("identity_provider = \"other\"", "there is no `[[identity_provider]]` named `other`"),
            ("audience = \"x\"", "`audience` needs `identity_provider`"),
            ("token_type = \"JWT\"", "`token_type` needs `identity_provider`"),
            ("identity_providers = \"company\"", "unknown field `identity_providers`"),
            ("requests_per_minute = 0", "line 6"),
            ("resource = \"finops.example.com\"", "is no address without query"),
            ("resource = \"https://a/mcp?x=1\"", "is no address without query"),
            ("resource = \"https://ada@a/mcp\"", "is no address without query"),
            ("resource = \"https://a/mcp#x\"", "is no address without query"),
            ("resource = \"https://a/\\\"\"", "is no address without query"),
            ("identity_provider = \"company\"\nread_scope = \"a b\"", "two different words"),
            ("identity_provider = \"company\"\nread_scope = \"a\\\"b\"", "two different words"),
            (
                "identity_provider = \"company\"\nread_scope = \"centinel:propose\"",
                "two different words",
            ),
            ("identity_provider = \"company\"\naudience = \"\"", "`audience` is empty"),
            ("identity_provider = \"company\"\ntoken_type = \"id\"", "unknown variant"),
            (
                "identity_provider = \"company\"\ntoken_type = \"JWT\"\naudience = \"page\"",
                "is the `client_id` of the sign-in",
            ),
            (
                "identity_provider = \"company\"\n\
                 agent = [{ subject = \"a\", token = \"x\" }, { subject = \"a\", token = \"y\" }]",
                "a `subject` of its own",
            ),
        ] {
            let error = load(&format!("{PROVIDER}[mcp]\n{line}\n")).unwrap_err();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }

    #[test]
    fn an_address_has_an_origin_and_a_path() {
        for (text, origin, path) in [
            ("https://finops.example.com/mcp", "https://finops.example.com", "/mcp"),
            ("https://finops.example.com", "https://finops.example.com", ""),
            ("https://finops.example.com/", "https://finops.example.com", ""),
            ("http://localhost:8787/a/mcp/", "http://localhost:8787", "/a/mcp"),
        ] {
            let address = ResourceAddress::try_from(text.to_owned()).unwrap();
            assert_eq!((address.origin(), address.path()), (origin, path), "{text}");
            assert_eq!(address.as_str(), text);
        }
    }
}
