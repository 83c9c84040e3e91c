//! The narrator of a home: opened as it is configured, its calls booked like those of any feature.

mod narration;

use std::{fmt::Write as _, sync::Arc, time::Duration};

use centinel_agent::{
    Allowance, Budget, Caps, Chat, Endpoint, Label, Limits, MeteredCall, Mode, Narrator, PromptId,
    Settings, Spent, Task, Transport, Worded, metered,
};
use centinel_app::{App, NarratorConfig, NarratorMode, highest_price};
use centinel_engine::{
    facts::Bundle,
    narrative::{check, is_verified, missing, without_citations},
};
use serde::Serialize;

pub(crate) use self::narration::{Narration, or_interrupted};
use crate::{
    context::{explain, nonce, now, outside},
    failure::hinted,
};

/// The narrator as `[narrator]` says, in the strictest mode that its endpoint is known to keep to; `None`
/// without one: then every text has its standard wording, and no network is touched.
pub(crate) async fn open(app: &App) -> anyhow::Result<Option<Narrator>> {
    let Some(config) = &app.config().narrator else { return Ok(None) };
    let key = app.narrator_key(outside()?.variable).map_err(explain)?;
    let endpoint = Endpoint::new(
        &config.base_url,
        &config.model,
        config.provider.as_deref(),
        config.api_version.as_deref(),
        key,
        config.plain_http,
    );
    let endpoint = endpoint.map_err(|error| match error.hint() {
        Some(hint) => hinted(format!("`[narrator]`: {error}"), hint),
        None => anyhow::anyhow!("`[narrator]`: {error}"),
    })?;
    let budget = budget(app, config, &endpoint).await?;
    let limits = Limits {
        time: Duration::from_secs(config.seconds),
        output_tokens_max: config.output_tokens_max,
        ..Limits::default()
    };
    let known = app.narrator_memory(&endpoint.to_string(), endpoint.model()).mode;
    let mode = mode_of(known.unwrap_or_default().max(config.mode));
    let chat = Chat::new(endpoint, Transport::Live, limits, now)?;
    Ok(Some(Narrator::new(chat, Arc::new(budget), Settings { mode })))
}

fn mode_of(mode: NarratorMode) -> Mode {
    match mode {
        NarratorMode::JsonSchema => Mode::JsonSchema,
        NarratorMode::JsonObject => Mode::JsonObject,
        NarratorMode::Text => Mode::Text,
    }
}

/// A mode as it is remembered.
pub(crate) fn remembered(mode: Mode) -> NarratorMode {
    match mode {
        Mode::JsonSchema => NarratorMode::JsonSchema,
        Mode::JsonObject => NarratorMode::JsonObject,
        Mode::Text => NarratorMode::Text,
    }
}

/// The day's budget, less what the ledger says was spent.
async fn budget(app: &App, config: &NarratorConfig, endpoint: &Endpoint) -> anyhow::Result<Budget> {
    let now_is = now();
    let book = app.price_book().map_err(explain)?;
    let (provider, model) = (endpoint.provider().to_owned(), endpoint.model().to_owned());
    let price = move |usage: &_| highest_price(&book, &provider, &model, usage, now());
    let caps = Caps {
        run: Allowance { money: config.cap_per_run, tokens: config.tokens_per_run },
        day: Allowance { money: config.cap_per_day, tokens: config.tokens_per_day },
    };
    let currency = app.config().organisation.currency;
    let spent = booked(app, now_is).await?;
    Ok(Budget::new(caps, currency, Arc::new(price), now_is, spent))
}

/// What the ledger says that the narrators of all processes spent on the day of an instant.
async fn booked(app: &App, now: jiff::Timestamp) -> anyhow::Result<Spent> {
    let spent = app.narrator_spent(metered::FEATURE, now).await.map_err(explain)?;
    Ok(Spent { money: spent.cost, tokens: spent.tokens })
}

/// A text with who chose its words.
#[derive(Debug, Serialize)]
pub(crate) struct Narrated {
    /// Markdown, every mention cited.
    pub(crate) text: String,
    /// The same without citations, for a terminal.
    #[serde(skip)]
    pub(crate) plain: String,
    /// Who chose the words, for people.
    pub(crate) label: String,
    /// Why no model did, or what else went wrong; none where none is configured, or one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// Drafts that were judged.
    turns: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<PromptId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
}

/// Words a bundle as well as this home can, and books what that used. Without a narrator, or with one that
/// cannot be opened, it is the standard wording. The text is checked here once more: whatever worded it
/// is not believed.
pub(crate) async fn word(
    app: &App,
    task: Task,
    bundle: &Bundle,
    standard: &str,
) -> anyhow::Result<Narrated> {
    let narration = Narration::of(app);
    let worded = match &narration {
        None => Worded::standard(standard),
        Some(own) => or_interrupted(narration.as_ref(), own.word(task, bundle, standard)).await?,
    };
    let Worded { mut text, mut label, turns, prompt, model, .. } = worded;
    if matches!(label, Label::ByModel { .. }) && !may_be_shown(bundle, &text) {
        tracing::warn!(task = task.name(), "a text that a model worded is not verified");
        standard.clone_into(&mut text);
        label = Label::Standard { reason: Some("its text is not verified".to_owned()) };
    }
    let shown = label.to_string();
    let reason = match label {
        Label::Standard { reason } => reason,
        Label::ByModel { .. } => None,
    };
    // Words are no reason to answer nothing; that money went unbooked is told beside them.
    let reason = narration.and_then(|narration| narration.unbooked()).or(reason);
    let plain = without_citations(&bundle.facts, &text);
    Ok(Narrated { plain, text, label: shown, reason, turns, prompt, model })
}

/// Whether every mention of a text is verified, and nothing is missing that has to be said.
fn may_be_shown(bundle: &Bundle, text: &str) -> bool {
    let Bundle { facts, required, caveats, .. } = bundle;
    is_verified(&check(facts, text)) && missing(facts, required, caveats, text).is_empty()
}

/// Books calls into the ledger, by the way that everybody's call events go.
pub(crate) async fn book(app: &App, calls: &[MeteredCall]) -> anyhow::Result<()> {
    if calls.is_empty() {
        return Ok(());
    }
    let mut lines = String::new();
    for call in calls {
        let _ = writeln!(lines, "{}", call.to_event());
    }
    let booked = app.book_own_calls(lines, now(), nonce()?).await;
    let rejected = booked.map_err(explain)?.report.batch.rows_rejected;
    anyhow::ensure!(rejected == 0, "{rejected} calls of the narrator were not booked");
    Ok(())
}
