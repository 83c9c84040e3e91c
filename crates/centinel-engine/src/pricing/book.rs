//! Price books: prices with their source, the time they hold, and how one is chosen.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{Timestamp, civil::Date};

use super::{
    Contract, ContractError, Deployments, Price, PriceIdentity, ServiceTier, Unpriced, Validity,
    compile::Compiling,
    contract::TermsInForce,
    listed::{InForce, ListedPrice, Model},
    name::{behind_gateway, is_fine_tune, model_keys, model_names, provider_id, without_routing},
    rule::Rule,
};
use crate::{facts::sha256_hex, money::Currency, period::start_of_day};

/// Why a text is no price book.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// The TOML does not parse, or has fields that the format does not know.
    #[error("not a price book: {0}")]
    Toml(String),
    /// The JSON does not parse as a map of models.
    #[error("not a price map: {0}")]
    Json(#[from] serde_json::Error),
    /// A value is wrong.
    #[error("model `{model}`: {reason}")]
    Model {
        /// Which model, cut at 80 characters.
        model: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A book without a single price.
    #[error("the book holds no price")]
    Empty,
}

/// What a price list of another project gave.
#[derive(Debug)]
pub struct Import {
    /// The models whose prices were understood.
    pub book: PriceBook,
    /// The models that were left out because a price of theirs is not one, with the reason.
    pub rejected: Vec<BookError>,
}

/// What is asked of a book.
#[derive(Debug, Clone, Copy)]
pub struct PriceQuery<'q> {
    /// Any known spelling of the provider.
    pub provider: &'q str,
    /// As the provider spells it.
    pub model: &'q str,
    /// As the response reports it; `None` is standard.
    pub service_tier: Option<&'q str>,
    /// Where it was served, as the provider spells it; `None` is not known, and so no surcharge.
    pub region: Option<&'q str>,
    /// When the call was made; `None` asks for the price on the day the book was recorded.
    pub at: Option<Timestamp>,
}

/// Prices of models, as one source gives them.
#[derive(Debug, Clone)]
pub struct PriceBook {
    name: String,
    digest: String,
    /// The day on which the book says what prices are; `None` when it does not say.
    recorded: Option<Date>,
    currency: Currency,
    holds_for_all_time: bool,
    models: Vec<Model>,
    /// By the one spelling of a provider.
    index: BTreeMap<String, Provider>,
    /// How the book itself recognises providers, in its order.
    rules: Vec<ProviderRule>,
    /// Names that the caller has given to models: provider, then name in lower case.
    given: BTreeMap<String, BTreeMap<String, usize>>,
    /// What an organisation pays instead of the list price.
    contract: Option<Arc<Contract>>,
    /// What callers' own names stand for.
    deployments: Arc<Deployments>,
}

/// The models of a provider, as positions in `models`.
#[derive(Debug, Clone, Default)]
struct Provider {
    /// By any of their keys.
    keys: BTreeMap<String, usize>,
    /// Those that have a rule, in the book's order.
    ruled: Vec<usize>,
    /// Providers whose models this one also serves at their price, as the book says.
    fallbacks: Vec<String>,
}

/// A rule by which a book recognises a provider.
#[derive(Debug, Clone)]
pub(super) struct ProviderRule {
    pub(super) id: String,
    pub(super) rule: Option<Rule>,
    pub(super) fallbacks: Vec<String>,
}

impl PriceBook {
    /// Indexes models; the first of two with the same key wins, exact keys before shortened ones.
    pub(super) fn new(
        name: &str,
        digest: String,
        recorded: Option<Date>,
        currency: Currency,
        models: Vec<Model>,
    ) -> Self {
        let mut index: BTreeMap<String, Provider> = BTreeMap::new();
        let mut register = |provider: &str, key: &str, position: usize| {
            let keys = &mut index.entry(provider_id(provider)).or_default().keys;
            keys.entry(key.to_owned()).or_insert(position);
        };
        for (position, model) in models.iter().enumerate() {
            register(&model.provider, &model.id, position);
        }
        for (position, model) in models.iter().enumerate() {
            for alias in &model.aliases {
                register(&model.provider, alias, position);
            }
        }
        for (position, model) in models.iter().enumerate() {
            for name in model_names(&provider_id(&model.provider), &model.id) {
                register(&model.provider, &name, position);
            }
        }
        for (position, model) in models.iter().enumerate() {
            if model.rule.is_some() {
                index.entry(provider_id(&model.provider)).or_default().ruled.push(position);
            }
        }
        Self {
            name: name.to_owned(),
            digest,
            recorded,
            currency,
            holds_for_all_time: false,
            models,
            index,
            rules: Vec::new(),
            given: BTreeMap::new(),
            contract: None,
            deployments: Arc::default(),
        }
    }

    /// The same book, with the rules by which it recognises providers.
    pub(super) fn with_provider_rules(mut self, rules: Vec<ProviderRule>) -> Self {
        for rule in &rules {
            let provider = self.index.entry(provider_id(&rule.id)).or_default();
            provider.fallbacks = rule.fallbacks.iter().map(|id| provider_id(id)).collect();
        }
        self.rules = rules;
        self
    }

    /// The same book, in which a name that its owner chose means a model: an Azure deployment, an
    /// application inference profile, an alias at a gateway. It goes before the book's own names.
    ///
    /// # Errors
    ///
    /// [`Unpriced::NoModel`] when the book does not know the model at that provider.
    pub fn with_name(mut self, provider: &str, name: &str, model: &str) -> Result<Self, Unpriced> {
        let query = PriceQuery { provider, model, service_tier: None, region: None, at: None };
        let found = self.find_position(&query).map(|(position, _)| position);
        let position = found
            .ok_or_else(|| Unpriced::NoModel { provider: cut(provider), model: cut(model) })?;
        let names = self.given.entry(provider_id(provider)).or_default();
        names.insert(name.trim().to_lowercase(), position);
        Ok(self)
    }

    /// The same book, with prices that lack a date taken to hold for all time.
    #[must_use]
    pub fn holding_for_all_time(mut self) -> Self {
        self.holds_for_all_time = true;
        self
    }

    /// The same book under a contract: [`Self::resolve`] gives what the organisation pays,
    /// [`Self::resolve_list`] what the list says.
    ///
    /// # Errors
    ///
    /// [`ContractError::Currency`] when the two are in different currencies.
    pub fn under(mut self, contract: Contract) -> Result<Self, ContractError> {
        contract.check_currency(self.currency)?;
        self.digest = sha256_hex(format!("{}\n{}", self.digest, contract.digest()).as_bytes());
        self.contract = Some(Arc::new(contract));
        Ok(self)
    }

    /// The contract that prices are under.
    pub fn contract(&self) -> Option<&Contract> {
        self.contract.as_deref()
    }

    /// The same book, with callers' own names for models: Azure deployments, application inference
    /// profiles, aliases of a gateway.
    #[must_use]
    pub fn with_deployments(mut self, deployments: Deployments) -> Self {
        self.deployments = Arc::new(deployments);
        self
    }

    /// The name kept with every priced call.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// SHA-256 of the text the book was read from, in hex: its version. Under a contract, of both
    /// digests.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The day on which the book says what prices are; `None` when it does not say.
    pub fn recorded(&self) -> Option<Date> {
        self.recorded
    }

    /// The currency of every price.
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// How many models have a price.
    pub fn len(&self) -> usize {
        self.models.iter().filter(|model| !model.prices.is_empty()).count()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Provider and model of every entry, in the book's order.
    pub fn models(&self) -> impl Iterator<Item = (&str, &str)> {
        let priced = self.models.iter().filter(|model| !model.prices.is_empty());
        priced.map(|model| (model.provider.as_str(), model.id.as_str()))
    }

    pub(super) fn listed(&self) -> impl Iterator<Item = &Model> {
        self.models.iter()
    }

    /// The price in force for what is asked: the contracted one where there is a contract.
    ///
    /// # Errors
    ///
    /// [`Unpriced`] with the reason: no such model, tier or time.
    pub fn resolve(&self, query: &PriceQuery<'_>) -> Result<Price, Unpriced> {
        self.resolve_under(query, self.contract.as_deref())
    }

    /// The list price in force for what is asked, whatever was contracted.
    ///
    /// # Errors
    ///
    /// As for [`Self::resolve`].
    pub fn resolve_list(&self, query: &PriceQuery<'_>) -> Result<Price, Unpriced> {
        self.resolve_under(query, None)
    }

    fn resolve_under(
        &self,
        query: &PriceQuery<'_>,
        contract: Option<&Contract>,
    ) -> Result<Price, Unpriced> {
        let tier: ServiceTier = query.service_tier.unwrap_or_default().parse()?;
        let query = &self.deployments.translated(query);
        let found = self.find(query);
        let in_force = match found {
            Some((model, _)) => self.in_force(model, query.at),
            None => {
                Err(Unpriced::NoModel { provider: cut(query.provider), model: cut(query.model) })
            }
        };
        let terms = contract.map(|contract| {
            let model = found.map(|(model, _)| model);
            contract.terms_of(query, model, tier, query.at.or(self.recorded.map(start_of_day)))
        });
        // A contracted rate needs no list price beside it.
        let alone = terms.as_ref().and_then(TermsInForce::alone);
        let InForce { listed, validity, others } = match (in_force, &alone) {
            (Ok(in_force), _) => in_force,
            (Err(_), Some(listed)) => {
                InForce { listed, validity: listed.span(), others: Vec::new() }
            }
            (Err(reason), None) => return Err(reason),
        };
        let own_provider = provider_id(query.provider);
        let (provider, model) = found.map_or((own_provider.as_str(), query.model), |(model, _)| {
            (&model.provider, &model.id)
        });
        let applied = terms.as_ref().and_then(TermsInForce::applied);
        let compile = |listed: &ListedPrice, validity: Validity| {
            let (region, factor) = listed.regional(query.region);
            let identity = PriceIdentity {
                book: self.name.clone(),
                provider: provider.to_owned(),
                model: model.to_owned(),
                service_tier: tier,
                region,
                effective_from: listed.effective_from,
                hours: listed.hours.as_ref().map(ToString::to_string),
                source: listed.source.to_string(),
                recorded: listed.recorded,
                contract: applied.clone(),
            };
            let contracted = match &terms {
                Some(terms) if applied.is_some() => Some(terms.paid(listed)?),
                _ => None,
            };
            let validity = match &terms {
                Some(terms) => terms.narrowed(validity),
                None => validity,
            };
            let paid = contracted.as_ref().unwrap_or(listed);
            let currency = self.currency;
            if paid.rates.has_tier(tier) {
                // A name that says free is a statement; zeros alone may be a placeholder.
                // Of what is contracted, zeros are a statement too.
                let is_zero = listed.rates.is_zero_only() && paid.rates.is_zero_only();
                if is_zero && !model.ends_with(":free") {
                    return Err(Unpriced::ZeroOnly(model.to_owned()));
                }
                let compiling = Compiling { identity, validity, currency };
                compiling.compile(paid, factor)
            } else if tier.is_capacity() {
                Compiling { identity, validity, currency }.of_capacity(listed)
            } else {
                Err(Unpriced::NoTier { model: model.to_owned(), tier })
            }
        };
        let price = compile(listed, validity)?;
        // Another price without this tier cannot have been the call's.
        let others = others.into_iter().filter_map(|other| compile(other, other.span()).ok());
        let is_routed = found.is_some_and(|(_, is_routed)| is_routed);
        Ok(price.among(others.collect(), is_routed))
    }

    /// The model asked for, and whether its name leaves open who served it.
    pub(super) fn find(&self, query: &PriceQuery<'_>) -> Option<(&Model, bool)> {
        let (position, is_routed) = self.find_position(query)?;
        Some((self.models.get(position)?, is_routed))
    }

    fn find_position(&self, query: &PriceQuery<'_>) -> Option<(usize, bool)> {
        if let Some(names) = self.given.get(&provider_id(query.provider))
            && let Some(position) = names.get(&query.model.trim().to_lowercase())
        {
            return Some((*position, false));
        }
        let (provider, model) = behind_gateway(query.provider, query.model);
        let id = self.provider_of(provider)?;
        let found = |model: &str| {
            let provider = self.index.get(&id)?;
            let own = std::iter::once((id.as_str(), provider));
            let others = provider.fallbacks.iter();
            let others = others.filter_map(|id| Some((id.as_str(), self.index.get(id)?)));
            own.chain(others)
                .find_map(|(id, provider)| self.find_at(provider, id, model, query.region))
        };
        let exact = found(model).map(|model| (model, false));
        exact.or_else(|| Some((found(without_routing(model)?)?, true)))
    }

    fn find_at(
        &self,
        provider: &Provider,
        id: &str,
        model: &str,
        region: Option<&str>,
    ) -> Option<usize> {
        let by_rule = |name: String| {
            let name = name.to_lowercase();
            provider.ruled.iter().copied().find(|position| {
                let rule = self.models.get(*position).and_then(|model| model.rule.as_ref());
                rule.is_some_and(|rule| {
                    rule.matches(&name) && (!is_fine_tune(&name) || rule.mentions("ft:"))
                })
            })
        };
        let names = model_names(id, model).into_iter();
        names.filter(|_| !provider.ruled.is_empty()).find_map(by_rule).or_else(|| {
            let keys = model_keys(id, model, region).into_iter();
            keys.into_iter().find_map(|key| provider.keys.get(&key).copied())
        })
    }

    /// The provider as the index spells it: by its one spelling, else by the book's own rules.
    fn provider_of(&self, name: &str) -> Option<String> {
        let id = provider_id(name);
        if self.index.contains_key(&id) {
            return Some(id);
        }
        let raw = name.trim().to_lowercase();
        let by_rule = |name: &str| {
            self.rules
                .iter()
                .find(|provider| provider.rule.as_ref().is_some_and(|rule| rule.matches(name)))
        };
        let found = by_rule(&raw).or_else(|| by_rule(&id))?;
        Some(provider_id(&found.id))
    }

    fn in_force<'m>(
        &self,
        model: &'m Model,
        at: Option<Timestamp>,
    ) -> Result<InForce<'m>, Unpriced> {
        let is_undated = model.prices.iter().any(ListedPrice::is_undated);
        match (at, self.recorded) {
            (Some(_), _) if is_undated && !self.holds_for_all_time => {
                Err(Unpriced::BookWithoutHistory)
            }
            (Some(at), _) => model.at(at),
            (None, Some(recorded)) => model.on_day(start_of_day(recorded)),
            (None, None) if self.holds_for_all_time => {
                model.without_date().map_or_else(|| model.latest(), Ok)
            }
            (None, None) => model.latest(),
        }
    }
}

/// Names from outside, short enough to print.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}
