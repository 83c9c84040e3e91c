//! Pages of the cost report: what is billed, by day.
//!
//! Amounts are decimal texts in the lowest unit of the currency: `"123.45"` is 1.2345 dollars.
//! Priority Tier is billed outside this report.

use centinel_engine::{
    focus::ChargeCategory,
    money::{Currency, Decimal},
    pricing::Meter,
    series::Dimension,
};

use super::{GROUPS, PROVIDER, set_groups};
use crate::{
    finding::{FindingStatus, Findings},
    pages::{self, Follow},
    records::{Output, PageIds, Piece, Record, Records, natural_id, reported_charge},
    sanitize::set_text,
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
        let Record { fields, row, bucket, findings, out, .. } = record;
        let bucket = bucket.ok_or("a result outside a bucket has no time")?;
        let currency = match fields.get("currency") {
            Some(code) => {
                code.to_ascii_uppercase().parse().map_err(|error| format!("`currency` {error}"))?
            }
            None => {
                findings.row("currency", FindingStatus::Assumed, "is not told: taken as USD", row);
                Currency::USD
            }
        };
        let lowest = fields.decimal(&["amount"])?.ok_or("no `amount`")?;
        let amount = in_currency(lowest, currency)?;
        let mut charge = reported_charge(bucket, amount, currency, PROVIDER);
        let get = |name| fields.get(name).unwrap_or_default();
        let (kind, token, text) = (get("cost_type"), get("token_type"), get("description"));
        let (start, end) = (bucket.start.to_string(), bucket.end.to_string());
        let mut parts = vec![start.as_str(), end.as_str(), kind, token, text, currency.as_str()];
        parts.extend(GROUPS.map(get));
        charge.charge_id = Some(self.ids.unique(natural_id("cost", &parts)));
        set_groups(&mut charge.labels, fields);
        charge.labels.set(Dimension::ServiceCategory, "AI and Machine Learning");
        charge.meter = meter(kind, token);
        if charge.meter.is_none() && !token.is_empty() {
            let message = "is a token type that is not known: the charge has no token class";
            findings.row("token_type", FindingStatus::Ignored, message, row);
        }
        if amount.is_negative() && kind.is_empty() {
            charge.charge_category = ChargeCategory::Credit;
            charge.labels.set(Dimension::ChargeCategory, ChargeCategory::Credit.name());
        }
        set_text(&mut charge.sku, if token.is_empty() { kind } else { token });
        set_text(&mut charge.charge_description, text);
        fields.note_unread("", row, findings);
        out.push(Output::Charge(charge));
        Ok(())
    }

    fn finish(&mut self, findings: &mut Findings, _: &mut Vec<(crate::sink::Position, Output)>) {
        self.follow.finish(findings);
    }
}

/// An amount in the currency, from one in its lowest unit. Only dollars are documented; the others
/// that have cents are read alike.
fn in_currency(lowest: Decimal, currency: Currency) -> Result<Decimal, String> {
    if matches!(currency.as_str(), "JPY" | "KRW" | "CLP" | "VND" | "KWD" | "BHD" | "TND") {
        return Err(format!("`currency` `{}` has no cents", currency.as_str()));
    }
    Decimal::new(lowest.mantissa(), lowest.scale().saturating_add(2))
        .map_err(|error| format!("`amount` {error}"))
}

fn meter(kind: &str, token: &str) -> Option<Meter> {
    Some(match (kind, token) {
        (_, "uncached_input_tokens") => Meter::Input,
        (_, "output_tokens") => Meter::Output,
        (_, "cache_read_input_tokens") => Meter::CacheRead,
        (_, "cache_creation.ephemeral_5m_input_tokens") => Meter::CacheWrite5m,
        (_, "cache_creation.ephemeral_1h_input_tokens") => Meter::CacheWrite1h,
        ("web_search", _) => Meter::WebSearch,
        ("code_execution", _) => Meter::CodeSession,
        _ => return None,
    })
}
