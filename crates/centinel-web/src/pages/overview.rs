//! The first screen.

use std::collections::BTreeMap;

use askama::Template;
use axum::response::Response;
use centinel_app::{AppError, Headline, Incident, KindOfSpend, Report, SpendForecast, View};
use centinel_engine::{
    explain::Measured,
    money::{Currency, Decimal},
    period::date_of,
};
use jiff::{ToSpan as _, civil::Date, civil::Weekday};

use super::{Chrome, Source, page, proposal::needs};
use crate::{
    asked::Asked,
    chart::{Spark, Stacked},
    failure::Failure,
    text::{self, cell, clean, money, percent},
};

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    chrome: Chrome,
    /// `October 2026`.
    month: String,
    month_name: String,
    days: String,
    data: String,
    total: String,
    source: Source,
    forecast: Option<Ahead>,
    no_forecast: Option<String>,
    compared_with: String,
    /// Changes are percentages; otherwise the amounts of the month before.
    is_compared: bool,
    kinds: Vec<Kind>,
    owned: Option<String>,
    unpriced: Option<Unpriced>,
    chart: Option<Stacked>,
    chart_days: String,
    chart_source: Source,
    headlines: Vec<Look>,
    further: Option<String>,
    inbox: Vec<Waiting>,
}

/// What a month is expected to cost.
struct Ahead {
    /// `November 2026`.
    month: String,
    amount: String,
    /// `80 %: $70,513 to $72,711`.
    band: Option<String>,
    /// What is not in it, and up to when days were seen.
    remarks: Vec<String>,
    source: Source,
}

struct Kind {
    name: String,
    cost: String,
    change: String,
    spark: Option<Spark>,
}

struct Unpriced {
    summary: String,
    models: Vec<(String, String, String, String)>,
}

/// Something to look at.
struct Look {
    id: String,
    dimension: String,
    name: String,
    since: String,
    unusual: String,
    main: Option<String>,
    impact: String,
    owner: Option<String>,
    proposals: Vec<String>,
}

/// A proposal that waits.
struct Waiting {
    id: String,
    title: String,
    owner: String,
    needs: String,
    expires: String,
}

pub(crate) async fn overview(state: Asked) -> Response {
    page(&state, answer(&state).await)
}

async fn answer(state: &Asked) -> Result<Overview, Failure> {
    let screen = state.first_screen().await.map_err(|error| {
        let is_empty = matches!(error, AppError::Empty);
        let mut failure = Failure::from(error);
        if is_empty {
            // A new home is no error: the page says what to do next.
            failure.status = axum::http::StatusCode::OK;
        }
        failure
    })?;
    let open = state.app().approvals().inbox(state.now()).await.map_err(AppError::from)?;
    let report = &screen.report;
    let (first, after) = report.period.dates();
    let last = after.yesterday().unwrap_or(first);
    let is_whole_month = first.day() == 1 && after.day() == 1;
    let (chart_first, chart_after) = screen.models.period.dates();
    let chart_last = chart_after.yesterday().unwrap_or(chart_first);
    let data_until = date_of(report.data_until);
    Ok(Overview {
        chrome: Chrome::of(state),
        month: first.strftime("%B %Y").to_string(),
        month_name: first.strftime("%B").to_string(),
        days: text::days(first, last),
        data: text::days(date_of(report.data_from), data_until),
        total: money(report.total, report.currency),
        source: Source::new(&report.evidence),
        forecast: report.forecast.as_ref().and_then(Ahead::new),
        no_forecast: report.no_forecast.clone(),
        compared_with: first.saturating_sub(1.month()).strftime("%B").to_string(),
        is_compared: is_whole_month,
        kinds: report
            .kinds
            .iter()
            .map(|kind| Kind::new(kind, report.currency, is_whole_month, after))
            .collect(),
        owned: report.owned_ratio.map(percent),
        unpriced: unpriced(report),
        chart: Stacked::new(&screen.models),
        chart_days: text::days(chart_first, chart_last),
        chart_source: Source::new(&screen.models.evidence),
        headlines: report.headlines.iter().map(Look::new).collect(),
        further: (report.further_incidents > 0).then(|| {
            text::counted(report.further_incidents, "further episode", "further episodes")
        }),
        inbox: open.iter().map(Waiting::new).collect(),
    })
}

impl Ahead {
    fn new(forecast: &SpendForecast) -> Option<Self> {
        let amount = |amount: Decimal| text::estimate(amount, forecast.currency);
        let total = &forecast.total.forecast;
        let (first, _) = forecast.period.dates();
        let mut remarks = Vec::new();
        if forecast.as_of > first {
            let last = forecast.as_of.yesterday().unwrap_or(first);
            remarks.push(format!("seen to {}", text::day(last)));
        }
        if forecast.total.unpriced_calls > 0 {
            remarks.push("calls without a price are not in it".to_owned());
        }
        for late in &forecast.late_sources {
            let day = text::full_day(late.last_day);
            remarks.push(format!("nothing from {} since {day}", cell(&late.source)));
        }
        let band = total.bands.first().and_then(|band| {
            Some(format!("{} %: {} to {}", band.level, amount(band.low)?, amount(band.high)?))
        });
        Some(Self {
            month: first.strftime("%B %Y").to_string(),
            amount: amount(total.period_total?)?,
            band,
            remarks,
            source: Source::new(&forecast.evidence),
        })
    }
}

impl Kind {
    fn new(kind: &KindOfSpend, currency: Currency, is_whole_month: bool, after: Date) -> Self {
        // A part of a month is not compared with a whole one.
        let change = match kind.change_ratio {
            Some(ratio) if is_whole_month => text::signed_percent(ratio),
            None if is_whole_month => "new".to_owned(),
            _ => money(kind.cost_before, currency),
        };
        // Weeks that the window cuts through would look like a fall: they are left out.
        let weeks = match kind.by_week.as_slice() {
            [_, whole @ .., _] if after.weekday() != Weekday::Monday => whole,
            all => all,
        };
        Self {
            name: cell(&kind.kind),
            cost: money(kind.cost, currency),
            change,
            spark: Spark::new(weeks),
        }
    }
}

fn unpriced(report: &Report) -> Option<Unpriced> {
    let tokens = report.unpriced.iter().fold(0, |sum: i128, m| sum.saturating_add(m.tokens));
    (!report.unpriced.is_empty()).then(|| Unpriced {
        summary: format!(
            "{}, {}\u{a0}tokens",
            text::counted(report.unpriced.len(), "model", "models"),
            text::count(tokens)
        ),
        models: report
            .unpriced
            .iter()
            .take(50)
            .map(|model| {
                let name = format!("{} {}", cell(&model.provider), cell(&model.model));
                let range = model.plausible.as_ref().map_or_else(
                    || "no comparable price".to_owned(),
                    |cost| {
                        let amount = |amount| money(amount, cost.currency);
                        format!("{} to {}", amount(cost.low), amount(cost.high))
                    },
                );
                (name, text::grouped(model.calls), text::grouped(model.tokens), range)
            })
            .collect(),
    })
}

impl Look {
    fn new(headline: &Headline) -> Self {
        let incident = &headline.incident;
        let (dimension, name) = scope(incident);
        Self {
            id: incident.id.clone(),
            dimension,
            name,
            since: match (incident.began_at, incident.is_open) {
                (Some(began_at), true) => format!("since {}", text::instant(began_at)),
                (None, true) => format!("since {}", text::day(incident.start)),
                _ => text::days(incident.start, incident.last),
            },
            unusual: unusual(&incident.effects),
            main: main_driver(headline),
            impact: text::signed_money(incident.impact, incident.currency),
            owner: incident.owner.as_deref().map(cell),
            proposals: headline.proposals.clone(),
        }
    }
}

/// `tokens per call +67.6 %, cost +64.9 %`, the largest excess first.
fn unusual(effects: &BTreeMap<String, String>) -> String {
    let mut effects: Vec<(Decimal, &str)> = effects
        .iter()
        .filter_map(|(metric, ratio)| Some((ratio.parse().ok()?, metric.as_str())))
        .collect();
    effects.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    let words = effects.iter().map(|(ratio, metric)| {
        let metric = if *metric == "total" { "cost of a day" } else { metric };
        format!("{} {}", metric.replace('_', " "), text::signed_percent(*ratio))
    });
    words.collect::<Vec<_>>().join(", ")
}

fn main_driver(headline: &Headline) -> Option<String> {
    let currency = headline.incident.currency;
    let amount = |amount| text::signed_money(amount, currency);
    let (driver, effect) = (headline.main_driver?, headline.main_effect?);
    Some(format!(
        "most of it: {driver}, {} of a change of {}{}",
        amount(effect),
        amount(headline.main_of?),
        headline.measured.map_or("", Measured::qualifier)
    ))
}

/// `feature` and `support-answers`; of an episode of everything, where its change is.
pub(super) fn scope(incident: &Incident) -> (String, String) {
    let join = |parts: Vec<String>| parts.join(", ");
    let names = |scope: &BTreeMap<String, String>| join(scope.keys().map(|n| cell(n)).collect());
    let values = |scope: &BTreeMap<String, String>| join(scope.values().map(|v| cell(v)).collect());
    match &incident.within {
        _ if !incident.scope.is_empty() => (names(&incident.scope), values(&incident.scope)),
        Some(place) if !place.is_empty() => {
            (format!("all spend, most of it by {}", names(place)), values(place))
        }
        Some(_) => ("no place stands out".to_owned(), "all spend".to_owned()),
        None => (String::new(), "all spend".to_owned()),
    }
}

impl Waiting {
    fn new(view: &View) -> Self {
        Self {
            id: view.proposal.id.to_string(),
            title: clean(&view.proposal.title),
            owner: cell(&view.proposal.owner),
            needs: needs(view),
            expires: text::instant(view.proposal.expires_at),
        }
    }
}
