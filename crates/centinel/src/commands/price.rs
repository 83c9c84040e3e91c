//! `centinel price`: usage records in, exact costs out, line by line.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt,
    io::{BufRead, Read as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use centinel_engine::{
    money::{Currency, Decimal, Pico},
    pricing::{self, CostLine, Meter, PriceBook, PriceIdentity, PriceQuery, Pricer, Unpriced},
    usage::{Usage, UsageClass},
};
use comfy_table::{CellAlignment, Table};
use jiff::Timestamp;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{
    failure::hinted,
    output::{Outcome, Output},
};

/// Prices usage records exactly: cost, its lines, and the price applied.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// `builtin`, `litellm:FILE`, or a native price book.
    #[arg(long, value_name = "BOOK", default_value = "builtin")]
    book: String,
    /// JSON lines of calls: `provider`, `model`, `usage`, and optionally `id`, `service_tier`,
    /// `region`, `at`; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    usage: PathBuf,
    /// Add a last line with counts and the sum.
    #[arg(long)]
    summary: bool,
    /// Take prices without a date to hold for all time.
    #[arg(long)]
    undated_prices: bool,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> anyhow::Result<Outcome> {
    if args.book.ends_with(":-") || (args.book == "-" && args.usage.as_os_str() == "-") {
        return Err(hinted("the book is no stream", "name the file that holds the prices"));
    }
    let mut book = open_book(&args.book, output)?;
    if args.undated_prices {
        book = book.holding_for_all_time();
    }
    let mut input = centinel_ingest::open(&args.usage)?;
    let mut pricer = Pricer::new(&book);
    let mut summary = Summary::new(book.currency());
    let mut buffer = Vec::new();
    let mut number = 0_u64;
    while let Some(line) = next_line(&mut input, &mut buffer)
        .with_context(|| format!("cannot read `{}`", args.usage.display()))?
    {
        number = number.saturating_add(1);
        price_line(line, number, &mut pricer, &mut summary, output)?;
    }
    summary.notes(output);
    if !output.json {
        summary.print(output)?;
    } else if args.summary {
        output.json_line(&summary.totals)?;
    }
    Ok(if summary.totals.rejected > 0 { Outcome::SomeRejected } else { Outcome::Done })
}

// --- Books.

/// Largest book read, in bytes: LiteLLM's map has three million.
const BOOK_BYTES_MAX: u64 = 1 << 26;

fn open_book(name: &str, output: &mut Output) -> anyhow::Result<PriceBook> {
    if name == "builtin" {
        return Ok(pricing::builtin()?);
    }
    if name.starts_with("genai-prices:") {
        return Err(hinted(
            "price books of genai-prices are not supported yet",
            "use `builtin`, `litellm:FILE` or a native book",
        ));
    }
    if let Some(file) = name.strip_prefix("litellm:") {
        let text = read_book(file)?;
        let import =
            pricing::litellm::read(&text, name).with_context(|| format!("cannot read `{file}`"))?;
        for rejected in &import.rejected {
            output.note(Printable(&format!("left out: {rejected}")));
        }
        return Ok(import.book);
    }
    let text = read_book(name)?;
    pricing::native::read(&text).with_context(|| format!("cannot read `{name}`"))
}

fn read_book(file: &str) -> anyhow::Result<String> {
    let reader = centinel_ingest::open(Path::new(file)).map_err(|error| {
        let source = std::error::Error::source(&error).map(|source| format!(": {source}"));
        hinted(
            format!("{error}{}", source.unwrap_or_default()),
            "a book is `builtin`, `litellm:FILE` or the path of a native book",
        )
    })?;
    let mut text = String::new();
    reader
        .take(BOOK_BYTES_MAX.saturating_add(1))
        .read_to_string(&mut text)
        .with_context(|| format!("cannot read `{file}`"))?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > BOOK_BYTES_MAX {
        return Err(hinted(format!("`{file}` is larger than 64 MiB"), "is it a price book?"));
    }
    Ok(text)
}

// --- Lines in.

/// Longest line read, in bytes.
const LINE_BYTES_MAX: usize = 1 << 20;

/// A line of the input, or that it was too long to be read.
enum InputLine<'b> {
    Text(&'b [u8]),
    TooLong,
}

/// The next line, without its end; memory is bounded whatever the input holds.
fn next_line<'b>(
    input: &mut impl BufRead,
    buffer: &'b mut Vec<u8>,
) -> std::io::Result<Option<InputLine<'b>>> {
    buffer.clear();
    let limit = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    if input.by_ref().take(limit).read_until(b'\n', buffer)? == 0 {
        return Ok(None);
    }
    if buffer.last() != Some(&b'\n') && buffer.len() > LINE_BYTES_MAX {
        input.skip_until(b'\n')?;
        return Ok(Some(InputLine::TooLong));
    }
    Ok(Some(InputLine::Text(buffer.trim_ascii())))
}

/// One call as it comes. Strings are borrowed where they hold no escapes.
#[derive(Debug, Default)]
struct CallLine<'l> {
    id: Option<&'l RawValue>,
    provider: Cow<'l, str>,
    model: Cow<'l, str>,
    service_tier: Option<Cow<'l, str>>,
    region: Option<Cow<'l, str>>,
    at: Option<Timestamp>,
    usage: Usage,
    /// A key that is none of the above.
    unknown: Option<Cow<'l, str>>,
}

/// A string that borrows from the line where it can.
#[derive(Deserialize)]
struct Text<'l>(#[serde(borrow)] Cow<'l, str>);

impl<'de> Deserialize<'de> for CallLine<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = CallLine<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with `provider`, `model` and `usage`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut line = CallLine::default();
                let (mut provider, mut model, mut usage) = (None, None, None);
                while let Some(Text(key)) = map.next_key()? {
                    match key.as_ref() {
                        "id" => line.id = map.next_value()?,
                        "provider" => provider = Some(map.next_value::<Text<'de>>()?.0),
                        "model" => model = Some(map.next_value::<Text<'de>>()?.0),
                        "service_tier" => {
                            line.service_tier = map.next_value::<Option<Text<'de>>>()?.map(|t| t.0);
                        }
                        "region" => {
                            line.region = map.next_value::<Option<Text<'de>>>()?.map(|t| t.0);
                        }
                        "at" => line.at = map.next_value()?,
                        "usage" => usage = Some(map.next_value()?),
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            line.unknown = Some(key);
                        }
                    }
                }
                line.provider = provider.ok_or_else(|| A::Error::missing_field("provider"))?;
                line.model = model.ok_or_else(|| A::Error::missing_field("model"))?;
                line.usage = usage.ok_or_else(|| A::Error::missing_field("usage"))?;
                Ok(line)
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

/// What can still be read of a line that is no call.
#[derive(Default, Deserialize)]
struct OnlyId<'l> {
    #[serde(borrow)]
    id: Option<&'l RawValue>,
}

/// The call's own id where it is text or a number, else the line's number.
#[derive(Serialize)]
#[serde(untagged)]
enum Id<'l> {
    Given(&'l RawValue),
    Line(u64),
}

fn id(given: Option<&RawValue>, number: u64) -> Id<'_> {
    match given {
        Some(raw) if raw.get().starts_with(['"', '-']) || starts_with_digit(raw.get()) => {
            Id::Given(raw)
        }
        _ => Id::Line(number),
    }
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
}

// --- Lines out.

#[derive(Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
enum Answer<'a> {
    Priced {
        id: Id<'a>,
        cost: Decimal,
        currency: Currency,
        lines: Vec<CostLine>,
        /// Classes whose price is stated for another tier or context only.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        uncertain: Vec<Meter>,
        price: &'a PriceIdentity,
    },
    Unpriced {
        id: Id<'a>,
        reason: String,
    },
    Rejected {
        id: Id<'a>,
        reason: String,
    },
}

fn price_line(
    line: InputLine<'_>,
    number: u64,
    pricer: &mut Pricer<'_>,
    summary: &mut Summary,
    output: &mut Output,
) -> anyhow::Result<()> {
    let text = match line {
        InputLine::Text(text) => text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text),
        InputLine::TooLong => {
            let reason = "the line is longer than 1 MiB".to_owned();
            return reject(Id::Line(number), number, reason, summary, output);
        }
    };
    if text.is_empty() {
        return Ok(());
    }
    let call: CallLine<'_> = match serde_json::from_slice(text) {
        Ok(call) => call,
        Err(error) => {
            let given: OnlyId<'_> = serde_json::from_slice(text).unwrap_or_default();
            let reason = error.to_string().replace(" at line 1 column ", " at column ");
            return reject(id(given.id, number), number, reason, summary, output);
        }
    };
    if let Some(key) = &call.unknown {
        summary.unknown_key(key);
    }
    let query = PriceQuery {
        provider: &call.provider,
        model: &call.model,
        service_tier: call.service_tier.as_deref(),
        region: call.region.as_deref(),
        at: call.at,
    };
    let id = id(call.id, number);
    let answer = match price_call(pricer, &query, &call.usage, id, output.json) {
        Ok((answer, cost)) => {
            summary.priced(&query, &call.usage, cost, !answer.is_certain())?;
            answer
        }
        Err((id, unpriced)) => {
            summary.unpriced(&unpriced);
            Answer::Unpriced { id, reason: unpriced.to_string() }
        }
    };
    if output.json {
        output.json_line(&answer)?;
    }
    Ok(())
}

fn price_call<'a>(
    pricer: &'a mut Pricer<'_>,
    query: &PriceQuery<'_>,
    usage: &Usage,
    id: Id<'a>,
    wants_lines: bool,
) -> Result<(Answer<'a>, Decimal), (Id<'a>, Unpriced)> {
    let priced = pricer.price(query).and_then(|price| {
        let exact = price.cost(usage)?;
        let lines = if wants_lines { price.lines(usage)? } else { Vec::new() };
        Ok((price, exact, exact.to_decimal()?, lines))
    });
    match priced {
        Ok((price, exact, cost, lines)) => {
            let answer = Answer::Priced {
                id,
                cost,
                currency: price.currency(),
                lines,
                uncertain: exact.uncertain().collect(),
                price: price.identity(),
            };
            Ok((answer, cost))
        }
        Err(unpriced) => Err((id, unpriced)),
    }
}

fn reject(
    id: Id<'_>,
    number: u64,
    reason: String,
    summary: &mut Summary,
    output: &mut Output,
) -> anyhow::Result<()> {
    summary.rejected(number, &reason);
    if output.json {
        output.json_line(&Answer::Rejected { id, reason })?;
    }
    Ok(())
}

impl Answer<'_> {
    fn is_certain(&self) -> bool {
        !matches!(self, Self::Priced { uncertain, .. } if !uncertain.is_empty())
    }
}

// --- The summary.

/// Counts and sum: the last line of `--summary`.
#[derive(Serialize)]
#[serde(tag = "status", rename = "summary")]
struct Totals {
    calls: u64,
    priced: u64,
    unpriced: u64,
    rejected: u64,
    /// Priced calls with a class whose price is stated for another tier or context only.
    uncertain: u64,
    /// The exact sum over priced calls.
    cost: Decimal,
    currency: Currency,
}

/// Calls of one model and tier.
#[derive(Default)]
struct Group {
    calls: u64,
    input_tokens: u64,
    output_tokens: u64,
    cost: Decimal,
}

struct Summary {
    totals: Totals,
    groups: BTreeMap<[String; 3], Group>,
    reasons: BTreeMap<String, u64>,
    lacks_history: bool,
    rejections: Vec<String>,
    unknown_keys: Option<(String, u64)>,
}

/// Models shown, reasons shown and rejected lines quoted; the rest is counted.
const ROWS_MAX: usize = 30;
const REASONS_MAX: usize = 10;
const REJECTIONS_MAX: usize = 5;
/// Distinct models and reasons remembered, so that hostile names cannot fill the memory.
const DISTINCT_MAX: usize = 10_000;

impl Summary {
    fn new(currency: Currency) -> Self {
        let totals = Totals {
            calls: 0,
            priced: 0,
            unpriced: 0,
            rejected: 0,
            uncertain: 0,
            cost: Decimal::ZERO,
            currency,
        };
        Self {
            totals,
            groups: BTreeMap::new(),
            reasons: BTreeMap::new(),
            lacks_history: false,
            rejections: Vec::new(),
            unknown_keys: None,
        }
    }

    fn priced(
        &mut self,
        query: &PriceQuery<'_>,
        usage: &Usage,
        cost: Decimal,
        is_uncertain: bool,
    ) -> anyhow::Result<()> {
        let totals = &mut self.totals;
        totals.calls = totals.calls.saturating_add(1);
        totals.priced = totals.priced.saturating_add(1);
        totals.uncertain = totals.uncertain.saturating_add(u64::from(is_uncertain));
        totals.cost = totals.cost.checked_add(cost)?;
        let tier = query.service_tier.unwrap_or_default();
        let mut key = [query.provider, query.model, tier].map(str::to_owned);
        if self.groups.len() >= DISTINCT_MAX && !self.groups.contains_key(&key) {
            key = ["other", "", ""].map(str::to_owned);
        }
        let group = self.groups.entry(key).or_default();
        group.calls = group.calls.saturating_add(1);
        let count = |sum: u64, class| sum.saturating_add(usage.get(class));
        group.input_tokens = count(group.input_tokens, UsageClass::InputTokensTotal);
        group.output_tokens = count(group.output_tokens, UsageClass::OutputTokensTotal);
        group.cost = group.cost.checked_add(cost)?;
        Ok(())
    }

    fn unpriced(&mut self, unpriced: &Unpriced) {
        self.totals.calls = self.totals.calls.saturating_add(1);
        self.totals.unpriced = self.totals.unpriced.saturating_add(1);
        self.lacks_history |= *unpriced == Unpriced::BookWithoutHistory;
        let mut reason = unpriced.to_string();
        if self.reasons.len() >= DISTINCT_MAX && !self.reasons.contains_key(&reason) {
            "other reasons".clone_into(&mut reason);
        }
        let count = self.reasons.entry(reason).or_default();
        *count = count.saturating_add(1);
    }

    fn rejected(&mut self, number: u64, reason: &str) {
        self.totals.calls = self.totals.calls.saturating_add(1);
        self.totals.rejected = self.totals.rejected.saturating_add(1);
        if self.rejections.len() < REJECTIONS_MAX {
            self.rejections.push(format!("line {number}: {reason}"));
        }
    }

    fn unknown_key(&mut self, key: &str) {
        let first = || (key.chars().take(40).collect(), 0);
        let (_, count) = self.unknown_keys.get_or_insert_with(first);
        *count = count.saturating_add(1);
    }

    /// What a reader of the answers should know, on standard error.
    fn notes(&self, output: &mut Output) {
        for rejection in &self.rejections {
            output.note(Printable(rejection));
        }
        let Totals { calls, rejected, uncertain, .. } = self.totals;
        if rejected > 0 {
            output.note(format_args!("{rejected} of {calls} lines rejected"));
        }
        if let Some((key, count)) = &self.unknown_keys {
            let text = format!("{count} lines have keys that are not read, such as `{key}`");
            output.note(Printable(&text));
        }
        if uncertain > 0 {
            output.note(format_args!(
                "{uncertain} calls use a class whose price is stated for another tier or context \
                 only; they are marked `uncertain`"
            ));
        }
        if self.lacks_history {
            output.note(
                "the book has no price history: --undated-prices takes its prices for all time",
            );
        }
    }

    /// Tables for people.
    fn print(&self, output: &mut Output) -> anyhow::Result<()> {
        let mut table = Table::new();
        table.load_preset(comfy_table::presets::NOTHING);
        table.set_header(["provider", "model", "tier", "calls", "input", "output", "cost"]);
        let mut groups: Vec<_> = self.groups.iter().collect();
        groups.sort_by(|(left_key, left), (right_key, right)| {
            right.cost.cmp(&left.cost).then_with(|| left_key.cmp(right_key))
        });
        for ([provider, model, tier], group) in groups.iter().take(ROWS_MAX) {
            let tier = if tier.is_empty() { "standard" } else { tier };
            table.add_row([
                Printable(provider).to_string(),
                Printable(model).to_string(),
                Printable(tier).to_string(),
                group.calls.to_string(),
                group.input_tokens.to_string(),
                group.output_tokens.to_string(),
                shown(group.cost),
            ]);
        }
        for column in table.column_iter_mut().skip(3) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        if !groups.is_empty() {
            output.line(table.trim_fmt())?;
        }
        let hidden = groups.len().saturating_sub(ROWS_MAX);
        if hidden > 0 {
            output.line(format_args!("… and {hidden} more models, counted in the total"))?;
        }
        let Totals { calls, priced, unpriced, rejected, currency, .. } = self.totals;
        let total = shown(self.totals.cost);
        output.line(format_args!(
            "\n{total} {currency} for {priced} of {calls} calls; {unpriced} unpriced, {rejected} \
             rejected"
        ))?;
        let mut reasons: Vec<_> = self.reasons.iter().collect();
        reasons.sort_by(|left, right| right.1.cmp(left.1).then_with(|| left.0.cmp(right.0)));
        for (reason, count) in reasons.iter().take(REASONS_MAX) {
            output.line(format_args!("  {count} unpriced: {}", Printable(reason)))?;
        }
        Ok(())
    }
}

/// At most six decimals, half-even: enough to see a single call.
fn shown(cost: Decimal) -> String {
    Pico::round_half_even(cost)
        .map_or_else(|_| cost.to_string(), |rounded| rounded.amount.to_display(6).to_string())
}

/// Imported text without control characters: what it says must not steer a terminal.
struct Printable<'t>(&'t str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().filter(|c| !c.is_control()).try_for_each(|c| fmt::Write::write_char(f, c))
    }
}
