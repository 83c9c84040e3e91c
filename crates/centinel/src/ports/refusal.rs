//! Errors of the product as the port words them: what the caller can mend, with the step that works.

use centinel_app::AppError;
use centinel_approvals::ApprovalError;
use centinel_engine::proposal;
use centinel_ledger::LedgerError;
use centinel_mcp::{Edit, Refusal, quoted};

/// A failed use case as a refusal.
pub(super) fn refused(error: AppError) -> Refusal {
    match error {
        AppError::Empty => Refusal::mistaken(
            "the ledger is empty",
            "ask a person to import something: `centinel import FILE`",
        ),
        AppError::NotFound { what: "episode", id } => Refusal::mistaken(
            format!("there is no anomaly {}", quoted(&id)),
            "call `anomalies` with {\"period\":\"last_90d\",\"status\":\"all\"}",
        ),
        error @ AppError::NotAllSeen => Refusal::mistaken(
            error.to_string(),
            "name a narrower `scope`, of what `spend_breakdown` shows",
        ),
        AppError::NotFound { what, id } => Refusal::mistaken(
            format!("there is no {what} {}", quoted(&id)),
            "list values with `spend_breakdown`",
        ),
        AppError::Explain(error) => Refusal::mistaken(
            format!("the change cannot be split: {error}"),
            "take a period with days before it, or another `filter`; `data_health` says what is \
             there",
        ),
        error @ AppError::TooLittleHistory { .. } => Refusal::mistaken(
            error.to_string(),
            "tell the user; `data_health` says what every source has brought",
        ),
        error @ AppError::Scenario { .. } => {
            let hint = match error.hint() {
                Some(hint) if hint.starts_with("did") => hint,
                _ => "list models with `spend_breakdown` by model".to_owned(),
            };
            Refusal::mistaken(error.to_string(), hint)
        }
        AppError::Forecast(error) => Refusal::mistaken(
            error.to_string(),
            "give `period`, or `start` and `end` as dates within the next years",
        ),
        AppError::NothingBefore => Refusal::amended(
            "there is nothing before the period to compare with: the usual level is that of the 56 days \
             before it",
            ["start", "end", "compare_to"]
                .map(Edit::without)
                .into_iter()
                .chain([Edit::set("period", "last_7d")])
                .collect(),
        ),
        AppError::EmptyPeriod(error) => {
            Refusal::mistaken(error.to_string(), "`end` is the first moment not counted")
        }
        AppError::Ledger(
            error @ (LedgerError::TooMany { .. } | LedgerError::NotAligned { .. }),
        ) => Refusal::mistaken(error.to_string(), "narrow the period to fewer whole days"),
        AppError::Approval(error) => undecided(error),
        other => failed(&other),
    }
}

/// A refused or failed step of a proposal.
pub(super) fn undecided(error: ApprovalError) -> Refusal {
    match error {
        ApprovalError::Refused(
            refusal @ (proposal::Refusal::Denied { .. }
            | proposal::Refusal::NotEligible { .. }
            | proposal::Refusal::NotTheRequester { .. }),
        ) => Refusal::Denied { message: refusal.to_string() },
        error @ (ApprovalError::WrongToken | ApprovalError::MissingScope { .. }) => {
            Refusal::Denied { message: error.to_string() }
        }
        ApprovalError::Refused(refusal @ proposal::Refusal::NotFound { .. }) => {
            Refusal::mistaken(refusal.to_string(), "call `proposals` with {}")
        }
        ApprovalError::Refused(refusal @ proposal::Refusal::TooManyOpen { .. }) => {
            Refusal::mistaken(
                refusal.to_string(),
                "withdraw some with `withdraw_proposal`, or wait until people have decided",
            )
        }
        ApprovalError::Refused(refusal) => {
            Refusal::mistaken(refusal.to_string(), "look where it stands with `proposals`")
        }
        ApprovalError::Draft(error) => {
            Refusal::mistaken(error.to_string(), "change the value it names")
        }
        other => failed(&other),
    }
}

/// Anything that is not the caller's fault, with its causes for the log.
pub(super) fn failed(error: &dyn std::error::Error) -> Refusal {
    let mut detail = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        detail = format!("{detail}: {source}");
        cause = source.source();
    }
    Refusal::failed(detail)
}
