//! What an organisation pays instead of the list price: discounts and fixed rates, with the time
//! that they hold and the paper that they are from.
//!
//! ```toml
//! format = 1
//! name = "acme-2026"
//! currency = "USD"
//! recorded = "2026-03-01"
//!
//! [[term]]
//! provider = "openai"
//! models = ["gpt-5.6-*"]            # without it, every model of the provider
//! service_tiers = ["standard"]      # without it, every tier
//! token_classes = ["input", "output"] # without it, every class
//! effective_from = "2026-03-01"
//! effective_until = "2027-03-01"
//! discount = "15 %"                 # or a fraction: "0.15", "1/3"
//! source = "order form 17"
//!
//! [[term]]
//! provider = "azure"
//! models = ["gpt-5.1"]
//! source = "amendment 3"
//! rates.standard = { input = "1", output = "8" }
//! ```
//!
//! Of several terms that fit a call and a class, the first one in the file applies, alone:
//! discounts do not add up. What no term names stays at its list price.

use std::{collections::BTreeSet, sync::Arc};

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use super::{
    EffectiveFrom, Meter, PriceQuery, Ratio, ServiceTier, Unpriced, Validity,
    book::cut,
    listed::{ListedPrice, Model},
    name::{model_names, provider_id},
    native::{
        add_rates,
        fields::{ContextFile, Rates},
        instant, one_line,
    },
    rates::{RateTable, Stated},
};
use crate::{
    facts::sha256_hex,
    money::{Currency, Decimal},
    period::start_of_day,
};

/// Why a contract cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContractError {
    /// The TOML does not parse, or has fields that the format does not know.
    #[error("not a contract: {0}")]
    Toml(String),
    /// A term makes no sense.
    #[error("term {number} (`{source_text}`): {reason}")]
    Term {
        /// Its place in the file, 1 first.
        number: usize,
        /// Its source, cut at 80 characters.
        source_text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The contract and the book are in different currencies.
    #[error("the contract is in {contract}, the book in {book}")]
    Currency {
        /// Of the contract.
        contract: Currency,
        /// Of the book.
        book: Currency,
    },
}

/// Contracted discounts and rates.
#[derive(Debug, Clone)]
pub struct Contract {
    name: String,
    digest: String,
    currency: Currency,
    recorded: Date,
    terms: Vec<Term>,
}

/// What of a contract was applied: part of a price's identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AppliedContract {
    /// Name of the contract.
    pub name: String,
    /// The first sixteen hex digits of the SHA-256 of its text.
    pub version: String,
    /// Sources of the terms, in the order of the file.
    pub terms: Vec<String>,
}

#[derive(Debug, Clone)]
struct Term {
    provider: String,
    models: Vec<String>,
    tiers: BTreeSet<ServiceTier>,
    meters: BTreeSet<Meter>,
    validity: Validity,
    source: Arc<str>,
    price: TermPrice,
}

#[derive(Debug, Clone)]
enum TermPrice {
    /// What is left of the list price.
    Share(Ratio),
    Fixed(RateTable),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ContractFile {
    format: u32,
    name: String,
    currency: Currency,
    recorded: Date,
    #[serde(default, rename = "term")]
    terms: Vec<TermFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TermFile {
    provider: String,
    #[serde(default)]
    models: Vec<String>,
    #[serde(default)]
    service_tiers: Vec<String>,
    #[serde(default)]
    token_classes: Vec<String>,
    effective_from: Option<String>,
    effective_until: Option<String>,
    source: String,
    discount: Option<String>,
    rates: Option<Rates>,
    #[serde(default)]
    context: Vec<ContextFile>,
}

impl Contract {
    /// Reads a contract.
    ///
    /// # Errors
    ///
    /// [`ContractError::Toml`] and [`ContractError::Term`].
    pub fn read(text: &str) -> Result<Self, ContractError> {
        let file: ContractFile =
            toml::from_str(text).map_err(|error| ContractError::Toml(one_line(&error, text)))?;
        if file.format != 1 {
            return Err(ContractError::Toml(format!("format {} is not known, 1 is", file.format)));
        }
        let terms = file
            .terms
            .into_iter()
            .enumerate()
            .map(|(index, term)| {
                let source_text = cut(&term.source);
                let number = index.saturating_add(1);
                Term::read(term).map_err(|reason| ContractError::Term {
                    number,
                    source_text,
                    reason,
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let [_, ..] = terms.as_slice() else {
            return Err(ContractError::Toml("it has no `[[term]]`".to_owned()));
        };
        Ok(Self {
            name: file.name,
            digest: sha256_hex(text.as_bytes()),
            currency: file.currency,
            recorded: file.recorded,
            terms,
        })
    }

    /// The name kept with every call that it priced.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// SHA-256 of its text, in hex.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// How many terms it has.
    pub fn len(&self) -> usize {
        self.terms.len()
    }

    /// Whether it has none; a contract that was read has one at least.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    pub(super) fn check_currency(&self, book: Currency) -> Result<(), ContractError> {
        if self.currency == book {
            return Ok(());
        }
        Err(ContractError::Currency { contract: self.currency, book })
    }

    /// The terms of a model at a tier. `model` is the book's entry, where it has one.
    pub(super) fn terms_of<'c>(
        &'c self,
        query: &PriceQuery<'_>,
        model: Option<&Model>,
        tier: ServiceTier,
        at: Option<Timestamp>,
    ) -> TermsInForce<'c> {
        let provider = provider_id(model.map_or(query.provider, |model| &model.provider));
        let at = at.unwrap_or_else(|| start_of_day(self.recorded));
        let mut names = model_names(&provider, query.model);
        names.extend(
            model
                .into_iter()
                .flat_map(|model| model.aliases.iter().chain(std::iter::once(&model.id)).cloned()),
        );
        let is_named = |term: &Term| {
            term.models.is_empty()
                || names.iter().any(|name| term.models.iter().any(|model| matches(model, name)))
        };
        let fits = |term: &&Term| {
            (term.provider == provider || term.provider == "*")
                && (term.tiers.is_empty() || term.tiers.contains(&tier))
                && is_named(term)
        };
        let fitting = self.terms.iter().filter(fits).collect();
        TermsInForce { contract: self, fitting, tier, at }
    }
}

/// The terms of one model at one tier, seen from one instant.
pub(super) struct TermsInForce<'c> {
    contract: &'c Contract,
    fitting: Vec<&'c Term>,
    tier: ServiceTier,
    at: Timestamp,
}

impl TermsInForce<'_> {
    fn in_force(&self) -> impl Iterator<Item = &Term> {
        self.fitting.iter().copied().filter(|term| term.validity.contains(self.at))
    }

    /// The first term in force that says something of a class.
    fn of(&self, meter: Meter) -> Option<&Term> {
        self.in_force().find(|term| match &term.price {
            TermPrice::Share(_) => term.covers(meter),
            TermPrice::Fixed(rates) => {
                rates.iter().any(|((tier, _, other), _)| other == meter && self.is_usable(tier))
            }
        })
    }

    fn is_usable(&self, tier: ServiceTier) -> bool {
        tier == self.tier || tier == ServiceTier::Standard
    }

    /// What is applied; `None` when nothing is.
    pub(super) fn applied(&self) -> Option<AppliedContract> {
        let used = |term: &&Term| {
            Meter::ALL
                .into_iter()
                .any(|meter| self.of(meter).is_some_and(|first| std::ptr::eq(first, *term)))
        };
        let terms: Vec<String> =
            self.in_force().filter(used).map(|term| term.source.to_string()).collect();
        let version = self.contract.digest.chars().take(16).collect();
        (!terms.is_empty()).then(|| AppliedContract {
            name: self.contract.name.clone(),
            version,
            terms,
        })
    }

    /// The span around the instant in which the same terms hold.
    pub(super) fn narrowed(&self, validity: Validity) -> Validity {
        let Validity { mut from, mut until, hours } = validity;
        let edges = self.fitting.iter().flat_map(|term| [term.validity.from, term.validity.until]);
        for edge in edges.flatten() {
            if edge <= self.at {
                from = from.max(Some(edge));
            } else {
                until = Some(until.map_or(edge, |until| until.min(edge)));
            }
        }
        Validity { from, until, hours }
    }

    /// A list of the contract's own, from the first term with fixed rates: for models that the
    /// book does not price.
    pub(super) fn alone(&self) -> Option<ListedPrice> {
        let term = self.in_force().find(|term| matches!(&term.price, TermPrice::Fixed(_)))?;
        let TermPrice::Fixed(rates) = &term.price else { return None };
        Some(ListedPrice {
            effective_from: term.validity.from.map_or(EffectiveFrom::Unknown, EffectiveFrom::At),
            effective_until: term.validity.until,
            source: Arc::clone(&term.source),
            recorded: Some(self.contract.recorded),
            rates: rates.clone(),
            regions: std::collections::BTreeMap::new(),
            hours: None,
            quotas: Vec::new(),
        })
    }

    /// What is paid, from what the list says.
    ///
    /// Of a tier, a list's own rates and the standard ones that stand in for it are all discounted
    /// alike, so that what stands in for what stays as it is in the list.
    pub(super) fn paid(&self, list: &ListedPrice) -> Result<ListedPrice, Unpriced> {
        let mut table = RateTable::default();
        table.is_marginal = list.rates.is_marginal;
        for ((tier, above, meter), stated) in list.rates.iter() {
            if !self.is_usable(tier) {
                continue;
            }
            match self.of(meter).map(|term| &term.price) {
                None => table.put(tier, above, meter, stated),
                Some(TermPrice::Share(share)) => {
                    let price = stated.unit_price.checked_mul(*share);
                    let unit_price = price.map_err(|_| Unpriced::Overflow)?;
                    table.put(tier, above, meter, Stated { unit_price, ..stated });
                }
                // The contract's own rates replace the list's in every context.
                Some(TermPrice::Fixed(_)) => {}
            }
        }
        for meter in Meter::ALL {
            let Some(TermPrice::Fixed(rates)) = self.of(meter).map(|term| &term.price) else {
                continue;
            };
            for ((tier, above, _), stated) in
                rates.iter().filter(|((_, _, other), _)| *other == meter)
            {
                table.put(tier, above, meter, stated);
            }
        }
        Ok(ListedPrice { rates: table, ..list.clone() })
    }
}

impl Term {
    fn read(file: TermFile) -> Result<Self, String> {
        let time = |text: &Option<String>| text.as_deref().map(instant).transpose();
        let validity = Validity {
            from: time(&file.effective_from)?,
            until: time(&file.effective_until)?,
            hours: None,
        };
        if let (Some(from), Some(until)) = (validity.from, validity.until)
            && from >= until
        {
            return Err(format!("it ends at {until}, which is not after its start"));
        }
        let tiers = file
            .service_tiers
            .iter()
            .map(|tier| tier.parse().map_err(|error| format!("{error}")))
            .collect::<Result<_, String>>()?;
        let meters = file
            .token_classes
            .iter()
            .map(|class| class.parse().map_err(|error| format!("{error}")))
            .collect::<Result<BTreeSet<Meter>, String>>()?;
        let price = match (&file.discount, &file.rates) {
            (Some(discount), None) if file.context.is_empty() => {
                TermPrice::Share(share_left(discount)?)
            }
            (None, Some(rates)) => {
                if !meters.is_empty() {
                    return Err("`token_classes` is for discounts; rates name theirs".to_owned());
                }
                let mut table = RateTable::default();
                add_rates(&mut table, 0, rates)?;
                for context in &file.context {
                    add_rates(&mut table, context.bound()?, &context.rates)?;
                }
                if table.is_empty() {
                    return Err("its rates are empty".to_owned());
                }
                TermPrice::Fixed(table)
            }
            _ => return Err("a term has either `discount` or `rates`".to_owned()),
        };
        if file.models.iter().any(|model| model.trim().is_empty()) {
            return Err("a model without a name; leave `models` out for all of them".to_owned());
        }
        let provider = provider_id(&file.provider);
        if provider == "*" && matches!(price, TermPrice::Fixed(_)) {
            return Err("rates are those of one provider, not of `*`".to_owned());
        }
        Ok(Self {
            provider,
            models: file.models.iter().map(|model| model.trim().to_owned()).collect(),
            tiers,
            meters,
            validity,
            source: file.source.into(),
            price,
        })
    }

    /// Whether a discount is on a class. One on output is also on what is billed as output.
    fn covers(&self, meter: Meter) -> bool {
        let is_meant = |meter: Meter| self.meters.contains(&meter);
        self.meters.is_empty() || is_meant(meter) || meter.billed_as().is_some_and(is_meant)
    }
}

/// A name, or the start of names before a `*`.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

/// What a discount leaves: `15 %`, `0.15` and `3/20` leave 0.85.
fn share_left(discount: &str) -> Result<Ratio, String> {
    let wrong = || format!("`{}` is no discount such as `15 %` or `0.15`", cut(discount));
    let text = discount.trim();
    let number = |text: &str| text.trim().parse::<Ratio>().map_err(|_| wrong());
    let taken = match text.strip_suffix('%') {
        Some(percent) => number(percent)?.checked_div_integer(100).map_err(|_| wrong())?,
        None => number(text)?,
    };
    if taken.is_negative() || taken > Ratio::ONE {
        return Err(format!("a discount of `{}` is not between nothing and all", cut(text)));
    }
    let whole = Decimal::from_integer(taken.divisor().into());
    let left = whole.checked_sub(taken.numerator()).map_err(|_| wrong())?;
    Ratio::new(left, taken.divisor()).map_err(|_| wrong())
}

#[cfg(test)]
#[path = "contract/tests.rs"]
mod tests;
