//! Rows as they came: charges of a role, and calls summed by the hour and by how they ended.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
};

use centinel_engine::{
    focus::{Charge, ChargeCategory, CommitmentDiscountStatus},
    money::{Currency, Decimal, Pico},
    period::{HOUR_MICROS, Period},
    series::{Dimension, Labels, SeriesKey},
    usage::{CallStatus, CostClass, Usage, UsageClass},
};
use jiff::Timestamp;

use crate::{
    LedgerError,
    ledger::{Ledger, SegmentKind},
    segment::SegmentReader,
};

/// Calls of one series and hour that ended in the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallSum {
    /// Their labels.
    pub series: SeriesKey,
    /// Start of the hour.
    pub hour: Timestamp,
    /// How they ended.
    pub status: CallStatus,
    /// Whether they repeat earlier ones.
    pub is_retry: bool,
    /// Whether they have a price.
    pub is_priced: bool,
    /// How many.
    pub calls: u64,
    /// What they used.
    pub usage: Usage,
    /// What they cost, as booked; zero for those without a price.
    pub cost: Pico,
    /// The same by class.
    pub by_class: [Pico; CostClass::COUNT],
}

/// Series, hour, status, retry, priced.
type SumKey = (u32, i64, i32, bool, bool);

impl Ledger {
    /// Calls of sources with role `spend`, by series, hour and how they ended; in that order.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    pub async fn call_sums(&self, period: Option<Period>) -> Result<Vec<CallSum>, LedgerError> {
        let (series, paths) = self.of_role("spend", SegmentKind::Calls, period).await?;
        let mut sums: HashMap<SumKey, CallSum> = HashMap::new();
        for path in paths {
            let reader = SegmentReader::open(&path)?;
            for (group, (rows, first, last)) in reader.row_groups().into_iter().enumerate() {
                if is_outside(period, first, last) {
                    continue;
                }
                let columns = CallColumns::read(&reader, group, rows)?;
                for row in 0..rows {
                    columns.add(row, &series, period, &mut sums)?;
                }
            }
        }
        let mut sums: Vec<(SumKey, CallSum)> = sums.into_iter().collect();
        sums.sort_by_key(|(key, _)| *key);
        Ok(sums.into_iter().map(|(_, sum)| sum).collect())
    }

    /// Charges of sources with a role, as they were imported.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    pub async fn charges(
        &self,
        role: &str,
        period: Option<Period>,
    ) -> Result<Vec<Charge>, LedgerError> {
        let (series, paths) = self.of_role(role, SegmentKind::Charges, period).await?;
        let mut charges = Vec::new();
        for path in paths {
            let reader = SegmentReader::open(&path)?;
            for (group, (rows, first, last)) in reader.row_groups().into_iter().enumerate() {
                if !is_outside(period, first, last) {
                    read_charges(&reader, group, rows, &series, period, &mut charges)?;
                }
            }
        }
        Ok(charges)
    }

    /// The series of sources with a role, and the segments that hold rows in a period.
    async fn of_role(
        &self,
        role: &str,
        kind: SegmentKind,
        period: Option<Period>,
    ) -> Result<(BTreeMap<u32, SeriesKey>, Vec<PathBuf>), LedgerError> {
        let roles = self.database().sources().await?;
        if role != "spend" && roles.values().all(|other| other != role) {
            return Ok((BTreeMap::new(), Vec::new()));
        }
        let is_of_role = |key: &SeriesKey| {
            let source = key.get(&Dimension::Source).unwrap_or_default();
            // A source that nobody registered counts in totals.
            roles.get(source).map_or("spend", String::as_str) == role
        };
        let series = self.series().await?;
        let series = series.into_iter().filter(|(_, key)| is_of_role(key)).collect();
        let window = period.map(|period| (period.start_micros(), period.end_micros()));
        let segments = self.database().segments(kind.name(), window, None).await?;
        let paths = segments.iter().map(|segment| self.folder().join(&segment.name)).collect();
        Ok((series, paths))
    }
}

fn is_outside(period: Option<Period>, first: i64, last: i64) -> bool {
    period.is_some_and(|period| last < period.start_micros() || first >= period.end_micros())
}

/// The columns of a row group of calls; absent ones are empty.
struct CallColumns {
    series: Vec<i32>,
    start_at: Vec<i64>,
    usage: Vec<(UsageClass, Vec<i64>)>,
    cost: Vec<i128>,
    by_class: Vec<(CostClass, Vec<i128>)>,
    price: Vec<i32>,
    extra_calls: Vec<i64>,
    status: Vec<i32>,
    is_retry: Vec<i32>,
}

impl CallColumns {
    fn read(reader: &SegmentReader, group: usize, rows: usize) -> Result<Self, LedgerError> {
        let mut columns = Self {
            series: Vec::with_capacity(rows),
            start_at: Vec::with_capacity(rows),
            usage: Vec::new(),
            cost: Vec::new(),
            by_class: Vec::new(),
            price: Vec::new(),
            extra_calls: Vec::new(),
            status: Vec::new(),
            is_retry: Vec::new(),
        };
        reader.read_i32(group, "series", &mut columns.series)?;
        reader.read_i64(group, "start_at", &mut columns.start_at)?;
        reader.read_i128(group, "cost", &mut columns.cost)?;
        reader.read_i32(group, "price", &mut columns.price)?;
        reader.read_i64(group, "extra_calls", &mut columns.extra_calls)?;
        reader.read_i32(group, "status", &mut columns.status)?;
        reader.read_i32(group, "is_retry", &mut columns.is_retry)?;
        for class in UsageClass::ALL {
            let mut counts = Vec::new();
            if reader.read_i64(group, class.name(), &mut counts)? {
                columns.usage.push((class, counts));
            }
        }
        for class in CostClass::ALL {
            let mut amounts = Vec::new();
            if reader.read_i128(group, class.name(), &mut amounts)? {
                columns.by_class.push((class, amounts));
            }
        }
        Ok(columns)
    }

    fn add(
        &self,
        row: usize,
        series: &BTreeMap<u32, SeriesKey>,
        period: Option<Period>,
        sums: &mut HashMap<SumKey, CallSum>,
    ) -> Result<(), LedgerError> {
        let id = self.series.get(row).copied().unwrap_or(0).cast_unsigned();
        let at = self.start_at.get(row).copied().unwrap_or(0);
        let is_inside =
            period.is_none_or(|period| at >= period.start_micros() && at < period.end_micros());
        let Some(key) = series.get(&id).filter(|_| is_inside) else { return Ok(()) };
        let hour = at - at.rem_euclid(HOUR_MICROS);
        let status = self.status.get(row).copied().unwrap_or(0);
        let is_retry = self.is_retry.get(row).copied().unwrap_or(0) != 0;
        let is_priced = self.price.get(row).copied().unwrap_or(0) != 0;
        let sum = sums.entry((id, hour, status, is_retry, is_priced)).or_insert_with(|| CallSum {
            series: key.clone(),
            hour: Timestamp::from_microsecond(hour).unwrap_or(Timestamp::UNIX_EPOCH),
            status: status_of(status),
            is_retry,
            is_priced,
            calls: 0,
            usage: Usage::ZERO,
            cost: Pico::ZERO,
            by_class: [Pico::ZERO; CostClass::COUNT],
        });
        let extra = self.extra_calls.get(row).copied().unwrap_or(0);
        sum.calls = sum.calls.saturating_add(1).saturating_add(extra.cast_unsigned());
        for (class, counts) in &self.usage {
            let count = counts.get(row).copied().unwrap_or(0).cast_unsigned();
            sum.usage.set(*class, sum.usage.get(*class).saturating_add(count));
        }
        let plus = |left: Pico, right: i128| {
            left.checked_add(Pico(right)).map_err(|_| LedgerError::Overflow)
        };
        sum.cost = plus(sum.cost, self.cost.get(row).copied().unwrap_or(0))?;
        for (class, amounts) in &self.by_class {
            if let Some(slot) = sum.by_class.get_mut(class.index()) {
                *slot = plus(*slot, amounts.get(row).copied().unwrap_or(0))?;
            }
        }
        Ok(())
    }
}

fn status_of(status: i32) -> CallStatus {
    match status {
        1 => CallStatus::Error,
        2 => CallStatus::Aborted,
        3 => CallStatus::GatewayCache,
        _ => CallStatus::Ok,
    }
}

fn read_charges(
    reader: &SegmentReader,
    group: usize,
    rows: usize,
    series: &BTreeMap<u32, SeriesKey>,
    period: Option<Period>,
    charges: &mut Vec<Charge>,
) -> Result<(), LedgerError> {
    let (mut ids, mut starts, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    reader.read_i32(group, "series", &mut ids)?;
    reader.read_i64(group, "start_at", &mut starts)?;
    reader.read_i64(group, "end_at", &mut ends)?;
    let (mut effective, mut billed) = (Vec::new(), Vec::new());
    reader.read_i128(group, "effective_cost", &mut effective)?;
    reader.read_i128(group, "billed_cost", &mut billed)?;
    let (mut list, mut contracted) = (Vec::new(), Vec::new());
    reader.read_maybe_i128(group, "list_cost", &mut list)?;
    reader.read_maybe_i128(group, "contracted_cost", &mut contracted)?;
    let mut is_correction = Vec::new();
    reader.read_i32(group, "is_correction", &mut is_correction)?;
    let mut texts = BTreeMap::new();
    for name in [
        "consumed_quantity",
        "consumed_unit",
        "pricing_quantity",
        "pricing_unit",
        "sku",
        "meter",
        "invoice_id",
        "charge_description",
        "commitment_discount_status",
    ] {
        let mut values = Vec::new();
        reader.read_bytes(group, name, &mut values)?;
        texts.insert(name, values);
    }
    for row in 0..rows {
        let id = ids.get(row).copied().unwrap_or(0).cast_unsigned();
        let at = |micros: &[i64]| {
            Timestamp::from_microsecond(micros.get(row).copied().unwrap_or(0)).ok()
        };
        let (Some(start), Some(end)) = (at(&starts), at(&ends)) else { continue };
        let is_inside = period.is_none_or(|period| period.contains(start));
        let Some(key) = series.get(&id).filter(|_| is_inside) else { continue };
        let text = |name: &str| {
            let value = texts.get(name)?.get(row)?;
            let text = std::str::from_utf8(value).ok()?;
            (!text.is_empty()).then(|| text.to_owned())
        };
        let corrupt = |column: &str| LedgerError::Corrupt {
            segment: reader.name().to_owned(),
            reason: format!("column `{column}` of row {row} cannot be read"),
        };
        let digits = |name: &str| -> Result<Option<Decimal>, LedgerError> {
            text(name).map(|text| text.parse().map_err(|_| corrupt(name))).transpose()
        };
        let amount = |amounts: &[i128]| Pico(amounts.get(row).copied().unwrap_or(0)).to_decimal();
        let maybe = |amounts: &[Option<i128>]| {
            amounts.get(row).copied().flatten().map(|amount| Pico(amount).to_decimal())
        };
        let category = key.get(&Dimension::ChargeCategory).unwrap_or("Usage");
        let currency = key.get(&Dimension::Currency).unwrap_or("USD");
        let mut labels = Labels::default();
        for (dimension, value) in &key.0 {
            labels.set(dimension.clone(), value);
        }
        let category: ChargeCategory = category.parse().map_err(|_| corrupt("charge_category"))?;
        let currency: Currency = currency.parse().map_err(|_| corrupt("currency"))?;
        charges.push(Charge {
            is_correction: is_correction.get(row).copied().unwrap_or(0) != 0,
            labels,
            billed_cost: amount(&billed),
            effective_cost: amount(&effective),
            list_cost: maybe(&list),
            contracted_cost: maybe(&contracted),
            consumed_quantity: digits("consumed_quantity")?,
            consumed_unit: text("consumed_unit"),
            pricing_quantity: digits("pricing_quantity")?,
            pricing_unit: text("pricing_unit"),
            sku: text("sku"),
            meter: text("meter").and_then(|meter| meter.parse().ok()),
            invoice_id: text("invoice_id"),
            charge_description: text("charge_description"),
            commitment_discount_id: key.get(&Dimension::CommitmentDiscount).map(str::to_owned),
            commitment_discount_status: text("commitment_discount_status")
                .and_then(|status| status.parse::<CommitmentDiscountStatus>().ok()),
            ..Charge::new(Period { start, end }, category, currency)
        });
    }
    Ok(())
}
