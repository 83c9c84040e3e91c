//! Whether somebody reacted to a finding: said something of the episode, told of an event about its spend,
//! or did something about a proposal about it.

use std::collections::BTreeMap;

use centinel_engine::proposal::Principal;
use centinel_store::events;
use jiff::Timestamp;

use super::read::{is_about, touches};
use crate::{App, AppError};

impl App {
    /// Whether anybody reacted to an episode at an instant or later.
    pub(super) async fn has_reacted(
        &self,
        episode: i64,
        about: &BTreeMap<String, String>,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<bool, AppError> {
        let (from, until) = (since.as_microsecond(), now.as_microsecond());
        let said = events::feedback_until(self.database(), until).await?;
        if said.iter().any(|verdict| verdict.episode == episode && verdict.given_at >= from) {
            return Ok(true);
        }
        let told = events::known_at(self.database(), until).await?;
        let is_told = told.iter().any(|row| {
            // A pipeline that reports its deploys looks at nothing.
            row.event.created_at >= from
                && row.event.kind != "deploy"
                && serde_json::from_str(&row.event.scope)
                    .is_ok_and(|scope: BTreeMap<String, String>| touches(&scope, about))
        });
        if is_told {
            return Ok(true);
        }
        let all = self.approvals.all(now).await?;
        let did = all.iter().filter(|view| is_about(view, about)).flat_map(|view| &view.events);
        let is_person = |actor: &Principal| matches!(actor, Principal::Person { .. });
        Ok(did.into_iter().any(|event| event.at >= since && is_person(&event.actor)))
    }
}
