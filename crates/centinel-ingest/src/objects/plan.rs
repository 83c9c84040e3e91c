//! What of a list is data, and of which delivery each object is a part.
//!
//! Clouds deliver a month again and again until it is closed: into the same objects, or into a new
//! folder for each run below a folder of the period. Of a period, the latest run counts.
//!
//! # Source
//!
//! AWS Data Exports User Guide, "Understanding export delivery": `…/data/BILLING_PERIOD=YYYY-MM/`, below
//! it a folder for each run unless the export overwrites; `…/metadata/…-Manifest.json`. AWS Cost and
//! Usage Reports User Guide, "Viewing your reports": `…/YYYYMMDD-YYYYMMDD/{assembly id}/`. Microsoft Cost
//! Management, "Create and manage exports": `…/YYYYMMDD-YYYYMMDD/{run}/part_0_0001.csv` with
//! `manifest.json`; earlier exports put the run's GUID into the file's name. Amazon Bedrock User Guide,
//! "Model invocation logging": bodies over 100 kB lie apart, below `data/`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Object;

/// Why an object is not fetched, by its name alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NotData {
    /// Nothing in it, as in a marker of a folder.
    Empty,
    /// Says what was delivered, or how to load it; a check of rights.
    Manifest,
    /// No name that files with rows have.
    OtherName,
    /// A body that a log record points to.
    LargeBody,
}

impl NotData {
    /// In words, for a count of them.
    pub fn words(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Manifest => "manifests and the like",
            Self::OtherName => "no files of rows by their names",
            Self::LargeBody => "bodies beside Bedrock's logs",
        }
    }
}

/// An object that holds rows, as far as its name tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The object.
    pub object: Object,
    /// The folder of the billing period that it is a part of, if its path has one: what lies there is
    /// one delivery, of which the latest run counts.
    pub period: Option<String>,
}

/// What to do with a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// What holds rows and counts, as it was written: oldest first.
    pub data: Vec<Planned>,
    /// How many are passed over by their names.
    pub not_data: BTreeMap<NotData, usize>,
    /// How many belong to a run that a later run of the same period supersedes.
    pub superseded: usize,
}

/// Names of files that hold rows, with or without compression.
const SUFFIXES: [&str; 6] = ["json", "jsonl", "ndjson", "csv", "tsv", "parquet"];

impl Plan {
    /// Plans a list.
    pub fn of(objects: Vec<Object>) -> Self {
        let mut plan = Self::default();
        // The runs of each period: when the last of it was written, and its objects.
        let mut periods: BTreeMap<String, BTreeMap<String, (Timestamp, Vec<Object>)>> =
            BTreeMap::new();
        for object in objects {
            if let Some(why) = not_data(&object) {
                *plan.not_data.entry(why).or_default() += 1;
                continue;
            }
            match period_and_run(&object.key) {
                None => plan.data.push(Planned { object, period: None }),
                Some((period, run)) => {
                    let runs = periods.entry(period).or_default();
                    let (last, objects) = runs.entry(run).or_insert((object.modified, Vec::new()));
                    *last = (*last).max(object.modified);
                    objects.push(object);
                }
            }
        }
        for (period, runs) in periods {
            let mut runs: Vec<_> = runs.into_iter().collect();
            runs.sort_by(|(a, (at, _)), (b, (bt, _))| (at, a).cmp(&(bt, b)));
            let latest = runs.pop();
            plan.superseded += runs.iter().map(|(_, (_, objects))| objects.len()).sum::<usize>();
            for object in latest.into_iter().flat_map(|(_, (_, objects))| objects) {
                plan.data.push(Planned { object, period: Some(period.clone()) });
            }
        }
        plan.data.sort_by(|a, b| {
            (a.object.modified, &a.object.key).cmp(&(b.object.modified, &b.object.key))
        });
        plan
    }

    /// The keys that count.
    pub fn keys(&self) -> BTreeSet<&str> {
        self.data.iter().map(|planned| planned.object.key.as_str()).collect()
    }
}

fn not_data(object: &Object) -> Option<NotData> {
    let (folders, name) = object.key.rsplit_once('/').unwrap_or(("", &object.key));
    let lower = name.to_ascii_lowercase();
    if object.bytes == 0 {
        return Some(NotData::Empty);
    }
    if lower.ends_with("manifest.json") || lower.starts_with(['.', '_']) {
        return Some(NotData::Manifest);
    }
    if !has_rows(&lower) {
        return Some(NotData::OtherName);
    }
    if folders.contains("BedrockModelInvocationLogs/") && folders.ends_with("/data") {
        return Some(NotData::LargeBody);
    }
    None
}

fn has_rows(name: &str) -> bool {
    let suffix = |name: &str| {
        name.rsplit_once('.').map(|(rest, suffix)| (rest.to_owned(), suffix.to_owned()))
    };
    match suffix(name) {
        Some((_, zip)) if zip == "zip" => true,
        Some((rest, packed)) if packed == "gz" || packed == "zst" => {
            suffix(&rest).is_some_and(|(_, suffix)| SUFFIXES.contains(&suffix.as_str()))
        }
        Some((_, suffix)) => SUFFIXES.contains(&suffix.as_str()),
        None => false,
    }
}

/// The folder of a period, and the run below it: what differs from one delivery of the period to the
/// next in the folders, and a GUID in the name.
fn period_and_run(key: &str) -> Option<(String, String)> {
    let (folders, name) = key.rsplit_once('/')?;
    let parts: Vec<&str> = folders.split('/').collect();
    let at = parts.iter().position(|part| is_period(part))?;
    let (period, below) = parts.split_at_checked(at + 1)?;
    let guid = guid_in(name).unwrap_or_default();
    Some((period.join("/"), format!("{}/{guid}", below.join("/"))))
}

/// `BILLING_PERIOD=2026-11`, or `20261101-20261201`.
fn is_period(part: &str) -> bool {
    let is_range = part.split_once('-').is_some_and(|(start, end)| is_date(start) && is_date(end));
    let hive = part.split_once('=').filter(|(name, _)| name.eq_ignore_ascii_case("billing_period"));
    is_range || hive.is_some_and(|(_, value)| !value.is_empty())
}

fn is_date(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit())
}

/// A GUID, as in `costs_c8a59d5b-4c0e-4f0b-9d1f-3f5d2d1a7c11.csv`.
fn guid_in(name: &str) -> Option<&str> {
    const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
    const LENGTH: usize = 36;
    (0..name.len().saturating_sub(LENGTH - 1)).find_map(|start| {
        let text = name.get(start..start + LENGTH)?;
        let groups: Vec<&str> = text.split('-').collect();
        let is_guid = groups.len() == GROUPS.len()
            && groups.iter().zip(GROUPS).all(|(group, length)| {
                group.len() == length && group.bytes().all(|b| b.is_ascii_hexdigit())
            });
        is_guid.then_some(text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(key: &str, second: i64) -> Object {
        let modified = Timestamp::from_second(second).unwrap();
        Object { key: key.to_owned(), version: String::new(), bytes: 1, modified }
    }

    fn counted(objects: &[(&str, i64)]) -> (Vec<String>, usize) {
        let objects = objects.iter().map(|(key, second)| object(key, *second)).collect();
        let plan = Plan::of(objects);
        (plan.keys().into_iter().map(str::to_owned).collect(), plan.superseded)
    }

    #[test]
    fn names_of_manifests_folders_and_other_files() {
        use NotData::{Empty, LargeBody, Manifest, OtherName};
        let bedrock = "AWSLogs/1/BedrockModelInvocationLogs/us-east-1/2026/11/05/12";
        for (key, expected) in [
            ("export/data/BILLING_PERIOD=2026-11/export-00001.snappy.parquet", None),
            ("export/metadata/BILLING_PERIOD=2026-11/export-Manifest.json", Some(Manifest)),
            ("costs/20261101-20261130/run/manifest.json", Some(Manifest)),
            ("cur/20261101-20261201/cur-create-table.sql", Some(OtherName)),
            ("data/_SUCCESS", Some(Manifest)),
            ("a.CSV.GZ", None),
            ("a.csv.bz2", Some(OtherName)),
            ("bill.zip", None),
            ("amazon-bedrock-logs-permission-check", Some(OtherName)),
            (&format!("{bedrock}/20261105T120500_ab.json.gz"), None),
            (&format!("{bedrock}/data/ab_input.json.gz"), Some(LargeBody)),
        ] {
            assert_eq!(not_data(&object(key, 1)), expected, "{key}");
        }
        let empty = Object { bytes: 0, ..object("folder/a.csv", 1) };
        assert_eq!(not_data(&empty), Some(Empty));
    }

    #[test]
    fn of_a_period_the_latest_run_counts() {
        // AWS, a new folder each time: both chunks of the second run, however they sort.
        let month = "e/data/BILLING_PERIOD=2026-11";
        let (keys, superseded) = counted(&[
            (&format!("{month}/2026-11-06T00-ff/e-00001.csv.gz"), 10),
            (&format!("{month}/2026-11-05T00-aa/e-00001.csv.gz"), 20),
            (&format!("{month}/2026-11-05T00-aa/e-00002.csv.gz"), 21),
            ("e/data/BILLING_PERIOD=2026-10/2026-11-01T00-bb/e-00001.csv.gz", 5),
        ]);
        assert_eq!(superseded, 1);
        assert_eq!(keys.len(), 3, "{keys:?}");
        assert!(keys.iter().all(|key| !key.contains("-ff/")), "{keys:?}");
        // Azure, before there were folders for runs: the GUID is in the name.
        let costs = "c/20261101-20261130/costs_";
        let (keys, superseded) = counted(&[
            (&format!("{costs}c8a59d5b-4c0e-4f0b-9d1f-3f5d2d1a7c11.csv"), 1),
            (&format!("{costs}00000000-4c0e-4f0b-9d1f-3f5d2d1a7c11.csv"), 2),
        ]);
        assert_eq!((keys.len(), superseded), (1, 1));
        assert!(keys[0].contains("_00000000"), "{keys:?}");
        // No period, no runs: partitions by another name all count.
        let (keys, superseded) = counted(&[("t/month=11/a/x.csv", 1), ("t/month=11/b/x.csv", 2)]);
        assert_eq!((keys.len(), superseded), (2, 0));
    }
}
