//! Resources: documents by their address, for people who attach them to a conversation.

use percent_encoding::percent_decode_str;
use rmcp::{
    ErrorData,
    model::{
        Annotations, CacheScope, ListResourceTemplatesResult, ListResourcesResult,
        ReadResourceResult, Resource, ResourceContents, ResourceTemplate, Role,
    },
};
use serde_json::json;

use crate::{
    apps::{self, App},
    imported::{clean, quoted},
    papers::{self, Desk, file_text},
    playbooks::{PLAYBOOKS, Playbook, playbook},
    ports::Refusal,
    proposal::{ProposalStatus, ProposalsRequest},
    request::Page,
    tools::{is_bundle, is_id},
    week::Week,
};

/// The last whole week's report.
const REPORT_NOW: &str = "centinel://report/weekly";
/// A week's report.
pub(crate) const REPORT: &str = "centinel://report/weekly/{week}";
/// One proposal.
pub(crate) const PROPOSAL: &str = "centinel://proposal/{proposal_id}";
/// One policy.
pub(crate) const POLICY: &str = "centinel://policy/{name}";
/// One playbook.
pub(crate) const PLAYBOOK: &str = "centinel://playbook/{name}";
/// One stored bundle.
pub(crate) const EVIDENCE: &str = "centinel://evidence/{evidence_id}";

const MARKDOWN: &str = "text/markdown";
const JSON: &str = "application/json";

/// Bytes of an address at most.
const URI_BYTES_MAX: usize = 200;
/// Waiting proposals listed at most; others are found by completion.
const PROPOSALS_LISTED_MAX: u32 = 20;
/// How long a document of figures may be kept by the client that asked.
const FIGURES_TTL_MS: u64 = 60_000;
/// The same of a document that changes with the program only.
const COMPILED_TTL_MS: u64 = 3_600_000;

/// What an address names.
enum Address {
    Report(Option<Week>),
    Proposal(String),
    Policy(String),
    Playbook(&'static Playbook),
    Evidence(String),
    App(&'static App),
}

/// The address that a text is; `None` for any other text.
fn address(uri: &str) -> Option<Address> {
    if uri.len() > URI_BYTES_MAX {
        return None;
    }
    if let Some(app) = apps::app_of(uri) {
        return Some(Address::App(app));
    }
    if uri == REPORT_NOW {
        return Some(Address::Report(None));
    }
    let (kind, part) = uri.strip_prefix("centinel://")?.rsplit_once('/')?;
    // A template's value may come with its `:` percent-encoded.
    let part = percent_decode_str(part).decode_utf8().ok()?.into_owned();
    match kind {
        "report/weekly" => part.parse().ok().map(|week| Address::Report(Some(week))),
        "proposal" => is_id(&part).then_some(Address::Proposal(part)),
        "policy" => Some(Address::Policy(part)),
        "playbook" => playbook(&part).map(Address::Playbook),
        "evidence" => is_bundle(&part).then_some(Address::Evidence(part)),
        _ => None,
    }
}

/// What can be read as it stands: the report, proposals that wait, policies, playbooks, views.
///
/// # Errors
///
/// A protocol error when a port fails.
pub(crate) async fn listed(desk: Desk<'_>) -> Result<ListResourcesResult, ErrorData> {
    let mut resources = vec![
        Resource::new(REPORT_NOW, "weekly-report")
            .with_title("Weekly report")
            .with_description("Last whole week: spend, change, anomalies, what waits, reliability")
            .with_mime_type(MARKDOWN)
            .with_annotations(priority(1.0)),
    ];
    let waiting = ProposalsRequest {
        status: Some(ProposalStatus::PendingApproval),
        kind: None,
        page: Page { offset: 0, limit: PROPOSALS_LISTED_MAX, as_of: None },
    };
    let waiting = allowed(desk.proposals.list(waiting, desk.caller).await)?;
    for row in waiting.into_iter().flat_map(|answer| answer.rows) {
        let id = row.proposal_id.as_str();
        resources.push(
            Resource::new(format!("centinel://proposal/{id}"), id)
                .with_title(format!("Proposal {id}"))
                .with_description(format!("Waits for a person: {}", row.title.as_str()))
                .with_mime_type(MARKDOWN)
                .with_annotations(priority(0.8)),
        );
    }
    if let Some(documents) = desk.documents {
        let policies = allowed(documents.policies(desk.caller).await)?;
        for policy in policies.into_iter().flatten() {
            resources.push(
                Resource::new(format!("centinel://policy/{}", policy.name), policy.name)
                    .with_title(policy.title)
                    .with_mime_type(policy.format.mime_type())
                    .with_annotations(priority(0.6)),
            );
        }
    }
    for playbook in &PLAYBOOKS {
        resources.push(
            Resource::new(format!("centinel://playbook/{}", playbook.name), playbook.name)
                .with_title(playbook.title)
                .with_description(playbook.description)
                .with_mime_type(MARKDOWN)
                .with_size(u64::try_from(playbook.text.len()).unwrap_or(u64::MAX))
                .with_annotations(priority(0.5)),
        );
    }
    resources.extend(apps::listed());
    Ok(ListResourcesResult::with_all_items(resources).with_cache_scope(CacheScope::Private))
}

/// The forms of addresses.
pub(crate) fn templates() -> ListResourceTemplatesResult {
    let template = |uri, name, title, description, mime| {
        ResourceTemplate::new(uri, name)
            .with_title(title)
            .with_description(description)
            .with_mime_type(mime)
    };
    let mut templates = vec![
        template(REPORT, "weekly-report", "Weekly report", "By ISO week, as 2026-W43", MARKDOWN),
        template(
            PROPOSAL,
            "proposal",
            "Proposal",
            "The exact change, its evidence, and who decides; as P-7",
            MARKDOWN,
        ),
        template(PLAYBOOK, "playbook", "Playbook", "Standards for an answer; as spike", MARKDOWN),
        template(
            EVIDENCE,
            "evidence",
            "Evidence",
            "The facts behind an answer, by its evidence_id",
            JSON,
        ),
    ];
    // Policies have no one media type.
    templates.push(
        ResourceTemplate::new(POLICY, "policy")
            .with_title("Policy")
            .with_description("A policy as it stands in its file; as budgets"),
    );
    ListResourceTemplatesResult::with_all_items(templates)
        .with_cache_scope(CacheScope::Private)
        .with_ttl_ms(COMPILED_TTL_MS)
}

/// The document of an address.
///
/// # Errors
///
/// A protocol error: not found for an address of nothing, or of nothing that this caller may see.
pub(crate) async fn read(desk: Desk<'_>, uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let unknown = || {
        let shown = quoted(uri);
        not_found(
            uri,
            format!("no resource {shown}; `resources/list` and templates say what there is"),
        )
    };
    let Some(address) = address(uri) else { return Err(unknown()) };
    let refused = |refusal| refused(uri, refusal);
    let (text, mime, ttl) = match address {
        Address::App(app) => return Ok(apps::read(app).with_ttl_ms(COMPILED_TTL_MS)),
        Address::Report(week) => {
            (papers::weekly(desk, week).await.map_err(refused)?, MARKDOWN, FIGURES_TTL_MS)
        }
        Address::Proposal(id) => {
            (papers::proposal(desk, &id).await.map_err(refused)?, MARKDOWN, FIGURES_TTL_MS)
        }
        Address::Evidence(id) => {
            (papers::evidence(desk, &id).await.map_err(refused)?, JSON, COMPILED_TTL_MS)
        }
        Address::Playbook(playbook) => (playbook.text.to_owned(), MARKDOWN, COMPILED_TTL_MS),
        Address::Policy(name) => {
            let documents = desk.documents.ok_or_else(unknown)?;
            let policies = documents.policies(desk.caller).await.map_err(refused)?;
            let policy = policies.into_iter().find(|policy| policy.name == name);
            let policy = policy.ok_or_else(unknown)?;
            (file_text(&policy.text), policy.format.mime_type(), FIGURES_TTL_MS)
        }
    };
    let contents = ResourceContents::text(text, uri).with_mime_type(mime);
    Ok(ReadResourceResult::new(vec![contents])
        .with_cache_scope(CacheScope::Private)
        .with_ttl_ms(ttl))
}

/// What a port refuses to this caller is not listed; what fails, fails the list.
fn allowed<T>(answer: Result<T, Refusal>) -> Result<Option<T>, ErrorData> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(Refusal::Mistaken { .. } | Refusal::Amended { .. } | Refusal::Denied { .. }) => {
            Ok(None)
        }
        Err(Refusal::Failed { detail }) => Err(failed(&detail)),
    }
}

/// A refusal as a protocol error. What may not be seen is not found.
fn refused(uri: &str, refusal: Refusal) -> ErrorData {
    match refusal {
        Refusal::Failed { detail } => failed(&detail),
        Refusal::Denied { message } | Refusal::Amended { message, .. } => not_found(uri, message),
        Refusal::Mistaken { message, correction } => {
            not_found(uri, format!("{message}; {correction}"))
        }
    }
}

/// A failure inside of Centinel: its cause is for the log.
pub(crate) fn failed(detail: &str) -> ErrorData {
    tracing::error!(error = %detail, "a document failed");
    ErrorData::internal_error("the request failed inside Centinel; the cause is in its log", None)
}

/// The client's own address goes back as it came where it is one: no letters but plain ones.
fn not_found(uri: &str, message: String) -> ErrorData {
    let is_address = uri.len() <= URI_BYTES_MAX
        && uri.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"`".contains(&byte));
    let uri = if is_address { uri.to_owned() } else { clean(uri, URI_BYTES_MAX) };
    ErrorData::resource_not_found(clean(&message, 600), Some(json!({ "uri": uri })))
}

fn priority(priority: f32) -> Annotations {
    Annotations::default().with_audience(vec![Role::User, Role::Assistant]).with_priority(priority)
}
