//! The period of a question, as arguments.

use centinel_app::{App, ResolvedPeriod, When};
use jiff::{Timestamp, civil::Date};

use crate::{context::now, failure::usage};

/// Which days are asked about.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct PeriodArgs {
    /// `last_7d`, `last_28d`, `last_week`, `last_month`, `month_to_date` or `all`; relative words
    /// count from the end of the data when the data is old.
    #[arg(long, value_name = "PERIOD", conflicts_with_all = ["from", "until"])]
    period: Option<String>,
    /// First day counted, UTC.
    #[arg(long, visible_alias = "since", value_name = "DAY", requires = "until")]
    from: Option<Date>,
    /// The day after the last one counted, UTC.
    #[arg(long, value_name = "DAY", requires = "from")]
    until: Option<Date>,
}

impl PeriodArgs {
    pub(crate) async fn resolve(&self, app: &App, default: When) -> anyhow::Result<ResolvedPeriod> {
        self.resolve_as_of(app, default, None).await
    }

    /// As it would have been resolved at an instant.
    pub(crate) async fn resolve_as_of(
        &self,
        app: &App,
        default: When,
        as_of: Option<Timestamp>,
    ) -> anyhow::Result<ResolvedPeriod> {
        let when = match (self.from, self.until, &self.period) {
            (Some(from), Some(until), _) => When::Days(from, until),
            (_, _, Some(word)) => word.parse()?,
            _ => default,
        };
        let data = match when {
            When::All => app.ledger().extent_as_of(as_of).await?,
            _ => app.ledger().span_as_of(as_of).await?,
        };
        when.resolve(as_of.unwrap_or_else(now), data).map_err(|error| {
            usage(error.to_string(), "`--until` is the day after the last one counted")
        })
    }
}
