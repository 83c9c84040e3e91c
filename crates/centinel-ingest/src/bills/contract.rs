//! FOCUS Contract Commitment dataset, and the datasets beside it that are recognised by name.
//!
//! A contract commitment is what was agreed, not what was charged: it is handed on as a fact of its
//! own and is in no total. The charges that it covers name it in their `ContractApplied` column.
//!
//! # Source
//!
//! FOCUS 1.3 and 1.4, dataset Contract Commitment; datasets Billing Period and Invoice Detail.

use centinel_engine::money::{Currency, Decimal};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::missing;
use crate::{
    calls::note_open_end,
    csv_rows::Values,
    finding::FindingStatus,
    instant::Instants,
    read::{Intake, ReadError},
    sanitize::set_text,
    sink::bad_value,
    table::{Column, Header, TableRows},
};

/// What a contract commits to. Nothing that the row does not say is anything but `None`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractCommitment {
    /// `ContractCommitmentId`.
    pub id: String,
    /// `ContractId`.
    pub contract_id: Option<String>,
    /// `ServiceProviderName`, else `InvoiceIssuerName`.
    pub provider: Option<String>,
    /// `ContractCommitmentCategory`: Spend or Usage.
    pub category: Option<String>,
    /// `ContractCommitmentType`.
    pub kind: Option<String>,
    /// `ContractCommitmentDescription`.
    pub description: Option<String>,
    /// `ContractCommitmentLifecycleStatus`.
    pub status: Option<String>,
    /// `ContractCommitmentPeriodStart`.
    pub start: Option<Timestamp>,
    /// `ContractCommitmentPeriodEnd`, exclusive.
    pub end: Option<Timestamp>,
    /// `ContractCommitmentCost`, in `currency`.
    pub cost: Option<Decimal>,
    /// `BillingCurrency`.
    pub currency: Option<Currency>,
    /// `ContractCommitmentQuantity`, in `unit`.
    pub quantity: Option<Decimal>,
    /// `ContractCommitmentUnit`.
    pub unit: Option<String>,
}

/// Whether a header is that of the dataset. Cost and usage rows name commitments as well, but have
/// charges.
pub(super) fn is_header(header: &Header) -> bool {
    header.has("ContractCommitmentId") && !header.has("ChargePeriodStart")
}

struct Columns {
    id: Column,
    cost: Column,
    currency: Column,
    quantity: Column,
    start: Column,
    end: Column,
    texts: [Column; 7],
}

/// Reads a file of the dataset.
pub(super) fn read(
    rows: &mut dyn TableRows,
    header: &Header,
    intake: &mut Intake<'_>,
) -> Result<(), ReadError> {
    let column = |names: &[&str]| header.column(names);
    let columns = Columns {
        id: column(&["ContractCommitmentId"]),
        cost: column(&["ContractCommitmentCost"]),
        currency: column(&["BillingCurrency", "ContractCommitmentCurrency"]),
        quantity: column(&["ContractCommitmentQuantity"]),
        start: column(&["ContractCommitmentPeriodStart"]),
        end: column(&["ContractCommitmentPeriodEnd"]),
        texts: [
            column(&["ContractId"]),
            column(&["ServiceProviderName", "InvoiceIssuerName"]),
            column(&["ContractCommitmentCategory"]),
            column(&["ContractCommitmentType"]),
            column(&["ContractCommitmentDescription"]),
            column(&["ContractCommitmentLifecycleStatus", "ContractCommitmentStatus"]),
            column(&["ContractCommitmentUnit"]),
        ],
    };
    if !columns.cost.exists() && !columns.quantity.exists() {
        let absent = ["ContractCommitmentCost or ContractCommitmentQuantity"];
        return Err(missing(header, "a FOCUS contract commitment dataset", &absent));
    }
    let message = "the columns are those of the FOCUS contract commitment dataset: what is agreed, \
                   not what is charged; in no total";
    intake.findings.note("", FindingStatus::Note, message);
    while let Some(row) = rows.next()? {
        let position = row.position;
        match row.values.and_then(|values| columns.read(values)) {
            Ok(commitment) => intake.commitment(&position, &commitment)?,
            Err(reason) => intake.reject(position, reason, row.raw)?,
        }
        intake.progress(rows.offset());
    }
    note_open_end(rows, intake);
    Ok(())
}

impl Columns {
    fn read(&self, values: Values<'_>) -> Result<ContractCommitment, String> {
        let text = |column: &Column| {
            let mut slot = None;
            set_text(&mut slot, column.get(values).unwrap_or_default());
            slot
        };
        let instant = |column: &Column| {
            let Some(value) = column.get(values) else { return Ok(None) };
            let parsed = Instants::ABSOLUTE.parse(value).map(|instant| Some(instant.at));
            parsed.map_err(|problem| bad_value(column.name(), value, problem))
        };
        self.id.required(values)?;
        let [contract_id, provider, category, kind, description, status, unit] = &self.texts;
        let (cost, quantity) = (self.cost.amount(values)?, self.quantity.amount(values)?);
        if cost.is_none() && quantity.is_none() {
            return Err("neither a cost nor a quantity is committed".to_owned());
        }
        let currency = match self.currency.get(values) {
            Some(code) => {
                Some(code.parse().map_err(|error| format!("`{}` {error}", self.currency.name()))?)
            }
            None => None,
        };
        let (start, end) = (instant(&self.start)?, instant(&self.end)?);
        if let (Some(start), Some(end)) = (start, end)
            && end <= start
        {
            return Err(format!("the commitment ends at {end}, not after its start"));
        }
        Ok(ContractCommitment {
            id: text(&self.id).unwrap_or_default(),
            contract_id: text(contract_id),
            provider: text(provider),
            category: text(category),
            kind: text(kind),
            description: text(description),
            status: text(status),
            start,
            end,
            cost,
            currency,
            quantity,
            unit: text(unit),
        })
    }
}
