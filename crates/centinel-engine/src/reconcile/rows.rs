//! What is compared: priced calls on one side, rows of an invoice on the other.

use jiff::Timestamp;

use super::{
    ReconcileError,
    meter_name::{meter_of_model, tier_of},
};
use crate::{
    focus::{Charge, ChargeCategory, CommitmentDiscountStatus},
    money::{Currency, Decimal},
    period::Period,
    pricing::{CostLine, Meter, ServiceTier},
    series::Dimension,
    usage::{CallStatus, Usage},
};

/// A call as the ledger priced it, or several calls of one hour added up.
#[derive(Debug, Clone)]
pub struct LedgerCall {
    /// When it was made.
    pub at: Timestamp,
    /// Any known spelling of the provider.
    pub provider: String,
    /// As the provider spells it.
    pub model: String,
    /// As the response reports it; `None` is standard.
    pub service_tier: Option<String>,
    /// Where it was served; `None` is not known.
    pub region: Option<String>,
    /// Project, workspace or subscription.
    pub project: Option<String>,
    /// API key, by its id.
    pub api_key: Option<String>,
    /// How many calls the row stands for.
    pub calls: u64,
    /// Inclusive token counts.
    pub usage: Usage,
    /// How it ended.
    pub status: CallStatus,
    /// Whether it repeats an earlier, failed call.
    pub is_retry: bool,
    /// Currency of the cost.
    pub currency: Currency,
    /// What it costs, as the ledger has it.
    pub cost: LedgerCost,
    /// Whether the price is a contracted one, where its identity says so.
    pub is_contracted: Option<bool>,
}

/// How finely the ledger knows a cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerCost {
    /// By token class; the lines add to the cost.
    Lines(Vec<CostLine>),
    /// As one sum.
    Total(Decimal),
    /// Not at all: the model has no price. Not zero.
    Unpriced,
}

/// Which amount of a bill's row counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CostBasis {
    /// `BilledCost`: what the invoice asks for.
    #[default]
    Billed,
    /// `EffectiveCost`: amortised.
    Effective,
}

/// A row of an invoice, as far as it matters here.
#[derive(Debug, Clone)]
pub struct InvoiceRow {
    /// When it was used; several days when the invoice is coarser than a day.
    pub period: Period,
    /// Who sells, in the spelling of [`crate::pricing::provider_id`].
    pub provider: String,
    /// The model, where the row names one.
    pub model: Option<String>,
    /// The token class, where the row names one.
    pub meter: Option<Meter>,
    /// The service tier, where the row names one.
    pub service_tier: Option<ServiceTier>,
    /// Where it was served.
    pub region: Option<String>,
    /// Project, workspace or subscription.
    pub project: Option<String>,
    /// API key, by its id.
    pub api_key: Option<String>,
    /// How much, in units of the meter (tokens, requests, milliseconds).
    pub quantity: Option<Decimal>,
    /// What is asked for.
    pub amount: Decimal,
    /// The same at list price.
    pub list: Option<Decimal>,
    /// The same at the contracted price.
    pub contracted: Option<Decimal>,
    /// Of all amounts.
    pub currency: Currency,
    /// Usage, tax, credit, ….
    pub category: ChargeCategory,
    /// Whether a prepaid commitment covers the row.
    pub is_covered: bool,
    /// Whether the row is about the use of a model at all.
    pub is_model_usage: bool,
}

impl InvoiceRow {
    /// The row that a charge is.
    ///
    /// The token class is the charge's own, or what its SKU and description name
    /// ([`super::meter_of`]); the quantity is the consumed one, else the priced one, in units of
    /// the class.
    ///
    /// # Errors
    ///
    /// [`ReconcileError::Overflow`] when a quantity does not fit.
    pub fn of_charge(charge: &Charge, basis: CostBasis) -> Result<Self, ReconcileError> {
        let label = |dimension| charge.labels.get(&dimension).map(str::to_owned);
        let texts = [charge.sku.as_deref(), charge.charge_description.as_deref()];
        let own_model = label(Dimension::Model);
        let named = own_model.clone().unwrap_or_default();
        let of_text = || texts.iter().flatten().find_map(|text| meter_of_model(text, &named));
        let is_usage = charge.charge_category == ChargeCategory::Usage;
        let service = label(Dimension::Service).unwrap_or_default();
        let is_ai = label(Dimension::ServiceCategory)
            .is_some_and(|category| category.eq_ignore_ascii_case("AI and Machine Learning"));
        let provider = seller(&label(Dimension::Provider).unwrap_or_default(), &service);
        // The words of SKUs of other services are not those of token classes.
        let is_model_seller = matches!(
            provider.as_str(),
            "openai" | "anthropic" | "bedrock" | "azure" | "vertex_ai" | "gemini" | "mistral"
        );
        let may_name = is_usage && (is_ai || own_model.is_some() || is_model_seller);
        let meter = charge.meter.or_else(|| if may_name { of_text() } else { None });
        let line_model = texts.iter().flatten().find_map(|text| Some(text.rsplit_once(", ")?.0));
        let model = own_model.or_else(|| {
            line_model.filter(|_| may_name && meter.is_some()).map(|name| name.trim().to_owned())
        });
        let tier = label(Dimension::ServiceTier).and_then(|tier| tier.parse().ok());
        let tier = tier.or_else(|| texts.iter().flatten().find_map(|text| tier_of(text)));
        let is_covered = charge.commitment_discount_status == Some(CommitmentDiscountStatus::Used);
        Ok(Self {
            period: charge.charge_period,
            provider,
            meter,
            service_tier: tier.filter(|_| is_usage),
            region: label(Dimension::Region).map(|region| region.to_ascii_lowercase()),
            project: label(Dimension::SubAccount),
            api_key: label(Dimension::ApiKey),
            quantity: quantity(charge, meter)?,
            amount: match basis {
                CostBasis::Billed => charge.billed_cost,
                CostBasis::Effective => charge.effective_cost,
            },
            list: charge.list_cost,
            contracted: charge.contracted_cost,
            currency: charge.currency,
            category: charge.charge_category,
            is_covered,
            is_model_usage: is_usage && (is_ai || meter.is_some() || model.is_some()),
            model,
        })
    }
}

/// The provider whose calls a bill's row is about: a cloud's name says less than its service.
pub(super) fn seller(provider: &str, service: &str) -> String {
    let provider = crate::pricing::provider_id(provider);
    let service = service.to_ascii_lowercase();
    let has = |word: &str| service.contains(word);
    let is = |names: &[&str]| names.contains(&provider.as_str());
    match () {
        () if has("bedrock") || is(&["amazon web services", "amazon", "bedrock"]) => "bedrock",
        () if is(&["microsoft", "microsoft azure", "azure openai"]) || has("azure openai") => {
            "azure"
        }
        () if is(&["google cloud", "google cloud platform", "gcp"]) && has("gemini api") => {
            "gemini"
        }
        () if is(&["google cloud", "google cloud platform", "gcp", "vertex ai"]) => "vertex_ai",
        () if is(&["mistral ai"]) => "mistral",
        () => return provider,
    }
    .to_owned()
}

/// The quantity of a row in units of its class; `None` where the row does not say, or says it in a
/// unit that is not the class's.
fn quantity(charge: &Charge, meter: Option<Meter>) -> Result<Option<Decimal>, ReconcileError> {
    let consumed = (charge.consumed_quantity, charge.consumed_unit.as_deref());
    let priced = (charge.pricing_quantity, charge.pricing_unit.as_deref());
    for (quantity, unit) in [consumed, priced] {
        if let (Some(quantity), Some(factor)) = (quantity, unit.and_then(|u| factor(u, meter))) {
            return Ok(Some(quantity.checked_mul_integer(factor)?));
        }
    }
    Ok(None)
}

/// How many units of the class one unit of the bill is: `1000000 Tokens`, `1K tokens`, `Requests`.
fn factor(unit: &str, meter: Option<Meter>) -> Option<i128> {
    let unit = unit.trim().to_ascii_lowercase();
    let digits: String = unit.chars().take_while(char::is_ascii_digit).collect();
    let rest = unit.get(digits.len()..).unwrap_or_default();
    let rest = rest.trim_start_matches(['_', ' ', '-', ',']);
    let mut factor: i128 = if digits.is_empty() { 1 } else { digits.parse().ok()? };
    let mut words = rest.split([' ', '_', '-', '/']).filter(|word| !word.is_empty()).peekable();
    match words.peek().copied() {
        Some("k" | "thousand") => {
            factor = factor.checked_mul(1_000)?;
            words.next();
        }
        Some("m" | "million" | "mm") => {
            factor = factor.checked_mul(1_000_000)?;
            words.next();
        }
        _ => {}
    }
    let name = words.last().unwrap_or_default();
    let is_token = name.starts_with("token") || name == "tok";
    match meter {
        Some(meter) if meter.is_token() => (is_token || name.is_empty()).then_some(factor),
        Some(Meter::InputMediaMillisecond | Meter::MediaMillisecond) => match name {
            "second" | "seconds" | "s" => factor.checked_mul(1_000),
            "minute" | "minutes" => factor.checked_mul(60_000),
            "hour" | "hours" => factor.checked_mul(3_600_000),
            "milliseconds" | "ms" => Some(factor),
            _ => None,
        },
        Some(_) => (!is_token).then_some(factor),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_bills() {
        for (unit, meter, expected) in [
            ("Tokens", Meter::Input, Some(1)),
            ("1000000 Tokens", Meter::Input, Some(1_000_000)),
            ("1M Tokens", Meter::Output, Some(1_000_000)),
            ("1K tokens", Meter::Output, Some(1_000)),
            ("1000_tokens", Meter::Output, Some(1_000)),
            ("Requests", Meter::WebSearch, Some(1)),
            ("Tokens", Meter::WebSearch, None),
            ("Hours", Meter::Input, None),
            ("Seconds", Meter::MediaMillisecond, Some(1_000)),
        ] {
            assert_eq!(factor(unit, Some(meter)), expected, "{unit}");
        }
    }

    #[test]
    fn sellers() {
        for (provider, service, expected) in [
            ("AWS", "Amazon Bedrock", "bedrock"),
            ("Amazon Web Services", "Claude (Amazon Bedrock Edition)", "bedrock"),
            ("Microsoft", "Azure OpenAI Service", "azure"),
            ("Google Cloud", "Vertex AI", "vertex_ai"),
            ("OpenAI", "Model inference", "openai"),
            ("Acme", "", "acme"),
        ] {
            assert_eq!(seller(provider, service), expected, "{provider}");
        }
    }
}
