//! The policies in force as their files say them, for people who want to read them.

use centinel_approvals::access;

use crate::{
    App, AppError,
    policy_files::{SHIPPED_APPROVALS, access_files, read_policy},
};

/// A policy that holds, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyText {
    /// Inside of the home's `policies`: `budgets.toml`, `access/default.cedar`.
    pub file: String,
    /// The file's text; that of the one that ships, where the home has none of its own.
    pub text: String,
}

impl App {
    /// Every policy that is read as one: approvals, owners, escalation, budgets, the calendar, access. One that the
    /// home does not have, and for which nothing ships, is left out.
    ///
    /// None for a viewer who does not see everything: policies name teams and amounts of everybody.
    ///
    /// # Errors
    ///
    /// [`AppError::Home`] when a file cannot be read.
    pub fn policy_texts(&self) -> Result<Vec<PolicyText>, AppError> {
        if self.limited_to().is_some() {
            return Ok(Vec::new());
        }
        let mut texts = Vec::new();
        for (file, shipped) in [
            ("approvals.toml", Some(SHIPPED_APPROVALS)),
            ("owners.toml", None),
            ("escalation.toml", None),
            ("budgets.toml", None),
            ("calendar.csv", None),
        ] {
            let (_, own) = read_policy(&self.home, file)?;
            if let Some(text) = own.or_else(|| shipped.map(str::to_owned)) {
                texts.push(PolicyText { file: file.to_owned(), text });
            }
        }
        let own = access_files(&self.home)?;
        let shipped = || access::SHIPPED.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let files = if own.is_empty() { shipped().into() } else { own };
        let access = files
            .into_iter()
            .map(|(name, text)| PolicyText { file: format!("access/{name}"), text });
        texts.extend(access);
        Ok(texts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::create_home;

    #[tokio::test]
    async fn what_holds_is_shown() {
        let home = tempfile::tempdir().unwrap();
        create_home(home.path()).unwrap();
        let app = App::open(home.path(), None).await.unwrap();
        let files = || -> Vec<String> {
            app.policy_texts().unwrap().into_iter().map(|policy| policy.file).collect()
        };
        let of_home = [
            "approvals.toml",
            "owners.toml",
            "escalation.toml",
            "budgets.toml",
            "access/default.cedar",
        ];
        assert_eq!(files(), of_home);
        // What is gone is shown as what holds instead.
        std::fs::remove_dir_all(home.path().join("policies")).unwrap();
        assert_eq!(files(), ["approvals.toml", "access/default.cedar"]);
        let approvals = app.policy_texts().unwrap().remove(0);
        assert_eq!(approvals.text, SHIPPED_APPROVALS);
    }
}
