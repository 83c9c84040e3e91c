//! What Centinel does not carry out itself: a person says that it was done.
//!
//! A purchase, a rightsizing by hand, a clean-up: the change has no edits, so nothing here makes it. The
//! word of a person counts for what was approved before it was done, and for nothing else: the approval is
//! checked as it is for an execution of Centinel's own, and the time of the deed must lie within it. What
//! was done without an approval stays [`Occurrence::Overtaken`](super::Occurrence::Overtaken).

use jiff::Timestamp;

use super::{
    Ballot, Channel, Context, Deed, Occurrence, Refusal, State, Status, check_eligible,
    check_facts, check_freeze, is_plain, may_be_executed_from, recognise,
};

/// Longest reference, in characters.
const REFERENCE_MAX: usize = 200;

/// Says that the approved version was carried out by hand.
///
/// Whoever the access policy lets confirm may: also an approver, also the requester. It decides nothing;
/// it is a testimony about what others approved, and often the requester is the one who did it. A false
/// one shows at the next invoice, and in the realised saving.
pub(super) fn confirm(
    state: &State,
    ballot: &Ballot,
    reference: &str,
    carried_out_at: Timestamp,
    context: &Context<'_>,
) -> Result<Vec<Occurrence>, Refusal> {
    let id = state.proposal.id;
    let person = recognise(state, ballot, &[Status::Approved], context)?;
    check_eligible(id, Deed::Confirm, context)?;
    let refused = |why| Err(Refusal::NotConfirmable { id, why });
    if !state.proposal.edits.is_empty() {
        return refused("its edits are made from here, by Centinel or by a merge");
    }
    if !matches!(ballot.channel, Channel::Cli | Channel::Web) {
        return refused("that is said in the terminal or on the page");
    }
    if reference.trim().is_empty()
        || reference.chars().count() > REFERENCE_MAX
        || !is_plain(reference)
    {
        return Err(Refusal::Reference(id));
    }
    if carried_out_at > context.now {
        return refused("the time given has not come yet");
    }
    // What a freeze forbids is the change; that it was made before may be said while one holds.
    check_freeze(state, context.policy, carried_out_at)?;
    let from = may_be_executed_from(state, context)?;
    if context.now < from {
        return Err(Refusal::CoolingDown { id, from });
    }
    if carried_out_at < from {
        return refused("at the time given it was not approved, or its cool-down had not passed");
    }
    check_facts(id, context.facts)?;
    Ok(vec![Occurrence::Confirmed {
        name: person.name.clone(),
        human: person.human.clone(),
        channel: ballot.channel,
        reference: reference.trim().to_owned(),
        carried_out_at,
        version: state.proposal.version,
        digest: state.digest.clone(),
    }])
}
