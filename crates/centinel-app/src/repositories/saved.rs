//! What a merged pull request saves, said on it once it was measured.

use centinel_approvals::{
    View,
    delivery::{Delivery, Ending, Wish},
};
use centinel_engine::{
    money::Money,
    proposal::{MEASURED_AFTER_DAYS, Occurrence},
};
use centinel_store::{DeliveryRow, DeliverySeen};
use jiff::Timestamp;

use super::{Repositories, Way, effects::EDIT, order};
use crate::{App, AppError};

impl App {
    /// Says on merged pull requests what came of them, 7 and 30 days later. What a forge does not take is
    /// tried again the next time.
    ///
    /// # Errors
    ///
    /// Store errors; what one of them cannot is in the diagnostics, and the others go on.
    pub async fn tell_savings(
        &self,
        repositories: &Repositories,
        now: Timestamp,
    ) -> Result<(), AppError> {
        let last = MEASURED_AFTER_DAYS.into_iter().max().map(told);
        for row in self.database().deliveries(false).await? {
            // After the last measurement there is nothing left to say.
            let is_told = last.as_ref() == Some(&row.seen.wanted);
            if row.seen.state != "merged" || row.seen.url.is_none() || is_told {
                continue;
            }
            if let Err(error) = self.tell_saving(repositories, &row, now).await {
                tracing::warn!(%error, proposal = %row.proposal, "saving not told");
            }
        }
        Ok(())
    }

    /// The same of one delivery. An error is in words, and is one of this delivery alone.
    async fn tell_saving(
        &self,
        repositories: &Repositories,
        row: &DeliveryRow,
        now: Timestamp,
    ) -> Result<(), String> {
        let said = |error: AppError| crate::in_one_line(&error);
        let (id, name) = (row.proposal, row.repository.as_str());
        let repository = repositories.get(name)?;
        let Way::Forge { mirror, forge } = &repository.way else { return Ok(()) };
        let view = self.approvals.show(id, now).await.map_err(|error| said(error.into()))?;
        let Some((saving, days)) = measured(&view) else { return Ok(()) };
        if row.seen.wanted == told(days) {
            return Ok(());
        }
        let words = self.words(&view.proposal).await.map_err(said)?;
        let known = self.approvals.known_delivery(id, name).await;
        let known = known.map_err(|error| said(error.into()))?;
        let places = (name, row.branch.as_str());
        let wish = Wish::Close(Ending::AppliedElsewhere);
        let order = order(&view.proposal, &view.digest, wish, places, (&words, &known), now);
        let steps = self.approvals.delivery_steps(id, view.proposal.version, name, now);
        let settings = &repository.settings;
        let forge = forge.as_ref();
        let delivery = Delivery { mirror, forge, edit: EDIT, settings, journal: &steps };
        let sentence = sentence(&view, saving, days);
        delivery.tell_saving(&order, days, &sentence).await.map_err(|error| error.to_string())?;
        let seen = DeliverySeen { wanted: told(days), ..row.seen.clone() };
        let settled = self.database().settle_delivery(id, name, &seen, now).await;
        settled.map_err(|error| said(error.into()))
    }
}

/// What a row says once a measurement was told.
fn told(days: u32) -> String {
    format!("told {days}")
}

/// The saving that was measured last, and after how many days.
fn measured(view: &View) -> Option<(Money, u32)> {
    view.events.iter().rev().find_map(|event| match event.what {
        Occurrence::Measured { saving, days } => Some((saving, days)),
        _ => None,
    })
}

/// One sentence of amounts that the engine computed.
fn sentence(view: &View, saving: Money, days: u32) -> String {
    let id = view.proposal.id;
    let measured = format!("{id} saves {saving} a month, measured over {days} days");
    match view.proposal.saving {
        Some(promised) => format!(
            "{measured}; {} ({} to {}) was promised.",
            promised.mid, promised.low, promised.high
        ),
        None => format!("{measured}."),
    }
}
