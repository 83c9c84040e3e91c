//! Where proposals were delivered to, for whoever looks at them.

use std::collections::BTreeSet;

use centinel_engine::proposal::ProposalId;
use centinel_store::{DeliveryRow, DeliverySeen};
use serde::Serialize;

use super::{RepositoryConfig, host};
use crate::{App, AppError};

/// What became of a proposal in its repository, as it was seen last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delivered {
    /// Which proposal.
    pub id: ProposalId,
    /// The repository by its name.
    pub repository: String,
    /// What it looks like now. Its note and its address may hold foreign text.
    #[serde(flatten)]
    pub seen: DeliverySeen,
}

impl From<DeliveryRow> for Delivered {
    fn from(DeliveryRow { proposal, repository, seen, .. }: DeliveryRow) -> Self {
        Self { id: proposal, repository, seen }
    }
}

impl App {
    /// Where a proposal was delivered to, and what it looked like there last. Whoever calls has shown that
    /// its reader sees the proposal.
    ///
    /// # Errors
    ///
    /// Store errors.
    pub async fn deliveries_of(&self, id: ProposalId) -> Result<Vec<Delivered>, AppError> {
        let rows = self.database().deliveries_of(id).await?;
        Ok(rows.into_iter().map(Delivered::from).collect())
    }

    /// The same of several proposals.
    ///
    /// # Errors
    ///
    /// Store errors.
    pub async fn deliveries_among(
        &self,
        ids: &BTreeSet<ProposalId>,
    ) -> Result<Vec<Delivered>, AppError> {
        let rows = self.database().deliveries(false).await?;
        let rows = rows.into_iter().filter(|row| ids.contains(&row.proposal));
        Ok(rows.map(Delivered::from).collect())
    }

    /// The address under which a delivery may be linked to: a page of the host that its repository is
    /// configured to be on. A row that somebody wrote, or a forge that lies, leads nowhere else.
    pub fn link_of<'a>(&self, delivered: &'a Delivered) -> Option<&'a str> {
        let url = delivered.seen.url.as_deref()?;
        let mut all = self.config.repositories.iter();
        let config = all.find(|config| config.name == delivered.repository)?;
        is_page_of(url, config).then_some(url)
    }
}

/// Whether an address is a page on the host of a repository.
fn is_page_of(url: &str, config: &RepositoryConfig) -> bool {
    let Some(own) = config.url.as_deref() else { return false };
    let is_http =
        url.starts_with("https://") || (url.starts_with("http://") && own.starts_with("http://"));
    // What browsers read in another way than we do: a `\\` as `/`, a user before the host, breaks.
    let is_plain = url.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'@'));
    let authority = url.split_once("://").map_or("", |(_, rest)| rest);
    let is_of_host = authority
        .split(['/', '?', '#'])
        .next()
        .is_some_and(|at| !at.is_empty() && at.eq_ignore_ascii_case(&host(own)));
    is_http && is_plain && is_of_host
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_its_own_host_are_linked_to() {
        let config = |url: &str| -> RepositoryConfig {
            toml::from_str(&format!("name = \"shop\"\n{url}")).unwrap()
        };
        let cloud = config("url = \"https://GitHub.com/org/shop\"\nforge = \"github\"");
        let own = config("url = \"http://git.example:8080/org/shop\"\nforge = \"gitlab\"");
        let user = config("url = \"https://bot@github.com/org/shop\"\nforge = \"github\"");
        let clone = config("path = \"../shop\"");
        for (url, config, expected) in [
            ("https://github.com/org/shop/pull/1", &cloud, true),
            ("https://GITHUB.com/org/shop/pull/1#issuecomment-1", &cloud, true),
            ("https://github.com/org/shop/pull/1", &user, true),
            ("http://git.example:8080/org/shop/-/merge_requests/1", &own, true),
            ("https://git.example:8080/org/shop/-/merge_requests/1", &own, true),
            ("http://github.com/org/shop/pull/1", &cloud, false),
            ("https://github.com.evil.example/org/shop/pull/1", &cloud, false),
            ("https://github.com@evil.example/", &cloud, false),
            ("https://evil.example/github.com", &cloud, false),
            ("https://evil.example?https://github.com/", &cloud, false),
            ("https://evil.example\\@github.com/", &cloud, false),
            ("https://evil.example#@github.com/", &cloud, false),
            ("https://github.com:8443/org/shop", &cloud, false),
            ("https:///org/shop", &cloud, false),
            ("https://github.com\n.evil.example/", &cloud, false),
            (" https://github.com/", &cloud, false),
            ("javascript://github.com/%0aalert(1)", &cloud, false),
            ("javascript:alert(1)", &cloud, false),
            ("//github.com/org/shop", &cloud, false),
            ("/home/patches/shop.patch", &clone, false),
            ("https://github.com/org/shop/pull/1", &clone, false),
        ] {
            assert_eq!(is_page_of(url, config), expected, "{url:?} of {:?}", config.url);
        }
    }
}
