//! Every count that a response body may hold, and where in the body it stands.
//!
//! The tables say what is read, not what it means: the files of the dialects do that.
//!
//! # Source
//!
//! OpenAI API description (`CompletionUsage`, `ResponseUsage`, `ImagesUsage`,
//! `TranscriptTextUsageTokens`, `RealtimeResponse`); Claude API, Messages; Amazon Bedrock API,
//! `TokenUsage`, `CacheDetail`, `amazon-bedrock-invocationMetrics`, inference parameters of Titan and
//! Llama, model invocation logging; Gemini API and Vertex AI, `UsageMetadata`; Cohere API v1 and v2;
//! DeepSeek, Mistral, Moonshot, Perplexity and xAI API references; Ollama API; OpenRouter, usage
//! accounting and `/generation`; Voyage AI API.

macro_rules! fields {
    ($($name:ident = $path:literal,)+) => {
        /// A count in a response body. Spellings that mean the same share a field.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub(super) enum Field { $($name),+ }

        impl Field {
            pub(super) const ALL: [Self; [$($path),+].len()] = [$(Self::$name),+];
            pub(super) const COUNT: usize = Self::ALL.len();

            /// Where it stands, as a reader of the body would write it.
            pub(super) fn path(self) -> &'static str {
                match self { $(Self::$name => $path),+ }
            }
        }
    };
}

fields! {
    // Chat completions and what follows them.
    PromptTokens = "usage.prompt_tokens",
    CompletionTokens = "usage.completion_tokens",
    TotalTokens = "usage.total_tokens",
    PromptCached = "usage.prompt_tokens_details.cached_tokens",
    PromptCacheWrite = "usage.prompt_tokens_details.cache_write_tokens",
    PromptAudio = "usage.prompt_tokens_details.audio_tokens",
    PromptImage = "usage.prompt_tokens_details.image_tokens",
    PromptVideo = "usage.prompt_tokens_details.video_tokens",
    Reasoning = "usage.completion_tokens_details.reasoning_tokens",
    CompletionAudio = "usage.completion_tokens_details.audio_tokens",
    CompletionImage = "usage.completion_tokens_details.image_tokens",
    CompletionVideo = "usage.completion_tokens_details.video_tokens",
    CachedTokens = "usage.cached_tokens",
    NumCachedTokens = "usage.num_cached_tokens",
    CacheHitTokens = "usage.prompt_cache_hit_tokens",
    CachedPromptText = "usage.cached_prompt_text_tokens",
    ReasoningTokens = "usage.reasoning_tokens",
    CitationTokens = "usage.citation_tokens",
    SearchQueries = "usage.num_search_queries",
    PromptAudioMillis = "usage.prompt_audio_seconds",
    XaiWebSearches = "usage.server_side_tool_usage_details.web_search_calls",
    XaiXSearches = "usage.server_side_tool_usage_details.x_search_calls",
    XaiFileSearches = "usage.server_side_tool_usage_details.file_search_calls",
    // Responses, images, transcriptions, realtime; Messages.
    InputTokens = "usage.input_tokens",
    OutputTokens = "usage.output_tokens",
    InputCached = "usage.input_tokens_details.cached_tokens",
    InputCacheWrite = "usage.input_tokens_details.cache_write_tokens",
    InputAudio = "usage.input_tokens_details.audio_tokens",
    InputImage = "usage.input_tokens_details.image_tokens",
    CachedAudio = "usage.input_tokens_details.cached_tokens_details.audio_tokens",
    CachedImage = "usage.input_tokens_details.cached_tokens_details.image_tokens",
    OutputReasoning = "usage.output_tokens_details.reasoning_tokens",
    OutputThinking = "usage.output_tokens_details.thinking_tokens",
    OutputAudio = "usage.output_tokens_details.audio_tokens",
    OutputImage = "usage.output_tokens_details.image_tokens",
    DurationMillis = "usage.seconds",
    CacheCreationInput = "usage.cache_creation_input_tokens",
    CacheReadInput = "usage.cache_read_input_tokens",
    Ephemeral5m = "usage.cache_creation.ephemeral_5m_input_tokens",
    Ephemeral1h = "usage.cache_creation.ephemeral_1h_input_tokens",
    ServerWebSearches = "usage.server_tool_use.web_search_requests",
    // The rounds of a Messages call that its totals leave out.
    CompactionInput = "usage.iterations[compaction].input_tokens",
    CompactionOutput = "usage.iterations[compaction].output_tokens",
    CompactionRead = "usage.iterations[compaction].cache_read_input_tokens",
    CompactionWrite = "usage.iterations[compaction].cache_creation_input_tokens",
    CompactionWrite1h = "usage.iterations[compaction].cache_creation.ephemeral_1h_input_tokens",
    // Bedrock.
    ConverseInput = "usage.inputTokens",
    ConverseOutput = "usage.outputTokens",
    ConverseTotal = "usage.totalTokens",
    ConverseRead = "usage.cacheReadInputTokens",
    ConverseWrite = "usage.cacheWriteInputTokens",
    ConverseWrite5m = "usage.cacheDetails[5m].inputTokens",
    ConverseWrite1h = "usage.cacheDetails[1h].inputTokens",
    MetricInput = "amazon-bedrock-invocationMetrics.inputTokenCount",
    MetricOutput = "amazon-bedrock-invocationMetrics.outputTokenCount",
    MetricRead = "amazon-bedrock-invocationMetrics.cacheReadInputTokenCount",
    MetricWrite = "amazon-bedrock-invocationMetrics.cacheWriteInputTokenCount",
    LlamaInput = "prompt_token_count",
    LlamaOutput = "generation_token_count",
    TitanInput = "inputTextTokenCount",
    TitanOutput = "results[].tokenCount",
    // Gemini.
    GeminiPrompt = "usageMetadata.promptTokenCount",
    GeminiCandidates = "usageMetadata.candidatesTokenCount",
    GeminiTotal = "usageMetadata.totalTokenCount",
    GeminiThoughts = "usageMetadata.thoughtsTokenCount",
    GeminiToolUse = "usageMetadata.toolUsePromptTokenCount",
    GeminiCached = "usageMetadata.cachedContentTokenCount",
    GeminiPromptAudio = "usageMetadata.promptTokensDetails[AUDIO].tokenCount",
    GeminiPromptImage = "usageMetadata.promptTokensDetails[IMAGE].tokenCount",
    GeminiPromptVideo = "usageMetadata.promptTokensDetails[VIDEO].tokenCount",
    GeminiCacheAudio = "usageMetadata.cacheTokensDetails[AUDIO].tokenCount",
    GeminiCacheImage = "usageMetadata.cacheTokensDetails[IMAGE].tokenCount",
    GeminiCacheVideo = "usageMetadata.cacheTokensDetails[VIDEO].tokenCount",
    GeminiOutputAudio = "usageMetadata.candidatesTokensDetails[AUDIO].tokenCount",
    GeminiOutputImage = "usageMetadata.candidatesTokensDetails[IMAGE].tokenCount",
    GeminiOutputVideo = "usageMetadata.candidatesTokensDetails[VIDEO].tokenCount",
    GeminiToolAudio = "usageMetadata.toolUsePromptTokensDetails[AUDIO].tokenCount",
    GeminiToolImage = "usageMetadata.toolUsePromptTokensDetails[IMAGE].tokenCount",
    GeminiToolVideo = "usageMetadata.toolUsePromptTokensDetails[VIDEO].tokenCount",
    // Cohere.
    BilledInput = "billed_units.input_tokens",
    BilledOutput = "billed_units.output_tokens",
    BilledImageTokens = "billed_units.image_tokens",
    BilledImages = "billed_units.images",
    BilledSearchUnits = "billed_units.search_units",
    CohereInput = "tokens.input_tokens",
    CohereOutput = "tokens.output_tokens",
    // Others.
    OllamaInput = "prompt_eval_count",
    OllamaOutput = "eval_count",
    PagesProcessed = "usage_info.pages_processed",
    NativePrompt = "native_tokens_prompt",
    NativeCompletion = "native_tokens_completion",
    NativeReasoning = "native_tokens_reasoning",
    NativeCached = "native_tokens_cached",
}

/// A text in a response body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Label {
    Model,
    /// The model in words that are not the response's own: an alias, a deployment, an ARN.
    ModelId,
    ServiceTier,
    TrafficType,
    Speed,
    Geo,
    Region,
    /// What the object says it is: `object`, or `type` of an event.
    Object,
    EventType,
    ResponseId,
    Done,
}

impl Label {
    pub(super) const COUNT: usize = 11;
}

/// A part of a body that is another body, read only where it is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Wrapped {
    Body,
    Response,
    Message,
    Result,
    ModelOutput,
    Metadata,
    Delta,
    XGroq,
    Data,
    Input,
    Output,
    OutputBodyJson,
    Session,
    Error,
}

impl Wrapped {
    pub(super) const COUNT: usize = 14;
}

/// An object of a body, by what its keys mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    Top,
    Usage,
    PromptDetails,
    CompletionDetails,
    InputDetails,
    CachedDetails,
    OutputDetails,
    CacheCreation,
    ServerTools,
    XaiTools,
    Gemini,
    CohereMeta,
    CohereBilled,
    CohereTokens,
    Metrics,
    UsageInfo,
}

/// Which of Gemini's lists by modality.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Modalities {
    Prompt,
    Cache,
    Candidates,
    ToolUse,
}

/// What stands under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    Count(Field),
    /// Seconds, kept in milliseconds.
    Seconds(Field),
    Text(Label),
    Object(Node),
    Modalities(Modalities),
    CacheDetails,
    Iterations,
    TitanResults,
    Wrapped(Wrapped),
    /// The body's own id.
    Id,
    /// The id that the caller gave to a request of a batch: it says more than the body's own.
    GivenId,
    /// Known, and not a quantity that anyone bills: a sum of others, a duration, a cost.
    Known,
    Unknown,
}

impl Node {
    /// Where the object stands.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Top => "",
            Self::Usage => "usage",
            Self::PromptDetails => "usage.prompt_tokens_details",
            Self::CompletionDetails => "usage.completion_tokens_details",
            Self::InputDetails => "usage.input_tokens_details",
            Self::CachedDetails => "usage.input_tokens_details.cached_tokens_details",
            Self::OutputDetails => "usage.output_tokens_details",
            Self::CacheCreation => "usage.cache_creation",
            Self::ServerTools => "usage.server_tool_use",
            Self::XaiTools => "usage.server_side_tool_usage_details",
            Self::Gemini => "usageMetadata",
            Self::CohereMeta => "meta",
            Self::CohereBilled => "billed_units",
            Self::CohereTokens => "tokens",
            Self::Metrics => "amazon-bedrock-invocationMetrics",
            Self::UsageInfo => "usage_info",
        }
    }

    pub(super) fn slot(self, key: &str) -> Slot {
        match self {
            Self::Top => top(key),
            Self::Usage => usage(key),
            Self::Gemini => gemini(key),
            Self::PromptDetails => match key {
                "cached_tokens" => Slot::Count(Field::PromptCached),
                // LiteLLM's word for it.
                "cache_write_tokens" | "cache_creation_tokens" => {
                    Slot::Count(Field::PromptCacheWrite)
                }
                "audio_tokens" => Slot::Count(Field::PromptAudio),
                "image_tokens" => Slot::Count(Field::PromptImage),
                "video_tokens" => Slot::Count(Field::PromptVideo),
                "text_tokens" => Slot::Known,
                _ => Slot::Unknown,
            },
            Self::CompletionDetails => match key {
                "reasoning_tokens" => Slot::Count(Field::Reasoning),
                "audio_tokens" => Slot::Count(Field::CompletionAudio),
                "image_tokens" => Slot::Count(Field::CompletionImage),
                "video_tokens" => Slot::Count(Field::CompletionVideo),
                // Predicted outputs: billed as output tokens, which count them already.
                "accepted_prediction_tokens" | "rejected_prediction_tokens" | "text_tokens" => {
                    Slot::Known
                }
                _ => Slot::Unknown,
            },
            Self::InputDetails => match key {
                "cached_tokens" => Slot::Count(Field::InputCached),
                "cache_write_tokens" => Slot::Count(Field::InputCacheWrite),
                "audio_tokens" => Slot::Count(Field::InputAudio),
                "image_tokens" => Slot::Count(Field::InputImage),
                "cached_tokens_details" => Slot::Object(Node::CachedDetails),
                "text_tokens" => Slot::Known,
                _ => Slot::Unknown,
            },
            Self::CachedDetails => match key {
                "audio_tokens" => Slot::Count(Field::CachedAudio),
                "image_tokens" => Slot::Count(Field::CachedImage),
                "text_tokens" => Slot::Known,
                _ => Slot::Unknown,
            },
            Self::OutputDetails => match key {
                "reasoning_tokens" => Slot::Count(Field::OutputReasoning),
                "thinking_tokens" => Slot::Count(Field::OutputThinking),
                "audio_tokens" => Slot::Count(Field::OutputAudio),
                "image_tokens" => Slot::Count(Field::OutputImage),
                "text_tokens" => Slot::Known,
                _ => Slot::Unknown,
            },
            Self::CacheCreation => match key {
                "ephemeral_5m_input_tokens" => Slot::Count(Field::Ephemeral5m),
                "ephemeral_1h_input_tokens" => Slot::Count(Field::Ephemeral1h),
                _ => Slot::Unknown,
            },
            Self::ServerTools => match key {
                "web_search_requests" => Slot::Count(Field::ServerWebSearches),
                // Free but for the tokens that they bring in.
                "web_fetch_requests" | "tool_search_requests" => Slot::Known,
                _ => Slot::Unknown,
            },
            Self::XaiTools => match key {
                "web_search_calls" => Slot::Count(Field::XaiWebSearches),
                "x_search_calls" => Slot::Count(Field::XaiXSearches),
                "file_search_calls" | "document_search_calls" => {
                    Slot::Count(Field::XaiFileSearches)
                }
                _ => Slot::Unknown,
            },
            Self::CohereMeta => match key {
                "billed_units" => Slot::Object(Node::CohereBilled),
                "tokens" => Slot::Object(Node::CohereTokens),
                "cached_tokens" => Slot::Count(Field::CachedTokens),
                _ => Slot::Known,
            },
            Self::CohereBilled => match key {
                "input_tokens" => Slot::Count(Field::BilledInput),
                "output_tokens" => Slot::Count(Field::BilledOutput),
                "image_tokens" => Slot::Count(Field::BilledImageTokens),
                "images" => Slot::Count(Field::BilledImages),
                "search_units" => Slot::Count(Field::BilledSearchUnits),
                _ => Slot::Unknown,
            },
            Self::CohereTokens => match key {
                "input_tokens" => Slot::Count(Field::CohereInput),
                "output_tokens" => Slot::Count(Field::CohereOutput),
                _ => Slot::Unknown,
            },
            Self::Metrics => match key {
                "inputTokenCount" => Slot::Count(Field::MetricInput),
                "outputTokenCount" => Slot::Count(Field::MetricOutput),
                "cacheReadInputTokenCount" => Slot::Count(Field::MetricRead),
                "cacheWriteInputTokenCount" => Slot::Count(Field::MetricWrite),
                "outputBodyJson" => Slot::Wrapped(Wrapped::OutputBodyJson),
                // The rest of an invocation log's `input` and `output`, and latencies.
                _ => Slot::Known,
            },
            Self::UsageInfo => match key {
                "pages_processed" => Slot::Count(Field::PagesProcessed),
                "doc_size_bytes" => Slot::Known,
                _ => Slot::Unknown,
            },
        }
    }
}

fn top(key: &str) -> Slot {
    match key {
        "model" => Slot::Text(Label::Model),
        "usage" => Slot::Object(Node::Usage),
        "id" | "requestId" => Slot::Id,
        "custom_id" | "recordId" | "key" => Slot::GivenId,
        "object" => Slot::Text(Label::Object),
        "type" | "event_type" => Slot::Text(Label::EventType),
        "service_tier" | "serviceTier" => Slot::Text(Label::ServiceTier),
        "modelVersion" | "model_version" => Slot::Text(Label::Model),
        "usageMetadata" | "usage_metadata" => Slot::Object(Node::Gemini),
        "responseId" | "response_id" => Slot::Text(Label::ResponseId),
        "modelId" | "model_id" => Slot::Text(Label::ModelId),
        "region" => Slot::Text(Label::Region),
        "done" => Slot::Text(Label::Done),
        "body" => Slot::Wrapped(Wrapped::Body),
        "response" => Slot::Wrapped(Wrapped::Response),
        "message" => Slot::Wrapped(Wrapped::Message),
        "result" => Slot::Wrapped(Wrapped::Result),
        "modelOutput" => Slot::Wrapped(Wrapped::ModelOutput),
        "metadata" => Slot::Wrapped(Wrapped::Metadata),
        "delta" => Slot::Wrapped(Wrapped::Delta),
        "x_groq" => Slot::Wrapped(Wrapped::XGroq),
        "data" => Slot::Wrapped(Wrapped::Data),
        "input" => Slot::Wrapped(Wrapped::Input),
        "output" => Slot::Wrapped(Wrapped::Output),
        "session" => Slot::Wrapped(Wrapped::Session),
        "error" => Slot::Wrapped(Wrapped::Error),
        "meta" => Slot::Object(Node::CohereMeta),
        "amazon-bedrock-invocationMetrics" => Slot::Object(Node::Metrics),
        "usage_info" => Slot::Object(Node::UsageInfo),
        "prompt_eval_count" => Slot::Count(Field::OllamaInput),
        "eval_count" => Slot::Count(Field::OllamaOutput),
        "prompt_token_count" => Slot::Count(Field::LlamaInput),
        "generation_token_count" => Slot::Count(Field::LlamaOutput),
        "inputTextTokenCount" => Slot::Count(Field::TitanInput),
        "results" => Slot::TitanResults,
        "native_tokens_prompt" => Slot::Count(Field::NativePrompt),
        "native_tokens_completion" => Slot::Count(Field::NativeCompletion),
        "native_tokens_reasoning" => Slot::Count(Field::NativeReasoning),
        "native_tokens_cached" => Slot::Count(Field::NativeCached),
        _ => Slot::Known,
    }
}

fn usage(key: &str) -> Slot {
    match key {
        "prompt_tokens" => Slot::Count(Field::PromptTokens),
        "completion_tokens" => Slot::Count(Field::CompletionTokens),
        "total_tokens" => Slot::Count(Field::TotalTokens),
        "prompt_tokens_details" => Slot::Object(Node::PromptDetails),
        "completion_tokens_details" => Slot::Object(Node::CompletionDetails),
        "input_tokens" => Slot::Count(Field::InputTokens),
        "output_tokens" => Slot::Count(Field::OutputTokens),
        // Realtime and transcriptions write `token`.
        "input_tokens_details" | "input_token_details" => Slot::Object(Node::InputDetails),
        "output_tokens_details" | "output_token_details" => Slot::Object(Node::OutputDetails),
        "cache_creation_input_tokens" => Slot::Count(Field::CacheCreationInput),
        "cache_read_input_tokens" => Slot::Count(Field::CacheReadInput),
        "cache_creation" => Slot::Object(Node::CacheCreation),
        "server_tool_use" => Slot::Object(Node::ServerTools),
        "service_tier" => Slot::Text(Label::ServiceTier),
        "inference_geo" => Slot::Text(Label::Geo),
        "speed" => Slot::Text(Label::Speed),
        "iterations" => Slot::Iterations,
        "cached_tokens" => Slot::Count(Field::CachedTokens),
        "num_cached_tokens" => Slot::Count(Field::NumCachedTokens),
        "prompt_cache_hit_tokens" => Slot::Count(Field::CacheHitTokens),
        "cached_prompt_text_tokens" => Slot::Count(Field::CachedPromptText),
        "reasoning_tokens" => Slot::Count(Field::ReasoningTokens),
        "citation_tokens" => Slot::Count(Field::CitationTokens),
        "num_search_queries" => Slot::Count(Field::SearchQueries),
        "prompt_audio_seconds" => Slot::Seconds(Field::PromptAudioMillis),
        "seconds" => Slot::Seconds(Field::DurationMillis),
        "server_side_tool_usage_details" => Slot::Object(Node::XaiTools),
        "inputTokens" => Slot::Count(Field::ConverseInput),
        "outputTokens" => Slot::Count(Field::ConverseOutput),
        "totalTokens" => Slot::Count(Field::ConverseTotal),
        // Nova on InvokeModel appends `Count`.
        "cacheReadInputTokens" | "cacheReadInputTokenCount" => Slot::Count(Field::ConverseRead),
        "cacheWriteInputTokens" | "cacheWriteInputTokenCount" => Slot::Count(Field::ConverseWrite),
        "cacheDetails" => Slot::CacheDetails,
        "billed_units" => Slot::Object(Node::CohereBilled),
        "tokens" => Slot::Object(Node::CohereTokens),
        // Sums of the rest, durations, money; what a provider charged is kept apart from usage.
        "prompt_cache_miss_tokens"
        | "prompt_text_tokens"
        | "total_characters"
        | "queue_time"
        | "prompt_time"
        | "completion_time"
        | "total_time"
        | "cost"
        | "cost_details"
        | "cost_in_usd_ticks"
        | "is_byok"
        | "pydantic_ai_gateway"
        | "serverToolUsage"
        | "server_tool_use_details"
        | "num_requests" => Slot::Known,
        _ => Slot::Unknown,
    }
}

fn gemini(key: &str) -> Slot {
    match key {
        "promptTokenCount" | "prompt_token_count" => Slot::Count(Field::GeminiPrompt),
        // The Live API calls candidates a response.
        "candidatesTokenCount"
        | "candidates_token_count"
        | "responseTokenCount"
        | "response_token_count" => Slot::Count(Field::GeminiCandidates),
        "totalTokenCount" | "total_token_count" => Slot::Count(Field::GeminiTotal),
        "thoughtsTokenCount" | "thoughts_token_count" => Slot::Count(Field::GeminiThoughts),
        "toolUsePromptTokenCount" | "tool_use_prompt_token_count" => {
            Slot::Count(Field::GeminiToolUse)
        }
        "cachedContentTokenCount" | "cached_content_token_count" => {
            Slot::Count(Field::GeminiCached)
        }
        // Embedding responses of Gemini write `promptTokenDetails`.
        "promptTokensDetails" | "prompt_tokens_details" | "promptTokenDetails" => {
            Slot::Modalities(Modalities::Prompt)
        }
        "cacheTokensDetails" | "cache_tokens_details" => Slot::Modalities(Modalities::Cache),
        "candidatesTokensDetails"
        | "candidates_tokens_details"
        | "responseTokensDetails"
        | "response_tokens_details" => Slot::Modalities(Modalities::Candidates),
        "toolUsePromptTokensDetails" | "tool_use_prompt_tokens_details" => {
            Slot::Modalities(Modalities::ToolUse)
        }
        "trafficType" | "traffic_type" => Slot::Text(Label::TrafficType),
        "serviceTier" | "service_tier" => Slot::Text(Label::ServiceTier),
        "pydantic_ai_gateway" => Slot::Known,
        _ => Slot::Unknown,
    }
}

impl Modalities {
    /// The field of a modality; `None` for text, which is what is left of the total. Pages of a
    /// document are read as images.
    pub(super) fn field(self, modality: &str) -> Option<Field> {
        let of = |audio, image, video| match modality {
            "AUDIO" => Some(audio),
            "IMAGE" | "DOCUMENT" => Some(image),
            "VIDEO" => Some(video),
            _ => None,
        };
        match self {
            Self::Prompt => {
                of(Field::GeminiPromptAudio, Field::GeminiPromptImage, Field::GeminiPromptVideo)
            }
            Self::Cache => {
                of(Field::GeminiCacheAudio, Field::GeminiCacheImage, Field::GeminiCacheVideo)
            }
            Self::Candidates => {
                of(Field::GeminiOutputAudio, Field::GeminiOutputImage, Field::GeminiOutputVideo)
            }
            Self::ToolUse => {
                of(Field::GeminiToolAudio, Field::GeminiToolImage, Field::GeminiToolVideo)
            }
        }
    }
}
