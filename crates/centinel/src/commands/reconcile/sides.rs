//! Both sides: calls and rows from files or from a home.

use std::{
    io::{BufRead as _, Read},
    path::Path,
};

use anyhow::Context as _;
use centinel_engine::{
    focus::Charge,
    money::Currency,
    period::Period,
    pricing::PriceBook,
    reconcile::{CostBasis, InvoiceRow, LedgerCall, LedgerCost},
    series::Dimension,
    usage::Call,
};
use centinel_ingest::{Options, Position, ReadError, Rejected, Sink, SinkError};
use serde::Serialize;

use super::{Args, ledger_file};
use crate::{
    context::Context,
    failure::{hinted, single_line, usage},
    output::Output,
};

/// How many rejected rows are listed.
const LISTED: usize = 100;

/// A row that became nothing.
#[derive(Debug, Clone, Serialize)]
pub(super) struct RejectedRow {
    file: String,
    row: u64,
    reason: String,
}

/// What was rejected: all counted, the first ones listed.
#[derive(Debug, Default, Serialize)]
pub(super) struct Rejections {
    pub(super) count: u64,
    pub(super) rows: Vec<RejectedRow>,
}

impl Rejections {
    fn push(&mut self, file: &str, row: u64, reason: &str) {
        self.count += 1;
        if self.rows.len() < LISTED {
            let reason = single_line(reason);
            self.rows.push(RejectedRow { file: file.to_owned(), row, reason });
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn note(&self, output: &Output) {
        for RejectedRow { file, row, reason } in self.rows.iter().take(10) {
            output.note(format!("rejected: {file} row {row}: {reason}"));
        }
        if self.count > 0 {
            output.note(format!("{} rows rejected", self.count));
        }
    }
}

/// Both sides as they are read.
pub(super) struct Sides<'b> {
    pub(super) calls: Vec<LedgerCall>,
    pub(super) rows: Vec<InvoiceRow>,
    pub(super) rejections: Rejections,
    currency: Currency,
    basis: CostBasis,
    book: Option<&'b PriceBook>,
}

impl<'b> Sides<'b> {
    pub(super) fn new(currency: Currency, basis: CostBasis, book: Option<&'b PriceBook>) -> Self {
        Self {
            calls: Vec::new(),
            rows: Vec::new(),
            rejections: Rejections::default(),
            currency,
            basis,
            book,
        }
    }

    /// Reads what the arguments name; the home for a side that they do not name.
    pub(super) fn read(
        &mut self,
        args: &Args,
        context: &dyn Fn() -> anyhow::Result<Context>,
        period: Option<Period>,
    ) -> anyhow::Result<()> {
        let inputs = args.ledger.iter().chain(&args.invoice).chain(&args.usage);
        if inputs.filter(|path| path.as_os_str() == "-").count() > 1 {
            return Err(usage(
                "only one input can be standard input",
                "name the files of the others",
            ));
        }
        let usage = match &args.usage {
            Some(path) => Some(ledger_file::by_id(&mut centinel_ingest::open(path)?)?),
            None => None,
        };
        for path in &args.ledger {
            if path.is_dir() {
                self.read_home(&Context::at(path.clone()), period, true, false)?;
            } else {
                self.read_ledger(path, usage.as_ref())?;
            }
        }
        for path in &args.invoice {
            self.read_invoice(path)?;
        }
        let (lacks_ledger, lacks_invoice) = (args.ledger.is_empty(), args.invoice.is_empty());
        if lacks_ledger || lacks_invoice {
            let homes: Vec<_> = args.ledger.iter().filter(|path| path.is_dir()).collect();
            let home = match homes.as_slice() {
                [home] if lacks_invoice => Context::at((*home).clone()),
                _ => context()?,
            };
            self.read_home(&home, period, lacks_ledger, lacks_invoice)?;
        }
        // A home holds more than the invoices at hand speak of; a file was chosen for them.
        if lacks_ledger || args.ledger.iter().any(|path| path.is_dir()) {
            centinel_app::keep_billed(&mut self.calls, &self.rows);
        }
        Ok(())
    }

    fn read_home(
        &mut self,
        home: &Context,
        period: Option<Period>,
        wants_calls: bool,
        wants_rows: bool,
    ) -> anyhow::Result<()> {
        let basis = self.basis;
        let (calls, rows) = home.run(|app| async move {
            let explain = crate::context::explain;
            let calls = if wants_calls {
                app.ledger_calls(period).await.map_err(explain)?
            } else {
                Vec::new()
            };
            let rows = if wants_rows {
                app.invoice_rows(period, basis).await.map_err(explain)?
            } else {
                Vec::new()
            };
            Ok((calls, rows))
        })?;
        if wants_rows && rows.is_empty() {
            return Err(hinted(
                "the home holds no invoice for this period",
                "import one with `centinel import FILE --invoice`, or name it with `--invoice`",
            ));
        }
        self.calls.extend(calls);
        self.rows.extend(rows);
        Ok(())
    }

    /// JSON lines of priced calls; anything else through the connectors.
    fn read_ledger(
        &mut self,
        path: &Path,
        usage: Option<&std::collections::BTreeMap<String, ledger_file::Members>>,
    ) -> anyhow::Result<()> {
        let name = path.display().to_string();
        let mut input = centinel_ingest::open(path)?;
        let head = input.fill_buf().with_context(|| format!("cannot read `{name}`"))?;
        let first = head.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty());
        let is_ours = first.is_some_and(|line| {
            let text = String::from_utf8_lossy(line);
            let has = |key: &str| text.contains(&format!("\"{key}\""));
            let is_object = line
                .strip_prefix(b"\xef\xbb\xbf")
                .unwrap_or(line)
                .trim_ascii_start()
                .starts_with(b"{");
            is_object && (has("input_tokens_total") || has("token_class") || has("status"))
        });
        if !is_ours {
            return self.read_rows(&name, input);
        }
        let mut line = Vec::new();
        let mut number = 0_u64;
        loop {
            line.clear();
            let read = input.read_until(b'\n', &mut line);
            if read.with_context(|| format!("cannot read `{name}`"))? == 0 {
                return Ok(());
            }
            number += 1;
            let call = ledger_file::members(&line).and_then(|members| {
                let Some(mut members) = members else { return Ok(None) };
                if let Some(usage) = usage {
                    ledger_file::join(&mut members, usage, number);
                }
                ledger_file::call(&members, self.currency, self.book).map(Some)
            });
            match call {
                Ok(Some(call)) => self.calls.push(call),
                Ok(None) => {}
                Err(reason) => self.rejections.push(&name, number, &reason),
            }
        }
    }

    fn read_invoice(&mut self, path: &Path) -> anyhow::Result<()> {
        let name = path.display().to_string();
        self.read_rows(&name, centinel_ingest::open(path)?)
    }

    /// Any input of the connectors: charges are rows, calls are calls.
    fn read_rows(&mut self, name: &str, input: impl Read) -> anyhow::Result<()> {
        let options = Options { currency: self.currency, ..Options::default() };
        let mut sink = Collect { name, sides: self };
        match centinel_ingest::read_detected(name, input, &options, &mut sink) {
            Ok(_) => Ok(()),
            Err(error) => Err(explain(name, error)),
        }
    }
}

fn explain(name: &str, error: ReadError) -> anyhow::Error {
    let message = format!("`{name}`: {error}");
    match error.hint() {
        Some(hint) => hinted(message, hint),
        None => anyhow::Error::new(error).context(format!("cannot read `{name}`")),
    }
}

/// Keeps what a connector reads.
struct Collect<'s, 'b> {
    name: &'s str,
    sides: &'s mut Sides<'b>,
}

impl Sink for Collect<'_, '_> {
    fn call(&mut self, at: &Position, call: &Call) -> Result<(), SinkError> {
        let label = |dimension| call.labels.get(&dimension).map(str::to_owned);
        let (Some(provider), Some(model)) = (label(Dimension::Provider), label(Dimension::Model))
        else {
            self.sides.rejections.push(self.name, at.row, "the call names no provider or no model");
            return Ok(());
        };
        let (cost, currency) = match call.reported_cost {
            Some((cost, currency)) => (LedgerCost::Total(cost), currency),
            None => (LedgerCost::Unpriced, self.sides.currency),
        };
        let call = LedgerCall {
            at: call.at,
            provider,
            model,
            service_tier: label(Dimension::ServiceTier),
            region: label(Dimension::Region),
            project: label(Dimension::SubAccount),
            api_key: label(Dimension::ApiKey),
            calls: call.calls,
            usage: call.usage,
            status: call.status,
            is_retry: call.is_retry,
            currency,
            cost,
            is_contracted: None,
        };
        self.sides.calls.push(ledger_file::priced(call, self.sides.book));
        Ok(())
    }

    fn charge(&mut self, _: &Position, charge: &Charge) -> Result<(), SinkError> {
        let row = InvoiceRow::of_charge(charge, self.sides.basis).map_err(SinkError::new)?;
        self.sides.rows.push(row);
        Ok(())
    }

    fn rejected(&mut self, rejected: Rejected) -> Result<(), SinkError> {
        self.sides.rejections.push(self.name, rejected.position.row, &rejected.reason);
        Ok(())
    }
}
