//! What is remembered of the narrator's endpoint between processes: how it keeps to JSON, and whether it is
//! left alone.
//!
//! A file in the home, `narrator.json`: no fact of anybody's spend, so losing it costs a question or two.
//! What cannot be read counts as not there.

use std::{fs, path::PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::NarratorMode;
use crate::{App, AppError};

const FILE: &str = "narrator.json";
/// Longer files are not ours.
const BYTES_MAX: u64 = 64 * 1024;

/// What was found out about an endpoint and its model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NarratorMemory {
    /// The address.
    pub endpoint: String,
    /// The model.
    pub model: String,
    /// The strictest mode that worked; `None` where none was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<NarratorMode>,
    /// Set while it is left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_alone: Option<LeftAlone>,
}

/// An endpoint that `serve` leaves alone after faults in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftAlone {
    /// Until when.
    pub until: Timestamp,
    /// Runs in a row that ended in a fault.
    pub faults: u32,
    /// The last fault.
    pub reason: String,
}

impl App {
    /// What is remembered of an endpoint and model; nothing of another one.
    pub fn narrator_memory(&self, endpoint: &str, model: &str) -> NarratorMemory {
        let path = self.narrator_file();
        let is_small = fs::metadata(&path).is_ok_and(|found| found.len() <= BYTES_MAX);
        let text = is_small.then(|| fs::read_to_string(&path).ok()).flatten();
        let read: Option<NarratorMemory> = text.and_then(|text| serde_json::from_str(&text).ok());
        let is_of_it = |found: &NarratorMemory| found.endpoint == endpoint && found.model == model;
        read.filter(is_of_it).unwrap_or_else(|| NarratorMemory {
            endpoint: endpoint.to_owned(),
            model: model.to_owned(),
            mode: None,
            left_alone: None,
        })
    }

    /// Remembers this in place of what was. Of two processes that do so at once, the later one counts.
    ///
    /// # Errors
    ///
    /// [`AppError::Home`].
    pub fn remember_narrator(&self, memory: &NarratorMemory) -> Result<(), AppError> {
        let path = self.narrator_file();
        let failed = |source| AppError::Home { path: path.clone(), source };
        let text = serde_json::to_string_pretty(memory).map_err(std::io::Error::from);
        let draft = path.with_extension(format!("json.{}", std::process::id()));
        fs::write(&draft, text.map_err(failed)? + "\n").map_err(failed)?;
        fs::rename(&draft, &path).map_err(failed)
    }

    fn narrator_file(&self) -> PathBuf {
        self.home().join(FILE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_remembered_is_of_one_endpoint_and_model() {
        let folder = tempfile::tempdir().unwrap();
        crate::create_home(folder.path()).unwrap();
        let app = App::open(folder.path(), None).await.unwrap();
        let known = |endpoint, model| app.narrator_memory(endpoint, model);
        assert_eq!(known("http://a/v1", "m").mode, None);
        let until = "2026-11-22T12:00:00Z".parse().unwrap();
        let memory = NarratorMemory {
            mode: Some(NarratorMode::JsonObject),
            left_alone: Some(LeftAlone { until, faults: 3, reason: "it is gone".to_owned() }),
            ..known("http://a/v1", "m")
        };
        app.remember_narrator(&memory).unwrap();
        assert_eq!(known("http://a/v1", "m"), memory);
        for (endpoint, model) in [("http://a/v1", "n"), ("http://b/v1", "m")] {
            let other = known(endpoint, model);
            assert_eq!((other.mode, other.left_alone), (None, None));
        }
        for bad in ["{", "{}", "[]", r#"{"endpoint":"http://a/v1","model":"m","mode":"yaml"}"#] {
            std::fs::write(folder.path().join(FILE), bad).unwrap();
            assert_eq!(known("http://a/v1", "m").mode, None, "{bad}");
        }
    }
}
