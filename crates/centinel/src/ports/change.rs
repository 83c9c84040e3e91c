//! Two periods side by side, and why one differs from the other.

use std::collections::{BTreeMap, BTreeSet};

use centinel_app::{Explained, PlaceShare};
use centinel_engine::{
    explain,
    money::{Currency, Pico},
    period::{DAY_MICROS, date_of, start_of_day},
};
use centinel_mcp::{
    Change, CompareRequest, CompareTo, ComparisonAnswer, ComparisonRow, Decomposition, Driver,
    Edit, Effect, ExplainRequest, ExplanationAnswer, Filter, GrossSides, Grouping, Label, Link,
    Place, Refusal, Sentence, Window, previous_period, year_before,
};

use super::{
    Ports,
    basis::{
        Asked, conditions, count, main_owner, money, other_currencies, paged, scope_of,
        shown_scope, told,
    },
    refusal::refused,
    spend::share,
};
/// Places named at most.
const PLACES_MAX: usize = 8;

impl Ports {
    pub(super) async fn comparison(
        &self,
        request: CompareRequest,
    ) -> Result<ComparisonAnswer, Refusal> {
        let CompareRequest { window, compare_to, grouping, filter, page } = request;
        let Grouping::By(dimension) = grouping else {
            return Err(Refusal::mistaken(
                "two periods are compared by a dimension, not by time",
                "let `group_by` be a dimension",
            ));
        };
        self.unchanged_since(page.as_of).await?;
        let asked = self.asked(window, page.as_of).await?;
        let question = self.change_question(&asked, compare_to, &filter).await?;
        let compared = match self.app.compare(&question, &dimension, asked.now).await {
            Ok(compared) => compared,
            Err(error) => return Err(self.or_unknown(&asked, &filter, error).await),
        };
        let explained = compared.explained;
        self.spent_something(&explained, &asked, &filter).await?;
        let total = decomposition(&explained.decomposition);
        let row_count = count(i128::try_from(compared.groups.len()).unwrap_or(i128::MAX));
        let rows: Vec<ComparisonRow> = compared
            .groups
            .into_iter()
            .map(|group| ComparisonRow {
                group: group.group.map(Label::from),
                change: Change { before: group.before, after: group.after, delta: group.delta },
                main_driver: group.main_driver.map(driver),
            })
            .collect();
        let mut summary = change_sentence(&explained, compare_to, &filter);
        if let Some(largest) = rows.first().filter(|row| row.change.delta != Pico::ZERO) {
            let by = dimension.to_string();
            summary = summary.text("; by ").name(&by).text(", ");
            summary = match &largest.group {
                Some(group) => summary.name(group.as_str()),
                None => summary.text("the part that states none"),
            };
            summary = summary
                .text(" changed most: ")
                .figure(signed(largest.change.delta, explained.currency));
        }
        let by_owner = self.by_owner(&asked, &filter).await?;
        let coverage = self.coverage(&by_owner, &filter, None).await?;
        let mut notes = other_currencies(&by_owner, explained.currency);
        notes.extend(notes_of(&explained, &asked, compare_to));
        let evidence = explained.evidence.clone();
        let gross = self.gross_of(&explained, compare_to, &filter).await?;
        notes.push(net_but_gross());
        Ok(ComparisonAnswer {
            summary: told(summary, &asked, &coverage),
            total,
            gross,
            rows: paged(rows, page),
            row_count,
            baseline: explained.baseline,
            basis: self.basis(&asked, explained.currency, coverage, evidence, notes).await?,
        })
    }

    pub(super) async fn explanation(
        &self,
        request: ExplainRequest,
    ) -> Result<ExplanationAnswer, Refusal> {
        let now = self.now();
        let (asked, explained, filter, compare_to, anomaly) = match request {
            ExplainRequest::Anomaly { anomaly_id } => {
                let (incident, explained) =
                    self.app.explain_incident(&anomaly_id, None, now).await.map_err(refused)?;
                let asked = self.asked(Window::Exact(explained.period), None).await?;
                let filter = filter_of(&incident.scope);
                (asked, explained, filter, CompareTo::Usual, Some(incident))
            }
            ExplainRequest::Scope { window, compare_to, filter } => {
                let asked = self.asked(window, None).await?;
                let question = self.change_question(&asked, compare_to, &filter).await?;
                let explained = match self.app.explain_change(&question, asked.now).await {
                    Ok(explained) => explained,
                    Err(error) => return Err(self.or_unknown(&asked, &filter, error).await),
                };
                self.spent_something(&explained, &asked, &filter).await?;
                (asked, explained, filter, compare_to, None)
            }
        };
        let scope = scope_of(&filter);
        let by_owner = self.by_owner(&asked, &filter).await?;
        let coverage = self.coverage(&by_owner, &filter, None).await?;
        let mut notes = other_currencies(&by_owner, explained.currency);
        if anomaly.as_ref().is_some_and(|incident| incident.start < date_of(asked.period.start)) {
            notes.push(Sentence::new("The anomaly began earlier; its last 28 days are explained."));
        }
        notes.extend(notes_of(&explained, &asked, compare_to));
        let owner = anomaly.as_ref().and_then(|incident| incident.owner.as_ref());
        let owner = owner.map(Label::from).or_else(|| main_owner(&by_owner));
        let evidence = explained.evidence.clone();
        let gross = self.gross_of(&explained, compare_to, &filter).await?;
        notes.push(net_but_gross());
        Ok(ExplanationAnswer {
            summary: told(change_sentence(&explained, compare_to, &filter), &asked, &coverage),
            anomaly_id: anomaly.as_ref().map(|incident| Label::from(&incident.id)),
            scope: shown_scope(&scope),
            decomposition: decomposition(&explained.decomposition),
            gross,
            usual_range_ratio: None,
            places: places(&explained),
            started_at: anomaly.as_ref().map(|incident| start_of_day(incident.start)),
            links: links(&explained),
            ruled_out: ruled_out(&explained.decomposition, explained.currency),
            owner,
            proposal_id: self.proposals_by_scope(asked.now).await?.remove(&scope),
            baseline: explained.baseline,
            basis: self.basis(&asked, explained.currency, coverage, evidence, notes).await?,
        })
    }

    /// Refuses a comparison of nothing with nothing.
    async fn spent_something(
        &self,
        explained: &Explained,
        asked: &Asked,
        filter: &Filter,
    ) -> Result<(), Refusal> {
        let split = &explained.decomposition;
        let is_nothing = split.before == Pico::ZERO && split.after == Pico::ZERO;
        if is_nothing && !filter.0.is_empty() {
            return Err(self.nothing_found(asked, filter).await);
        }
        Ok(())
    }

    /// List cost of both sides; the usual level is one of net cost, and has none.
    async fn gross_of(
        &self,
        explained: &Explained,
        compare_to: CompareTo,
        filter: &Filter,
    ) -> Result<GrossSides, Refusal> {
        let before = (compare_to != CompareTo::Usual).then_some(explained.baseline);
        self.gross_sides(explained.period, before, filter, explained.currency).await
    }

    /// The product's question for a comparison; refuses a baseline without data.
    async fn change_question(
        &self,
        asked: &Asked,
        compare_to: CompareTo,
        filter: &Filter,
    ) -> Result<centinel_app::ExplainRequest, Refusal> {
        let before = match compare_to {
            CompareTo::PreviousPeriod => previous_period(asked.period),
            CompareTo::YearBefore => year_before(asked.period),
            CompareTo::Usual if !asked.period.is_aligned(DAY_MICROS) => {
                return Err(Refusal::amended(
                    "the usual level is one of whole days",
                    vec![Edit::set("compare_to", "previous_period")],
                ));
            }
            CompareTo::Usual => None,
        };
        match before {
            Some(before) if before.end <= asked.data.0 => {
                return Err(Refusal::amended(
                    format!(
                        "there is no data in {before}, the period to compare with: it begins with {}",
                        date_of(asked.data.0)
                    ),
                    vec![
                        Edit::without("start"),
                        Edit::without("end"),
                        Edit::set("period", "last_7d"),
                        Edit::set("compare_to", "previous_period"),
                    ],
                ));
            }
            None if compare_to != CompareTo::Usual => {
                return Err(Refusal::mistaken(
                    "the calendar has no period before",
                    "take a later period",
                ));
            }
            _ => {}
        }
        let left_out = match compare_to {
            CompareTo::Usual => {
                let scope = scope_of(filter);
                self.app.unusual_days(&scope, asked.now).await.map_err(refused)?
            }
            CompareTo::PreviousPeriod | CompareTo::YearBefore => BTreeSet::new(),
        };
        Ok(centinel_app::ExplainRequest {
            filter: conditions(filter),
            period: asked.period,
            compare_to: before,
            left_out,
            measured: explain::Measured::Cost,
            as_of: None,
        })
    }
}

/// The filter that selects a scope of the product's own.
fn filter_of(scope: &BTreeMap<String, String>) -> Filter {
    let named = |(name, value): (&String, &String)| Some((name.parse().ok()?, value.clone()));
    Filter(scope.iter().filter_map(named).collect())
}

fn driver(driver: explain::Driver) -> Driver {
    match driver {
        explain::Driver::Volume => Driver::Volume,
        explain::Driver::CallsPerOutput => Driver::CallsPerOutput,
        explain::Driver::TokensPerCall => Driver::TokensPerCall,
        explain::Driver::Cache => Driver::Cache,
        explain::Driver::Price => Driver::Price,
        explain::Driver::Mix => Driver::Mix,
    }
}

/// The drivers that did anything, largest first.
fn decomposition(split: &explain::Decomposition) -> Decomposition {
    let mut effects: Vec<Effect> = split
        .effects
        .iter()
        .filter(|effect| effect.amount != Pico::ZERO)
        .map(|effect| Effect { driver: driver(effect.driver), amount: effect.amount })
        .collect();
    effects
        .sort_by_key(|effect| (std::cmp::Reverse(effect.amount.0.unsigned_abs()), effect.driver));
    Decomposition {
        change: Change { before: split.before, after: split.after, delta: split.delta },
        effects,
    }
}

/// The combinations of values that hold a change; where none does, the cells with the largest changes.
fn places(explained: &Explained) -> Vec<Place> {
    let Explained { decomposition: split, circumstances, .. } = explained;
    let shares = circumstances.place_shares();
    if !shares.is_empty() {
        let shown = shares.iter();
        return shown
            .map(|PlaceShare { place, amount }| place_of(place, *amount, split.delta))
            .collect();
    }
    let mut cells: Vec<_> = split.by_cell.iter().filter(|cell| cell.delta != Pico::ZERO).collect();
    cells.sort_by_key(|cell| (std::cmp::Reverse(cell.delta.0.unsigned_abs()), &cell.cell));
    let shown = cells.into_iter().take(PLACES_MAX);
    shown.map(|cell| place_of(&cell.cell, cell.delta, split.delta)).collect()
}

fn place_of(values: &BTreeMap<String, String>, delta: Pico, whole: Pico) -> Place {
    Place { scope: shown_scope(values), delta, share_ratio: share(delta, whole) }
}

/// What began with the change.
fn links(explained: &Explained) -> Vec<Link> {
    let delta = explained.decomposition.delta;
    let links = explained.circumstances.links.iter();
    let shown = links.map(|link| Link {
        at: start_of_day(link.since),
        kind: link.kind.name(),
        name: Label::from(&link.told()),
        contribution: link.amount,
        share_ratio: link.amount.and_then(|amount| share(amount, delta)),
    });
    shown.collect()
}

/// Drivers that moved less than a hundredth of the change.
fn ruled_out(split: &explain::Decomposition, currency: Currency) -> Vec<Sentence> {
    let delta = split.delta.0.unsigned_abs();
    if delta == 0 {
        return Vec::new();
    }
    let small =
        |effect: &&explain::Effect| effect.amount.0.unsigned_abs().saturating_mul(100) < delta;
    split
        .effects
        .iter()
        .filter(small)
        .map(|effect| {
            let named = Sentence::new("Not ").text(effect.driver.label()).text(": its part is ");
            named.figure(signed(effect.amount, currency)).text(".")
        })
        .collect()
}

/// Both totals, the direction and the largest driver, without the final period.
fn change_sentence(explained: &Explained, compare_to: CompareTo, filter: &Filter) -> Sentence {
    let Explained { decomposition: split, currency, .. } = explained;
    let mut sentence = Sentence::new("Net spend");
    for (index, (dimension, value)) in filter.0.iter().take(3).enumerate() {
        let joint = if index == 0 { " of " } else { ", " };
        sentence = sentence.text(joint).name(&dimension.to_string()).text(" ").name(value);
    }
    sentence = match split.delta.0.signum() {
        0 => sentence.text(" did not change: "),
        1 => sentence.text(" rose by ").figure(money(split.delta, *currency)).text(", from "),
        _ => sentence
            .text(" fell by ")
            .figure(money(Pico(split.delta.0.saturating_neg()), *currency))
            .text(", from "),
    };
    if split.delta != Pico::ZERO {
        sentence = sentence.figure(money(split.before, *currency)).text(" to ");
    }
    sentence = sentence.figure(money(split.after, *currency));
    // Rounded as the text and the page have it.
    let ratio = explain::percent(split.delta, split.before, 1);
    if let Some(ratio) = ratio.filter(|ratio| split.before > Pico::ZERO && !ratio.is_zero()) {
        sentence = sentence.text(" (").figure(format!("{ratio} %").replacen('-', "−", 1)).text(")");
    }
    sentence = sentence.text(", ").figure(explained.period).text(match compare_to {
        CompareTo::PreviousPeriod => " against ",
        CompareTo::Usual => " against the usual level learned in ",
        CompareTo::YearBefore => " against a year before, ",
    });
    sentence = sentence.figure(explained.baseline);
    let Some(driver) = explained.main_driver else { return sentence };
    let apart = match explained.measured {
        explain::Measured::Cost => "; the largest driver is ",
        explain::Measured::CostPerOutput => "; apart from volume the largest driver is ",
    };
    sentence
        .text(apart)
        .text(driver.label())
        .text(" with ")
        .figure(signed(split.effect(driver), *currency))
}

fn net_but_gross() -> Sentence {
    Sentence::new(
        "Amounts are net, after credits and discounts, commitments amortised; `gross` is before.",
    )
}

/// What was assumed in a comparison.
fn notes_of(explained: &Explained, asked: &Asked, compare_to: CompareTo) -> Vec<Sentence> {
    let mut notes = Vec::new();
    if compare_to == CompareTo::Usual {
        notes.push(
            Sentence::new("The usual level is that of ")
                .figure(explained.baseline_days)
                .text(" days with the same weekdays, scaled to the days compared."),
        );
    } else if explained.baseline.start < start_of_day(date_of(asked.data.0)) {
        notes.push(
            Sentence::new("The data begins with ")
                .figure(date_of(asked.data.0))
                .text(": the period compared with is not complete."),
        );
    }
    if explained.circumstances.is_spread() {
        notes.push(Sentence::new(
            "The change is spread over everything: no place holds more of it than chance would.",
        ));
    }
    notes.extend(explained.decomposition.notes.iter().map(|note| Sentence::worded(note)));
    notes
}

/// `+$12.00`, `−$12.00`.
fn signed(amount: Pico, currency: Currency) -> String {
    let plus = if amount > Pico::ZERO { "+" } else { "" };
    format!("{plus}{}", money(amount, currency))
}
