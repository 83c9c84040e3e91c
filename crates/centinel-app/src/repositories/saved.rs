//! What a merged pull request saves, said on it once it was measured.

use centinel_approvals::{
    View,
    delivery::{Delivery, Ending, Wish},
};
use centinel_engine::{money::Money, proposal::Occurrence};
use jiff::Timestamp;

use super::{Repositories, Way, effects::EDIT, order};
use crate::{App, AppError};

impl App {
    /// Says on merged pull requests what came of them, 7 and 30 days later. What a forge does not take is
    /// tried again the next time.
    ///
    /// # Errors
    ///
    /// Store and approval errors.
    pub async fn tell_savings(
        &self,
        repositories: &Repositories,
        now: Timestamp,
    ) -> Result<(), AppError> {
        for row in self.database().deliveries(false).await? {
            if row.seen.state != "merged" || row.seen.url.is_none() {
                continue;
            }
            let Ok(repository) = repositories.get(&row.repository) else { continue };
            let Way::Forge { mirror, forge } = &repository.way else { continue };
            let view = self.approvals.show(row.proposal, now).await?;
            let Some((saving, days)) = measured(&view) else { continue };
            let told = format!("told {days}");
            if row.seen.wanted == told {
                continue;
            }
            let words = self.words(&view.proposal).await?;
            let known = self.approvals.known_delivery(row.proposal, &row.repository).await?;
            let places = (row.repository.as_str(), row.branch.as_str());
            let wish = Wish::Close(Ending::AppliedElsewhere);
            let order = order(&view.proposal, &view.digest, wish, places, (&words, &known), now);
            let version = view.proposal.version;
            let steps = self.approvals.delivery_steps(row.proposal, version, &row.repository, now);
            let delivery = Delivery {
                mirror,
                forge: forge.as_ref(),
                edit: EDIT,
                settings: &repository.settings,
                journal: &steps,
            };
            let sentence = sentence(&view, saving, days);
            match delivery.tell_saving(&order, days, &sentence).await {
                Ok(()) => {
                    let mut seen = row.seen.clone();
                    seen.wanted = told;
                    let (id, name) = (row.proposal, &row.repository);
                    self.database().settle_delivery(id, name, &seen, now).await?;
                }
                Err(error) => tracing::warn!(%error, proposal = %row.proposal, "saving not told"),
            }
        }
        Ok(())
    }
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
