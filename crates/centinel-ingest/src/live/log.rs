//! Logs over HTTP: pages of calls with ids, in slices of a day.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Body, Delivery, Fetch, Kind, days_after,
    page::{Pages, parse},
};
use crate::client::{Address, Answer, Client, FetchError, Question};

/// Rows asked for at once.
const PAGE_ROWS: u32 = 500;

/// A slice of time whose pages are being read. When its last page is delivered, everything before its
/// end is; a fetch that is cut off begins the slice again.
#[derive(Debug)]
pub(super) struct Slice {
    pub(super) end: Timestamp,
    pub(super) position: Position,
    pub(super) pages: Pages,
}

/// Where in a list a page stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Position {
    /// A page by its number, from 1.
    Page(u32),
    /// After so many rows.
    Offset(u32),
    /// Where the page before said; nothing on the first.
    Token(Option<String>),
}

/// What a page says about those after it.
#[derive(Debug)]
struct Read<'a> {
    rows: usize,
    texts: Vec<&'a str>,
    next: Option<Position>,
}

impl Fetch {
    pub(super) async fn next_log_page(
        &mut self,
        client: &Client,
        base: &Address,
    ) -> Result<(), FetchError> {
        let mut slice = self.slice.take().unwrap_or_else(|| Slice {
            end: days_after(self.at, 1).min(self.until),
            position: self.first_position(),
            pages: Pages::default(),
        });
        let question = Self::page_question(base, self.at, slice.end, &slice.position, PAGE_ROWS);
        let address = question.address.to_string();
        let answer = client.ask(&question).await?;
        self.count(&answer);
        let read = read_page(&answer, &slice.position, &address)?;
        let is_new = slice.pages.is_new(&answer, client.limits().pages, &address)?;
        let name = format!("{} {}", self.kind.name(), super::to_second(self.at));
        let body = (is_new && read.rows > 0).then(|| Body {
            format: self.format,
            bytes: as_format(self.kind, &read.texts),
            name,
        });
        self.statistics.repeated_pages += u64::from(!is_new);
        if let Some(Position::Token(Some(token))) = &read.next {
            slice.pages.follow(token, &address)?;
        }
        let reached = if let Some(next) = read.next {
            slice.position = next;
            self.slice = Some(slice);
            None
        } else {
            self.at = slice.end;
            Some(slice.end)
        };
        if body.is_some() || reached.is_some() {
            self.ready.push_back(Delivery { body, window: None, reached });
        }
        Ok(())
    }

    fn page_question(
        base: &Address,
        start: Timestamp,
        end: Timestamp,
        position: &Position,
        rows: u32,
    ) -> Question {
        match position {
            Position::Page(page) => {
                // Oldest first, so that a call which arrives meanwhile moves no page that was read.
                let query = [
                    ("start_date", plain(start)),
                    ("end_date", plain(end)),
                    ("page", page.to_string()),
                    ("page_size", rows.to_string()),
                    ("sort_by", "startTime".to_owned()),
                    ("sort_order", "asc".to_owned()),
                ];
                Question::get(base.at("/spend/logs/v2", query))
            }
            Position::Token(token) => {
                let mut query = vec![
                    ("type", "GENERATION".to_owned()),
                    ("fields", "core,basic,time,model,usage,metadata".to_owned()),
                    ("fromStartTime", start.to_string()),
                    ("toStartTime", end.to_string()),
                    ("limit", rows.to_string()),
                ];
                query.extend(token.iter().map(|token| ("cursor", token.clone())));
                Question::get(base.at("/api/public/v2/observations", query))
            }
            Position::Offset(offset) => {
                let at = |operator: &str, at: Timestamp| {
                    let instant = serde_json::json!({ operator: at.to_string() });
                    serde_json::json!({"request_response_rmt": {"request_created_at": instant}})
                };
                let filter = serde_json::json!({
                    "left": at("gte", start), "operator": "and", "right": at("lt", end),
                });
                let body = serde_json::json!({
                    "filter": filter, "offset": offset, "limit": rows,
                    "sort": {"created_at": "asc"}, "isCached": false,
                });
                let address = base.at("/v1/request/query-clickhouse", []);
                Question { query_body: Some(body.to_string()), ..Question::get(address) }
            }
        }
    }

    pub(super) fn log_probes(&self, base: &Address, now: Timestamp) -> Vec<(String, Question)> {
        let (from, first) = (days_after(now, -1), self.first_position());
        let question = Self::page_question(base, from, now, &first, 10);
        vec![(self.kind.name().to_owned(), question)]
    }

    fn first_position(&self) -> Position {
        match self.kind {
            Kind::Langfuse => Position::Token(None),
            Kind::Helicone => Position::Offset(0),
            _ => Position::Page(1),
        }
    }
}

/// A page of any of the logs; each has its own way to say what follows.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
    #[serde(default)]
    total_pages: Option<u32>,
    #[serde(default)]
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    cursor: Option<String>,
}

/// Rows as their format wants them, whatever stood around them on the page.
fn as_format(kind: Kind, rows: &[&str]) -> Vec<u8> {
    let lines: Vec<String> = rows.iter().map(|row| row.replace(['\n', '\r'], " ")).collect();
    match kind {
        Kind::LiteLlm => lines.join("\n").into_bytes(),
        _ => format!("{{\"data\":[{}]}}", lines.join(",")).into_bytes(),
    }
}

/// The rows of a page that was asked for to try a source out.
pub(super) fn rows_of(kind: Kind, answer: &Answer) -> Option<Vec<u8>> {
    let page: Page<'_> = serde_json::from_slice(&answer.body).ok()?;
    let rows: Vec<&str> = page.data.iter().map(|row| row.get()).collect();
    Some(as_format(kind, &rows))
}

fn read_page<'a>(
    answer: &'a Answer,
    position: &Position,
    address: &str,
) -> Result<Read<'a>, FetchError> {
    let page: Page<'a> = parse(answer, address)?;
    let rows = page.data.len();
    let texts = page.data.iter().map(|row| row.get()).collect();
    let count = u32::try_from(rows).unwrap_or(u32::MAX);
    let next = match position {
        // Without the total there is no telling whether more follow.
        Position::Page(at) => match page.total_pages {
            Some(total) => (*at < total).then(|| Position::Page(at + 1)),
            None => {
                let reason = "it has no `total_pages`".to_owned();
                return Err(FetchError::Payload { address: address.to_owned(), reason });
            }
        },
        Position::Offset(at) => Some(Position::Offset(at.saturating_add(count))),
        Position::Token(_) => {
            let cursor = page.meta.and_then(|meta| meta.cursor).filter(|cursor| !cursor.is_empty());
            cursor.map(|cursor| Position::Token(Some(cursor)))
        }
    };
    // A page that is asked for and empty is the end, whatever is said: rows may have gone.
    Ok(Read { rows, texts, next: next.filter(|_| rows > 0) })
}

/// `2026-11-03 14:05:00`, the form that LiteLLM takes, in UTC.
fn plain(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}
