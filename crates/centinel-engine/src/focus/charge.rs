//! A charge: one row of a FOCUS Cost and Usage dataset, as the ledger keeps it.

use std::str::FromStr;

use crate::{
    money::{Currency, Decimal},
    period::Period,
    pricing::Meter,
    series::Labels,
};

/// FOCUS `ChargeCategory`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChargeCategory {
    /// Consumption of a resource or service.
    Usage,
    /// A one-time or recurring purchase, such as a commitment.
    Purchase,
    /// Tax.
    Tax,
    /// A voucher or credit granted.
    Credit,
    /// Anything else that changes what is owed.
    Adjustment,
}

/// FOCUS `CommitmentDiscountStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CommitmentDiscountStatus {
    /// Consumed part of the commitment.
    Used,
    /// Paid for, not consumed.
    Unused,
}

/// A value outside a closed FOCUS list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{column} `{value}` is not one of {allowed}")]
pub struct UnknownValue {
    /// FOCUS column.
    pub column: &'static str,
    /// The value, cut at 40 characters.
    pub value: String,
    /// What is allowed.
    pub allowed: &'static str,
}

impl ChargeCategory {
    /// The FOCUS spelling.
    pub fn name(self) -> &'static str {
        match self {
            Self::Usage => "Usage",
            Self::Purchase => "Purchase",
            Self::Tax => "Tax",
            Self::Credit => "Credit",
            Self::Adjustment => "Adjustment",
        }
    }
}

impl FromStr for ChargeCategory {
    type Err = UnknownValue;

    /// Case is ignored: exports differ in it.
    fn from_str(text: &str) -> Result<Self, UnknownValue> {
        [Self::Usage, Self::Purchase, Self::Tax, Self::Credit, Self::Adjustment]
            .into_iter()
            .find(|category| category.name().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| UnknownValue {
                column: "ChargeCategory",
                value: text.chars().take(40).collect(),
                allowed: "Usage, Purchase, Tax, Credit, Adjustment",
            })
    }
}

impl FromStr for CommitmentDiscountStatus {
    type Err = UnknownValue;

    fn from_str(text: &str) -> Result<Self, UnknownValue> {
        match text.trim() {
            status if status.eq_ignore_ascii_case("used") => Ok(Self::Used),
            status if status.eq_ignore_ascii_case("unused") => Ok(Self::Unused),
            other => Err(UnknownValue {
                column: "CommitmentDiscountStatus",
                value: other.chars().take(40).collect(),
                allowed: "Used, Unused",
            }),
        }
    }
}

/// One charge row. A connector fills and re-uses one of these.
///
/// Amounts are what the bill says, digit for digit. `None` is "the bill does not say", never zero.
#[derive(Debug, Clone)]
pub struct Charge {
    /// The row's own id, where the source has one (`x_` columns); FOCUS itself has none.
    pub charge_id: Option<String>,
    /// `ChargePeriodStart` to `ChargePeriodEnd`.
    pub charge_period: Period,
    /// `ChargeCategory`.
    pub charge_category: ChargeCategory,
    /// `ChargeClass` is `Correction`.
    pub is_correction: bool,
    /// Low-cardinality dimensions.
    pub labels: Labels,
    /// `BillingCurrency` of every amount.
    pub currency: Currency,
    /// `BilledCost`: what the invoice asks for.
    pub billed_cost: Decimal,
    /// `EffectiveCost`: amortised.
    pub effective_cost: Decimal,
    /// What an earlier booking took away from `effective_cost` when it rounded; beside it, not in it.
    /// Zero but for rows that this product exported.
    pub cost_remainder: Decimal,
    /// `ListCost`.
    pub list_cost: Option<Decimal>,
    /// `ContractedCost`.
    pub contracted_cost: Option<Decimal>,
    /// `ConsumedQuantity`, in `consumed_unit`.
    pub consumed_quantity: Option<Decimal>,
    /// `ConsumedUnit`.
    pub consumed_unit: Option<String>,
    /// `PricingQuantity`, in `pricing_unit`.
    pub pricing_quantity: Option<Decimal>,
    /// `PricingUnit`.
    pub pricing_unit: Option<String>,
    /// `ResourceId`: a column, never part of a series.
    pub resource_id: Option<String>,
    /// `SkuMeter`, or `SkuId` where there is none.
    pub sku: Option<String>,
    /// The token class that the row bills, where its meter or SKU details say so.
    pub meter: Option<Meter>,
    /// `InvoiceId`.
    pub invoice_id: Option<String>,
    /// `ChargeDescription`.
    pub charge_description: Option<String>,
    /// `CommitmentDiscountId`.
    pub commitment_discount_id: Option<String>,
    /// `CommitmentDiscountStatus`.
    pub commitment_discount_status: Option<CommitmentDiscountStatus>,
    /// `CommitmentDiscountQuantity`, in `commitment_discount_unit`.
    pub commitment_discount_quantity: Option<Decimal>,
    /// `CommitmentDiscountUnit`.
    pub commitment_discount_unit: Option<String>,
}

impl Charge {
    /// A charge of nothing, for a connector to fill.
    pub fn new(charge_period: Period, charge_category: ChargeCategory, currency: Currency) -> Self {
        Self {
            charge_id: None,
            charge_period,
            charge_category,
            is_correction: false,
            labels: Labels::default(),
            currency,
            billed_cost: Decimal::ZERO,
            effective_cost: Decimal::ZERO,
            cost_remainder: Decimal::ZERO,
            list_cost: None,
            contracted_cost: None,
            consumed_quantity: None,
            consumed_unit: None,
            pricing_quantity: None,
            pricing_unit: None,
            resource_id: None,
            sku: None,
            meter: None,
            invoice_id: None,
            charge_description: None,
            commitment_discount_id: None,
            commitment_discount_status: None,
            commitment_discount_quantity: None,
            commitment_discount_unit: None,
        }
    }
}
