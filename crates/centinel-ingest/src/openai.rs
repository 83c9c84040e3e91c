//! OpenAI's organization reports: pages of the usage API and of the costs API.

mod costs;
mod usage;

pub(crate) use self::{
    costs::Costs,
    usage::{Usages, note_sum},
};

/// The provider of every row.
const PROVIDER: &str = "openai";
