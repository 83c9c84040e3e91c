//! The columns of the Cost and Usage dataset, and where a header has them.

use crate::{calls::normalize, read::ReadError, sanitize::listed};

/// Whether a file must have a column, and a row a value in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// The column must exist and hold no null.
    Value,
    /// The column must exist; null is allowed.
    Column,
    /// Only where the provider supports it.
    No,
}

/// The version in which a column first stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Since {
    V1_0,
    V1_1,
    V1_2,
    V1_3,
    V1_4,
    Draft,
}

impl Since {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::V1_0 => "FOCUS 1.0",
            Self::V1_1 => "FOCUS 1.1",
            Self::V1_2 => "FOCUS 1.2",
            Self::V1_3 => "FOCUS 1.3",
            Self::V1_4 => "FOCUS 1.4",
            Self::Draft => "the FOCUS draft after 1.4",
        }
    }
}

use Need::{Column, No, Value};
use Since::{Draft, V1_0, V1_1, V1_2, V1_3, V1_4};

/// Every column, in the order of the specification.
///
/// # Source
///
/// FOCUS 1.0 to 1.4 and the working draft, dataset Cost and Usage.
pub(super) const KNOWN: [(&str, Need, Since); 76] = [
    ("AllocatedMethodDetails", No, V1_3),
    ("AllocatedMethodId", No, V1_3),
    ("AllocatedResourceId", No, V1_3),
    ("AllocatedResourceName", No, V1_3),
    ("AllocatedTags", No, V1_3),
    ("AvailabilityZone", No, V1_0),
    ("BilledCost", Value, V1_0),
    ("BillingAccountId", Value, V1_0),
    ("BillingAccountName", Column, V1_0),
    ("BillingAccountType", No, V1_2),
    ("BillingCurrency", Value, V1_0),
    ("BillingPeriodEnd", Value, V1_0),
    ("BillingPeriodStart", Value, V1_0),
    ("CapacityReservationId", No, V1_1),
    ("CapacityReservationStatus", No, V1_1),
    ("ChargeCategory", Value, V1_0),
    ("ChargeClass", Column, V1_0),
    ("ChargeDescription", Column, V1_0),
    ("ChargeFrequency", No, V1_0),
    ("ChargePeriodEnd", Value, V1_0),
    ("ChargePeriodStart", Value, V1_0),
    ("CommitmentDiscountCategory", No, V1_0),
    ("CommitmentDiscountId", No, V1_0),
    ("CommitmentDiscountName", No, V1_0),
    ("CommitmentDiscountQuantity", No, V1_1),
    ("CommitmentDiscountStatus", No, V1_0),
    ("CommitmentDiscountType", No, V1_0),
    ("CommitmentDiscountUnit", No, V1_1),
    ("CommitmentProgramEligibilityDetails", No, V1_4),
    ("ConsumedQuantity", No, V1_0),
    ("ConsumedUnit", No, V1_0),
    ("ContractApplied", No, V1_3),
    ("ContractedCost", Value, V1_0),
    ("ContractedUnitPrice", No, V1_0),
    ("CredentialDetails", No, Draft),
    ("CredentialId", No, Draft),
    ("EffectiveCost", Value, V1_0),
    ("HostProviderName", No, V1_3),
    ("InvoiceDetailId", No, Draft),
    ("InvoiceId", No, V1_2),
    ("InvoiceIssuerName", Value, V1_0),
    ("ListCost", Value, V1_0),
    ("ListUnitPrice", No, V1_0),
    ("PricingCategory", No, V1_0),
    ("PricingCurrency", No, V1_2),
    ("PricingCurrencyContractedUnitPrice", No, V1_2),
    ("PricingCurrencyEffectiveCost", No, V1_2),
    ("PricingCurrencyListUnitPrice", No, V1_2),
    ("PricingQuantity", Column, V1_0),
    ("PricingUnit", Column, V1_0),
    ("PrincipalId", No, Draft),
    // Until 1.2; then ServiceProviderName and HostProviderName.
    ("ProviderName", No, V1_0),
    ("PublisherName", No, V1_0),
    ("RegionId", No, V1_0),
    ("RegionName", No, V1_0),
    ("RequesterDetails", No, Draft),
    ("ResourceId", No, V1_0),
    ("ResourceName", No, V1_0),
    ("ResourceType", No, V1_0),
    ("ServiceCategory", Value, V1_0),
    ("ServiceName", Value, V1_0),
    ("ServiceProviderName", No, V1_3),
    ("ServiceSubcategory", No, V1_1),
    ("SkuId", No, V1_0),
    ("SkuMeter", No, V1_1),
    ("SkuPriceDetails", No, V1_1),
    ("SkuPriceId", No, V1_0),
    ("SubAccountId", No, V1_0),
    ("SubAccountName", No, V1_0),
    ("SubAccountType", No, V1_2),
    ("Tags", No, V1_0),
    // Extensions of providers that carry what we read.
    ("x_ChargeId", No, V1_0),
    ("x_LineItemId", No, V1_0),
    ("x_ModelId", No, V1_0),
    ("x_SkuDetails", No, V1_0),
    ("x_ServiceTier", No, V1_0),
];

/// Where a header has the known columns. Case and punctuation are ignored: query engines change them.
#[derive(Debug)]
pub(super) struct Columns {
    // By position in `KNOWN`.
    indexes: [Option<usize>; KNOWN.len()],
}

impl Columns {
    /// # Errors
    ///
    /// [`ReadError::MissingColumns`] when there is no cost, currency, period or category.
    pub(super) fn of_header(names: &[String]) -> Result<Self, ReadError> {
        let normal: Vec<String> = names.iter().map(|name| normalize(name)).collect();
        let mut indexes = [None; KNOWN.len()];
        for (slot, (name, ..)) in indexes.iter_mut().zip(KNOWN) {
            let name = normalize(name);
            *slot = normal.iter().position(|other| *other == name);
        }
        let columns = Self { indexes };
        let mut missing = Vec::new();
        if columns.find("BilledCost").is_none() && columns.find("EffectiveCost").is_none() {
            missing.push("BilledCost or EffectiveCost");
        }
        for name in ["BillingCurrency", "ChargePeriodStart", "ChargePeriodEnd", "ChargeCategory"] {
            if columns.find(name).is_none() {
                missing.push(name);
            }
        }
        if missing.is_empty() {
            return Ok(columns);
        }
        let found = listed(names);
        Err(ReadError::MissingColumns { bill: "a FOCUS bill", missing: missing.join(", "), found })
    }

    /// The index of a column in the file.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        let position = KNOWN.iter().position(|(known, ..)| *known == name)?;
        self.indexes.get(position).copied().flatten()
    }

    /// Every known column with its index in the file.
    pub(super) fn iter(
        &self,
    ) -> impl Iterator<Item = (&'static str, Need, Since, Option<usize>)> + '_ {
        KNOWN
            .iter()
            .zip(self.indexes)
            .map(|((name, need, since), index)| (*name, *need, *since, index))
    }
}

/// Whether a header is that of a FOCUS file, complete or not.
pub(crate) fn is_focus_header(names: &[String]) -> bool {
    let normal: Vec<String> = names.iter().map(|name| normalize(name)).collect();
    let has = |name: &str| normal.iter().any(|other| *other == normalize(name));
    (has("BilledCost") || has("EffectiveCost"))
        && (has("ChargePeriodStart") || has("ChargeCategory"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        let names = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
        let header =
            names("billed_cost,BILLINGCURRENCY,ChargePeriodStart,ChargePeriodEnd,ChargeCategory");
        assert!(is_focus_header(&header));
        assert_eq!(Columns::of_header(&header).unwrap().find("BilledCost"), Some(0));
        let error = Columns::of_header(&names("BilledCost,ChargeCategory")).unwrap_err();
        insta::assert_snapshot!(error, @"not a FOCUS bill: no column BillingCurrency, ChargePeriodStart, ChargePeriodEnd; found: BilledCost, ChargeCategory");
    }

    #[test]
    fn names_stand_once_and_sorted_but_for_extensions() {
        let mut names: Vec<_> = KNOWN.iter().map(|(name, ..)| *name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), KNOWN.len());
    }
}
