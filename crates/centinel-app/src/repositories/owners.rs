//! What `CODEOWNERS` of the configured repositories says, for spend that their code makes.

use centinel_approvals::delivery::GitError;
use centinel_engine::attribution::{CodeOwners, Dialect, RepositoryOwners};

use super::{Repositories, RepositoryConfig, Way};
use crate::App;

/// A branch that no repository has: only the base is wanted.
const NO_BRANCH: &str = "centinel/none";

impl App {
    /// The files of the repositories that are tied to spend, as they are on their base branches now. One
    /// that cannot be read says why, and the others go on. Nothing is asked of any other repository.
    pub(crate) async fn code_owners(&self, repositories: &Repositories) -> Vec<RepositoryOwners> {
        let mut all = Vec::new();
        for config in self.config.repositories.iter().filter(|config| !config.spend.is_empty()) {
            let file = repositories.code_owners(config).await;
            // The configuration was checked when it was read.
            let ties = config.spend.iter().filter_map(|spend| spend.tie().ok()).collect();
            all.push(RepositoryOwners::new(&config.name, &config.handles, ties, file));
        }
        all
    }
}

impl Repositories {
    async fn code_owners(&self, config: &RepositoryConfig) -> Result<CodeOwners, String> {
        let said = |error: GitError| error.to_string();
        let way = &self.get(&config.name)?.way;
        let commit = match way {
            Way::Forge { mirror, .. } => {
                mirror.fetch(config.base.as_deref(), NO_BRANCH).await.map_err(said)?.base
            }
            Way::Local(local) => local.state(NO_BRANCH).await.map_err(said)?.base,
        };
        for path in places(config) {
            let file = match way {
                Way::Forge { mirror, .. } => mirror.file(&commit, path).await,
                Way::Local(local) => local.file(&commit, path).await,
            };
            let Some(bytes) = file.map_err(said)? else { continue };
            let dialect = match config.forge {
                Some(forge) => forge.dialect(),
                None => Dialect::of_file(path, &bytes),
            };
            return CodeOwners::parse(&bytes, dialect).map_err(|error| error.to_string());
        }
        Ok(CodeOwners::default())
    }
}

/// Where the file may lie; in a clone that nobody says the forge of, where either looks.
fn places(config: &RepositoryConfig) -> Vec<&'static str> {
    let dialects = match config.forge {
        Some(forge) => vec![forge.dialect()],
        None => vec![Dialect::Github, Dialect::Gitlab],
    };
    let mut places: Vec<&str> = Vec::new();
    for place in dialects.into_iter().flat_map(Dialect::files) {
        if !places.contains(place) {
            places.push(place);
        }
    }
    places
}
