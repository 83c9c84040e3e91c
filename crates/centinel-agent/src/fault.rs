//! Everything that can go wrong between a question and a usable answer.

use std::time::Duration;

use crate::cassette::Difference;

/// Why a model gave no usable answer. A closed list: whatever a server does is one of these.
///
/// The text of a fault is ours. What a server said stands apart ([`Fault::said`]): cleaned, cut, without
/// the credential, for a person who looks for the reason, and in no log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No connection, or one that broke before an answer began.
    #[error("`{address}` cannot be reached")]
    Unreachable {
        /// Where, without anything secret.
        address: String,
        /// The innermost cause, in the words of the transport.
        reason: String,
    },
    /// The time for all turns is used up.
    #[error("no usable answer within {} s", within.as_secs_f32())]
    TimeUp {
        /// The time that there was.
        within: Duration,
    },
    /// The server asks to wait for longer than there is time.
    #[error("the endpoint asks to wait {} s", asked.as_secs())]
    AskedToWait {
        /// How long it asks for.
        asked: Duration,
    },
    /// The answer ended in its middle.
    #[error("the answer was cut off")]
    Cut,
    /// The body is larger than is read.
    #[error("the answer has more than {bytes} bytes")]
    TooLarge {
        /// How many are read.
        bytes: usize,
    },
    /// The server points elsewhere; nobody but the configured endpoint is asked.
    #[error("the endpoint redirects to elsewhere")]
    Redirected,
    /// The credential does not hold.
    #[error("the endpoint refuses the credential ({status})")]
    Unauthorized {
        /// 401 or 403.
        status: u16,
        /// What it said.
        said: String,
    },
    /// The account has no money left.
    #[error("the account at the endpoint has no quota left")]
    NoQuota {
        /// What it said.
        said: String,
    },
    /// Too many questions, or a server in trouble, still so after the last try.
    #[error("the endpoint is busy or broken ({status})")]
    Busy {
        /// The status.
        status: u16,
        /// What it said.
        said: String,
        /// How long it asks to wait, where it does.
        retry_after: Option<Duration>,
    },
    /// The server does not take the question as it was put.
    #[error("the endpoint refuses the request ({status})")]
    Refused {
        /// The status.
        status: u16,
        /// What it said.
        said: String,
    },
    /// An error that came with the status of success, or within a stream.
    #[error("the endpoint answered with an error")]
    Failed {
        /// What it said.
        said: String,
    },
    /// What came is no answer of a chat.
    #[error("the answer is no chat completion")]
    NotACompletion,
    /// There is no choice in it, or nothing in the choice.
    #[error("the answer is empty")]
    Empty,
    /// The model declined.
    #[error("the model declined to answer")]
    Declined,
    /// The answer ran into the limit of tokens.
    #[error("the answer ran into the limit of tokens")]
    TooLong,
    /// A filter took the answer away.
    #[error("the endpoint's content filter withheld the answer")]
    Filtered,
    /// The text holds no JSON object of the kind that was asked for.
    #[error("the answer holds no draft in JSON")]
    NoJson,
    /// The cap of the run or of the day would be passed.
    #[error("the narrator's spend cap is reached: {0}")]
    CapReached(String),
    /// What there is to tell does not fit into a prompt.
    #[error("the facts are too many for a prompt ({bytes} bytes)")]
    PromptTooLarge {
        /// Its size.
        bytes: usize,
    },
    /// A prompt cannot be rendered from what it is given.
    #[error("prompt `{task}` cannot be rendered: {reason}")]
    Prompt {
        /// Which.
        task: &'static str,
        /// Why.
        reason: String,
    },
    /// The cassette holds no answer to this question.
    #[error("the cassette holds no answer to this request: {0}")]
    NotRecorded(Difference),
    /// The client library failed in a way that none of the above is.
    #[error("the client failed: {0}")]
    Client(String),
}

impl Fault {
    /// What the server said, where it said anything.
    pub fn said(&self) -> Option<&str> {
        match self {
            Self::Unreachable { reason: said, .. }
            | Self::Unauthorized { said, .. }
            | Self::NoQuota { said }
            | Self::Busy { said, .. }
            | Self::Refused { said, .. }
            | Self::Failed { said } => Some(said.as_str()).filter(|said| !said.is_empty()),
            _ => None,
        }
    }

    /// How to go on, where that can be told.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Unreachable { .. } => "is `base_url` of `[narrator]` right, and the server up?",
            Self::Unauthorized { .. } => "look at `credential` of `[narrator]`",
            Self::NoQuota { .. } => "the provider's account needs credit",
            Self::Refused { .. } => "is `model` of `[narrator]` one that the endpoint serves?",
            Self::Redirected => "state in `base_url` where the endpoint is in the end",
            Self::CapReached(_) => "the caps are in `[narrator]`",
            Self::TooLong => "raise `output_tokens_max` of `[narrator]`",
            _ => return None,
        })
    }

    /// Whether it is the endpoint that failed, rather than a cap or a prompt of ours, after which nothing
    /// was asked.
    pub(crate) fn is_of_endpoint(&self) -> bool {
        !matches!(
            self,
            Self::CapReached(_)
                | Self::PromptTooLarge { .. }
                | Self::Prompt { .. }
                | Self::NotRecorded(_)
        )
    }

    /// Whether another mode of output may help: the server did not take the question, or did not keep
    /// to the mode.
    pub(crate) fn is_of_mode(&self) -> bool {
        match self {
            Self::Refused { status, .. } => matches!(status, 400 | 404 | 415 | 422 | 501),
            Self::NoJson => true,
            _ => false,
        }
    }

    /// Whether the model may have worked for it, so that it may be billed. Providers bill no answer
    /// that is an error of the client's; of all else nobody knows.
    pub(crate) fn may_be_billed(&self) -> bool {
        !matches!(
            self,
            Self::Unreachable { .. }
                | Self::AskedToWait { .. }
                | Self::Redirected
                | Self::Unauthorized { .. }
                | Self::NoQuota { .. }
                | Self::Refused { .. }
                | Self::Busy { status: 408 | 429, .. }
                | Self::CapReached(_)
                | Self::PromptTooLarge { .. }
                | Self::Prompt { .. }
                | Self::NotRecorded(_)
        )
    }
}
