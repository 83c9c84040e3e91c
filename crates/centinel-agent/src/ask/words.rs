//! The words that a question is read by, without a model.

/// Words of a question that are read.
pub(super) const WORDS_MAX: usize = 200;
/// Words of a period at most.
pub(super) const PERIOD_WORDS_MAX: usize = 5;

/// What a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    Explain,
    Health,
    Savings,
    Proposals,
    Forecast,
    Anomalies,
    Spend,
}

/// Words of each topic; of two topics in one question the earlier one here counts.
const TOPICS: [(Topic, &str); 7] = [
    (
        Topic::Explain,
        "why explain cause caused causes driver drivers drove rise rises rose risen rising increase increased \
         increases increasing grow grew grown growing jump jumped spike spiked spikes climb climbed surge \
         surged fall falls fell fallen drop dropped drops decrease decreased decline declined change changed \
         changes differ up down higher lower moved shrank shrunk",
    ),
    (
        Topic::Health,
        "trust trusted trustworthy reliable missing data complete incomplete completeness coverage unpriced \
         unowned unattributed unallocated stale fresh late reconcile reconciled reconciliation health sources \
         invoice invoices",
    ),
    (Topic::Savings, "save saved saving savings saves realised realized"),
    (
        Topic::Proposals,
        "approve approved approval approvals approver pending proposal proposals proposed waiting waits decide \
         decision decisions inbox",
    ),
    (
        Topic::Forecast,
        "forecast forecasts budget budgets will expect expected projected projection predict outlook overrun overspend \
         exceed eom",
    ),
    (
        Topic::Anomalies,
        "anomaly anomalies unusual abnormal odd strange weird outlier outliers episode episodes alert alerts \
         suspicious incident incidents broke break",
    ),
    (
        Topic::Spend,
        "cost costs costing spend spends spent spending bill billed usage money expensive much most top \
         breakdown tokens calls pay paid paying trend trends burn burned burning expense expenses",
    ),
];
/// Words of a change that say it only beside others: `go up`, not `what's up`.
const WEAK: &str = "up down higher lower differ moved fall falls drop drops";
/// Words of what lies ahead: with one of them, a change is one that is expected.
const AHEAD: &str = "forecast forecasts will expected projected projection predict outlook";
/// Words of what spend is: a part of it by kind.
const KINDS: &str = "ai llm llms cloud saas kinds";

/// Words for dimensions, and for steps of time.
const GROUPINGS: [(&str, &str); 17] = [
    ("team", "team teams"),
    ("feature", "feature features"),
    ("model", "model models"),
    ("provider", "provider providers vendor vendors"),
    ("service", "service services"),
    ("service_tier", "tier tiers"),
    ("region", "region regions"),
    ("sub_account", "account accounts project projects subscription subscriptions"),
    ("api_key", "key keys"),
    ("process", "process processes"),
    ("environment", "environment environments env envs"),
    ("agent", "agent agents"),
    ("application", "application applications app apps"),
    ("owner", "owner owners owns"),
    ("day", "day daily"),
    ("week", "weekly"),
    ("month", "monthly"),
];

/// Words before a dimension that ask for its values.
const EACH: &str = "by per each every which what across";
/// Words before a step of time that ask for its steps.
const STEPS: &str = "by per each every";
/// Words that a request may begin with.
const POLITE: &str = "please can could would you kindly go ahead and now then just i want to lets let's let us yes \
                      ok okay hey centinel so";
/// Words that ask for a decision, or for what only follows one, wherever a request begins with them.
const DECIDES: &str = "approve reject accept deny execute merge veto authorise authorize";
/// Those that do so before the number of a proposal.
const DECIDES_ABOUT: &str = "confirm apply decide vote decline sign withdraw";
/// Words that say what waits.
const WAITS: &str = "pending waiting waits wait approve approval approvals open decide inbox";

/// The words of a question: lower case, without the signs around them.
pub(super) fn tokens(question: &str) -> Vec<String> {
    let is_around = |c: char| !(c.is_alphanumeric() || c == '-');
    let words = question.split_whitespace().map(|word| word.trim_matches(is_around));
    words.filter(|word| !word.is_empty()).take(WORDS_MAX).map(str::to_lowercase).collect()
}

/// Whether a list has a word.
pub(super) fn has(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|known| known == word)
}

/// Whether a word is one that questions are made of.
pub(super) fn is_known(word: &str) -> bool {
    let topics = TOPICS.iter().map(|(_, words)| *words);
    let groupings = GROUPINGS.iter().map(|(_, words)| *words);
    let others =
        [EACH, POLITE, DECIDES, WAITS, PREPOSITIONS, "last this next today week month year risk"];
    topics.chain(groupings).chain(others).any(|list| has(list, word))
}

/// What the words are about.
pub(super) fn topic(tokens: &[String]) -> Option<Topic> {
    let says = |words: &str| tokens.iter().any(|token| has(words, token));
    let is_end_of_period = tokens.windows(3).any(|three| {
        matches!(three, [end, of, period] if end == "end" && of == "of" && has("month week quarter year", period))
            || matches!(three, [end, of, this] if end == "end" && of == "of" && has("the this", this))
    });
    let has_no_owner = tokens.windows(3).any(|three| {
        matches!(three, [no, .., owner] | [_, no, owner]
            if has("no without", no) && has("owner owners team teams", owner))
    });
    if has_no_owner {
        return Some(Topic::Health);
    }
    if is_above_budget(tokens) || says(AHEAD) && !says("why explain") {
        return Some(Topic::Forecast);
    }
    let found = TOPICS.iter().find(|(_, words)| says(words)).map(|(topic, _)| *topic);
    match found {
        None | Some(Topic::Spend | Topic::Anomalies) if is_end_of_period => Some(Topic::Forecast),
        found => found,
    }
}

/// `over budget`, `on track`.
fn is_above_budget(tokens: &[String]) -> bool {
    tokens.windows(2).any(|two| {
        matches!(two, [over, budget]
            if has("over above under within on", over) && has("budget budgets track", budget))
    })
}

/// Whether a change is named by words alone that say it only beside others.
pub(super) fn is_weak(tokens: &[String]) -> bool {
    let of_change = TOPICS.first().map_or("", |(_, words)| *words);
    let of_spend = TOPICS.last().map_or("", |(_, words)| *words);
    !tokens.iter().any(|token| has(of_change, token) && !has(WEAK, token) || has(of_spend, token))
}

/// Whether the words ask, or want something shown.
pub(super) fn asks(tokens: &[String]) -> bool {
    tokens
        .iter()
        .any(|token| has("how what which who why where when show list give tell is are", token))
}

/// Whether the words ask what the largest parts are, not what moved.
pub(super) fn asks_for_largest(tokens: &[String]) -> bool {
    let says = |words: &str| tokens.iter().any(|token| has(words, token));
    says("biggest largest main top highest greatest major")
        && says("driver drivers")
        && !says("why change changed increase rise spike")
}

/// Whether the words ask for how it went over time.
pub(super) fn asks_for_trend(tokens: &[String]) -> bool {
    tokens.iter().any(|token| has("trend trends trending", token))
}

/// Whether the words name a kind of spend.
pub(super) fn names_kind(tokens: &[String]) -> bool {
    tokens.iter().any(|token| has(KINDS, token))
}

/// Whether the words ask what is cut out: `without search`.
pub(super) fn leaves_out(before: &str) -> bool {
    let tokens = tokens(before);
    let last: Vec<&str> = tokens.iter().rev().take(2).map(String::as_str).collect();
    matches!(last.as_slice(), [word, ..] if has("without except excluding excl besides", word))
        || matches!(last.as_slice(), [than, other, ..] if *than == "than" && *other == "other")
        || matches!(last.as_slice(), [from, apart, ..] if has("from for", from) && has("apart except", apart))
        || matches!(last.as_slice(), [the, word] if has("the team feature model", the) && has("without except excluding", word))
}

impl Topic {
    /// The tool that answers it.
    pub(super) fn tool(self) -> &'static str {
        match self {
            Self::Explain => "explain_change",
            Self::Health => "data_health",
            Self::Savings => "savings",
            Self::Proposals => "proposals",
            Self::Forecast => "forecast",
            Self::Anomalies => "anomalies",
            Self::Spend => "spend_breakdown",
        }
    }
}

/// The dimension that a word is a word for.
pub(super) fn dimension(word: &str) -> Option<&'static str> {
    let found = GROUPINGS.iter().find(|(_, words)| has(words, word)).map(|(name, _)| *name);
    found.filter(|name| !has("day week month owner", name))
}

/// Which parts are asked for.
pub(super) fn grouping(tokens: &[String]) -> Option<&'static str> {
    let by_word = |word: &str| {
        GROUPINGS.iter().find(|(_, words)| has(words, word)).map(|(dimension, _)| *dimension)
    };
    tokens.iter().enumerate().find_map(|(index, token)| {
        let before = index.checked_sub(1).and_then(|before| tokens.get(before));
        if has("day week month kind", token) {
            let is_step = before.is_some_and(|before| has(STEPS, before));
            return is_step
                .then(|| STEP_NAMES.iter().find(|name| *name == token).copied())
                .flatten();
        }
        let dimension = by_word(token)?;
        let is_asked = before.is_some_and(|before| has(EACH, before));
        let is_asked = is_asked || token == "owns";
        let is_several = token.ends_with('s') && token != "process" || token.ends_with("ly");
        (is_asked || is_several).then_some(dimension)
    })
}

/// Parts whose words are words of times or of kinds too.
const STEP_NAMES: [&str; 4] = ["day", "week", "month", "kind"];

/// The word behind `by`, where it is no word for a part: `by customer`.
pub(super) fn strange_part(tokens: &[String]) -> Option<&str> {
    let known = |word: &str| {
        GROUPINGS.iter().any(|(_, words)| has(words, word))
            || has("day week month kind tag far the a", word)
    };
    tokens.windows(2).find_map(|two| match two {
        [by, part] if has("by per", by) && !known(part) && !has(UNITS, part) => Some(part.as_str()),
        _ => None,
    })
}

/// What a cost is counted per in the words of a question, beside what it is split by.
const UNITS: &str = "call calls token tokens million request cost spend amount size default now today yesterday \
                     when how cent percent hand quarter year end";

/// The dimension that stands right before or behind a name.
pub(super) fn dimension_beside(before: &str, after: &str) -> Option<&'static str> {
    let (before, after) = (tokens(before), tokens(after));
    let beside = [after.first(), before.last()].into_iter().flatten();
    beside.into_iter().find_map(|word| {
        GROUPINGS.iter().find(|(_, words)| has(words, word)).map(|(dimension, _)| *dimension)
    })
}

/// The words before a comparison, and what is compared with.
pub(super) fn comparison(tokens: &[String]) -> (&[String], Option<&'static str>) {
    let mark =
        tokens.iter().position(|token| has("vs versus compared compare against than", token));
    let Some((own, other)) = mark.and_then(|mark| tokens.split_at_checked(mark)) else {
        return (tokens, None);
    };
    let is_usual = other.iter().any(|token| has("usual usually normal normally", token));
    let is_year = other.iter().any(|token| token == "year");
    let with = match (is_usual, is_year) {
        (true, _) => "usual",
        (_, true) => "year_before",
        _ => "previous_period",
    };
    // `compare October with September`: what is compared follows.
    (if own.is_empty() { tokens } else { own }, Some(with))
}

/// Whether the words ask for what waits for people.
pub(super) fn asks_what_waits(tokens: &[String]) -> bool {
    tokens.iter().any(|token| has(WAITS, token))
}

/// Whether a word is mere politeness.
pub(super) fn is_polite(word: &str) -> bool {
    has(POLITE, word)
}

/// Whether a word asks for a decision.
pub(super) fn decides(word: &str) -> bool {
    has(DECIDES, word)
}

/// Whether a word asks for a decision where a proposal is named.
pub(super) fn decides_about(word: &str) -> bool {
    has(DECIDES, word) || has(DECIDES_ABOUT, word)
}

/// Words before a time.
const PREPOSITIONS: &str = "in for during since of on from until over within";

/// Whether words may say a time. A word that is a time only sometimes (`may`, `week`, `2026`) needs a
/// preposition.
pub(super) fn may_be_period(words: &[String], before: Option<&str>) -> bool {
    match words {
        [one] => {
            let follows = before.is_some_and(|before| has(PREPOSITIONS, before));
            let is_sure = has(
                "today yesterday tomorrow mtd qtd ytd wtd january february april june july august september \
                 october november december",
                one,
            );
            let has_digit = one.bytes().any(|byte| byte.is_ascii_digit());
            let is_month = has("mar may jan feb apr jun jul aug sep sept oct nov dec march", one);
            let is_day = one.len() == 10 && one.bytes().filter(|byte| *byte == b'-').count() == 2;
            is_sure || is_day || follows && (has_digit || is_month)
        }
        [first, .., last] => !has("and to the a an", first) && !has("and to the a an", last),
        [] => false,
    }
}

/// The number of an episode (`E`) or a proposal (`P`), as it is written: `E-12` of `e-12` and `e12`.
pub(super) fn id(token: &str, letter: char) -> Option<String> {
    let rest = token.strip_prefix(letter.to_ascii_lowercase())?;
    let digits = rest.strip_prefix('-').unwrap_or(rest);
    let is_number = (1..=9).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| format!("{letter}-{digits}"))
}
