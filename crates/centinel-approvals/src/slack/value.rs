//! What a button sends back: which version was looked at, and nothing else.

use std::{fmt, str::FromStr};

use centinel_engine::proposal::ProposalId;

use crate::{Decision, Verdict, View};

/// A version of a proposal, as a message showed it. Foreign until the approval service has compared it:
/// somebody else's button can say anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) id: ProposalId,
    pub(crate) version: u32,
    /// The whole digest.
    pub(crate) digest: String,
}

impl Shown {
    pub(crate) fn of(view: &View) -> Self {
        Self { id: view.proposal.id, version: view.proposal.version, digest: view.digest.clone() }
    }

    /// A decision on exactly this version.
    pub(crate) fn decision(&self, verdict: Verdict) -> Decision {
        let channel = centinel_engine::proposal::Channel::Slack;
        let (version, digest) = (self.version, self.digest.clone());
        Decision { id: self.id, version, digest, verdict, channel }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.id, self.version, self.digest)
    }
}

impl FromStr for Shown {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('/');
        let (id, version, digest) = (parts.next(), parts.next(), parts.next());
        let (Some(id), Some(version), Some(digest), None) = (id, version, digest, parts.next())
        else {
            return Err(());
        };
        let is_digest = digest.len() == 64
            && digest.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if !is_digest {
            return Err(());
        }
        Ok(Self {
            id: id.parse().map_err(|_| ())?,
            version: version.parse().map_err(|_| ())?,
            digest: digest.to_owned(),
        })
    }
}
