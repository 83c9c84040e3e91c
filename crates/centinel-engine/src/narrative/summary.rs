//! Sentences of digests, monthly paragraphs and scorecards.

use super::{
    document::{Document, Writer},
    figure::{Detail, Figure, Sign},
    number_format::NumberFormat,
};
use crate::{
    facts::{Bundle, Direction, Fact, FactStatus},
    money::Decimal,
    period::DAY_MICROS,
};

/// Percentages below this are said with their sign alone: no word for so little.
const SLIGHT_PERCENT: i128 = 1;

/// Said where shown parts miss the shown sum.
const ROUNDED: &str = "Amounts are rounded and need not add up.";

/// A digest or scorecard: the headline, then a section for each thing that there is to say.
pub(super) fn sections(bundle: &Bundle) -> Document {
    let mut writer = Writer::new(bundle, Detail::Prose);
    writer.paragraph();
    writer.headline();
    writer.rank();
    writer.section("What moved", Writer::moved_items);
    writer.section("Cost per output", Writer::outputs);
    writer.section("What left its usual range", Writer::episodes);
    writer.section("Outlook and budgets", |writer| {
        writer.paragraph();
        writer.ahead();
        writer.budgets();
        writer.paragraph();
        writer.budgets_kept();
    });
    writer.section("Decisions and savings", |writer| {
        writer.paragraph();
        writer.waiting();
        writer.savings();
    });
    writer.section("How far to trust it", Writer::trust);
    writer.finish()
}

/// A month in paragraphs: the cost, where it goes, what was decided, how far to trust it.
pub(super) fn paragraphs(bundle: &Bundle) -> Document {
    let mut writer = Writer::new(bundle, Detail::Prose);
    writer.paragraph();
    writer.headline();
    writer.moved_sentence();
    writer.paragraph();
    writer.ahead();
    for budget in writer.numbered("budget") {
        writer.below(&budget);
        writer.budget();
    }
    writer.budgets_kept();
    writer.episodes_in_short();
    writer.paragraph();
    writer.savings();
    writer.waiting();
    writer.trust();
    writer.finish()
}

/// The cost and its change, in a few words.
pub(super) fn subject(bundle: &Bundle) -> Document {
    let mut writer = Writer::new(bundle, Detail::Prose);
    writer.paragraph();
    writer.say_first(&["{about.owner}:", "All spend:"]);
    if !writer.say(" {cost}") {
        writer.words(" unpriced");
        return writer.finish();
    }
    if writer.fact("cost_before").is_some_and(|before| before.value == "0") {
        return writer.finish();
    }
    let word = writer.fact("cost").map_or("period", span_word);
    writer.say_first(&[
        &format!(" ({{change|plus}} on the {word} before)"),
        &format!(" ({{delta|plus}} on the {word} before)"),
    ]);
    writer.finish()
}

/// `week`, `month`, or what else the window of a fact is.
pub(super) fn span_word(fact: &Fact) -> &'static str {
    let Some(window) = fact.window else { return "period" };
    let length = window.end_micros().checked_sub(window.start_micros());
    let days = length.and_then(|length| length.checked_div(DAY_MICROS));
    let (first, after) = window.dates();
    let next_month = first.saturating_add(jiff::Span::new().months(1));
    match days {
        Some(1) => "day",
        Some(7) => "week",
        _ if first.day() == 1 && after == next_month => "month",
        _ if first.day() == 1 && after == first.saturating_add(jiff::Span::new().months(3)) => {
            "quarter"
        }
        _ => "period",
    }
}

impl Writer<'_> {
    /// What was spent, against the period before.
    fn headline(&mut self) {
        let dates = "from {window_first} to {window_last}";
        let Some(cost) = self.fact("cost") else {
            self.say_first(&[
                &format!("All that {{about.owner}} used {dates} is unpriced."),
                &format!("All that was used {dates} is unpriced."),
            ]);
            self.limited();
            return;
        };
        let is_provisional = cost.status == FactStatus::Provisional;
        let cost_words = if is_provisional { "a provisional {cost}" } else { "{cost}" };
        let sees_part = self.has("limited_to") && !self.has("about.owner");
        if sees_part {
            self.say(&format!("What {{limited_to}} may see came to {cost_words} {dates}."));
        } else {
            self.say_first(&[
                &format!("{{about.owner}} spent {cost_words} {dates}."),
                &format!("Spend came to {cost_words} {dates}."),
            ]);
            self.limited();
        }
        self.against_before(span_word(cost));
        let others = self.starting("other_currency.");
        for (index, (_, fact)) in others.iter().enumerate() {
            self.words(if index == 0 {
                " In further currencies, beside these amounts: "
            } else {
                ", "
            });
            self.mention(fact);
        }
        if !others.is_empty() {
            self.words(".");
        }
    }

    fn limited(&mut self) {
        self.say("Amounts are of what {limited_to} may see.");
    }

    fn against_before(&mut self, word: &str) {
        let is_nothing = |fact: &Fact| fact.value == "0";
        if self.fact("cost_before").is_some_and(is_nothing)
            && !self.fact("cost").is_some_and(is_nothing)
        {
            self.say(&format!("There was no spend in the {word} before."));
            return;
        }
        if self.is_slight("change") {
            self.say_first(&[
                &format!("The change on the {word} before is {{delta|plus}} ({{change|plus}})."),
                &format!("The change on the {word} before is {{delta|plus}}."),
            ]);
            return;
        }
        let verb = match self.direction("delta") {
            Some(Direction::Up) => "rose",
            Some(Direction::Down) => "fell",
            Some(Direction::Flat) | None => {
                self.say(&format!("The change on the {word} before is {{delta}}."));
                return;
            }
        };
        self.say_first(&[
            &format!("It {verb} by {{delta|size}} ({{change|size}}) on the {word} before."),
            &format!("It {verb} by {{delta|size}} on the {word} before."),
        ]);
    }

    /// Whether a change in percent is so small that no word says it.
    fn is_slight(&self, role: &str) -> bool {
        let change = self.fact(role).and_then(|fact| fact.value.parse::<Decimal>().ok());
        let bound = Decimal::from_integer(SLIGHT_PERCENT);
        change.is_some_and(|change| {
            change < bound && change.checked_neg().is_ok_and(|change| change < bound)
        })
    }

    fn rank(&mut self) {
        self.say("By spend it has rank {rank} of {rank_of}.");
    }

    fn moved_items(&mut self) {
        for moved in self.numbered("moved") {
            self.item();
            self.below(&moved);
            self.moved();
            self.words(".");
        }
        self.item();
        if self.moved_rest("All else ") {
            self.words(".");
        }
        if self.misses_its_sum() {
            self.paragraph();
            self.say(ROUNDED);
        }
    }

    fn moved_sentence(&mut self) {
        let all = self.numbered("moved");
        for (index, moved) in all.iter().enumerate() {
            self.words(if index == 0 { " " } else { "; " });
            self.below(moved);
            self.moved();
        }
        if all.is_empty() {
            return;
        }
        self.moved_rest("; all else ");
        self.words(".");
        if self.misses_its_sum() {
            self.say(ROUNDED);
        }
    }

    /// The part below the prefix, as a clause.
    pub(super) fn moved(&mut self) {
        match self.fact(".name") {
            Some(name) => self.mention(name),
            None => self.words("Unattributed spend"),
        }
        let is_nothing = |fact: &Fact| fact.value == "0";
        if self.fact(".cost_before").is_some_and(is_nothing) {
            self.say(" is new at {.cost}");
            return;
        }
        let is_gone = self.fact(".cost").is_some_and(is_nothing);
        match self.direction(".delta") {
            Some(Direction::Up) => self.say(" rose by {.delta|size} to {.cost}"),
            Some(Direction::Down) if is_gone => self.say(" fell by {.delta|size} to nothing"),
            Some(Direction::Down) => self.say(" fell by {.delta|size} to {.cost}"),
            Some(Direction::Flat) | None => self.say(" stands at {.cost}"),
        };
    }

    fn moved_rest(&mut self, opening: &str) -> bool {
        let verb = match self.direction("moved_rest") {
            Some(Direction::Up) => "rose",
            Some(Direction::Down) => "fell",
            Some(Direction::Flat) | None => return false,
        };
        self.say(&format!("{opening}{verb} by {{moved_rest|size}}"))
    }

    /// Whether the changes of the parts, as they are shown, add up to another total than is shown.
    fn misses_its_sum(&self) -> bool {
        if !self.has("moved.1.delta") {
            return false;
        }
        let shown = |fact: &Fact| {
            let mention = Figure::of(fact, Detail::Prose, Sign::AsIs)?;
            mention.shown_amount(&NumberFormat::CITED)
        };
        let parts =
            self.numbered("moved").into_iter().map(|moved| self.fact(&format!("{moved}.delta")));
        let parts = parts.chain([self.fact("moved_rest")]).flatten();
        let sum =
            parts.filter_map(shown).try_fold(Decimal::ZERO, |sum, part| sum.checked_add(part).ok());
        self.fact("delta").and_then(shown).is_some_and(|total| sum != Some(total))
    }

    fn outputs(&mut self) {
        for output in self.numbered("output") {
            self.item();
            self.below(&output);
            self.say("{.feature} made {.count} at {.each} each");
            let verb = match self.direction(".each_change") {
                Some(Direction::Up) => "rose",
                Some(Direction::Down) => "fell",
                Some(Direction::Flat) | None => "",
            };
            if !verb.is_empty() {
                self.say(&format!("; the cost per output {verb} by {{.each_change|size}}"));
            }
            self.words(".");
        }
    }

    fn episodes(&mut self) {
        let episodes = self.numbered("episode");
        let is_of_owner = self.has("about.owner");
        for episode in &episodes {
            self.item();
            self.below(episode);
            self.episode();
            if is_of_owner {
                self.episode_proposals();
            } else {
                self.episode_owner();
            }
        }
        self.paragraph();
        self.say("Besides, {episodes_more} stood out.");
    }

    /// For a paragraph: the episodes, a clause each.
    fn episodes_in_short(&mut self) {
        for episode in self.numbered("episode") {
            self.below(&episode);
            self.episode();
        }
        self.say("Besides, {episodes_more} stood out.");
    }

    fn budgets_kept(&mut self) {
        let value = |role| self.fact(role).map(|fact| fact.value.as_str());
        match (value("budgets"), value("budgets_kept")) {
            (Some("1"), Some("1")) => self.say("{budgets} was kept."),
            (all, kept) if all == kept => self.say("All of {budgets} were kept."),
            (_, Some("1")) => self.say("Of {budgets}, {budgets_kept} was kept."),
            _ => self.say("Of {budgets}, {budgets_kept} were kept."),
        };
    }

    /// What waits for a decision.
    pub(super) fn waiting(&mut self) {
        let is_single = self.fact("waiting").is_some_and(|count| count.value == "1");
        let (wait, promise) =
            if is_single { ("waits", "It promises") } else { ("wait", "They promise") };
        if !self.say(&format!("{{waiting}} {wait} for a decision")) {
            return;
        }
        let ids = self.starting("waiting.id.");
        let are_all =
            self.fact("waiting").is_some_and(|count| count.value == ids.len().to_string());
        let opening = if are_all { ": " } else { ", among them " };
        for (index, (_, id)) in ids.iter().enumerate() {
            self.words(if index == 0 { opening } else { ", " });
            self.mention(id);
        }
        self.words(".");
        let promised = self.starting("waiting.promised.");
        for (index, (_, fact)) in promised.iter().enumerate() {
            self.words(" ");
            self.words(if index == 0 { promise } else { "and" });
            self.words(if index == 0 { " a saving of " } else { " " });
            self.mention(fact);
        }
        if !promised.is_empty() {
            self.words(" a month.");
        }
        match self.fact("waiting_without_promise").map(|count| count.value.as_str()) {
            None => false,
            Some(_) if is_single => self.say("Its saving is unstated."),
            Some(_) => self.say("For {waiting_without_promise} of these the saving is unstated."),
        };
    }

    /// What was measured.
    pub(super) fn savings(&mut self) {
        for saving in self.numbered("saving") {
            self.below(&saving);
            let measured = "Measured savings come to {.realised} a month";
            self.say_first(&[
                &format!("{measured}, {{.share}} of the {{.promised}} that the same {{.measured}} promised."),
                &format!("{measured}, of {{.measured}}."),
            ]);
        }
    }

    /// How far the figures can be trusted, in a paragraph of its own.
    pub(super) fn trust(&mut self) {
        self.paragraph();
        for invoice in self.numbered("invoice") {
            self.below(&invoice);
            let is_zero = |fact: Option<&Fact>| fact.is_some_and(|fact| fact.value == "0");
            if is_zero(self.fact(".gap")) {
                self.say("Invoices of {.total} agree with the ledger.");
            } else if is_zero(self.fact(".unexplained")) {
                self.say("Invoices of {.total} differ from the ledger by {.gap|plus}, all of it explained.");
            } else {
                self.say(
                    "Invoices of {.total} differ from the ledger by {.gap|plus}, of which {.unexplained} is \
                     unexplained.",
                );
            }
        }
        self.say("{owned} of the cost has a known owner.");
        self.unpriced();
        self.late();
        self.caveats();
    }

    /// Calls without a price.
    pub(super) fn unpriced(&mut self) {
        let is_single = self.fact("unpriced_calls").is_some_and(|count| count.value == "1");
        let are = if is_single { "is" } else { "are" };
        self.say_first(&[
            &format!("{{unpriced_calls}} of {{unpriced_models}} {are} unpriced."),
            &format!("{{unpriced_calls}} {are} unpriced."),
        ]);
        self.say(
            "By comparable models they may have cost between {plausible_low} and {plausible_high}.",
        );
    }

    /// Sources that are behind.
    pub(super) fn late(&mut self) {
        for late in self.numbered("late") {
            self.below(&late);
            self.say("The source {.source} has brought nothing since {.since}.");
        }
    }
}
