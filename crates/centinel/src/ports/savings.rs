//! The ledger of savings, in the port's words.

use centinel_app::{Savings, SavingsLine};
use centinel_engine::proposal::{Calibration, Stage, StageSum};
use centinel_mcp::{
    CalibrationRow, Label, Refusal, SavingsAnswer, SavingsRequest, SavingsRow, SavingsStage,
    SavingsSum, Sentence,
};

use super::{
    Ports,
    basis::{count, paged},
    refusal::refused,
};

impl Ports {
    pub(super) async fn savings_answer(
        &self,
        request: SavingsRequest,
    ) -> Result<SavingsAnswer, Refusal> {
        let SavingsRequest { stage: wanted, page } = request;
        let now = self.now();
        let as_of = page.as_of.unwrap_or(now);
        let Savings { summary, lines, stages, calibration, .. } =
            self.app.savings(now).await.map_err(refused)?;
        let rows: Vec<SavingsRow> = lines
            .iter()
            .filter(|line| wanted.is_none_or(|wanted| stage(line.stage) == wanted))
            .map(row)
            .collect();
        Ok(SavingsAnswer {
            // Figures and words of ours: no title, owner or reference is in it.
            summary: Sentence::worded(&summary),
            stages: stages.iter().flat_map(sums).collect(),
            calibration: calibration.iter().map(calibrated).collect(),
            row_count: count(i128::try_from(rows.len()).unwrap_or(i128::MAX)),
            rows: paged(rows, page),
            as_of,
            fresh_until: self.newest_delivery().await?,
        })
    }
}

fn row(line: &SavingsLine) -> SavingsRow {
    let last = line.measured.last();
    SavingsRow {
        proposal_id: Label::from(line.id.to_string()),
        kind: Label::from(line.kind.as_str()),
        title: Sentence::new("").name(&line.title),
        stage: stage(line.stage),
        promised: line.promised.map(|promised| promised.mid),
        expected: line.expected.map(|expected| expected.amount),
        realised: last.map(|last| last.saving),
        measured_days: last.map(|last| last.days),
        not_measured: line.not_measured.map(|why| Sentence::worded(&why.in_words())),
        evidence_id: line.evidence.clone(),
    }
}

/// One sum for each currency, and one for what promises nothing that is known.
fn sums(sum: &StageSum) -> Vec<SavingsSum> {
    let stage = stage(sum.stage);
    let mut sums: Vec<SavingsSum> = sum
        .amounts
        .iter()
        .map(|of| SavingsSum {
            stage,
            proposals: of.promised_by.max(of.realised_by),
            currency: Some(of.currency),
            promised: of.promised.map(|promised| promised.mid),
            realised: of.realised,
        })
        .collect();
    if sum.without_promise > 0 {
        let proposals = sum.without_promise;
        sums.push(SavingsSum { stage, proposals, currency: None, promised: None, realised: None });
    }
    sums
}

fn calibrated(of: &Calibration) -> CalibrationRow {
    CalibrationRow {
        kind: Label::from(of.kind.as_str()),
        measured: of.measured,
        ratio: of.ratio,
        factor: of.factor,
    }
}

fn stage(stage: Stage) -> SavingsStage {
    match stage {
        Stage::Open => SavingsStage::Open,
        Stage::Approved => SavingsStage::Approved,
        Stage::Executed => SavingsStage::Executed,
        Stage::Realised => SavingsStage::Realised,
        Stage::Ended => SavingsStage::Ended,
    }
}
