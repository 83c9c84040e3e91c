//! The policies of a home as files: read when it is opened, and checked on request.

use std::path::{Path, PathBuf};

use centinel_approvals::{AccessError, AccessPolicy, access};
use centinel_engine::{
    attribution::{EscalationPolicy, OwnershipPolicy},
    proposal::ApprovalPolicy,
};
use serde::Serialize;

use crate::{AppError, Config, budgets, calendar::KnownDays, in_one_line};

/// The approval policy that every home starts with, and that holds where a home has none.
pub(crate) const SHIPPED_APPROVALS: &str = include_str!("../../../policies/approvals.toml");

/// One policy of a home, checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckedPolicy {
    /// Where it is, inside of the home.
    pub file: String,
    /// What holds instead, where the home has no such file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead: Option<&'static str>,
    /// What is wrong, with its place; absent where nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Checks every policy of a home, each by itself: a home that cannot be opened is checked too.
///
/// # Errors
///
/// [`AppError::NoHome`].
pub fn check_policies(home: &Path) -> Result<Vec<CheckedPolicy>, AppError> {
    if !home.join("centinel.toml").exists() && !home.join("policies").exists() {
        return Err(AppError::NoHome(home.to_owned()));
    }
    let is_there = |name: &str| home.join("policies").join(name).exists();
    let calendar = home.join("policies").join("calendar.csv");
    let checked = |file: &str, instead, result: Result<(), AppError>| {
        let (fault, hint) = match result {
            Ok(()) => (None, None),
            Err(error) => (Some(in_one_line(&error)), error.hint()),
        };
        CheckedPolicy { file: file.to_owned(), instead, fault, hint }
    };
    let shipped = |name: &str| (!is_there(name)).then_some("the one that ships");
    let none = |name: &str| (!is_there(name)).then_some("nothing");
    let has_access = has_access_policies(home);
    Ok(vec![
        checked(
            "policies/access/",
            (!has_access).then_some("the ones that ship"),
            access(home).map(drop),
        ),
        checked(
            "policies/access/schema.cedarschema",
            none("access/schema.cedarschema"),
            schema(home),
        ),
        checked("policies/approvals.toml", shipped("approvals.toml"), approvals(home).map(drop)),
        checked("policies/owners.toml", none("owners.toml"), owners(home).map(drop)),
        checked("policies/escalation.toml", none("escalation.toml"), escalation(home).map(drop)),
        checked("policies/budgets.toml", none("budgets.toml"), budgets::load(home).map(drop)),
        checked(
            "policies/calendar.csv",
            none("calendar.csv"),
            KnownDays::load(&calendar).map(drop).map_err(AppError::from),
        ),
        checked(
            "centinel.toml",
            None,
            Config::load(&home.join("centinel.toml")).map(drop).map_err(AppError::from),
        ),
    ])
}

/// Who is accountable for what.
pub(crate) fn owners(home: &Path) -> Result<OwnershipPolicy, AppError> {
    let (path, text) = read_policy(home, "owners.toml")?;
    OwnershipPolicy::parse(&text.unwrap_or_default())
        .map_err(|error| AppError::Policy { path, reason: error.to_string() })
}

/// Who is told of a finding, and who next.
pub(crate) fn escalation(home: &Path) -> Result<EscalationPolicy, AppError> {
    let (path, text) = read_policy(home, "escalation.toml")?;
    EscalationPolicy::parse(&text.unwrap_or_default())
        .map_err(|error| AppError::Policy { path, reason: error.to_string() })
}

/// How many people of which roles a proposal needs. Without a policy the shipped one holds: nobody
/// decides by no rule at all.
pub(crate) fn approvals(home: &Path) -> Result<ApprovalPolicy, AppError> {
    let (path, text) = read_policy(home, "approvals.toml")?;
    ApprovalPolicy::parse(text.as_deref().unwrap_or(SHIPPED_APPROVALS))
        .map_err(|error| AppError::Policy { path, reason: error.to_string() })
}

/// Who may see, propose, approve and execute at all. Without a policy the shipped ones hold.
pub(crate) fn access(home: &Path) -> Result<AccessPolicy, AppError> {
    let files = access_files(home)?;
    let folder = home.join("policies").join("access");
    let wrong = |mistake: AccessError| AppError::AccessPolicy { folder: folder.clone(), mistake };
    if files.is_empty() {
        return AccessPolicy::shipped().map_err(wrong);
    }
    let files: Vec<(&str, &str)> =
        files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let (_, tests) = read_policy(home, "access/tests.toml")?;
    AccessPolicy::parse(&files, tests.as_deref()).map_err(wrong)
}

/// Whether a home has access policies of its own; also when they cannot be read.
pub(crate) fn has_access_policies(home: &Path) -> bool {
    access_files(home).map_or(true, |files| !files.is_empty())
}

/// The access policies of a home with their names, in the order of these.
pub(crate) fn access_files(home: &Path) -> Result<Vec<(String, String)>, AppError> {
    let folder = home.join("policies").join("access");
    let failed = |source| AppError::Home { path: folder.clone(), source };
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(failed(source)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
        if Path::new(&name).extension().is_some_and(|extension| extension == "cedar") {
            let (path, text) = read_policy(home, &format!("access/{name}"))?;
            let gone = std::io::Error::from(std::io::ErrorKind::NotFound);
            files.push((name, text.ok_or(AppError::Home { path, source: gone })?));
        }
    }
    files.sort();
    Ok(files)
}

/// The copy of the schema is for people and editors; one of another version would mislead them.
fn schema(home: &Path) -> Result<(), AppError> {
    let (path, text) = read_policy(home, "access/schema.cedarschema")?;
    match text {
        Some(text) if text != access::SCHEMA => {
            let reason = "it is not the schema that policies are checked against, and has no effect; \
                          delete it, and `centinel init` writes the right one";
            Err(AppError::Policy { path, reason: reason.to_owned() })
        }
        _ => Ok(()),
    }
}

/// A file of a home's `policies`, and its text where it is there.
pub(crate) fn read_policy(home: &Path, name: &str) -> Result<(PathBuf, Option<String>), AppError> {
    let path = home.join("policies").join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok((path, Some(text))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok((path, None)),
        Err(source) => Err(AppError::Home { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::create_home;

    fn faults(home: &Path) -> Vec<String> {
        let checked = check_policies(home).unwrap();
        assert_eq!(checked.len(), 8);
        let faults = checked.into_iter().filter_map(|policy| {
            assert!(policy.instead.is_none() || policy.fault.is_none(), "{policy:?}");
            Some(format!("{}: {}", policy.file, policy.fault?))
        });
        faults.collect()
    }

    #[test]
    fn a_new_home_has_no_fault_and_each_wrong_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(check_policies(folder.path()), Err(AppError::NoHome(_))));
        create_home(folder.path()).unwrap();
        assert!(faults(folder.path()).is_empty());
        for (name, text, fault) in [
            ("access/own.cedar", "permit (principal, action, resource);", "own.cedar` line 1: "),
            ("access/default.cedar", "permit (", "default.cedar` line 1: not valid Cedar"),
            ("access/schema.cedarschema", "entity Robot;", "has no effect"),
            ("access/tests.toml", "[[tset]]", "`tests.toml` line 1: unknown field"),
            ("approvals.toml", "currency = 5", "line 1"),
            ("owners.toml", "[[rule]]\nowner = 5", "line 1"),
            ("escalation.toml", "main_owner_percent = 20", "`main_owner_percent` is `20`"),
            ("calendar.csv", "series,kind,date\n*,party,2026-01-01\n", "party"),
        ] {
            let path = folder.path().join("policies").join(name);
            let before = std::fs::read_to_string(&path).ok();
            std::fs::write(&path, text).unwrap();
            let found = faults(folder.path());
            assert_eq!(found.len(), 1, "{name}: {found:?}");
            assert!(found[0].contains(fault), "{name}: {found:?}");
            assert_eq!(found[0].lines().count(), 1, "{name}: {found:?}");
            match before {
                Some(text) => std::fs::write(&path, text).unwrap(),
                None => std::fs::remove_file(&path).unwrap(),
            }
        }
        assert!(faults(folder.path()).is_empty());
        std::fs::remove_dir_all(folder.path().join("policies")).unwrap();
        let checked = check_policies(folder.path()).unwrap();
        assert_eq!(checked[0].instead, Some("the ones that ship"));
    }

    /// A folder without policies falls back to the shipped ones; a wrong policy opens nothing.
    #[tokio::test]
    async fn a_home_with_a_wrong_policy_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        create_home(folder.path()).unwrap();
        let app = crate::App::open(folder.path(), None).await.unwrap();
        let shipped = AccessPolicy::shipped().unwrap();
        assert_eq!(app.approvals().access().digest(), shipped.digest());
        let own = folder.path().join("policies/access/own.cedar");
        std::fs::write(&own, "@id(\"x\")\n@reason(\"y\")\npermit (principal, action, resource);")
            .unwrap();
        let error = crate::App::open(folder.path(), None).await.unwrap_err();
        assert!(matches!(error, AppError::AccessPolicy { .. }), "{error}");
        assert!(error.hint().unwrap().contains("principal is Person"));
    }
}
