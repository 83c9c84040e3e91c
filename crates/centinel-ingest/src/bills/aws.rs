//! AWS Cost and Usage Reports: CUR 2.0 (Data Exports) and the older CUR, in the spelling of their
//! files (`lineItem/UnblendedCost`) and of query engines (`line_item_unblended_cost`).
//!
//! | line item type | category | billed | effective |
//! |---|---|---|---|
//! | `Usage` | Usage | unblended | unblended |
//! | `DiscountedUsage` | Usage, Used | unblended (0) | reservation effective cost |
//! | `SavingsPlanCoveredUsage` | Usage, Used | 0 | Savings Plan effective cost |
//! | `SavingsPlanNegation` | Usage | 0 | 0 |
//! | `RIFee` | Purchase | unblended | unused part of the reservation |
//! | `SavingsPlanRecurringFee` | Purchase | unblended | unused part of the commitment |
//! | `SavingsPlanUpfrontFee`, `Fee` of a reservation | Purchase | unblended | 0 |
//! | `Fee` | Purchase | unblended | unblended |
//! | `Tax`, `Credit` | Tax, Credit | unblended | unblended |
//! | `Refund` | Adjustment, a correction | unblended | unblended |
//! | `EdpDiscount`, `BundledDiscount`, … | Adjustment | unblended | unblended |
//!
//! A covered usage and its negation stand in a report with the on-demand cost and its negative, which
//! the invoice does not show: both are zero here, and what they do not cancel is said. Where the
//! report has net columns, their values are the costs, and a discount's own row adds nothing more.
//!
//! `identity_line_item_id` is not used: it is neither unique in a delivery nor stable between two.
//!
//! # Source
//!
//! AWS Data Exports user guide, "CUR 2.0 table dictionary" and "Line item details"; AWS
//! Well-Architected Labs, CUR query library, amortised cost; "FOCUS 1.2 with AWS columns".

mod bedrock;
mod columns;

use centinel_engine::{
    focus::{Charge, ChargeCategory, CommitmentDiscountStatus},
    money::Decimal,
    period::Period,
    series::Dimension,
};
use jiff::Timestamp;

use self::columns::Columns;
use super::{BillReader, assumed, blank, charge::label, missing, month_of, reset};
use crate::{
    csv_rows::Values,
    finding::{FindingStatus, Findings},
    instant::Instants,
    read::{Options, ReadError},
    sanitize::{credential_id, set_text},
    sink::bad_value,
    table::{Column, Header},
    tags::TagReader,
};

/// The model in a usage type, where its prefix shows that it is one.
pub(super) fn model_of(usage_type: &str) -> Option<String> {
    columns::region_of(usage_type)?;
    bedrock::model_of(usage_type)
}

/// Whether a header is that of a report.
pub(super) fn is_header(header: &Header) -> bool {
    header.has("line_item_unblended_cost")
        || (header.has("line_item_line_item_type") && header.has("line_item_usage_type"))
        || (header.has("line_item_usage_account_id") && header.has("line_item_usage_type"))
        || (header.has("line_item_usage_account_id") && header.has("identity_line_item_id"))
}

pub(super) struct Reader {
    columns: Columns,
    tags: TagReader,
    charge: Charge,
    period: Option<Timestamp>,
    account: String,
    // Covered usage and its negation, which cancel in a whole report.
    negation: Decimal,
    // What net costs leave out of unblended ones, which the discount rows explain.
    discounted: Decimal,
    discounts: Decimal,
}

impl Reader {
    pub(super) fn new(header: &Header, options: &Options) -> Result<Self, ReadError> {
        let columns = Columns::new(header);
        let needed = [
            &columns.line_item_type,
            &columns.unblended,
            &columns.start,
            &columns.end,
            &columns.currency,
        ];
        let absent: Vec<&str> =
            needed.iter().filter(|column| !column.exists()).map(|column| column.name()).collect();
        if !absent.is_empty() {
            return Err(missing(header, "an AWS Cost and Usage Report", &absent));
        }
        Ok(Self {
            columns,
            tags: TagReader::new(&options.tags),
            charge: blank(),
            period: None,
            account: String::new(),
            negation: Decimal::ZERO,
            discounted: Decimal::ZERO,
            discounts: Decimal::ZERO,
        })
    }
}

/// What a line item type makes of the costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Usage,
    ReservedUsage,
    CoveredUsage,
    Negation,
    ReservationFee,
    PlanFee,
    UpfrontFee,
    Fee,
    Tax,
    Credit,
    Refund,
    Discount,
    Other,
}

impl Kind {
    fn of(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "usage" => Self::Usage,
            "discountedusage" => Self::ReservedUsage,
            "savingsplancoveredusage" => Self::CoveredUsage,
            "savingsplannegation" => Self::Negation,
            "rifee" => Self::ReservationFee,
            "savingsplanrecurringfee" => Self::PlanFee,
            "savingsplanupfrontfee" => Self::UpfrontFee,
            "fee" => Self::Fee,
            "tax" => Self::Tax,
            "credit" => Self::Credit,
            "refund" => Self::Refund,
            other if other.ends_with("discount") => Self::Discount,
            _ => Self::Other,
        }
    }

    fn category(self) -> ChargeCategory {
        match self {
            Self::Usage | Self::ReservedUsage | Self::CoveredUsage | Self::Negation => {
                ChargeCategory::Usage
            }
            Self::ReservationFee | Self::PlanFee | Self::UpfrontFee | Self::Fee => {
                ChargeCategory::Purchase
            }
            Self::Tax => ChargeCategory::Tax,
            Self::Credit => ChargeCategory::Credit,
            Self::Refund | Self::Discount | Self::Other => ChargeCategory::Adjustment,
        }
    }
}

impl BillReader for Reader {
    fn read(
        &mut self,
        values: Values<'_>,
        row: u64,
        findings: &mut Findings,
    ) -> Result<&Charge, String> {
        let Self { columns, tags, charge, .. } = self;
        reset(charge);
        let kind_name = columns.line_item_type.required(values)?;
        let kind = Kind::of(kind_name);
        if kind == Kind::Other {
            let message = format!("line item type `{}` is not known", printable(kind_name));
            assumed(findings, columns.line_item_type.name(), &message, row);
        }
        charge.currency = columns
            .currency
            .required(values)?
            .parse()
            .map_err(|error| format!("`{}` {error}", columns.currency.name()))?;
        let (start, end) = (instant(&columns.start, values)?, instant(&columns.end, values)?);
        // A one-time fee may carry one instant only.
        let end = if end <= start { start + jiff::SignedDuration::from_secs(1) } else { end };
        charge.charge_period =
            Period::new(start, end).map_err(|error| format!("line item {error}"))?;
        charge.charge_category = kind.category();
        charge.is_correction = kind == Kind::Refund
            || columns.bill_type.get(values).is_some_and(|t| t.eq_ignore_ascii_case("Refund"));
        let costs = columns.costs(kind, values)?;
        if costs.is_assumed {
            let message = "has no amortised cost for covered usage: the unblended cost stands in";
            assumed(findings, columns.unblended.name(), message, row);
        }
        charge.billed_cost = costs.billed;
        charge.effective_cost = costs.effective;
        charge.list_cost = columns.on_demand_cost.amount(values)?;
        charge.consumed_quantity = columns.usage_amount.amount(values)?;
        charge.pricing_quantity = charge.consumed_quantity;
        for (slot, column) in [
            (&mut charge.consumed_unit, &columns.pricing_unit),
            (&mut charge.pricing_unit, &columns.pricing_unit),
            (&mut charge.resource_id, &columns.resource_id),
            (&mut charge.sku, &columns.usage_type),
            (&mut charge.invoice_id, &columns.invoice_id),
            (&mut charge.charge_description, &columns.description),
        ] {
            set_text(slot, column.get(values).unwrap_or_default());
        }
        let commitment =
            columns.plan_arn.get(values).or_else(|| columns.reservation_arn.get(values));
        set_text(&mut charge.commitment_discount_id, commitment.unwrap_or_default());
        if matches!(kind, Kind::ReservedUsage | Kind::CoveredUsage) {
            charge.commitment_discount_status = Some(CommitmentDiscountStatus::Used);
        }
        columns.label(charge, values);
        if let Some(principal) = columns.principal.get(values) {
            charge.labels.set(Dimension::ApiKey, &credential_id(principal));
        }
        bedrock::read(columns, values, charge);
        for column in &columns.tag_maps {
            if let Some(text) = column.get(values)
                && !tags.read(text, &mut charge.labels)
            {
                let message = "is not a JSON object; its tags are not read";
                findings.row(column.name(), FindingStatus::Nonconforming, message, row);
            }
        }
        tags.begin();
        for (index, key) in &columns.by_tag {
            let value = values.get(*index);
            if !crate::calls::is_null(value) {
                tags.set(key, value, &mut charge.labels);
            }
        }
        label(charge);

        self.period = match columns.period_start.get(values) {
            Some(_) => Some(instant(&columns.period_start, values)?),
            None => month_of(start),
        };
        self.account.clear();
        self.account.push_str(columns.payer.get(values).unwrap_or_default());
        let add = |sum: &mut Decimal, amount: Decimal| match sum.checked_add(amount) {
            Ok(total) => *sum = total,
            // A sum that is only a remark: where it cannot be held, there is none.
            Err(_) => *sum = Decimal::ZERO,
        };
        if matches!(kind, Kind::CoveredUsage | Kind::Negation) {
            add(&mut self.negation, costs.unblended);
        }
        match kind {
            Kind::Discount if costs.is_net => add(&mut self.discounts, costs.unblended),
            Kind::CoveredUsage | Kind::Negation => {}
            _ => {
                if let Ok(less) = costs.unblended.checked_sub(costs.billed) {
                    add(&mut self.discounted, less);
                }
            }
        }
        Ok(&self.charge)
    }

    fn billing_period(&self) -> Option<(&str, Timestamp)> {
        self.period.map(|start| (self.account.as_str(), start))
    }

    fn finish(&mut self, findings: &mut Findings) {
        if !self.negation.is_zero() {
            let message = format!(
                "SavingsPlanCoveredUsage and SavingsPlanNegation do not cancel: {} is in no billed \
                 cost; the report may be a part of a delivery",
                self.negation
            );
            findings.note("", FindingStatus::Note, &message);
        }
        if let Ok(rest) = self.discounted.checked_add(self.discounts)
            && !rest.is_zero()
        {
            let message = format!(
                "net costs are {} below unblended costs, the discount rows say {}",
                self.discounted, self.discounts
            );
            findings.note("", FindingStatus::Note, &message);
        }
    }
}

fn instant(column: &Column, values: Values<'_>) -> Result<Timestamp, String> {
    let value = column.required(values)?;
    Instants::ABSOLUTE
        .parse(value)
        .map(|instant| instant.at)
        .map_err(|problem| bad_value(column.name(), value, problem))
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| !crate::sanitize::is_hidden(*c) && *c != '`').take(40).collect()
}
