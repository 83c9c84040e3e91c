//! Completion: what can be typed for an argument of a prompt or a part of an address.

use centinel_engine::{period::date_of, series::Dimension};
use rmcp::model::{CompleteRequestParams, CompletionInfo, Reference};

use crate::{
    papers::Desk,
    playbooks::PLAYBOOKS,
    ports::Refusal,
    prompts::{ArgumentKind, PROMPTS, is_plain_name},
    proposal::ProposalsRequest,
    request::{AnomaliesRequest, AnomalyFilter, Filter, Page},
    resources::{PLAYBOOK, POLICY, PROPOSAL, REPORT},
    week::Week,
    window::{RelativePeriod, Window},
};

/// Values looked through at most.
const LOOKED_AT_MAX: u32 = 1_000;
/// Weeks looked through at most: ten years.
const WEEKS_MAX: usize = 520;

const PAGE: Page = Page { offset: 0, limit: LOOKED_AT_MAX, as_of: None };

/// What completes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Completed {
    Argument(ArgumentKind),
    Proposal,
    Policy,
    Playbook,
}

/// The values that begin with, or else contain, what was typed so far: at most 100, best first.
///
/// A prompt, an address or an argument that is not known completes to nothing.
///
/// # Errors
///
/// That of the port.
pub(crate) async fn completed(
    desk: Desk<'_>,
    request: &CompleteRequestParams,
) -> Result<CompletionInfo, Refusal> {
    let Some(completed) = completed_by(&request.r#ref, &request.argument.name) else {
        return Ok(CompletionInfo::default());
    };
    let values = match completed {
        Completed::Argument(kind) => of_argument(desk, kind).await?,
        Completed::Proposal => {
            let request = ProposalsRequest { status: None, kind: None, page: PAGE };
            let answer = desk.proposals.list(request, desk.caller).await?;
            answer.rows.into_iter().map(|row| row.proposal_id.to_string()).collect()
        }
        Completed::Policy => match desk.documents {
            None => Vec::new(),
            Some(documents) => {
                let policies = documents.policies(desk.caller).await?;
                policies.into_iter().map(|policy| policy.name).collect()
            }
        },
        Completed::Playbook => PLAYBOOKS.iter().map(|known| known.name.to_owned()).collect(),
    };
    Ok(matching(values, &request.argument.value))
}

fn completed_by(reference: &Reference, argument: &str) -> Option<Completed> {
    match reference {
        Reference::Prompt(reference) => {
            let spec = PROMPTS.iter().find(|spec| spec.name == reference.name)?;
            let argument = spec.arguments.iter().find(|known| known.name == argument)?;
            Some(Completed::Argument(argument.kind))
        }
        Reference::Resource(reference) => match (reference.uri.as_str(), argument) {
            (REPORT, "week") => Some(Completed::Argument(ArgumentKind::Week)),
            (PROPOSAL, "proposal_id") => Some(Completed::Proposal),
            (POLICY, "name") => Some(Completed::Policy),
            (PLAYBOOK, "name") => Some(Completed::Playbook),
            // Nor is evidence: nobody can guess an address of it, and nobody should.
            _ => None,
        },
        _ => None,
    }
}

async fn of_argument(desk: Desk<'_>, kind: ArgumentKind) -> Result<Vec<String>, Refusal> {
    match kind {
        ArgumentKind::Word(words) => Ok(words.iter().map(|&word| word.to_owned()).collect()),
        ArgumentKind::Amount => Ok(Vec::new()),
        ArgumentKind::Anomaly => {
            let request = AnomaliesRequest {
                window: Window::Relative(RelativePeriod::Last90d),
                filter: Filter::default(),
                status: AnomalyFilter::All,
                impact_min: None,
                page: PAGE,
            };
            let answer = desk.answers.anomalies(desk.caller, request).await?;
            // Those that go on first; within both, the largest first.
            let (open, over): (Vec<_>, Vec<_>) = answer.rows.into_iter().partition(|row| row.open);
            Ok(open.into_iter().chain(over).map(|row| row.anomaly_id.to_string()).collect())
        }
        ArgumentKind::Team => match desk.documents {
            None => Ok(Vec::new()),
            Some(documents) => {
                let mut teams = documents.values(desk.caller, Dimension::Team).await?;
                // A name that cannot be said as it is could not be used in a filter either.
                teams.retain(|team| is_plain_name(team));
                Ok(teams)
            }
        },
        ArgumentKind::Week => {
            let Some(documents) = desk.documents else { return Ok(Vec::new()) };
            let Some(span) = documents.span(desk.caller).await? else { return Ok(Vec::new()) };
            let first = Week::of(date_of(span.start));
            let last = Week::of(date_of(span.end));
            let weeks = std::iter::successors(Some(last), |week| week.before());
            let weeks = weeks.take_while(|week| *week >= first).take(WEEKS_MAX);
            // The span's end is the first moment without data: at midnight on Monday, of no week.
            let has_data = |week: &Week| week.period().is_some_and(|days| days.start < span.end);
            Ok(weeks.filter(has_data).map(|week| week.to_string()).collect())
        }
    }
}

/// What begins with the text comes before what contains it; within both, the order given.
fn matching(values: Vec<String>, typed: &str) -> CompletionInfo {
    let typed: String = typed.chars().take(128).collect::<String>().to_lowercase();
    let rank = |value: &String| match value.to_lowercase().find(&typed) {
        Some(0) => Some(0),
        Some(_) => Some(1),
        None => None,
    };
    let mut ranked: Vec<(i32, String)> =
        values.into_iter().filter_map(|value| Some((rank(&value)?, value))).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    let total = u32::try_from(ranked.len()).ok();
    let has_more = ranked.len() > CompletionInfo::MAX_VALUES;
    let values = ranked.into_iter().take(CompletionInfo::MAX_VALUES);
    let values = values.map(|(_, value)| value).collect();
    CompletionInfo::with_pagination(values, total, has_more).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_so_comes_first() {
        let names = || ["data-search", "Search", "platform", "research"].map(str::to_owned).into();
        let found = |typed: &str| matching(names(), typed).values;
        assert_eq!(found("sea"), ["Search", "data-search", "research"]);
        assert_eq!(found("SEARCH"), ["Search", "data-search", "research"]);
        assert_eq!(found(""), ["data-search", "Search", "platform", "research"]);
        assert_eq!(found("x"), [""; 0]);
        let many = (0..250).map(|n| n.to_string()).collect();
        let found = matching(many, "1");
        assert_eq!((found.values.len(), found.total, found.has_more), (100, Some(133), Some(true)));
        assert_eq!(found.values[0], "1");
    }
}
