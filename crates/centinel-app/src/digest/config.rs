//! `[digest]`: who gets digests, and of what.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use centinel_engine::digest::{Summary, Waiting};
use serde::Deserialize;

/// `[digest]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct DigestConfig {
    /// Who sends them.
    pub from: Option<MailAddress>,
    /// Of all spend.
    pub organisation: DigestOwnerConfig,
    /// By owner.
    pub owners: BTreeMap<String, DigestOwnerConfig>,
}

/// What one owner gets.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct DigestOwnerConfig {
    /// Where to; without any, the files say no recipient.
    pub to: Vec<MailAddress>,
    /// What they do not want to hear of.
    pub unsubscribed: BTreeSet<DigestTopic>,
}

/// What can be left out of a digest. The cost itself, and how far to trust it, cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DigestTopic {
    /// The whole digest.
    All,
    /// What left its usual range.
    Episodes,
    /// Where the month ends, and budgets.
    Forecast,
    /// What an output costs.
    Outputs,
    /// What waits for a decision, and savings.
    Decisions,
}

impl DigestConfig {
    /// What an owner gets; without one, what is sent of all spend.
    pub fn of(&self, owner: Option<&str>) -> DigestOwnerConfig {
        match owner {
            Some(owner) => self.owners.get(owner).cloned().unwrap_or_default(),
            None => self.organisation.clone(),
        }
    }
}

impl DigestOwnerConfig {
    /// A summary without what nobody wants to hear of; `None` where that is all of it.
    pub(super) fn wanted(&self, mut summary: Summary) -> Option<Summary> {
        for topic in &self.unsubscribed {
            match topic {
                DigestTopic::All => return None,
                DigestTopic::Episodes => {
                    summary.findings.clear();
                    summary.findings_more = 0;
                }
                DigestTopic::Forecast => {
                    summary.ahead = None;
                    summary.limits.clear();
                    summary.limits_kept = None;
                }
                DigestTopic::Outputs => summary.outputs.clear(),
                DigestTopic::Decisions => {
                    summary.waiting = Waiting::default();
                    summary.savings.clear();
                }
            }
        }
        Some(summary)
    }
}

/// An address that mail is sent from or to, perhaps with a name: `Ana <ana@example.com>`. What could end a
/// header or begin another address is in none.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct MailAddress {
    name: Option<String>,
    address: String,
}

/// Longest address (RFC 5321, 4.5.3.1.3 less its brackets), and longest name.
const LENGTH_MAX: usize = 254;

impl MailAddress {
    /// The part after the `@`.
    pub fn domain(&self) -> &str {
        self.address.split_once('@').map_or("", |(_, domain)| domain)
    }
}

impl TryFrom<String> for MailAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let shown: String = text.chars().filter(|c| !c.is_control()).take(60).collect();
        let refused = || format!("`{shown}` is no address such as `Ana <ana@example.com>`");
        let (name, address) = match text.trim().strip_suffix('>') {
            Some(named) => {
                let (name, address) = named.split_once('<').ok_or_else(refused)?;
                (Some(name.trim().to_owned()), address)
            }
            None => (None, text.trim()),
        };
        let name = name.filter(|name| !name.is_empty());
        let is_name = |name: &String| {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || " .-'&_".contains(c);
            name.len() <= LENGTH_MAX && name.chars().all(is_plain)
        };
        let (local, domain) = address.split_once('@').ok_or_else(refused)?;
        let is_local = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
        let is_domain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        let is_dotted = |part: &str| part.split('.').all(|label| !label.is_empty());
        let is_address = address.len() <= LENGTH_MAX
            && local.chars().all(is_local)
            && domain.chars().all(is_domain)
            && is_dotted(local)
            && is_dotted(domain);
        if !is_address || !name.as_ref().is_none_or(is_name) {
            return Err(refused());
        }
        Ok(Self { name, address: address.to_owned() })
    }
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "\"{name}\" <{}>", self.address),
            None => f.write_str(&self.address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_end_no_header() {
        let read = |text: &str| MailAddress::try_from(text.to_owned()).map(|read| read.to_string());
        assert_eq!(read("a.b+c@example.com").as_deref(), Ok("a.b+c@example.com"));
        assert_eq!(
            read(" Cost & Care <care@example.com>").as_deref(),
            Ok("\"Cost & Care\" <care@example.com>")
        );
        for bad in [
            "",
            "nobody",
            "a@b@c",
            "a@",
            "@b.c",
            "a..b@c.d",
            "a@b.c\r\nBcc: x@y.z",
            "a@b.c, x@y.z",
            "\"x\" <a@b.c>",
            "x\r\nBcc: y <a@b.c>",
            "a b@c.d",
            "a@b.c\n",
        ] {
            let found = read(bad);
            // Space around an address, line ends too, is no part of it.
            assert!(found.is_err() || found.as_deref() == Ok(bad.trim()), "{bad:?}: {found:?}");
            assert!(!found.unwrap_or_default().contains(['\r', '\n', ',']), "{bad:?}");
        }
    }

    #[test]
    fn what_is_configured_is_read() {
        let config: DigestConfig = toml::from_str(
            "from = \"Centinel <centinel@example.com>\"\n[owners.\"a b\"]\nto = [\"x@example.com\"]\n\
             unsubscribed = [\"forecast\", \"decisions\"]\n[organisation]\nunsubscribed = [\"all\"]\n",
        )
        .unwrap();
        assert_eq!(config.of(Some("a b")).to.len(), 1);
        assert_eq!(config.of(Some("nobody")), DigestOwnerConfig::default());
        assert!(config.of(None).unsubscribed.contains(&DigestTopic::All));
        let wrong = toml::from_str::<DigestConfig>("[owners.x]\nunsubscribed = [\"prices\"]\n");
        assert!(wrong.unwrap_err().message().contains("unknown variant `prices`"));
    }
}
