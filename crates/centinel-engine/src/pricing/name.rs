//! Names: providers by their several spellings, models by the keys that a book may have.
//!
//! INVARIANT: every name that a model is looked up by is another spelling of the same model at the
//! same provider. A dated snapshot is not its base model, `-latest` is not a snapshot, `us.` is not
//! `global.`, a fine-tune is not what it was tuned from: where they share a price, the book says so
//! by an alias or a rule.
//!
//! # Source
//!
//! Amazon Bedrock user guide, "Amazon Resource Names" (`foundation-model/`, `inference-profile/`,
//! `application-inference-profile/`, `provisioned-model/`); OpenAI API reference, fine-tuned models
//! (`ft:BASE:ORG:SUFFIX:ID`); Azure OpenAI fine-tuning guide (`BASE.ft-ID`); Vertex AI partner models
//! (`publishers/PUBLISHER/models/ID`, `ID@VERSION`); OpenRouter, "Model variants" (`:free`, `:nitro`,
//! `:floor`, `:online`).

/// The one spelling of a provider, from the words of OpenTelemetry, LiteLLM, genai-prices, cloud
/// bills and people; another name is kept, in lower case.
pub fn provider_id(name: &str) -> String {
    let name = name.trim().to_ascii_lowercase();
    let id = match name.as_str() {
        "openai" | "text-completion-openai" => "openai",
        "azure" | "azure_text" | "azure.ai.openai" | "azure_openai" | "azure-openai"
        | "az.ai.openai" => "azure",
        "azure_ai" | "azure.ai.inference" | "az.ai.inference" => "azure_ai",
        "anthropic" => "anthropic",
        "bedrock" | "bedrock_converse" | "aws" | "aws.bedrock" | "aws_bedrock"
        | "amazon-bedrock" | "amazon_bedrock" => "bedrock",
        "gemini" | "google" | "gcp.gemini" | "gcp.gen_ai" | "google_ai_studio" => "gemini",
        "gcp.vertex_ai" | "vertex" | "vertexai" | "google-vertex" | "google_vertex" => "vertex_ai",
        vertex if vertex == "vertex_ai" || vertex.starts_with("vertex_ai-") => "vertex_ai",
        "mistral" | "mistral_ai" | "mistralai" => "mistral",
        "xai" | "x_ai" | "x-ai" => "xai",
        "cohere" | "cohere_chat" => "cohere",
        "fireworks" | "fireworks_ai" | "fireworks-ai" => "fireworks_ai",
        "together" | "together_ai" | "together-ai" | "togetherai" => "together_ai",
        "moonshot" | "moonshotai" | "moonshot_ai" => "moonshot",
        "perplexity" | "perplexity_ai" | "perplexity-ai" => "perplexity",
        "voyage" | "voyageai" | "voyage_ai" => "voyage",
        "zai" | "z.ai" | "z-ai" | "z_ai" => "zai",
        _ => return name,
    };
    id.to_owned()
}

/// Gateways that put the provider before the model: `anthropic/claude-opus-5` at `litellm`.
const GATEWAYS: [&str; 3] = ["", "litellm", "litellm_proxy"];

/// The provider and model that a gateway's spelling means; as given where it is none.
pub(super) fn behind_gateway<'n>(provider: &'n str, model: &'n str) -> (&'n str, &'n str) {
    let is_gateway = GATEWAYS.iter().any(|name| provider.trim().eq_ignore_ascii_case(name));
    match model.trim().split_once('/') {
        Some((provider, model)) if is_gateway && !provider.is_empty() && !model.is_empty() => {
            (provider, model)
        }
        _ => (provider, model),
    }
}

/// The keys under which a book may hold a model, best first: the name with its region before it
/// (`eu/gpt-5`), then [`model_names`].
pub(super) fn model_keys(provider: &str, model: &str, region: Option<&str>) -> Vec<String> {
    let names = model_names(provider, model);
    let region = region.unwrap_or_default().trim().to_ascii_lowercase();
    let in_region =
        names.iter().filter(|_| !region.is_empty()).map(|name| format!("{region}/{name}"));
    in_region.chain(names.iter().cloned()).collect()
}

/// The spellings of one model, as given first: without what only says where it is served (the
/// provider's own prefix, a resource path, an AWS resource name), a version after `-` instead of
/// `@`, a fine-tune without the names that its owner gave it.
pub(super) fn model_names(provider: &str, model: &str) -> Vec<String> {
    let mut names = vec![model.trim().to_owned()];
    let mut position = 0;
    // Each step may leave something for the next one: a resource path around a versioned name.
    while let Some(name) = names.get(position).cloned() {
        let bare = without_place(provider, &name);
        let version = if bare.is_some() { None } else { version_after_dash(&name) };
        for other in [bare, version, fine_tune(&name)].into_iter().flatten() {
            if !other.is_empty() && !names.contains(&other) {
                names.push(other);
            }
        }
        position = position.saturating_add(1);
    }
    names
}

/// The model without its own provider's prefix or path; `None` when there is none to take away.
fn without_place(provider: &str, model: &str) -> Option<String> {
    if model.starts_with("arn:") {
        // arn:aws:bedrock:REGION:ACCOUNT:foundation-model/ID or …:inference-profile/ID; an
        // application's own profile has an opaque id, which only a mapping of the caller knows. The
        // id itself may hold a colon.
        let resource = model.splitn(6, ':').nth(5)?;
        return ["foundation-model/", "inference-profile/"]
            .into_iter()
            .find_map(|kind| Some(resource.strip_prefix(kind)?.to_owned()));
    }
    if let Some((_, rest)) = model.split_once("publishers/") {
        // publishers/google/models/ID, or projects/…/publishers/google/models/ID
        return Some(rest.split_once("/models/")?.1.to_owned());
    }
    let (prefix, name) = model.split_once('/')?;
    let is_own = prefix == "models" || provider_id(prefix) == provider;
    (is_own && !name.is_empty()).then(|| name.to_owned())
}

/// `claude-sonnet-4-5@20250929` is `claude-sonnet-4-5-20250929`, and `@default` says nothing.
fn version_after_dash(model: &str) -> Option<String> {
    let (name, version) = model.split_once('@')?;
    match version {
        "" => None,
        "default" => Some(name.to_owned()),
        version => Some(format!("{name}-{version}")),
    }
}

/// The name that price lists give a fine-tune: `ft:` and what it was tuned from.
fn fine_tune(model: &str) -> Option<String> {
    if let Some(rest) = model.strip_prefix("ft:") {
        return Some(format!("ft:{}", rest.split_once(':')?.0));
    }
    let (base, id) = model.split_once(".ft-")?;
    (!base.is_empty() && !id.is_empty()).then(|| format!("ft:{base}"))
}

/// Whether the name is that of a fine-tune, which holds its base model's name and is none.
pub(super) fn is_fine_tune(model: &str) -> bool {
    model.starts_with("ft:") || model.contains(":ft-") || model.contains(".ft-")
}

/// The model without a suffix that only chooses among those who serve it, so that the price of the
/// name is a guide and not certain. `:free` and `:extended` are offers of their own.
pub(super) fn without_routing(model: &str) -> Option<&str> {
    let (name, suffix) = model.trim().rsplit_once(':')?;
    ["nitro", "floor", "online"].contains(&suffix).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_have_one_spelling() {
        for (spelling, id) in [
            ("OpenAI", "openai"),
            ("bedrock_converse", "bedrock"),
            ("aws.bedrock", "bedrock"),
            ("vertex_ai-anthropic_models", "vertex_ai"),
            ("gcp.gemini", "gemini"),
            ("x_ai", "xai"),
            ("fireworks", "fireworks_ai"),
            ("together-ai", "together_ai"),
            ("bedrock_mantle", "bedrock_mantle"),
            ("Acme ", "acme"),
        ] {
            assert_eq!(provider_id(spelling), id, "{spelling}");
        }
    }

    #[test]
    fn a_model_has_several_spellings() {
        for (provider, model, others) in [
            ("gemini", "gemini/gemini-2.5-pro", vec!["gemini-2.5-pro"]),
            ("gemini", "models/gemini-2.5-pro", vec!["gemini-2.5-pro"]),
            ("openai", "azure/gpt-4o", vec![]),
            ("groq", "openai/gpt-oss-120b", vec![]),
            ("groq", "groq/openai/gpt-oss-120b", vec!["openai/gpt-oss-120b"]),
            ("openai", "gpt-4o", vec![]),
            ("openai", "gpt-4o-2024-08-06", vec![]),
            ("anthropic", "claude-sonnet-4-5-latest", vec![]),
            (
                "vertex_ai",
                "projects/p/locations/eu/publishers/google/models/gemini-2.5-pro",
                vec!["gemini-2.5-pro"],
            ),
            (
                "vertex_ai",
                "publishers/anthropic/models/claude-sonnet-4-5@20250929",
                vec!["claude-sonnet-4-5@20250929", "claude-sonnet-4-5-20250929"],
            ),
            ("vertex_ai", "claude-opus-5@default", vec!["claude-opus-5"]),
            (
                "bedrock",
                "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-opus-5",
                vec!["us.anthropic.claude-opus-5"],
            ),
            (
                "bedrock",
                "arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0",
                vec!["anthropic.claude-3-haiku-20240307-v1:0"],
            ),
            ("bedrock", "arn:aws:bedrock:us-east-1:1:application-inference-profile/a1b2c3", vec![]),
            ("bedrock", "arn:aws:bedrock:us-east-1:1:provisioned-model/a1b2c3", vec![]),
            ("bedrock", "arn:aws:bedrock", vec![]),
            ("openai", "ft:gpt-4o-mini-2024-07-18:acme::AbC1", vec!["ft:gpt-4o-mini-2024-07-18"]),
            ("azure", "gpt-4o-mini-2024-07-18.ft-0e2a", vec!["ft:gpt-4o-mini-2024-07-18"]),
            ("openrouter", "openrouter/openai/gpt-4o:free", vec!["openai/gpt-4o:free"]),
        ] {
            let names = model_names(provider, model);
            assert_eq!(names[0], model);
            assert_eq!(names[1..], others, "{provider} {model}");
        }
    }

    #[test]
    fn a_region_is_tried_first() {
        let keys = model_keys("azure", "azure/gpt-5", Some("EU"));
        assert_eq!(keys, ["eu/azure/gpt-5", "eu/gpt-5", "azure/gpt-5", "gpt-5"]);
    }

    #[test]
    fn routing_is_no_part_of_the_name() {
        for (model, bare) in [
            ("openai/gpt-4o:nitro", Some("openai/gpt-4o")),
            ("openai/gpt-4o:floor", Some("openai/gpt-4o")),
            ("openai/gpt-4o:free", None),
            ("anthropic.claude-3-haiku-20240307-v1:0", None),
        ] {
            assert_eq!(without_routing(model), bare, "{model}");
        }
    }

    #[test]
    fn a_gateway_names_the_provider_in_the_model() {
        for (provider, model, expected) in [
            ("litellm", "anthropic/claude-opus-5", ("anthropic", "claude-opus-5")),
            ("LiteLLM_Proxy", "openrouter/openai/gpt-4o", ("openrouter", "openai/gpt-4o")),
            ("litellm", "gpt-4o", ("litellm", "gpt-4o")),
            ("openai", "openai/gpt-4o", ("openai", "openai/gpt-4o")),
            ("", "openai/gpt-4o", ("openai", "gpt-4o")),
        ] {
            assert_eq!(behind_gateway(provider, model), expected);
        }
    }
}
