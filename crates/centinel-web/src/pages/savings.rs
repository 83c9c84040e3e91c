//! The ledger of savings: promised, under way, came.

use askama::Template;
use axum::response::Response;
use centinel_app::{MeasuredAt, NotMeasured, Savings, SavingsLine};
use centinel_engine::proposal::{Calibration, MEASURED_AFTER_DAYS, Stage};

use super::{Chrome, Source, page};
use crate::{
    asked::Asked,
    failure::Failure,
    text::{self, cell},
};

/// What stands where nothing was measured.
const NOTHING: &str = "–";

#[derive(Template)]
#[template(path = "savings.html")]
struct Page {
    chrome: Chrome,
    summary: String,
    stages: Vec<Sum>,
    lines: Vec<Line>,
    kinds: Vec<KindRow>,
}

struct Sum {
    stage: &'static str,
    proposals: String,
    promised: String,
    came: String,
}

struct Line {
    id: String,
    title: String,
    owner: String,
    stage: &'static str,
    since: String,
    promised: String,
    interval: String,
    expected: String,
    first: String,
    last: String,
    note: String,
    source: Source,
    audit_entry: i64,
}

struct KindRow {
    kind: String,
    measured: u32,
    promised: String,
    came: String,
    share: String,
    typical: String,
    counts: String,
}

pub(crate) async fn savings(state: Asked) -> Response {
    page(&state, answer(&state).await)
}

async fn answer(state: &Asked) -> Result<Page, Failure> {
    let savings = state.app().savings(state.now()).await?;
    Ok(Page {
        chrome: Chrome::of(state),
        stages: sums(&savings),
        lines: savings.lines.iter().map(Line::new).collect(),
        kinds: savings.calibration.iter().map(KindRow::new).collect(),
        summary: savings.summary,
    })
}

/// One for each stage and currency; what promises nothing that is known has its own.
fn sums(savings: &Savings) -> Vec<Sum> {
    let mut sums = Vec::new();
    for sum in savings.stages.iter().filter(|sum| sum.proposals > 0) {
        let stage = sum.stage.name();
        sums.extend(sum.amounts.iter().map(|of| Sum {
            stage,
            proposals: of.promised_by.max(of.realised_by).to_string(),
            promised: of.promised.map_or("unknown".to_owned(), |of| of.mid.to_string()),
            came: of.realised.map_or(NOTHING.to_owned(), |realised| realised.to_string()),
        }));
        if sum.without_promise > 0 {
            sums.push(Sum {
                stage,
                proposals: sum.without_promise.to_string(),
                promised: "unknown".to_owned(),
                came: NOTHING.to_owned(),
            });
        }
    }
    sums
}

impl Line {
    fn new(line: &SavingsLine) -> Self {
        let [first, last] = MEASURED_AFTER_DAYS.map(|days| {
            let found = line.measured.iter().find(|measured| measured.days == days);
            found.map_or(NOTHING.to_owned(), measured)
        });
        let is_done = matches!(line.stage, Stage::Executed | Stage::Realised);
        let mut notes = Vec::new();
        notes.extend(line.reference.as_deref().map(|known| format!("by hand, {}", cell(known))));
        notes.extend(line.not_measured.filter(|_| is_done).map(NotMeasured::in_words));
        Self {
            id: line.id.to_string(),
            title: cell(&line.title),
            owner: cell(&line.owner),
            stage: line.stage.name(),
            since: line.executed_at.map(text::instant).unwrap_or_default(),
            promised: line.promised.map_or("unknown".to_owned(), |of| of.mid.to_string()),
            interval: line
                .promised
                .map_or_else(String::new, |of| format!("{} to {}", of.low, of.high)),
            expected: line.expected.map_or("unknown".to_owned(), |of| of.amount.to_string()),
            first,
            last,
            note: notes.join(" · "),
            source: Source::new(&line.evidence),
            audit_entry: line.audit_entry,
        }
    }
}

fn measured(of: &MeasuredAt) -> String {
    match of.share_percent {
        Some(share) => format!("{} ({share}\u{a0}%)", of.saving),
        None => of.saving.to_string(),
    }
}

impl KindRow {
    fn new(of: &Calibration) -> Self {
        let typical = of.median_ratio.map_or("too few to say".to_owned(), |median| {
            format!("{} to {}", text::percent(median.low), text::percent(median.high))
        });
        Self {
            kind: of.kind.as_str().replace('_', " "),
            measured: of.measured,
            promised: of.promised.to_string(),
            came: of.realised.to_string(),
            share: of.ratio.map_or(NOTHING.to_owned(), text::percent),
            typical,
            counts: text::percent(of.factor),
        }
    }
}
