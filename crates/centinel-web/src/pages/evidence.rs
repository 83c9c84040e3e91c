//! The facts behind an answer.

use askama::Template;
use axum::{
    Json,
    extract::Path,
    response::{IntoResponse as _, Response},
};
use centinel_engine::{
    facts::{Bundle, Fact, FactKind, FactStatus},
    money::Money,
};

use super::{Chrome, page};
use crate::{
    asked::Asked,
    failure::Failure,
    text::{self, cell, clean},
};

#[derive(Template)]
#[template(path = "evidence.html")]
struct Evidence {
    chrome: Chrome,
    question: String,
    digest: String,
    engine: String,
    as_of: Option<String>,
    facts: Vec<Row>,
    caveats: Vec<String>,
}

/// One fact as a row.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) role: String,
    pub(super) value: String,
    pub(super) about: String,
    pub(super) follows: String,
}

/// The page, or with `.json` the bundle itself.
pub(crate) async fn evidence(state: Asked, Path(address): Path<String>) -> Response {
    let json = address.strip_suffix(".json");
    let bundle = state.app().evidence(json.unwrap_or(&address)).await.map_err(Failure::from);
    match (json, bundle) {
        (Some(_), Ok(bundle)) => Json(bundle).into_response(),
        (Some(_), Err(failure)) => failure.json(),
        (None, bundle) => {
            let chrome = Chrome::of(&state);
            page(&state, bundle.map(|bundle| view(chrome, &bundle)))
        }
    }
}

fn view(chrome: Chrome, bundle: &Bundle) -> Evidence {
    Evidence {
        chrome,
        question: cell(&bundle.question).replace('_', " "),
        digest: bundle.digest(),
        engine: cell(&bundle.engine),
        as_of: bundle.as_of.map(text::instant),
        facts: rows(bundle),
        caveats: bundle.caveats.iter().map(|sentence| clean(sentence)).collect(),
    }
}

/// Every fact of a bundle.
pub(super) fn rows(bundle: &Bundle) -> Vec<Row> {
    bundle.facts.iter().map(Row::new).collect()
}

impl Row {
    fn new(fact: &Fact) -> Self {
        let mut about: Vec<String> = fact
            .dims
            .iter()
            .map(|(name, value)| format!("{}: {}", cell(name), cell(value)))
            .collect();
        about.extend(fact.window.map(|window| window.to_string()));
        match fact.status {
            FactStatus::Final => {}
            FactStatus::Provisional => about.push("provisional".to_owned()),
            FactStatus::Estimated => about.push("estimated".to_owned()),
        }
        let follows = fact.derivation.as_ref().map(|derivation| {
            format!("{} {}", derivation.op.replace('_', " "), derivation.inputs.join(", "))
        });
        Self {
            id: cell(&fact.id),
            role: cell(&fact.role).replace(['_', '.'], " "),
            value: value(fact),
            about: about.join(" · "),
            follows: follows.as_deref().map(cell).unwrap_or_default(),
        }
    }
}

fn value(fact: &Fact) -> String {
    let unit = || fact.unit.as_deref().map(|unit| format!("\u{a0}{}", cell(unit)));
    match fact.kind {
        FactKind::Money => {
            let amount = fact.value.parse().ok().zip(fact.currency);
            let money = amount.map(|(amount, currency)| Money { amount, currency });
            match (money, fact.unit.as_deref()) {
                // An amount that is one of something: its cents would say too little.
                (Some(money), Some(of)) => format!("{} a {}", money.to_unit_cost(), cell(of)),
                (Some(money), None) => money.to_string(),
                (None, _) => cell(&fact.value),
            }
        }
        FactKind::Count => {
            let count = fact.value.parse().map_or_else(|_| cell(&fact.value), text::grouped);
            format!("{count}{}", unit().unwrap_or_default())
        }
        FactKind::Percent => format!("{}\u{a0}%", cell(&fact.value)),
        FactKind::Points => format!("{} points", cell(&fact.value)),
        FactKind::Ratio | FactKind::Duration => {
            format!("{}{}", cell(&fact.value), unit().unwrap_or_default())
        }
        FactKind::Date | FactKind::Entity | FactKind::Rank => cell(&fact.value),
    }
}
