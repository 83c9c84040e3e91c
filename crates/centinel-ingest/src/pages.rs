//! Pages of usage and cost reports: time buckets with results, as OpenAI and Anthropic both send
//! them.

use centinel_engine::period::Period;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    finding::{FindingStatus, Findings},
    instant::Instants,
    json,
    records::Piece,
    sink::bad_value,
};

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Page<'a> {
    #[serde(borrow, default)]
    data: Option<Vec<&'a RawValue>>,
    // A bucket or a result that stands for itself.
    #[serde(borrow, default)]
    results: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(default)]
    has_more: Option<bool>,
}

#[derive(Deserialize)]
#[serde(expecting = "a bucket")]
struct Bucket<'a> {
    #[serde(borrow, default, alias = "starting_at")]
    start_time: Option<&'a RawValue>,
    #[serde(borrow, default, alias = "ending_at")]
    end_time: Option<&'a RawValue>,
    #[serde(borrow)]
    results: Vec<&'a RawValue>,
}

/// Whether the last page said that more follow.
#[derive(Default)]
pub(crate) struct Follow(bool);

impl Follow {
    /// Tells of pages that are not there.
    pub(crate) fn finish(&self, findings: &mut Findings) {
        if self.0 {
            let message =
                "says on the last page that more pages follow: the report is not complete";
            findings.note("has_more", FindingStatus::Note, message);
        }
    }
}

/// Splits a page, or a single bucket, into results with the bucket that they stand in. A bucket that
/// cannot be read is one record in error.
///
/// # Errors
///
/// Why the document is no page.
pub(crate) fn split<'d>(document: &'d str, follow: &mut Follow) -> Result<Vec<Piece<'d>>, String> {
    let page: Page<'_> = serde_json::from_str(document).map_err(|error| reason(&error))?;
    follow.0 = page.has_more == Some(true);
    let mut pieces = Vec::new();
    match (page.data, page.results) {
        (Some(buckets), _) => {
            for bucket in buckets {
                split_bucket(bucket.get(), &mut pieces);
            }
        }
        (None, Some(_)) => split_bucket(document, &mut pieces),
        (None, None) if page.error.is_some() => {
            return Err("the page is an error answer, not a report".to_owned());
        }
        (None, None) => return Err("no `data`: not a page of a report".to_owned()),
    }
    Ok(pieces)
}

fn split_bucket<'d>(text: &'d str, pieces: &mut Vec<Piece<'d>>) {
    match serde_json::from_str::<Bucket<'d>>(text) {
        Ok(bucket) => {
            let period = period(bucket.start_time, bucket.end_time);
            pieces.extend(
                bucket.results.into_iter().map(|text| Piece {
                    bucket: period.clone().map(Some),
                    ..Piece::from(text.get())
                }),
            );
        }
        Err(error) => pieces.push(Piece { bucket: Err(reason(&error)), ..Piece::from(text) }),
    }
}

fn period(start: Option<&RawValue>, end: Option<&RawValue>) -> Result<Period, String> {
    let start = instant("start of the bucket", start)?;
    Period::new(start, instant("end of the bucket", end)?)
        .map_err(|error| format!("bucket: {error}"))
}

fn instant(name: &str, value: Option<&RawValue>) -> Result<Timestamp, String> {
    let value = value.map(|value| value.get().trim_matches('"')).unwrap_or_default();
    Instants::ABSOLUTE
        .parse(value)
        .map(|instant| instant.at)
        .map_err(|problem| bad_value(name, value, problem))
}

fn reason(error: &serde_json::Error) -> String {
    if error.is_data() {
        let text = error.to_string();
        let problem = text.rsplit_once(" at line ").map_or(text.as_str(), |(problem, _)| problem);
        return format!("not a page of a report: {problem}");
    }
    json::reason(error)
}
