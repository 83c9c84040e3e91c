//! The columns of a FOCUS CSV file that a commitment report needs.

use std::io::Read;

use anyhow::Context as _;
use centinel_engine::{
    commitment::{CommitmentRow, ServiceKey},
    money::Decimal,
};
use centinel_ingest::ReadError;

use super::RejectedRow;
use crate::{failure::hinted, rows::Rows};

/// Streams the rows of a file; rows that cannot be read are kept in `rejected`.
pub(super) struct FocusRows<R> {
    rows: Rows<R>,
    columns: Columns,
    record: csv::StringRecord,
    row: u64,
    pub(super) rejected: Vec<RejectedRow>,
    /// Why reading stopped early.
    pub(super) failure: Option<ReadError>,
}

/// Where the columns are.
struct Columns {
    charge_category: usize,
    billing_currency: usize,
    billed_cost: usize,
    effective_cost: usize,
    list_cost: Option<usize>,
    pricing_category: Option<usize>,
    provider: Option<usize>,
    service_category: Option<usize>,
    service_name: Option<usize>,
    id: Option<usize>,
    status: Option<usize>,
    quantity: Option<usize>,
    unit: Option<usize>,
}

impl<R: Read> FocusRows<R> {
    pub(super) fn open(input: R, file: &str) -> anyhow::Result<Self> {
        let rows = Rows::open(input).with_context(|| format!("reading `{file}`"))?;
        let header = rows.header().clone();
        let find = |name: &str| header.iter().position(|column| column.eq_ignore_ascii_case(name));
        let need = |name: &str| {
            find(name).ok_or_else(|| {
                hinted(
                    format!("`{file}` has no `{name}` column"),
                    "a FOCUS Cost and Usage file is expected, with its header",
                )
            })
        };
        let columns = Columns {
            charge_category: need("ChargeCategory")?,
            billing_currency: need("BillingCurrency")?,
            billed_cost: need("BilledCost")?,
            effective_cost: need("EffectiveCost")?,
            list_cost: find("ListCost"),
            pricing_category: find("PricingCategory"),
            // FOCUS 1.3 replaced the second by the first.
            provider: find("ServiceProviderName").or_else(|| find("ProviderName")),
            service_category: find("ServiceCategory"),
            service_name: find("ServiceName"),
            id: find("CommitmentDiscountId"),
            status: find("CommitmentDiscountStatus"),
            quantity: find("CommitmentDiscountQuantity"),
            unit: find("CommitmentDiscountUnit"),
        };
        Ok(Self {
            rows,
            columns,
            record: csv::StringRecord::new(),
            row: 1,
            rejected: Vec::new(),
            failure: None,
        })
    }
}

impl<R: Read> Iterator for FocusRows<R> {
    type Item = CommitmentRow;

    fn next(&mut self) -> Option<CommitmentRow> {
        loop {
            let placed = match self.rows.next_into(&mut self.record) {
                Ok(placed) => placed?,
                Err(error) => {
                    self.failure = Some(error);
                    return None;
                }
            };
            // As a spreadsheet counts: the header is row 1.
            self.row = placed.row.saturating_add(1);
            let row = self.row;
            match placed.read.and_then(|()| parse(row, &self.record, &self.columns)) {
                Ok(parsed) => return Some(parsed),
                Err(reason) => self.rejected.push(RejectedRow { row, reason }),
            }
        }
    }
}

fn parse(row: u64, record: &csv::StringRecord, columns: &Columns) -> Result<CommitmentRow, String> {
    // Exports write null as an empty field or as the word.
    let field = |column: Option<usize>| {
        column
            .and_then(|column| record.get(column))
            .filter(|text| !text.is_empty() && *text != "NULL")
    };
    let required =
        |column: usize, name: &str| field(Some(column)).ok_or_else(|| format!("{name} is null"));
    let decimal = |text: &str, name: &str| -> Result<Decimal, String> {
        text.parse().map_err(|error| format!("{name} {error}"))
    };
    let optional = |column: Option<usize>, name: &str| {
        field(column).map(|text| decimal(text, name)).transpose()
    };
    let owned = |column: Option<usize>| field(column).map(str::to_owned);
    let status = field(columns.status).map(str::parse).transpose();
    Ok(CommitmentRow {
        row,
        charge_category: required(columns.charge_category, "ChargeCategory")?
            .parse()
            .map_err(|error| format!("{error}"))?,
        commitment_discount_id: owned(columns.id),
        commitment_discount_status: status.map_err(|error| format!("{error}"))?,
        commitment_discount_quantity: optional(columns.quantity, "CommitmentDiscountQuantity")?,
        commitment_discount_unit: owned(columns.unit),
        pricing_category: owned(columns.pricing_category),
        service: ServiceKey {
            provider: owned(columns.provider).unwrap_or_default(),
            category: owned(columns.service_category).unwrap_or_default(),
            name: owned(columns.service_name).unwrap_or_default(),
        },
        currency: required(columns.billing_currency, "BillingCurrency")?
            .parse()
            .map_err(|error| format!("BillingCurrency: {error}"))?,
        billed_cost: decimal(required(columns.billed_cost, "BilledCost")?, "BilledCost")?,
        effective_cost: decimal(
            required(columns.effective_cost, "EffectiveCost")?,
            "EffectiveCost",
        )?,
        list_cost: optional(columns.list_cost, "ListCost")?,
    })
}

#[cfg(test)]
mod tests {
    use std::{fs::File, io::BufReader};

    use centinel_engine::commitment::commitment_report;

    use super::*;

    const HEADER: &str = "ChargeCategory,BillingCurrency,BilledCost,EffectiveCost,ListCost,\
        PricingCategory,ServiceProviderName,ServiceCategory,ServiceName,CommitmentDiscountId,\
        CommitmentDiscountStatus,CommitmentDiscountQuantity,CommitmentDiscountUnit\n";

    /// FOCUS specification, data/commitment_discount_scenarios: savings plan, all upfront, 75 %.
    #[test]
    fn reads_the_75_percent_scenario() {
        let mut text = format!(
            "{HEADER}Purchase,USD,459024.00,0.00,459024.00,Standard,AWS,Compute,EC2,sp-1,,,\n"
        );
        for (status, hours) in [("Used", 18), ("unused", 6)] {
            let row =
                ["Usage,USD,0,52.40,78.60,Committed,AWS,Compute,EC2,sp-1,", status, ",52.40,USD\n"];
            text += &row.concat().repeat(hours);
        }
        text +=
            &"Usage,usd,3.84,3.84,3.84,Standard,AWS,Compute,EC2,NULL,NULL,NULL,NULL\n".repeat(3);
        text += "Usage,USD,3.84,,3.84,Standard,AWS,Compute,EC2,,,,\nRefund,USD,1,1,1,,,,,,,,\n";
        text += "Usage,USD,1,1,1,Committed,AWS,Compute,EC2,sp-1,Sometimes,1,USD\n";

        let mut rows = FocusRows::open(text.as_bytes(), "focus.csv").unwrap();
        let report = commitment_report(rows.by_ref()).unwrap();
        let plan = &report.commitments[0];
        let shown = |value: Option<Decimal>| value.map(|value| value.to_string());
        assert_eq!(shown(plan.utilization).as_deref(), Some("0.75"));
        assert_eq!(shown(plan.waste).as_deref(), Some("314.4"));
        assert_eq!(shown(plan.coverage).as_deref(), Some("0.991923271075"));
        assert_eq!(shown(plan.effective_savings_rate).as_deref(), Some("0.111111111111"));
        assert_eq!(plan.purchase_billed_cost.to_string(), "459024");
        let reasons: Vec<_> =
            rows.rejected.iter().map(|each| (each.row, each.reason.as_str())).collect();
        assert_eq!(
            reasons,
            [
                (30, "EffectiveCost is null"),
                (
                    31,
                    "ChargeCategory `Refund` is not one of Usage, Purchase, Tax, Credit, Adjustment"
                ),
                (32, "CommitmentDiscountStatus `Sometimes` is not one of Used, Unused"),
            ]
        );
    }

    #[test]
    fn a_file_that_is_no_focus_file_fails() {
        let failure = FocusRows::open("a,b\n1,2\n".as_bytes(), "x.csv").err().unwrap();
        assert_eq!(failure.to_string(), "`x.csv` has no `ChargeCategory` column");
    }

    /// The official FOCUS 1.0 sample, where it is at hand: nulls as a word, no quantities, and covered
    /// usage that is not amortised.
    #[test]
    fn reads_the_official_sample() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../../shared/data/focus_sample_1_0/focus_sample.csv"
        );
        let Ok(file) = File::open(path) else { return };
        let mut rows = FocusRows::open(BufReader::new(file), "focus_sample.csv").unwrap();
        let report = commitment_report(rows.by_ref()).unwrap();
        assert_eq!((rows.row - 1, rows.rejected.len()), (1000, 0));
        assert_eq!(report.commitments.len(), 2);
        for plan in &report.commitments {
            assert_eq!((plan.utilization, plan.effective_savings_rate), (None, None));
            assert!(plan.unknown["waste"].to_string().starts_with("EffectiveCost is 0"));
            assert!(plan.coverage.is_some());
        }
    }
}
