//! Spend of a period: by dimension, by time, with what it does not know.

use std::{collections::BTreeMap, time::Duration};

use centinel_engine::{
    attribution::Ownership,
    facts::{Bundle, BundleBuilder},
    money::{Currency, Decimal, Money, Pico},
    period::{Grain, Period},
    series::{Dimension, SeriesKey},
    usage::UsageClass,
};
use centinel_ledger::{Condition, Measure, ScanLevel, ScanReport, SpendQuery, SpendRow};
use jiff::Timestamp;
use serde::{Serialize, Serializer, ser::SerializeMap as _};

use crate::{App, AppError};

/// What spend can be put together by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpendGroup {
    /// A dimension's value.
    Dimension(Dimension),
    /// Who is accountable, by the ownership policy.
    Owner,
    /// AI tokens, cloud, Kubernetes or SaaS.
    Kind,
}

impl std::fmt::Display for SpendGroup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dimension(dimension) => write!(f, "{dimension}"),
            Self::Owner => f.pad("owner"),
            Self::Kind => f.pad("kind"),
        }
    }
}

impl std::str::FromStr for SpendGroup {
    type Err = centinel_engine::series::DimensionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "owner" => Ok(Self::Owner),
            "kind" => Ok(Self::Kind),
            other => other.parse().map(Self::Dimension),
        }
    }
}

/// A question about spend.
#[derive(Debug, Clone)]
pub struct SpendRequest {
    /// When.
    pub period: Period,
    /// What rows are put together by; at most one of owner and kind.
    pub group_by: Vec<SpendGroup>,
    /// Conditions on dimensions.
    pub filter: Vec<Condition>,
    /// How finely time is cut.
    pub grain: Option<Grain>,
    /// How many groups are shown; the rest is one line, so that the sum is the total.
    pub top: Option<usize>,
    /// Only what the ledger knew at that instant.
    pub as_of: Option<Timestamp>,
    /// From cells, or from raw rows.
    pub scan: ScanLevel,
}

/// Sums of one line.
///
/// On the wire the amounts are `null` where nothing behind them has a price ([`Self::is_unknown`]):
/// what is not known is not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpendSums {
    /// Effective cost of charges and price of calls.
    pub cost: Pico,
    /// Billed cost of charges and price of calls.
    pub billed_cost: Pico,
    /// List cost of charges that state one, and price of calls.
    pub list_cost: Pico,
    /// Charges.
    pub charges: i128,
    /// Calls.
    pub calls: i128,
    /// Input tokens of calls, cached ones included.
    pub input_tokens: i128,
    /// Input tokens read from a cache.
    pub cache_read_tokens: i128,
    /// Output tokens of calls, reasoning included.
    pub output_tokens: i128,
    /// Calls without a price: they cost something, and it is in no amount above.
    pub unpriced_calls: i128,
}

const MEASURES: [Measure; 9] = [
    Measure::Cost,
    Measure::BilledCost,
    Measure::ListCost,
    Measure::Charges,
    Measure::Calls,
    Measure::Usage(UsageClass::InputTokensTotal),
    Measure::Usage(UsageClass::CacheReadTokens),
    Measure::Usage(UsageClass::OutputTokensTotal),
    Measure::UnpricedCalls,
];

impl SpendSums {
    fn of(row: &SpendRow) -> Self {
        Self {
            cost: row.amount(0),
            billed_cost: row.amount(1),
            list_cost: row.amount(2),
            charges: row.value(3),
            calls: row.value(4),
            input_tokens: row.value(5),
            cache_read_tokens: row.value(6),
            output_tokens: row.value(7),
            unpriced_calls: row.value(8),
        }
    }

    /// There are calls, none of them has a price, and no charge says anything either.
    pub fn is_unknown(&self) -> bool {
        self.charges == 0 && self.calls > 0 && self.unpriced_calls == self.calls
    }

    /// Share of the input tokens that were read from a cache, at four decimals; `None` without input.
    pub fn cached_ratio(&self) -> Option<Decimal> {
        ratio(self.cache_read_tokens, self.input_tokens)
    }

    /// Adds another line.
    pub fn add(&mut self, other: &Self) {
        self.cost.0 = self.cost.0.saturating_add(other.cost.0);
        self.billed_cost.0 = self.billed_cost.0.saturating_add(other.billed_cost.0);
        self.list_cost.0 = self.list_cost.0.saturating_add(other.list_cost.0);
        self.charges += other.charges;
        self.calls += other.calls;
        self.input_tokens += other.input_tokens;
        self.cache_read_tokens += other.cache_read_tokens;
        self.output_tokens += other.output_tokens;
        self.unpriced_calls += other.unpriced_calls;
    }
}

impl Serialize for SpendSums {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let known = |amount: Pico| (!self.is_unknown()).then_some(amount);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("cost", &known(self.cost))?;
        map.serialize_entry("billed_cost", &known(self.billed_cost))?;
        map.serialize_entry("list_cost", &known(self.list_cost))?;
        map.serialize_entry("charges", &self.charges)?;
        map.serialize_entry("calls", &self.calls)?;
        map.serialize_entry("input_tokens", &self.input_tokens)?;
        map.serialize_entry("cache_read_tokens", &self.cache_read_tokens)?;
        map.serialize_entry("output_tokens", &self.output_tokens)?;
        map.serialize_entry("unpriced_calls", &self.unpriced_calls)?;
        map.end()
    }
}

/// One line of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SpendLine {
    /// Value by dimension; `null` where a row has none.
    pub group: BTreeMap<String, Option<String>>,
    /// Start of the slice of time, where time is cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Of the amounts.
    pub currency: Currency,
    /// The sums.
    #[serde(flatten)]
    pub sums: SpendSums,
}

/// An answer about spend.
#[derive(Debug, Clone, Serialize)]
pub struct SpendAnswer {
    /// The period answered.
    pub period: Period,
    /// Currency of `total`.
    pub currency: Currency,
    /// Sum over all lines of that currency, the ones not shown included.
    pub total: SpendSums,
    /// Sums in other currencies; never added to `total`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub other_currencies: BTreeMap<String, SpendSums>,
    /// Largest cost first; by time where time is cut.
    pub rows: Vec<SpendLine>,
    /// What is not shown, so that rows and other are the total.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<SpendLine>,
    /// Groups behind `other`.
    pub other_groups: usize,
    /// Share of the total whose owner is known, 0 to 1; `None` when nothing was spent.
    pub owned_ratio: Option<Decimal>,
    /// Latest instant of the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_until: Option<Timestamp>,
    /// Whose part of the whole every amount is of; absent where it is the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limited_to: Option<String>,
    /// Address of the facts behind the answer.
    pub evidence: String,
    /// How it was computed.
    #[serde(skip)]
    pub scan: ScanReport,
    /// How long that took.
    #[serde(skip)]
    pub elapsed: Duration,
    /// The facts.
    #[serde(skip)]
    pub bundle: Bundle,
}

impl App {
    /// Answers a question about spend.
    ///
    /// # Errors
    ///
    /// [`AppError`] when the ledger cannot answer.
    pub async fn spend(
        &self,
        request: &SpendRequest,
        now: Timestamp,
    ) -> Result<SpendAnswer, AppError> {
        self.settled().await?.spend_of(request, now).await
    }

    async fn spend_of(
        &self,
        request: &SpendRequest,
        now: Timestamp,
    ) -> Result<SpendAnswer, AppError> {
        let mut query = SpendQuery::new(request.period, MEASURES.to_vec());
        query.grain = request.grain;
        query.as_of = request.as_of;
        query.scan = request.scan;
        query.filter.clone_from(&request.filter);
        for group in &request.group_by {
            query = match group {
                SpendGroup::Dimension(dimension) => query.by([dimension.clone()]),
                SpendGroup::Owner => {
                    let app = self.clone();
                    query.by_class(move |key| app.owner_of(key).owner().map(str::to_owned))
                }
                SpendGroup::Kind => query.by_class(|key| Some(kind_of(key).to_owned())),
            };
        }
        let started = std::time::Instant::now();
        let table = self.ledger.spend(&query).await?;
        let elapsed = started.elapsed();

        let home_currency = self.config.organisation.currency;
        let mut totals: BTreeMap<Currency, SpendSums> = BTreeMap::new();
        let mut lines = Vec::new();
        for row in &table.rows {
            let currency = row.currency.as_deref().and_then(|code| code.parse().ok());
            let currency = currency.unwrap_or(home_currency);
            let sums = SpendSums::of(row);
            totals.entry(currency).or_default().add(&sums);
            let names = request.group_by.iter().map(ToString::to_string);
            let group = names.zip(row.group.iter().cloned()).collect();
            lines.push(SpendLine { group, at: row.at, currency, sums });
        }
        // The organisation's own currency, or else the only one there is.
        let currency = match totals.len() {
            1 => totals.keys().next().copied().unwrap_or(home_currency),
            _ => home_currency,
        };
        let total = totals.remove(&currency).unwrap_or_default();
        let (rows, other, other_groups) = shorten(lines, request, currency);
        let owned_ratio = self.owned_ratio(request, currency).await?;
        let data_until = self.ledger.span().await?.map(|(_, last)| last);
        let limited_to = self.limited_to().map(str::to_owned);
        let bundle =
            spend_bundle(request, currency, &total, &rows, other.as_ref(), limited_to.as_deref());
        let evidence = self.keep_evidence(&bundle, now).await?;
        Ok(SpendAnswer {
            period: request.period,
            currency,
            total,
            other_currencies: totals.into_iter().map(|(c, sums)| (c.to_string(), sums)).collect(),
            rows,
            other,
            other_groups,
            owned_ratio,
            data_until,
            limited_to,
            evidence,
            scan: table.scan,
            elapsed,
            bundle,
        })
    }

    /// Share of cost whose owner is known, under the conditions of a question.
    async fn owned_ratio(
        &self,
        request: &SpendRequest,
        currency: Currency,
    ) -> Result<Option<Decimal>, AppError> {
        let app = self.clone();
        let mut query = SpendQuery::new(request.period, vec![Measure::Cost]).by_class(move |key| {
            Some(
                if app.owner_of(key) == Ownership::Unknown { "unknown" } else { "known" }
                    .to_owned(),
            )
        });
        query.filter.clone_from(&request.filter);
        query.as_of = request.as_of;
        let table = self.ledger.spend(&query).await?;
        let (mut known, mut all) = (0_i128, 0_i128);
        for row in table
            .rows
            .iter()
            .filter(|row| row.currency.as_deref().is_none_or(|code| code == currency.as_str()))
        {
            // Credits are negative and may have no owner: shares are of what was spent.
            let cost = row.value(0).max(0);
            all = all.saturating_add(cost);
            if row.group.first().and_then(Option::as_deref) == Some("known") {
                known = known.saturating_add(cost);
            }
        }
        Ok(ratio(known, all))
    }
}

/// `part / whole` at four decimals; `None` when the whole is zero.
pub(crate) fn ratio(part: i128, whole: i128) -> Option<Decimal> {
    let scaled = part.checked_mul(10_000)?.checked_div(whole)?;
    Decimal::new(scaled, 4).ok()
}

/// Which part of the bill a series belongs to.
pub(crate) fn kind_of(key: &SeriesKey) -> &'static str {
    let has = |dimension: &Dimension, words: &[&str]| {
        key.get(dimension).is_some_and(|value| {
            let value = value.to_ascii_lowercase();
            words.iter().any(|word| value.contains(word))
        })
    };
    if key.get(&Dimension::Model).is_some()
        || has(&Dimension::ServiceCategory, &["ai and machine learning"])
    {
        "AI tokens"
    } else if has(&Dimension::Service, &["kubernetes"])
        || has(&Dimension::Provider, &["kubernetes"])
    {
        "Kubernetes"
    } else if has(
        &Dimension::Provider,
        &["aws", "amazon", "microsoft", "azure", "google", "oracle"],
    ) {
        "cloud"
    } else {
        "SaaS"
    }
}

/// The largest groups first, the rest in one line; slices of time stay in order.
fn shorten(
    mut lines: Vec<SpendLine>,
    request: &SpendRequest,
    currency: Currency,
) -> (Vec<SpendLine>, Option<SpendLine>, usize) {
    let mut by_group: BTreeMap<&BTreeMap<String, Option<String>>, i128> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.currency == currency) {
        *by_group.entry(&line.group).or_default() += line.sums.cost.0;
    }
    let mut ranked: Vec<_> = by_group
        .into_iter()
        .map(|(group, cost)| (std::cmp::Reverse(cost), group.clone()))
        .collect();
    ranked.sort();
    let rank: BTreeMap<_, usize> =
        ranked.into_iter().enumerate().map(|(rank, (_, group))| (group, rank)).collect();
    let of = |line: &SpendLine| rank.get(&line.group).copied().unwrap_or(usize::MAX);
    lines.sort_by_cached_key(|line| (line.at, line.currency != currency, of(line)));
    let Some(top) = request.top.filter(|&top| top < rank.len()) else { return (lines, None, 0) };
    let (shown, hidden): (Vec<_>, Vec<_>) =
        lines.into_iter().partition(|line| of(line) < top || line.currency != currency);
    let mut sums = SpendSums::default();
    for line in &hidden {
        sums.add(&line.sums);
    }
    let group = request.group_by.iter().map(|group| (group.to_string(), Some("other".to_owned())));
    let other = SpendLine { group: group.collect(), at: None, currency, sums };
    (shown, Some(other), rank.len() - top)
}

fn spend_bundle(
    request: &SpendRequest,
    currency: Currency,
    total: &SpendSums,
    rows: &[SpendLine],
    other: Option<&SpendLine>,
    limited_to: Option<&str>,
) -> Bundle {
    let money = |amount| Money { amount, currency };
    let mut builder = BundleBuilder::new("spend", request.as_of);
    builder.about(BTreeMap::new(), Some(request.period));
    let total_id = builder.money("total", money(total.cost));
    builder.required();
    builder.count("calls", total.calls, "calls");
    builder.count("input_tokens", total.input_tokens, "tokens");
    builder.count("output_tokens", total.output_tokens, "tokens");
    if let Some(reader) = limited_to {
        builder.caveat(&format!("Amounts are of what {reader} may see."));
    }
    if total.unpriced_calls > 0 {
        builder.count("unpriced_calls", total.unpriced_calls, "calls");
        builder.required();
        builder.caveat("Calls without a price are in no amount; they are counted apart.");
    }
    for line in rows.iter().filter(|line| line.currency == currency).chain(other).take(200) {
        let dims = line
            .group
            .iter()
            .map(|(name, value)| {
                (name.clone(), value.clone().unwrap_or_else(|| "(none)".to_owned()))
            })
            .chain(line.at.map(|at| ("at".to_owned(), at.to_string())))
            .collect();
        builder.about(dims, Some(request.period));
        if line.sums.is_unknown() {
            builder.count("unpriced_calls", line.sums.calls, "calls");
            continue;
        }
        let cost = builder.money("cost", money(line.sums.cost));
        if let Some(share) = ratio(line.sums.cost.0, total.cost.0)
            .and_then(|share| share.checked_mul_integer(100).ok())
        {
            builder.percent("share", share);
            builder.derived("share", &[&cost, &total_id]);
        }
    }
    builder.build()
}
