//! Bodies in, usage out.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Deserializer, Serialize, de::DeserializeSeed as _};
use serde_json::value::RawValue;

use super::{
    Rejected, anthropic, bedrock, cohere,
    dialect::{self, Dialect, FLAVORS, Host, Reader},
    field::{Label, Node},
    found::{Found, Problem, Round},
    gemini,
    locate::{error_of, locate_into},
    openai, others,
    read::Object,
    stream,
};
use crate::{
    pricing::provider_id,
    usage::{Usage, UsageClass},
};

/// What one response used.
#[derive(Debug, Clone)]
pub struct Extraction<'b> {
    /// The call's id, as JSON: the one that a batch's caller gave, else the record's, else the body's.
    pub id: Option<Cow<'b, RawValue>>,
    /// The model, as the response reports it.
    pub model: Cow<'b, str>,
    /// The tier that the response reports; never the one that was asked for.
    pub service_tier: Option<Cow<'b, str>>,
    /// Where it was served, if that is said and is not everywhere.
    pub region: Option<Cow<'b, str>>,
    /// Inclusive counts.
    pub usage: Usage,
    /// What other models used within the call (an advisor, a fallback), billed at their own prices.
    pub other_models: Vec<OtherModel>,
}

/// What another model than the call's used within it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OtherModel {
    /// What for, in the provider's word.
    pub kind: String,
    /// The model; `None` when the response does not name it.
    pub model: Option<String>,
    /// Inclusive counts.
    pub usage: Usage,
}

/// A body that yields no usage.
#[derive(Debug, Clone)]
pub struct Rejection {
    /// Its id, as far as it could be read, as JSON.
    pub id: Option<Box<RawValue>>,
    /// Why, with path and value.
    pub reason: String,
}

/// A body that is read and not interpreted: what parsing alone yields, in the structure that the
/// extractor reads.
#[derive(Debug)]
pub struct Body<'b> {
    found: Found<'b>,
}

impl Body<'_> {
    /// Whether it states no count.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }
}

impl<'de> Deserialize<'de> for Body<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut found = Found::new();
        Object { node: Node::Top, found: &mut found }.deserialize(deserializer)?;
        Ok(Self { found })
    }
}

/// A flavor that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{flavor}` is no API flavor")]
pub struct UnknownFlavor {
    /// As it was given, cut at 40 characters.
    pub flavor: String,
}

impl UnknownFlavor {
    /// The flavors that there are.
    pub const KNOWN: [&'static str; FLAVORS.len()] = FLAVORS;
}

/// What came out.
pub type Extracted<'b> = Result<Extraction<'b>, Rejection>;

/// Most distinct names of unread numbers remembered, so that hostile bodies cannot fill the memory.
const UNREAD_MAX: usize = 200;

/// Extracts the usage of bodies of one provider and API flavor.
#[derive(Debug)]
pub struct Extractor {
    host: Host,
    dialect: Option<Dialect>,
    model: Option<String>,
    unread: BTreeMap<String, u64>,
}

impl Extractor {
    /// An extractor for a provider (any known spelling; an unknown one is taken to speak as its
    /// bodies do), and a flavor of its API: without one, or with `default` where the provider has
    /// several, each body's dialect is found from its counts. `model` is for bodies that name none.
    ///
    /// # Errors
    ///
    /// [`UnknownFlavor`].
    pub fn new(
        provider: &str,
        flavor: Option<&str>,
        model: Option<&str>,
    ) -> Result<Self, UnknownFlavor> {
        let provider = provider_id(provider);
        let dialect = match flavor {
            None => None,
            Some(flavor) => dialect::named(&provider, flavor)
                .map_err(|()| UnknownFlavor { flavor: flavor.chars().take(40).collect() })?,
        };
        Ok(Self {
            host: Host::of(&provider),
            dialect,
            model: model.map(str::to_owned),
            unread: BTreeMap::new(),
        })
    }

    /// Paths of numbers that were not zero and were not read, with the number of bodies: classes of
    /// usage that the provider may bill and that we do not know, or that the flavor does not have.
    pub fn unread(&self) -> &BTreeMap<String, u64> {
        &self.unread
    }

    /// The usage of one body: a JSON object, an array of a stream's chunks, or a transcript of
    /// server-sent events.
    ///
    /// # Errors
    ///
    /// [`Rejection`] with the reason.
    pub fn extract<'b>(&mut self, body: &'b str) -> Result<Extraction<'b>, Rejection> {
        let mut found = Found::new();
        if stream::is_events(body) {
            found = stream::merged(body);
        } else if let Err(reason) = locate_into(body, &mut found) {
            let reason = Rejected::NotJson(reason).to_string();
            return Err(Rejection { id: salvaged_id(body), reason });
        }
        self.finish(&mut found, Rejected::NoUsage)
    }

    /// The record of what was found.
    pub(super) fn finish<'b>(
        &mut self,
        found: &mut Found<'b>,
        if_empty: Rejected,
    ) -> Result<Extraction<'b>, Rejection> {
        let id = found.given_id.take().or(found.id.take());
        match self.usage(found, if_empty) {
            Ok(usage) => {
                let model = self.model(found);
                match model {
                    Some(model) => Ok(Extraction {
                        id,
                        model,
                        service_tier: service_tier(found),
                        region: region(found),
                        usage,
                        other_models: found.rounds.iter().map(other_model).collect(),
                    }),
                    None => Err(rejection(id, &Rejected::NoModel)),
                }
            }
            Err(rejected) => Err(rejection(id, &rejected)),
        }
    }

    fn usage(&mut self, found: &mut Found<'_>, if_empty: Rejected) -> Result<Usage, Rejected> {
        if let Some(Problem { path, what }) = found.problem.take() {
            return Err(Rejected::BadCount { path: path.into_owned(), what });
        }
        if found.is_empty() {
            return Err(match error_of(found) {
                Some(error) => Rejected::Failed(error),
                None => if_empty,
            });
        }
        let host = self.host;
        let dialect = self.dialect.or_else(|| dialect::detect(found, host));
        let mut reader = Reader::new(found);
        match dialect.ok_or(Rejected::NoUsage)? {
            Dialect::Chat => openai::chat(&mut reader, host)?,
            Dialect::Responses | Dialect::Images => openai::responses(&mut reader, host, false)?,
            Dialect::Realtime => openai::responses(&mut reader, host, true)?,
            Dialect::Embeddings => openai::embeddings(&mut reader)?,
            Dialect::Anthropic => anthropic::messages(&mut reader, host)?,
            Dialect::Converse => bedrock::converse(&mut reader)?,
            Dialect::Invoke => bedrock::invoke(&mut reader, found, host)?,
            Dialect::Gemini => gemini::metadata(&mut reader)?,
            Dialect::CohereBilled | Dialect::CohereMeta => cohere::billed(&mut reader)?,
            Dialect::CohereTokens => cohere::counted(&mut reader)?,
            Dialect::Ollama => others::ollama(&mut reader)?,
            Dialect::Pages => others::pages(&mut reader)?,
            Dialect::Generation => others::generation(&mut reader)?,
        }
        let (usage, read) = reader.finish()?;
        self.note_unread(found, read);
        Ok(usage)
    }

    fn note_unread(&mut self, found: &Found<'_>, read: u128) {
        for name in &found.unknown {
            self.note(name);
        }
        for field in found.unread(read | dialect::SUMS) {
            self.note(field.path());
        }
    }

    fn note(&mut self, name: &str) {
        if let Some(count) = self.unread.get_mut(name) {
            *count = count.saturating_add(1);
        } else if self.unread.len() < UNREAD_MAX {
            self.unread.insert(name.to_owned(), 1);
        }
    }

    /// The response's own word for the model, then what a record beside it says, then the caller's.
    /// On Bedrock the record's word comes first: it is the one that has a price.
    fn model<'b>(&self, found: &mut Found<'b>) -> Option<Cow<'b, str>> {
        let own = found.take_text(Label::Model);
        let beside = found.take_text(Label::ModelId);
        let first = if self.host == Host::Bedrock { beside.or(own) } else { own.or(beside) };
        first.or_else(|| self.model.clone().map(Cow::Owned))
    }
}

impl Extraction<'_> {
    /// The same without borrowing from the body.
    pub fn into_owned(self) -> Extraction<'static> {
        let text = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Extraction {
            id: self.id.map(|id| Cow::Owned(id.into_owned())),
            model: text(self.model),
            service_tier: self.service_tier.map(text),
            region: self.region.map(text),
            usage: self.usage,
            other_models: self.other_models,
        }
    }
}

fn rejection(id: Option<Cow<'_, RawValue>>, rejected: &Rejected) -> Rejection {
    Rejection { id: id.map(Cow::into_owned), reason: rejected.to_string() }
}

/// The id of a body that is no JSON as a whole, if one stands at its start.
pub(super) fn salvaged_id(body: &str) -> Option<Box<RawValue>> {
    let rest = body.trim_start().strip_prefix('{')?.trim_start();
    let rest = rest.strip_prefix("\"id\"")?.trim_start().strip_prefix(':')?;
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Box<RawValue>>();
    let id = values.next()?.ok()?;
    let text = id.get();
    (text.starts_with('"') || text.starts_with(|c: char| c.is_ascii_digit())).then_some(id)
}

fn service_tier<'b>(found: &mut Found<'b>) -> Option<Cow<'b, str>> {
    let speed = found.take_text(Label::Speed);
    let traffic = found.take_text(Label::TrafficType);
    let stated = found.take_text(Label::ServiceTier);
    let tier = speed
        .filter(|speed| speed != "standard")
        .or(traffic.filter(|traffic| traffic != "TRAFFIC_TYPE_UNSPECIFIED"))
        .or(stated);
    // Some providers report a batch's calls as standard ones; that they lie in its output says more.
    let is_plain = |tier: &str| matches!(tier, "default" | "standard" | "auto" | "ON_DEMAND");
    match tier {
        Some(tier) if !(found.is_batch && is_plain(&tier)) => Some(tier),
        _ if found.is_batch => Some(Cow::Borrowed("batch")),
        _ => None,
    }
}

fn region<'b>(found: &mut Found<'b>) -> Option<Cow<'b, str>> {
    let geo = found
        .take_text(Label::Geo)
        .filter(|geo| !matches!(geo.as_ref(), "global" | "not_available"));
    geo.or(found.take_text(Label::Region))
}

fn other_model(round: &Round) -> OtherModel {
    let Round { kind, model, input, output, read, write, write_1h } = round;
    let total = input.saturating_add(*read).saturating_add(*write);
    let usage = Usage::ZERO
        .with(UsageClass::InputTokensTotal, total)
        .with(UsageClass::CacheReadTokens, *read)
        .with(UsageClass::CacheWrite5mTokens, write.saturating_sub(*write_1h))
        .with(UsageClass::CacheWrite1hTokens, *write_1h)
        .with(UsageClass::OutputTokensTotal, *output);
    OtherModel { kind: kind.clone(), model: model.clone(), usage }
}
