//! `manifest.json`: what was written.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// The files of a generated company.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`crate::COMPANY`].
    pub company: String,
    /// Always true: this company does not exist.
    pub generated: bool,
    /// Seed of every draw.
    pub seed: u64,
    /// First day of the window, UTC.
    pub first_day: Date,
    /// Last day of the window, UTC, counted whole.
    pub last_day: Date,
    /// ISO 4217 code of every amount.
    pub currency: String,
    /// Every file but the manifest, in a fixed order.
    pub files: Vec<FileEntry>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Path relative to the manifest.
    pub file: String,
    /// How it is read.
    pub format: FileFormat,
    /// What it is for.
    pub role: FileRole,
    /// Which part of the bill it belongs to, for charges and calls.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub category: Option<FileCategory>,
    /// Lines, or records without the header.
    pub rows: u64,
    /// Model calls in it, where that differs from the rows.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub calls: Option<u64>,
    /// One sentence.
    pub description: String,
}

/// How a file is read; a `.gz` suffix means compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileFormat {
    /// Rows of `LiteLLM_SpendLogs`, one JSON object a line.
    LitellmSpendLogs,
    /// A call log in CSV with a header.
    CallLogCsv,
    /// OTLP `ExportTraceServiceRequest` messages, one JSON object a line.
    OtlpJsonLines,
    /// FOCUS 1.2 Cost and Usage in CSV.
    FocusCsv,
    /// Business outputs, one JSON object a line, as `POST /v1/outcomes` takes them.
    OutcomesNdjson,
    /// Holidays and planned changes: `series,kind,date,until`.
    CalendarCsv,
    /// Deployments: `at`, `service`, `version`, one JSON object a line.
    DeploysNdjson,
    /// Use of shared services: `consumer,line,units`.
    SharedUsageCsv,
    /// [`crate::Truth`].
    TruthJson,
}

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileRole {
    /// Model calls, for the ledger.
    Calls,
    /// Charges, for the ledger.
    Charges,
    /// Providers' invoices for the calls: for reconciliation, not for the ledger, which has the calls.
    Invoice,
    /// Business outputs.
    Outcomes,
    /// Days that are judged differently.
    Calendar,
    /// What was deployed when.
    Deploys,
    /// The keys by which shared cost is split.
    SharedUsage,
    /// What was planted; for evaluation only, never an input.
    Truth,
}

/// A part of the bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileCategory {
    /// Model calls.
    Ai,
    /// Cloud providers.
    Cloud,
    /// The Kubernetes cluster.
    Kubernetes,
    /// Software subscriptions.
    Saas,
}
