//! The proposal itself: immutable, and addressed by the digest of its canonical JSON.

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;

use super::{ApprovalPolicy, Change, Counterfactual, Edit, Kind, Principal};
use crate::{
    facts::{CanonicalError, canonical_json, sha256_hex},
    money::{Money, MoneyError},
};

/// Longest title, in characters.
const TITLE_MAX: usize = 200;
/// Longest text inside a change, in bytes.
const TEXT_MAX: usize = 1_000;
/// Largest change as canonical JSON, in bytes.
const CHANGE_MAX: usize = 65_536;
/// Most edits of one proposal.
const EDITS_MAX: usize = 100;

/// `P-7`: how people call a proposal, over all of its versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProposalId(pub u32);

/// How likely the change is to hurt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Nobody would notice.
    Low,
    /// Somebody could notice.
    Medium,
    /// Users could notice.
    High,
}

/// What the change is expected to save per month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saving {
    /// Lower end of the interval.
    pub low: Money,
    /// Best estimate.
    pub mid: Money,
    /// Upper end of the interval.
    pub high: Money,
}

/// What a proposer hands in. Figures come from the engine, never from a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// One line for people.
    pub title: String,
    /// The exact change.
    pub change: Change,
    /// The same in files, where it is carried out by editing them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<Edit>,
    /// Digest of the evidence bundle, 64 hex digits.
    pub evidence: String,
    /// Expected saving per month, where the change is meant to save.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saving: Option<Saving>,
    /// What the spend would be without the change: the saving is measured against it afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counterfactual: Option<Counterfactual>,
    /// The executed proposal that this one takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverts: Option<ProposalId>,
    /// Monthly cost of what is touched, where the change itself names no amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_touched: Option<Money>,
    /// How likely it is to hurt.
    pub risk: Risk,
    /// Whether it can be undone; purchases and deletions cannot, whatever is said here.
    pub reversible: bool,
    /// The team whose spend it is.
    pub owner: String,
}

/// One version of a proposal. A new version supersedes; nothing is ever edited.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// `P-7`.
    pub id: ProposalId,
    /// 1 first; one more each time it is superseded.
    pub version: u32,
    /// One line for people.
    pub title: String,
    /// The exact change.
    pub change: Change,
    /// The same in files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<Edit>,
    /// Digest of the evidence bundle.
    pub evidence: String,
    /// Expected saving per month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saving: Option<Saving>,
    /// What the spend would be without the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counterfactual: Option<Counterfactual>,
    /// The executed proposal that this one takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverts: Option<ProposalId>,
    /// What decides how many people must agree: the largest of the amount in the change, the cost
    /// touched and the upper saving. `None` is unknown, and treated as larger than any amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_at_stake: Option<Money>,
    /// How likely it is to hurt.
    pub risk: Risk,
    /// Whether it can be undone.
    pub reversible: bool,
    /// The team whose spend it is.
    pub owner: String,
    /// Who asked for it.
    pub requester: Principal,
    /// When it was proposed.
    pub created_at: Timestamp,
    /// From when on it can be neither decided nor executed.
    pub expires_at: Timestamp,
    /// Digest of the approval policy in force when it was proposed.
    pub policy_version: String,
}

/// Why a draft is no proposal.
#[derive(Debug, thiserror::Error)]
pub enum ProposalError {
    /// The title is missing or too long.
    #[error("title must have 1 to {TITLE_MAX} characters; this one has {0}")]
    Title(usize),
    /// What people approve must be what they read.
    #[error("`{0}` holds control, invisible or direction-changing characters")]
    Invisible(String),
    /// A text is too long to be read.
    #[error("`{0}…` is longer than {TEXT_MAX} bytes")]
    TooLong(String),
    /// The change is too large to be read.
    #[error("change has {0} bytes as JSON, more than {CHANGE_MAX}")]
    TooLarge(usize),
    /// The team is missing.
    #[error("owner is missing: a proposal belongs to a team")]
    NoOwner,
    /// The evidence is not named by its digest.
    #[error("evidence `{0}` is not a digest of 64 hex digits")]
    Evidence(String),
    /// A limit or commitment is negative, or a saving's ends are not in order.
    #[error("{0}")]
    Amount(&'static str),
    /// Too many edits to be read.
    #[error("proposal has {0} edits, more than {EDITS_MAX}")]
    TooManyEdits(usize),
    /// An edit outside of its repository, without a place, or that changes nothing.
    #[error("edit of `{file}`: {why}")]
    Edit {
        /// The file as given.
        file: String,
        /// What is wrong.
        why: &'static str,
    },
    /// The amounts do not go together.
    #[error("amounts of the proposal do not go together: {0}")]
    Money(#[from] MoneyError),
    /// The expiry would lie beyond the calendar.
    #[error("expiry lies beyond the calendar")]
    Expiry,
    /// It has no canonical form.
    #[error("proposal has no canonical form: {0}")]
    Canonical(#[from] CanonicalError),
}

impl Proposal {
    /// Checks a draft and makes a version of it.
    ///
    /// The expiry comes from the policy, the amount at stake from the largest figure there is: a
    /// small saving on a large commitment is decided like the commitment.
    ///
    /// # Errors
    ///
    /// [`ProposalError`] when a text, an amount or the evidence is not acceptable.
    pub fn seal(
        draft: Draft,
        id: ProposalId,
        version: u32,
        requester: Principal,
        policy: &ApprovalPolicy,
        now: Timestamp,
    ) -> Result<Self, ProposalError> {
        check(&draft)?;
        let hours = i64::from(policy.expires_after_hours);
        let lifetime = SignedDuration::try_from_hours(hours).ok_or(ProposalError::Expiry)?;
        Ok(Self {
            id,
            version,
            amount_at_stake: amount_at_stake(&draft)?,
            reversible: draft.reversible && draft.change.can_be_undone(),
            title: draft.title,
            change: draft.change,
            edits: draft.edits,
            evidence: draft.evidence,
            saving: draft.saving,
            counterfactual: draft.counterfactual,
            reverts: draft.reverts,
            risk: draft.risk,
            owner: draft.owner,
            requester,
            created_at: now,
            expires_at: now.checked_add(lifetime).map_err(|_| ProposalError::Expiry)?,
            policy_version: policy.digest().to_owned(),
        })
    }

    /// Which kind of change it is.
    pub fn kind(&self) -> Kind {
        self.change.kind()
    }

    /// SHA-256 of the canonical JSON, lowercase hex: what people vote on.
    ///
    /// # Errors
    ///
    /// [`CanonicalError`]; never for a sealed proposal, whose values are texts and whole numbers.
    pub fn digest(&self) -> Result<String, CanonicalError> {
        Ok(sha256_hex(canonical_json(self)?.as_bytes()))
    }

    /// Digest of what would change and for whom: two open proposals never share it.
    ///
    /// # Errors
    ///
    /// As [`Proposal::digest`].
    pub fn fingerprint(&self) -> Result<String, CanonicalError> {
        let mut content = serde_json::json!({ "change": self.change, "owner": self.owner });
        if let Some(content) = content.as_object_mut() {
            if !self.edits.is_empty() {
                content.insert("edits".to_owned(), serde_json::to_value(&self.edits)?);
            }
            if let Some(reverts) = self.reverts {
                content.insert("reverts".to_owned(), reverts.to_string().into());
            }
        }
        Ok(sha256_hex(canonical_json(&content)?.as_bytes()))
    }
}

/// Whether a text shows all that it holds: no control, zero-width or direction-changing characters.
pub(super) fn is_plain(text: &str) -> bool {
    !text.chars().any(|c| {
        c.is_control()
            || matches!(c,
                '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
                | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
                | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
    })
}

fn check(draft: &Draft) -> Result<(), ProposalError> {
    let length = draft.title.chars().count();
    if draft.title.trim().is_empty() || length > TITLE_MAX {
        return Err(ProposalError::Title(length));
    }
    if draft.owner.trim().is_empty() {
        return Err(ProposalError::NoOwner);
    }
    let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    if draft.evidence.len() != 64 || !draft.evidence.chars().all(is_hex) {
        return Err(ProposalError::Evidence(draft.evidence.chars().take(80).collect()));
    }
    let change = canonical_json(&draft.change)?;
    if change.len() > CHANGE_MAX {
        return Err(ProposalError::TooLarge(change.len()));
    }
    check_text(&draft.title)?;
    check_text(&draft.owner)?;
    check_edits(&draft.edits)?;
    check_texts(&serde_json::to_value(&draft.counterfactual).map_err(CanonicalError::from)?)?;
    check_texts(&serde_json::to_value(&draft.change).map_err(CanonicalError::from)?)?;
    check_amounts(draft)
}

fn check_edits(edits: &[Edit]) -> Result<(), ProposalError> {
    if edits.len() > EDITS_MAX {
        return Err(ProposalError::TooManyEdits(edits.len()));
    }
    for edit in edits {
        check_texts(&serde_json::to_value(edit).map_err(CanonicalError::from)?)?;
        let refused = |why| {
            let file = edit.file.chars().take(80).collect();
            Err(ProposalError::Edit { file, why })
        };
        if !edit.stays_inside() {
            return refused("the file must lie inside of its repository: `charts/values.yaml`");
        }
        if edit.repository.is_empty() || edit.path.is_empty() {
            return refused("an edit names a repository and a path in the file");
        }
        if edit.from == edit.to {
            return refused("the value is already there");
        }
        // One place is changed at once or not at all; two cannot be.
        if edits.iter().any(|other| other.repository != edit.repository) {
            return refused("edits of several repositories need a proposal for each");
        }
    }
    Ok(())
}

fn check_texts(value: &Value) -> Result<(), ProposalError> {
    match value {
        Value::String(text) => check_text(text),
        Value::Array(items) => items.iter().try_for_each(check_texts),
        Value::Object(entries) => entries.iter().try_for_each(|(key, item)| {
            check_text(key)?;
            check_texts(item)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn check_text(text: &str) -> Result<(), ProposalError> {
    if text.len() > TEXT_MAX {
        return Err(ProposalError::TooLong(text.chars().take(40).collect()));
    }
    if is_plain(text) { Ok(()) } else { Err(ProposalError::Invisible(shown(text))) }
}

/// The text with what cannot be seen made visible.
fn shown(text: &str) -> String {
    text.chars()
        .take(80)
        .map(|c| if is_plain(c.encode_utf8(&mut [0; 4])) { c } else { '\u{fffd}' })
        .collect()
}

fn check_amounts(draft: &Draft) -> Result<(), ProposalError> {
    let negative = match &draft.change {
        Change::Budget { limit, previous_limit, .. } => {
            limit.amount.0 < 0 || previous_limit.is_some_and(|previous| previous.amount.0 < 0)
        }
        Change::Commitment { commitment_per_hour, .. } => commitment_per_hour.amount.0 <= 0,
        _ => false,
    };
    if negative {
        return Err(ProposalError::Amount("a limit or commitment cannot be negative"));
    }
    if draft.cost_touched.is_some_and(|cost| cost.amount.0 < 0) {
        return Err(ProposalError::Amount("the cost touched cannot be negative"));
    }
    if let Some(Saving { low, mid, high }) = draft.saving
        && (low.amount > mid.amount || mid.amount > high.amount)
    {
        return Err(ProposalError::Amount("a saving needs low ≤ mid ≤ high"));
    }
    Ok(())
}

/// The largest of the amounts that the draft names; all of one currency.
fn amount_at_stake(draft: &Draft) -> Result<Option<Money>, MoneyError> {
    let saving = draft.saving.map(|saving| [saving.low, saving.mid, saving.high]);
    let mut largest: Option<Money> = None;
    // A saving alone does not say how much is touched: without the other two it is no amount.
    let known = [draft.change.amount()?, draft.cost_touched];
    let unknown = known.iter().all(Option::is_none);
    for money in known.into_iter().flatten().chain(saving.into_iter().flatten()) {
        let before = *largest.get_or_insert(money);
        if before.currency != money.currency {
            return Err(MoneyError::MixedCurrencies(before.currency, money.currency));
        }
        if money.amount > before.amount {
            largest = Some(money);
        }
    }
    Ok(largest.filter(|_| !unknown))
}

impl fmt::Display for ProposalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "P-{}", self.0)
    }
}

impl FromStr for ProposalId {
    type Err = String;

    /// Reads `P-7` in either case.
    fn from_str(text: &str) -> Result<Self, String> {
        text.trim()
            .strip_prefix(['P', 'p'])
            .and_then(|rest| rest.strip_prefix('-'))
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok())
            .filter(|&number| number > 0)
            .map(Self)
            .ok_or_else(|| format!("`{}` is not a proposal such as `P-7`", shown(text)))
    }
}

impl Serialize for ProposalId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ProposalId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <std::borrow::Cow<'de, str>>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        money::Currency,
        proposal::{BudgetPeriod, Payment},
    };

    fn usd(amount: &str) -> Money {
        Money { amount: amount.parse().unwrap(), currency: Currency::USD }
    }

    fn draft(change: Change) -> Draft {
        Draft {
            title: "cap support-answers".to_owned(),
            change,
            evidence: "ab".repeat(32),
            edits: Vec::new(),
            saving: None,
            counterfactual: None,
            reverts: None,
            cost_touched: None,
            risk: Risk::Low,
            reversible: true,
            owner: "support-platform".to_owned(),
        }
    }

    fn budget(limit: &str) -> Change {
        Change::Budget {
            scope: BTreeMap::from([("feature".to_owned(), "support-answers".to_owned())]),
            period: BudgetPeriod::Month,
            limit: usd(limit),
            previous_limit: None,
        }
    }

    fn seal(draft: Draft) -> Result<Proposal, ProposalError> {
        let policy = ApprovalPolicy::parse(crate::proposal::scenarios::POLICY).unwrap();
        Proposal::seal(
            draft,
            ProposalId(7),
            1,
            Principal::System,
            &policy,
            "2026-11-01T00:00:00Z".parse().unwrap(),
        )
    }

    #[test]
    fn amount_at_stake_is_the_largest_and_unknown_stays_unknown() {
        let commitment = Change::Commitment {
            provider: "aws".to_owned(),
            offer: "1y".to_owned(),
            commitment_per_hour: usd("2.5"),
            term_hours: 8_760,
            payment: Payment::NoUpfront,
        };
        let small = Saving { low: usd("1"), mid: usd("3"), high: usd("5") };
        // 2.5 × 8,760 = 21,900: a $5 saving does not make it a small decision.
        let sealed = seal(Draft { saving: Some(small), ..draft(commitment) }).unwrap();
        assert_eq!(sealed.amount_at_stake, Some(usd("21900")));
        assert!(!sealed.reversible, "a purchase is never reversible");

        let caching = Change::Caching {
            feature: "f".to_owned(),
            model: "m".to_owned(),
            ttl_seconds: Some(300),
            previous_ttl_seconds: None,
        };
        let unknown = Draft { saving: Some(small), ..draft(caching) };
        assert_eq!(seal(unknown.clone()).unwrap().amount_at_stake, None);
        let known = Draft { cost_touched: Some(usd("90")), ..unknown };
        assert_eq!(seal(known).unwrap().amount_at_stake, Some(usd("90")));
    }

    #[test]
    fn what_is_approved_is_what_is_read() {
        for hidden in ["a\u{202e}b", "a\u{200b}b", "a\u{1b}[2Kb", "a\nb", "a\u{e0041}b", "\u{ad}"] {
            let title = Draft { title: hidden.to_owned(), ..draft(budget("1")) };
            assert!(matches!(seal(title), Err(ProposalError::Invisible(_))), "{hidden:?}");
            let scope = Change::Budget {
                scope: BTreeMap::from([("feature".to_owned(), hidden.to_owned())]),
                period: BudgetPeriod::Day,
                limit: usd("1"),
                previous_limit: None,
            };
            assert!(matches!(seal(draft(scope)), Err(ProposalError::Invisible(_))), "{hidden:?}");
        }
        let visible = Draft { title: "Müller 上海: −5 %".to_owned(), ..draft(budget("1")) };
        assert!(seal(visible).is_ok());
    }

    #[test]
    fn bad_drafts_are_refused_by_reason() {
        let base = draft(budget("1"));
        let title = Draft { title: " ".to_owned(), ..base.clone() };
        assert!(matches!(seal(title), Err(ProposalError::Title(1))));
        let long = Draft { title: "x".repeat(201), ..base.clone() };
        assert!(matches!(seal(long), Err(ProposalError::Title(201))));
        let owner = Draft { owner: String::new(), ..base.clone() };
        assert!(matches!(seal(owner), Err(ProposalError::NoOwner)));
        let evidence = Draft { evidence: "AB".repeat(32), ..base.clone() };
        assert!(matches!(seal(evidence), Err(ProposalError::Evidence(_))));
        assert!(matches!(seal(draft(budget("-1"))), Err(ProposalError::Amount(_))));
        let eur = Money { currency: Currency::EUR, ..usd("9") };
        let mixed = Draft { cost_touched: Some(eur), ..base.clone() };
        assert!(matches!(seal(mixed), Err(ProposalError::Money(_))));
        let saving = Saving { low: usd("3"), mid: usd("2"), high: usd("5") };
        let unordered = Draft { saving: Some(saving), ..base };
        assert!(matches!(seal(unordered), Err(ProposalError::Amount(_))));
        let many = Change::Cleanup { resource_ids: vec!["x".repeat(900); 90] };
        assert!(matches!(seal(draft(many)), Err(ProposalError::TooLarge(_))));
        let text = Change::Cleanup { resource_ids: vec!["x".repeat(1_001)] };
        assert!(matches!(seal(draft(text)), Err(ProposalError::TooLong(_))));
    }

    #[test]
    fn digest_covers_every_field_and_survives_json() {
        let proposal = seal(draft(budget("32000"))).unwrap();
        let text = canonical_json(&proposal).unwrap();
        let read: Proposal = serde_json::from_str(&text).unwrap();
        assert_eq!(read, proposal);
        let mut changed = proposal.clone();
        changed.expires_at = changed.created_at;
        assert_ne!(changed.digest().unwrap(), proposal.digest().unwrap());
        changed = Proposal { version: 2, ..proposal.clone() };
        assert_ne!(changed.digest().unwrap(), proposal.digest().unwrap());
        let extra = text.replacen('{', r#"{"approved":true,"#, 1);
        assert!(serde_json::from_str::<Proposal>(&extra).is_err(), "unknown fields are refused");
    }

    #[test]
    fn ids_read_as_people_write_them() {
        assert_eq!("P-7".parse(), Ok(ProposalId(7)));
        assert_eq!(" p-12 ".parse(), Ok(ProposalId(12)));
        for bad in ["", "7", "P7", "P-", "P-0", "P--1", "P-+1", "P-99999999999", "P-1 or 1=1"] {
            assert!(bad.parse::<ProposalId>().is_err(), "{bad}");
        }
    }
}
