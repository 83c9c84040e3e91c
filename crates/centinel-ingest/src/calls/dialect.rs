//! The names that gateways, traces and SDKs give to the fields of a call.

use centinel_engine::{
    series::Dimension::{
        self, Agent, ApiKey, Application, BillingAccount, Environment, Feature, Model, Process,
        Provider, Region, ServiceTier, SubAccount, Team,
    },
    usage::UsageClass,
};

use super::Field;

/// Letters and digits only, in lower case: `ContextTokens`, `context_tokens` and `context-tokens`
/// are one name.
pub(crate) fn normalize(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// The field that a column or dotted path names, and how good the name is: of two columns for one
/// field the lower rank is read first.
pub(crate) fn guess(path: &str) -> Option<(Field, u8)> {
    let segments: Vec<String> = path.split('.').map(normalize).collect();
    let (last, parents) = segments.split_last()?;
    if let [.., parent] = parents
        && let Some(field) = guess_detail(parent, last)
    {
        return Some((field, 1));
    }
    if parents.iter().all(|parent| is_container(parent))
        && let Some((field, rank)) = guess_name(last)
    {
        let depth = u8::try_from(parents.len()).unwrap_or(u8::MAX);
        return Some((field, rank.saturating_add(depth.saturating_mul(2))));
    }
    // `team.name`, `gen_ai.usage.input_tokens`, `metadata_team`.
    let whole = segments.concat();
    if parents.len() <= 3 {
        if let Some((field, rank)) = guess_name(&whole) {
            return Some((field, rank.saturating_add(2)));
        }
        for prefix in PREFIXES {
            if let Some((field, rank)) = whole.strip_prefix(prefix).and_then(guess_name) {
                return Some((field, rank.saturating_add(4)));
            }
        }
    }
    None
}

/// The dimension of those that say for whom a call was made (feature, team, …) that a key names, and
/// how good the name is.
pub(crate) fn guess_owner(key: &str) -> Option<(Dimension, u8)> {
    match guess(key)? {
        (Field::Label(dimension), rank) if is_owner(&dimension) => Some((dimension, rank)),
        _ => None,
    }
}

fn is_owner(dimension: &Dimension) -> bool {
    matches!(dimension, Feature | Team | Process | Environment | Agent | Application)
}

const PREFIXES: [&str; 9] = [
    "genaiusage",
    "genairesponse",
    "genairequest",
    "genai",
    "usage",
    "llm",
    "metadata",
    "tags",
    "tag",
];

/// Objects that only group: their members mean what they mean at the top.
fn is_container(name: &str) -> bool {
    matches!(
        name,
        "usage"
            | "usagemetadata"
            | "usageobject"
            | "tokenusage"
            | "tokens"
            | "metadata"
            | "meta"
            | "labels"
            | "tags"
            | "properties"
            | "attributes"
            | "request"
            | "response"
            | "data"
            | "body"
            | "payload"
            | "event"
            | "call"
            | "log"
            | "context"
            | "dimensions"
            | "cachecreation"
            | "cachecreationtokendetails"
            | "prompttokensdetails"
            | "input"
            | "output"
    )
}

/// Members of the `…_details` objects of OpenAI-shaped usage.
fn guess_detail(parent: &str, name: &str) -> Option<Field> {
    let class = match (parent, name) {
        (
            "prompttokensdetails" | "inputtokensdetails" | "inputtokendetails",
            "cachedtokens" | "cacheread" | "cached",
        ) => UsageClass::CacheReadTokens,
        ("prompttokensdetails" | "inputtokensdetails" | "inputtokendetails", "audiotokens") => {
            UsageClass::InputAudioTokens
        }
        ("prompttokensdetails" | "inputtokensdetails", "imagetokens") => {
            UsageClass::InputImageTokens
        }
        ("prompttokensdetails" | "inputtokensdetails", "videotokens") => {
            UsageClass::InputVideoTokens
        }
        (
            "completiontokensdetails" | "outputtokensdetails" | "outputtokendetails",
            "reasoningtokens" | "reasoning",
        ) => UsageClass::ReasoningTokens,
        (
            "completiontokensdetails" | "outputtokensdetails" | "outputtokendetails",
            "audiotokens",
        ) => UsageClass::OutputAudioTokens,
        ("completiontokensdetails" | "outputtokensdetails", "imagetokens") => {
            UsageClass::OutputImageTokens
        }
        ("servertooluse", "websearchrequests") => UsageClass::WebSearchRequests,
        (
            "prompttokensdetails" | "inputtokensdetails",
            "cachewritetokens" | "cachecreationtokens",
        )
        | ("inputtokendetails", "cachecreation") => return Some(Field::CacheWrite),
        _ => return None,
    };
    Some(Field::Usage(class))
}

/// The field of a single name.
fn guess_name(name: &str) -> Option<(Field, u8)> {
    use UsageClass::{
        CacheReadTokens, CacheWrite1hTokens, CacheWrite5mTokens, InputTokensTotal,
        OutputTokensTotal, ReasoningTokens,
    };
    let is_name = |class: &UsageClass| class.name().bytes().filter(|b| *b != b'_').eq(name.bytes());
    if let Some(class) = UsageClass::ALL.into_iter().find(is_name) {
        return Some((Field::Usage(class), 0));
    }
    let label = |dimension, rank| (Field::Label(dimension), rank);
    let count = |class, rank| (Field::Usage(class), rank);
    Some(match name {
        "callid" => (Field::CallId, 0),
        "requestid" | "responseid" | "generationid" => (Field::CallId, 1),
        "completionid" | "eventid" | "messageid" => (Field::CallId, 2),
        "id" | "uuid" => (Field::CallId, 3),

        "at" => (Field::At, 0),
        "timestamp" | "starttime" | "startedat" | "requesttime" | "requesttimestamp"
        | "calledat" | "starttimestamp" => (Field::At, 1),
        "time" | "eventtime" | "ts" | "datetime" => (Field::At, 2),
        "createdat" | "created" | "loggedat" | "requestcreatedat" => (Field::At, 3),
        "date" => (Field::At, 4),
        "endedat" | "endtime" | "completedat" | "finishedat" => (Field::EndedAt, 0),
        "latencyms" | "durationms" | "responsetimems" | "elapsedms" | "requestdurationms"
        | "totallatencyms" => (Field::LatencyMs, 0),
        "latency" | "duration" => (Field::LatencyMs, 2),
        "latencys" | "latencysec" | "latencyseconds" | "durations" | "durationsec"
        | "durationseconds" | "elapsedseconds" | "elapsedtime" => (Field::LatencyS, 1),

        "provider" => label(Provider, 0),
        "providername" | "customllmprovider" | "llmprovider" | "modelprovider" => {
            label(Provider, 1)
        }
        "system" | "vendor" => label(Provider, 3),
        "responsemodel" | "model" => label(Model, 0),
        "modelname" | "llmmodel" => label(Model, 1),
        "modelid" | "requestmodel" | "modelrequested" => label(Model, 2),
        "servicetier" => label(ServiceTier, 0),
        "tier" => label(ServiceTier, 2),
        "region" | "regionid" | "awsregion" => label(Region, 0),
        "inferencegeo" | "inferenceregion" | "location" => label(Region, 1),

        "inputtokens" | "prompttokens" => count(InputTokensTotal, 1),
        "contexttokens" | "inputtokencount" | "prompttokencount" | "numinputtokens"
        | "numprompttokens" | "inputtokensnum" | "requesttokens" | "tokensin" | "tokin"
        | "inputlength" | "promptlength" | "tokensprompt" => count(InputTokensTotal, 2),
        "inputtokensuncached" | "uncachedinputtokens" | "inputuncachedtokens" => {
            (Field::InputUncached, 0)
        }
        "outputtokens" | "completiontokens" => count(OutputTokensTotal, 1),
        "generatedtokens"
        | "outputtokencount"
        | "completiontokencount"
        | "numoutputtokens"
        | "numcompletiontokens"
        | "responsetokens"
        | "tokensout"
        | "tokout"
        | "outputlength"
        | "tokenscompletion" => count(OutputTokensTotal, 2),
        "outputtokensvisible" | "candidatestokencount" => (Field::OutputVisible, 0),
        "cachereadinputtokens"
        | "cachedtokens"
        | "cachedinputtokens"
        | "inputcachedtokens"
        | "cachedprompttokens"
        | "prompttokenscached"
        | "inputtokenscached"
        | "cachereadinputtokencount"
        | "cachereadtokencount"
        | "cachedcontenttokencount"
        | "promptcachehittokens"
        | "cachehittokens"
        | "cacheread"
        | "tokcached"
        | "inputcachereadtokens" => count(CacheReadTokens, 1),
        "ephemeral5minputtokens" => count(CacheWrite5mTokens, 1),
        "ephemeral1hinputtokens" => count(CacheWrite1hTokens, 1),
        "cachewritetokens" => (Field::CacheWrite, 0),
        "cachewriteinputtokens"
        | "cachecreationinputtokens"
        | "cachecreationtokens"
        | "cachewriteinputtokencount"
        | "cachewrite"
        | "cachecreation"
        | "inputcachewritetokens" => (Field::CacheWrite, 1),
        "thinkingtokens"
        | "thoughtstokencount"
        | "reasoningoutputtokens"
        | "outputreasoningtokens"
        | "reasoningtokencount" => count(ReasoningTokens, 1),

        "cost" | "totalcost" | "reportedcost" | "responsecost" => (Field::Cost, 0),
        "spend" => (Field::Cost, 1),
        "costusd" | "totalcostusd" | "spendusd" | "usd" => (Field::CostUsd, 0),
        "currency" | "billingcurrency" | "costcurrency" => (Field::Currency, 0),

        "status" | "callstatus" => (Field::Status, 0),
        "statuscode" | "httpstatus" | "httpstatuscode" => (Field::Status, 1),
        "success" | "outcome" => (Field::Status, 2),
        "isretry" => (Field::IsRetry, 0),
        "retry" | "retried" | "retries" | "retrycount" | "attemptedretries" => (Field::IsRetry, 1),
        "gatewaycache" | "gatewaycachehit" => (Field::GatewayCache, 0),
        "cachehit" | "servedfromcache" | "fromcache" => (Field::GatewayCache, 1),

        "feature" | "featurename" => label(Feature, 0),
        "usecase" => label(Feature, 1),
        "team" | "teamname" | "teamalias" => label(Team, 0),
        "teamid" | "squad" => label(Team, 1),
        "process" | "businessprocess" | "workflow" | "workflowname" => label(Process, 0),
        "environment" | "env" | "deploymentenvironment" => label(Environment, 0),
        "agent" | "agentname" => label(Agent, 0),
        "agentid" => label(Agent, 1),
        "application" | "app" | "appname" | "applicationname" => label(Application, 0),
        "service" | "servicename" => label(Application, 1),
        "apikeyid" | "keyid" | "apikeyname" | "keyname" | "keyalias" | "apikeyalias" => {
            label(ApiKey, 0)
        }
        "apikey" | "apikeyhash" | "key" => label(ApiKey, 1),
        "subaccount" | "project" | "projectid" | "workspace" | "workspaceid" | "subaccountid" => {
            label(SubAccount, 0)
        }
        "billingaccount" | "accountid" | "organizationid" | "orgid" => label(BillingAccount, 0),

        "enduser" | "enduserid" => (Field::EndUser, 0),
        "user" | "userid" => (Field::EndUser, 1),
        "customer" | "customerid" | "tenant" | "tenantid" => (Field::Customer, 0),
        "traceid" | "trace" => (Field::TraceId, 0),
        "sessionid" | "conversationid" | "correlationid" => (Field::TraceId, 2),
        _ => return None,
    })
}

/// Whether a column reports cache tokens beside `input_tokens`, not inside: the names that Anthropic
/// and Bedrock use for it.
pub(super) fn is_disjoint_cache_name(path: &str) -> bool {
    matches!(
        normalize(path.rsplit('.').next().unwrap_or_default()).as_str(),
        "cachereadinputtokens"
            | "cachecreationinputtokens"
            | "cachewriteinputtokens"
            | "cachereadinputtokencount"
            | "cachewriteinputtokencount"
            | "ephemeral5minputtokens"
            | "ephemeral1hinputtokens"
    )
}

/// Whether an input column is the one that goes with them; `prompt_tokens` always includes them.
pub(super) fn is_disjoint_input_name(path: &str) -> bool {
    matches!(
        normalize(path.rsplit('.').next().unwrap_or_default()).as_str(),
        "inputtokens" | "inputtokencount"
    )
}

/// Whether a provider reports cache tokens beside the input tokens.
pub(crate) fn is_disjoint_provider(provider: &str, model: &str) -> bool {
    let has = |text: &str, part: &str| {
        text.as_bytes()
            .windows(part.len())
            .any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
    };
    has(provider, "anthropic")
        || has(provider, "bedrock")
        || (has(provider, "vertex") && has(model, "claude"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_known_sources() {
        for (path, expected) in [
            ("TIMESTAMP", "at"),
            ("ContextTokens", "input_tokens_total"),
            ("GeneratedTokens", "output_tokens_total"),
            ("input_length", "input_tokens_total"),
            ("Request tokens", "input_tokens_total"),
            ("usage.prompt_tokens", "input_tokens_total"),
            ("usage.prompt_tokens_details.cached_tokens", "cache_read_tokens"),
            ("response.usage.completion_tokens_details.reasoning_tokens", "reasoning_tokens"),
            ("usage.cache_creation.ephemeral_1h_input_tokens", "cache_write_1h_tokens"),
            ("usage.cache_creation_input_tokens", "cache_write_tokens"),
            ("usageMetadata.candidatesTokenCount", "output_tokens_visible"),
            ("usageMetadata.thoughtsTokenCount", "reasoning_tokens"),
            ("gen_ai.usage.input_tokens", "input_tokens_total"),
            ("gen_ai.system", "provider"),
            ("metadata.team", "team"),
            ("metadata_team", "team"),
            ("team.name", "team"),
            ("customer.id", "customer"),
            ("user", "end_user"),
            ("id", "call_id"),
            ("request_id", "call_id"),
            ("deployment-environment", "environment"),
            ("cost_usd", "cost_usd"),
            ("latency", "latency_ms"),
        ] {
            let found = guess(path).map(|(field, _)| field.to_string());
            assert_eq!(found.as_deref(), Some(expected), "{path}");
        }
        for path in
            ["hash_ids", "total_tokens", "messages", "owner.id", "cached", "", "..", "tool.id"]
        {
            assert_eq!(guess(path), None, "{path}");
        }
    }

    #[test]
    fn better_names_come_first() {
        let rank = |path| guess(path).map(|(_, rank)| rank);
        assert!(rank("call_id") < rank("request_id"));
        assert!(rank("request_id") < rank("id"));
        assert!(rank("response_model") < rank("request_model"));
        assert!(rank("team") < rank("metadata.team"));
        assert!(rank("input_tokens_total") < rank("prompt_tokens"));
    }

    #[test]
    fn who_reports_cache_tokens_beside() {
        assert!(is_disjoint_provider("aws.bedrock", ""));
        assert!(is_disjoint_provider("Vertex_AI", "claude-sonnet-5"));
        assert!(!is_disjoint_provider("openai", "gpt-5.1"));
        assert!(is_disjoint_cache_name("usage.cacheReadInputTokens"));
        assert!(!is_disjoint_cache_name("cached_tokens"));
        assert!(!is_disjoint_input_name("prompt_tokens"));
    }
}
