//! The fields of the format, as they are written.

use std::{collections::BTreeMap, sync::Arc};

use jiff::civil::Date;
use serde::Deserialize;

use super::Quotas;
use crate::{
    money::Currency,
    pricing::{Hours, Quota, QuotaWindow, Ratio, book::cut, rule::Clause},
};

/// Unit prices by service tier, then meter.
pub(in crate::pricing) type Rates = BTreeMap<String, BTreeMap<String, Ratio>>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BookFile {
    pub(super) format: u32,
    pub(super) name: String,
    pub(super) currency: Currency,
    pub(super) recorded: Date,
    /// What is free up to a count, shared by the prices that name it.
    #[serde(default, rename = "quota")]
    pub(super) quotas: Vec<QuotaFile>,
    #[serde(default, rename = "model")]
    pub(super) models: Vec<ModelFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelFile {
    pub(super) provider: String,
    pub(super) model: String,
    #[serde(default)]
    pub(super) aliases: Vec<String>,
    /// Recognises further names: `{ starts_with = "gpt-5.6-sol-2026" }`.
    #[serde(rename = "match")]
    pub(super) matches: Option<Clause>,
    #[serde(rename = "price")]
    pub(super) prices: Vec<PriceFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PriceFile {
    /// A date or RFC 3339 time in UTC, or `unknown`.
    pub(super) effective_from: String,
    /// Exclusive; without it the price ends where the next one starts.
    pub(super) effective_until: Option<String>,
    pub(super) source: String,
    /// When the price was taken from its source, where not with the rest of the book.
    pub(super) recorded: Option<Date>,
    #[serde(default)]
    pub(super) regions: BTreeMap<String, Ratio>,
    /// Factors on the standard token prices, by tier; what `rates` states goes before them.
    #[serde(default)]
    pub(super) tier_factors: BTreeMap<String, Ratio>,
    /// Windows of the day in UTC in which the price holds.
    pub(super) hours_utc: Option<Windows>,
    /// The days on which those windows count, in UTC; every day without them.
    pub(super) weekdays: Option<Vec<String>>,
    /// The quota that makes some of a class free, by class.
    #[serde(default)]
    pub(super) free: BTreeMap<String, String>,
    pub(super) rates: Rates,
    #[serde(default)]
    pub(super) context: Vec<ContextFile>,
    #[serde(default)]
    pub(super) context_applies: ContextApplies,
}

/// Rates of long requests. Exactly one of the two bounds is given.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::pricing) struct ContextFile {
    /// For requests with more input tokens than this.
    pub(super) above: Option<u64>,
    /// For requests with this many input tokens or more.
    pub(super) from: Option<u64>,
    pub(in crate::pricing) rates: Rates,
}

impl ContextFile {
    /// The bound as "more input tokens than".
    pub(in crate::pricing) fn bound(&self) -> Result<u64, String> {
        match (self.above, self.from) {
            (Some(above), None) if above > 0 => Ok(above),
            (None, Some(from)) if from > 1 => Ok(from.saturating_sub(1)),
            (Some(_), None) | (None, Some(_)) => {
                Err("a context of no tokens is the price itself".to_owned())
            }
            _ => Err("a context has either `above` or `from`".to_owned()),
        }
    }
}

/// What a context's rates are for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ContextApplies {
    /// The whole request, once it is that long.
    #[default]
    Request,
    /// The part of the request beyond the bound.
    Part,
}

/// One window of hours, or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Windows {
    One(String),
    Several(Vec<String>),
}

impl Windows {
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(window) => std::slice::from_ref(window),
            Self::Several(windows) => windows,
        }
        .iter()
        .map(String::as_str)
    }
}

/// So much is free in each window of time.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QuotaFile {
    name: String,
    free: u64,
    per: Per,
    /// When a day starts, in UTC: `08:00` for Pacific Standard Time.
    starts_at: Option<jiff::civil::Time>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Per {
    Day,
    Month,
}

/// Quotas by name.
pub(super) fn quotas(files: Vec<QuotaFile>) -> Result<Quotas, String> {
    let mut quotas = Quotas::new();
    for file in files {
        let starts_at = file.starts_at.unwrap_or_default();
        let minutes = u32::try_from(starts_at.minute()).unwrap_or(0);
        let hours = u32::try_from(starts_at.hour()).unwrap_or(0);
        let quota = Quota {
            name: file.name.clone(),
            free: file.free,
            window: match file.per {
                Per::Day => QuotaWindow::Day,
                Per::Month => QuotaWindow::Month,
            },
            starts_at_minute: hours.saturating_mul(60).saturating_add(minutes),
        };
        if quotas.insert(file.name.clone(), Arc::new(quota)).is_some() {
            return Err(format!("quota `{}` is listed twice", cut(&file.name)));
        }
    }
    Ok(quotas)
}

/// `Mon` to `Sun`; every day where there are none.
pub(super) fn weekdays(days: Option<&[String]>) -> Result<[bool; 7], String> {
    let Some(days) = days else {
        return Ok(Hours::EVERY_DAY);
    };
    let mut weekdays = [false; 7];
    for day in days {
        let names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        let slot = names.iter().position(|name| name == day);
        let slot = slot.and_then(|index| weekdays.get_mut(index));
        *slot.ok_or_else(|| format!("`{}` is no weekday such as `Mon`", cut(day)))? = true;
    }
    Ok(weekdays)
}
