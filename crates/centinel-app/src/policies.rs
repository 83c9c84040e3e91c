//! When a policy changed: what is loaded is compared with what was loaded last, and the audit log keeps
//! each difference.
//!
//! Policies are files that people edit, so nobody tells when they did. What is known is when one was
//! first loaded as it is now, and that it was another one when policies were loaded before that.

use std::collections::BTreeMap;

use centinel_engine::{facts::sha256_hex, period::date_of};
use centinel_store::{Journal, audit};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    App, AppError, ExplainRequest, Link, LinkKind, circumstances::time_of, config::AttentionConfig,
    policy_files::read_policy,
};

/// Policies were loaded, and are not as they were when they were loaded last.
const LOADED: &str = "policies.loaded";
/// The files of a home's `policies`.
const FILES: [&str; 5] =
    ["owners.toml", "escalation.toml", "approvals.toml", "budgets.toml", "calendar.csv"];
/// All access policies together, by what they mean.
const ACCESS: &str = "access/*.cedar";
/// What the configuration says of attention, by its section.
const ATTENTION: &str = "centinel.toml [attention]";

/// SHA-256 of each policy, hex, by its file; `None` for a file that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Loaded {
    policies: BTreeMap<String, Option<String>>,
}

impl App {
    /// Notes the policies as they are now, where they are not as they were noted last. The first note
    /// of a home is no change.
    ///
    /// # Errors
    ///
    /// [`AppError::Home`] when a file cannot be read; store errors.
    pub async fn note_policies(&self, now: Timestamp) -> Result<(), AppError> {
        let loaded = self.loaded_policies()?;
        if self.noted_policies().await?.last().is_some_and(|(_, last)| *last == loaded) {
            return Ok(());
        }
        let mut journal = Journal::begin(self.database()).await?;
        journal.append(now, "system", LOADED, "policies", &loaded).await?;
        journal.commit().await?;
        Ok(())
    }

    /// Policies that were first loaded as they are during the days explained, or shortly before.
    pub(crate) async fn policy_links(
        &self,
        request: &ExplainRequest,
        now: Timestamp,
    ) -> Result<Vec<Link>, AppError> {
        let known_at = request.known_at(now);
        let (from, after) = time_of(request.period);
        let noted = self.noted_policies().await?;
        let mut links = Vec::new();
        for (earlier, (at, later)) in noted.iter().zip(noted.iter().skip(1)) {
            let day = date_of(*at);
            if *at > known_at || day < from || day >= after {
                continue;
            }
            for file in changed(&earlier.1, later) {
                links.push(Link::coincided(LinkKind::PolicyEdit, file.to_owned(), day));
            }
        }
        Ok(links)
    }

    /// Every note, oldest first.
    async fn noted_policies(&self) -> Result<Vec<(Timestamp, Loaded)>, AppError> {
        let entries = audit::entries_of_action(self.database(), LOADED).await?;
        let read = entries.into_iter().filter_map(|entry| {
            let at = Timestamp::from_microsecond(entry.at).ok()?;
            Some((at, serde_json::from_value(entry.payload).ok()?))
        });
        Ok(read.collect())
    }

    fn loaded_policies(&self) -> Result<Loaded, AppError> {
        let mut policies = BTreeMap::new();
        for name in FILES {
            let (_, text) = read_policy(&self.home, name)?;
            policies.insert(name.to_owned(), text.map(|text| sha256_hex(text.as_bytes())));
        }
        let access = self.approvals.access().digest().to_owned();
        policies.insert(ACCESS.to_owned(), Some(access));
        let AttentionConfig { minimum_impact, unexplained_share, slices_max } =
            &self.config.attention;
        let attention = format!("{minimum_impact} {unexplained_share} {slices_max}");
        policies.insert(ATTENTION.to_owned(), Some(sha256_hex(attention.as_bytes())));
        Ok(Loaded { policies })
    }
}

/// The policies that differ, by their file.
fn changed<'l>(earlier: &'l Loaded, later: &'l Loaded) -> Vec<&'l str> {
    let differs = |file: &&String| {
        // A policy that an earlier version did not note was not seen to change.
        earlier.policies.get(*file).is_some_and(|digest| later.policies.get(*file) != Some(digest))
    };
    later.policies.keys().filter(differs).map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(policies: &[(&str, Option<&str>)]) -> Loaded {
        let policies = policies.iter();
        let named =
            |(file, digest): &(&str, Option<&str>)| ((*file).to_owned(), digest.map(str::to_owned));
        Loaded { policies: policies.map(named).collect() }
    }

    #[test]
    fn what_was_not_noted_before_did_not_change() {
        let earlier = loaded(&[("owners.toml", Some("1")), ("calendar.csv", None)]);
        let later = loaded(&[
            ("owners.toml", Some("2")),
            ("calendar.csv", Some("3")),
            ("budgets.toml", Some("4")),
        ]);
        assert_eq!(changed(&earlier, &later), ["calendar.csv", "owners.toml"]);
        assert!(changed(&later, &later).is_empty());
    }
}
