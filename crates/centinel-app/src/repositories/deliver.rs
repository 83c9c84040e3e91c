//! One round: every proposal that changes files of a repository is brought to where it belongs there.

use std::collections::{BTreeMap, BTreeSet};

use centinel_approvals::{
    View,
    delivery::{
        Delivery, DeliveryError, Ending, Known, LocalDelivery, LocalOutcome, Note, OpenMax, Order,
        Outcome, Place, PlanError, Wish, admitted, branch_name,
    },
};
use centinel_engine::proposal::{Calibration, Command, ProposalId, Status, expected_saving};
use centinel_store::{DeliveryRow, DeliverySeen};
use jiff::{SignedDuration, Timestamp};

use super::{
    Delivered, Repositories, Repository, Way, effects::EDIT, order, patches, repository_of,
};
use crate::{App, AppError};

/// How often a pull request is looked at where nothing new is wanted of it and no webhook came.
const LOOK_EVERY: SignedDuration = SignedDuration::from_mins(5);
/// How long whoever works on a delivery is left alone.
const LEASE: SignedDuration = SignedDuration::from_mins(2);
/// Longest note of a delivery, in characters.
const NOTE_MAX: usize = 500;

/// What was found there, and what it means for the proposal.
pub(super) enum Happened {
    /// It is open, or waits, or somebody else works on it.
    Stands { state: &'static str, url: Option<String>, note: Option<String> },
    /// Nothing of ours is left there.
    Gone,
    /// The values are on the base branch; by a merge of somebody, where one is known, and whether that
    /// was of the commit that we delivered.
    There { by: Option<String>, is_as_delivered: bool, url: Option<String> },
    /// A person closed it.
    Declined { by: Option<String>, url: Option<String> },
    /// It does not fit what is there any more.
    OutOfDate(String),
}

impl App {
    /// Opens, updates, closes and follows pull requests of proposals that change files of repositories.
    /// May be run at any time and by several at once. What one of them cannot is noted with it, and the
    /// others go on. Returns those whose state is another than before.
    ///
    /// # Errors
    ///
    /// Ledger, store and approval errors.
    pub async fn deliver(
        &self,
        repositories: &Repositories,
        now: Timestamp,
    ) -> Result<Vec<Delivered>, AppError> {
        let rows = self.database().deliveries(false).await?;
        let rows: BTreeMap<ProposalId, DeliveryRow> =
            rows.into_iter().map(|row| (row.proposal, row)).collect();
        let mut views = self.approvals.inbox(now).await?;
        views.retain(|view| repository_of(&view.proposal).is_some());
        let open: BTreeSet<ProposalId> = views.iter().map(|view| view.proposal.id).collect();
        for row in rows.values().filter(|row| !row.seen.is_over && !open.contains(&row.proposal)) {
            match self.approvals.show(row.proposal, now).await {
                Ok(view) => views.push(view),
                // Somebody wrote a row for what the log does not know: nothing is done for it.
                Err(error) if error.is_refusal() => {
                    let note = Some("there is no such proposal".to_owned());
                    let seen = DeliverySeen { note, is_over: true, ..row.seen.clone() };
                    let database = self.database();
                    database.settle_delivery(row.proposal, &row.repository, &seen, now).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        let calibration = self.calibration(now).await?;
        let room = self.room(repositories, &views, &rows, &calibration);
        let mut delivered = Vec::new();
        for view in views {
            let id = view.proposal.id;
            let Some(name) = repository_of(&view.proposal).map(str::to_owned) else { continue };
            let before = rows.get(&id);
            let has_room = room.contains(&id);
            if let Some(seen) =
                self.deliver_one(repositories, view, &name, before, has_room, now).await?
            {
                delivered.push(Delivered { id, repository: name, seen });
            }
        }
        Ok(delivered)
    }

    /// Whatever is open in a repository, or in all, is looked at in the next round. Says how many.
    ///
    /// # Errors
    ///
    /// Store errors.
    pub async fn look_again(&self, repository: Option<&str>) -> Result<u64, AppError> {
        Ok(self.database().wake_deliveries(repository).await?)
    }

    /// Which proposals may be open at once: those that are, and of the others the largest expected
    /// savings, in the order of the inbox.
    fn room(
        &self,
        repositories: &Repositories,
        views: &[View],
        rows: &BTreeMap<ProposalId, DeliveryRow>,
        calibration: &[Calibration],
    ) -> BTreeSet<ProposalId> {
        let (mut open, mut waiting) = (Vec::new(), Vec::new());
        for view in views.iter().filter(|view| wish(view.status) == Some(Wish::Open)) {
            let proposal = &view.proposal;
            let Some(repository) = repository_of(proposal) else { continue };
            let place = Place {
                proposal: proposal.id,
                repository: repository.to_owned(),
                owner: proposal.owner.clone(),
                expected: expected_saving(proposal, calibration),
            };
            let row = rows.get(&proposal.id);
            let is_open = row.is_some_and(|row| row.seen.url.is_some() && !row.seen.is_over);
            match is_open {
                true => open.push(place),
                false if repositories.opens(repository, view.status) => waiting.push(place),
                false => {}
            }
        }
        let delivery = &self.config.delivery;
        let max = OpenMax {
            per_repository: delivery.open_per_repository,
            per_owner: delivery.open_per_owner,
        };
        let more = admitted(&open, &waiting, max).into_iter().map(|(id, _)| id);
        more.chain(open.iter().map(|place| place.proposal)).collect()
    }

    /// Brings one proposal to where it belongs; `None` when nothing about it is new.
    async fn deliver_one(
        &self,
        repositories: &Repositories,
        view: View,
        name: &str,
        before: Option<&DeliveryRow>,
        has_room: bool,
        now: Timestamp,
    ) -> Result<Option<DeliverySeen>, AppError> {
        let id = view.proposal.id;
        let Some(wish) = wish(view.status) else { return Ok(None) };
        let wanted = wanted(wish, view.proposal.version);
        if !is_due(before, wish, &wanted, has_room, now) {
            return Ok(None);
        }
        let branch = branch_name(&view.proposal);
        let database = self.database();
        let Some(row) = database.claim_delivery(id, name, &branch, now, LEASE).await? else {
            return Ok(None);
        };
        let looked = self.look_after(repositories, view, &row, (wish, has_room), now).await;
        let mut seen = looked.unwrap_or_else(|reason| {
            tracing::warn!(proposal = %id, repository = name, reason, "delivery");
            // Nothing is known to have changed: it is tried again, also where all was over before.
            DeliverySeen { note: Some(reason), is_over: false, ..row.seen.clone() }
        });
        seen.wanted = wanted;
        seen.note = seen.note.map(|note| in_short(&note));
        // An end that was not reached is tried again; one that was is not looked at any more.
        database.settle_delivery(id, name, &seen, now).await?;
        let is_new = before.is_none_or(|before| {
            (&before.seen.state, &before.seen.url, &before.seen.note)
                != (&seen.state, &seen.url, &seen.note)
        });
        Ok(is_new.then_some(seen))
    }

    /// Looks at one that is claimed, acts, and takes what was found into account. An error is in words: it
    /// is noted with this one, and the others go on.
    async fn look_after(
        &self,
        repositories: &Repositories,
        view: View,
        row: &DeliveryRow,
        (wish, has_room): (Wish, bool),
        now: Timestamp,
    ) -> Result<DeliverySeen, String> {
        let said = |error: AppError| crate::in_one_line(&error);
        let name = row.repository.as_str();
        let view = self.drifted(view, now).await.map_err(said)?;
        let wish = self::wish(view.status).unwrap_or(wish);
        let repository = repositories.get(name)?;
        let happened = if has_room || wish != Wish::Open {
            self.run(repositories, repository, &view, row, wish, now).await?
        } else {
            let note = "as many are open as may be; the largest expected saving goes first";
            Happened::Stands { state: "waiting", url: None, note: Some(note.to_owned()) }
        };
        let seen =
            self.followed(repositories, &view, name, happened, now).await.map_err(said)??;
        // What is out of date is open until the next round, and may be opened again.
        let url = if seen.state == "out_of_date" { row.seen.url.clone() } else { seen.url };
        Ok(DeliverySeen { url, ..seen })
    }

    /// The proposal after its facts were computed again: what drifted waits for a new version.
    async fn drifted(&self, view: View, now: Timestamp) -> Result<View, AppError> {
        if !matches!(view.status, Status::Pending | Status::Approved) {
            return Ok(view);
        }
        let facts = self.saving_holds(&view.proposal, now).await?;
        Ok(self.approvals.execute(view.proposal.id, &Command::Refresh, &facts, now).await?)
    }

    /// Looks and acts. An error is one that passes, in words.
    async fn run(
        &self,
        repositories: &Repositories,
        repository: &Repository,
        view: &View,
        row: &DeliveryRow,
        wish: Wish,
        now: Timestamp,
    ) -> Result<Happened, String> {
        let said = |error: AppError| crate::in_one_line(&error);
        let (id, name) = (view.proposal.id, row.repository.as_str());
        let words = self.words(&view.proposal).await.map_err(said)?;
        let known = self.approvals.known_delivery(id, name).await;
        let known = known.map_err(|error| error.to_string())?;
        let order =
            order(&view.proposal, &view.digest, wish, (name, &row.branch), (&words, &known), now);
        match &repository.way {
            Way::Local(local) => {
                let patches = patches(&self.home);
                let signature = &repositories.signature;
                let delivery = LocalDelivery { local, edit: EDIT, signature, patches };
                match delivery.run(&order).await {
                    Ok(outcome) => Ok(of_clone(outcome)),
                    Err(PlanError::Git(error)) => Err(error.to_string()),
                    Err(error) => Ok(Happened::OutOfDate(error.to_string())),
                }
            }
            Way::Forge { mirror, forge } => {
                let steps = self.approvals.delivery_steps(id, view.proposal.version, name, now);
                let settings = &repository.settings;
                let forge = forge.as_ref();
                let delivery = Delivery { mirror, forge, edit: EDIT, settings, journal: &steps };
                let mut outcome = delivery.run(&order).await;
                let url = row.seen.url.clone();
                if outcome == Ok(Outcome::AlreadyThere) {
                    // Whatever of ours is open has nothing left to do. Was it merged in this moment, then
                    // that is what is seen.
                    let known = self.approvals.known_delivery(id, name).await;
                    let known = known.map_err(|error| error.to_string())?;
                    let wish = Wish::Close(Ending::AppliedElsewhere);
                    let order = Order { wish, known: &known, ..order };
                    outcome = match delivery.run(&order).await {
                        Ok(Outcome::Closed | Outcome::StoodBack(_)) => Ok(Outcome::AlreadyThere),
                        other => other,
                    };
                }
                of_forge(outcome, wish, url, &known)
            }
        }
    }
}

impl Repositories {
    /// Whether something may be opened there for a proposal in this state.
    fn opens(&self, name: &str, status: Status) -> bool {
        let repository = self.get(name);
        repository.is_ok_and(|repository| {
            !repository.after_approval || matches!(status, Status::Approved | Status::Failed)
        })
    }
}

/// What is wanted in a repository; `None` while an execution is under way.
fn wish(status: Status) -> Option<Wish> {
    Some(match status {
        Status::Pending | Status::Approved | Status::Failed => Wish::Open,
        Status::Executing | Status::Unknown => return None,
        Status::Stale => Wish::Close(Ending::Obsolete),
        Status::Rejected => Wish::Close(Ending::Rejected),
        Status::Withdrawn => Wish::Close(Ending::Withdrawn),
        Status::Expired => Wish::Close(Ending::Expired),
        Status::Abandoned => Wish::Close(Ending::Obsolete),
        Status::Executed | Status::Measured | Status::RolledBack | Status::Overtaken => {
            Wish::Close(Ending::AppliedElsewhere)
        }
    })
}

/// What is wanted, as a row keeps it.
fn wanted(wish: Wish, version: u32) -> String {
    match wish {
        Wish::Open => format!("open v{version}"),
        Wish::Close(_) => format!("close v{version}"),
    }
}

/// Whether there is something to do, or it is time to look again.
fn is_due(
    before: Option<&DeliveryRow>,
    wish: Wish,
    wanted: &str,
    has_room: bool,
    now: Timestamp,
) -> bool {
    // What was never opened needs no close.
    let Some(row) = before else { return wish == Wish::Open };
    if row.seen.wanted != wanted || (row.seen.state == "waiting" && has_room) {
        return row.seen.state != "declined" && !(row.seen.is_over && wish != Wish::Open);
    }
    let looked_at = row.looked_at.unwrap_or(Timestamp::MIN);
    !row.seen.is_over && now.duration_since(looked_at) >= LOOK_EVERY
}

fn of_clone(outcome: LocalOutcome) -> Happened {
    match outcome {
        LocalOutcome::Ready { branch, patch, .. } => Happened::Stands {
            state: "ready",
            url: Some(patch.display().to_string()),
            note: Some(format!("branch {branch}: merge it, or apply the patch")),
        },
        LocalOutcome::Merged { .. } | LocalOutcome::AlreadyThere => {
            Happened::There { by: None, is_as_delivered: false, url: None }
        }
        LocalOutcome::StoodBack(note) => stood_back(note, None),
        LocalOutcome::Gone => Happened::Gone,
    }
}

fn of_forge(
    outcome: Result<Outcome, DeliveryError>,
    wish: Wish,
    url: Option<String>,
    known: &Known,
) -> Result<Happened, String> {
    Ok(match outcome {
        Ok(Outcome::Open { pull, warnings }) => Happened::Stands {
            state: "open",
            url: Some(pull.url),
            note: (!warnings.is_empty()).then(|| warnings.join("; ")),
        },
        Ok(Outcome::Later(_)) => Happened::Stands { state: "open", url, note: None },
        Ok(Outcome::Waits) => Happened::Stands { state: "waiting", url, note: None },
        Ok(Outcome::Closed) => Happened::Gone,
        Ok(Outcome::ClosedBy(by)) => Happened::Declined { by, url },
        Ok(Outcome::MergedBy { by, is_as_delivered, .. }) => {
            Happened::There { by, is_as_delivered, url }
        }
        Ok(Outcome::AlreadyThere) => Happened::There { by: None, is_as_delivered: false, url },
        Ok(Outcome::StoodBack(_)) if wish != Wish::Open && known.pull.is_none() => Happened::Gone,
        Ok(Outcome::StoodBack(note)) => stood_back(note, url),
        Err(DeliveryError::Plan(error)) => Happened::OutOfDate(error.to_string()),
        Err(error) => return Err(error.to_string()),
    })
}

fn stood_back(note: Note, url: Option<String>) -> Happened {
    let note = match note {
        Note::BranchGone => "its branch was deleted; close the pull request to decline it",
        _ => "somebody else's commit is on its branch, which is left to them",
    };
    Happened::Stands { state: "theirs", url, note: Some(note.to_owned()) }
}

fn in_short(note: &str) -> String {
    note.chars().map(|c| if c.is_control() { ' ' } else { c }).take(NOTE_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(state: &str, wanted: &str, is_over: bool, looked_at: Option<Timestamp>) -> DeliveryRow {
        DeliveryRow {
            proposal: ProposalId(1),
            repository: "infra".to_owned(),
            branch: "centinel/x/p-1".to_owned(),
            seen: DeliverySeen {
                state: state.to_owned(),
                url: None,
                note: None,
                wanted: wanted.to_owned(),
                is_over,
            },
            looked_at,
        }
    }

    #[test]
    fn a_delivery_is_looked_at_when_something_is_new_and_now_and_then() {
        let now: Timestamp = "2026-10-01T12:00:00Z".parse().unwrap();
        let lately = Some(now - SignedDuration::from_mins(1));
        let long_ago = Some(now - SignedDuration::from_mins(6));
        let close = Wish::Close(Ending::Rejected);
        for (what, before, wish, wanted, has_room, expected) in [
            ("new", None, Wish::Open, "open v1", true, true),
            ("never opened", None, close, "close v1", true, false),
            (
                "lately",
                Some(row("open", "open v1", false, lately)),
                Wish::Open,
                "open v1",
                true,
                false,
            ),
            (
                "again",
                Some(row("open", "open v1", false, long_ago)),
                Wish::Open,
                "open v1",
                true,
                true,
            ),
            ("woken", Some(row("open", "open v1", false, None)), Wish::Open, "open v1", true, true),
            (
                "version",
                Some(row("open", "open v1", false, lately)),
                Wish::Open,
                "open v2",
                true,
                true,
            ),
            ("ended", Some(row("open", "open v1", false, lately)), close, "close v1", true, true),
            ("over", Some(row("gone", "close v1", true, None)), close, "close v1", true, false),
            (
                "back",
                Some(row("gone", "close v1", true, lately)),
                Wish::Open,
                "open v2",
                true,
                true,
            ),
            (
                "declined",
                Some(row("declined", "open v1", true, None)),
                Wish::Open,
                "open v2",
                true,
                false,
            ),
            (
                "room",
                Some(row("waiting", "open v1", false, lately)),
                Wish::Open,
                "open v1",
                true,
                true,
            ),
            (
                "no room",
                Some(row("waiting", "open v1", false, lately)),
                Wish::Open,
                "open v1",
                false,
                false,
            ),
        ] {
            assert_eq!(is_due(before.as_ref(), wish, wanted, has_room, now), expected, "{what}");
        }
    }
}
