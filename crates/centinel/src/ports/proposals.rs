//! Proposals: written, listed, taken back. What decides them is not reachable from here.

use std::collections::BTreeMap;

use centinel_app::{AppError, BudgetRequest, ranked};
use centinel_approvals::View;
use centinel_engine::{
    facts::Bundle,
    money::{Money, Pico},
    period::Period,
    proposal::{self, Change, Kind, ProposalId, Saving, Status},
};
use centinel_mcp::{
    BudgetPeriod, ChangeKind, Edit, FieldChange, Filter, Label, OnBreach, Principal,
    ProposalAnswer, ProposalDraft, ProposalRow, ProposalStatus, ProposalsAnswer, ProposalsRequest,
    ProposedChange, Receipt, Refusal, RelativePeriod, SavingInterval, Sentence, Window, quoted,
};
use jiff::Timestamp;

use super::{
    Ports,
    basis::{count, paged, shown_scope},
    refusal::{failed, refused, undecided},
};

impl Ports {
    pub(super) async fn propose(
        &self,
        draft: ProposalDraft,
        proposer: &Principal,
    ) -> Result<Receipt, Refusal> {
        let now = self.now();
        if let Some(evidence) = &draft.evidence_id {
            self.known_evidence(evidence).await?;
        }
        let request = self.budget(draft.change)?;
        let proposed =
            self.app.propose_budget(request, &self.requester, now).await.map_err(refused)?;
        let id = proposed.view.proposal.id;
        tracing::info!(%proposer, proposal = %id, new = proposed.is_new, "proposed");
        let id = id.to_string();
        let summary = if proposed.is_new {
            Sentence::new("Proposal ").figure(id).text(
                " waits for a person to decide; nothing has changed, and no tool here can decide it.",
            )
        } else {
            Sentence::new("The same change is open already as ")
                .figure(id)
                .text("; it waits for a person to decide, and no tool here can decide it.")
        };
        Ok(self.receipt(&proposed.view, summary, proposed.is_new))
    }

    pub(super) async fn proposal(&self, proposal_id: &str) -> Result<ProposalAnswer, Refusal> {
        let now = self.now();
        let view = self.app.approvals().show(number(proposal_id)?, now).await.map_err(undecided)?;
        let proposal = &view.proposal;
        let digest = &proposal.evidence;
        let bundle = self.app.evidence(digest).await;
        let bundle = match bundle {
            Ok(bundle) => Some(bundle),
            Err(AppError::NotFound { .. }) => None,
            Err(error) => return Err(failed(&error)),
        };
        // Evidence that names no time: coverage is stated for the last days instead.
        let window = bundle.as_ref().and_then(period_of);
        let window = window.map_or(Window::Relative(RelativePeriod::Last30d), Window::Exact);
        let asked = self.asked(window, None).await?;
        let scope = scope_of(&proposal.change);
        let named = |(name, value): (&String, &String)| Some((name.parse().ok()?, value.clone()));
        let filter = Filter(scope.iter().filter_map(named).collect());
        let by_owner = self.by_owner(&asked, &filter).await?;
        let coverage = self.coverage(&by_owner, &filter, None).await?;
        let caveats = bundle.into_iter().flat_map(|bundle| bundle.caveats);
        let notes = caveats.map(|caveat| Sentence::worded(&caveat)).collect();
        let currency = proposal.amount_at_stake.map_or(by_owner.currency, |money| money.currency);
        let basis = self.basis(&asked, currency, coverage, address(digest), notes).await?;
        let row = row(&view);
        let summary = Sentence::new("")
            .figure(proposal.id)
            .text(" is ")
            .text(status_words(row.status))
            .text(": ")
            .name(&proposal.title)
            .text(if row.monthly_saving.is_some() {
                "."
            } else {
                "; no saving is computed for it."
            });
        Ok(ProposalAnswer {
            summary,
            version: proposal.version,
            digest: view.digest.clone(),
            scope: shown_scope(&scope),
            changes: changes(&proposal.change),
            reason: None,
            eligible: eligible(&view),
            how_to_decide: self.how_to_decide(&view),
            review_url: self.review_url(proposal.id),
            row,
            basis,
        })
    }

    pub(super) async fn proposals(
        &self,
        request: ProposalsRequest,
    ) -> Result<ProposalsAnswer, Refusal> {
        let ProposalsRequest { status, kind, page } = request;
        let now = self.now();
        let as_of = page.as_of.unwrap_or(now);
        let views = self.app.approvals().all(now).await.map_err(undecided)?;
        let calibration = self.app.calibration(now).await.map_err(refused)?;
        let mut listed: Vec<(ProposalId, ProposalRow)> = ranked(views, &calibration)
            .iter()
            .map(|(view, _)| (view.proposal.id, row(view)))
            .filter(|(_, row)| {
                row.created_at <= as_of
                    && status.is_none_or(|wanted| row.status == wanted)
                    && kind.is_none_or(|wanted| row.kind == wanted)
            })
            .collect();
        // What waits for people comes by what it is expected to save, all else newest first.
        if status != Some(ProposalStatus::PendingApproval) {
            listed.sort_by_key(|(id, row)| (std::cmp::Reverse(row.created_at), *id));
        }
        let rows: Vec<ProposalRow> = listed.into_iter().map(|(_, row)| row).collect();
        let waiting = || rows.iter().filter(|row| row.status == ProposalStatus::PendingApproval);
        let mut summary = Sentence::new("")
            .figure(rows.len())
            .text(" proposals of that kind, of which ")
            .figure(waiting().count())
            .text(" wait for a person");
        if let Some(oldest) = waiting().min_by_key(|row| row.created_at) {
            summary = summary
                .text("; the longest waits ")
                .figure(oldest.proposal_id.as_str())
                .text(", since ")
                .figure(oldest.created_at.strftime("%Y-%m-%d %H:%M UTC"));
        }
        Ok(ProposalsAnswer {
            summary: summary.text("."),
            row_count: count(i128::try_from(rows.len()).unwrap_or(i128::MAX)),
            rows: paged(rows, page),
            as_of,
            fresh_until: self.newest_delivery().await?,
        })
    }

    /// The approval service keeps no reason with a withdrawal; it goes to the log.
    pub(super) async fn take_back(
        &self,
        proposal_id: &str,
        reason: &str,
        proposer: &Principal,
    ) -> Result<Receipt, Refusal> {
        let now = self.now();
        let id = number(proposal_id)?;
        let requester = &self.requester;
        let approvals = self.app.approvals();
        let mut view = approvals.show(id, now).await.map_err(undecided)?;
        let is_own = view.proposal.requester == *requester.principal();
        if !(is_own && view.status == Status::Withdrawn) {
            view = approvals.withdraw(id, requester, now).await.map_err(undecided)?;
            tracing::info!(%proposer, proposal = %id, reason, "withdrawn");
        }
        let summary = Sentence::new("Proposal ")
            .figure(id)
            .text(" is withdrawn: nobody has to decide it any more, and nothing has changed.");
        Ok(self.receipt(&view, summary, false))
    }

    /// The product's request for a budget; refuses what it could not keep as asked.
    fn budget(&self, change: ProposedChange) -> Result<BudgetRequest, Refusal> {
        let ProposedChange::Budget { scope, amount, currency, per, on_breach } = change else {
            return Err(Refusal::mistaken(
                "only budgets can be proposed here",
                "propose a change of `kind` `budget`",
            ));
        };
        let own = self.app.config().organisation.currency;
        if let Some(other) = currency.filter(|&currency| currency != own) {
            return Err(Refusal::amended(
                format!("budgets are kept in `{own}`, not in `{other}`: state `amount` in `{own}`"),
                vec![Edit::without("currency")],
            ));
        }
        if on_breach == OnBreach::Deny {
            return Err(Refusal::amended(
                "a budget proposed here tells people; it cannot refuse calls",
                vec![Edit::set("on_breach", "alert")],
            ));
        }
        let amount = Pico::try_from(amount).map_err(|_| {
            Refusal::mistaken(
                "`amount` has more than 12 decimals, or is too large",
                "state it as `32000` or `32000.50`",
            )
        })?;
        Ok(BudgetRequest {
            scope: scope.0,
            period: match per {
                BudgetPeriod::Day => proposal::BudgetPeriod::Day,
                BudgetPeriod::Week => proposal::BudgetPeriod::Week,
                BudgetPeriod::Month => proposal::BudgetPeriod::Month,
                BudgetPeriod::Quarter => proposal::BudgetPeriod::Quarter,
                BudgetPeriod::Year => proposal::BudgetPeriod::Year,
            },
            limit: Money { amount, currency: own },
        })
    }

    /// Refuses evidence that no answer gave.
    async fn known_evidence(&self, evidence_id: &str) -> Result<(), Refusal> {
        match self.app.evidence(evidence_id).await {
            Ok(_) => Ok(()),
            Err(
                AppError::NotFound { .. }
                | AppError::Store(centinel_store::StoreError::Corrupt { .. }),
            ) => Err(Refusal::amended(
                format!(
                    "there is no evidence {}; pass that of an answer as it is",
                    quoted(evidence_id)
                ),
                vec![Edit::without("evidence_id")],
            )),
            Err(error) => Err(failed(&error)),
        }
    }

    fn receipt(&self, view: &View, summary: Sentence, created: bool) -> Receipt {
        let proposal = &view.proposal;
        Receipt {
            summary,
            proposal_id: Label::from(proposal.id.to_string()),
            version: proposal.version,
            status: status(view.status),
            digest: view.digest.clone(),
            created,
            expires_at: expires_at(view),
            how_to_decide: self.how_to_decide(view),
            review_url: self.review_url(proposal.id),
            evidence_id: address(&proposal.evidence),
        }
    }

    fn how_to_decide(&self, view: &View) -> Sentence {
        if view.status != Status::Pending {
            let words = status_words(status(view.status));
            return Sentence::new("There is nothing to decide: it is ").text(words).text(".");
        }
        let id = view.proposal.id;
        let sentence = Sentence::new("A person runs `centinel approve ")
            .figure(id)
            .text("` or `centinel reject ")
            .figure(id)
            .text("` in a terminal");
        sentence.text(match self.review_base {
            Some(_) => "; the review page shows what they decide on.",
            None => ".",
        })
    }

    fn review_url(&self, id: ProposalId) -> Option<String> {
        let base = self.review_base.as_deref()?;
        Some(format!("{}/proposals/{id}", base.trim_end_matches('/')))
    }
}

fn number(proposal_id: &str) -> Result<ProposalId, Refusal> {
    proposal_id.parse().map_err(|_| {
        Refusal::mistaken(
            format!("there is no proposal {}", quoted(proposal_id)),
            "call `proposals` with {}",
        )
    })
}

fn row(view: &View) -> ProposalRow {
    let proposal = &view.proposal;
    ProposalRow {
        proposal_id: Label::from(proposal.id.to_string()),
        kind: kind(proposal.kind()),
        title: Sentence::new("").name(&proposal.title),
        status: status(view.status),
        proposed_by: Label::from(proposal.requester.to_string()),
        created_at: proposal.created_at,
        expires_at: expires_at(view),
        monthly_saving: proposal
            .saving
            .map(|Saving { low, high, .. }| SavingInterval { low, high }),
    }
}

/// People who could still approve; where there is none yet, the roles that may.
fn eligible(view: &View) -> Vec<Label> {
    let standing = &view.standing;
    if standing.eligible.is_empty() && view.status == Status::Pending {
        let owner = &view.proposal.owner;
        return standing.requirement.roles.iter().map(|role| role.describe(owner).into()).collect();
    }
    standing.eligible.iter().map(Label::from).collect()
}

fn expires_at(view: &View) -> Option<Timestamp> {
    matches!(view.status, Status::Pending | Status::Stale).then_some(view.proposal.expires_at)
}

fn status(status: Status) -> ProposalStatus {
    match status {
        Status::Pending => ProposalStatus::PendingApproval,
        Status::Stale => ProposalStatus::Stale,
        Status::Approved => ProposalStatus::Approved,
        Status::Executing | Status::Unknown => ProposalStatus::Executing,
        Status::Executed | Status::Measured | Status::Overtaken => ProposalStatus::Executed,
        Status::RolledBack => ProposalStatus::RolledBack,
        Status::Failed | Status::Abandoned => ProposalStatus::Failed,
        Status::Rejected => ProposalStatus::Rejected,
        Status::Withdrawn => ProposalStatus::Withdrawn,
        Status::Expired => ProposalStatus::Expired,
    }
}

fn status_words(status: ProposalStatus) -> &'static str {
    match status {
        ProposalStatus::PendingApproval => "waiting for a person",
        ProposalStatus::Stale => "out of date",
        ProposalStatus::Approved => "approved, and not yet carried out",
        ProposalStatus::Executing => "being carried out",
        ProposalStatus::Executed => "carried out",
        ProposalStatus::Failed => "approved, and could not be carried out",
        ProposalStatus::RolledBack => "undone",
        ProposalStatus::Rejected => "rejected",
        ProposalStatus::Withdrawn => "withdrawn",
        ProposalStatus::Expired => "expired",
        ProposalStatus::Superseded => "replaced",
    }
}

/// The port's kind. It knows fewer: caching is about a feature's calls, as routing is; schedules and
/// cleanups are about resources, as rightsizing is.
fn kind(kind: Kind) -> ChangeKind {
    match kind {
        Kind::Budget => ChangeKind::Budget,
        Kind::VirtualTag => ChangeKind::TagRule,
        Kind::Routing | Kind::Caching => ChangeKind::Routing,
        Kind::Commitment => ChangeKind::Commitment,
        Kind::Rightsize | Kind::Schedule | Kind::Cleanup => ChangeKind::Rightsizing,
    }
}

fn scope_of(change: &Change) -> BTreeMap<String, String> {
    match change {
        Change::Budget { scope, .. } => scope.clone(),
        Change::VirtualTag { matches, .. } => matches.clone(),
        Change::Routing { feature, .. } | Change::Caching { feature, .. } => {
            [("feature".to_owned(), feature.clone())].into()
        }
        Change::Commitment { provider, .. } => [("provider".to_owned(), provider.clone())].into(),
        Change::Rightsize { .. } | Change::Schedule { .. } | Change::Cleanup { .. } => {
            BTreeMap::new()
        }
    }
}

/// What changes, value by value. Changes that this server does not write are shown by their fields.
fn changes(change: &Change) -> Vec<FieldChange> {
    if let Change::Budget { period, limit, previous_limit, .. } = change {
        let period = serde_json::to_value(period).ok();
        let period = period.as_ref().and_then(|word| word.as_str()).unwrap_or_default();
        let shown = |money: &Money| Label::from(format!("{} {}", money.amount, money.currency));
        let set = |field: &str, from, to| FieldChange { field: Label::from(field), from, to };
        return vec![
            set("limit", previous_limit.as_ref().map(shown), Some(shown(limit))),
            set("per", None, Some(Label::from(period))),
        ];
    }
    let fields = serde_json::to_value(change).ok();
    let fields = fields.as_ref().and_then(|value| value.as_object()).into_iter().flatten();
    fields
        .filter(|(name, _)| *name != "kind")
        .map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            FieldChange { field: Label::from(name), from: None, to: Some(Label::from(text)) }
        })
        .collect()
}

/// The time that a bundle is about.
fn period_of(bundle: &Bundle) -> Option<Period> {
    bundle.facts.iter().find_map(|fact| fact.window)
}

/// The short address of a stored bundle.
fn address(digest: &str) -> String {
    format!("bundle:{}", digest.chars().take(12).collect::<String>())
}
