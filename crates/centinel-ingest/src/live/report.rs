//! Reports over HTTP: pages of daily buckets, delivered a day at a time.

use std::collections::BTreeMap;

use centinel_engine::period::DAY_MICROS;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Body, Delivery, Fetch, Kind, Window, days_after,
    page::{Pages, parse},
    start_of_day, to_second,
};
use crate::client::{Address, Answer, Client, FetchError, Question};

/// A page of a report.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
    #[serde(default)]
    has_more: bool,
    #[serde(default, rename = "next_page")]
    next: Option<String>,
}

/// What of an entry of a page says to which day it belongs, in the spelling of each provider.
#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(default)]
    start_time: Option<i64>,
    #[serde(default)]
    starting_at: Option<Timestamp>,
    #[serde(default)]
    date: Option<&'a str>,
    #[serde(default, borrow)]
    results: Option<Vec<&'a RawValue>>,
}

/// The entries of a day, as they came.
#[derive(Debug, Default, PartialEq, Eq)]
struct Day {
    texts: Vec<String>,
    entries: usize,
}

impl Fetch {
    /// Reads all lists of the next days, and has each day of each list ready.
    pub(super) async fn next_report(
        &mut self,
        client: &Client,
        base: &Address,
    ) -> Result<(), FetchError> {
        let start = self.at;
        let last = days_after(start_of_day(self.until), i64::from(!is_midnight(self.until)));
        let end = days_after(start, self.kind.days_at_once()).min(last);
        for list in self.lists() {
            let days = self.read_list(client, base, &list, start, end).await?;
            for (day, Day { texts, entries }) in days {
                let window = Window {
                    key: format!("{list} {}", date(day)),
                    start: day,
                    end: days_after(day, 1),
                    is_open: days_after(day, 1) > self.until,
                    entries,
                };
                let text = format!("{{\"data\":[{}],\"has_more\":false}}", texts.join(","));
                let body = Body {
                    format: self.format,
                    bytes: text.into_bytes(),
                    name: window.key.clone(),
                };
                self.ready.push_back(Delivery {
                    body: Some(body),
                    window: Some(window),
                    reached: None,
                });
            }
        }
        // The open day is asked for again: the cursor stays at its start.
        let reached = Some(end.min(start_of_day(self.until)));
        self.ready.push_back(Delivery { body: None, window: None, reached });
        self.at = end;
        Ok(())
    }

    async fn read_list(
        &mut self,
        client: &Client,
        base: &Address,
        list: &str,
        start: Timestamp,
        end: Timestamp,
    ) -> Result<BTreeMap<Timestamp, Day>, FetchError> {
        let mut days: BTreeMap<Timestamp, Day> = BTreeMap::new();
        let (mut pages, mut token) = (Pages::default(), None);
        loop {
            let question = self.report_question(base, list, start, end, token.as_deref());
            let address = question.address.to_string();
            let answer = client.ask(&question).await?;
            self.count(&answer);
            if self.kind == Kind::OpenCost {
                let day = allocation_day(&answer, &address)?;
                return Ok(BTreeMap::from([(start, day)]));
            }
            let page: Page<'_> = parse(&answer, &address)?;
            if pages.is_new(&answer, client.limits().pages, &address)? {
                for (day, text, entries) in entries_of(&page, &address)? {
                    // What lies outside is the answer to another question.
                    if day >= start && day < end {
                        let known = days.entry(day).or_default();
                        known.texts.push(text);
                        known.entries += entries;
                    }
                }
            } else {
                self.statistics.repeated_pages += 1;
            }
            match page.next {
                Some(next) if page.has_more => {
                    pages.follow(&next, &address)?;
                    token = Some(next);
                }
                None if page.has_more => {
                    let reason = "`has_more` without `next_page`".to_owned();
                    return Err(FetchError::Payload { address, reason });
                }
                _ => return Ok(days),
            }
        }
    }
}

/// Each entry of a page with its day and how many results it holds.
fn entries_of(
    page: &Page<'_>,
    address: &str,
) -> Result<Vec<(Timestamp, String, usize)>, FetchError> {
    let failed = |reason: String| FetchError::Payload { address: address.to_owned(), reason };
    page.data
        .iter()
        .map(|raw| {
            let entry: Entry<'_> =
                serde_json::from_str(raw.get()).map_err(|error| failed(error.to_string()))?;
            let at = match (entry.start_time, entry.starting_at, entry.date) {
                (Some(seconds), ..) => Timestamp::from_second(seconds).ok(),
                (_, Some(at), _) => Some(at),
                // `2025-08-24`, in later versions with a time behind it.
                (.., Some(date)) => date.get(..10).and_then(midnight),
                _ => None,
            };
            let at = at.ok_or_else(|| failed("an entry says no day".to_owned()))?;
            let entries = entry.results.map_or(1, |results| results.len());
            Ok((start_of_day(at), raw.get().replace(['\n', '\r'], " "), entries))
        })
        .collect()
}

/// The sets of an allocation: objects by workload, of the day that was asked for.
fn allocation_day(answer: &Answer, address: &str) -> Result<Day, FetchError> {
    #[derive(Deserialize)]
    struct Allocation<'a> {
        #[serde(borrow)]
        data: Vec<Option<BTreeMap<String, &'a RawValue>>>,
    }
    let read: Allocation<'_> = parse(answer, address)?;
    let mut day = Day::default();
    for set in read.data.into_iter().flatten() {
        day.entries += set.len();
        let text = serde_json::to_string(&set);
        day.texts.push(text.unwrap_or_default().replace(['\n', '\r'], " "));
    }
    Ok(day)
}

fn midnight(date: &str) -> Option<Timestamp> {
    let date: Date = date.parse().ok()?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn is_midnight(at: Timestamp) -> bool {
    start_of_day(at) == at
}

pub(super) fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

impl Fetch {
    /// The lists of a report, each with days of its own.
    fn lists(&self) -> Vec<String> {
        match self.kind {
            Kind::OpenAiUsage => {
                let stated = self.option("lists").unwrap_or_default();
                let stated: Vec<_> =
                    stated.split(',').map(str::trim).filter(|list| !list.is_empty()).collect();
                let all = OPENAI_LISTS.iter().map(|(list, _)| *list);
                all.filter(|list| stated.is_empty() || stated.contains(list))
                    .map(str::to_owned)
                    .collect()
            }
            Kind::OpenRouter => vec!["activity".to_owned()],
            Kind::OpenCost => vec!["allocation".to_owned()],
            Kind::OpenAiCosts | Kind::AnthropicCosts => vec!["costs".to_owned()],
            _ => vec!["usage".to_owned()],
        }
    }

    fn report_question(
        &self,
        base: &Address,
        list: &str,
        start: Timestamp,
        end: Timestamp,
        token: Option<&str>,
    ) -> Question {
        let days = (end.as_microsecond() - start.as_microsecond()).div_euclid(DAY_MICROS);
        let mut query: Vec<(&str, String)> = match self.kind {
            Kind::OpenAiUsage | Kind::OpenAiCosts => vec![
                ("start_time", start.as_second().to_string()),
                ("end_time", end.as_second().to_string()),
                ("bucket_width", "1d".to_owned()),
                ("limit", days.to_string()),
            ],
            Kind::AnthropicUsage | Kind::AnthropicCosts => vec![
                ("starting_at", to_second(start)),
                ("ending_at", to_second(end)),
                ("bucket_width", "1d".to_owned()),
                ("limit", days.to_string()),
            ],
            Kind::OpenCost => vec![
                ("window", format!("{},{}", to_second(start), to_second(end))),
                ("step", "1d".to_owned()),
                (
                    "aggregate",
                    self.option("aggregate").unwrap_or("namespace,controller").to_owned(),
                ),
                ("includeIdle", "true".to_owned()),
            ],
            _ => Vec::new(),
        };
        let (parameter, groups) = self.groups(list);
        query.extend(groups.iter().map(|group| (parameter, (*group).to_owned())));
        if let Some(token) = token {
            query.push(("page", token.to_owned()));
        }
        let path = match self.kind {
            Kind::OpenAiUsage => format!("/v1/organization/usage/{list}"),
            Kind::OpenAiCosts => "/v1/organization/costs".to_owned(),
            Kind::AnthropicUsage => "/v1/organizations/usage_report/messages".to_owned(),
            Kind::AnthropicCosts => "/v1/organizations/cost_report".to_owned(),
            Kind::OpenCost => "/allocation/compute".to_owned(),
            _ => "/api/v1/activity".to_owned(),
        };
        let mut question = Question::get(base.at(&path, query));
        if matches!(self.kind, Kind::AnthropicUsage | Kind::AnthropicCosts) {
            question.headers.push(("anthropic-version", "2023-06-01"));
        }
        question
    }

    /// What a report is split by, and the parameter that says so: everything that decides a price or
    /// an owner, but no end user.
    fn groups(&self, list: &str) -> (&'static str, &'static [&'static str]) {
        match self.kind {
            Kind::OpenAiUsage => {
                let known = OPENAI_LISTS.iter().find(|(name, _)| *name == list);
                ("group_by", known.map_or(&[], |(_, groups)| *groups))
            }
            Kind::OpenAiCosts => ("group_by", &["project_id", "line_item", "api_key_id"]),
            Kind::AnthropicUsage => (
                "group_by[]",
                &[
                    "api_key_id",
                    "workspace_id",
                    "model",
                    "service_tier",
                    "context_window",
                    "inference_geo",
                ],
            ),
            Kind::AnthropicCosts => ("group_by[]", &["workspace_id", "description"]),
            _ => ("", &[]),
        }
    }

    /// What is asked to try a source out: the day before, the first page of every list.
    pub(super) fn probes(&self, base: &Address, now: Timestamp) -> Vec<(String, Question)> {
        if !self.kind.is_report() {
            return self.log_probes(base, now);
        }
        let (start, end) = (days_after(start_of_day(now), -1), start_of_day(now));
        self.lists()
            .into_iter()
            .map(|list| {
                let question = self.report_question(base, &list, start, end, None);
                (list, question)
            })
            .collect()
    }
}

/// The usage lists of OpenAI, and what each can be split by.
const OPENAI_LISTS: [(&str, &[&str]); 10] = [
    ("completions", &["project_id", "api_key_id", "model", "batch", "service_tier"]),
    ("embeddings", &["project_id", "api_key_id", "model"]),
    ("moderations", &["project_id", "api_key_id", "model"]),
    ("images", &["project_id", "api_key_id", "model", "size", "source"]),
    ("audio_speeches", &["project_id", "api_key_id", "model"]),
    ("audio_transcriptions", &["project_id", "api_key_id", "model"]),
    ("vector_stores", &["project_id"]),
    ("code_interpreter_sessions", &["project_id"]),
    ("file_search_calls", &["project_id", "api_key_id"]),
    ("web_search_calls", &["project_id", "api_key_id", "model", "context_level"]),
];
