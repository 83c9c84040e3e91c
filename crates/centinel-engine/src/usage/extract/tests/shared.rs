//! The usage data of genai-prices, where it is at hand: every body under every flavor, extracted and
//! priced, against what the data expects. `evals/usages.py` does the same with the binary, and says
//! why they differ where they do.

use std::{collections::BTreeMap, fs, path::Path};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::*;
use crate::{
    money::Decimal,
    pricing::{PriceQuery, Pricer, genai_prices},
    usage::UsageClass,
};

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow)]
    body: &'a RawValue,
    extracted: Vec<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    extractors: Vec<Asked>,
}

#[derive(Deserialize)]
struct Asked {
    provider_id: String,
    api_flavor: String,
    input_price: Option<String>,
    output_price: Option<String>,
}

/// Why an expectation does not hold, as far as the body itself shows it.
fn reason(provider: &str, body: &str, extraction: Option<&Extraction<'_>>) -> Option<&'static str> {
    let extraction = extraction?;
    let tier = extraction.service_tier.as_deref().unwrap_or_default();
    let used = |class| extraction.usage.get(class) > 0;
    if body.contains(r#""type": "compaction""#) {
        Some("compaction rounds are billed")
    } else if tier.starts_with("ON_DEMAND_") {
        Some("not the standard tier")
    } else if provider == "azure" && used(UsageClass::CacheWrite30mTokens) {
        Some("Azure bills cache writes")
    } else if used(UsageClass::WebSearchRequests) {
        Some("the book has no price for the searches")
    } else {
        None
    }
}

#[test]
fn every_expected_price_is_exact_or_has_a_reason() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/genai_prices");
    let Ok(usages) = fs::read_to_string(folder.join("usages_dev.json")) else { return };
    let prices = fs::read_to_string(folder.join("v2_data_2026-08-21.json")).unwrap();
    let book = genai_prices::read(&prices, "genai-prices").unwrap().book.holding_for_all_time();
    let mut pricer = Pricer::new(&book);
    let records: Vec<Record<'_>> = serde_json::from_str(&usages).unwrap();
    let (mut bodies, mut priced, mut exact) = (0, 0, 0);
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for record in &records {
        let body = record.body.get();
        for expected in &record.extracted {
            for flavor in &expected.extractors {
                let Asked { provider_id: provider, api_flavor, input_price, output_price } = flavor;
                let mut extractor =
                    Extractor::new(provider, Some(api_flavor), Some("not-stated")).unwrap();
                let found = extractor.extract(body).ok();
                bodies += 1;
                let Some(input_price) = input_price else { continue };
                priced += 1;
                let sides = found.as_ref().and_then(|found| {
                    let query = PriceQuery {
                        provider,
                        model: &found.model,
                        service_tier: found.service_tier.as_deref(),
                        region: found.region.as_deref(),
                        at: None,
                    };
                    let lines = pricer.price(&query).ok()?.lines(&found.usage).ok()?;
                    let mut sides = [Decimal::ZERO; 2];
                    for line in lines {
                        let name = line.meter.name();
                        let side = match name {
                            _ if name.starts_with("input") || name.starts_with("cache_") => 0,
                            _ if name.starts_with("output") => 1,
                            "reasoning" | "citation" => 1,
                            _ => continue,
                        };
                        sides[side] = sides[side].checked_add(line.amount).unwrap();
                    }
                    Some(sides)
                });
                let price = |text: &str| text.parse::<Decimal>().unwrap();
                let output_price = output_price.as_deref().unwrap_or("0");
                if sides == Some([price(input_price), price(output_price)]) {
                    exact += 1;
                } else if sides.is_none() && input_price == "0" && output_price == "0" {
                    *reasons
                        .entry("the data lists no price, and takes none for zero")
                        .or_default() += 1;
                } else if let Some(reason) = reason(provider, body, found.as_ref()) {
                    *reasons.entry(reason).or_default() += 1;
                } else {
                    wrong.push(format!(
                        "{provider}/{api_flavor}: {input_price} + {output_price}, found {sides:?} of \
                         {:?}: {body}",
                        found.map(|found| found.usage),
                    ));
                }
            }
        }
    }
    println!("{bodies} extractions, {exact} of {priced} prices exact, {reasons:?}");
    assert!(bodies > 9_000 && priced > 1_500);
    assert!(wrong.is_empty(), "{} wrong: {:#?}", wrong.len(), &wrong[..wrong.len().min(30)]);
}
