//! Live sources: what is asked, in which order, and what is delivered of it.
//!
//! A [`Fetch`] is pulled one [`Delivery`] at a time, so that whoever keeps rows can commit each before
//! the next is asked for. There are two shapes of source:
//!
//! - A **report** (usage and costs of a provider) is a sum by day that grows and is corrected. Each
//!   day of it is delivered whole, under a name (its *window*): whoever keeps it replaces what an
//!   earlier fetch said of that day. A day that the answer does not mention is not delivered.
//! - A **log** (calls with ids) only grows, but late: a call is logged when it ends. It is delivered
//!   page by page; a row that comes twice has the same id twice.
//!
//! Either way [`Delivery::reached`] says before which instant everything has been delivered.
//!
//! # Source
//!
//! Named with each kind in [`Kind`].

mod kind;
mod litellm_db;
mod log;
mod page;
mod report;

use std::collections::{BTreeMap, VecDeque};

use jiff::{Timestamp, ToSpan as _, Unit};
use secrecy::SecretString;
use serde::de::IgnoredAny;

pub use kind::{Kind, UnknownKind};
pub use litellm_db::PostgresSource;

use crate::{
    client::{Address, Answer, Client, FetchError},
    detect::Format,
};

/// A body as a source gave it, and what it is read as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// What it is read as.
    pub format: Format,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// What it is, for people: `usage/completions 2026-11-20`.
    pub name: String,
}

/// A part of a report that is replaced as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Its name, the same at every fetch.
    pub key: String,
    /// First instant.
    pub start: Timestamp,
    /// First instant after it.
    pub end: Timestamp,
    /// It had not ended when it was fetched: its figures will grow.
    pub is_open: bool,
    /// Entries in it; a day without any is delivered too, since it may have had some.
    pub entries: usize,
}

/// One step of a fetch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delivery {
    /// Rows, if this step has any.
    pub body: Option<Body>,
    /// The rows are all that a part of a report holds.
    pub window: Option<Window>,
    /// With this step, everything before that instant has been delivered.
    pub reached: Option<Timestamp>,
}

/// Where a source is, and how it is asked.
#[derive(Debug, Clone)]
pub enum Connection {
    /// An HTTP API.
    Http {
        /// Its client.
        client: Client,
        /// Its base address.
        base: Address,
    },
    /// A database of PostgreSQL.
    Postgres(PostgresSource),
}

/// A fetch under way, from an instant to an instant.
#[derive(Debug)]
pub struct Fetch {
    kind: Kind,
    format: Format,
    options: BTreeMap<String, String>,
    connection: Connection,
    /// What is next to be asked.
    at: Timestamp,
    until: Timestamp,
    ready: VecDeque<Delivery>,
    slice: Option<log::Slice>,
    rows: Option<litellm_db::Rows>,
    statistics: Statistics,
}

/// What a fetch cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Pages read.
    pub pages: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Pages that came twice, and were read once.
    pub repeated_pages: u64,
}

impl Fetch {
    /// A fetch of everything in `[from, until)`. Of a report, whole days (UTC) are asked for.
    ///
    /// `options` are the kind's own ([`Kind::options`]); unknown ones have been refused before. `None`
    /// for a kind that is listed, not asked: [`crate::objects`].
    pub fn new(
        kind: Kind,
        connection: Connection,
        options: BTreeMap<String, String>,
        from: Timestamp,
        until: Timestamp,
    ) -> Option<Self> {
        let format = kind.format()?;
        let at = if kind.is_report() { start_of_day(from) } else { from };
        Some(Self {
            kind,
            format,
            options,
            connection,
            at: at.min(until),
            until,
            ready: VecDeque::new(),
            slice: None,
            rows: None,
            statistics: Statistics::default(),
        })
    }

    /// The next step; `None` when all is delivered.
    ///
    /// # Errors
    ///
    /// [`FetchError`]. What was delivered before stays true; the rest is for the next fetch.
    pub async fn next(&mut self) -> Result<Option<Delivery>, FetchError> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Ok(Some(ready));
            }
            if self.at >= self.until && self.slice.is_none() && self.rows.is_none() {
                return Ok(None);
            }
            match &self.connection {
                Connection::Http { client, base } => {
                    let (client, base) = (client.clone(), base.clone());
                    if self.kind.is_report() {
                        self.next_report(&client, &base).await?;
                    } else {
                        self.next_log_page(&client, &base).await?;
                    }
                }
                Connection::Postgres(source) => {
                    let source = source.clone();
                    self.next_rows(&source).await?;
                }
            }
        }
    }

    /// What the fetch cost so far.
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// Asks for a first page of everything that the source offers, and keeps nothing.
    ///
    /// # Errors
    ///
    /// [`FetchError`] of the first question that fails.
    pub async fn probe(&self, now: Timestamp) -> Result<Vec<Probe>, FetchError> {
        match &self.connection {
            Connection::Http { client, base } => {
                let mut probes = Vec::new();
                for (what, question) in self.probes(base, now) {
                    let address = question.address.to_string();
                    let answer = client.ask(&question).await.and_then(|answer| {
                        page::parse::<IgnoredAny>(&answer, &address)?;
                        Ok(answer)
                    });
                    probes.push(Probe { what, address, answer });
                }
                Ok(probes)
            }
            Connection::Postgres(source) => {
                let (what, address) = ("table LiteLLM_SpendLogs".to_owned(), source.shown());
                let answer = source.probe().await;
                Ok(vec![Probe { what, address, answer }])
            }
        }
    }

    fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    fn count(&mut self, answer: &Answer) {
        self.statistics.pages += 1;
        self.statistics.bytes += answer.body.len() as u64;
    }
}

/// A question that was tried out.
#[derive(Debug, Clone)]
pub struct Probe {
    /// What was asked for.
    pub what: String,
    /// Where.
    pub address: String,
    /// What came back.
    pub answer: Result<Answer, FetchError>,
}

impl Probe {
    /// What the answer holds, read as the format of the kind; rows are counted, not kept.
    pub fn body(&self, kind: Kind) -> Option<Body> {
        let answer = self.answer.as_ref().ok()?;
        let bytes = if kind.is_report() || kind.is_database() {
            page::one_line(&answer.body)
        } else {
            log::rows_of(kind, answer)?
        };
        Some(Body { format: kind.format()?, bytes, name: self.what.clone() })
    }
}

/// How a kind that is asked with a credential sends it.
pub fn auth_of(
    kind: Kind,
    user: Option<&str>,
    secret: Option<SecretString>,
) -> crate::client::Auth {
    kind::auth_of(kind, user, secret)
}

pub(crate) fn start_of_day(at: Timestamp) -> Timestamp {
    let micros = at.as_microsecond();
    let day = micros - micros.rem_euclid(centinel_engine::period::DAY_MICROS);
    Timestamp::from_microsecond(day).unwrap_or(at)
}

pub(crate) fn days_after(at: Timestamp, days: i64) -> Timestamp {
    at.checked_add((days * 24).hours()).unwrap_or(Timestamp::MAX)
}

/// To the second, in the form that APIs take.
pub(crate) fn to_second(at: Timestamp) -> String {
    at.round(Unit::Second).unwrap_or(at).to_string()
}

#[cfg(test)]
mod tests;
