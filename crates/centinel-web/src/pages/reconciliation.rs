//! Ledger against invoices.

use askama::Template;
use axum::response::Response;
use centinel_engine::{
    money::{Currency, Decimal, Pico},
    reconcile::{Cause, CauseTotal, Part, Statement},
};

use super::{Chrome, Term, page};
use crate::{
    asked::Asked,
    failure::Failure,
    text::{cell, counted, money, percent, signed_money},
};

/// How many parts the page shows; the API has all of them.
const PARTS_SHOWN: usize = 30;

#[derive(Template)]
#[template(path = "reconciliation.html")]
struct Reconciliation {
    chrome: Chrome,
    statements: Vec<OneStatement>,
}

struct OneStatement {
    title: String,
    terms: Vec<Term>,
    causes: Vec<OneCause>,
    gap: String,
    parts: Vec<OnePart>,
    notes: Vec<String>,
}

struct OneCause {
    name: &'static str,
    evidence: String,
    amount: String,
}

struct OnePart {
    cause: &'static str,
    day: String,
    provider: String,
    model: String,
    class: &'static str,
    amount: String,
}

pub(crate) async fn reconciliation(state: Asked) -> Response {
    let statements = state.app().reconciliation(None).await.map_err(Failure::from);
    let chrome = Chrome::of(&state);
    page(
        &state,
        statements.map(|statements| Reconciliation {
            chrome,
            statements: statements.iter().map(OneStatement::new).collect(),
        }),
    )
}

/// An amount for reading: half-even at the ledger's twelve decimals.
fn pico(amount: Decimal) -> Pico {
    Pico::round_half_even(amount).map_or(Pico::ZERO, |rounded| rounded.amount)
}

impl OneStatement {
    fn new(statement: &Statement) -> Self {
        let currency = statement.currency;
        let title = match statement.period {
            Some(period) => format!("{period}, {currency}"),
            None => currency.to_string(),
        };
        let ledger = match statement.ledger_currency {
            Some(other) => format!("{} {other}, taken at par", statement.ledger),
            None => money(pico(statement.ledger), currency),
        };
        let calls = usize::try_from(statement.calls).unwrap_or(usize::MAX);
        let unexplained = match statement.unexplained_share {
            Some(share) => {
                let amount = signed_money(pico(statement.unexplained), currency);
                format!("{amount}, {} of the invoice", percent(share))
            }
            None => signed_money(pico(statement.unexplained), currency),
        };
        let mut terms = vec![
            Term::new(
                "Invoice",
                format!(
                    "{} in {}",
                    money(pico(statement.invoice), currency),
                    counted(statement.rows, "row", "rows")
                ),
            ),
            Term::new("Ledger", format!("{ledger} in {}", counted(calls, "call", "calls"))),
            Term::new("Unexplained", unexplained),
        ];
        if statement.excluded.rows > 0 {
            let rows = usize::try_from(statement.excluded.rows).unwrap_or(usize::MAX);
            terms.push(Term::new(
                "Not about models",
                format!(
                    "{} in {}, in neither sum",
                    money(pico(statement.excluded.amount), currency),
                    counted(rows, "row", "rows")
                ),
            ));
        }
        Self {
            title,
            terms,
            causes: statement.causes.iter().map(|total| OneCause::new(total, currency)).collect(),
            gap: signed_money(pico(statement.gap), currency),
            parts: statement
                .parts
                .iter()
                .take(PARTS_SHOWN)
                .map(|part| OnePart::new(part, currency))
                .collect(),
            notes: statement.notes.iter().map(|note| cell(note)).collect(),
        }
    }
}

impl OneCause {
    fn new(total: &CauseTotal, currency: Currency) -> Self {
        let evidence = if total.cause == Cause::Unexplained && !total.candidates.is_empty() {
            let names: Vec<_> = total.candidates.iter().map(|cause| cause.words()).collect();
            format!("one of: {}", names.join("; "))
        } else {
            total.evidence.first().map(|text| cell(text)).unwrap_or_default()
        };
        Self {
            name: total.cause.words(),
            evidence,
            amount: signed_money(pico(total.amount), currency),
        }
    }
}

impl OnePart {
    fn new(part: &Part, currency: Currency) -> Self {
        let text = |text: &Option<String>| text.as_deref().map(cell).unwrap_or_default();
        Self {
            cause: part.cause.words(),
            day: text(&part.day),
            provider: cell(&part.provider),
            model: text(&part.model),
            class: part.token_class.map_or("", |meter| meter.name()),
            amount: signed_money(pico(part.amount), currency),
        }
    }
}
