//! `[[identity_provider]]` of `centinel.toml`: where people sign in with their company's account.

use std::collections::{BTreeMap, BTreeSet};

use centinel_approvals::oidc::{GroupRoles, ProviderSettings, Providers};
use centinel_engine::proposal::Role;
use serde::Deserialize;

use crate::{App, AppError, live::CredentialRef};

/// `[[identity_provider]]`: an OpenID Connect provider.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityProviderConfig {
    /// Its name in addresses and in the log: letters, digits, `-`.
    pub name: String,
    /// What people call it; the name where absent.
    #[serde(default)]
    pub title: Option<String>,
    /// Its issuer, exactly as its tokens name it.
    pub issuer: String,
    /// The name under which Centinel is registered there.
    pub client_id: String,
    /// Where the secret of that registration is kept; absent where PKCE alone is enough.
    #[serde(default)]
    pub client_secret: Option<CredentialRef>,
    /// What is asked for beside `openid`.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Values of `acr` or `amr` that mean that a second factor was proved.
    #[serde(default)]
    pub second_factor: BTreeSet<String>,
    /// Whether somebody who is not linked gets an account at the first sign-in, without any role.
    #[serde(default)]
    pub creates_accounts: bool,
    /// The claim that holds groups.
    #[serde(default)]
    pub groups_claim: Option<String>,
    /// Roles that groups give, and take away again.
    #[serde(default)]
    pub roles: BTreeMap<String, BTreeSet<Role>>,
}

impl IdentityProviderConfig {
    /// Why it cannot be used, as far as it can be told without asking anybody.
    pub(crate) fn problem(&self) -> Option<String> {
        let name: String = self.name.chars().filter(|c| !c.is_control()).take(40).collect();
        let wrong = |reason: &str| Some(format!("identity provider `{name}`: {reason}"));
        let is_scope =
            |scope: &String| !scope.is_empty() && scope.bytes().all(|b| b.is_ascii_graphic());
        match (&self.groups_claim, self.roles.is_empty()) {
            (None, false) => wrong("`roles` needs `groups_claim`: where the groups are written"),
            (Some(_), true) => wrong("`groups_claim` needs `roles`: what each group gives"),
            _ if !self.scopes.iter().all(is_scope) => wrong("a scope is one word"),
            _ => None,
        }
    }
}

impl App {
    /// The identity providers of the configuration, with their secrets. `variable` reads the
    /// environment, which only the binary does.
    ///
    /// # Errors
    ///
    /// [`AppError::Credential`] when a secret is not in its place; [`AppError::IdentityProvider`] for
    /// settings that cannot be used.
    pub fn identity_providers(
        &self,
        variable: fn(&str) -> Option<String>,
    ) -> Result<Providers, AppError> {
        let configured = self.config.identity_providers.iter();
        let settings = configured.map(|config| {
            let secret = config.client_secret.as_ref();
            let client_secret =
                secret.map(|secret| secret.read(&self.home, variable)).transpose()?;
            let roles = config.roles.clone();
            let groups = config.groups_claim.clone().map(|claim| GroupRoles { claim, roles });
            Ok(ProviderSettings {
                name: config.name.clone(),
                title: config.title.clone().unwrap_or_else(|| config.name.clone()),
                issuer: config.issuer.clone(),
                client_id: config.client_id.clone(),
                client_secret,
                scopes: config.scopes.clone(),
                second_factor: config.second_factor.clone(),
                creates_accounts: config.creates_accounts,
                groups,
            })
        });
        Ok(Providers::new(settings.collect::<Result<_, AppError>>()?)?)
    }
}

#[cfg(test)]
mod tests {
    use crate::{App, Config, create_home};

    const COMPANY: &str = r#"
[[identity_provider]]
name = "company"
issuer = "https://login.example.com/tenant"
client_id = "centinel"
client_secret = "file:secret"
second_factor = ["mfa"]
groups_claim = "groups"
roles = { "finops-team" = ["finops", "owner:search"] }
"#;

    #[tokio::test]
    async fn a_provider_is_read_with_its_secret_or_named_with_what_is_wrong() {
        let home = tempfile::tempdir().unwrap();
        create_home(home.path()).unwrap();
        let open = async |text: &str| {
            std::fs::write(home.path().join("centinel.toml"), text).unwrap();
            let app =
                App::open(home.path(), None).await.map_err(|error| crate::in_one_line(&error))?;
            let providers = app.identity_providers(|_| None);
            providers.map_err(|error| crate::in_one_line(&error))
        };
        assert_eq!(open("").await.unwrap().iter().count(), 0);
        let missing = open(COMPANY).await.unwrap_err();
        assert!(missing.contains("`file:secret`"), "{missing}");
        std::fs::write(home.path().join("secret"), "hunter2\n").unwrap();
        let providers = open(COMPANY).await.unwrap();
        let company = providers.named("company").unwrap();
        assert_eq!(
            (company.title(), company.issuer()),
            ("company", "https://login.example.com/tenant")
        );
        assert!(!format!("{providers:?}").contains("hunter2"));
        for (from, to, expected) in [
            ("\"finops\"", "\"admin\"", "no role `admin`"),
            ("\"finops\"", "\"king\"", "role `king`"),
            ("groups_claim = \"groups\"\n", "", "`roles` needs `groups_claim`"),
            ("https://", "http://", "must be an `https` address"),
            ("\"file:secret\"", "\"hunter2\"", "never stated itself"),
            ("second_factor", "second_factors", "unknown field `second_factors`"),
            ("name = \"company\"", "name = \"The Company\"", "its name must be"),
        ] {
            let text = COMPANY.replace(from, to);
            let error = open(&text).await.unwrap_err();
            assert!(error.contains(expected), "{to}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        let twice = open(&format!("{COMPANY}{COMPANY}")).await.unwrap_err();
        assert!(twice.contains("the same name or issuer"), "{twice}");
        assert!(Config::default().identity_providers.is_empty());
    }
}
