//! Bills in a provider's own columns: AWS, Azure, Google Cloud, and invoices of anyone by a column
//! mapping. Each becomes charges with the costs that FOCUS defines.
//!
//! One row becomes one charge. `BilledCost` is what the row adds to the invoice, `EffectiveCost` what
//! it adds once purchases are spread over what they cover.

mod aws;
mod azure;
mod charge;
mod contract;
mod google;
mod invoice;
mod tier;

use centinel_engine::focus::Charge;
use jiff::Timestamp;

use self::charge::parse_unit;
pub(crate) use self::{
    charge::{blank, reset},
    tier::service_tier,
};
pub use self::{contract::ContractCommitment, invoice::ChargeField};
use crate::{
    calls::{check_header, note_open_end},
    csv_rows::Values,
    detect::Format,
    finding::{FindingStatus, Findings},
    read::{Intake, Options, ReadError},
    sanitize::listed,
    table::{Header, TableRows},
};

/// Reads one row of a bill into one charge that is re-used.
trait BillReader {
    /// # Errors
    ///
    /// The reason, naming column and value.
    fn read(
        &mut self,
        values: Values<'_>,
        row: u64,
        findings: &mut Findings,
    ) -> Result<&Charge, String>;

    /// The billing period of the row read last: its account, and its first instant.
    fn billing_period(&self) -> Option<(&str, Timestamp)>;

    /// Notes what only the whole bill shows.
    fn finish(&mut self, _findings: &mut Findings) {}
}

/// The columns that a bill may have, for files that leave out what is null.
pub(crate) fn keys(format: Format) -> &'static [&'static str] {
    match format {
        Format::GoogleBilling => &google::KEYS,
        _ => &[],
    }
}

/// Reads a bill.
pub(crate) fn read(
    format: Format,
    rows: &mut dyn TableRows,
    options: &Options,
    intake: &mut Intake<'_>,
) -> Result<(), ReadError> {
    let names = rows.header()?;
    check_header(&names)?;
    let header = Header::new(&names);
    match format {
        Format::AwsCur => run(rows, aws::Reader::new(&header, options)?, intake),
        Format::AzureCost => run(rows, azure::Reader::new(&header, options)?, intake),
        Format::GoogleBilling => run(rows, google::Reader::new(&header, options)?, intake),
        Format::ContractCommitments => contract::read(rows, &header, intake),
        _ => {
            let reader = invoice::Reader::new(&names, options)?;
            intake.mapping(reader.mapping())?;
            intake.summary.mapping = Some(reader.mapping().clone());
            run(rows, reader, intake)
        }
    }
}

fn run(
    rows: &mut dyn TableRows,
    mut reader: impl BillReader,
    intake: &mut Intake<'_>,
) -> Result<(), ReadError> {
    while let Some(row) = rows.next()? {
        let position = row.position;
        let read =
            row.values.and_then(|values| reader.read(values, position.row, &mut intake.findings));
        match read {
            Ok(charge) => {
                let charge_start = charge.charge_period.start;
                intake.charge(&position, charge)?;
                if let Some((account, start)) = reader.billing_period() {
                    intake.covers(account, start, charge_start)?;
                }
            }
            Err(reason) => intake.reject(position, reason, row.raw)?,
        }
        intake.progress(rows.offset());
    }
    reader.finish(&mut intake.findings);
    note_open_end(rows, intake);
    Ok(())
}

/// The model that a cloud's meter, SKU or usage type names, by the words of each cloud.
pub(crate) fn model_of_meter(meter: &str) -> Option<String> {
    // A model has a version; `Context Cache Storage` names none.
    let azure =
        || azure::model_of(meter).filter(|model| model.contains(|c: char| c.is_ascii_digit()));
    aws::model_of(meter).or_else(|| google::model_of(meter)).or_else(azure)
}

/// What a header is, among bills in a provider's own columns.
pub(crate) fn detect(header: &Header) -> Option<Format> {
    if contract::is_header(header) {
        Some(Format::ContractCommitments)
    } else if aws::is_header(header) {
        Some(Format::AwsCur)
    } else if azure::is_header(header) {
        Some(Format::AzureCost)
    } else if google::is_header(header) {
        Some(Format::GoogleBilling)
    } else {
        None
    }
}

/// Whether a header has what an invoice has: an amount and a date.
pub(crate) fn is_invoice_header(names: &[String]) -> bool {
    invoice::is_header(names)
}

/// The columns of a bill that is cut, or is another one.
fn missing(header: &Header, bill: &'static str, missing: &[&str]) -> ReadError {
    ReadError::MissingColumns { bill, missing: missing.join(", "), found: listed(header.names()) }
}

/// The first instant of the month of an instant, in UTC.
fn month_of(at: Timestamp) -> Option<Timestamp> {
    let date = at.to_zoned(jiff::tz::TimeZone::UTC).date().first_of_month();
    jiff::tz::Offset::UTC.to_timestamp(date.into()).ok()
}

fn assumed(findings: &mut Findings, column: &str, message: &str, row: u64) {
    findings.row(column, FindingStatus::Assumed, message, row);
}
