//! The same tokens at two prices: which price the other side has.
//!
//! A price is known by its figures: it is that of another tier, region or time in the book, that of
//! the invoice's own list column, or that of the invoice's own earlier days. What the figures do not
//! tell stays unexplained, with the causes that the data does not exclude.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    Cause, ReconcileError,
    exact::{abs, near},
    group::Lot,
    part::{Part, Place, Verdict},
    ratio::{Agreed, Range},
    settle::Pair,
};
use crate::{
    money::Decimal,
    pricing::{Meter, PriceBook, PriceQuery, ServiceTier},
    usage::{Usage, UsageClass},
};

/// Most earlier or later prices of a model that are looked at.
const VERSIONS_MAX: usize = 12;

/// A pair with the place it lies in.
#[derive(Debug, Clone)]
pub(super) struct PlacedPair<'k> {
    pub(super) place: Place<'k>,
    pub(super) slice: i32,
    pub(super) at: Timestamp,
    pub(super) meter: Meter,
    pub(super) pair: Pair,
}

/// Unit prices of the classes that a price covers.
type Table = BTreeMap<Meter, Decimal>;

/// Book, provider, model, tier, region and time.
type Asked = (usize, String, String, ServiceTier, String, i64);

/// What one price may be, and what says so.
type Options = BTreeMap<Cause, String>;

/// How many lines of a provider's model have the same price on both sides.
pub(super) type Equal = BTreeMap<(String, String), usize>;

/// The prices that a book has, looked up once each.
pub(super) struct Prices<'b> {
    books: &'b [&'b PriceBook],
    rates: &'b BTreeMap<String, Decimal>,
    regions: BTreeSet<String>,
    /// Providers whose rate of exchange some lines do not share.
    doubtful: &'b BTreeSet<String>,
    known: BTreeMap<Asked, Vec<Table>>,
}

/// One state of affairs: which price applies.
#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    book: usize,
    tier: ServiceTier,
    region: String,
    at: Timestamp,
}

impl<'b> Prices<'b> {
    pub(super) fn new(
        books: &'b [&'b PriceBook],
        rates: &'b BTreeMap<String, Decimal>,
        doubtful: &'b BTreeSet<String>,
        regions: BTreeSet<String>,
    ) -> Self {
        Self { books, rates, regions, doubtful, known: BTreeMap::new() }
    }

    /// Unit prices of a class in a state: for short and for long requests.
    fn units(
        &mut self,
        provider: &str,
        model: &str,
        state: &State,
        meter: Meter,
    ) -> Result<Vec<Decimal>, ReconcileError> {
        let key = (
            state.book,
            provider.to_owned(),
            model.to_owned(),
            state.tier,
            state.region.clone(),
            state.at.as_microsecond(),
        );
        if !self.known.contains_key(&key) {
            let tables = self.tables(provider, model, state)?;
            self.known.insert(key.clone(), tables);
        }
        let tables = self.known.get(&key).map(Vec::as_slice).unwrap_or_default();
        let mut units: Vec<Decimal> = Vec::new();
        for unit in tables.iter().filter_map(|table| table.get(&meter).copied()) {
            if !units.contains(&unit) {
                units.push(unit);
            }
        }
        Ok(units)
    }

    fn tables(
        &self,
        provider: &str,
        model: &str,
        state: &State,
    ) -> Result<Vec<Table>, ReconcileError> {
        let Some(book) = self.books.get(state.book) else { return Ok(Vec::new()) };
        let rate = self.rates.get(provider).copied().unwrap_or(Decimal::ONE);
        let query = PriceQuery {
            provider,
            model,
            service_tier: Some(state.tier.name()),
            region: Some(state.region.as_str()).filter(|region| !region.is_empty()),
            at: Some(state.at),
        };
        let undated = PriceQuery { at: None, ..query };
        let Ok(price) = book.resolve(&query).or_else(|_| book.resolve(&undated)) else {
            return Ok(Vec::new());
        };
        let mut tables = Vec::new();
        for input in [2, 150_000, 240_000, 2_000_000] {
            let mut table = Table::new();
            for meter in Meter::ALL {
                let Some(usage) = probe(meter, input) else { continue };
                let Ok(lines) = price.lines(&usage) else { continue };
                if let Some(line) = lines.iter().find(|line| line.meter == meter) {
                    table.insert(meter, line.unit_price.checked_mul(rate)?);
                }
            }
            if !tables.contains(&table) {
                tables.push(table);
            }
        }
        Ok(tables)
    }

    /// When earlier and later prices of the model hold.
    fn versions(&self, provider: &str, model: &str, state: &State) -> Vec<Timestamp> {
        let mut found = Vec::new();
        let Some(book) = self.books.get(state.book) else { return found };
        let validity = |at: Timestamp| {
            let query = PriceQuery {
                provider,
                model,
                service_tier: Some(state.tier.name()),
                region: Some(state.region.as_str()).filter(|region| !region.is_empty()),
                at: Some(at),
            };
            book.resolve(&query).ok().map(|price| price.validity().clone())
        };
        let before =
            |at: Timestamp| Timestamp::from_microsecond(at.as_microsecond().saturating_sub(1)).ok();
        let mut at = validity(state.at).and_then(|validity| validity.from).and_then(before);
        while let Some(earlier) = at.filter(|_| found.len() < VERSIONS_MAX) {
            let Some(validity) = validity(earlier) else { break };
            found.push(earlier);
            at = validity.from.and_then(before);
        }
        let mut at = validity(state.at).and_then(|validity| validity.until);
        while let Some(later) = at.filter(|_| found.len() < VERSIONS_MAX) {
            let Some(validity) = validity(later) else { break };
            found.push(later);
            at = validity.until;
        }
        found
    }
}

/// A request that uses one unit of a class, within an input of a given length.
fn probe(meter: Meter, input: u64) -> Option<Usage> {
    let usage = Usage::ZERO.with(UsageClass::InputTokensTotal, input);
    let part = |class| Some(usage.with(class, 1));
    let cached = |class| Some(usage.with(UsageClass::CacheReadTokens, 1).with(class, 1));
    let output = Usage::with(usage, UsageClass::OutputTokensTotal, 1);
    match meter {
        Meter::Input => Some(usage),
        Meter::CacheRead => part(UsageClass::CacheReadTokens),
        Meter::CacheWrite5m => part(UsageClass::CacheWrite5mTokens),
        Meter::CacheWrite30m => part(UsageClass::CacheWrite30mTokens),
        Meter::CacheWrite1h => part(UsageClass::CacheWrite1hTokens),
        Meter::CacheWrite12h => part(UsageClass::CacheWrite12hTokens),
        Meter::InputAudio => part(UsageClass::InputAudioTokens),
        Meter::InputImage => part(UsageClass::InputImageTokens),
        Meter::InputVideo => part(UsageClass::InputVideoTokens),
        Meter::CacheReadAudio => cached(UsageClass::CacheReadAudioTokens)
            .map(|usage| usage.with(UsageClass::InputAudioTokens, 1)),
        Meter::CacheReadImage => cached(UsageClass::CacheReadImageTokens)
            .map(|usage| usage.with(UsageClass::InputImageTokens, 1)),
        Meter::CacheReadVideo => cached(UsageClass::CacheReadVideoTokens)
            .map(|usage| usage.with(UsageClass::InputVideoTokens, 1)),
        Meter::Output => Some(output),
        Meter::Reasoning => Some(output.with(UsageClass::ReasoningTokens, 1)),
        Meter::OutputAudio => Some(output.with(UsageClass::OutputAudioTokens, 1)),
        Meter::OutputImage => Some(output.with(UsageClass::OutputImageTokens, 1)),
        Meter::OutputVideo => Some(output.with(UsageClass::OutputVideoTokens, 1)),
        Meter::Citation => Some(output.with(UsageClass::CitationTokens, 1)),
        Meter::WebSearch => part(UsageClass::WebSearchRequests),
        _ => None,
    }
}

/// Explains pairs at two prices.
pub(super) fn explain(
    pairs: Vec<PlacedPair<'_>>,
    history: &History,
    equal: &Equal,
    prices: &mut Prices<'_>,
    parts: &mut Vec<Part>,
) -> Result<(), ReconcileError> {
    let mut open: BTreeMap<Joint, Vec<(PlacedPair<'_>, Options)>> = BTreeMap::new();
    for placed in pairs {
        let PlacedPair { pair, meter, place, .. } = &placed;
        let amount = pair.invoice.amount.checked_sub(pair.ledger.amount)?;
        if !pair.ledger.is_priced {
            let evidence = "the ledger has these tokens, and no price for them";
            let verdict = Verdict::of(Cause::Unpriced, evidence);
            parts.push(place.part(&verdict, Some(*meter), Some(pair.quantity), amount));
        } else if abs(amount)? <= pair.tolerance {
            let evidence = "no more than the rounding of the invoice's lines";
            let verdict = Verdict::of(Cause::Rounding, evidence);
            parts.push(place.part(&verdict, Some(*meter), None, amount));
        } else if pair.invoice.is_covered && pair.invoice.amount.is_zero() {
            let evidence = "the row is covered by a prepaid commitment";
            let verdict = Verdict::of(Cause::Credits, evidence);
            parts.push(place.part(&verdict, Some(*meter), Some(pair.quantity), amount));
        } else {
            let options = options(&placed, history, prices)?;
            open.entry(Joint::of(&placed)).or_default().push((placed, options));
        }
    }
    let mut uniform = uniform(open.values().flatten().map(|(placed, _)| placed))?;
    // A contract holds for a model, not for some of its lines.
    uniform.retain(|series, agreed| equal.get(series).is_none_or(|lines| *lines < agreed.lines));
    for (joint, pairs) in &open {
        let verdict = joint_verdict(joint, pairs, &uniform, prices)?;
        for (placed, _) in pairs {
            let PlacedPair { pair, meter, place, .. } = placed;
            let amount = pair.invoice.amount.checked_sub(pair.ledger.amount)?;
            parts.push(place.part(&verdict, Some(*meter), Some(pair.quantity), amount));
        }
    }
    Ok(())
}

/// Pairs of one day and series at the same tiers and regions: one reason holds for all classes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Joint {
    provider: String,
    model: String,
    project: String,
    api_key: String,
    slice: i32,
    tiers: (Option<ServiceTier>, Option<ServiceTier>),
    regions: (Option<String>, Option<String>),
}

impl Joint {
    fn of(placed: &PlacedPair<'_>) -> Self {
        let PlacedPair { pair, place, slice, .. } = placed;
        let key = place.key;
        Self {
            provider: key.provider.clone(),
            model: key.model.clone(),
            project: key.project.clone(),
            api_key: key.api_key.clone(),
            slice: *slice,
            tiers: (pair.ledger.tier, pair.invoice.tier),
            regions: (pair.ledger.region.clone(), pair.invoice.region.clone()),
        }
    }

    /// Causes that the labels of both sides leave open.
    fn is_open(&self, cause: Cause) -> bool {
        match cause {
            Cause::Tier => self.tiers.1.is_none() || self.tiers.0 != self.tiers.1,
            Cause::Region => match &self.regions {
                (Some(left), Some(right)) => left != right,
                _ => true,
            },
            _ => true,
        }
    }

    /// What the labels say is different.
    fn differing(&self) -> Vec<Cause> {
        let tier = self.tiers.1.is_some() && self.tiers.0 != self.tiers.1;
        let region = matches!(&self.regions, (Some(left), Some(right)) if left != right);
        [(tier, Cause::Tier), (region, Cause::Region)]
            .into_iter()
            .filter_map(|(differs, cause)| differs.then_some(cause))
            .collect()
    }
}

fn joint_verdict(
    joint: &Joint,
    pairs: &[(PlacedPair<'_>, Options)],
    uniform: &BTreeMap<(String, String), Agreed>,
    prices: &mut Prices<'_>,
) -> Result<Verdict, ReconcileError> {
    let mut common: Option<Options> = None;
    for (_, options) in pairs {
        common = Some(match common {
            None => options.clone(),
            Some(common) => {
                common.into_iter().filter(|(cause, _)| options.contains_key(cause)).collect()
            }
        });
    }
    let mut common = common.unwrap_or_default();
    common.retain(|cause, _| joint.is_open(*cause));
    let differing = joint.differing();
    // What both sides say of themselves outweighs what other prices happen to be the same.
    let labelled: Vec<Cause> =
        differing.iter().copied().filter(|cause| common.contains_key(cause)).collect();
    if let [cause] = labelled.as_slice() {
        let evidence = common.get(cause).cloned().unwrap_or_default();
        return Ok(Verdict::of(*cause, evidence));
    }
    // The invoice's own columns outweigh a coincidence in the book.
    if let Some(evidence) = common.get(&Cause::ListContracted).filter(|_| differing.is_empty()) {
        return Ok(Verdict::of(Cause::ListContracted, evidence.clone()));
    }
    let mut found = common.iter();
    match (found.next(), found.next()) {
        (Some((cause, evidence)), None) => return Ok(Verdict::of(*cause, evidence.clone())),
        (Some(_), Some(_)) => {
            let evidence = "several other prices of the model are this one";
            return Ok(Verdict::open(common.keys().copied(), evidence));
        }
        _ => {}
    }
    let states_list = pairs.iter().all(|(placed, _)| says_list_is_billed(&placed.pair.invoice));
    let mut knows = false;
    let mut at_list = true;
    for (placed, _) in pairs {
        let bases = base_units(placed, prices)?;
        knows |= !bases.is_empty();
        let unit = placed.pair.ledger.unit;
        at_list &= bases.iter().any(|base| unit == Some(*base));
    }
    match differing.as_slice() {
        // The book says nothing against what the labels say.
        [cause] if !knows => {
            let evidence = format!("ledger and invoice name different {}s", cause.name());
            return Ok(Verdict::of(*cause, evidence));
        }
        [] => {}
        _ => {
            let evidence = "ledger and invoice name different tiers or regions, whose prices in \
                            the book are others";
            let mut candidates = differing.clone();
            candidates.extend([Cause::ListContracted, Cause::StaleBook]);
            return Ok(Verdict::open(candidates, evidence));
        }
    }
    let series = (joint.provider.clone(), joint.model.clone());
    let agreed = uniform.get(&series);
    let mut is_agreed = agreed.is_some();
    for (placed, _) in pairs {
        let Pair { ledger, invoice, tolerance, .. } = &placed.pair;
        let range = Range::of(invoice.amount, ledger.amount, *tolerance)?;
        is_agreed &= agreed.zip(range).is_some_and(|(agreed, range)| range.meets(agreed));
    }
    let lines = agreed.map_or(0, |agreed| agreed.lines);
    if knows && at_list && is_agreed && prices.doubtful.contains(&joint.provider) {
        let evidence = "one share of the list price on these lines, at a rate of exchange that not \
                        all lines of the invoice share";
        return Ok(Verdict::open([Cause::ListContracted, Cause::Currency], evidence));
    }
    if knows && at_list && is_agreed && !states_list {
        let evidence = format!(
            "the ledger has the list price; the invoice has the same share of it on {lines} lines, \
             and no tier, region or earlier price of the book gives it"
        );
        return Ok(Verdict::of(Cause::ListContracted, evidence));
    }
    let candidates = [Cause::ListContracted, Cause::Tier, Cause::Region, Cause::StaleBook]
        .into_iter()
        .filter(|cause| {
            let by_list = *cause != Cause::ListContracted || !states_list;
            joint.is_open(*cause) && by_list
        });
    Ok(Verdict::open(candidates, "the prices differ, and no price known to the book is the other"))
}

/// The price of the book in the ledger's own state, if the book knows the model.
fn base_units(
    placed: &PlacedPair<'_>,
    prices: &mut Prices<'_>,
) -> Result<Vec<Decimal>, ReconcileError> {
    let mut found = Vec::new();
    let key = placed.place.key;
    for book in 0..prices.books.len() {
        let state = State { book, ..state(placed) };
        found.extend(prices.units(&key.provider, &key.model, &state, placed.meter)?);
    }
    Ok(found)
}

fn state(placed: &PlacedPair<'_>) -> State {
    let ledger = &placed.pair.ledger;
    State {
        book: 0,
        tier: ledger.tier.unwrap_or_default(),
        region: ledger.region.clone().unwrap_or_default(),
        at: placed.at,
    }
}

/// Whether the row states a list cost, and it is what is billed: then it has no discount.
fn says_list_is_billed(lot: &Lot) -> bool {
    lot.list.is_some_and(|list| list == lot.amount)
        && lot.contracted.is_none_or(|contracted| contracted == lot.amount)
}

/// The other prices that the pair's two prices may be.
fn options(
    placed: &PlacedPair<'_>,
    history: &History,
    prices: &mut Prices<'_>,
) -> Result<Options, ReconcileError> {
    let PlacedPair { pair, meter, .. } = placed;
    let mut found = Options::new();
    by_columns(pair, &mut found)?;
    by_book(placed, prices, &mut found)?;
    if let Some(unit) = pair.ledger.unit
        && history.had(placed, unit, *meter)
    {
        found.insert(
            Cause::StaleBook,
            format!("the invoice itself has the ledger's price {unit} on earlier days"),
        );
    }
    Ok(found)
}

/// The invoice's own list and contracted costs.
fn by_columns(pair: &Pair, found: &mut Options) -> Result<(), ReconcileError> {
    let Pair { ledger, invoice, tolerance, .. } = pair;
    let differs = |cost: Decimal| near(cost, invoice.amount, *tolerance).map(|near| !near);
    if let Some(list) = invoice.list
        && differs(list)?
        && near(list, ledger.amount, *tolerance)?
    {
        let evidence = "the ledger has the invoice's list cost, the invoice bills less";
        found.insert(Cause::ListContracted, evidence.to_owned());
    } else if let Some(contracted) = invoice.contracted
        && differs(contracted)?
        && near(contracted, ledger.amount, *tolerance)?
    {
        let evidence = "the ledger has the invoice's contracted cost, the invoice bills another";
        found.insert(Cause::ListContracted, evidence.to_owned());
    } else if ledger.is_contracted == Some(true)
        && invoice.list.is_some_and(|list| list == invoice.amount)
    {
        let evidence = "the ledger has a contracted price, the invoice bills its list cost";
        found.insert(Cause::ListContracted, evidence.to_owned());
    }
    Ok(())
}

/// Prices of the book that differ from the one in force in one thing.
fn by_book(
    placed: &PlacedPair<'_>,
    prices: &mut Prices<'_>,
    found: &mut Options,
) -> Result<(), ReconcileError> {
    let PlacedPair { pair, meter, place, .. } = placed;
    let (provider, model) = (place.key.provider.as_str(), place.key.model.as_str());
    let own = state(placed);
    let mut states: Vec<(Cause, String, State)> = Vec::new();
    for tier in ServiceTier::ALL.into_iter().filter(|tier| *tier != own.tier) {
        if pair.invoice.tier.is_none_or(|named| named == tier) {
            states.push((Cause::Tier, format!("tier {tier}"), State { tier, ..own.clone() }));
        }
    }
    let mut regions = prices.regions.clone();
    regions.insert(String::new());
    if let Some(region) = &pair.invoice.region {
        regions = BTreeSet::from([region.clone()]);
    }
    for region in regions.into_iter().filter(|region| *region != own.region) {
        let words =
            if region.is_empty() { "no region".to_owned() } else { format!("region {region}") };
        states.push((Cause::Region, words, State { region, ..own.clone() }));
    }
    for at in prices.versions(provider, model, &own) {
        let words = format!("of {}", crate::period::date_of(at));
        states.push((Cause::StaleBook, words, State { at, ..own.clone() }));
    }
    for book in 1..prices.books.len() {
        let name = prices.books.get(book).map(|book| book.name().to_owned()).unwrap_or_default();
        states.push((
            Cause::ListContracted,
            format!("of book {name}"),
            State { book, ..own.clone() },
        ));
    }
    let base = prices.units(provider, model, &own, *meter)?;
    let is_ledger = |unit: &Decimal| pair.ledger.unit == Some(*unit);
    let invoice_has = |unit: &Decimal| -> Result<bool, ReconcileError> {
        near(pair.quantity.checked_mul(*unit)?, pair.invoice.amount, pair.tolerance)
    };
    // The other context length: long requests at the price of short ones, or the reverse.
    let mut is_at_base = false;
    for unit in &base {
        is_at_base |= invoice_has(unit)?;
    }
    if base.len() > 1 && base.iter().any(is_ledger) && is_at_base {
        let words = "the price of the model's other context length in the book";
        found.insert(Cause::Tier, words.to_owned());
    }
    for (cause, words, state) in states {
        for unit in prices.units(provider, model, &state, *meter)? {
            let invoice_at_it = base.iter().any(is_ledger) && invoice_has(&unit)?;
            let ledger_at_it = is_at_base && is_ledger(&unit);
            if invoice_at_it || ledger_at_it {
                let side = if invoice_at_it { "invoice" } else { "ledger" };
                found.entry(cause).or_insert_with(|| {
                    format!("the {side} has the book's price for {words}: {unit}")
                });
            }
        }
    }
    Ok(())
}

/// Day, quantity, amount and its tolerance.
type DayLine = (i32, Decimal, Decimal, Decimal);

/// Unit prices of the invoice by day: an earlier one may be the ledger's.
#[derive(Debug, Default)]
pub(super) struct History {
    units: BTreeMap<(String, String, Meter), Vec<DayLine>>,
}

impl History {
    pub(super) fn note(
        &mut self,
        provider: &str,
        model: &str,
        meter: Meter,
        slice: i32,
        (lot, tolerance): (&Lot, Decimal),
    ) {
        if let Some(quantity) = lot.quantity.filter(|quantity| *quantity > Decimal::ZERO) {
            let key = (provider.to_owned(), model.to_owned(), meter);
            self.units.entry(key).or_default().push((slice, quantity, lot.amount, tolerance));
        }
    }

    fn had(&self, placed: &PlacedPair<'_>, unit: Decimal, meter: Meter) -> bool {
        let key = placed.place.key;
        let of = self.units.get(&(key.provider.clone(), key.model.clone(), meter));
        let Some(days) = of else { return false };
        // A line that its rounding makes nothing of says nothing.
        let has = |(_, quantity, amount, tolerance): &DayLine| {
            let exact = quantity.checked_mul(unit).map_err(ReconcileError::from);
            let bound = tolerance.checked_mul_integer(100).map_err(ReconcileError::from);
            let is_telling = abs(*amount).and_then(|amount| Ok(amount > bound?)).unwrap_or(false);
            is_telling && exact.and_then(|exact| near(exact, *amount, *tolerance)).unwrap_or(false)
        };
        // A price that is still billed is not an earlier one.
        let is_billed_still = days.iter().any(|line| line.0 >= placed.slice && has(line));
        !is_billed_still && days.iter().any(|line| line.0 < placed.slice && has(line))
    }
}

/// The share of the ledger's price that most lines of a model have on the invoice, by provider and
/// model.
fn uniform<'p, 'k: 'p>(
    pairs: impl Iterator<Item = &'p PlacedPair<'k>>,
) -> Result<BTreeMap<(String, String), Agreed>, ReconcileError> {
    let mut ranges: BTreeMap<(String, String), Vec<Range>> = BTreeMap::new();
    for placed in pairs {
        let key = (placed.place.key.provider.clone(), placed.place.key.model.clone());
        let Pair { ledger, invoice, tolerance, .. } = &placed.pair;
        let range = Range::of(invoice.amount, ledger.amount, *tolerance)?;
        ranges.entry(key).or_default().extend(range);
    }
    let agreed = |ranges: Vec<Range>| Agreed::of(&ranges);
    Ok(ranges.into_iter().filter_map(|(key, ranges)| Some((key, agreed(ranges)?))).collect())
}
