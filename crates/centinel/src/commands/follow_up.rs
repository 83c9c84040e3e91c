//! What follows a decision, as people read it: reviews that are due, and what became of a saving.

use centinel_app::{MeasuredAt, OpenReview, SavingsLine, View};
use centinel_engine::proposal::Status;
use jiff::Timestamp;

use crate::{output::Output, text::printable};

/// ``P-7: emma began an emergency on …, alone; somebody else has to look at it until …``
pub(crate) fn review_line(review: &OpenReview) -> String {
    let OpenReview { id, glass, is_overdue, alert, .. } = review;
    let alert = alert.iter().map(|name| printable(name)).collect::<Vec<_>>();
    format!(
        "{id}: {} began an emergency on {} ({}: {}); {} {}, by {}: `centinel review {id}`",
        printable(&glass.name),
        minute(glass.at),
        printable(&glass.ticket),
        printable(&glass.reason),
        if *is_overdue { "a review has been due since" } else { "a review is due until" },
        minute(glass.review_until),
        if alert.is_empty() {
            "somebody else who may approve, of whom there is nobody yet".to_owned()
        } else {
            alert.join(" or ")
        }
    )
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// What people do next with what was approved and has no edits; `None` for all else.
pub(crate) fn by_hand_line(view: &View) -> Option<String> {
    let waits = view.status == Status::Approved && view.proposal.edits.is_empty();
    let id = view.proposal.id;
    waits.then(|| {
        format!(
            "people carry it out; then: `centinel confirm {id} --reference …`, or `centinel reject {id}`"
        )
    })
}

/// What it was expected to save, and what came.
pub(crate) fn print_savings(line: &SavingsLine, output: &mut Output) -> anyhow::Result<()> {
    if let Some(expected) = line.expected.filter(|expected| expected.measured > 0) {
        output.line(format_args!(
            "  {:<16} {} a month: {} times {}, from {} measured",
            "expected", expected.amount, expected.promised, expected.factor, expected.measured
        ))?;
    }
    if let Some(at) = line.executed_at {
        let by_hand =
            line.reference.as_deref().map(|text| format!(", by hand: {}", printable(text)));
        let by_hand = by_hand.unwrap_or_default();
        output.line(format_args!("  {:<16} {}{by_hand}", "carried out", minute(at)))?;
    }
    for MeasuredAt { days, saving, share_percent, .. } in &line.measured {
        let share = share_percent.map(|share| format!(" ({share} % of the promise)"));
        let share = share.unwrap_or_default();
        let name = format!("after {days} days");
        output.line(format_args!("  {name:<16} {saving} a month{share}"))?;
    }
    if let Some(why) = line.not_measured.filter(|_| line.executed_at.is_some()) {
        output.line(format_args!("  {:<16} {}", "not measured", why.in_words()))?;
    }
    Ok(())
}

/// Who is told of an emergency.
pub(crate) fn alert_line(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| printable(name)).collect();
    match names.as_slice() {
        [] => "nobody else may look at it: give somebody a role that approves".to_owned(),
        names => format!("who has to look at it: {}", names.join(" or ")),
    }
}
