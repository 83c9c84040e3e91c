//! What everybody asks, computed before anybody does.

use std::time::Duration;

use centinel_engine::{forecast::CalendarPeriod, series::Dimension};
use centinel_ledger::LedgerState;
use jiff::Timestamp;

use crate::{App, AppError, ForecastPeriod, ForecastRequest, SpendGroup, When, parallel::aside};

/// How often is looked whether anything changed. What did not is found at once.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Viewers of a part whose episodes are found: those who asked last.
const VIEWERS_MAX: usize = 4;
/// Looks after which is computed even though rows still come in.
const LOOKS_MAX: u32 = 15;

impl App {
    /// Keeps in memory what everybody asks: after the start, and whenever something changed. While
    /// rows come in it waits, for half a minute at most, so that imports have the machine. One thing is
    /// computed at a time. Never ends.
    pub async fn keep_warm(&self, clock: fn() -> Timestamp) {
        let mut before: Option<LedgerState> = None;
        let mut looks = 0_u32;
        loop {
            match self.ledger.state().await {
                Ok(state) => {
                    let is_new = before.is_some() && before.as_ref() != Some(&state);
                    before = Some(state);
                    looks = if is_new { looks.saturating_add(1) } else { LOOKS_MAX };
                    if looks >= LOOKS_MAX {
                        looks = 0;
                        // Whoever asks the question is told what is wrong; here nobody did.
                        if let Err(error) = self.warm(clock()).await {
                            tracing::debug!(%error, "nothing to keep in memory");
                        }
                    }
                }
                Err(error) => tracing::debug!(%error, "the catalogue cannot be read"),
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Computes what everybody asks, unless it is in memory.
    ///
    /// # Errors
    ///
    /// As [`App::incidents`] and [`App::forecast`].
    pub async fn warm(&self, now: Timestamp) -> Result<(), AppError> {
        let settled = self.settled().await?;
        settled.warm_state(now).await?;
        // Whoever sees a part has episodes of their own.
        for sight in self.kept.viewers.latest(VIEWERS_MAX) {
            settled.through(sight).await?.episodes(now).await?;
        }
        Ok(())
    }

    async fn warm_state(&self, now: Timestamp) -> Result<(), AppError> {
        let app = self.clone();
        aside(async move { app.book().map(drop) }).await?;
        self.usual_steps().await?;
        self.episodes(now).await?;
        if let Some(data) = self.ledger.span().await? {
            for when in [When::LastMonth, When::MonthToDate] {
                let period = when.resolve(now, Some(data))?.period;
                self.reconciliation(Some(period)).await?;
                self.not_invoiced(period).await?;
            }
        }
        let periods = [CalendarPeriod::Month, CalendarPeriod::Week, CalendarPeriod::Quarter];
        let dimensions = [
            Dimension::Team,
            Dimension::Feature,
            Dimension::Model,
            Dimension::Service,
            Dimension::Provider,
        ];
        let groups = dimensions.into_iter().map(SpendGroup::Dimension);
        let groups: Vec<SpendGroup> = [SpendGroup::Kind].into_iter().chain(groups).collect();
        for period in periods {
            for by in &groups {
                let request = ForecastRequest {
                    period: ForecastPeriod::Calendar(period),
                    by: by.clone(),
                    ..ForecastRequest::month()
                };
                self.prepare_forecast(&request, now).await?;
            }
        }
        Ok(())
    }
}
