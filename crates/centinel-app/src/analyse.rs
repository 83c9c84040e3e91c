//! Analyses of episodes: what is known of one is read under a fixed plan, worded, and kept with whom it
//! goes to.
//!
//! The order of reading: [`plan`] (what is read, in which order, whatever the data), [`read`] (each step),
//! [`owner`] (whose it is), [`join`] (one bundle of it all), [`crate::wording`] (words, and what makes sure
//! that they say no more than the facts), [`tell`] (who is told, and who next). Nothing here decides: an
//! analysis names proposals that there are, and makes none.

mod join;
mod owner;
mod plan;
mod reaction;
mod read;
mod tell;

use std::sync::Arc;

use centinel_approvals::View;
use centinel_engine::{
    attribution::{Owner, PartsOf, RepositoryOwners, RouteNote, Routed, Stated, Unknown},
    facts::Bundle,
    money::{Currency, Money},
    narrative,
    period::date_of,
};
use centinel_store::analyses::{self, AnalysisRow, NewAnalysis};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use plan::{PLAN, Step, StepOutcome, StepTaken, plan_digest};

use crate::{
    App, AppError, Incident, Label, Repositories, Wording, in_one_line, parallel::aside, wording,
};

/// Which episodes are analysed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Those that people are shown, and that began or went on lately.
    New,
    /// All that people are shown, small and old ones too.
    All,
    /// One by its id, whatever was said of it.
    One(String),
}

/// What is said where no wording is verified: it asserts nothing.
const NO_WORDS: &str = "There are no words for this analysis; its facts are in the evidence.\n";

/// Days before the last day with data in which an episode is new: what is older is told to nobody.
const NEW_DAYS: i32 = 14;

/// An analysed episode.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Analysis {
    /// `E-12`.
    pub episode: String,
    /// Digest of the facts that were worded; without what is expected of the month, which is another one
    /// each day.
    pub facts: String,
    /// Where the facts are kept: `bundle:…`.
    pub evidence: String,
    /// The steps of the plan, each with what became of it.
    pub steps: Vec<StepTaken>,
    /// Whose it is, and who is next.
    pub routed: Routed,
    /// Proposals about it that there are, the largest expected saving first.
    pub proposals: Vec<AboutIt>,
    /// Cited Markdown.
    pub text: String,
    /// Whose words it is.
    pub label: Label,
    /// Digest of the plan.
    pub plan: String,
    /// Digest of a model's prompt.
    pub prompt: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// When it was kept; `None` for a dry run.
    pub created_at: Option<Timestamp>,
}

/// A proposal about an episode's spend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AboutIt {
    /// `P-7`.
    pub id: String,
    /// Of which version.
    pub version: u32,
    /// One line, as its requester wrote it.
    pub title: String,
}

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Analysed {
    /// The new ones.
    pub analyses: Vec<Analysis>,
    /// Episodes whose facts are as they were when they were analysed.
    pub unchanged: Vec<String>,
    /// Episodes that could not be analysed, and why; the others went on.
    pub failed: Vec<(String, String)>,
}

/// What is kept as JSON beside the text.
#[derive(Serialize, Deserialize)]
struct Found {
    evidence: String,
    steps: Vec<StepTaken>,
    routed: Routed,
    proposals: Vec<AboutIt>,
}

impl App {
    /// Analyses episodes. Facts that were analysed before are not analysed again, also where another
    /// process does it at the same time. A dry run keeps no analysis and tells nobody.
    ///
    /// Words of a model are taken only where every figure, name and date in them was verified here.
    ///
    /// # Errors
    ///
    /// [`AppError::NotAllSeen`] for whoever sees a part; [`AppError::NotFound`] for an episode that there
    /// is none of; as [`App::incidents`]. What fails for one episode is told in [`Analysed::failed`].
    pub async fn analyse(
        &self,
        which: &Which,
        is_dry_run: bool,
        repositories: &Repositories,
        wording: Option<&dyn Wording>,
        now: Timestamp,
    ) -> Result<Analysed, AppError> {
        if self.limited_to().is_some() {
            return Err(AppError::NotAllSeen);
        }
        let incidents = self.episodes_of(which, now).await?;
        let owners = Arc::new(self.code_owners(repositories).await);
        let mut analysed = Analysed::default();
        for (incident, is_new) in incidents {
            let run = Run { app: self, keeps: !is_dry_run, wording, owners: &owners, now };
            match run.analyse(&incident, is_new).await {
                Ok(Some(analysis)) => analysed.analyses.push(analysis),
                Ok(None) => analysed.unchanged.push(incident.id),
                Err(error) => analysed.failed.push((incident.id, in_one_line(&error))),
            }
        }
        Ok(analysed)
    }

    /// The episodes that are meant, and whether each is new.
    async fn episodes_of(
        &self,
        which: &Which,
        now: Timestamp,
    ) -> Result<Vec<(Incident, bool)>, AppError> {
        let all = match (which, self.incidents(now).await) {
            // Without data there is nothing to look at yet, and a schedule goes on.
            (Which::New | Which::All, Err(AppError::Empty)) => return Ok(Vec::new()),
            (_, all) => all?,
        };
        let last = self.ledger.span().await?.map(|(_, last)| last);
        // Bills may be of days to come.
        let last = last.map_or(date_of(now), |last| date_of(last.min(now)));
        let is_new = |incident: &Incident| {
            let since = incident.last.until(last).map_or(i32::MAX, |span| span.get_days());
            incident.is_shown() && !incident.is_small && since <= NEW_DAYS
        };
        let is_meant = |incident: &Incident| match which {
            Which::New => is_new(incident),
            Which::All => incident.is_shown(),
            Which::One(id) => incident.id.eq_ignore_ascii_case(id.trim()),
        };
        let found: Vec<(Incident, bool)> = all
            .into_iter()
            .filter(is_meant)
            .map(|incident| {
                let is_new = is_new(&incident);
                (incident, is_new)
            })
            .collect();
        match which {
            Which::One(id) if found.is_empty() => {
                Err(AppError::NotFound { what: "episode", id: id.chars().take(40).collect() })
            }
            _ => Ok(found),
        }
    }

    /// The newest analysis of an episode; `None` where there is none, and for whoever sees a part: it is of
    /// the whole. Words of a model are checked again: what a checker no longer takes is shown in the
    /// standard wording.
    ///
    /// # Errors
    ///
    /// [`AppError::Store`].
    pub async fn analysis_of(&self, id: &str) -> Result<Option<Analysis>, AppError> {
        let Some(number) = number_of(id) else { return Ok(None) };
        if self.limited_to().is_some() {
            return Ok(None);
        }
        let row = analyses::newest(self.database(), number).await?;
        let Some(analysis) = row.and_then(Analysis::of_row) else { return Ok(None) };
        if !analysis.label.is_by_model() {
            return Ok(Some(analysis));
        }
        let bundle = self.evidence(&analysis.evidence).await?;
        if wording::verified(&bundle, &analysis.text).is_some() {
            return Ok(Some(analysis));
        }
        let text = standard(&bundle);
        Ok(Some(Analysis { text, label: Label::refused(), ..analysis }))
    }
}

/// The standard wording, as much of it as the checker verifies.
fn standard(bundle: &Bundle) -> String {
    let texts = [narrative::analysis(bundle), narrative::explain(bundle)];
    let is_true = |text: &String| {
        let mentions = narrative::check(&bundle.facts, text);
        narrative::is_verified(&mentions)
    };
    texts.into_iter().find(is_true).unwrap_or_else(|| NO_WORDS.to_owned())
}

/// One run over episodes.
struct Run<'a> {
    app: &'a App,
    /// Not for a dry run.
    keeps: bool,
    wording: Option<&'a dyn Wording>,
    owners: &'a Arc<Vec<RepositoryOwners>>,
    now: Timestamp,
}

impl Run<'_> {
    /// Analyses an episode, unless these facts of it were analysed before.
    async fn analyse(
        &self,
        incident: &Incident,
        is_new: bool,
    ) -> Result<Option<Analysis>, AppError> {
        let Self { app, now, .. } = *self;
        let number = number_of(&incident.id).unwrap_or(0);
        let (own, about, owners) = (app.clone(), incident.clone(), Arc::clone(self.owners));
        let read = aside(async move { own.read_episode(&about, &owners, now).await }).await?;
        if analyses::is_known(app.database(), number, &read.facts).await? {
            return Ok(None);
        }
        let standard = standard(&read.bundle);
        let worded = wording::word(&read.bundle, &standard, self.wording).await;
        let mut analysis = Analysis {
            episode: incident.id.clone(),
            facts: read.facts,
            evidence: read.bundle.address(),
            steps: read.steps,
            routed: read.routed,
            proposals: read.proposals.iter().map(AboutIt::of).collect(),
            text: worded.text,
            label: worded.label,
            plan: plan_digest(),
            prompt: worded.prompt,
            model: worded.model,
            created_at: None,
        };
        if !self.keeps {
            return Ok(Some(analysis));
        }
        app.keep_evidence(&read.bundle, now).await?;
        let recipient = is_new.then(|| recipient_of(&analysis.routed));
        let row = analysis.to_row(number, &read.bundle.digest());
        let kept = analyses::keep(app.database(), &row, recipient.as_deref(), now).await?;
        analysis.created_at = Some(now);
        Ok(kept.map(|_| analysis))
    }
}

impl Analysis {
    fn to_row(&self, number: i64, evidence: &str) -> NewAnalysis {
        let found = Found {
            evidence: self.evidence.clone(),
            steps: self.steps.clone(),
            routed: self.routed.clone(),
            proposals: self.proposals.clone(),
        };
        NewAnalysis {
            episode: number,
            facts: self.facts.clone(),
            evidence: evidence.to_owned(),
            found: serde_json::to_string(&found).unwrap_or_default(),
            wording: self.text.clone(),
            label: serde_json::to_string(&self.label).unwrap_or_default(),
            plan: self.plan.clone(),
            prompt: self.prompt.clone(),
            model: self.model.clone(),
        }
    }

    /// `None` for a row of another version.
    fn of_row(row: AnalysisRow) -> Option<Self> {
        let AnalysisRow { analysis, created_at, .. } = row;
        let Found { evidence, steps, routed, proposals } =
            serde_json::from_str(&analysis.found).ok()?;
        Some(Self {
            episode: format!("E-{}", analysis.episode),
            facts: analysis.facts,
            evidence,
            steps,
            routed,
            proposals,
            text: analysis.wording,
            label: serde_json::from_str(&analysis.label).ok()?,
            plan: analysis.plan,
            prompt: analysis.prompt,
            model: analysis.model,
            created_at: Some(created_at),
        })
    }

    /// Whose it is, with what states it, in words; text of others in it as it is.
    pub fn owner_in_words(&self) -> String {
        match &self.routed.owner {
            Owner::Known { name, stated } => format!("{name} ({})", stated_in_words(stated)),
            Owner::Unknown { because: Unknown::NotStated } => {
                "unknown: nobody is stated".to_owned()
            }
            Owner::Unknown { because: Unknown::Several { names } } => {
                format!(
                    "unknown: code owners are {}, and which of them it is is stated nowhere",
                    names.join(", ")
                )
            }
            Owner::Unknown { because: Unknown::Shared } => {
                "unknown: several share it, and none has the part that makes it theirs".to_owned()
            }
        }
    }

    /// What contradicts the owner, or could not be asked, in words; text of others in it as it is.
    pub fn notes_in_words(&self) -> Vec<String> {
        let told = self.routed.notes.iter().map(|note| match note {
            RouteNote::Differs { name, stated } => {
                format!("{} names {name}", stated_in_words(stated))
            }
            RouteNote::NotRead { repository, reason } => {
                format!("CODEOWNERS of {repository} could not be read: {reason}")
            }
        });
        told.collect()
    }

    /// Where several share it, each by name with their part.
    pub fn parts(&self, currency: Currency) -> Vec<(String, String)> {
        if self.routed.parts.len() < 2 {
            return Vec::new();
        }
        let told = self.routed.parts.iter().map(|part| {
            let name = part.owner.name().unwrap_or("nobody stated").to_owned();
            let amount = Money { amount: part.amount, currency };
            let of = match self.routed.parts_of {
                PartsOf::Change => "",
                PartsOf::Cost => " of the cost",
            };
            let share = part.share_percent.map(|share| format!(", {share} %{of}"));
            (name, format!("{amount}{}", share.unwrap_or_default()))
        });
        told.collect()
    }
}

impl AboutIt {
    fn of(view: &View) -> Self {
        let proposal = &view.proposal;
        let title = proposal.title.clone();
        Self { id: proposal.id.to_string(), version: proposal.version, title }
    }
}

/// What states an owner, in words.
fn stated_in_words(stated: &Stated) -> String {
    match stated {
        Stated::Rule { rule, .. } => format!("rule {rule} of owners.toml"),
        Stated::Team => "the team of its calls and charges".to_owned(),
        Stated::CodeOwners { repository, line, .. } => {
            format!("CODEOWNERS of {repository}, line {line}")
        }
    }
}

/// Who is told: the owner, or whom the policy says takes what nobody owns; empty for nobody in particular.
fn recipient_of(routed: &Routed) -> String {
    let at_once = || {
        let mut steps = routed.escalation.iter();
        steps.find(|step| step.after_days == 0).map(|step| step.to.clone())
    };
    let owner = routed.owner.name().map(str::to_owned);
    owner.or_else(at_once).unwrap_or_default()
}

/// 12 of `E-12`.
fn number_of(id: &str) -> Option<i64> {
    let id = id.trim();
    id.strip_prefix("E-").or_else(|| id.strip_prefix("e-"))?.parse().ok()
}
