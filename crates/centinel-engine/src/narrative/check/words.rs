//! The words that assert something which a fact has to carry, and those that do not.
//!
//! Words are lowercase. The lists are of English prose about spend; what they leave out asserts nothing
//! that can be checked, and no figure, name, date or link gets by them in any case.

use crate::facts::Direction;

/// Whether a word is one of a list that is written as text.
fn among(words: &str, word: &str) -> bool {
    words.split_whitespace().any(|one| one == word)
}

/// Which way a word says that something went.
pub(super) fn direction(word: &str) -> Option<Direction> {
    let up = "rise rises rose risen rising increase increases increased increasing grow grows grew grown \
     growing growth climb climbs climbed climbing jump jumps jumped jumping surge surges surged \
     surging spike spikes spiked spiking soar soars soared soaring gain gains gained swell swelled \
     swollen up higher upward upwards dearer costlier pricier uptick upturn leap leaps leapt leaped \
     escalated ballooned mounted exceeded exceeds outgrew overspent overspend overran ↑ ▲ △ 📈 ↗ ⬆";
    let down = "fall falls fell fallen falling decrease decreases decreased decreasing decline declines declined \
     declining drop drops dropped dropping shrink shrinks shrank shrunk shrinking dip dips dipped \
     dipping plunge plunged plunges slump slumped slumps reduce reduces reduced reducing reduction \
     reductions down lower lowered downward downwards fewer cheaper downturn slid slide slides sank \
     sink sinks eased eases tumbled tumbles collapsed shed sheds underspent underspend retreated slip slips slipped slipping \
     receded diminished dwindled ↓ ▼ ▽ 📉 ↘ ⬇";
    let flat = "unchanged flat stable steady constant stagnated";
    if among(up, word) {
        Some(Direction::Up)
    } else if among(down, word) {
        Some(Direction::Down)
    } else if among(flat, word) {
        Some(Direction::Flat)
    } else {
        None
    }
}

/// Words of saving: they say that a cost is or will be less, and a fact of a saving carries them too.
pub(super) fn saves(word: &str) -> bool {
    among(
        "save saves saved saving savings credit credits credited refund refunds refunded rebate rebates \
     discount discounts negative minus",
        word,
    )
}

/// Words that take an amount away, so that it needs no sign.
pub(super) fn takes_away(word: &str) -> bool {
    saves(word)
        || among(
            "took takes taking off lose loses losing shaved shaves cutting trimmed trims removed removes cut cuts offset offsets offsetting less \
         subtracted subtracts deducted deducts back recovered recovers loss lost gave relief relieved",
            word,
        )
}

/// Before `up` or `down` they make a verb that says nothing about direction.
pub(super) fn takes_particle(word: &str) -> bool {
    among(
        "set sets follow follows following end ends ended make makes made making add adds added sum sums \
     clean pick picks picked back line sign signed keep keeps show shows showed shown look break \
     breaks broken broke track drill write wrote start speed take took wrap catch caught split \
     drilled traced come came heads",
        word,
    )
}

/// Where a cause stands to its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Causal {
    /// The cause comes after the word: `due to …`.
    After,
    /// The cause comes before the word: `… led to`.
    Before,
    /// On either side.
    Either,
}

/// Phrases that claim a cause, longest first where one begins another.
/// Phrases that claim a cause, by where the cause stands; a phrase that begins like a longer one comes after it.
pub(super) const CAUSES: [(Causal, &str); 3] = [
    (
        Causal::After,
        "as a result of / as a consequence of / a consequence of / comes down to / came down to / come down to / the result of / a result of / on account of / on the back \
     of / because of / because / due to / owing to / thanks to / caused by / driven by / triggered by \
     / explained by / prompted by / pushed by / fuelled by / fueled by / led by / brought on by / \
     attributable to / attributed to / resulted from / resulting from / results from / stems from / \
     stemmed from / stemming from / down to",
    ),
    (
        Causal::Before,
        "led to / leads to / leading to / resulted in / resulting in / responsible for / contributed to / \
     behind the / behind this / behind it / caused / causes / causing / drove / drives / driving / \
     triggered / triggering / explains / explain",
    ),
    (
        Causal::Either,
        "as a result / root cause / brought about / cause / culprit / blame / probably / presumably / apparently / driver / \
     drivers / hence / therefore / thus / consequently / thereby",
    ),
];

/// Negations, which turn a true figure into a false sentence.
pub(super) fn negates(word: &str) -> bool {
    among("not no never neither nor cannot none hardly scarcely barely", word)
        || word.ends_with("n't")
        || word.ends_with("n’t")
}

/// A position that a word says: `largest` is 1, `third` is 3. The flag tells superlatives.
pub(super) fn rank(word: &str) -> Option<(u32, bool)> {
    let superlative = "largest biggest highest costliest priciest dearest greatest foremost steepest sharpest heaviest \
     strongest";
    if among(superlative, word) {
        return Some((1, true));
    }
    ordinal(word).map(|rank| (rank, false))
}

/// Superlatives of the other end, which count only where a fact's role says so.
pub(super) fn is_least(word: &str) -> bool {
    among("smallest lowest cheapest least tiniest fewest weakest", word)
}

/// `first` to `twelfth`.
pub(super) fn ordinal(word: &str) -> Option<u32> {
    let words = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth";
    let index = words.split_whitespace().position(|ordinal| ordinal == word)?;
    u32::try_from(index).ok()?.checked_add(1)
}

/// A number in words, as its value.
pub(super) fn number_word(word: &str) -> Option<i128> {
    let small = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen \
     sixteen seventeen eighteen nineteen";
    if let Some(value) = small.split_whitespace().position(|name| name == word) {
        return i128::try_from(value).ok();
    }
    let tens = "twenty thirty forty fifty sixty seventy eighty ninety";
    let whole = |word: &str| {
        let index = tens.split_whitespace().position(|name| name == word)?;
        i128::try_from(index).ok()?.checked_add(2)?.checked_mul(10)
    };
    if let Some((ten, one)) = word.split_once('-') {
        let one = small
            .split_whitespace()
            .position(|name| name == one)
            .filter(|one| (1..10).contains(one))?;
        return whole(ten)?.checked_add(i128::try_from(one).ok()?);
    }
    match word {
        "dozen" => Some(12),
        "hundred" => Some(100),
        "couple" => Some(2),
        _ => whole(word),
    }
}

/// Number words that name a size and no number.
pub(super) fn is_vague_number(word: &str) -> bool {
    among(
        "dozens hundreds thousands millions billions trillions scores thousand million billion trillion \
     tens",
        word,
    )
}

/// A quotient that a word says, as the bounds between which it is true, in thousandths.
pub(super) fn ratio_word(word: &str) -> Option<(i128, i128)> {
    Some(match word {
        "doubled" | "doubles" | "doubling" | "double" | "twice" | "twofold" | "two-fold" => {
            (1950, 2050)
        }
        "tripled" | "triples" | "tripling" | "triple" | "trebled" | "treble" | "thrice"
        | "threefold" | "three-fold" => (2950, 3050),
        "quadrupled" | "quadruples" | "quadrupling" | "quadruple" | "fourfold" | "four-fold" => {
            (3950, 4050)
        }
        "quintupled" | "fivefold" | "five-fold" => (4950, 5050),
        "tenfold" | "ten-fold" => (9900, 10100),
        "halved" | "halves" | "halving" => (488, 512),
        _ => return None,
    })
}

/// A share that words say, as the bounds between which it is true, in thousandths.
pub(super) fn share_word(before: Option<&str>, word: &str) -> Option<(i128, i128)> {
    let two = matches!(before, Some("two" | "two-"));
    let three = before == Some("three");
    Some(match word {
        "half" => (488, 512),
        "third" | "one-third" => (317, 350),
        "thirds" if two => (634, 700),
        "two-thirds" => (634, 700),
        "quarter" | "one-quarter" => (238, 262),
        "quarters" if three => (713, 787),
        "three-quarters" => (713, 787),
        "fifth" | "one-fifth" => (190, 210),
        "tenth" | "one-tenth" => (95, 105),
        "majority" | "bulk" => (501, 1000),
        "minority" => (1, 499),
        "all" if matches!(before, Some("nearly" | "almost" | "virtually" | "practically")) => {
            (950, 1000)
        }
        _ => return None,
    })
}

/// What a figure may be a figure of. The singular, where there is one.
pub(super) fn unit(word: &str) -> Option<&'static str> {
    const UNITS: &str = "call calls / request requests / token tokens / ticket tickets / second seconds sec secs s / \
     minute minutes min mins / hour hours hr hrs h / day days d / week weeks wk / month months / year \
     years yr / millisecond milliseconds ms / user users / customer customers / page pages / \
     completion completions / suggestion suggestions / output outputs / model models / feature \
     features / team teams / gigabyte gigabytes gb gib / terabyte terabytes tb tib / megabyte \
     megabytes mb mib / core cores vcpu vcpus / gpu gpus / node nodes / retry retries / error errors \
     / session sessions / conversation conversations / image images / query queries / replica \
     replicas / pod pods / instance instances / proposal proposals / invoice invoices / key keys / \
     account accounts / job jobs / run runs / episode episodes / anomaly anomalies / alert alerts / \
     deploy deploys deployments deployment / service services / region regions / message messages / \
     document documents / item items / row rows / chat chats / review reviews / summary summaries / \
     source sources / provider providers / embedding embeddings / search searches / resolution \
     resolutions / percent percents / dollar dollars";
    let mut units = UNITS.split('/');
    units.find(|names| among(names, word)).and_then(|names| names.split_whitespace().next())
}

/// Microseconds in a unit of time, by its singular; months and years have no fixed length.
pub(super) fn time_unit(unit: &str) -> Option<i128> {
    Some(match unit {
        "millisecond" => 1_000,
        "second" => 1_000_000,
        "minute" => 60_000_000,
        "hour" => 3_600_000_000,
        "day" => 86_400_000_000,
        "week" => 604_800_000_000,
        _ => return None,
    })
}

/// Capitals that are no names: abbreviations of the field, and words that letters begin with.
pub(super) fn is_known_capital(word: &str) -> bool {
    const KNOWN: &str = "I AI API APIs GPU GPUs CPU CPUs LLM LLMs ML FinOps UTC GMT CET CFO CTO CEO CIO COO VP SRE SREs \
     PR PRs KPI KPIs SLA SLO SQL VM VMs TB GB MB KB TiB GiB MiB ETA FAQ FYI TL DR TLDR YTD MTD QTD \
     MoM WoW YoY QoQ OK NB PS ROI TCO IT HR UK US EU IQR SaaS FOCUS OOM QA RAG UI UX P&L PTU CUD CUDs \
     SP RI RIs Centinel Slack Kubernetes English American British Finance Engineering Platform \
     Security Product Support Operations Ops Cloud Board Team Owner Owners Committee Procurement \
     Treasury Accounting Controlling Marketing Sales Legal Data Infrastructure Research Hi Hello Dear \
     Thanks Thank Regards Best Kind Cheers Note Caveat Summary Total Please Let Happy Sincerely USD \
     EUR GBP JPY CI CD Director Manager Head Service Desk Chief Officer \
     Group Department Division Council Office Centre Center President Lead Partner Executive Management Business \
     Unit Customer Success Analytics Design Quality Risk Compliance Audit Tax Payroll Facilities Supply Chain \
     Logistics Digital Technology Information Systems Network People Culture Communications Strategy Planning \
     Review Report Update Memo Minutes Appendix Annex Section Table Figure Chart Slide Page Item Action Actions \
     Agenda Dashboard Runbook Wiki Jira Confluence Teams Excel Email Mr Ms Mrs Prof Sir Madam Colleagues Friends \
     Folks Everyone Chair Chairman OPEX CAPEX EBITDA PO SKU ETL ELT OCR TTS STT ASR NLP CDN DNS VPN TLS SSO IAM \
     OKR OKRs RFC RFP SOW NDA";
    among(KNOWN, word)
}

/// Providers, models and products that everybody knows by name: naming one that the facts do not name
/// is an invention even at the start of a sentence.
pub(super) fn is_known_product(word: &str) -> bool {
    const KNOWN: &str = "openai anthropic claude gpt chatgpt gemini mistral llama deepseek qwen bedrock azure aws gcp \
     google vertex cohere xai grok copilot databricks snowflake datadog groq openrouter litellm \
     ollama vllm amazon microsoft meta nvidia oracle ibm alibaba perplexity haiku sonnet opus github";
    among(KNOWN, word)
}

/// Compounds of ordinary words: `week-over-week`, `follow-up`, `per-call`.
pub(super) fn is_plain_compound(word: &str) -> bool {
    const PARTS: &str = "over to on of wide based level levels term related adjusted like free specific sized side end up \
     off in out down by than yet date day days month months monthly year years week weeks weekly hour \
     quarter per non re pre post under mid sub self well co so long short high low higher lower cost \
     costs spend call token unit price usage saving run rate follow right sizing size case best worst \
     line head heads early late one time full half part pro rata real ex vice first last second third \
     party large small single multi cross team teams owner data driven led heavy light hand check \
     checks in-depth depth to-do do go know how read only write back fill bottom top bill billing \
     book keeping and the a ahead look looking forward sign stand still roll roll-up big ticket e \
     mail all around wise step new old near trade log open close closed start stop air load save value added ready made \
     standing fine grained tuned coarse user work flow held service peer code base front home page life cycle turn \
     key zone span rule thumb state art ad hoc as is must have nice want need live stream time short break even \
     point come put set cut clean double triple click fast slow track tracking pace paced moving growing rising \
     falling weight cold hot warm cache cached calls deep dive dives bird eye view saving savings aware conscious \
     effective efficient neutral negative positive plus minus ish odd some any every everyday once twice thrice \
     yearly quarterly daily hourly demand pay you use used paid prepaid fixed flat tier tiered same for catch make \
     maker making decision error prone proof safe fail fallback rates limit limited rated";
    let is_prefixed = word.split_once('-').is_some_and(|(prefix, rest)| {
        among("post pre non re mid multi cross sub co anti over under self", prefix)
            && rest.chars().all(|c| c.is_ascii_lowercase())
    });
    is_prefixed
        || word
            .split('-')
            .all(|part| among(PARTS, part) || matches!(part, "out" | "turn" | "round"))
}

/// Words after which a name of a dimension may stand between a name and its citation.
pub(super) fn is_kind_noun(word: &str) -> bool {
    among(
        "team feature model service region provider environment workload application app agent process \
     key account project cluster namespace customer owner group tier product department unit squad \
     deploy deployment pipeline effect component driver source endpoint instance node pool bucket job",
        word,
    )
}
