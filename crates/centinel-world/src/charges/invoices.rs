//! What the model providers ask for: one row for each month, model and token class.
//!
//! It differs from the logged calls at list price for four reasons, which the truth file states to the
//! last decimal: usage that no log holds, a contract discount, a model that no price list holds, and
//! rounding to cents.

use std::collections::BTreeMap;

use centinel_engine::money::{Decimal, Pico};
use jiff::civil::Date;

use super::{Row, Vendor};
use crate::{
    FileCategory, InvoiceTruth, World,
    calendar::shifted,
    models::{GPT_5_1, Model, Price, Provider, TONE_TUNE, TONE_TUNE_INVOICED, TokenClass},
};

static OPENAI: Vendor = vendor("OpenAI", "openai", 1_000, false);
static ANTHROPIC: Vendor = vendor("Anthropic", "anthropic", 1_000, false);
static VERTEX: Vendor = vendor("Google Cloud", "vertex-ai", 1_000, true);
static BEDROCK: Vendor = vendor("AWS", "bedrock", 1_000, false);
static AZURE_OPENAI: Vendor = vendor("Microsoft", "azure-openai", 960, false);

/// A notebook's key that no log holds uses this share of what is logged, in thousandths.
const UNLOGGED_PERMILLE: u64 = 7;

const fn vendor(
    provider: &'static str,
    slug: &'static str,
    contract_permille: i128,
    is_open: bool,
) -> Vendor {
    let category = FileCategory::Ai;
    Vendor { provider, slug, category, account: slug, contract_permille, is_open }
}

/// Logged tokens of one model in one month.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Logged {
    pub(crate) model: &'static Model,
    pub(crate) tokens: [u64; 4],
}

/// Logged tokens by first day of the month, provider and model id.
pub(crate) type LoggedTokens = BTreeMap<(Date, Provider, &'static str), Logged>;

impl World {
    /// The invoices for the logged tokens, and why they differ from them at list price.
    pub(crate) fn invoices(&self, logged: &LoggedTokens) -> (Vec<Row>, InvoiceTruth) {
        let (mut rows, mut truth) = (Vec::new(), InvoiceTruth::default());
        for ((month, ..), logged) in logged {
            let (Some(vendor), Some(price)) = (seller(logged.model), invoiced_price(logged.model))
            else {
                continue;
            };
            for (class, tokens) in TokenClass::ALL.into_iter().zip(logged.tokens) {
                let unlogged =
                    if *logged.model == GPT_5_1 { tokens * UNLOGGED_PERMILLE / 1_000 } else { 0 };
                if tokens + unlogged > 0 {
                    let line = InvoiceLine { vendor, model: logged.model, class, price };
                    rows.push(self.invoice_row(&line, *month, tokens, unlogged, &mut truth));
                }
            }
        }
        (rows, truth)
    }

    fn invoice_row(
        &self,
        line: &InvoiceLine,
        month: Date,
        tokens: u64,
        unlogged: u64,
        truth: &mut InvoiceTruth,
    ) -> Row {
        let list_price = line.price.of(line.class);
        let list = |tokens: u64| i128::from(tokens) * list_price;
        let billed_tokens = tokens + unlogged;
        let contracted_price = list_price * line.vendor.contract_permille / 1_000;
        let contracted = Pico(i128::from(billed_tokens) * contracted_price);
        let billed = Pico::try_from(contracted.to_display(2)).unwrap_or(contracted);
        match line.model.price {
            Some(_) => truth.logged_at_list_price.0 += list(tokens),
            None => truth.unpriced_model.0 += list(tokens),
        }
        truth.unlogged_usage.0 += list(unlogged);
        truth.contract_discount.0 += contracted.0 - list(billed_tokens);
        truth.rounding.0 += billed.0 - contracted.0;
        truth.invoiced.0 += billed.0;
        let start = month.max(self.first_day);
        let end = month.last_of_month().min(self.config.end);
        let millions = Decimal::new(billed_tokens.into(), 6).unwrap_or_default();
        let per_million = |price: i128| Decimal::new(price, 6).unwrap_or_default();
        Row {
            billed_cost: billed,
            charge_category: "Usage",
            charge_description: format!("{} for {}", line.class.meter(), line.model.id),
            charge_frequency: "Usage-Based",
            consumed_quantity: Some(Decimal::from_integer(billed_tokens.into())),
            consumed_unit: Some("Tokens"),
            contracted_cost: contracted,
            contracted_unit_price: Some(per_million(contracted_price)),
            effective_cost: billed,
            list_cost: Pico(list(billed_tokens)),
            list_unit_price: Some(per_million(list_price)),
            pricing_category: Some("Standard"),
            pricing_quantity: Some(millions),
            pricing_unit: Some("1000000 Tokens"),
            service_category: "AI and Machine Learning",
            service_name: "Model inference",
            service_subcategory: "Generative AI",
            sku_id: Some(line.model.id),
            sku_meter: Some(line.class.meter()),
            sku_price_details: Some(price_details(line.model, line.class)),
            ..self.blank(line.vendor, start, shifted(end, 1))
        }
    }
}

struct InvoiceLine {
    vendor: &'static Vendor,
    model: &'static Model,
    class: TokenClass,
    price: &'static Price,
}

/// Who bills for a model; nobody bills for what runs on Halden's own servers.
fn seller(model: &Model) -> Option<&'static Vendor> {
    match model.provider {
        Provider::OpenAi => Some(&OPENAI),
        Provider::Anthropic => Some(&ANTHROPIC),
        Provider::VertexAi => Some(&VERTEX),
        Provider::Bedrock => Some(&BEDROCK),
        Provider::Azure => Some(&AZURE_OPENAI),
        Provider::SelfHosted => None,
    }
}

fn invoiced_price(model: &'static Model) -> Option<&'static Price> {
    model.price.as_ref().or_else(|| (*model == TONE_TUNE).then_some(&TONE_TUNE_INVOICED))
}

/// FOCUS `SkuPriceDetails`, with the keys of the specification's working draft for models.
fn price_details(model: &Model, class: TokenClass) -> String {
    let action = match class {
        TokenClass::Input => Some("Uncached"),
        TokenClass::CacheRead => Some("Read"),
        TokenClass::CacheWrite => Some("Write"),
        TokenClass::Output => None,
    };
    let direction = if class == TokenClass::Output { "Output" } else { "Input" };
    let mut details = BTreeMap::from([("ModelId", model.id), ("TokenDirection", direction)]);
    details.extend(action.map(|action| ("TokenCacheAction", action)));
    serde_json::json!(details).to_string()
}
