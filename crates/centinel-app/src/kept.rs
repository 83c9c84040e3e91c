//! What is kept in memory of what was computed.
//!
//! Everything is kept under all that it depends on: the [state of the ledger](LedgerState), which is read
//! from the database each time and of which the label sets that somebody sees are part; what is known of
//! days, what was said of episodes, and the question. Prices, ownership and configuration are read once,
//! when the home is opened, and what is kept goes with it. So nothing has to be thrown away when anything
//! changes, and an answer is never one of another viewer or of an earlier state.

use std::collections::BTreeMap;

use centinel_engine::{period::Period, series::Dimension};
use centinel_ledger::LedgerState;

use crate::{
    anomalies::{Incidents, IncidentsKey},
    compare::Groups,
    explain::{ExplainedBy, KeptExplained},
    forecast::{History, HistoryKey, PreparedDays, PreparedKey},
    memo::{Bounds, Memo, Weigh},
    reconcile::{NotInvoiced, Reconciled},
    viewer::Viewers,
};

/// Lists of episodes: one for each viewer and instant of knowledge that was asked for lately.
const INCIDENTS: Bounds = Bounds { entries: 64, bytes: 16 << 20 };

/// Series of days: one for each dimension and filter.
const HISTORIES: Bounds = Bounds { entries: 256, bytes: 32 << 20 };
/// The same, fitted for a period.
const PREPARED: Bounds = Bounds { entries: 512, bytes: 64 << 20 };
/// Explanations and comparisons, by question.
const EXPLAINED: Bounds = Bounds { entries: 1_024, bytes: 32 << 20 };
/// Steps of sources.
const STEPS: Bounds = Bounds { entries: 64, bytes: 1 << 20 };

/// Comparisons with invoices, by period.
const RECONCILED: Bounds = Bounds { entries: 128, bytes: 4 << 20 };

/// Results, by what they are.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) incidents: Memo<IncidentsKey, Incidents>,
    pub(crate) histories: Memo<HistoryKey, History>,
    pub(crate) prepared: Memo<PreparedKey, PreparedDays>,
    pub(crate) explained: Memo<ExplainedBy, KeptExplained>,
    pub(crate) compared: Memo<(ExplainedBy, Dimension), Groups>,
    pub(crate) steps: Memo<LedgerState, Steps>,
    pub(crate) reconciled: Memo<(LedgerState, Option<Period>), Reconciled>,
    pub(crate) not_invoiced: Memo<(LedgerState, Period), NotInvoiced>,
    pub(crate) viewers: Viewers,
}

/// How many days usually lie between two days with rows, by source.
#[derive(Debug)]
pub(crate) struct Steps(pub(crate) BTreeMap<String, i32>);

impl Weigh for Steps {
    fn weight(&self) -> usize {
        self.0.keys().map(|source| source.len() + 64).sum()
    }
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            incidents: Memo::new(INCIDENTS),
            histories: Memo::new(HISTORIES),
            prepared: Memo::new(PREPARED),
            explained: Memo::new(EXPLAINED),
            compared: Memo::new(EXPLAINED),
            steps: Memo::new(STEPS),
            reconciled: Memo::new(RECONCILED),
            not_invoiced: Memo::new(RECONCILED),
            viewers: Viewers::default(),
        }
    }
}

#[cfg(test)]
mod tests;
