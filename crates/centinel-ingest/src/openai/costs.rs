//! Pages of OpenAI's costs API: what is billed, by day and line item.
//!
//! The amount is a JSON number in dollars; its digits are kept as they are written.
//!
//! # Source
//!
//! openai/openai-openapi, `openapi.json`, commit f85dbe22: `CostsResult`. The words of `line_item`
//! (`gpt-4o-2024-08-06, cached input`) are those of the billing page; the description leaves them
//! open, so what is not understood stays text.

use centinel_engine::{
    focus::ChargeCategory,
    money::Decimal,
    pricing::{Meter, ServiceTier},
    reconcile::{meter_of, tier_of},
    series::Dimension,
};

use super::PROVIDER;
use crate::{
    finding::{FindingStatus, Findings},
    pages::{self, Follow},
    records::{Output, PageIds, Piece, Record, Records, natural_id, reported_charge},
    sanitize::{credential_id, set_text},
};

/// Reads cost pages.
#[derive(Default)]
pub(crate) struct Costs {
    follow: Follow,
    ids: PageIds,
}

impl Records for Costs {
    fn split<'d>(&mut self, document: &'d str, _: &mut Findings) -> Result<Vec<Piece<'d>>, String> {
        self.ids.clear();
        pages::split(document, &mut self.follow)
    }

    fn read(&mut self, record: Record<'_>) -> Result<(), String> {
        let Record { fields, row, bucket, options, findings, out, .. } = record;
        fields.get("object");
        let bucket = bucket.ok_or("a result outside a bucket has no time")?;
        let amount = fields.decimal(&["amount.value"])?.ok_or("no `amount.value`")?;
        let currency = match fields.get("amount.currency") {
            Some(code) => code
                .to_ascii_uppercase()
                .parse()
                .map_err(|error| format!("`amount.currency` {error}"))?,
            None => {
                let message = "is not told: taken as the currency of the import";
                findings.row("amount.currency", FindingStatus::Assumed, message, row);
                options.currency
            }
        };
        let mut charge = reported_charge(bucket, amount, currency, PROVIDER);
        let item = fields.get("line_item").unwrap_or_default();
        let project = fields.get("project_id").unwrap_or_default();
        let key = credential_id(fields.get("api_key_id").unwrap_or_default());
        let (start, end) = (bucket.start.to_string(), bucket.end.to_string());
        let id = natural_id("cost", &[&start, &end, item, project, &key, currency.as_str()]);
        charge.charge_id = Some(self.ids.unique(id));
        let labels = &mut charge.labels;
        labels.set(Dimension::ServiceCategory, "AI and Machine Learning");
        labels.set(Dimension::SubAccount, project);
        labels.set(Dimension::ApiKey, &key);
        let line = LineItem::parse(item);
        labels.set(Dimension::Model, line.model);
        labels.set(Dimension::ServiceTier, line.tier);
        charge.meter = line.meter;
        if line.is_credit || (amount.is_negative() && item.is_empty()) {
            charge.charge_category = ChargeCategory::Credit;
            labels.set(Dimension::ChargeCategory, ChargeCategory::Credit.name());
        }
        set_text(&mut charge.sku, item);
        set_text(&mut charge.charge_description, item);
        if let Some(quantity) = fields.decimal(&["quantity"])? {
            let (quantity, unit) = in_units(quantity, fields.get("quantity_unit"))?;
            charge.consumed_quantity = Some(quantity);
            set_text(&mut charge.consumed_unit, unit);
        }
        fields.note_unread("", row, findings);
        out.push(Output::Charge(charge));
        Ok(())
    }

    fn finish(&mut self, findings: &mut Findings, _: &mut Vec<(crate::sink::Position, Output)>) {
        self.follow.finish(findings);
    }
}

/// A quantity in the unit that calls are counted in.
fn in_units(quantity: Decimal, unit: Option<&str>) -> Result<(Decimal, &str), String> {
    Ok(match unit {
        Some("tokens") => (quantity, "Tokens"),
        Some("1000_tokens") => {
            let tokens = quantity.checked_mul(Decimal::from_integer(1000));
            (tokens.map_err(|error| format!("`quantity` {error}"))?, "Tokens")
        }
        Some("images") => (quantity, "Images"),
        Some("characters") => (quantity, "Characters"),
        Some("duration_seconds") => (quantity, "Seconds"),
        Some("duration_minutes") => (quantity, "Minutes"),
        Some("duration_hours") => (quantity, "Hours"),
        Some(other) => (quantity, other),
        None => (quantity, ""),
    })
}

/// What a line item names.
#[derive(Debug, PartialEq, Eq, Default)]
struct LineItem<'a> {
    model: &'a str,
    tier: &'static str,
    meter: Option<Meter>,
    is_credit: bool,
}

impl<'a> LineItem<'a> {
    fn parse(item: &'a str) -> Self {
        let (model, words) = match item.split_once(',') {
            Some((model, words)) => (model.trim(), words.to_ascii_lowercase()),
            // A model by itself has no spaces, a product has.
            None if !item.contains([' ', '|']) => (item, String::new()),
            None => ("", item.to_ascii_lowercase()),
        };
        let has = |word: &str| words.contains(word);
        Self {
            model,
            tier: tier_of(&words).map(ServiceTier::name).unwrap_or_default(),
            // A model by itself says nothing of a class, whatever words its name holds; what is stored
            // for file searches is no search.
            meter: meter_of(&words).filter(|_| !words.is_empty() && !has("storage")),
            is_credit: has("credit") || has("grant"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_items() {
        for (item, model, tier, meter) in [
            ("gpt-4o-2024-08-06, input", "gpt-4o-2024-08-06", "", Some(Meter::Input)),
            ("gpt-4o-2024-08-06, cached input", "gpt-4o-2024-08-06", "", Some(Meter::CacheRead)),
            ("gpt-5.6-terra, cache write", "gpt-5.6-terra", "", Some(Meter::CacheWrite5m)),
            ("gpt-5.1, output (batch)", "gpt-5.1", "batch", Some(Meter::Output)),
            ("gpt-realtime, audio input", "gpt-realtime", "", Some(Meter::InputAudio)),
            ("gpt-realtime, cached audio input", "gpt-realtime", "", Some(Meter::CacheReadAudio)),
            ("gpt-image-1, image output", "gpt-image-1", "", Some(Meter::OutputImage)),
            ("text-embedding-3-small", "text-embedding-3-small", "", None),
            ("web search tool calls", "", "", Some(Meter::WebSearch)),
            ("file search | storage", "", "", None),
            ("", "", "", None),
        ] {
            let expected = LineItem { model, tier, meter, is_credit: false };
            assert_eq!(LineItem::parse(item), expected, "{item}");
        }
    }

    #[test]
    fn quantities_are_in_tokens() {
        let quantity = |text: &str, unit| {
            let (quantity, unit) = in_units(text.parse().unwrap(), unit).unwrap();
            format!("{quantity} {unit}")
        };
        assert_eq!(quantity("12.5", Some("1000_tokens")), "12500 Tokens");
        assert_eq!(quantity("7", Some("gibibyte_hours")), "7 gibibyte_hours");
    }
}
