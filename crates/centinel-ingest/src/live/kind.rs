//! The kinds of live source: what each is called, where it is, and what it counts as by default.

use std::{fmt, str::FromStr};

use secrecy::SecretString;

use crate::{client::Auth, detect::Format};

/// A kind of live source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// OpenAI's usage of an organisation (openai/openai-openapi, `/organization/usage/…`, schema
    /// `UsageResponse`).
    OpenAiUsage,
    /// OpenAI's costs of an organisation (openai/openai-openapi, `/organization/costs`).
    OpenAiCosts,
    /// Anthropic's usage report (Claude API documentation, "Get Messages Usage Report").
    AnthropicUsage,
    /// Anthropic's cost report (Claude API documentation, "Get Cost Report").
    AnthropicCosts,
    /// OpenRouter's activity by model and day (OpenRouter API reference, `GET /activity`): the last
    /// thirty days that are over.
    OpenRouter,
    /// A LiteLLM proxy's `GET /spend/logs/v2` (LiteLLM 1.106,
    /// `litellm/proxy/spend_tracking/spend_management_endpoints.py`).
    LiteLlm,
    /// A LiteLLM proxy's own database, table `LiteLLM_SpendLogs` (LiteLLM 1.106,
    /// `litellm/proxy/schema.prisma`).
    LiteLlmDatabase,
    /// Langfuse's observations (Langfuse documentation, "Observations API v2").
    Langfuse,
    /// Helicone's requests (Helicone documentation, `POST /v1/request/query-clickhouse`).
    Helicone,
    /// OpenCost's allocation of a cluster's cost (OpenCost documentation, `/allocation/compute`).
    OpenCost,
    /// Files in a bucket, container or folder ([`crate::objects`]).
    Objects,
}

/// A name that is none of the kinds'.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no kind of source is called `{0}`")]
pub struct UnknownKind(String);

impl UnknownKind {
    /// The names there are.
    pub fn hint(&self) -> String {
        let names: Vec<_> = Kind::ALL.iter().map(|kind| format!("`{kind}`")).collect();
        format!("one of {}", names.join(", "))
    }
}

/// Everything that differs from kind to kind and is no question.
struct Facts {
    name: &'static str,
    summary: &'static str,
    base: Option<&'static str>,
    is_report: bool,
    /// Hours.
    overlap: i64,
    /// Days.
    since: i64,
    /// Days of a report that one question asks for.
    at_once: i64,
    options: &'static [(&'static str, &'static str)],
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::OpenAiUsage,
        Self::OpenAiCosts,
        Self::AnthropicUsage,
        Self::AnthropicCosts,
        Self::OpenRouter,
        Self::LiteLlm,
        Self::LiteLlmDatabase,
        Self::Langfuse,
        Self::Helicone,
        Self::OpenCost,
        Self::Objects,
    ];

    const fn facts(self) -> Facts {
        const LOG: Facts = Facts {
            name: "",
            summary: "",
            base: None,
            is_report: false,
            overlap: 2,
            since: 30,
            at_once: 1,
            options: &[],
        };
        // Usage settles within two days; what is to be billed is corrected for longer.
        const USAGE: Facts = Facts { is_report: true, overlap: 48, at_once: 31, ..LOG };
        const COSTS: Facts = Facts { overlap: 7 * 24, ..USAGE };
        match self {
            Self::OpenAiUsage => Facts {
                name: "openai-usage",
                summary: "tokens and calls of an OpenAI organisation, by day",
                base: Some("https://api.openai.com"),
                options: &[(
                    "lists",
                    "which usage lists, as in `completions,embeddings`; all of them",
                )],
                ..USAGE
            },
            Self::OpenAiCosts => Facts {
                name: "openai-costs",
                summary: "what OpenAI bills an organisation, by day",
                base: Some("https://api.openai.com"),
                ..COSTS
            },
            Self::AnthropicUsage => Facts {
                name: "anthropic-usage",
                summary: "tokens of an Anthropic organisation, by day",
                base: Some("https://api.anthropic.com"),
                ..USAGE
            },
            Self::AnthropicCosts => Facts {
                name: "anthropic-costs",
                summary: "what Anthropic bills an organisation, by day",
                base: Some("https://api.anthropic.com"),
                ..COSTS
            },
            Self::OpenRouter => Facts {
                name: "openrouter",
                summary: "tokens and cost by model and day of an OpenRouter account",
                base: Some("https://openrouter.ai"),
                at_once: 400,
                ..USAGE
            },
            Self::LiteLlm => Facts {
                name: "litellm",
                summary: "spend logs of a LiteLLM proxy, over its API",
                ..LOG
            },
            Self::LiteLlmDatabase => Facts {
                name: "litellm-database",
                summary: "spend logs of a LiteLLM proxy, from its PostgreSQL database",
                ..LOG
            },
            Self::Langfuse => Facts {
                name: "langfuse",
                summary: "generations of a Langfuse project",
                base: Some("https://cloud.langfuse.com"),
                ..LOG
            },
            Self::Helicone => Facts {
                name: "helicone",
                summary: "requests of a Helicone account",
                base: Some("https://api.helicone.ai"),
                ..LOG
            },
            Self::OpenCost => Facts {
                name: "opencost",
                summary: "cost of a Kubernetes cluster by workload and day",
                at_once: 1,
                options: &[(
                    "aggregate",
                    "how workloads are grouped; `namespace,controller` if absent",
                )],
                ..USAGE
            },
            Self::Objects => Facts {
                name: "objects",
                summary: "bills and logs in S3, Azure Blob, Google Cloud Storage or a folder",
                overlap: 0,
                options: &[
                    ("endpoint", "address of a store of one's own, or of Google as S3"),
                    ("region", "region that S3 signatures name; `us-east-1` if absent"),
                    ("format", "only objects of this source of `import`, as `aws`; all of them"),
                    ("on_overlap", "`add`, `refuse` or `replace`, as `import --overlap`"),
                ],
                ..LOG
            },
        }
    }

    /// Its name in configuration.
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// One line for people.
    pub fn summary(self) -> &'static str {
        self.facts().summary
    }

    /// Whether it is a report, whose days are replaced, rather than a log, whose rows have ids.
    pub fn is_report(self) -> bool {
        self.facts().is_report
    }

    /// Where it is, where that is the same for everybody.
    pub fn default_base(self) -> Option<&'static str> {
        self.facts().base
    }

    /// How far before its cursor it is asked again, in hours: by then, late rows and corrections are
    /// there.
    pub fn default_overlap_hours(self) -> i64 {
        self.facts().overlap
    }

    /// How many days back a first sync begins, where no `since` is stated.
    pub fn default_since_days(self) -> i64 {
        self.facts().since
    }

    /// How many days one question asks for.
    pub(crate) fn days_at_once(self) -> i64 {
        self.facts().at_once
    }

    /// Whether it is asked without a credential.
    pub fn is_open(self) -> bool {
        matches!(self, Self::OpenCost | Self::Objects)
    }

    /// Whether the credential comes with a name (`user` in the configuration).
    pub fn wants_user(self) -> bool {
        self == Self::Langfuse
    }

    /// Whether the credential is the address of a database.
    pub fn is_database(self) -> bool {
        self == Self::LiteLlmDatabase
    }

    /// Options of its own: name, and what it does.
    pub fn options(self) -> &'static [(&'static str, &'static str)] {
        self.facts().options
    }

    /// Whether it is a list of objects, which is no body itself.
    pub fn is_objects(self) -> bool {
        self == Self::Objects
    }

    /// What the bodies are read as; `None` where their bytes say it.
    pub fn format(self) -> Option<Format> {
        Some(match self {
            Self::OpenAiUsage => Format::OpenAiUsage,
            Self::OpenAiCosts => Format::OpenAiCosts,
            Self::AnthropicUsage => Format::AnthropicUsage,
            Self::AnthropicCosts => Format::AnthropicCosts,
            Self::OpenRouter => Format::OpenRouterActivity,
            Self::LiteLlm | Self::LiteLlmDatabase => Format::LiteLlmJson,
            Self::Langfuse => Format::LangfuseJson,
            Self::Helicone => Format::HeliconeJson,
            Self::OpenCost => Format::OpenCost,
            Self::Objects => return None,
        })
    }
}

pub(super) fn auth_of(kind: Kind, user: Option<&str>, secret: Option<SecretString>) -> Auth {
    let Some(secret) = secret else { return Auth::None };
    match kind {
        Kind::LiteLlmDatabase => Auth::None,
        Kind::AnthropicUsage | Kind::AnthropicCosts => Auth::Header("x-api-key", secret),
        Kind::Langfuse => Auth::Basic(user.unwrap_or_default().to_owned(), secret),
        _ => Auth::Bearer(secret),
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| UnknownKind(text.chars().take(40).collect()))
    }
}
