//! Which token class a line of a bill is about, from the words that name it.
//!
//! # Source
//!
//! - FOCUS working draft, AI guidance: `SkuMeter` is `Input Tokens`, `Output Tokens`,
//!   `Cache Read Input Tokens`, `Cache Write Input Tokens`.
//! - AWS, "Understanding your Amazon Bedrock CUR data": usage types such as
//!   `USE1-Claude4.6Sonnet-cache-read-input-token-count`.
//! - `OpenAI` organisation costs API: `line_item` is `MODEL, cached input`, as in
//!   `gpt-5.1-2025-11-13, cached input`.
//! - Anthropic usage and cost report: `token_type` is `uncached_input_tokens`, `output_tokens`,
//!   `cache_read_input_tokens`, `cache_creation.ephemeral_5m_input_tokens`, `…_1h_…`.
//! - Azure price sheet, meters such as `gpt 4o 0513 Inp glbl Tokens`, `gpt-4.1 cchd Inp glbl`.
//! - Google Cloud price list, SKUs such as `Gemini 2.5 Pro Thinking Text Output - Predictions`.

use crate::pricing::Meter;

/// The token class that a meter, SKU, line item or usage type names; `None` when its words do not
/// say, or name something that is not billed by use (provisioned capacity, training).
///
/// A cache write without a lifetime is taken to live 5 minutes, the default of those who bill it.
pub fn meter_of(text: &str) -> Option<Meter> {
    if let Ok(meter) = text.trim().parse() {
        return Some(meter);
    }
    // A model's name may hold words of classes (`sonar-reasoning, output`): what stands after the
    // last comma or dash is looked at alone first.
    let last = [", ", " - ", " | "].into_iter().filter_map(|mark| Some(text.rsplit_once(mark)?.1));
    if is_not_by_use(&words(text)) {
        return None;
    }
    last.chain([text]).find_map(|part| of_words(&words(part)))
}

/// As [`meter_of`], where the line also names its model: the model's own words are left out.
pub fn meter_of_model(text: &str, model: &str) -> Option<Meter> {
    let model = model.trim();
    match text.find(model).filter(|_| !model.is_empty()) {
        Some(start) => {
            let end = start.saturating_add(model.len());
            let rest = [text.get(..start), text.get(end..)].map(Option::unwrap_or_default);
            meter_of(&rest.join(" ")).or_else(|| meter_of(text))
        }
        None => meter_of(text),
    }
}

/// The service tier that the words of a line name.
pub fn tier_of(text: &str) -> Option<crate::pricing::ServiceTier> {
    use crate::pricing::ServiceTier as Tier;
    let words = words(text);
    let has = |names: &[&str]| words.iter().any(|word| names.contains(&word.as_str()));
    match () {
        () if has(&["batch", "batches", "btch"]) => Some(Tier::Batch),
        () if has(&["flex"]) => Some(Tier::Flex),
        () if has(&["priority", "prio", "pp"]) => Some(Tier::Priority),
        () if has(&["provisioned", "ptu", "provisionedthroughput"]) => Some(Tier::Provisioned),
        () => None,
    }
}

fn is_not_by_use(words: &[String]) -> bool {
    const NAMES: [&str; 22] = [
        "provisioned",
        "ptu",
        "throughput",
        "reserved",
        "reservation",
        "commitment",
        "training",
        "trng",
        "ft",
        "finetuning",
        "tuning",
        "hosting",
        "hstng",
        "bytes",
        "byte",
        "gb",
        "gib",
        "transfer",
        "guardrail",
        "customization",
        "kms",
        "egress",
    ];
    words.iter().any(|word| NAMES.contains(&word.as_str()))
}

fn of_words(words: &[String]) -> Option<Meter> {
    let at = |names: &[&str]| words.iter().position(|word| names.contains(&word.as_str()));
    let has = |names: &[&str]| at(names).is_some();
    let is_tokens = has(&["token", "tokens", "tok", "tkns", "toks"]);
    if has(&["websearch", "grounding"]) || (has(&["web"]) && has(&["search", "searches"])) {
        return Some(if has(&["maps", "map"]) { Meter::Maps } else { Meter::WebSearch });
    }
    if has(&["file"]) && has(&["search", "searches"]) {
        return Some(Meter::FileSearch);
    }
    if has(&["code"]) && has(&["interpreter", "execution", "session", "sessions", "container"]) {
        return Some(Meter::CodeSession);
    }
    let is_cache = has(&["cache", "cached", "caching", "cchd", "cch", "ephemeral"]);
    let is_uncached = has(&["uncached", "noncached"])
        || (has(&["non", "not", "un"]) && has(&["cached"]))
        || (is_cache && has(&["miss"]));
    let modality = modality(words);
    if is_cache && !is_uncached {
        if has(&["storage", "hour", "hours"]) && !has(&["write", "creation", "read"]) {
            return Some(Meter::CacheStorage);
        }
        if has(&["write", "writes", "writing", "written", "creation", "create", "wrt", "ephemeral"])
        {
            return Some(lifetime(words));
        }
        return Some(match modality {
            Some(Modality::Audio) => Meter::CacheReadAudio,
            Some(Modality::Image) => Meter::CacheReadImage,
            Some(Modality::Video) => Meter::CacheReadVideo,
            None => Meter::CacheRead,
        });
    }
    let beside_tokens = |name: &str| {
        let is_token = |word: &String| word.starts_with("tok");
        words.windows(2).any(|pair| match pair {
            [left, right] => (left == name && is_token(right)) || (right == name && is_token(left)),
            _ => false,
        })
    };
    let starts = |start: &str| words.iter().any(|word| word.starts_with(start));
    let is_output = starts("outp")
        || has(&["opt", "completion", "completions", "generated", "response"])
        || beside_tokens("out");
    let is_input = starts("inp") || has(&["prompt", "prompts", "request"]) || beside_tokens("in");
    if is_reasoning(words) {
        return Some(Meter::Reasoning);
    }
    if is_output {
        return Some(match modality {
            Some(Modality::Audio) => Meter::OutputAudio,
            Some(Modality::Image) => Meter::OutputImage,
            Some(Modality::Video) => Meter::OutputVideo,
            None => Meter::Output,
        });
    }
    if is_input {
        return Some(match modality {
            Some(Modality::Audio) => Meter::InputAudio,
            Some(Modality::Image) => Meter::InputImage,
            Some(Modality::Video) => Meter::InputVideo,
            None => Meter::Input,
        });
    }
    if has(&["citation", "citations"]) && is_tokens {
        return Some(Meter::Citation);
    }
    if is_tokens && words.iter().any(|word| word.starts_with("embed")) {
        return Some(Meter::Input);
    }
    if is_tokens {
        return None;
    }
    let has_time = has(&["second", "seconds", "minute", "minutes", "sec", "min", "millisecond"]);
    match () {
        () if has(&["character", "characters", "chars"]) => Some(Meter::Character),
        () if has(&["page", "pages"]) => Some(Meter::Page),
        () if has(&["rerank", "reranking"]) || (has(&["search"]) && has(&["units", "unit"])) => {
            Some(Meter::SearchUnit)
        }
        () if has_time && has(&["video", "generation", "tts"]) => Some(Meter::MediaMillisecond),
        () if has_time && has(&["audio", "transcription", "speech", "whisper"]) => {
            Some(Meter::InputMediaMillisecond)
        }
        () if has(&["images", "image", "t2i", "i2i"]) && !has(&["storage", "vm"]) => {
            Some(Meter::Image)
        }
        () => None,
    }
}

#[derive(Clone, Copy)]
enum Modality {
    Audio,
    Image,
    Video,
}

/// What kind of tokens, where the words say another kind than text.
fn modality(words: &[String]) -> Option<Modality> {
    words.iter().rev().find_map(|word| match word.as_str() {
        "text" | "txt" => Some(None),
        "audio" | "aud" | "speech" => Some(Some(Modality::Audio)),
        "image" | "img" | "images" => Some(Some(Modality::Image)),
        "video" | "vid" => Some(Some(Modality::Video)),
        _ => None,
    })?
}

/// Reasoning stands beside the word for output or tokens; elsewhere it belongs to a model's name.
fn is_reasoning(words: &[String]) -> bool {
    let mut rest = words.iter().filter(|word| !matches!(word.as_str(), "text" | "txt")).peekable();
    let mut previous: Option<&String> = None;
    while let Some(word) = rest.next() {
        if matches!(word.as_str(), "reasoning" | "thinking" | "thoughts" | "thought") {
            let is_class = |word: &&String| {
                matches!(word.as_str(), "output" | "tokens" | "token" | "outp" | "count")
            };
            let is_negated = previous.is_some_and(|word| matches!(word.as_str(), "non" | "no"));
            let beside =
                rest.peek().is_some_and(is_class) || previous.as_ref().is_some_and(is_class);
            if !is_negated && (beside || words.len() == 1) {
                return true;
            }
        }
        previous = Some(word);
    }
    false
}

fn lifetime(words: &[String]) -> Meter {
    let mut previous = "";
    for word in words {
        let of = match (previous, word.as_str()) {
            ("1", "hour" | "h" | "hr") | (_, "1h" | "1hr" | "1hour" | "60m" | "60min") => {
                Some(Meter::CacheWrite1h)
            }
            ("30", "min" | "minutes" | "minute" | "m") | (_, "30m" | "30min") => {
                Some(Meter::CacheWrite30m)
            }
            ("12" | "24", "hours" | "hour" | "h") | (_, "12h" | "24h") => {
                Some(Meter::CacheWrite12h)
            }
            _ => None,
        };
        if let Some(meter) = of {
            return meter;
        }
        previous = word;
    }
    Meter::CacheWrite5m
}

/// Words in lower case, cut at whatever is no letter or digit and before capitals
/// (`CacheReadInputTokens`).
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut was_lower = false;
    for c in text.chars().take(400) {
        let is_cut = !c.is_alphanumeric() || (c.is_uppercase() && was_lower);
        if is_cut && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        was_lower = c.is_lowercase();
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pricing::ServiceTier;

    #[test]
    fn lines_of_bills() {
        for (text, expected) in [
            // FOCUS draft, and our own names.
            ("Input Tokens", Some(Meter::Input)),
            ("Output Tokens", Some(Meter::Output)),
            ("Cache Read Input Tokens", Some(Meter::CacheRead)),
            ("Cache Write Input Tokens", Some(Meter::CacheWrite5m)),
            ("CacheReadInputTokens", Some(Meter::CacheRead)),
            ("cache_write_1h", Some(Meter::CacheWrite1h)),
            ("input_audio", Some(Meter::InputAudio)),
            ("Token-Hours of context cache", Some(Meter::CacheStorage)),
            // Bedrock.
            ("USE1-Claude4.6Sonnet-input-tokens", Some(Meter::Input)),
            ("USE1-Claude4.6Sonnet-output-tokens-batch", Some(Meter::Output)),
            ("USE1-Claude4.6Sonnet-cache-read-input-token-count", Some(Meter::CacheRead)),
            ("USE1-Claude4.6Sonnet-cache-write-input-token-count", Some(Meter::CacheWrite5m)),
            ("EUW1-Claude4.6Sonnet-mantle-input-tokens-standard", Some(Meter::Input)),
            ("USE1-NovaSonic-speech-input-tokens", Some(Meter::InputAudio)),
            ("USE1-NovaSonic-text-output-tokens", Some(Meter::Output)),
            ("USE1-ProvisionedThroughput-Claude-input-tokens", None),
            // OpenAI.
            ("gpt-5.1-2025-11-13, input", Some(Meter::Input)),
            ("gpt-5.1-2025-11-13, cached input", Some(Meter::CacheRead)),
            ("gpt-5.1-2025-11-13, output", Some(Meter::Output)),
            ("gpt-4o-audio-preview, output", Some(Meter::Output)),
            ("gpt-4o-realtime-preview, audio input", Some(Meter::InputAudio)),
            ("gpt-image-1, image output", Some(Meter::OutputImage)),
            ("sonar-reasoning-pro, output", Some(Meter::Output)),
            ("web search tool calls", Some(Meter::WebSearch)),
            ("code interpreter sessions", Some(Meter::CodeSession)),
            // Anthropic.
            ("uncached_input_tokens", Some(Meter::Input)),
            ("output_tokens", Some(Meter::Output)),
            ("cache_read_input_tokens", Some(Meter::CacheRead)),
            ("cache_creation.ephemeral_5m_input_tokens", Some(Meter::CacheWrite5m)),
            ("cache_creation.ephemeral_1h_input_tokens", Some(Meter::CacheWrite1h)),
            ("Claude Sonnet 4.5 Usage - Input Tokens, Cache Write, 1h", Some(Meter::CacheWrite1h)),
            ("web_search", Some(Meter::WebSearch)),
            // Azure.
            ("gpt 4o 0513 Inp glbl Tokens", Some(Meter::Input)),
            ("gpt-4o-0806-Cached-Inp-glbl", Some(Meter::CacheRead)),
            ("gpt 4.1 cchd Inp glbl", Some(Meter::CacheRead)),
            ("gpt 4o 0513 Outp glbl Tokens", Some(Meter::Output)),
            ("gpt 5 opt Data Zone 1M Tokens", Some(Meter::Output)),
            ("gpt 4o rt aud 1217 cchd Inp glbl", Some(Meter::CacheReadAudio)),
            ("embedding-3 large glbl Tokens", Some(Meter::Input)),
            ("Provisioned Managed Global PTU Hours", None),
            // Google.
            ("Gemini 2.5 Pro GA Text Input - Predictions", Some(Meter::Input)),
            ("Gemini 2.5 Pro Thinking Text Output - Predictions", Some(Meter::Reasoning)),
            ("Gemini 2.5 Flash GA Audio Input - Predictions", Some(Meter::InputAudio)),
            ("Gemini 2.5 Pro Cached Text Input - Predictions", Some(Meter::CacheRead)),
            ("Gemini 2.5 Pro Input Caching Storage", Some(Meter::CacheStorage)),
            ("Grounding with Google Search", Some(Meter::WebSearch)),
            ("Grounding with Google Maps", Some(Meter::Maps)),
            ("Claude Opus 4 - Batch Cache Read Tokens", Some(Meter::CacheRead)),
            // DeepSeek, and people.
            ("input (cache hit)", Some(Meter::CacheRead)),
            ("input (cache miss)", Some(Meter::Input)),
            ("reasoning tokens", Some(Meter::Reasoning)),
            ("tokens out", Some(Meter::Output)),
            // What is none.
            ("DataTransfer-Out-Bytes", None),
            ("BoxUsage:m5.large", None),
            ("tokens", None),
            ("gpt-5.1", None),
            ("", None),
        ] {
            assert_eq!(meter_of(text), expected, "{text}");
        }
    }

    #[test]
    fn the_words_of_a_model_are_not_those_of_a_class() {
        for (text, model, expected) in [
            ("grok-4-reasoning output tokens", "grok-4-reasoning", Some(Meter::Output)),
            ("gpt-image-1 input tokens", "gpt-image-1", Some(Meter::Input)),
            ("Input Tokens", "gpt-image-1", Some(Meter::Input)),
            ("Input Tokens", "", Some(Meter::Input)),
        ] {
            assert_eq!(meter_of_model(text, model), expected, "{text}");
        }
    }

    #[test]
    fn tiers() {
        for (text, expected) in [
            ("USE1-Claude4.6Sonnet-output-tokens-batch", Some(ServiceTier::Batch)),
            ("Claude Opus 4 - Batch Cache Read Tokens", Some(ServiceTier::Batch)),
            ("USE1-Nova2.0Pro-input-tokens-priority", Some(ServiceTier::Priority)),
            ("gpt-5.1, input", None),
        ] {
            assert_eq!(tier_of(text), expected, "{text}");
        }
    }
}
