//! The message of a proposal: what would change, what it is worth, who decided, what can be clicked.

use centinel_engine::proposal::{
    BudgetPeriod, Change, Channel, Event, Occurrence, Payment, Principal, Proposal, Risk, Status,
};
use jiff::Timestamp;
use serde::Serialize;

use super::{
    blocks::{Address, Block, Blocks, Button, Confirm, Marked, Plain},
    value::Shown,
};
use crate::{View, escape};

/// Most lines of a diff that are shown.
const DIFF_LINES_MAX: usize = 20;
/// Most units of one foreign text inside a sentence.
const TEXT_MAX: usize = 200;
/// Most people who are named.
const NAMES_MAX: usize = 10;

/// What a message says that is not in the proposal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// The address of our page, as people reach it.
    pub page: String,
    /// The window that the evidence covers, as `2026-10-01 to 2026-10-31 (UTC)`; foreign to Slack.
    pub window: Option<String>,
    /// The audit log's head, as it is published.
    pub audit_head: String,
}

/// A message: its blocks, and what stands in for them where they are not shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Card {
    /// The blocks.
    pub blocks: Blocks,
    /// One line for notifications.
    pub text: String,
}

/// The message of a proposal as it is now.
pub fn card(view: &View, words: &Words) -> Card {
    let proposal = &view.proposal;
    let page = Address::new(&words.page, &format!("proposals/{}", proposal.id));
    let mut blocks = Blocks::default();
    blocks.push(Block::header(&format!("{} · {}", proposal.id, proposal.title)));
    blocks.push(Block::section(standing(view)));
    blocks.push(Block::columns(columns(view, words)));
    blocks.push(Block::section(narrative(proposal)));
    blocks.extend_diff(proposal, page.as_ref());
    let decisions = decisions(view);
    if !decisions.as_str().is_empty() {
        blocks.push(Block::section(decisions));
    }
    let buttons = buttons(view, page);
    if !buttons.is_empty() {
        blocks.push(Block::actions(buttons));
    }
    blocks.push(Block::context(context(view, words)));
    let text = format!("{}: {} ({})", proposal.id, proposal.title, view.status.as_str());
    Card { blocks, text: escape::slack::text(&text, 300) }
}

/// Whether a yes in Slack could count at all: its rules allow Slack, want no second factor, and it can
/// be undone. Asked again, of the same people and policy, when somebody clicks.
pub fn is_approved_here(view: &View) -> bool {
    let requirement = &view.standing.requirement;
    requirement.channels.contains(&Channel::Slack)
        && !requirement.second_factor
        && requirement.denied_by.is_none()
        && view.proposal.reversible
        && view.proposal.change.can_be_undone()
}

impl Blocks {
    fn extend_diff(&mut self, proposal: &Proposal, page: Option<&Address>) {
        let lines = diff(proposal);
        if lines.is_empty() {
            return;
        }
        let (text, left_out) = Marked::new().code(&lines, DIFF_LINES_MAX);
        let text = match (left_out, page) {
            (0, _) => text,
            (more, Some(page)) => {
                text.ours(&format!("\n{more} more lines: ")).link(page, "the whole change")
            }
            (more, None) => text.ours(&format!("\n{more} more lines: `centinel diff`")),
        };
        self.push(Block::section(text));
    }
}

/// `*Waiting* · 1 of 2 approvals`.
fn standing(view: &View) -> Marked<3_000> {
    let text = Marked::new().ours(&format!("*{}*", status(view.status)));
    let requirement = &view.standing.requirement;
    let votes = view.standing.approved_by.len();
    let text = match view.status {
        Status::Pending | Status::Approved => {
            text.ours(&format!(" · {votes} of {} approvals", requirement.approvers))
        }
        _ => text,
    };
    if view.status != Status::Pending {
        return text;
    }
    let owner = &view.proposal.owner;
    let roles: Vec<String> = view
        .standing
        .missing_roles
        .iter()
        .map(|role| role.describe(owner).replace('`', ""))
        .collect();
    let text = if roles.is_empty() {
        text
    } else {
        text.ours(", still missing: ").foreign_up_to(&roles.join(", "), TEXT_MAX)
    };
    if is_approved_here(view) {
        return text;
    }
    let why = if !view.proposal.reversible || !view.proposal.change.can_be_undone() {
        "it cannot be undone"
    } else if requirement.second_factor {
        "it takes a second factor"
    } else {
        "the policy leaves Slack out"
    };
    text.ours(&format!("\nNot approved in Slack: {why}. The page takes it."))
}

/// A status as people say it.
pub(super) fn status(status: Status) -> &'static str {
    match status {
        Status::Pending => "Waiting for a decision",
        Status::Approved => "Approved",
        Status::Executing => "Approved, being carried out",
        Status::Unknown => "Approved, not known whether it was carried out",
        Status::Failed => "Approved, not carried out yet",
        Status::Executed => "Carried out",
        Status::Measured => "Carried out, saving measured",
        Status::Rejected => "Rejected",
        Status::Withdrawn => "Withdrawn",
        Status::Expired => "Expired",
        Status::Stale => "Out of date: the facts changed",
        Status::Abandoned => "Given up",
        Status::RolledBack => "Taken back",
        Status::Overtaken => "Carried out from outside",
    }
}

fn columns(view: &View, words: &Words) -> Vec<Marked<2_000>> {
    let proposal = &view.proposal;
    let named = |name: &str| Marked::new().ours(&format!("*{name}*\n"));
    let saving = match proposal.saving {
        Some(saving) => {
            format!("{} ({} to {})", saving.mid.to_estimate(), saving.low, saving.high)
        }
        None => "not estimated".to_owned(),
    };
    let stake = match proposal.amount_at_stake {
        Some(amount) => amount.to_string(),
        None => "unknown, decided like the largest".to_owned(),
    };
    let window = words.window.as_deref().unwrap_or("not stated");
    let risk = match proposal.risk {
        Risk::Low => "low: nobody would notice",
        Risk::Medium => "medium: somebody could notice",
        Risk::High => "*high*: users could notice",
    };
    let undone = if proposal.reversible { "yes" } else { "*no*" };
    vec![
        named("Owner").foreign_up_to(&proposal.owner, TEXT_MAX),
        named("Saving a month").ours(&saving),
        named("At stake").ours(&stake),
        named("Evidence from").foreign_up_to(window, TEXT_MAX),
        named("Risk").ours(risk),
        named("Can be undone").ours(undone),
        named("Expires").ours(&instant(proposal.expires_at)),
        named("Asked for by").foreign_up_to(&who(&proposal.requester), TEXT_MAX),
    ]
}

/// The change and its saving in two or three sentences, from typed fields alone.
fn narrative(proposal: &Proposal) -> Marked<3_000> {
    let text = sentence(&proposal.change);
    let text = match proposal.saving {
        Some(saving) => text.ours(&format!(
            " Expected to save about {} a month, {} to {}.",
            saving.mid.to_estimate(),
            saving.low.to_estimate(),
            saving.high.to_estimate()
        )),
        None => text.ours(" No saving is estimated."),
    };
    match proposal.reverts {
        Some(other) => text.ours(&format!(" It takes {other} back.")),
        None => text,
    }
}

fn sentence(change: &Change) -> Marked<3_000> {
    let text = Marked::new();
    let pairs = |pairs: &std::collections::BTreeMap<String, String>| {
        let pairs = pairs.iter().map(|(name, value)| format!("{name} {value}"));
        pairs.collect::<Vec<_>>().join(", ")
    };
    match change {
        Change::Budget { scope, period, limit, previous_limit } => {
            let per = match period {
                BudgetPeriod::Day => "a day",
                BudgetPeriod::Week => "a week",
                BudgetPeriod::Month => "a month",
                BudgetPeriod::Quarter => "a quarter",
                BudgetPeriod::Year => "a year",
            };
            let text = text.ours(&format!("A budget of {limit} {per} for "));
            let text = if scope.is_empty() {
                text.ours("all spend")
            } else {
                text.foreign_up_to(&pairs(scope), TEXT_MAX)
            };
            match previous_limit {
                Some(previous) => text.ours(&format!(", until now {previous}.")),
                None => text.ours(", until now none."),
            }
        }
        Change::VirtualTag { name, value, matches, previous_value } => {
            let text = text.ours("Spend with ").foreign_up_to(&pairs(matches), TEXT_MAX);
            let text = text.ours(" gets ").foreign_up_to(name, TEXT_MAX);
            let text = text.ours(" ").foreign_up_to(value, TEXT_MAX);
            match previous_value {
                Some(previous) => {
                    text.ours(", until now ").foreign_up_to(previous, TEXT_MAX).ours(".")
                }
                None => text.ours(", until now none."),
            }
        }
        Change::Routing { feature, from_model, to_model, share_ratio } => text
            .ours(&format!("A share of {share_ratio} of the calls of "))
            .foreign_up_to(feature, TEXT_MAX)
            .ours(" goes from ")
            .foreign_up_to(from_model, TEXT_MAX)
            .ours(" to ")
            .foreign_up_to(to_model, TEXT_MAX)
            .ours("."),
        Change::Caching { feature, model, ttl_seconds, previous_ttl_seconds } => {
            let lasts = |seconds: &Option<u32>| match seconds {
                Some(seconds) => format!("{seconds} seconds"),
                None => "not at all".to_owned(),
            };
            let (to, from) = (lasts(ttl_seconds), lasts(previous_ttl_seconds));
            text.ours("Prompts of ")
                .foreign_up_to(feature, TEXT_MAX)
                .ours(" to ")
                .foreign_up_to(model, TEXT_MAX)
                .ours(&format!(" are cached {to}, until now {from}."))
        }
        Change::Commitment { provider, offer, commitment_per_hour, term_hours, payment } => {
            let paid = match payment {
                Payment::NoUpfront => "paid hour by hour",
                Payment::PartialUpfront => "half of it paid at once",
                Payment::AllUpfront => "all of it paid at once",
            };
            text.ours("Buys ")
                .foreign_up_to(offer, TEXT_MAX)
                .ours(" of ")
                .foreign_up_to(provider, TEXT_MAX)
                .ours(&format!(": {commitment_per_hour} an hour for {term_hours} hours, {paid}."))
        }
        Change::Rightsize { workload, container, from, to } => text
            .foreign_up_to(container, TEXT_MAX)
            .ours(" of ")
            .foreign_up_to(workload, TEXT_MAX)
            .ours(&format!(
                " asks for {} cores and {} bytes of memory, until now {} and {}.",
                to.cpu_cores, to.memory_bytes, from.cpu_cores, from.memory_bytes
            )),
        Change::Schedule { resource, time_zone, start_cron, stop_cron } => text
            .foreign_up_to(resource, TEXT_MAX)
            .ours(" starts at ")
            .foreign_up_to(start_cron, TEXT_MAX)
            .ours(" and stops at ")
            .foreign_up_to(stop_cron, TEXT_MAX)
            .ours(", in the time of ")
            .foreign_up_to(time_zone, TEXT_MAX)
            .ours("."),
        Change::Cleanup { resource_ids } => text
            .ours(&format!("Deletes {} resources: ", resource_ids.len()))
            .foreign_up_to(&resource_ids.join(", "), 600)
            .ours("."),
    }
}

/// What changes in files, a line a value.
fn diff(proposal: &Proposal) -> Vec<String> {
    let mut lines = Vec::new();
    for edit in &proposal.edits {
        lines.push(format!("{}: {}: {}", edit.repository, edit.file, edit.path));
        lines.extend(edit.from.iter().map(|value| format!("- {value}")));
        lines.extend(edit.to.iter().map(|value| format!("+ {value}")));
    }
    lines
}

/// Who decided, when and where.
fn decisions(view: &View) -> Marked<3_000> {
    let version = view.proposal.version;
    let start = view.events.iter().rposition(|event| {
        matches!(&event.what, Occurrence::Proposed { proposal, .. } if proposal.version == version)
    });
    let events = view.events.get(start.unwrap_or(0)..).unwrap_or_default();
    let approvals: Vec<&Event> = events
        .iter()
        .filter(|event| match &event.what {
            Occurrence::VoteCast { vote, .. } => view.standing.approved_by.contains(&vote.name),
            _ => false,
        })
        .collect();
    let more = approvals.len().saturating_sub(NAMES_MAX);
    let mut text = Marked::new();
    for event in approvals.iter().skip(more) {
        if let Occurrence::VoteCast { vote, .. } = &event.what {
            text = line(text, &vote.name, "approved it", vote.channel, event.at);
        }
    }
    for event in events {
        text = match &event.what {
            Occurrence::Rejected { name, channel, reason, .. } => {
                let text = line(text, name, "rejected it", *channel, event.at);
                text.ours(": ").foreign_up_to(reason, 1_500)
            }
            Occurrence::GlassBroken { glass } => {
                let what = "took it forward alone in an emergency";
                let text = line(text, &glass.name, what, glass.channel, event.at);
                let text = text.ours(" (").foreign_up_to(&glass.ticket, TEXT_MAX);
                text.ours("): ").foreign_up_to(&glass.reason, 800)
            }
            Occurrence::EmergencyReviewed { name, note, .. } => {
                let text = text.ours("\n").foreign_up_to(name, TEXT_MAX);
                text.ours(" looked at the emergency: ").foreign_up_to(note, 400)
            }
            Occurrence::Stale { what } => {
                text.ours("\nThe facts changed: ").foreign_up_to(what, 400)
            }
            Occurrence::ExecutionFailed { reason } => {
                text.ours("\nCarrying it out failed: ").foreign_up_to(reason, 400)
            }
            Occurrence::Confirmed { name, reference, .. } => {
                let text = text.ours("\nCarried out by hand, says ").foreign_up_to(name, TEXT_MAX);
                text.ours(": ").foreign_up_to(reference, TEXT_MAX)
            }
            Occurrence::Overtaken { what } => {
                text.ours("\nCarried out from outside: ").foreign_up_to(what, 400)
            }
            Occurrence::Measured { saving, days } => {
                text.ours(&format!("\nSaves {saving} a month, measured over {days} days."))
            }
            Occurrence::RolledBack { by } => text.ours(&format!("\nTaken back by {by}.")),
            _ => text,
        };
    }
    text
}

fn line(
    text: Marked<3_000>,
    name: &str,
    what: &str,
    channel: Channel,
    at: Timestamp,
) -> Marked<3_000> {
    let start = if text.as_str().is_empty() { "" } else { "\n" };
    let place = match channel {
        Channel::Cli => "in the terminal",
        Channel::Web => "on the page",
        Channel::Slack => "in Slack",
        Channel::PullRequest => "by a merge",
    };
    let text = text.ours(start).foreign_up_to(name, TEXT_MAX);
    text.ours(&format!(" {what} {place}, {}", instant(at)))
}

fn buttons(view: &View, page: Option<Address>) -> Vec<Button> {
    let proposal = &view.proposal;
    if view.status != Status::Pending {
        return page.map(|page| Button::opens("details", "Details", page)).into_iter().collect();
    }
    let value = Shown::of(view).to_string();
    let mut buttons = Vec::new();
    if is_approved_here(view) {
        let stake = match proposal.amount_at_stake {
            Some(amount) => format!("{amount} at stake"),
            None => "an unknown amount at stake".to_owned(),
        };
        let saving = match proposal.saving {
            Some(saving) => format!("saves about {} a month", saving.mid.to_estimate()),
            None => "no saving estimated".to_owned(),
        };
        let confirm = Confirm {
            title: Plain::new(&format!("Approve {} version {}?", proposal.id, proposal.version)),
            // Amounts first: a long title is what is cut.
            text: Plain::new(&format!(
                "{stake}, {saving}. This is recorded as your decision. {}",
                proposal.title
            )),
            confirm: Plain::new("Approve"),
            deny: Plain::new("Not now"),
        };
        let approve = Button::sends("approve", "Approve", value.clone());
        buttons.extend(approve.map(|button| button.primary().confirmed(confirm)));
    } else if let Some(page) = page.clone() {
        buttons.push(Button::opens("approve_on_page", "Approve on the page", page));
    }
    buttons.extend(Button::sends("reject", "Reject…", value.clone()).map(Button::danger));
    buttons.extend(Button::sends("snooze", "Snooze 1 day", value));
    buttons.extend(page.map(|page| Button::opens("details", "Details", page)));
    buttons
}

fn context(view: &View, words: &Words) -> Vec<Marked<2_000>> {
    let short = |hex: &str| -> String {
        hex.chars().filter(char::is_ascii_alphanumeric).take(12).collect()
    };
    let mut elements = vec![Marked::new().ours(&format!(
        "version {} · digest `{}` · evidence `bundle:{}`",
        view.proposal.version,
        short(&view.digest),
        short(&view.proposal.evidence)
    ))];
    elements.extend(audit_head(&words.audit_head));
    elements
}

/// The audit log's head, for whoever wants to hold the log against it later.
pub(super) fn audit_head(head: &str) -> Option<Marked<2_000>> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_');
    let head: String = head.chars().filter(|c| is_word(*c)).collect();
    (!head.is_empty()).then(|| Marked::new().ours(&format!("audit head `{head}`")))
}

/// As people say it; foreign text.
fn who(principal: &Principal) -> String {
    match principal {
        Principal::Person { name } => name.clone(),
        Principal::Agent { token, acts_for: Some(person) } => format!("agent {token} for {person}"),
        Principal::Agent { token, acts_for: None } => format!("agent {token}"),
        Principal::System => "Centinel's analysis".to_owned(),
    }
}

/// `2026-11-23 10:00 UTC`.
pub(super) fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
