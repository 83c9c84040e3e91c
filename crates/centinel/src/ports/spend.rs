//! Spend by a dimension or over time.

use centinel_app::{SpendGroup, SpendSums, cost_per_output};
use centinel_engine::{
    money::{Decimal, Pico},
    period::date_of,
};
use centinel_mcp::{
    Grouping, Label, Refusal, Sentence, Spend, SpendAnswer, SpendRequest, SpendRow,
};

use super::{
    Ports,
    basis::{count, money, other_currencies, paged, question, told},
    refusal::refused,
};
use crate::text::percent;

impl Ports {
    pub(super) async fn spend_answer(&self, request: SpendRequest) -> Result<SpendAnswer, Refusal> {
        let SpendRequest { window, grouping, filter, page } = request;
        let asked = self.asked(window, page.as_of).await?;
        let (group, grain) = match &grouping {
            Grouping::By(dimension) => (Some(SpendGroup::Dimension(dimension.clone())), None),
            Grouping::Owner => (Some(SpendGroup::Owner), None),
            Grouping::Kind => (Some(SpendGroup::Kind), None),
            Grouping::Over(grain) => (None, Some(*grain)),
        };
        let group_by = group.iter().cloned().collect();
        let mut question = question(asked.period, group_by, &filter);
        question.grain = grain;
        question.as_of = page.as_of;
        let answer = self.app.spend(&question, asked.now).await.map_err(refused)?;
        let gross = self.app.gross(&question, answer.currency).await.map_err(refused)?;
        let outputs = self.app.outputs(&question).await.map_err(refused)?;
        let lines: Vec<_> =
            answer.rows.iter().filter(|line| line.currency == answer.currency).collect();
        if lines.is_empty() {
            return Err(self.nothing_found(&asked, &filter).await);
        }
        let total = spend(&answer.total, gross.total, outputs.total);
        let row_count = count(i128::try_from(lines.len()).unwrap_or(i128::MAX));
        let rows: Vec<SpendRow> = lines
            .iter()
            .map(|line| {
                let value = line.group.values().next().cloned().flatten();
                let listed = gross.lines.get(&(line.at, value.clone())).copied();
                let outputs = outputs.lines.get(&(line.at, value.clone())).copied();
                let spend = spend(&line.sums, listed.unwrap_or(line.sums.cost), outputs);
                let group = line.at.map(|at| date_of(at).to_string()).or(value);
                SpendRow {
                    group: group.map(Label::from),
                    share_ratio: share(spend.net, total.net),
                    spend,
                }
            })
            .collect();

        let mut notes = other_currencies(&answer, answer.currency);
        if gross.assumed != Pico::ZERO {
            notes.push(
                Sentence::new("Of the gross cost, ")
                    .figure(money(gross.assumed, answer.currency))
                    .text(" is net cost: no list cost is stated for it."),
            );
        }
        let mut summary = Sentence::new("Net spend was ")
            .figure(money(total.net, answer.currency))
            .text(" (gross ")
            .figure(money(total.gross, answer.currency))
            .text(") from ")
            .figure(asked.period);
        if !filter.0.is_empty() {
            summary = summary.text(", of the filtered part only");
        }
        if let Some(largest) = rows.iter().max_by_key(|row| row.spend.net) {
            let of = group.as_ref().map(ToString::to_string);
            summary = summary.text("; the largest ");
            summary = match &of {
                Some(dimension) => summary.name(dimension),
                None => summary.text("step of time begins"),
            };
            summary = match &largest.group {
                Some(group) if of.is_some() => summary.text(" is ").name(group.as_str()),
                Some(group) => summary.text(" on ").figure(group),
                None => summary.text(" is the part that states none,"),
            };
            summary = summary.text(" with ").figure(money(largest.spend.net, answer.currency));
            if let Some(share) = largest.share_ratio {
                summary = summary.text(", ").figure(percent(share)).text(" of it");
            }
        }
        let coverage = self.coverage(&answer, &filter, page.as_of).await?;
        let evidence = answer.evidence.clone();
        let basis = self.basis(&asked, answer.currency, coverage, evidence, notes).await?;
        Ok(SpendAnswer {
            summary: told(summary, &asked, &basis.coverage),
            total,
            rows: paged(rows, page),
            row_count,
            basis,
        })
    }
}

fn spend(sums: &SpendSums, gross: Pico, outputs: Option<Pico>) -> Spend {
    let calls = (sums.calls > 0).then(|| count(sums.calls));
    let tokens = |tokens: i128| calls.map(|_| count(tokens));
    Spend {
        gross,
        net: sums.cost,
        calls,
        tokens: tokens(sums.input_tokens.saturating_add(sums.output_tokens)),
        input_tokens: tokens(sums.input_tokens),
        cached_input_tokens: tokens(sums.cache_read_tokens),
        output_tokens: tokens(sums.output_tokens),
        cached_input_ratio: sums.cached_ratio(),
        outputs,
        net_per_output: outputs.and_then(|outputs| cost_per_output(sums.cost, outputs)),
    }
}

/// A part of a whole, 0 to 1 at four decimals; `None` when the whole is zero.
pub(super) fn share(part: Pico, whole: Pico) -> Option<Decimal> {
    part.to_decimal().quotient(whole.to_decimal(), 4).ok().flatten()
}
