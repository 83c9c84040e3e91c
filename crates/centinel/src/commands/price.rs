//! `centinel price`: usage records in, exact costs out, line by line.

mod line;
mod summary;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use centinel_engine::{
    money::{Currency, Decimal},
    pricing::{
        CostLine, ExactCost, Meter, Price, PriceBook, PriceIdentity, PriceQuery, Pricer,
        QuotaLedger, Terms, Unpriced,
    },
    usage::Usage,
};
use jiff::Timestamp;
use serde::Serialize;

use self::{
    line::{CallLine, Id, InputLine, id, next_line, salvaged_id},
    summary::{Printable, Summary},
};
use crate::{
    context,
    failure::hinted,
    output::{Outcome, Output},
};

/// Prices usage records exactly: cost, its lines, and the price applied.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// `builtin`, `litellm:FILE`, `genai-prices:FILE`, `openrouter:FILE`, or a native price book.
    #[arg(long, value_name = "BOOK", default_value = "builtin")]
    book: String,
    /// JSON lines of calls: `provider`, `model`, `usage`, and optionally `id`, `service_tier`,
    /// `region`, `at`, `calls`; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    usage: PathBuf,
    /// Add a last line with counts and the sum.
    #[arg(long)]
    summary: bool,
    /// Take prices without a date to hold for all time.
    #[arg(long)]
    undated_prices: bool,
    /// Price calls without `at` as made then (RFC 3339).
    #[arg(long, value_name = "TIME")]
    as_of: Option<Timestamp>,
    /// The file holds all calls of the account: count free quotas over them, in the file's order.
    #[arg(long)]
    complete: bool,
    /// What a name of your own means: an Azure deployment, an application inference profile.
    #[arg(long = "name", value_name = "PROVIDER/NAME=MODEL")]
    names: Vec<String>,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> anyhow::Result<Outcome> {
    let book_file = args.book.split_once(':').map_or(args.book.as_str(), |(_, file)| file);
    if book_file == "-" && args.usage.as_os_str() == "-" {
        return Err(hinted(
            "book and usage cannot both be standard input",
            "name the file that holds the prices",
        ));
    }
    let mut book = open_book(&args.book, output)?;
    if args.undated_prices {
        book = book.holding_for_all_time();
    }
    for name in &args.names {
        book = named(book, name)?;
    }
    let mut input = centinel_ingest::open(&args.usage)?;
    let mut calculator = Calculator::new(&book);
    calculator.as_of = args.as_of;
    calculator.quotas = args.complete.then(QuotaLedger::default);
    let mut summary = Summary::new(book.currency());
    let mut buffer = Vec::new();
    let mut number = 0_u64;
    while let Some(line) = next_line(&mut input, &mut buffer)
        .with_context(|| format!("cannot read `{}`", args.usage.display()))?
    {
        number = number.saturating_add(1);
        let answer = answer(line, number, &mut calculator, &mut summary)?;
        if let (Some(answer), true) = (answer, output.json) {
            output.json_line(&answer)?;
        }
    }
    summary.notes(output);
    if !output.json {
        summary.print(output)?;
    } else if args.summary {
        output.json_line(&summary.totals)?;
    }
    Ok(if summary.totals.rejected > 0 { Outcome::SomeRejected } else { Outcome::Done })
}

/// `PROVIDER/NAME=MODEL`: the name may hold slashes and colons, as an ARN does.
fn named(book: PriceBook, text: &str) -> anyhow::Result<PriceBook> {
    let parts = text.rsplit_once('=').and_then(|(left, model)| {
        let (provider, name) = left.split_once('/')?;
        Some((provider, name, model)).filter(|_| !name.is_empty() && !model.is_empty())
    });
    let Some((provider, name, model)) = parts else {
        return Err(hinted(
            format!("`{}` is no `PROVIDER/NAME=MODEL`", Printable(text)),
            "for example `--name azure/my-deployment=gpt-4o`",
        ));
    };
    Ok(book.with_name(provider, name, model)?)
}

fn open_book(name: &str, output: &Output) -> anyhow::Result<PriceBook> {
    let opened = centinel_app::open_book(name, Path::new("")).map_err(context::explain)?;
    for entry in &opened.left_out {
        output.note(Printable(&format!("left out: {entry}")));
    }
    Ok(opened.book)
}

/// The least and the most that a call may have cost.
#[derive(Serialize)]
struct Range {
    low: Decimal,
    high: Decimal,
}

#[derive(Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
enum Answer<'a> {
    Priced {
        id: Id<'a>,
        cost: Decimal,
        currency: Currency,
        lines: Vec<CostLine>,
        /// The exact cost, where it is no finite decimal.
        #[serde(skip_serializing_if = "Option::is_none")]
        cost_exact: Option<String>,
        /// Between what the cost lies, where that is known of an uncertain one.
        #[serde(skip_serializing_if = "Option::is_none")]
        range: Option<Box<Range>>,
        /// Classes whose price is stated for another class, tier, context or time only.
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

/// What is said about a line; `None` for a blank one.
fn answer<'a>(
    line: InputLine<'a>,
    number: u64,
    calculator: &'a mut Calculator<'_>,
    summary: &mut Summary,
) -> anyhow::Result<Option<Answer<'a>>> {
    let text = match line {
        InputLine::Text(text) => text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text),
        InputLine::TooLong => {
            let reason = "the line is longer than 1 MiB".to_owned();
            summary.rejected(number, &reason);
            return Ok(Some(Answer::Rejected { id: Id::Line(number), reason }));
        }
    };
    if text.is_empty() {
        return Ok(None);
    }
    let call: CallLine<'a> = match serde_json::from_slice(text) {
        Ok(call) => call,
        Err(error) => {
            let reason = error.to_string().replace(" at line 1 column ", " at column ");
            summary.rejected(number, &reason);
            return Ok(Some(Answer::Rejected { id: salvaged_id(text, number), reason }));
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
        at: call.at.or(calculator.as_of),
    };
    let id = id(call.id, number);
    Ok(Some(match calculator.priced(&query, &call.usage, call.calls) {
        Ok(Priced { price, exact, cost, lines, range }) => {
            summary.priced(&query, &call.usage, cost, exact.is_certain())?;
            Answer::Priced {
                id,
                cost,
                currency: price.currency(),
                lines,
                cost_exact: exact.fraction().map(|ratio| ratio.to_string()),
                range: range.map(Box::new),
                uncertain: exact.uncertain().collect(),
                price: price.identity(),
            }
        }
        Err(unpriced) => {
            summary.unpriced(&unpriced);
            Answer::Unpriced { id, reason: unpriced.to_string() }
        }
    }))
}

struct Priced<'p> {
    price: &'p Price,
    exact: ExactCost,
    cost: Decimal,
    lines: Vec<CostLine>,
    range: Option<Range>,
}

/// What calls are priced with, one after the other.
struct Calculator<'b> {
    pricer: Pricer<'b>,
    as_of: Option<Timestamp>,
    quotas: Option<QuotaLedger>,
}

impl<'b> Calculator<'b> {
    fn new(book: &'b PriceBook) -> Self {
        Self { pricer: Pricer::new(book), as_of: None, quotas: None }
    }

    fn priced(
        &mut self,
        query: &PriceQuery<'_>,
        usage: &Usage,
        calls: u64,
    ) -> Result<Priced<'_>, Unpriced> {
        let price = self.pricer.price(query)?;
        let free = self.quotas.as_mut().zip(query.at).map(|(quotas, at)| {
            // One file is one account; what quotas it shares is the book's matter.
            quotas.take("", price, usage, at)
        });
        let terms = Terms { calls, free: free.as_deref() };
        let exact = price.cost_of(usage, &terms)?;
        let range = price.range(usage, &terms)?.map(|(low, high)| Range { low, high });
        Ok(Priced {
            price,
            exact,
            cost: exact.to_decimal()?,
            lines: price.lines_of(usage, &terms)?,
            range,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(book: &PriceBook, lines: &[&str]) -> (Vec<String>, Summary) {
        let mut calculator = Calculator::new(book);
        let mut summary = Summary::new(book.currency());
        let mut found = Vec::new();
        for (number, line) in (1..).zip(lines) {
            let line = InputLine::Text(line.as_bytes());
            let answer = answer(line, number, &mut calculator, &mut summary).unwrap();
            found.extend(answer.map(|answer| serde_json::to_string(&answer).unwrap()));
        }
        (found, summary)
    }

    #[test]
    fn a_name_of_ones_own_means_a_model() {
        let book = || centinel_engine::pricing::builtin().unwrap();
        let arn = "arn:aws:bedrock:us-east-1:1:application-inference-profile/a1=b2";
        let own = named(book(), "azure/my-chat=gpt-5.1").unwrap();
        let own = named(own, &format!("aws/{arn}=amazon.nova-lite-v1:0")).unwrap();
        let call = |provider, model| {
            format!(
                r#"{{"provider":"{provider}","model":"{model}","usage":{{"input_tokens_total":1000}}}}"#
            )
        };
        let lines = [call("azure", "My-Chat"), call("bedrock", arn), call("openai", "my-chat")];
        let (found, _) = answers(&own, &lines.each_ref().map(String::as_str));
        assert!(found[0].contains(r#""cost":"0.00125""#), "{}", found[0]);
        assert!(found[1].contains(r#""cost":"0.00006""#), "{}", found[1]);
        assert!(found[2].contains("unpriced"), "{}", found[2]);
        for bad in ["azure/x", "x=gpt-4o", "azure/=gpt-4o", "azure/x=no-such-model"] {
            assert!(named(book(), bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_row_may_stand_for_several_calls() {
        let book = centinel_engine::pricing::builtin().unwrap();
        let call = |calls: &str| {
            format!(
                r#"{{"provider":"openai","model":"gpt-5.6","calls":{calls},"at":"2026-10-01T00:00:00Z","usage":{{"input_tokens_total":400000}}}}"#
            )
        };
        let lines = [call("1"), call("2"), call("0"), call("-1")];
        let (found, _) = answers(&book, &lines.each_ref().map(String::as_str));
        assert!(found[0].contains(r#""cost":"3.2""#), "{}", found[0]);
        assert!(found[1].contains(r#""range":{"low":"1.6","high":"3.2"}"#), "{}", found[1]);
        assert!(found[2].contains("rejected") && found[3].contains("rejected"), "{found:?}");
    }

    #[test]
    fn one_answer_a_line_in_order() {
        let book = centinel_engine::pricing::builtin().unwrap();
        let (found, summary) = answers(
            &book,
            &[
                r#"{"id":"a","provider":"openai","model":"gpt-5.6","at":"2026-08-20T00:00:00Z","usage":{"input_tokens_total":1000,"cache_read_tokens":400,"output_tokens_total":10}}"#,
                "",
                r#"{"id":7,"provider":"openai","model":"nope","usage":{}}"#,
                r#"{"provider":"openai","model":"gpt-4o","service_tier":"batch","usage":{"input_tokens_total":5,"cache_read_tokens":5},"extra":1}"#,
                r#"{"id":"d","provider":"openai","model":"gpt-4o","usage":{"prompt_tokens":1}}"#,
                "no JSON",
            ],
        );
        let expected = [
            r#"{"status":"priced","id":"a","cost":"0.0035","currency":"USD","lines":[{"token_class":"input","quantity":600,"unit_price":"0.000005","amount":"0.003"},{"token_class":"cache_read","quantity":400,"unit_price":"0.0000005","amount":"0.0002"},{"token_class":"output","quantity":10,"unit_price":"0.00003","amount":"0.0003"}],"price":{"book":"builtin","provider":"openai","model":"gpt-5.6-sol","service_tier":"standard","effective_from":"unknown","source":"OpenAI API pricing","recorded":"2026-11-22"}}"#,
            r#"{"status":"unpriced","id":7,"reason":"no price for model `nope` at provider `openai`"}"#,
            r#"{"status":"priced","id":4,"cost":"0.00000625","currency":"USD","lines":[{"token_class":"cache_read","quantity":5,"unit_price":"0.00000125","amount":"0.00000625"}],"uncertain":["cache_read"],"price":{"book":"builtin","provider":"openai","model":"gpt-4o","service_tier":"batch","effective_from":"unknown","source":"OpenAI API pricing","recorded":"2026-11-22"}}"#,
            r#"{"status":"rejected","id":"d","reason":"unknown usage class `prompt_tokens` at column 71"}"#,
            r#"{"status":"rejected","id":6,"reason":"expected ident at column 2"}"#,
        ];
        assert_eq!(found, expected);
        assert_eq!(
            serde_json::to_string(&summary.totals).unwrap(),
            r#"{"status":"summary","calls":5,"priced":2,"unpriced":1,"rejected":2,"uncertain":1,"cost":"0.00350625","currency":"USD"}"#
        );
    }
}
