//! Repositories: where proposals that change files are delivered, and what people did with them there.
//!
//! The order of reading: [`config`] (what is configured), [`Repositories`] (what is opened of it),
//! [`deliver`] (one round over every proposal), [`merged`] (what a merge or a close means). Nothing here
//! merges, and nothing that a repository or a forge says approves by itself: a merge counts as the
//! decision of the person whose account it was, where the policy lets it.

mod config;
mod deliver;
mod effects;
mod hooks;
mod merged;
mod owners;
mod saved;
mod shown;

use std::{collections::BTreeMap, path::Path};

use centinel_approvals::{
    Service,
    delivery::{
        Forge, GITHUB, GITLAB, Git, GitHub, GitLab, Known, Limits, Local, Mirror, Order, Remote,
        Settings, Signature, Wish, Words,
    },
};
use centinel_engine::proposal::{Edit, Proposal};
use jiff::Timestamp;

pub(crate) use config::problem;
pub use config::{DeliveryConfig, ForgeKind, OneOrMany, RepositoryConfig, SpendOfCode};
pub(crate) use effects::AllEffects;
pub use hooks::{ForgeHookError, ForgeHooks};
pub use shown::Delivered;

use crate::{App, AppError, live::Outside};

/// The repositories of a home, opened. What one of them lacks is said when something goes there, and
/// the others go on.
pub struct Repositories {
    all: BTreeMap<String, Result<Repository, String>>,
    signature: Signature,
}

/// One repository, opened.
struct Repository {
    way: Way,
    settings: Settings,
    after_approval: bool,
    /// Service and host, by which accounts of people are linked; `None` for a clone.
    accounts: Option<(Service, String)>,
}

/// How it is reached.
enum Way {
    Forge { mirror: Mirror, forge: Box<dyn Forge> },
    Local(Local),
}

impl std::fmt::Debug for Repositories {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Repositories").field(&self.all.keys()).finish()
    }
}

impl Repositories {
    fn get(&self, name: &str) -> Result<&Repository, String> {
        match self.all.get(name) {
            Some(Ok(repository)) => Ok(repository),
            Some(Err(reason)) => Err(reason.clone()),
            None => Err(not_configured(name)),
        }
    }
}

impl App {
    /// Opens every configured repository.
    pub async fn repositories(&self, git: &Git, outside: &Outside) -> Repositories {
        let delivery = &self.config.delivery;
        let signature = Signature { name: delivery.name.clone(), email: delivery.email.clone() };
        let mut all = BTreeMap::new();
        for config in &self.config.repositories {
            let opened = self.open_repository(config, &signature, git, outside).await;
            all.insert(config.name.clone(), opened);
        }
        Repositories { all, signature }
    }

    async fn open_repository(
        &self,
        config: &RepositoryConfig,
        signature: &Signature,
        git: &Git,
        outside: &Outside,
    ) -> Result<Repository, String> {
        let settings = Settings {
            base: config.base.clone(),
            handles: config.handles.clone(),
            labels: config.labels.clone(),
            dialect: config.forge.unwrap_or(ForgeKind::Github).dialect(),
            ..Settings::new(signature.clone())
        };
        let (way, accounts) = match (&config.path, config.forge) {
            (Some(path), _) => {
                let base = config.base.as_deref().unwrap_or("main");
                let local = Local::open(git.clone(), &self.home.join(path), base).await;
                (Way::Local(local.map_err(|error| error.to_string())?), None)
            }
            (None, Some(kind)) => {
                let (mirror, forge) = self.open_forge(config, kind, git, outside).await?;
                let host = host(config.url.as_deref().unwrap_or_default());
                (Way::Forge { mirror, forge }, Some((kind.service(), host)))
            }
            // The configuration was checked when it was read.
            (None, None) => return Err(not_configured(&config.name)),
        };
        Ok(Repository { way, settings, after_approval: config.after_approval, accounts })
    }

    async fn open_forge(
        &self,
        config: &RepositoryConfig,
        kind: ForgeKind,
        git: &Git,
        outside: &Outside,
    ) -> Result<(Mirror, Box<dyn Forge>), String> {
        let credential = config.credential.as_ref().ok_or("it has no `credential`")?;
        let secret = || credential.read(&self.home, outside.variable);
        let token = secret().map_err(|error: AppError| error.to_string())?;
        let url = config.url.as_deref().ok_or("it has no `url`")?;
        let user = match kind {
            ForgeKind::Github => "x-access-token",
            ForgeKind::Gitlab => "oauth2",
        };
        let pair = Some((user.to_owned(), token.clone()));
        let remote = Remote::new(url, pair, config.plain_http).map_err(|e| e.to_string())?;
        let folder = self.home.join("repositories").join(folder_name(&config.name));
        let mirror = Mirror::open(git.clone(), folder, remote).await.map_err(|e| e.to_string())?;
        let project = config.project().ok_or("it has no `project`: `owner/name`")?;
        let api = config.api.as_deref();
        let (limits, seed, now) = (Limits::default(), outside.seed, outside.now);
        let forge: Box<dyn Forge> = match kind {
            ForgeKind::Github => {
                let api = api.unwrap_or(GITHUB);
                let plain = config.plain_http;
                let forge = GitHub::new(api, &project, token, limits, seed, now, plain);
                Box::new(forge.map_err(|error| error.to_string())?)
            }
            ForgeKind::Gitlab => {
                let api = api.unwrap_or(GITLAB);
                let plain = config.plain_http;
                let forge = GitLab::new(api, &project, token, limits, seed, now, plain);
                Box::new(forge.map_err(|error| error.to_string())?)
            }
        };
        Ok((mirror, forge))
    }

    /// Whether proposals may change files of a repository.
    ///
    /// # Errors
    ///
    /// One line for people.
    pub(crate) fn check_repository(&self, name: &str) -> Result<(), String> {
        let is_known = self.config.repositories.iter().any(|config| config.name == name);
        is_known.then_some(()).ok_or_else(|| not_configured(name))
    }

    /// The texts of a pull request that are not in its proposal.
    async fn words(&self, proposal: &Proposal) -> Result<Words, AppError> {
        let bundle = self.evidence(&proposal.evidence).await?;
        let head = self.published_head().await?;
        let page = self.config.access.address.as_ref();
        Ok(Words {
            why: bundle.caveats.join("\n"),
            window: bundle.facts.iter().find_map(|fact| fact.window).map(|window| {
                let (first, after) = window.dates();
                let last = after.yesterday().unwrap_or(after);
                format!("{first} to {last} (UTC)")
            }),
            audit_head: head.to_string(),
            page: page.map(|page| format!("{page}/proposals/{}", proposal.id)),
        })
    }
}

/// What is delivered of a version in its repository.
fn order<'a>(
    proposal: &'a Proposal,
    digest: &'a str,
    wish: Wish,
    (repository, branch): (&'a str, &'a str),
    (words, known): (&'a Words, &'a Known),
    now: Timestamp,
) -> Order<'a> {
    Order {
        proposal,
        digest,
        repository,
        branch: Some(branch),
        wish,
        words,
        known,
        has_room: true,
        now,
    }
}

/// The repository that a proposal's edits lie in; `None` for one of the home, and for one without edits.
pub(crate) fn repository_of(proposal: &Proposal) -> Option<&str> {
    let repository = proposal.edits.first()?.repository.as_str();
    (repository != Edit::HOME).then_some(repository)
}

fn not_configured(name: &str) -> String {
    let name: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
    format!("repository `{name}` is not configured: add a [[repository]] to centinel.toml")
}

/// A folder for a name that may hold anything: readable, and one of a kind.
fn folder_name(name: &str) -> String {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(40).collect();
    let digest = centinel_engine::facts::sha256_hex(name.as_bytes());
    format!("{plain}-{}", digest.get(..8).unwrap_or_default())
}

/// The host of an address, as accounts there are linked.
fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    // A user before the host is who asks, and no part of where.
    authority.rsplit('@').next().unwrap_or_default().to_ascii_lowercase()
}

/// The folder of patches of a clone's proposals.
fn patches(home: &Path) -> std::path::PathBuf {
    home.join("patches")
}
