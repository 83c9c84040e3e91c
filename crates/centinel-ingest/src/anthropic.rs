//! Anthropic's organization reports: pages of the messages usage report and of the cost report.
//!
//! # Source
//!
//! platform.claude.com API reference, "Get Messages Usage Report" and "Get Cost Report".

mod costs;
mod usage;

pub(crate) use self::{costs::Costs, usage::Usages};

use centinel_engine::series::{Dimension, Labels};

use crate::{fields::Fields, sanitize::credential_id};

/// The provider of every row.
const PROVIDER: &str = "anthropic";

/// What makes a result the one it is, beside its bucket and what it counts.
const GROUPS: [&str; 9] = [
    "workspace_id",
    "api_key_id",
    "account_id",
    "service_account_id",
    "model",
    "service_tier",
    "context_window",
    "inference_geo",
    "speed",
];

/// Sets what both reports group by.
fn set_groups(labels: &mut Labels, fields: &Fields) {
    let get = |name| fields.get(name).unwrap_or_default();
    labels.set(Dimension::Provider, PROVIDER);
    labels.set(Dimension::Model, get("model"));
    labels.set(Dimension::SubAccount, get("workspace_id"));
    labels.set(Dimension::ApiKey, &credential_id(get("api_key_id")));
    let tier = match get("service_tier") {
        // Discounted flex is the flex tier at a price of its own contract.
        "flex_discount" => "flex",
        tier => tier,
    };
    let is_fast = get("speed") == "fast" && matches!(tier, "" | "standard");
    labels.set(Dimension::ServiceTier, if is_fast { "fast" } else { tier });
    // Models without a choice of region report that there is none.
    let region = get("inference_geo");
    labels.set(Dimension::Region, if region == "not_available" { "" } else { region });
    // Long context has prices of its own, and only this says which calls had it.
    labels.set(Dimension::Tag("context_window".into()), get("context_window"));
}
