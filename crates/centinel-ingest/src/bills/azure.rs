//! Azure cost exports, actual and amortised, in the columns of Enterprise Agreements, of Microsoft
//! Customer Agreements, and of the older usage details (`PreTaxCost`).
//!
//! The two kinds of export hold the same charges. An actual one has what reservations and savings
//! plans cost when they are bought, and covered usage at zero; an amortised one has covered and unused
//! hours at their share of the price, and no purchase. Rows say which they are:
//!
//! | row | category | billed | effective |
//! |---|---|---|---|
//! | usage on demand | Usage | cost | cost |
//! | usage of a reservation or savings plan | Usage, Used | 0 | cost |
//! | `UnusedReservation`, `UnusedSavingsPlan` | Usage, Unused | 0 | cost |
//! | `Purchase` | Purchase | cost | cost |
//! | `Refund` | Adjustment, a correction | cost | cost |
//! | `RoundingAdjustment`, anything else | Adjustment | cost | cost |
//! | `Tax` | Tax | cost | cost |
//!
//! So either file alone has right totals: the actual one of what is billed, the amortised one of what
//! was used. Both in one source would count twice, which the import refuses.
//!
//! # Source
//!
//! Microsoft Learn, "Understand cost details fields" and "Understand usage details fields";
//! microsoft/finops-toolkit, EA exports of actual and amortised cost.

use centinel_engine::{
    focus::{Charge, ChargeCategory, CommitmentDiscountStatus},
    money::{Currency, Decimal},
    period::Period,
    pricing::Meter,
    reconcile::meter_of,
    series::Dimension,
};
use jiff::{Timestamp, ToSpan as _, civil::Date};

use super::{BillReader, blank, charge::label, missing, month_of, parse_unit, reset, service_tier};
use crate::{
    csv_rows::Values,
    finding::{FindingStatus, Findings},
    instant::Instants,
    read::{Options, ReadError},
    sanitize::set_text,
    sink::bad_value,
    table::{Column, Header},
    tags::TagReader,
};

/// Whether a header is that of an export.
pub(super) fn is_header(header: &Header) -> bool {
    header.has("MeterCategory") || header.has("CostInBillingCurrency")
}

pub(super) struct Reader {
    date: Column,
    cost: Column,
    currency: Column,
    // Of files without a currency column.
    currency_default: Currency,
    charge_type: Column,
    pricing_model: Column,
    commitment_id: [Column; 2],
    quantity: Column,
    unit: Column,
    pay_as_you_go_cost: Column,
    pay_as_you_go_price: Column,
    unit_price: Column,
    pricing_currency: Column,
    meter_name: Column,
    meter_category: Column,
    meter_sub_category: Column,
    service_family: Column,
    region: Column,
    billing_account: Column,
    subscription: Column,
    resource_id: Column,
    product: Column,
    invoice_id: Column,
    period_start: Column,
    cost_center: Column,
    tags: Column,
    owners: TagReader,
    charge: Charge,
    period: Option<Timestamp>,
    account: String,
}

impl Reader {
    pub(super) fn new(header: &Header, options: &Options) -> Result<Self, ReadError> {
        let column = |names: &[&str]| header.column(names);
        let reader = Self {
            date: column(&["Date", "UsageDate", "UsageDateTime"]),
            cost: column(&["CostInBillingCurrency", "Cost", "PreTaxCost", "ExtendedCost"]),
            currency: column(&["BillingCurrency", "BillingCurrencyCode", "Currency"]),
            currency_default: options.currency,
            charge_type: column(&["ChargeType"]),
            pricing_model: column(&["PricingModel"]),
            commitment_id: [column(&["BenefitId"]), column(&["ReservationId"])],
            quantity: column(&["Quantity", "UsageQuantity", "ConsumedQuantity"]),
            unit: column(&["UnitOfMeasure"]),
            pay_as_you_go_cost: column(&["PaygCostInBillingCurrency"]),
            pay_as_you_go_price: column(&["PayGPrice"]),
            unit_price: column(&["UnitPrice"]),
            pricing_currency: column(&["PricingCurrency", "PricingCurrencyCode"]),
            meter_name: column(&["MeterName", "Meter"]),
            meter_category: column(&["MeterCategory"]),
            meter_sub_category: column(&["MeterSubCategory"]),
            service_family: column(&["ServiceFamily"]),
            region: column(&["ResourceLocation", "ResourceLocationNormalized", "MeterRegion"]),
            billing_account: column(&["BillingAccountId", "BillingProfileId"]),
            subscription: column(&["SubscriptionId", "SubscriptionGuid"]),
            resource_id: column(&["ResourceId", "InstanceId", "InstanceName"]),
            product: column(&["ProductName", "Product"]),
            invoice_id: column(&["InvoiceId"]),
            period_start: column(&["BillingPeriodStartDate", "BillingPeriodStart"]),
            cost_center: column(&["CostCenter"]),
            tags: column(&["Tags"]),
            owners: TagReader::new(&options.tags),
            charge: blank(),
            period: None,
            account: String::new(),
        };
        let absent: Vec<&str> = [&reader.date, &reader.cost]
            .into_iter()
            .filter(|column| !column.exists())
            .map(Column::name)
            .collect();
        if absent.is_empty() {
            Ok(reader)
        } else {
            Err(missing(header, "an Azure cost export", &absent))
        }
    }

    fn costs(
        &mut self,
        values: Values<'_>,
        row: u64,
        findings: &mut Findings,
    ) -> Result<(), String> {
        let cost =
            self.cost.amount(values)?.ok_or_else(|| format!("`{}` is null", self.cost.name()))?;
        let charge_type = self.charge_type.get(values).unwrap_or("Usage");
        let model = self.pricing_model.get(values).unwrap_or_default();
        let commitment = self.commitment_id.iter().find_map(|column| column.get(values));
        let is_committed = ["Reservation", "SavingsPlan", "Savings Plan"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(model))
            || (model.is_empty() && commitment.is_some());
        let charge = &mut self.charge;
        if is_committed {
            set_text(&mut charge.commitment_discount_id, commitment.unwrap_or_default());
        }
        let (category, status, billed) = match charge_type.to_ascii_lowercase().as_str() {
            "usage" if is_committed => {
                (ChargeCategory::Usage, Some(CommitmentDiscountStatus::Used), Decimal::ZERO)
            }
            "unusedreservation" | "unusedsavingsplan" => {
                (ChargeCategory::Usage, Some(CommitmentDiscountStatus::Unused), Decimal::ZERO)
            }
            "usage" => (ChargeCategory::Usage, None, cost),
            "purchase" => {
                if is_committed {
                    let message = "a purchase of a commitment counts when it is billed: the export \
                                   is of actual costs, not amortised";
                    super::assumed(findings, self.charge_type.name(), message, row);
                }
                (ChargeCategory::Purchase, None, cost)
            }
            "tax" => (ChargeCategory::Tax, None, cost),
            "refund" => {
                charge.is_correction = true;
                (ChargeCategory::Adjustment, None, cost)
            }
            _ => (ChargeCategory::Adjustment, None, cost),
        };
        charge.charge_category = category;
        charge.commitment_discount_status = status;
        charge.billed_cost = billed;
        charge.effective_cost = cost;
        Ok(())
    }

    fn quantities(&mut self, values: Values<'_>) -> Result<(), String> {
        let quantity = self.quantity.amount(values)?;
        let charge = &mut self.charge;
        charge.pricing_quantity = quantity;
        let unit = self.unit.get(values).unwrap_or_default();
        set_text(&mut charge.pricing_unit, unit);
        if let (Some(quantity), Some((factor, name))) = (quantity, parse_unit(unit))
            && let Ok(consumed) = quantity.checked_mul_integer(factor)
        {
            charge.consumed_quantity = Some(consumed);
            let name = if name.is_empty() && charge.meter.is_some_and(Meter::is_token) {
                "Tokens"
            } else {
                name
            };
            set_text(&mut charge.consumed_unit, name);
        }
        // Prices stand in the pricing currency.
        let is_same_currency = self
            .pricing_currency
            .get(values)
            .is_none_or(|currency| currency.eq_ignore_ascii_case(charge.currency.as_str()));
        let times = |column: &Column| -> Result<Option<Decimal>, String> {
            let price = column.amount(values)?.filter(|price| !price.is_zero() && is_same_currency);
            Ok(price.zip(quantity).and_then(|(price, quantity)| price.checked_mul(quantity).ok()))
        };
        charge.list_cost = match self.pay_as_you_go_cost.amount(values)? {
            Some(cost) => Some(cost),
            None => times(&self.pay_as_you_go_price)?,
        };
        charge.contracted_cost = times(&self.unit_price)?;
        Ok(())
    }

    fn labels(&mut self, values: Values<'_>) {
        let charge = &mut self.charge;
        let family = self.service_family.get(values).unwrap_or_default();
        let category = self.meter_category.get(values).unwrap_or_default();
        let meter = self.meter_name.get(values).unwrap_or_default();
        let is_model = is_model_service(category)
            || is_model_service(self.meter_sub_category.get(values).unwrap_or_default());
        let labels = &mut charge.labels;
        labels.set(Dimension::Provider, "Microsoft");
        labels.set(Dimension::Service, category);
        let service_category =
            if is_model { "AI and Machine Learning" } else { service_category(family) };
        labels.set(Dimension::ServiceCategory, service_category);
        for (dimension, column) in [
            (Dimension::Region, &self.region),
            (Dimension::BillingAccount, &self.billing_account),
            (Dimension::SubAccount, &self.subscription),
        ] {
            labels.set(dimension, column.get(values).unwrap_or_default());
        }
        if is_model {
            charge.meter = meter_of(meter);
            if let Some(tier) = service_tier(meter) {
                labels.set(Dimension::ServiceTier, tier);
            }
            if let Some(model) = model_of(meter).filter(|_| charge.meter.is_some()) {
                labels.set(Dimension::Model, &model);
            }
        }
        set_text(&mut charge.sku, meter);
    }
}

impl BillReader for Reader {
    fn read(
        &mut self,
        values: Values<'_>,
        row: u64,
        findings: &mut Findings,
    ) -> Result<&Charge, String> {
        reset(&mut self.charge);
        self.charge.currency = match self.currency.get(values) {
            Some(code) => {
                code.parse().map_err(|error| format!("`{}` {error}", self.currency.name()))?
            }
            None => self.currency_default,
        };
        let date = date(&self.date, values)?;
        let tomorrow = date.checked_add(1.day()).map_err(|_| "the date has no next day")?;
        self.charge.charge_period =
            Period::days(date, tomorrow).map_err(|error| format!("charge {error}"))?;
        self.costs(values, row, findings)?;
        self.labels(values);
        self.quantities(values)?;
        let charge = &mut self.charge;
        for (slot, column) in [
            (&mut charge.resource_id, &self.resource_id),
            (&mut charge.charge_description, &self.product),
            (&mut charge.invoice_id, &self.invoice_id),
        ] {
            set_text(slot, column.get(values).unwrap_or_default());
        }
        if let Some(text) = self.tags.get(values)
            && !self.owners.read(text, &mut charge.labels)
        {
            let message = "is not a JSON object; its tags are not read";
            findings.row(self.tags.name(), FindingStatus::Nonconforming, message, row);
        }
        if let Some(center) = self.cost_center.get(values) {
            self.owners.begin();
            self.owners.set(self.cost_center.name(), center, &mut charge.labels);
        }
        label(charge);
        let start = charge.charge_period.start;
        self.period = match self.period_start.get(values) {
            Some(_) => Some(start_of(self::date(&self.period_start, values)?)?),
            None => month_of(start),
        };
        self.account.clear();
        for column in [&self.billing_account, &self.subscription] {
            self.account.push_str(column.get(values).unwrap_or_default());
            self.account.push('/');
        }
        Ok(&self.charge)
    }

    fn billing_period(&self) -> Option<(&str, Timestamp)> {
        self.period.map(|start| (self.account.as_str(), start))
    }
}

/// A date: `11/03/2026` is 3 November in every export, whatever the locale; or ISO 8601.
fn date(column: &Column, values: Values<'_>) -> Result<Date, String> {
    let value = column.required(values)?;
    let bad = |problem: &str| bad_value(column.name(), value, problem);
    if let [month, day, year] = value.split('/').collect::<Vec<_>>().as_slice() {
        let year =
            year.get(..4).filter(|_| year.len() == 4 || year.as_bytes().get(4) == Some(&b' '));
        let parts = (year.map(str::parse), month.parse(), day.parse());
        let (Some(Ok(year)), Ok(month), Ok(day)) = parts else {
            return Err(bad("is not a date, as in `11/30/2026`"));
        };
        let date =
            Date::new(year, month, day).map_err(|_| bad("is not a date, as in `11/30/2026`"))?;
        return if (2000..2100).contains(&date.year()) {
            Ok(date)
        } else {
            Err(bad("is outside the years 2000 to 2099"))
        };
    }
    let instant = Instants::ABSOLUTE.parse(value).map_err(bad)?;
    Ok(instant.at.to_zoned(jiff::tz::TimeZone::UTC).date())
}

fn start_of(date: Date) -> Result<Timestamp, String> {
    jiff::tz::Offset::UTC.to_timestamp(date.into()).map_err(|error| error.to_string())
}

fn is_model_service(category: &str) -> bool {
    let category = category.to_ascii_lowercase();
    ["cognitive services", "azure openai", "foundry models", "azure ai", "foundry"]
        .iter()
        .any(|known| category.contains(known))
}

/// The model that a meter starts with: `gpt-4o 0806` of `gpt-4o 0806 cchd Inp glbl Tokens`.
pub(super) fn model_of(meter: &str) -> Option<String> {
    const BILLED: [&str; 19] = [
        "inp", "input", "outp", "output", "opt", "cchd", "cached", "cache", "cd", "batch",
        "tokens", "glbl", "global", "regnl", "dzone", "data", "prty", "ptu", "aud",
    ];
    let separator = if meter.contains(' ') { ' ' } else { '-' };
    let words: Vec<&str> = meter
        .split(separator)
        .take_while(|word| {
            // `gpt-4o-Inp`: a model's own name has hyphens where the meter's words have spaces.
            !BILLED.contains(&word.to_ascii_lowercase().as_str())
        })
        .collect();
    let model = words.join(&separator.to_string());
    (!model.is_empty() && model.len() < meter.len()).then_some(model)
}

/// The FOCUS category of a service family.
fn service_category(family: &str) -> &'static str {
    match family.to_ascii_lowercase().as_str() {
        "ai + machine learning" => "AI and Machine Learning",
        "analytics" => "Analytics",
        "compute" | "containers" => "Compute",
        "databases" => "Databases",
        "developer tools" => "Developer Tools",
        "integration" => "Integration",
        "internet of things" => "Internet of Things",
        "management and governance" => "Management and Governance",
        "networking" => "Networking",
        "security" => "Security",
        "storage" => "Storage",
        "web" => "Web",
        "" => "",
        _ => "Other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models() {
        for (meter, expected) in [
            ("gpt-4o 0806 cchd Inp glbl Tokens", Some("gpt-4o 0806")),
            ("gpt-4o-0806-Inp-glbl", Some("gpt-4o-0806")),
            ("gpt 4.1 mini Outp Data Zone Tokens", Some("gpt 4.1 mini")),
            ("Inp Tokens", None),
        ] {
            assert_eq!(model_of(meter).as_deref(), expected, "{meter}");
        }
    }
}
