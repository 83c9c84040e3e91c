//! What every route shares.

use std::sync::Arc;

use centinel_app::{App, AppError, Report, Revision, SpendOverTime, When, oidc::Providers};
use centinel_engine::{period::Period, series::Dimension};
use jiff::{Timestamp, ToSpan as _};
use tokio::sync::Mutex;

use crate::{gate::is_own, refused::Refusals};

/// Why there is no random number.
pub type NonceError = Box<dyn std::error::Error + Send + Sync>;

/// How many models the chart shows apart.
const MODELS_SHOWN: usize = 8;
/// How many days it shows.
const DAYS_SHOWN: i64 = 90;

/// What every route shares. Cheap to clone.
///
/// INVARIANT: `whole` is for what takes rows in and for what tells nothing of them: the facts behind what
/// a person says was carried out are of all spend. A route that
/// answers takes `Asked`, whose product sees what the one who asks may see.
#[derive(Debug, Clone)]
pub struct WebState {
    app: App,
    clock: fn() -> Timestamp,
    nonce: fn() -> Result<u64, NonceError>,
    first_screen: Arc<Mutex<Option<Kept>>>,
    refusals: Refusals,
    providers: Providers,
}

/// A first screen and the state of the home that it shows.
type Kept = (Revision, Arc<FirstScreen>);

/// The answers behind the first screen.
#[derive(Debug)]
pub(crate) struct FirstScreen {
    pub(crate) report: Report,
    pub(crate) models: SpendOverTime,
}

impl WebState {
    /// The product with a clock and a source of random numbers, which tell apart imports that run at
    /// the same time.
    pub fn new(app: App, clock: fn() -> Timestamp, nonce: fn() -> Result<u64, NonceError>) -> Self {
        Self {
            app,
            clock,
            nonce,
            first_screen: Arc::default(),
            refusals: Refusals::default(),
            providers: Providers::default(),
        }
    }

    /// Lets people sign in through these identity providers as well.
    #[must_use]
    pub fn signing_in_with(self, providers: Providers) -> Self {
        Self { providers, ..self }
    }

    /// The identity providers.
    pub(crate) fn providers(&self) -> &Providers {
        &self.providers
    }

    /// The product, and all that it holds.
    pub(crate) fn whole(&self) -> &App {
        &self.app
    }

    /// The same for one request, with the product as whoever asks sees it.
    pub(crate) fn for_one(&self, app: App) -> Self {
        // What was computed for those who see everything is for them alone.
        let is_whole = app.limited_to().is_none() && !app.hides_proposals();
        let first_screen = if is_whole { Arc::clone(&self.first_screen) } else { Arc::default() };
        Self { app, first_screen, ..self.clone() }
    }

    /// The present.
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// What was refused since the server started.
    pub(crate) fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    /// The address of the page for whoever reaches it by a host, with its port: `http://localhost:8787`.
    /// `None` for a name that is none of ours.
    pub(crate) fn page_at(&self, host: &str) -> Option<String> {
        let configured = self.app.config().access.address.as_ref();
        match configured.filter(|address| address.host().eq_ignore_ascii_case(host)) {
            Some(address) => Some(address.to_string()),
            None => is_own(host).then(|| format!("http://{host}")),
        }
    }

    /// A random number.
    pub(crate) fn nonce(&self) -> Result<u64, NonceError> {
        (self.nonce)()
    }

    /// The first screen: computed once for each state of the home, however many ask at once.
    pub(crate) async fn first_screen(&self) -> Result<Arc<FirstScreen>, AppError> {
        let now = self.now();
        let mut kept = self.first_screen.lock().await;
        let revision = self.app.revision(now).await?;
        if let Some((of, screen)) = kept.as_ref()
            && *of == revision
        {
            return Ok(Arc::clone(screen));
        }
        let report = self.app.report(now).await?;
        let data = (report.data_from, report.data_until);
        let all = When::All.resolve(now, Some(data))?.period;
        let (first, after) = all.dates();
        let first = first.max(after.saturating_sub(DAYS_SHOWN.days()));
        let days = Period::days(first, after)?;
        let models = self.app.spend_over_time(&Dimension::Model, days, MODELS_SHOWN, now).await?;
        let screen = Arc::new(FirstScreen { report, models });
        *kept = Some((revision, Arc::clone(&screen)));
        Ok(screen)
    }
}
