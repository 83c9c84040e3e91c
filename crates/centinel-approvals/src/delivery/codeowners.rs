//! What `CODEOWNERS` of a repository says about a proposal's owner.

use std::collections::{BTreeMap, BTreeSet};

use super::Reviewer;

/// What the file says about the proposal's owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    /// No file, or nobody owns the files in it.
    Nobody,
    /// The handles of the proposal's team are among the owners.
    Agrees,
    /// Others own the files.
    Differs,
    /// Which handles the proposal's team has is not configured.
    NotKnown,
    /// The file is there, but cannot be read: a link, or too large.
    Unreadable,
}

/// Compares the owners of files with the proposal's team, by a configured map of teams to handles.
/// Nothing is guessed from names that look alike.
pub fn ownership(
    owners: &BTreeSet<String>,
    team: &str,
    handles: &BTreeMap<String, Vec<String>>,
) -> Ownership {
    if owners.is_empty() {
        return Ownership::Nobody;
    }
    let Some(handles) = handles.get(team) else { return Ownership::NotKnown };
    let is_ours = |owner: &String| {
        let bare = |text: &str| text.trim_start_matches('@').to_ascii_lowercase();
        handles.iter().any(|handle| bare(handle) == bare(owner))
    };
    if owners.iter().any(is_ours) { Ownership::Agrees } else { Ownership::Differs }
}

/// Owners who can be asked to review; addresses cannot.
pub fn reviewers(owners: &BTreeSet<String>) -> Vec<Reviewer> {
    let reviewer = |owner: &String| {
        let handle = owner.strip_prefix('@').filter(|handle| !handle.is_empty())?;
        Some(match handle.rsplit_once('/') {
            Some((_, team)) => Reviewer::Team(team.to_owned()),
            None => Reviewer::Person(handle.to_owned()),
        })
    };
    let all: BTreeSet<Reviewer> = owners.iter().filter_map(reviewer).collect();
    all.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ownership_is_compared_and_not_guessed() {
        let set = |owners: &[&str]| owners.iter().map(|one| (*one).to_owned()).collect();
        let handles = BTreeMap::from([("search".to_owned(), vec!["@Org/Search".to_owned()])]);
        for (owners, team, expected) in [
            (vec![], "search", Ownership::Nobody),
            (vec!["@org/search", "@x"], "search", Ownership::Agrees),
            (vec!["@org/search-infra"], "search", Ownership::Differs),
            (vec!["@org/ads"], "ads", Ownership::NotKnown),
        ] {
            assert_eq!(ownership(&set(&owners), team, &handles), expected, "{owners:?} {team}");
        }
        let asked = reviewers(&set(&["@b", "@org/team", "a@example.com", "@"]));
        assert_eq!(asked, [Reviewer::Person("b".into()), Reviewer::Team("team".into())]);
    }
}
