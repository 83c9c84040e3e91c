//! `[[source]]` and `[sync]` of `centinel.toml`.

use std::{collections::BTreeMap, time::Duration};

use centinel_ingest::{
    client::Address,
    live::Kind,
    objects::{Place, PlaceError},
};
use centinel_ledger::OnOverlap;
use jiff::civil::Date;
use serde::{Deserialize, Deserializer, de};

use super::CredentialRef;
use crate::Role;

/// `[[source]]`: a live source.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// Its name: the source that its rows belong to.
    pub name: String,
    /// What it is.
    #[serde(deserialize_with = "kind")]
    pub kind: Kind,
    /// Where it is, without the path of its API; by the kind where that is the same for everybody.
    #[serde(default)]
    pub base_url: Option<String>,
    /// Where its credential is kept.
    #[serde(default)]
    pub credential: Option<CredentialRef>,
    /// The public part of a credential that has two, as of Langfuse.
    #[serde(default)]
    pub user: Option<String>,
    /// What its rows count as; by the kind where absent.
    #[serde(default, deserialize_with = "role")]
    pub role: Option<Role>,
    /// First day of the first sync.
    #[serde(default)]
    pub since: Option<Date>,
    /// How far before its cursor it is asked again.
    #[serde(default, deserialize_with = "length")]
    pub overlap: Option<Duration>,
    /// The credential may go there without encryption: a network of one's own.
    #[serde(default)]
    pub plain_http: bool,
    /// Options of the kind.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

impl SourceConfig {
    /// What its rows count as.
    pub fn role(&self) -> Role {
        self.role.unwrap_or_else(|| super::default_role(self.kind))
    }

    /// How far before its cursor it is asked again.
    pub fn overlap(&self) -> Duration {
        let hours = u64::try_from(self.kind.default_overlap_hours()).unwrap_or(0);
        self.overlap.unwrap_or(Duration::from_hours(hours))
    }

    /// Where its objects are, of a source that lists some.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    pub(crate) fn place(&self) -> Result<Option<Place>, String> {
        if !self.kind.is_objects() {
            return Ok(None);
        }
        let text = self.base_url.as_deref().ok_or_else(|| "it needs `base_url`".to_owned())?;
        text.parse().map(Some).map_err(|error: PlaceError| error.to_string())
    }

    /// The address of a store of one's own.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    pub(crate) fn endpoint(&self) -> Result<Option<Address>, String> {
        let endpoint =
            self.options.get("endpoint").map(|text| Address::parse(text, self.plain_http));
        endpoint.transpose().map_err(|error| format!("option `endpoint`: {error}"))
    }

    /// What to do with a bill that other objects of the source hold already.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    pub(crate) fn on_overlap(&self) -> Result<Option<OnOverlap>, String> {
        match self.options.get("on_overlap").map(String::as_str) {
            None => Ok(None),
            Some("add") => Ok(Some(OnOverlap::Add)),
            Some("refuse") => Ok(Some(OnOverlap::Refuse)),
            Some("replace") => Ok(Some(OnOverlap::Replace)),
            Some(_) => Err("option `on_overlap` is `add`, `refuse` or `replace`".to_owned()),
        }
    }

    /// Where it is, for people.
    pub(crate) fn shown_address(&self) -> Option<String> {
        match self.place() {
            Ok(Some(place)) => Some(place.to_string()),
            _ => Some(self.address().ok()??.to_string()),
        }
    }

    /// What is wrong with a source that lists objects.
    fn problem_of_objects(&self) -> Option<String> {
        let place = match self.place() {
            Ok(place) => place?,
            Err(reason) => return Some(reason),
        };
        if let Err(reason) = self.endpoint().map(|_| ()).and(self.on_overlap().map(|_| ())) {
            return Some(reason);
        }
        let has_endpoint = self.options.contains_key("endpoint");
        match place {
            Place::Azure { .. } if self.user.is_none() && !has_endpoint => {
                Some("it needs `user`, the storage account".to_owned())
            }
            Place::Folder { .. } if self.credential.is_some() || has_endpoint => {
                Some("a folder has neither `credential` nor `endpoint`".to_owned())
            }
            _ => None,
        }
    }

    /// Where it is; `None` for a database, whose address is its credential.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    pub(crate) fn address(&self) -> Result<Option<Address>, String> {
        if self.kind.is_objects() {
            return Ok(None);
        }
        if self.kind.is_database() {
            return match &self.base_url {
                Some(_) => Err("its address is the credential; `base_url` is not read".to_owned()),
                None => Ok(None),
            };
        }
        let base = self.base_url.as_deref().or(self.kind.default_base());
        let base = base.ok_or_else(|| "it needs `base_url`".to_owned())?;
        let address = Address::parse(base, self.plain_http).map_err(|error| error.to_string())?;
        Ok(Some(address))
    }

    /// Says what is wrong with it beyond the form.
    fn problem(&self) -> Option<String> {
        let is_name = !self.name.trim().is_empty()
            && self.name.chars().count() <= 60
            && self.name.chars().all(|c| c.is_alphanumeric() || "-_. ".contains(c));
        if !is_name {
            return Some("a name has letters, digits, `-`, `_`, `.`; 60 at most".to_owned());
        }
        if let Err(reason) = self.address() {
            return Some(reason);
        }
        if let Some(reason) = self.problem_of_objects() {
            return Some(reason);
        }
        if self.credential.is_none() && !self.kind.is_open() {
            return Some("it needs `credential`, as `env:NAME` or `file:PATH`".to_owned());
        }
        if self.user.is_none() && self.kind.wants_user() {
            return Some("it needs `user`, the public part of the key".to_owned());
        }
        let known: Vec<_> = self.kind.options().iter().map(|(name, _)| *name).collect();
        let unknown = self.options.keys().find(|name| !known.contains(&name.as_str()))?;
        let known = if known.is_empty() { "none".to_owned() } else { known.join("`, `") };
        Some(format!("unknown option `{unknown}`; there is `{known}`").replace("`none`", "none"))
    }
}

/// What is wrong with the sources of a configuration: `source `x`: …`.
pub(crate) fn problem(sources: &[SourceConfig]) -> Option<String> {
    for (index, source) in sources.iter().enumerate() {
        if sources.iter().take(index).any(|other| other.name == source.name) {
            return Some(format!("source `{}` stands there twice", source.name));
        }
        if let Some(problem) = source.problem() {
            return Some(format!("source `{}`: {problem}", source.name));
        }
    }
    None
}

/// `[sync]`: how often `serve` syncs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SyncConfig {
    /// Time between two syncs of a source; `off` for never.
    #[serde(deserialize_with = "interval")]
    pub interval: Option<Duration>,
}

impl Default for SyncConfig {
    fn default() -> Self {
        Self { interval: Some(Duration::from_hours(1)) }
    }
}

fn kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Kind, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|error: centinel_ingest::live::UnknownKind| {
        de::Error::custom(format!("{error}; {}", error.hint()))
    })
}

fn role<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Role>, D::Error> {
    let name = String::deserialize(deserializer)?;
    name.parse().map(Some).map_err(de::Error::custom)
}

fn length<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_length(&text).map(Some).ok_or_else(|| de::Error::custom(LENGTH))
}

fn interval<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text == "off" {
        return Ok(None);
    }
    let length = parse_length(&text).filter(|length| *length >= Duration::from_mins(1));
    length.map(Some).ok_or_else(|| {
        de::Error::custom(format!("{LENGTH}; an interval has a minute at least, or is `off`"))
    })
}

const LENGTH: &str = "a length of time is written as `15m`, `36h` or `3d`";

/// `15m`, `36h`, `3d`; at most ten years.
pub(crate) fn parse_length(text: &str) -> Option<Duration> {
    let unit = match text.chars().next_back()? {
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let count: u64 = text.get(..text.len() - 1)?.parse().ok()?;
    let seconds = count.checked_mul(unit).filter(|seconds| *seconds <= 3660 * 86_400)?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    fn check(source: &str, expected: Option<&str>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("centinel.toml");
        std::fs::write(&path, source).unwrap();
        match (Config::load(&path), expected) {
            (Ok(_), None) => {}
            (Err(error), Some(expected)) => {
                assert!(error.to_string().contains(expected), "{error}");
                assert!(!error.to_string().contains("hunter2"), "{error}");
            }
            (read, expected) => panic!("{source}: {read:?}, not {expected:?}"),
        }
    }

    #[test]
    fn sources_are_checked_when_they_are_read() {
        let source = |lines: &str| format!("[[source]]\nname = \"a\"\n{lines}");
        let gateway = "kind = \"litellm\"\nbase_url = \"http://127.0.0.1:4000\"\n";
        for (lines, expected) in [
            (
                format!(
                    "{gateway}credential = \"env:KEY\"\noverlap = \"3d\"\nsince = \"2026-10-01\""
                ),
                None,
            ),
            (
                format!(
                    "{gateway}credential = \"file:key\"\nrole = \"invoice\"\nplain_http = true"
                ),
                None,
            ),
            ("kind = \"litellm-database\"\ncredential = \"env:URL\"".to_owned(), None),
            (gateway.to_owned(), Some("source `a`: it needs `credential`")),
            (
                format!("{gateway}credential = \"sk-hunter2\""),
                Some("line 5: a credential is named"),
            ),
            (
                format!("{gateway}credential = \"env:K\"\ntoken = \"x\""),
                Some("unknown field `token`"),
            ),
            (
                format!("{gateway}credential = \"env:K\"\nrole = \"cost\""),
                Some("unknown role `cost`"),
            ),
            (
                format!("{gateway}credential = \"env:K\"\noverlap = \"3 days\""),
                Some("written as `15m`"),
            ),
            (
                format!("{gateway}credential = \"env:K\"\n[source.options]\nx = \"y\""),
                Some("unknown option `x`; there is none"),
            ),
            ("kind = \"litellm\"\ncredential = \"env:K\"".to_owned(), Some("it needs `base_url`")),
            (
                "kind = \"litelm\"\ncredential = \"env:K\"".to_owned(),
                Some("no kind of source is called `litelm`; one of `"),
            ),
            ("kind = \"objects\"\nbase_url = \"s3://bills/cur\"".to_owned(), None),
            ("kind = \"objects\"\nbase_url = \"file:///bills\"".to_owned(), None),
            ("kind = \"objects\"".to_owned(), Some("it needs `base_url`")),
            (
                "kind = \"objects\"\nbase_url = \"s3://id:hunter2@bills\"".to_owned(),
                Some("objects are at `s3://bucket/prefix`"),
            ),
            (
                "kind = \"objects\"\nbase_url = \"az://costs\"".to_owned(),
                Some("it needs `user`, the storage account"),
            ),
            (
                "kind = \"objects\"\nbase_url = \"file:///b\"\ncredential = \"env:K\"".to_owned(),
                Some("a folder has neither"),
            ),
            (
                "kind = \"objects\"\nbase_url = \"gs://b\"\n[source.options]\non_overlap = \"x\""
                    .to_owned(),
                Some("option `on_overlap` is"),
            ),
            (
                "kind = \"objects\"\nbase_url = \"gs://b\"\n[source.options]\nendpoint = \"h\""
                    .to_owned(),
                Some("option `endpoint`: not an address"),
            ),
            (
                "kind = \"litellm\"\nbase_url = \"http://u:hunter2@h\"\ncredential = \"env:K\""
                    .to_owned(),
                Some("holds no user or password"),
            ),
        ] {
            check(&source(&lines), expected);
        }
        let twice = source(&format!("{gateway}credential = \"env:K\"\n")).repeat(2);
        check(&twice, Some("source `a` stands there twice"));
        check("[[source]]\nname = \"a/../b\"\nkind = \"litellm\"", Some("a name has letters"));
        check("[sync]\ninterval = \"1s\"", Some("written as `15m`"));
        check("[sync]\ninterval = \"off\"", None);
    }

    #[test]
    fn lengths() {
        for (text, expected) in [
            ("15m", Some(900)),
            ("36h", Some(129_600)),
            ("0d", Some(0)),
            ("3", None),
            ("d", None),
            ("-3d", None),
            ("é", None),
            ("99999999999999999999d", None),
        ] {
            assert_eq!(parse_length(text).map(|length| length.as_secs()), expected, "{text}");
        }
    }
}
