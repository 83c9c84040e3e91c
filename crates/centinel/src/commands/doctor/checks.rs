//! What the doctor looks at, one function each.

use std::path::Path;

use centinel_app::{App, Config, check_policies, in_one_line};
use centinel_engine::{
    money::Decimal,
    period::{Period, date_of},
    pricing::DoubtKind,
};
use jiff::{SignedDuration, Timestamp, ToSpan as _, civil::Date};
use serde_json::Value;

use super::{Check, State, narrator};
use crate::{
    context::{Context, block_on, now},
    failure::hint_of,
    text::{count, percent},
};

/// Days whose coverage is told.
const DAYS: i64 = 28;
/// Coverage below this is worth a look, in percent.
const OWNED_PERCENT_MIN: i128 = 80;
/// Days after which the newest data is old.
const DATA_DAYS_MAX: i32 = 3;
/// Days after which prices are old: providers change some every few weeks.
const PRICES_DAYS_MAX: i32 = 120;
/// How far data may be ahead of this machine's clock.
const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(15);

/// Every check, in the order in which one needs the other; and what the narrator's probe found.
pub(super) fn all(context: &Context, probes: bool) -> anyhow::Result<(Vec<Check>, Option<Value>)> {
    let mut checks = vec![home(&context.home)];
    checks.push(configuration(&context.config_path()));
    checks.push(policies(&context.home));
    block_on(async {
        let app = match context.open().await {
            Ok(app) => app,
            Err(error) => {
                // What kept it from opening is told already, unless it is the database itself.
                let is_told = checks.iter().any(|check| check.state == State::Failed);
                checks.push(if is_told {
                    Check::unknown("database")
                } else {
                    Check::failed("database", format!("{error:#}"), hint_of(&error))
                });
                let rest = ["prices", "data", "clock", "attribution", "narrator"];
                checks.extend(rest.map(Check::unknown));
                return Ok((checks, None));
            }
        };
        checks.push(database(&app).await);
        let at = now();
        checks.push(prices(&app, at));
        checks.extend(data(&app, at).await);
        checks.push(attribution(&app, at).await);
        let (told, probe) = narrator::checks(&app, probes).await;
        checks.extend(told);
        app.database().close().await;
        Ok((checks, probe))
    })
}

fn home(home: &Path) -> Check {
    let shown = home.display();
    let make = || Some(format!("make one: `centinel --home {shown} init`"));
    match std::fs::metadata(home) {
        Ok(found) if found.is_dir() && found.permissions().readonly() => {
            let hint = Some("let the user that runs Centinel write there".to_owned());
            Check::failed("home", format!("`{shown}` cannot be written to"), hint)
        }
        Ok(found) if found.is_dir() => Check::ok("home", format!("`{shown}`")),
        Ok(_) => Check::failed("home", format!("`{shown}` is no folder"), make()),
        Err(error) => {
            let reason = error.to_string().to_lowercase();
            Check::failed("home", format!("`{shown}`: {reason}"), make())
        }
    }
}

fn configuration(path: &Path) -> Check {
    let shown = path.display();
    match Config::load(path) {
        Ok(_) if path.exists() => Check::ok("configuration", format!("`{shown}`")),
        Ok(_) => Check::note(
            "configuration",
            format!("`{shown}` is not there: all is as by default"),
            "`centinel init` writes one with comments",
        ),
        Err(error) => {
            let hint = Some("the guides in `docs/` show each table of it".to_owned());
            Check::failed("configuration", error.to_string(), hint)
        }
    }
}

fn policies(home: &Path) -> Check {
    match check_policies(home) {
        Ok(policies) => {
            let faulty: Vec<_> = policies.iter().filter(|policy| policy.fault.is_some()).collect();
            match faulty.first() {
                None => Check::ok("policies", format!("{} read", policies.len())),
                Some(first) => {
                    let found = format!(
                        "{} of {} cannot be taken: {}",
                        faulty.len(),
                        policies.len(),
                        first.fault.as_deref().unwrap_or_default(),
                    );
                    let hint = first.hint.clone();
                    let hint = hint.or_else(|| Some("`centinel policy check` tells all".into()));
                    Check::failed("policies", found, hint)
                }
            }
        }
        Err(error) => Check::failed("policies", in_one_line(&error), error.hint()),
    }
}

async fn database(app: &App) -> Check {
    let kind = match app.config().database.url {
        Some(_) => "PostgreSQL",
        None => "SQLite, in the home",
    };
    match app.database().batches().await {
        Ok(batches) => {
            let files = count(i128::try_from(batches.len()).unwrap_or(i128::MAX));
            Check::ok("database", format!("{kind}; {files} imported files"))
        }
        Err(error) => Check::failed("database", format!("{kind}: {error}"), None),
    }
}

fn prices(app: &App, at: Timestamp) -> Check {
    let book = match app.price_book() {
        Ok(book) => book,
        Err(error) => return Check::failed("prices", in_one_line(&error), error.hint()),
    };
    let name = book.name().to_owned();
    let models = count(i128::try_from(book.len()).unwrap_or(i128::MAX));
    let import = "`centinel prices import` brings a newer book, `centinel prices check` its doubts";
    let Some(recorded) = book.recorded() else {
        let found = format!("book `{name}`, {models} models; it does not say of which day it is");
        return Check::note("prices", found, import);
    };
    let days = days_between(recorded, date_of(at));
    let found = format!("book `{name}` of {recorded}, {models} models");
    let old = book.doubts(at).iter().filter(|doubt| doubt.kind == DoubtKind::Old).count();
    if days > PRICES_DAYS_MAX {
        Check::note("prices", format!("{found}: {days} days old"), import)
    } else if old > 0 {
        Check::note("prices", format!("{found}; {old} prices were looked at long ago"), import)
    } else {
        Check::ok("prices", found)
    }
}

/// What there is, and whether it is of a time that this machine's clock knows.
async fn data(app: &App, at: Timestamp) -> Vec<Check> {
    let sources = match app.sources().await {
        Ok(sources) => sources,
        Err(error) => return vec![Check::failed("data", in_one_line(&error), error.hint())],
    };
    let Some(until) = sources.iter().filter_map(|source| source.data_until).max() else {
        let hint =
            "`centinel import FILE`, or `centinel sources add KIND`; `centinel demo` shows one";
        return vec![Check::note("data", "the ledger is empty", hint)];
    };
    let rejected: i64 = sources.iter().map(|source| source.rows_rejected).sum();
    let found = format!("{} sources, until {}", sources.len(), date_of(until));
    let days = days_between(date_of(until), date_of(at));
    let data = if days > DATA_DAYS_MAX {
        let hint = "`centinel sources` says which source is late";
        Check::note("data", format!("{found}: {days} days ago"), hint)
    } else if rejected > 0 {
        let hint = "`centinel sources` says of which source; each row is kept with its reason";
        Check::note("data", format!("{found}; {rejected} rows rejected"), hint)
    } else {
        Check::ok("data", found)
    };
    let ahead = until.duration_since(at);
    let clock = if ahead > AHEAD_MAX {
        let hint = "set this machine's clock by NTP, or look at the source's time zone";
        let found = format!("data is {} min ahead of this machine's clock", ahead.as_mins());
        Check::failed("clock", found, Some(hint.to_owned()))
    } else {
        Check::ok("clock", format!("{at:.0}; no data is of the future"))
    };
    vec![data, clock]
}

async fn attribution(app: &App, at: Timestamp) -> Check {
    let name = "attribution";
    let sources = app.sources().await.unwrap_or_default();
    let Some(until) = sources.iter().filter_map(|source| source.data_until).max() else {
        return Check::ok(name, "nothing to attribute yet");
    };
    let end = date_of(until).tomorrow().unwrap_or(Date::MAX);
    let Ok(period) = Period::days(end.saturating_sub(DAYS.days()), end) else {
        return Check::unknown(name);
    };
    let health = match app.health(period, at).await {
        Ok(health) => health,
        Err(error) => return Check::failed(name, in_one_line(&error), error.hint()),
    };
    let Some(owned) = health.owned_ratio else {
        return Check::ok(name, format!("no cost in the last {DAYS} days of data"));
    };
    let found = format!("{} of the last {DAYS} days' cost has an owner", percent(owned));
    let unpriced = match health.unpriced_calls {
        0 => String::new(),
        calls => format!("; {} calls have no price", count(calls)),
    };
    let least = Decimal::new(OWNED_PERCENT_MIN, 2).unwrap_or(Decimal::ZERO);
    if owned < least {
        let hint =
            "`centinel spend --by owner` shows what has none; rules are in `policies/owners.toml`";
        Check::note(name, found + &unpriced, hint)
    } else if unpriced.is_empty() {
        Check::ok(name, found)
    } else {
        Check::note(name, found + &unpriced, "`centinel prices unpriced` says which models")
    }
}

fn days_between(from: Date, to: Date) -> i32 {
    from.until(to).map_or(0, |span| span.get_days())
}
