//! `propose_change`: writes a proposal for people to decide.
//!
//! One flat object with a `kind`: a tagged union would say more, but some client dialects drop
//! `oneOf`. What belongs to which kind is checked here, from one table.

use centinel_engine::money::Decimal;
use rmcp::model::{CallToolResult, JsonObject};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{Call, Effect, ToolSpec};
use crate::{
    bounded::{self, Whole},
    imported::quoted,
    portable::{input_schema, output_schema},
    ports::{Edit, Refusal},
    proposal::{BudgetPeriod, ChangeKind, OnBreach, ProposalDraft, ProposedChange, Receipt},
    request::{Detail, Filter},
    toolsets::Toolset,
};

pub(super) const SPEC: ToolSpec = ToolSpec {
    name: "propose_change",
    title: "Propose a change",
    description: "Writes one immutable proposal that waits for a person: it changes nothing, and \
                  nothing here can approve it. The same change twice returns the open proposal. \
                  Tell the user its proposal_id and how a person decides.",
    example: r#"{"kind":"budget","scope":{"feature":"support-answers"},"amount":"32000","per":"month","reason":"tokens per call rose 68 %","evidence_id":"bundle:9f3c51aa02de"}"#,
    effect: Effect::Adds,
    toolset: Toolset::Proposals,
    output: || output_schema::<Whole<Receipt>>(),
    listed_output: &["proposal_id", "status"],
    input,
    run: |call| Box::pin(run(call)),
};

#[derive(Debug, Deserialize, JsonSchema)]
struct Params {
    /// What changes.
    kind: ChangeKind,
    /// budget, routing: whose; tag as KEY=VALUE.
    #[serde(default)]
    scope: Filter,
    /// rightsizing: workload; commitment: offer; tag_rule: tag key.
    target: Option<String>,
    /// Value now: routing: model; rightsizing: as cpu=2; tag_rule: rule.
    from: Option<String>,
    /// Value wanted, in the same form.
    to: Option<String>,
    /// budget: limit; commitment: per hour. A decimal as "32000".
    amount: Option<String>,
    /// ISO code, if not the ledger's.
    currency: Option<String>,
    /// budget.
    per: Option<BudgetPeriod>,
    /// budget: alert (default) or deny further calls.
    on_breach: Option<OnBreach>,
    /// Why, for the person who decides.
    reason: String,
    /// That of the answer it rests on.
    evidence_id: Option<String>,
}

/// Fields of a kind: those it needs, and those it may have.
fn fields(kind: ChangeKind) -> (&'static [&'static str], &'static [&'static str]) {
    match kind {
        ChangeKind::Budget => (&["amount", "per"], &["scope", "currency", "on_breach"]),
        ChangeKind::Routing => (&["scope", "from", "to"], &[]),
        ChangeKind::Rightsizing => (&["target", "from", "to"], &[]),
        ChangeKind::Commitment => (&["target", "amount"], &["currency"]),
        ChangeKind::TagRule => (&["target", "to"], &["from"]),
    }
}

/// Fields of every kind.
const COMMON: [&str; 3] = ["kind", "reason", "evidence_id"];

/// The schema, narrowed to the kinds that the sink takes and the fields that they use.
fn input(kinds: &[ChangeKind]) -> JsonObject {
    let mut schema = input_schema::<Params>();
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.retain(|name, _| {
            COMMON.contains(&name.as_str())
                || kinds.iter().any(|&kind| {
                    let (required, optional) = fields(kind);
                    required.contains(&name.as_str()) || optional.contains(&name.as_str())
                })
        });
        if let Some(Value::Object(kind)) = properties.get_mut("kind") {
            let names = kinds.iter().map(|kind| Value::from(kind.name())).collect();
            kind.insert("enum".to_owned(), Value::Array(names));
        }
    }
    schema
}

async fn run(call: Call<'_>) -> Result<CallToolResult, Refusal> {
    let params: Params = call.read()?;
    check_fields(&call, params.kind)?;
    let reason = call.prose("reason", &params.reason)?;
    let evidence_id = params.evidence_id.as_deref().map(|id| call.evidence(id)).transpose()?;
    let change = change(&call, params)?;
    let draft = ProposalDraft { change, reason, evidence_id };
    let receipt = call.proposals.create(draft, call.caller).await?;
    bounded::whole(receipt, Detail::Summary)
}

fn check_fields(call: &Call<'_>, kind: ChangeKind) -> Result<(), Refusal> {
    let (required, optional) = fields(kind);
    let name = kind.name();
    let foreign: Vec<&str> = call
        .arguments
        .keys()
        .map(String::as_str)
        .filter(|field| {
            !COMMON.contains(field) && !required.contains(field) && !optional.contains(field)
        })
        .collect();
    if let Some(first) = foreign.first() {
        let message = format!("`{first}` does not belong to kind `{name}`");
        return Err(call.mistaken_without(message, &foreign));
    }
    match required.iter().find(|&&field| !call.arguments.contains_key(field)) {
        Some(missing) => {
            let message = format!("kind `{name}` needs `{missing}`");
            // How long a budget lasts has one usual answer; all else only the caller knows.
            let usual = (*missing == "per")
                .then(|| call.amended(message.as_str(), &[Edit::set("per", "month")]));
            Err(usual.unwrap_or_else(|| call.mistaken(message)))
        }
        None => Ok(()),
    }
}

fn change(call: &Call<'_>, params: Params) -> Result<ProposedChange, Refusal> {
    let currency = params
        .currency
        .as_deref()
        .map(|code| {
            code.parse().map_err(|_| call.mistaken(format!("{} is no currency code", quoted(code))))
        })
        .transpose()?;
    let value = |name: &str, given: Option<String>| match given {
        Some(text) => call.value(name, &text),
        None => Err(call.mistaken(format!("`{name}` is required"))),
    };
    Ok(match params.kind {
        ChangeKind::Budget => ProposedChange::Budget {
            scope: params.scope,
            amount: amount(call, params.amount.as_deref())?,
            currency,
            per: params.per.ok_or_else(|| call.mistaken("kind `budget` needs `per`"))?,
            on_breach: params.on_breach.unwrap_or_default(),
        },
        ChangeKind::Routing if params.scope.0.is_empty() => {
            return Err(call.mistaken("`scope` of a routing names whose calls; it is empty"));
        }
        ChangeKind::Routing => ProposedChange::Routing {
            scope: params.scope,
            from: value("from", params.from)?,
            to: value("to", params.to)?,
        },
        ChangeKind::Rightsizing => ProposedChange::Rightsizing {
            target: value("target", params.target)?,
            from: value("from", params.from)?,
            to: value("to", params.to)?,
        },
        ChangeKind::Commitment => ProposedChange::Commitment {
            target: value("target", params.target)?,
            amount: amount(call, params.amount.as_deref())?,
            currency,
        },
        ChangeKind::TagRule => ProposedChange::TagRule {
            target: value("target", params.target)?,
            from: params.from.map(|from| value("from", Some(from))).transpose()?,
            to: value("to", params.to)?,
        },
    })
}

fn amount(call: &Call<'_>, given: Option<&str>) -> Result<Decimal, Refusal> {
    let text = given.unwrap_or_default();
    let amount: Decimal = text.parse().map_err(|_| {
        call.mistaken(format!("`amount` {} is no decimal, as in `32000` or `0.5`", quoted(text)))
    })?;
    if amount <= Decimal::ZERO {
        return Err(call.mistaken("`amount` must be above zero"));
    }
    Ok(amount)
}
