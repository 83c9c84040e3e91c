//! Other words for what a tool takes.

use centinel_engine::money::Decimal;

use super::super::tools::is_id;

/// Names that other products have for our parameters. The first of ours that a tool has is meant.
const PARAMETERS: &[(&str, &[&str])] = &[
    (
        "group_by",
        &[
            "by",
            "dimension",
            "dimensions",
            "breakdown",
            "split_by",
            "grouping",
            "group",
            "granularity",
            "grain",
            "time_grain",
            "aggregate_by",
        ],
    ),
    (
        "start",
        &["from", "since", "start_date", "begin", "date_from", "start_time", "after", "from_date"],
    ),
    ("end", &["to", "until", "end_date", "date_to", "end_time", "before", "to_date"]),
    (
        "period",
        &[
            "timeframe",
            "time_range",
            "date_range",
            "range",
            "window",
            "time_period",
            "time",
            "when",
            "month",
            "date",
            "dates",
            "timespan",
        ],
    ),
    ("filter", &["filters", "where", "scope", "conditions"]),
    ("scope", &["filter", "filters", "where"]),
    (
        "compare_to",
        &[
            "compare",
            "baseline",
            "versus",
            "vs",
            "against",
            "compared_to",
            "comparison",
            "compare_with",
        ],
    ),
    ("impact_min", &["min_impact", "threshold", "minimum", "min_amount", "amount", "min"]),
    ("amount", &["budget", "threshold", "limit", "limit_amount", "value", "target_amount"]),
    ("per", &["period", "interval", "frequency", "every"]),
    ("assume", &["scenario", "assumption", "assumptions", "what_if"]),
    ("anomaly_id", &["id", "anomaly", "episode", "anomalyid"]),
    ("proposal_id", &["id", "proposal", "proposalid"]),
    ("status", &["state", "stage"]),
    ("stage", &["status", "state"]),
    ("reason", &["why", "justification", "description", "comment", "note", "rationale", "message"]),
    ("evidence_id", &["evidence", "bundle", "source_id"]),
    ("cursor", &["next_cursor", "page_token", "next", "page", "offset", "after"]),
    ("detail", &["verbosity", "response_format", "verbose", "level", "format"]),
    ("kind", &["type", "change", "change_type", "category"]),
    ("tag_key", &["tag", "key", "tag_name", "label"]),
];

/// Words for a number of rows.
const ROWS: [&str; 14] = [
    "limit",
    "top",
    "top_n",
    "n",
    "max_results",
    "max_rows",
    "page_size",
    "per_page",
    "rows",
    "count",
    "size",
    "first",
    "num_results",
    "take",
];

/// Words for our dimensions.
const DIMENSIONS: &[(&str, &[&str])] = &[
    (
        "sub_account",
        &[
            "project",
            "account",
            "subscription",
            "workspace",
            "account_id",
            "project_id",
            "linked_account",
            "subaccount",
            "organization",
            "org",
        ],
    ),
    ("application", &["app", "apps", "program", "software"]),
    ("environment", &["env", "environments", "stage"]),
    ("provider", &["vendor", "vendors", "cloud", "supplier", "platform", "llm_provider"]),
    ("service", &["product", "service_name", "sku"]),
    ("service_tier", &["tier", "priority"]),
    ("api_key", &["key", "apikey", "token", "keys"]),
    ("team", &["department", "group", "squad", "business_unit", "teams", "org_unit"]),
    ("owner", &["owners", "responsible", "accountable"]),
    ("feature", &["use_case", "usecase", "features", "workload"]),
    ("process", &["job", "pipeline", "task", "workflow", "batch_job"]),
    ("agent", &["bot", "assistant", "agents"]),
    ("region", &["location", "zone", "geo", "geography"]),
    ("model", &["llm", "model_name", "models", "ai_model"]),
    ("kind", &["category", "service_category", "type"]),
    ("day", &["daily", "date", "days", "per_day", "over_time", "time", "by_day"]),
    ("week", &["weekly", "weeks", "per_week", "by_week"]),
    ("month", &["monthly", "months", "per_month", "by_month"]),
    ("tag", &["tags", "label", "labels"]),
];

/// Words for single values.
const CHOICES: &[(&str, &[&str])] = &[
    (
        "previous_period",
        &[
            "previous",
            "prior",
            "last_period",
            "prior_period",
            "before",
            "last_week",
            "last_month",
            "week_over_week",
            "month_over_month",
            "wow",
            "mom",
            "previous_month",
            "previous_week",
        ],
    ),
    ("year_before", &["last_year", "year_over_year", "yoy", "previous_year", "prior_year"]),
    ("usual", &["normal", "baseline", "expected", "average", "typical"]),
    ("open", &["active", "current", "ongoing", "new", "pending", "unresolved"]),
    ("closed", &["resolved", "past", "ended", "done", "dismissed"]),
    ("all", &["any", "both", "*", "everything"]),
    ("full", &["detailed", "long", "high", "verbose", "complete", "all", "true", "max"]),
    ("summary", &["short", "concise", "brief", "low", "compact", "false"]),
    ("pending_approval", &["pending", "open", "waiting", "proposed", "new", "draft"]),
    ("executed", &["applied", "done", "completed", "implemented", "live"]),
    ("realised", &["realized", "measured", "achieved", "actual"]),
    ("day", &["daily", "1d", "per_day"]),
    ("week", &["weekly", "7d", "per_week"]),
    ("month", &["monthly", "30d", "per_month"]),
    ("quarter", &["quarterly", "90d", "per_quarter"]),
    ("year", &["yearly", "annual", "annually", "per_year"]),
    ("alert", &["notify", "warn", "tell"]),
    ("deny", &["block", "stop", "refuse"]),
    ("tag_rule", &["tag", "tagging", "virtual_tag"]),
    ("routing", &["route", "model_switch"]),
    ("budget", &["limit", "cap", "spending_limit"]),
];

fn plain(word: &str) -> String {
    let word: String = word.chars().take(64).collect();
    word.trim().to_lowercase().replace([' ', '-'], "_")
}

fn meant<'n>(table: &[(&str, &[&str])], word: &str, names: &[&'n str]) -> Option<&'n str> {
    let word = plain(word);
    let is_known = |name: &str| names.iter().find(|known| **known == name).copied();
    is_known(&word).or_else(|| {
        let mut of_word = table.iter().filter(|(_, others)| others.contains(&word.as_str()));
        of_word.find_map(|(ours, _)| is_known(ours))
    })
}

/// The parameter that another product calls so.
pub(super) fn parameter<'n>(word: &str, names: &[&'n str]) -> Option<&'n str> {
    meant(PARAMETERS, word, names)
}

/// The dimension that another product calls so.
pub(super) fn dimension<'n>(word: &str, names: &[&'n str]) -> Option<&'n str> {
    meant(DIMENSIONS, word, names)
}

/// The value that another product calls so.
pub(super) fn choice<'n>(word: &str, names: &[&'n str]) -> Option<&'n str> {
    meant(CHOICES, word, names)
}

/// Whether a parameter of that name would say how many rows are wanted.
pub(super) fn asks_for_rows(name: &str) -> bool {
    ROWS.contains(&plain(name).as_str())
}

/// A decimal as a tool takes it: `$32,000` and `32k` as `32000`.
pub(super) fn amount(text: &str) -> Option<String> {
    if text.parse::<Decimal>().is_ok() {
        return Some(text.to_owned());
    }
    let mut bare =
        text.trim().trim_matches(['$', '€', '£', '¥', ' ', '~', '+', '>', '=']).to_lowercase();
    for word in ["usd", "eur", "gbp", "dollars", "dollar", "euros", "euro"] {
        bare = bare.trim_start_matches(word).trim_end_matches(word).trim().to_owned();
    }
    let (digits, factor) = match bare.strip_suffix('k') {
        Some(digits) => (digits, 1_000),
        None => bare.strip_suffix('m').map_or((bare.as_str(), 1), |digits| (digits, 1_000_000)),
    };
    // Commas group thousands, or they are no commas of a number that we can be sure about.
    let mut groups = digits.trim().split('.').next()?.split(',');
    let first = groups.next()?;
    let is_grouped = groups.all(|group| group.len() == 3) && !first.is_empty();
    let is_fraction_plain = digits.split('.').nth(1).is_none_or(|fraction| !fraction.contains(','));
    if !(is_grouped && is_fraction_plain) {
        return None;
    }
    let plain: Decimal = digits.trim().replace([',', '_'], "").parse().ok()?;
    Some(plain.checked_mul_integer(factor).ok()?.to_string())
}

/// A currency's code: three capital letters.
pub(super) fn currency(text: &str) -> Option<&str> {
    let is_code = text.len() == 3 && text.chars().all(|c| c.is_ascii_uppercase());
    if is_code {
        return Some(text);
    }
    match text.trim().to_lowercase().as_str() {
        "usd" | "$" | "dollar" | "dollars" | "us dollar" => Some("USD"),
        "eur" | "€" | "euro" | "euros" => Some("EUR"),
        "gbp" | "£" | "pound" | "pounds" => Some("GBP"),
        "chf" => Some("CHF"),
        "jpy" | "¥" | "yen" => Some("JPY"),
        _ => None,
    }
}

/// An id of ours: `E-12` where `12`, `e-12` or `anomaly E-12` is given.
pub(super) fn id(text: &str, letter: char) -> Option<String> {
    if is_id(text) && !text.starts_with(letter.to_ascii_lowercase()) {
        return Some(text.to_owned());
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let is_one_number =
        text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).count() == 1;
    (is_one_number && digits.len() <= 12 && text.chars().count() <= 40)
        .then(|| format!("{letter}-{digits}"))
}
