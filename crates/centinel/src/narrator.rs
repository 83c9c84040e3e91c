//! The narrator of a home: opened as it is configured, its calls booked like those of any feature.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use centinel_agent::{
    Allowance, Budget, Caps, Chat, Endpoint, Gates, Label, Limits, MeteredCall, Mode, Narrator,
    PromptId, Settings, Spent, Task, Transport, Worded, metered,
};
use centinel_app::{App, NarratorConfig, NarratorMode, highest_price};
use centinel_engine::{
    facts::Bundle,
    narrative::{check, is_verified, without_citations},
};
use serde::Serialize;

use crate::{
    context::{explain, nonce, now, outside},
    failure::hinted,
};

/// The narrator as `[narrator]` says; `None` without one: then every text has its standard wording, and
/// no network is touched.
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
    let chat = Chat::new(endpoint, Transport::Live, limits, now)?;
    let mode = match config.mode {
        NarratorMode::JsonSchema => Mode::JsonSchema,
        NarratorMode::JsonObject => Mode::JsonObject,
        NarratorMode::Text => Mode::Text,
    };
    Ok(Some(Narrator::new(chat, Arc::new(budget), Settings { mode })))
}

/// The day's budget, less what the ledger says was spent.
async fn budget(app: &App, config: &NarratorConfig, endpoint: &Endpoint) -> anyhow::Result<Budget> {
    let now_is = now();
    let spent = app.narrator_spent(metered::FEATURE, now_is).await.map_err(explain)?;
    let book = app.price_book().map_err(explain)?;
    let (provider, model) = (endpoint.provider().to_owned(), endpoint.model().to_owned());
    let price = move |usage: &_| highest_price(&book, &provider, &model, usage, now());
    let caps = Caps {
        run: Allowance { money: config.cap_per_run, tokens: config.tokens_per_run },
        day: Allowance { money: config.cap_per_day, tokens: config.tokens_per_day },
    };
    let spent = Spent { money: spent.cost, tokens: spent.tokens };
    let currency = app.config().organisation.currency;
    Ok(Budget::new(caps, currency, Arc::new(price), now_is, spent))
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
    let mut unbooked = None;
    let worded = match open(app).await {
        Ok(None) => Worded::standard(standard),
        Err(error) => Worded {
            label: Label::Standard { reason: Some(format!("{error:#}")) },
            ..Worded::standard(standard)
        },
        Ok(Some(narrator)) => {
            let run = narrator.begin_run(nonce()?);
            let worded = narrator.word(task, &Gates::new(bundle, standard), standard, &run).await;
            // Words are no reason to answer nothing; that money went unbooked is told beside them.
            unbooked = book(app, &worded.calls).await.err();
            worded
        }
    };
    let Worded { mut text, mut label, turns, prompt, model, .. } = worded;
    if matches!(label, Label::ByModel { .. }) && !is_verified(&check(&bundle.facts, &text)) {
        tracing::warn!(task = task.name(), "a text that a model worded is not verified");
        standard.clone_into(&mut text);
        label = Label::Standard { reason: Some("its text is not verified".to_owned()) };
    }
    let shown = label.to_string();
    let reason = match label {
        Label::Standard { reason } => reason,
        Label::ByModel { .. } => None,
    };
    let reason = match unbooked {
        Some(error) => Some(format!("what it used is not booked: {error:#}")),
        None => reason,
    };
    let plain = without_citations(&bundle.facts, &text);
    Ok(Narrated { plain, text, label: shown, reason, turns, prompt, model })
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
    let booked = app.book_own_calls(lines, metered::SOURCE, now(), nonce()?).await;
    let rejected = booked.map_err(explain)?.report.batch.rows_rejected;
    anyhow::ensure!(rejected == 0, "{rejected} calls of the narrator were not booked");
    Ok(())
}
