//! The narrator: sentences for facts, from any OpenAI-compatible model, with every way out bounded.
//!
//! What a model writes here is a draft and no more. It holds slots instead of figures, it is judged by
//! the engine through [`Judge`], and whoever publishes it judges it again. The standard wording exists
//! before a model is asked, so every failure (no endpoint, no time, no money, no JSON, no truth) ends
//! in a text that can be published, with the reason beside it.
//!
//! | step | where |
//! |---|---|
//! | what the model is shown: aliases and rounded figures, never an imported string | [`sheet`], [`prompt`] |
//! | one question to a server, in whatever dialect it answers | [`client`] |
//! | what it may cost, and what it did cost | [`budget`], [`metered`] |
//! | draft, at most two repairs, fewer sentences, standard wording | [`narrator`] |
//! | a question: what is looked up for it, and what is said | [`ask`] |
//! | when a server that fails is left alone | [`circuit`] |
//! | what a server can do, tried out | [`probe`] |
//! | answers recorded, and played back | [`cassette`] |
//!
//! The crate reads neither clock nor environment nor files; time is an argument, randomness a seed.

pub mod ask;
pub mod budget;
pub mod cassette;
pub mod circuit;
pub mod client;
pub mod fault;
pub mod metered;
pub mod narrator;
pub mod probe;
pub mod prompt;
pub mod sheet;
#[cfg(test)]
mod testing;

pub use ask::{Answer, Answered, Conversation, Made, Name, Tools};
pub use budget::{Allowance, Budget, Caps, Spent};
pub use cassette::{Cassette, Recorded};
pub use circuit::{Circuit, Pause};
pub use client::{
    Chat, Endpoint, EndpointError, Limits, Message, Mode, Question, Reply, Run, Tool, ToolCall,
    Transport,
};
pub use fault::Fault;
pub use metered::MeteredCall;
pub use narrator::{Gates, Judge, Judged, Label, Narrator, Settings, Worded};
pub use probe::Probed;
pub use prompt::{PromptId, Task};
pub use sheet::Sheet;
