//! One row of a FOCUS file into a charge.

use centinel_engine::{
    focus::{Charge, CommitmentDiscountStatus},
    money::{Currency, Decimal},
    period::Period,
    reconcile::meter_of,
    series::Dimension,
};
use jiff::Timestamp;

use super::{
    columns::Columns,
    conformance::{RowCheck, null},
    own::{OwnColumns, read_tags},
};
use crate::{
    bills::{blank, model_of_meter, reset, service_tier},
    csv_rows::Values,
    finding::{FindingStatus, Findings},
    instant::Instants,
    read::Options,
    sanitize::{credential_id, set_text},
    sink::bad_value,
    tags::{SkuDetails, TagReader, sku_details},
};

/// Columns that become dimensions, best first for each.
const LABELS: [(Dimension, &[&str]); 13] = [
    (
        Dimension::Provider,
        &["ServiceProviderName", "ProviderName", "PublisherName", "InvoiceIssuerName"],
    ),
    (Dimension::ServiceCategory, &["ServiceCategory"]),
    (Dimension::Service, &["ServiceName"]),
    (Dimension::Model, &["x_ModelId"]),
    (Dimension::ServiceTier, &["x_ServiceTier"]),
    (Dimension::Region, &["RegionId", "RegionName"]),
    (Dimension::BillingAccount, &["BillingAccountId"]),
    (Dimension::SubAccount, &["SubAccountId"]),
    // Who called, where it is not said with what.
    (Dimension::ApiKey, &["CredentialId", "PrincipalId"]),
    (Dimension::ChargeCategory, &["ChargeCategory"]),
    (Dimension::CommitmentDiscount, &["CommitmentDiscountId"]),
    (Dimension::CommitmentDiscountStatus, &["CommitmentDiscountStatus"]),
    (Dimension::Currency, &["BillingCurrency"]),
];

/// Reads rows into one charge that is re-used.
pub(super) struct RowReader {
    columns: Columns,
    labels: Vec<(Dimension, Vec<usize>)>,
    tags: TagReader,
    check: RowCheck,
    charge: Charge,
    account: String,
    period: Option<Timestamp>,
}

impl RowReader {
    pub(super) fn new(columns: Columns, options: &Options) -> Self {
        let labels = LABELS.into_iter().map(|(dimension, names)| {
            (dimension, names.iter().filter_map(|name| columns.find(name)).collect::<Vec<_>>())
        });
        Self {
            labels: labels.filter(|(_, columns)| !columns.is_empty()).collect(),
            tags: TagReader::new(&options.tags),
            check: RowCheck::new(&columns),
            columns,
            charge: blank(),
            account: String::new(),
            period: None,
        }
    }

    /// Reads a row; `own` are the columns of an export of ours.
    ///
    /// # Errors
    ///
    /// The reason, naming column and value.
    pub(super) fn read(
        &mut self,
        values: Values<'_>,
        own: Option<&OwnColumns>,
        row: u64,
        findings: &mut Findings,
    ) -> Result<&Charge, String> {
        let Self { columns, labels, tags, check, charge, account, period } = self;
        reset(charge);
        let row_of = Row { columns, values };
        let currency: Currency =
            row_of.required("BillingCurrency")?.parse().map_err(|error| format!("{error}"))?;
        let category = row_of.required("ChargeCategory")?;
        charge.charge_category = category.parse().map_err(|error| format!("{error}"))?;
        charge.charge_period = row_of.period()?;
        let (billed, effective) = row_of.costs(row, findings)?;
        charge.currency = currency;
        charge.billed_cost = billed;
        charge.effective_cost = effective;
        charge.list_cost = row_of.amount("ListCost")?;
        charge.contracted_cost = row_of.amount("ContractedCost")?;
        charge.consumed_quantity = row_of.amount("ConsumedQuantity")?;
        charge.pricing_quantity = row_of.amount("PricingQuantity")?;
        charge.commitment_discount_quantity = row_of.amount("CommitmentDiscountQuantity")?;
        // Another value is a finding of the conformance check.
        charge.commitment_discount_status =
            row_of.get("CommitmentDiscountStatus").and_then(|status| status.parse().ok());
        charge.is_correction =
            row_of.get("ChargeClass").is_some_and(|class| class.eq_ignore_ascii_case("Correction"));
        for (slot, names) in [
            (&mut charge.charge_id, &["x_ChargeId", "x_LineItemId"][..]),
            (&mut charge.consumed_unit, &["ConsumedUnit"]),
            (&mut charge.pricing_unit, &["PricingUnit"]),
            (&mut charge.resource_id, &["ResourceId"]),
            (&mut charge.sku, &["SkuMeter", "SkuId"]),
            (&mut charge.charge_description, &["ChargeDescription"]),
            (&mut charge.commitment_discount_id, &["CommitmentDiscountId"]),
            (&mut charge.commitment_discount_unit, &["CommitmentDiscountUnit"]),
            (&mut charge.invoice_id, &["InvoiceId"]),
        ] {
            set_text(slot, names.iter().find_map(|name| row_of.get(name)).unwrap_or_default());
        }
        for (dimension, candidates) in labels.iter() {
            let value = candidates.iter().find_map(|&index| null(values.get(index)));
            match (dimension, value) {
                (_, None) => {}
                (Dimension::ApiKey, Some(value)) => {
                    charge.labels.set(Dimension::ApiKey, &credential_id(value));
                }
                (dimension, Some(value)) => charge.labels.set(dimension.clone(), value),
            }
        }
        // Spelled as the specification does, so that one category is one series.
        charge.labels.set(Dimension::ChargeCategory, charge.charge_category.name());
        charge.labels.set(Dimension::Currency, currency.as_str());
        if let Some(status) = charge.commitment_discount_status {
            let name = match status {
                CommitmentDiscountStatus::Used => "Used",
                CommitmentDiscountStatus::Unused => "Unused",
            };
            charge.labels.set(Dimension::CommitmentDiscountStatus, name);
        }
        read_sku(&row_of, charge);
        if let Some(text) = row_of.get("Tags")
            && !match own {
                Some(_) => read_tags(text, &mut charge.labels),
                None => tags.read(text, &mut charge.labels),
            }
        {
            let message = "is not a JSON object; its tags are not read";
            findings.row("Tags", FindingStatus::Nonconforming, message, row);
        }
        if let Some(own) = own {
            own.read(values, charge)?;
        }
        account.clear();
        account.push_str(row_of.get("BillingAccountId").unwrap_or_default());
        *period = row_of
            .get("BillingPeriodStart")
            .and_then(|start| Instants::ABSOLUTE.parse(start).ok())
            .map(|instant| instant.at);
        check.note(values, row, findings);
        Ok(charge)
    }

    /// The billing period of the row read last: its account, and its first instant.
    pub(super) fn billing_period(&self) -> Option<(&str, Timestamp)> {
        self.period.map(|start| (self.account.as_str(), start))
    }
}

/// Model, tier and token class, from the details of the SKU, else from the words of its meter.
fn read_sku(row: &Row<'_>, charge: &mut Charge) {
    let details = ["SkuPriceDetails", "x_SkuDetails"]
        .iter()
        .find_map(|name| row.get(name).map(sku_details))
        .unwrap_or_default();
    let SkuDetails { model, token, tier } = details;
    if let (None, Some(model)) = (charge.labels.get(&Dimension::Model), model) {
        charge.labels.set(Dimension::Model, &model);
    }
    if let (None, Some(tier)) = (charge.labels.get(&Dimension::ServiceTier), tier) {
        charge.labels.set(Dimension::ServiceTier, &tier);
    }
    // Elsewhere "input" and "output" are words like others.
    let unit = row.get("ConsumedUnit").or_else(|| row.get("PricingUnit")).unwrap_or_default();
    let category = charge.labels.get(&Dimension::ServiceCategory).unwrap_or_default();
    let is_model = charge.labels.get(&Dimension::Model).is_some()
        || category.eq_ignore_ascii_case("AI and Machine Learning")
        || unit.to_ascii_lowercase().contains("token");
    if is_model {
        let meter = row.get("SkuMeter").unwrap_or_default();
        // The meter may say more than the direction: a modality, a lifetime.
        let named = meter_of(&format!("{meter} {token}"));
        let described =
            || row.get("ChargeDescription").filter(|_| meter.is_empty()).and_then(meter_of);
        charge.meter = named.or_else(described);
        if charge.meter.is_some() && charge.labels.get(&Dimension::Model).is_none() {
            let named = model_of_meter(meter);
            charge.labels.set(Dimension::Model, named.as_deref().unwrap_or_default());
        }
        if let (None, Some(tier)) =
            (charge.labels.get(&Dimension::ServiceTier), service_tier(meter))
        {
            charge.labels.set(Dimension::ServiceTier, tier);
        }
    }
}

/// The values of one row by column name.
#[derive(Clone, Copy)]
struct Row<'a> {
    columns: &'a Columns,
    values: Values<'a>,
}

impl<'a> Row<'a> {
    /// A value that is not null.
    fn get(&self, name: &str) -> Option<&'a str> {
        null(self.values.get(self.columns.find(name)?))
    }

    fn required(&self, name: &str) -> Result<&'a str, String> {
        self.get(name).ok_or_else(|| format!("`{name}` is null"))
    }

    /// An amount, digit for digit.
    fn amount(&self, name: &str) -> Result<Option<Decimal>, String> {
        let Some(value) = self.get(name) else { return Ok(None) };
        value.parse().map(Some).map_err(|error| format!("`{name}` {error}"))
    }

    /// Billed and effective cost. A file may lack the column of one: the other stands in, said
    /// loudly; a null in a column that exists is a row in error.
    fn costs(&self, row: u64, findings: &mut Findings) -> Result<(Decimal, Decimal), String> {
        let cost = |name| -> Result<Option<Decimal>, String> {
            if self.columns.find(name).is_none() {
                return Ok(None);
            }
            self.amount(name)?.map(Some).ok_or_else(|| format!("`{name}` is null"))
        };
        match (cost("BilledCost")?, cost("EffectiveCost")?) {
            (Some(billed), Some(effective)) => Ok((billed, effective)),
            (Some(billed), None) => {
                let message = "is missing: BilledCost stands in for it";
                findings.row("EffectiveCost", FindingStatus::Assumed, message, row);
                Ok((billed, billed))
            }
            (None, Some(effective)) => {
                let message = "is missing: EffectiveCost stands in for it";
                findings.row("BilledCost", FindingStatus::Assumed, message, row);
                Ok((effective, effective))
            }
            (None, None) => Err("neither BilledCost nor EffectiveCost".to_owned()),
        }
    }

    fn period(&self) -> Result<Period, String> {
        let instant = |name| {
            let value = self.required(name)?;
            Instants::ABSOLUTE
                .parse(value)
                .map(|instant| instant.at)
                .map_err(|problem| bad_value(name, value, problem))
        };
        let (start, end) = (instant("ChargePeriodStart")?, instant("ChargePeriodEnd")?);
        Period::new(start, end).map_err(|error| format!("charge {error}"))
    }
}
