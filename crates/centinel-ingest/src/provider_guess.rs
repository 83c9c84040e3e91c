//! Who serves a model, where a log names the model alone.

/// The provider whose own names look like this one: `claude-…` is Anthropic's, `us.anthropic.claude-…`
/// Bedrock's, `publishers/google/models/…` Vertex'. `None` where several sell it under one name.
pub(crate) fn provider_of(model: &str) -> Option<&'static str> {
    let model = model.trim().to_ascii_lowercase();
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| model.starts_with(prefix));
    if model.starts_with("arn:aws") || is_bedrock(&model) {
        return Some("bedrock");
    }
    if model.contains("publishers/") || (model.starts_with("claude") && model.contains('@')) {
        return Some("vertex_ai");
    }
    // `provider/model`: the prefix is a gateway's word for the provider.
    if let Some((prefix, _)) = model.split_once('/') {
        let known = PREFIXES.iter().find(|known| **known == prefix);
        return known.copied();
    }
    Some(match () {
        () if starts(&["claude"]) => "anthropic",
        () if starts(&[
            "gpt-",
            "chatgpt",
            "o1",
            "o3",
            "o4",
            "text-embedding-3",
            "text-embedding-ada",
            "dall-e",
            "whisper",
            "tts-1",
            "codex-",
            "davinci",
            "babbage",
            "omni-moderation",
            "sora",
        ]) && !model.starts_with("gpt-oss") =>
        {
            "openai"
        }
        () if starts(&["gemini", "models/gemini", "imagen", "veo-"]) => "gemini",
        () if starts(&[
            "mistral-",
            "ministral",
            "codestral",
            "pixtral",
            "magistral",
            "devstral",
        ]) =>
        {
            "mistral"
        }
        () if starts(&[
            "command",
            "embed-english",
            "embed-multilingual",
            "embed-v4",
            "rerank-",
        ]) =>
        {
            "cohere"
        }
        () if starts(&["grok-"]) => "xai",
        () if starts(&["deepseek-chat", "deepseek-reasoner"]) => "deepseek",
        () if starts(&["sonar"]) => "perplexity",
        () => return None,
    })
}

/// `anthropic.claude-…-v1:0`, with the region group of an inference profile or without.
fn is_bedrock(model: &str) -> bool {
    let groups = ["us.", "eu.", "apac.", "jp.", "au.", "global.", "us-gov.", "ca."];
    let bare = groups.into_iter().find_map(|group| model.strip_prefix(group)).unwrap_or(model);
    [
        "anthropic.",
        "amazon.",
        "meta.",
        "mistral.",
        "cohere.",
        "ai21.",
        "deepseek.",
        "openai.",
        "qwen.",
    ]
    .into_iter()
    .any(|vendor| bare.starts_with(vendor))
}

const PREFIXES: [&str; 14] = [
    "openai",
    "anthropic",
    "azure",
    "bedrock",
    "gemini",
    "vertex_ai",
    "mistral",
    "cohere",
    "xai",
    "deepseek",
    "groq",
    "openrouter",
    "together_ai",
    "fireworks_ai",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_that_one_provider_names_so() {
        for (model, expected) in [
            ("claude-opus-5", Some("anthropic")),
            ("us.anthropic.claude-opus-5-v1:0", Some("bedrock")),
            ("arn:aws:bedrock:us-east-1:1:application-inference-profile/x", Some("bedrock")),
            ("claude-opus-5@20260101", Some("vertex_ai")),
            ("publishers/google/models/gemini-3-pro", Some("vertex_ai")),
            ("GPT-5.1", Some("openai")),
            ("gpt-oss-120b", None),
            ("groq/llama-4", Some("groq")),
            ("acme/llama-4", None),
            ("llama-4", None),
            ("gemini-3-pro", Some("gemini")),
            ("", None),
        ] {
            assert_eq!(provider_of(model), expected, "{model}");
        }
    }
}
