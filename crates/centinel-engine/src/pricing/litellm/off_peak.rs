//! `off_peak_pricing`: other rates in some hours of the week.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Fields, add_rates};
use crate::pricing::{Hours, ServiceTier, book::cut, listed::ListedPrice, rates::RateTable};

/// Hours of every day, or with weekdays in a list of `windows`; the rest are rates.
#[derive(Deserialize)]
struct Block<'t> {
    hours_utc: Option<Windows>,
    #[serde(borrow, default)]
    windows: Vec<Rule<'t>>,
    weekday_timezone: Option<String>,
}

#[derive(Deserialize)]
struct Rule<'t> {
    hours_utc: Windows,
    #[serde(borrow)]
    weekdays: Option<Vec<&'t RawValue>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Windows {
    One(String),
    Several(Vec<String>),
}

impl Windows {
    fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(window) => std::slice::from_ref(window),
            Self::Several(windows) => windows,
        }
        .iter()
        .map(String::as_str)
    }
}

/// Adds the price of the off-peak hours beside the one of all hours. Off-peak rates replace the
/// others, whatever the length of the request; what has no off-peak rate keeps its own.
///
/// # Source
///
/// LiteLLM 1.109.1, `litellm_core_utils/llm_cost_calc/utils.py`: `_is_off_peak`,
/// `apply_off_peak_pricing`.
pub(super) fn add(prices: &mut Vec<ListedPrice>, fields: &Fields<'_>) -> Result<(), String> {
    let Some(value) = fields.get("off_peak_pricing").filter(|value| value.get() != "null") else {
        return Ok(());
    };
    let wrong = |error: serde_json::Error| format!("`off_peak_pricing`: {error}");
    let block: Block<'_> = serde_json::from_str(value.get()).map_err(wrong)?;
    let rates: Fields<'_> = serde_json::from_str(value.get()).map_err(wrong)?;
    let mut hours = Hours::never();
    for window in block.hours_utc.iter().flat_map(Windows::iter) {
        hours.add(window, Hours::EVERY_DAY, 0)?;
    }
    let offset = calendar_offset(block.weekday_timezone.as_deref())?;
    for rule in &block.windows {
        let weekdays = weekdays(rule.weekdays.as_deref())?;
        for window in rule.hours_utc.iter() {
            hours.add(window, weekdays, offset)?;
        }
    }
    if hours.is_empty() {
        return Err("`off_peak_pricing` names no hours".to_owned());
    }
    let Some(listed) = prices.first() else {
        return Ok(());
    };
    let mut off_peak = RateTable::default();
    add_rates(&mut off_peak, &rates, 0, false)?;
    let mut listed = listed.clone();
    for above in listed.rates.bands() {
        for ((tier, _, meter), stated) in off_peak.iter() {
            if tier == ServiceTier::Standard {
                listed.rates.set(tier, above, meter, stated.unit_price);
            }
        }
    }
    listed.hours = Some(Arc::new(hours));
    prices.push(listed);
    Ok(())
}

/// Calendars without daylight saving time that the map may name, in minutes ahead of UTC: the
/// engine reads no time zone files. Another one is refused, not taken for UTC.
fn calendar_offset(zone: Option<&str>) -> Result<i32, String> {
    match zone.map(str::trim) {
        None | Some("" | "UTC" | "Etc/UTC" | "GMT") => Ok(0),
        Some("Asia/Shanghai" | "Asia/Hong_Kong" | "Asia/Singapore" | "Asia/Taipei") => Ok(480),
        Some("Asia/Tokyo" | "Asia/Seoul") => Ok(540),
        Some("Asia/Kolkata") => Ok(330),
        Some(zone) => Err(format!("`weekday_timezone` is `{}`, which is not known", cut(zone))),
    }
}

/// Numbers from Monday as 1, or English names; every day where there are none.
fn weekdays(days: Option<&[&RawValue]>) -> Result<[bool; 7], String> {
    const NAMES: [&str; 7] =
        ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let Some(days) = days else {
        return Ok(Hours::EVERY_DAY);
    };
    let mut weekdays = [false; 7];
    for day in days {
        let text = day.get().trim_matches('"').trim().to_ascii_lowercase();
        let number = text.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let named = NAMES.iter().position(|name| text.len() >= 3 && name.starts_with(&text));
        let slot = number.or(named).and_then(|index| weekdays.get_mut(index));
        *slot.ok_or_else(|| format!("`{}` is no weekday", cut(&text)))? = true;
    }
    Ok(weekdays)
}

#[cfg(test)]
mod tests {
    use crate::{
        pricing::{PriceQuery, Terms, litellm},
        usage::Usage,
    };

    const MAP: &str = r#"{
        "daily": {"litellm_provider": "acme", "input_cost_per_token": 3e-06,
            "output_cost_per_token": 4e-06, "output_cost_per_token_above_200k_tokens": 8e-06,
            "off_peak_pricing": {"hours_utc": "16:30-00:30", "input_cost_per_token": 1e-06}},
        "weekly": {"litellm_provider": "acme", "input_cost_per_token": 3e-06,
            "off_peak_pricing": {"input_cost_per_token": 1e-06, "weekday_timezone": "Asia/Shanghai",
            "windows": [{"hours_utc": ["00:00-01:00", "10:00-00:00"], "weekdays": [1, "Tue", 3, 4, 5]},
                {"hours_utc": "00:00-00:00", "weekdays": [6, 7]}]}},
        "elsewhere": {"litellm_provider": "acme", "input_cost_per_token": 3e-06,
            "off_peak_pricing": {"hours_utc": "16:30-00:30", "weekday_timezone": "Europe/Berlin"}},
        "no hours": {"litellm_provider": "acme", "input_cost_per_token": 3e-06,
            "off_peak_pricing": {"input_cost_per_token": 1e-06}}
    }"#;

    fn check(model: &str, at: Option<&str>, expected: &str) {
        let book = litellm::read(MAP, "map").unwrap().book.holding_for_all_time();
        let at = at.map(|at| at.parse().unwrap());
        let query = PriceQuery { provider: "acme", model, service_tier: None, region: None, at };
        let usage: Usage = serde_json::from_str(r#"{"input_tokens_total":1000}"#).unwrap();
        let price = book.resolve(&query).unwrap();
        if let Some(at) = at {
            assert!(price.validity().contains(at));
        }
        let cost = price.cost(&usage).unwrap();
        let mark = if cost.is_certain() { "" } else { " uncertain" };
        let range = price.range(&usage, &Terms::ONE_CALL).unwrap();
        let range = range.map_or_else(String::new, |(low, high)| format!(" {low}..{high}"));
        let hours = price.identity().hours.as_deref().unwrap_or("-");
        let found = format!("{}{mark}{range} {hours}", cost.to_decimal().unwrap());
        assert_eq!(found, expected, "{model} at {at:?}");
    }

    #[test]
    fn the_hour_decides() {
        check("daily", Some("2026-11-22T16:29:59Z"), "0.003 -");
        check("daily", Some("2026-11-22T16:30:00Z"), "0.001 16:30-00:30");
        check("daily", Some("2026-11-23T00:29:00Z"), "0.001 16:30-00:30");
        check("daily", None, "0.003 uncertain 0.001..0.003 -");
        // Monday 02:00 UTC is peak; 23:00 UTC on Friday is Saturday in Shanghai.
        check("weekly", Some("2026-11-23T02:00:00Z"), "0.003 -");
        let weekly = "00:00-01:00 Mon Tue Wed Thu Fri, 10:00-00:00 Mon Tue Wed Thu Fri, \
                      00:00-00:00 Sat Sun";
        check("weekly", Some("2026-11-20T23:00:00Z"), &format!("0.001 {weekly}"));
        check("weekly", Some("2026-11-22T12:00:00Z"), &format!("0.001 {weekly}"));
    }

    #[test]
    fn unclear_hours_are_refused() {
        let import = litellm::read(MAP, "map").unwrap();
        let reasons: Vec<_> = import.rejected.iter().map(ToString::to_string).collect();
        assert_eq!(
            reasons,
            [
                "model `elsewhere`: `weekday_timezone` is `Europe/Berlin`, which is not known",
                "model `no hours`: `off_peak_pricing` names no hours",
            ]
        );
    }
}
