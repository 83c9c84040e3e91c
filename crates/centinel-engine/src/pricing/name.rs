//! Names: providers by their several spellings, models by the key that a book may have.

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
        _ => return name,
    };
    id.to_owned()
}

/// The keys under which a book may hold a model, best first: the name with its region before it
/// (`eu/gpt-5`), the name itself, and the name without what only says where it is served: the
/// provider's own prefix, a resource path, an AWS resource name.
pub(super) fn model_keys(
    provider: &str,
    model: &str,
    region: Option<&str>,
) -> impl Iterator<Item = String> {
    let model = model.trim();
    let bare = bare_model(provider, model);
    let in_region = |name: &str| {
        let region = region?.trim().to_ascii_lowercase();
        if region.is_empty() { None } else { Some(format!("{region}/{name}")) }
    };
    let with_region = [in_region(model), bare.and_then(in_region)];
    with_region.into_iter().flatten().chain([model.to_owned()]).chain(bare.map(str::to_owned))
}

/// The model without its own provider's prefix; `None` when there is none to take away.
pub(super) fn bare_model<'m>(provider: &str, model: &'m str) -> Option<&'m str> {
    if model.starts_with("arn:") {
        // arn:aws:bedrock:REGION:ACCOUNT:foundation-model/ID or …:inference-profile/ID; an
        // application's own profile has an opaque id, which no book holds.
        return ["foundation-model/", "inference-profile/"]
            .into_iter()
            .find_map(|kind| Some(model.split_once(kind)?.1));
    }
    if let Some((_, name)) = model.split_once("publishers/").and_then(|(_, rest)| {
        // publishers/google/models/ID, or projects/…/publishers/google/models/ID
        rest.split_once("/models/")
    }) {
        return Some(name);
    }
    let (prefix, name) = model.split_once('/')?;
    let is_own = prefix == "models" || provider_id(prefix) == provider;
    if is_own && !name.is_empty() { Some(name) } else { None }
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
            ("bedrock_mantle", "bedrock_mantle"),
            ("Acme ", "acme"),
        ] {
            assert_eq!(provider_id(spelling), id, "{spelling}");
        }
    }

    #[test]
    fn only_a_models_own_prefix_is_taken_away() {
        for (provider, model, bare) in [
            ("gemini", "gemini/gemini-2.5-pro", Some("gemini-2.5-pro")),
            ("gemini", "models/gemini-2.5-pro", Some("gemini-2.5-pro")),
            ("openai", "azure/gpt-4o", None),
            ("groq", "openai/gpt-oss-120b", None),
            ("groq", "groq/openai/gpt-oss-120b", Some("openai/gpt-oss-120b")),
            ("openai", "gpt-4o", None),
            (
                "vertex_ai",
                "projects/p/locations/eu/publishers/google/models/gemini-2.5-pro",
                Some("gemini-2.5-pro"),
            ),
            (
                "bedrock",
                "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-opus-5",
                Some("us.anthropic.claude-opus-5"),
            ),
        ] {
            assert_eq!(bare_model(provider, model), bare, "{provider} {model}");
        }
    }

    #[test]
    fn a_region_is_tried_first() {
        let keys: Vec<_> = model_keys("azure", "azure/gpt-5", Some("EU")).collect();
        assert_eq!(keys, ["eu/azure/gpt-5", "eu/gpt-5", "azure/gpt-5", "gpt-5"]);
    }
}
