//! Lines of Amazon Bedrock: model, token class, tier and cross-region inference from the usage type.
//!
//! # Source
//!
//! Amazon Bedrock user guide, "Understanding your Amazon Bedrock Cost and Usage Report data": one
//! line a token type; tier and cross-region inference stand in the usage type.

use centinel_engine::{focus::Charge, pricing::Meter, reconcile::meter_of, series::Dimension};

use super::columns::{Columns, region_of};
use crate::{
    bills::{parse_unit, service_tier},
    csv_rows::Values,
    sanitize::set_text,
    tags,
};

/// Words that say what of a model is billed; the model's name ends before the first of them.
const BILLED: [&str; 22] = [
    "input",
    "output",
    "cache",
    "inputtokencount",
    "outputtokencount",
    "cachereadinputtokencount",
    "cachewriteinputtokencount",
    "mantle",
    "provisionedthroughput",
    "provthroughput",
    "batch",
    "flex",
    "priority",
    "cross",
    "tokens",
    "text",
    "image",
    "audio",
    "video",
    "search",
    "request",
    "customization",
];

/// Sets what a usage type of Bedrock says; other services are left alone.
pub(super) fn read(columns: &Columns, values: Values<'_>, charge: &mut Charge) {
    let usage_type = columns.usage_type.get(values).unwrap_or_default();
    let code = columns.product_code.get(values).unwrap_or_default();
    let service = charge.labels.get(&Dimension::Service).unwrap_or_default().to_owned();
    let names = [code, service.as_str()];
    let is_bedrock = names.iter().any(|name| name.to_ascii_lowercase().contains("bedrock"));
    if !is_bedrock {
        return;
    }
    charge.labels.set(Dimension::ServiceCategory, "AI and Machine Learning");
    charge.meter = meter_of(usage_type);
    if let Some(tier) = service_tier(usage_type) {
        charge.labels.set(Dimension::ServiceTier, tier);
    }
    if let Some(reach) = cross_region(usage_type) {
        charge.labels.set(Dimension::Tag("cross-region".into()), reach);
    }
    read_tokens(charge);
    let stated = columns
        .product_model
        .get(values)
        .map(str::to_owned)
        .or_else(|| tags::model(columns.product.get(values)?));
    let model = stated.or_else(|| model_of(usage_type)).or_else(|| {
        // Models sold through the marketplace are named by their product: `Claude Sonnet 4.6
        // (Amazon Bedrock Edition)`.
        let (model, _) = service.split_once(" (Amazon Bedrock")?;
        Some(model.to_owned())
    });
    if let Some(model) = model {
        charge.labels.set(Dimension::Model, &model);
    }
}

/// Counts in tokens what is billed by the thousand or million of them.
fn read_tokens(charge: &mut Charge) {
    if !charge.meter.is_some_and(Meter::is_token) {
        return;
    }
    let unit = charge.pricing_unit.as_deref().unwrap_or_default();
    let description = charge.charge_description.as_deref().unwrap_or_default().to_ascii_lowercase();
    let factor = match parse_unit(unit) {
        Some((factor, name)) if name.to_ascii_lowercase().contains("token") => factor,
        // The marketplace bills units, and says in words what they are.
        _ if unit.eq_ignore_ascii_case("units") && description.contains("million") => 1_000_000,
        _ if unit.eq_ignore_ascii_case("units") && description.contains("thousand") => 1_000,
        _ if unit.eq_ignore_ascii_case("tokens") => 1,
        _ => return,
    };
    if let Some(tokens) =
        charge.pricing_quantity.and_then(|quantity| quantity.checked_mul_integer(factor).ok())
    {
        charge.consumed_quantity = Some(tokens);
        set_text(&mut charge.consumed_unit, "Tokens");
    }
}

/// How far an inference was routed: `global`, or `geo` within a geography.
fn cross_region(usage_type: &str) -> Option<&'static str> {
    let text = usage_type.to_ascii_lowercase();
    if !text.contains("cross-region") && !text.contains("crossregion") && !text.contains("-cris") {
        return text.contains("_global").then_some("global");
    }
    Some(if text.contains("global") { "global" } else { "geo" })
}

/// The model in a usage type such as `USE1-Claude4.6Sonnet-input-tokens`.
pub(super) fn model_of(usage_type: &str) -> Option<String> {
    let rest = match region_of(usage_type) {
        Some(_) => usage_type.split_once(['-', '_'])?.1,
        None => usage_type,
    };
    let mut model = Vec::new();
    for part in rest.split('-') {
        let word = part.to_ascii_lowercase();
        if BILLED.contains(&word.as_str()) {
            break;
        }
        model.push(part);
    }
    let is_cut = model.len() < rest.split('-').count();
    // `MP:USE1_InputTokenCount-Units` names no model.
    (is_cut && !model.is_empty() && !rest.contains("TokenCount-Units")).then(|| model.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_and_reach() {
        for (usage_type, model, reach) in [
            ("USE1-Claude4.6Sonnet-input-tokens", Some("Claude4.6Sonnet"), None),
            (
                "USE1-Claude4.6Sonnet-input-tokens-cross-region-global",
                Some("Claude4.6Sonnet"),
                Some("global"),
            ),
            ("USW2-Nova-Lite-cache-read-input-token-count", Some("Nova-Lite"), None),
            ("EUC1-gpt-oss-120b-mantle-output-tokens-batch", Some("gpt-oss-120b"), None),
            ("EUC1-Nova2Pro-output-tokens-crossRegion-geo", Some("Nova2Pro"), Some("geo")),
            ("MP:USE1_InputTokenCount-Units", None, None),
            ("MP:USE1_InputTokenCount_Global-Units", None, Some("global")),
            ("USE1-Guardrail-ContentPolicyUnitsConsumed", None, None),
        ] {
            assert_eq!(model_of(usage_type).as_deref(), model, "{usage_type}");
            assert_eq!(cross_region(usage_type), reach, "{usage_type}");
        }
    }
}
