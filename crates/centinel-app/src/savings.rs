//! The ledger of savings: what every proposal promised, how far it is, what came of it, and why something
//! is not known.

use centinel_approvals::View;
use centinel_engine::{
    money::Money,
    period::{date_of, start_of_day},
    proposal::{
        Calibration, ExpectedSaving, InPortfolio, Kind, MEASURED_AFTER_DAYS, Occurrence,
        ProposalId, Saving, Stage, StageSum, Status, by_expected_saving, calibrate,
        expected_saving, share_percent, sums,
    },
};
use jiff::{Timestamp, ToSpan as _, civil::Date};
use serde::Serialize;

use crate::{App, AppError, execute::executed_at};

/// What all proposals promised, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Savings {
    /// When it was asked.
    pub as_of: Timestamp,
    /// The figures that matter most, in words.
    pub summary: String,
    /// Every proposal there is, the largest expected saving first.
    pub lines: Vec<SavingsLine>,
    /// The same by stage: each proposal is in exactly one.
    pub stages: Vec<StageSum>,
    /// What each kind promised and realised.
    pub calibration: Vec<Calibration>,
}

/// One proposal in the ledger of savings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SavingsLine {
    /// The proposal.
    pub id: ProposalId,
    /// The version that the amounts are of.
    pub version: u32,
    /// One line for people, as its requester wrote it.
    pub title: String,
    /// What it changes.
    pub kind: Kind,
    /// The team whose spend it is.
    pub owner: String,
    /// Where it stands.
    pub status: Status,
    /// How far it is, as far as savings go.
    pub stage: Stage,
    /// What it promises a month; absent when it does not say.
    pub promised: Option<Saving>,
    /// The promise, seen through what became of earlier ones of its kind.
    pub expected: Option<ExpectedSaving>,
    /// When it was carried out.
    pub executed_at: Option<Timestamp>,
    /// Under which it is known outside, where a person carried it out by hand.
    pub reference: Option<String>,
    /// What came of it, by the day it was measured at, the first one first.
    pub measured: Vec<MeasuredAt>,
    /// Why there is no measurement, or not the last one yet.
    pub not_measured: Option<NotMeasured>,
    /// The facts that the promise rests on.
    pub evidence: String,
    /// Number of the entry of the audit log that put it where it stands.
    pub audit_entry: i64,
}

/// One measurement of a realised saving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MeasuredAt {
    /// Whole days after the execution.
    pub days: u32,
    /// Realised a month; negative when the change cost more.
    pub saving: Money,
    /// In whole percent of the best estimate, toward zero; absent when nothing was promised.
    pub share_percent: Option<i128>,
    /// When it was measured.
    pub at: Timestamp,
}

/// Why a saving is not known, or not known for good yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum NotMeasured {
    /// Nothing was carried out.
    NotExecuted,
    /// The proposal does not say what the spend would be without it.
    NoCounterfactual,
    /// The days are not over.
    TooEarly {
        /// How many they are.
        days: u32,
        /// From when on it can be measured.
        from: Date,
    },
    /// The days are over, and the ledger does not hold them to their end, or holds none of the units that
    /// the saving is counted by.
    NoSpend {
        /// How many they are.
        days: u32,
        /// The day after the last of them.
        until: Date,
    },
}

impl NotMeasured {
    /// In words.
    pub fn in_words(self) -> String {
        match self {
            Self::NotExecuted => "not carried out".to_owned(),
            Self::NoCounterfactual => {
                "it does not say what the spend would be without it".to_owned()
            }
            Self::TooEarly { days, from } => format!("{days} whole days are over on {from}"),
            Self::NoSpend { days, until } => format!(
                "the ledger has no such spend, or not all of it, of the {days} days before {until}"
            ),
        }
    }
}

impl App {
    /// The ledger of savings, of all proposals that whoever asks may see.
    ///
    /// # Errors
    ///
    /// Approval errors; [`AppError::Money`] when a sum does not fit.
    pub async fn savings(&self, now: Timestamp) -> Result<Savings, AppError> {
        let views = self.approvals.all(now).await?;
        let calibration = calibration(&views)?;
        let mut lines: Vec<SavingsLine> =
            views.iter().map(|view| SavingsLine::new(view, &calibration, now)).collect();
        lines.sort_by(|one, other| {
            by_expected_saving((one.id, one.expected), (other.id, other.expected))
        });
        let stages = sums(lines.iter().map(|line| {
            InPortfolio {
                stage: line.stage,
                promised: line.promised,
                realised: line
                    .measured
                    .last()
                    .filter(|_| line.stage == Stage::Realised)
                    .map(|last| last.saving),
            }
        }))?;
        Ok(Savings { as_of: now, summary: summary(&lines, &stages), lines, stages, calibration })
    }

    /// What is open, the largest expected saving first. What promises nothing that is known comes after,
    /// by number.
    ///
    /// # Errors
    ///
    /// Approval errors; [`AppError::Money`] when a sum does not fit.
    pub async fn ranked_inbox(
        &self,
        now: Timestamp,
    ) -> Result<Vec<(View, Option<ExpectedSaving>)>, AppError> {
        let calibration = self.calibration(now).await?;
        let open = self.approvals.inbox(now).await?;
        Ok(ranked(open, &calibration))
    }

    /// What proposals of each kind promised, and what came of it.
    ///
    /// # Errors
    ///
    /// Approval errors; [`AppError::Money`] when a sum does not fit.
    pub async fn calibration(&self, now: Timestamp) -> Result<Vec<Calibration>, AppError> {
        calibration(&self.approvals.all(now).await?)
    }

    /// One proposal in the ledger of savings.
    ///
    /// # Errors
    ///
    /// As [`Self::calibration`].
    pub async fn savings_of(&self, view: &View, now: Timestamp) -> Result<SavingsLine, AppError> {
        Ok(SavingsLine::new(view, &self.calibration(now).await?, now))
    }
}

/// Proposals with what each is expected to save, the largest first.
pub fn ranked(
    views: Vec<View>,
    calibration: &[Calibration],
) -> Vec<(View, Option<ExpectedSaving>)> {
    let expected = |view: View| {
        let expected = expected_saving(&view.proposal, calibration);
        (view, expected)
    };
    let mut ranked: Vec<_> = views.into_iter().map(expected).collect();
    ranked.sort_by(|(one, of_one), (other, of_other)| {
        by_expected_saving((one.proposal.id, *of_one), (other.proposal.id, *of_other))
    });
    ranked
}

fn calibration(views: &[View]) -> Result<Vec<Calibration>, AppError> {
    let measured = views.iter().filter_map(|view| {
        let last = measurements(view).pop()?;
        Some((view.proposal.kind(), view.proposal.saving?, last.saving))
    });
    Ok(calibrate(measured)?)
}

fn measurements(view: &View) -> Vec<MeasuredAt> {
    let promised = view.proposal.saving;
    let measured = view.events.iter().filter_map(|event| match event.what {
        Occurrence::Measured { saving, days } => Some(MeasuredAt {
            days,
            saving,
            share_percent: promised.and_then(|promised| share_percent(saving, promised.mid)),
            at: event.at,
        }),
        _ => None,
    });
    measured.collect()
}

impl SavingsLine {
    fn new(view: &View, calibration: &[Calibration], now: Timestamp) -> Self {
        let proposal = &view.proposal;
        let executed_at = executed_at(view);
        let measured = measurements(view);
        Self {
            id: proposal.id,
            version: proposal.version,
            title: proposal.title.clone(),
            kind: proposal.kind(),
            owner: proposal.owner.clone(),
            status: view.status,
            stage: Stage::of(view.status),
            promised: proposal.saving,
            expected: expected_saving(proposal, calibration),
            executed_at,
            reference: view.events.iter().rev().find_map(|event| match &event.what {
                Occurrence::Confirmed { reference, .. } => Some(reference.clone()),
                _ => None,
            }),
            not_measured: not_measured(view, executed_at, measured.last(), now),
            measured,
            evidence: format!("bundle:{}", proposal.evidence.chars().take(12).collect::<String>()),
            audit_entry: view.audit_entry,
        }
    }
}

/// Why the next measurement is not there; `None` when all are.
fn not_measured(
    view: &View,
    executed_at: Option<Timestamp>,
    last: Option<&MeasuredAt>,
    now: Timestamp,
) -> Option<NotMeasured> {
    let executed_at = match (executed_at, Stage::of(view.status)) {
        (Some(executed_at), Stage::Executed | Stage::Realised) => executed_at,
        // What was taken back is measured no more.
        (Some(_), _) => return None,
        (None, _) => return Some(NotMeasured::NotExecuted),
    };
    if view.proposal.counterfactual.is_none() {
        return Some(NotMeasured::NoCounterfactual);
    }
    let is_next = |days: &u32| last.is_none_or(|last| last.days < *days);
    let days = MEASURED_AFTER_DAYS.into_iter().find(is_next)?;
    let first = date_of(executed_at).saturating_add(1.day());
    let after = first.saturating_add(i64::from(days).days());
    Some(if now < start_of_day(after) {
        NotMeasured::TooEarly { days, from: after }
    } else {
        NotMeasured::NoSpend { days, until: after }
    })
}

/// One sentence for each currency, the one with most proposals first.
fn summary(lines: &[SavingsLine], stages: &[StageSum]) -> String {
    if lines.is_empty() {
        return "Nothing was proposed yet.".to_owned();
    }
    let mut currencies: Vec<(u32, _)> = Vec::new();
    for amount in stages.iter().flat_map(|sum| &sum.amounts) {
        let own = amount.promised_by.saturating_add(amount.realised_by);
        match currencies.iter_mut().find(|(_, currency)| *currency == amount.currency) {
            Some((count, _)) => *count = count.saturating_add(own),
            None => currencies.push((own, amount.currency)),
        }
    }
    currencies.sort_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(&other.1)));
    let mut sentences: Vec<String> = Vec::new();
    for (_, currency) in currencies {
        let amounts = |stage| {
            let sum = stages.iter().find(|sum| sum.stage == stage)?;
            sum.amounts.iter().find(|of| of.currency == currency)
        };
        let mut parts = Vec::new();
        if let Some((of, realised)) =
            amounts(Stage::Realised).and_then(|of| Some((of, of.realised?)))
        {
            let promised = of.promised.map(|promised| promised.mid);
            // A share is of what the same proposals promised.
            let comparable = promised.filter(|_| of.promised_by == of.realised_by);
            let share = comparable.and_then(|promised| share_percent(realised, promised));
            parts.push(match (promised, share) {
                (Some(promised), Some(share)) => {
                    format!("{realised} of {promised} promised a month came ({share} %)")
                }
                (Some(promised), None) => {
                    format!("{realised} a month came, {promised} was promised")
                }
                (None, _) => format!("{realised} a month came, which nobody promised"),
            });
        }
        for (stage, words) in [
            (Stage::Executed, "is carried out and not measured yet"),
            (Stage::Approved, "is approved"),
            (Stage::Open, "waits for people"),
        ] {
            if let Some(promised) = amounts(stage).and_then(|of| of.promised) {
                parts.push(format!("{} a month {words}", promised.mid));
            }
        }
        if !parts.is_empty() {
            sentences.push(format!("{}.", parts.join("; ")));
        }
    }
    let unknown = |sum: &&StageSum| sum.stage != Stage::Ended;
    let without: u32 = stages.iter().filter(unknown).map(|sum| sum.without_promise).sum();
    match (without, sentences.is_empty()) {
        (0, true) => sentences.push("Nothing that is open or carried out saves anything.".into()),
        (0, false) => {}
        (1, _) => sentences.push("1 proposal states no saving.".to_owned()),
        (_, _) => sentences.push(format!("{without} proposals state no saving.")),
    }
    sentences.join(" ")
}

#[cfg(test)]
mod tests;
