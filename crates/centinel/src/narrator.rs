//! The narrator of a home: opened as it is configured, its calls booked like those of any feature.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use centinel_agent::{
    Allowance, Budget, Caps, Chat, Endpoint, Limits, MeteredCall, Mode, Narrator, Settings, Spent,
    Transport, metered,
};
use centinel_app::{App, NarratorConfig, NarratorMode, highest_price};

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
