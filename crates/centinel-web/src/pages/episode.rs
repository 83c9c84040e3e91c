//! An explained change.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::{extract::Path, response::Response};
use centinel_app::{Analysis, AppError, Explained, Incident, Link, PlaceShare, plain};
use centinel_engine::{
    anomaly::Metric,
    explain::{CellEffects, percent},
    money::{Currency, Pico},
};

use super::{Chrome, Source, Term, overview::scope, page};
use crate::{
    asked::Asked,
    chart::Waterfall,
    failure::Failure,
    text::{self, cell, clean, money, signed_money},
};

/// How many cells the page shows; the API has all of them.
const CELLS_SHOWN: usize = 20;

#[derive(Template)]
#[template(path = "episode.html")]
struct Episode {
    chrome: Chrome,
    id: String,
    dimension: String,
    name: String,
    days: String,
    text: String,
    terms: Vec<Term>,
    waterfall: Waterfall,
    /// Driver or part, and its amount with every decimal.
    exact: Vec<(String, String)>,
    /// The combinations of values that hold the change, and what is elsewhere.
    places: Vec<Place>,
    is_spread: bool,
    /// What began with the change.
    links: Vec<Began>,
    cells: Vec<Cell>,
    cells_hidden: usize,
    caveats: Vec<String>,
    source: Source,
    analysed: Option<Analysed>,
}

/// What the analyst kept of it.
struct Analysed {
    paragraphs: Vec<String>,
    label: String,
    at: String,
    owner: String,
    /// Each owner of a part, what contradicts the owner, who is next, proposals about it.
    parts: Vec<String>,
    notes: Vec<String>,
    next: Vec<String>,
    proposals: Vec<(String, String)>,
    source: Source,
}

struct Place {
    name: String,
    share: String,
    delta: String,
    is_more: bool,
}

struct Began {
    kind: &'static str,
    name: String,
    since: String,
    /// Empty where it merely coincided.
    share: String,
    contribution: String,
}

struct Cell {
    name: String,
    before: String,
    after: String,
    delta: String,
    is_more: bool,
}

pub(crate) async fn episode(state: Asked, Path(id): Path<String>) -> Response {
    let chrome = Chrome::of(&state);
    let found = async {
        let explained = state.app().explain_incident(&id, None, state.now()).await?;
        Ok((explained, state.app().analysis_of(&id).await?))
    };
    let found = found.await.map_err(|error: AppError| Failure::from(error));
    page(
        &state,
        found.map(|((incident, explained), analysis)| {
            view(chrome, &incident, &explained, analysis.as_ref())
        }),
    )
}

fn view(
    chrome: Chrome,
    incident: &Incident,
    explained: &Explained,
    analysis: Option<&Analysis>,
) -> Episode {
    let Explained { decomposition, currency, .. } = explained;
    let (dimension, name) = scope(incident);
    let mut cells: Vec<&CellEffects> = decomposition.by_cell.iter().collect();
    // Stable: of equal changes the first in the order of the names.
    cells.sort_by_key(|cell| std::cmp::Reverse(cell.delta.0.unsigned_abs()));
    let cells_hidden = cells.len().saturating_sub(CELLS_SHOWN);
    let exact = decomposition.effects.iter().flat_map(|effect| {
        let parts = effect
            .parts
            .iter()
            .map(|part| (format!("{}, {}", effect.driver.label(), part.name), part.amount));
        std::iter::once((effect.driver.label().to_owned(), effect.amount)).chain(parts)
    });
    Episode {
        chrome,
        id: incident.id.clone(),
        dimension,
        name,
        days: text::days(incident.start, incident.last),
        text: clean(&explained.text),
        terms: terms(incident, explained),
        waterfall: Waterfall::new(decomposition, *currency),
        exact: exact.map(|(label, amount)| (label, amount.to_string())).collect(),
        places: places(explained),
        is_spread: explained.circumstances.is_spread(),
        links: explained
            .circumstances
            .links
            .iter()
            .map(|link| Began::new(link, explained))
            .collect(),
        cells: cells
            .into_iter()
            .take(CELLS_SHOWN)
            .map(|cell| Cell::new(cell, &incident.scope, *currency))
            .collect(),
        cells_hidden,
        caveats: explained
            .bundle
            .caveats
            .iter()
            .chain(&decomposition.notes)
            .map(|sentence| clean(sentence))
            // What the text says already is not said twice.
            .filter(|sentence| !explained.text.contains(sentence.as_str()))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect(),
        source: Source::new(&explained.evidence),
        analysed: analysis.map(|analysis| Analysed::new(analysis, explained)),
    }
}

impl Analysed {
    fn new(analysis: &Analysis, explained: &Explained) -> Self {
        let all = |texts: Vec<String>| texts.iter().map(|text| clean(text)).collect();
        let next = analysis.routed.escalation.iter().map(|step| match step.after_days {
            0 => format!("{} takes it", clean(&step.to)),
            days => {
                let days = text::counted(days.into(), "day", "days");
                format!("{} after {days} without a reaction", clean(&step.to))
            }
        });
        let proposals = analysis.proposals.iter();
        let parts = analysis.parts(explained.currency);
        let parts = parts.iter();
        let text = plain(&analysis.text);
        let mut paragraphs =
            text.split("\n\n").filter(|paragraph| !paragraph.is_empty()).peekable();
        // What stands above as the explanation is not said twice; the rest of it stands below as lines.
        let is_above = paragraphs.peek().is_some_and(|first| explained.text.contains(first.trim()));
        Self {
            paragraphs: paragraphs.filter(|_| !is_above).map(clean).collect(),
            label: analysis.label.in_words(),
            at: analysis.created_at.map(text::instant).unwrap_or_default(),
            owner: clean(&analysis.owner_in_words()),
            parts: parts.map(|(name, part)| format!("{}: {part}", clean(name))).collect(),
            notes: all(analysis.notes_in_words()),
            next: next.collect(),
            proposals: proposals.map(|about| (about.id.clone(), clean(&about.title))).collect(),
            source: Source::new(&analysis.evidence),
        }
    }
}

fn places(explained: &Explained) -> Vec<Place> {
    let Explained { circumstances, decomposition, currency, .. } = explained;
    let row = |name: String, amount: Pico| Place {
        name,
        share: share(amount, decomposition.delta),
        delta: signed_money(amount, *currency),
        is_more: amount > Pico::ZERO,
    };
    let shares = circumstances.place_shares().into_iter();
    let mut rows: Vec<Place> = shares
        .map(|PlaceShare { place, amount }| {
            let names = place.iter().map(|(name, value)| format!("{} {}", cell(name), cell(value)));
            row(names.collect::<Vec<_>>().join(" · "), amount)
        })
        .collect();
    let rest = circumstances.elsewhere(decomposition.delta);
    rows.extend(rest.map(|rest| row("elsewhere".to_owned(), rest)));
    rows
}

/// `31.5 %`, as the text has it; empty where the whole is zero.
fn share(amount: Pico, whole: Pico) -> String {
    percent(amount, whole, 1)
        .map_or_else(String::new, |share| format!("{share}\u{a0}%").replacen('-', "−", 1))
}

impl Began {
    fn new(link: &Link, explained: &Explained) -> Self {
        let amount = link.amount;
        Self {
            kind: link.kind.label(),
            name: clean(&link.told()),
            since: text::full_day(link.since),
            share: amount
                .map_or_else(String::new, |amount| share(amount, explained.decomposition.delta)),
            contribution: amount.map_or_else(
                || "coincided".to_owned(),
                |amount| signed_money(amount, explained.currency),
            ),
        }
    }
}

fn terms(incident: &Incident, explained: &Explained) -> Vec<Term> {
    let (first, after) = explained.baseline.dates();
    let baseline = text::days(first, after.yesterday().unwrap_or(first));
    let counted = text::counted(explained.baseline_days, "day", "days");
    let unusual: Vec<&str> = incident.metrics.iter().copied().map(metric).collect();
    let owner = incident.owner.as_deref().map_or_else(|| "unknown".to_owned(), cell);
    let began = incident.began_at.map(|at| Term::new("First unusual hour", text::instant(at)));
    let compared = if incident.last_hour.is_some() {
        format!("the same hours a week before, {baseline}")
    } else {
        format!("{counted} of the same weekdays, {baseline}")
    };
    let mut terms = vec![
        Term::new("Unusual", unusual.join(", ")),
        Term::new(
            "Beyond the expected",
            format!("{}, an estimate", text::signed_money(incident.impact, incident.currency)),
        ),
        Term::new("Compared with", compared),
        Term::new("Owner", owner),
        Term::new("State", if incident.is_open { "still going on" } else { "over" }),
    ];
    terms.extend(began);
    terms
}

fn metric(metric: Metric) -> &'static str {
    match metric {
        Metric::Total => "cost of a day",
        Metric::CostPerOutput => "cost per output",
        Metric::TokensPerCall => "tokens per call",
        Metric::PricePerToken => "price per token",
        Metric::CallsPerOutput => "calls per output",
        Metric::CacheMissShare => "share of input tokens not cached",
        Metric::FailedCallShare => "share of calls that failed or were repeated",
    }
}

impl Cell {
    fn new(effects: &CellEffects, scope: &BTreeMap<String, String>, currency: Currency) -> Self {
        // What all cells share is in the page's title.
        let own = effects.cell.iter().filter(|(name, value)| scope.get(*name) != Some(value));
        let values: Vec<String> = own.map(|(_, value)| cell(value)).collect();
        Self {
            name: if values.is_empty() { "all of it".to_owned() } else { values.join(" · ") },
            before: money(effects.before, currency),
            after: money(effects.after, currency),
            delta: signed_money(effects.delta, currency),
            is_more: effects.delta.0 > 0,
        }
    }
}
