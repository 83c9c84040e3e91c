//! Sentences about a change that was split over its drivers.

use super::{
    document::{Document, Writer},
    figure::Detail,
};
use crate::{
    explain::Driver,
    facts::{Bundle, Direction, Fact},
    money::Pico,
};

/// The text of an explained change.
pub(super) fn document(bundle: &Bundle) -> Document {
    let mut writer = Writer::new(bundle, Detail::Exact);
    writer.paragraph();
    writer.change();
    writer.circumstances();
    writer.caveats();
    writer.finish()
}

impl Writer<'_> {
    /// What changed and by how much.
    pub(super) fn change(&mut self) {
        let about = self.starting("about.");
        if about.is_empty() {
            self.say("All spend");
        }
        for (index, (_, fact)) in about.iter().enumerate() {
            self.words(if index == 0 { "" } else { ", " });
            self.mention(fact);
        }
        let value = |role| self.fact(role).map(|fact| fact.value.as_str());
        self.say(if value("window_first") == value("window_last") {
            " cost {cost_after} on {window_first},"
        } else {
            " cost {cost_after} from {window_first} to {window_last},"
        });
        self.say(" against {cost_before} in the baseline of {baseline_days}.");
        match self.direction("delta") {
            Some(Direction::Up) => self.say_first(&[
                "It rose by {delta|size} ({change|size}).",
                "It rose by {delta|size}.",
            ]),
            Some(Direction::Down) => self.say_first(&[
                "It fell by {delta|size} ({change|size}).",
                "It fell by {delta|size}.",
            ]),
            Some(Direction::Flat) | None => self.say("It is unchanged: the change is {delta}."),
        };
    }

    /// What moved it, where it is, and what began then.
    pub(super) fn circumstances(&mut self) {
        self.contributions();
        if !self.places() {
            self.place();
        }
        self.links();
    }

    /// The main driver with its share, then the others that contributed as much as is worth a word, in
    /// the order of size.
    fn contributions(&mut self) {
        let main = self.fact("main_driver").map(|main| main.value.as_str());
        let mut others = Vec::new();
        for driver in Driver::ALL {
            let effect = self.fact(&format!("effect.{}", driver.name()));
            let Some(effect) = effect.filter(|effect| amount(effect) != Pico::ZERO) else {
                continue;
            };
            if main == Some(driver.label()) {
                self.main_contribution(driver);
            } else if self.whole_of_effects().is_none_or(|whole| is_worth_a_word(effect, whole)) {
                others.push((amount(effect).0.unsigned_abs(), driver));
            }
        }
        others.sort_by_key(|(size, driver)| (std::cmp::Reverse(*size), *driver));
        for (index, (_, driver)) in others.iter().enumerate() {
            self.say(if index == 0 { "Also contributing: " } else { "; " });
            self.words(driver.label());
            self.say(&format!(" {{effect.{}|plus}}", driver.name()));
            if self.has(&format!("chance.{}", driver.name())) {
                self.words(" (within chance)");
            }
        }
        if !others.is_empty() {
            self.words(".");
        }
    }

    /// What effects are held against: the main driver's, or the change where none is the main one.
    fn whole_of_effects(&self) -> Option<&Fact> {
        let main = Driver::ALL.into_iter().find(|driver| {
            self.fact("main_driver").is_some_and(|main| main.value == driver.label())
        });
        match main {
            Some(driver) => self.fact(&format!("effect.{}", driver.name())),
            None => self.fact("delta"),
        }
    }

    /// Of the cost, or, where that is what was seen, of the cost apart from volume.
    fn main_contribution(&mut self, driver: Driver) {
        let name = driver.name();
        let effect = format!("{{main_driver}} contributed {{effect.{name}|plus}}");
        if self.say("Apart from volume the change is {change_apart_from_volume|plus};") {
            self.say_first(&[
                &format!(" {effect} ({{main_share}} of it)."),
                &format!(" {effect}."),
            ]);
        } else {
            self.say_first(&[
                &format!("Of this, {effect} ({{share.{name}}} of the change)."),
                &format!("Of this, {effect}."),
            ]);
        }
    }

    /// The cell that moved most, where places were not looked for.
    fn place(&mut self) {
        let dims = self.starting("where.");
        let is_spread = self.fact("places").is_some_and(|count| count.value == "0");
        let opening = if is_spread {
            "The change is spread much as the cost is; of it, {where_share} is in "
        } else {
            "Of the change, {where_share} is in "
        };
        if dims.is_empty() || !self.say(opening) {
            return;
        }
        self.named(&dims);
        self.words(".");
    }

    /// `team ops, model gpt-5.1`: dimensions with their values.
    pub(super) fn named(&mut self, dims: &[(String, &Fact)]) {
        for (index, (dimension, fact)) in dims.iter().enumerate() {
            self.words(if index == 0 { "" } else { ", " });
            // `sub_account` is a column; people say it in words.
            let dimension = dimension.replace('_', " ");
            if self.is_empty_block() {
                self.label(&capitalised(&dimension));
            } else {
                self.label(&dimension);
            }
            self.words(" ");
            self.mention(fact);
        }
    }
}

/// As a sentence begins.
fn capitalised(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Whether an amount is at least a hundredth of another; the table has the others.
pub(super) fn is_worth_a_word(part: &Fact, whole: &Fact) -> bool {
    let size = |fact| amount(fact).0.unsigned_abs();
    size(part).saturating_mul(100) >= size(whole)
}

fn amount(fact: &Fact) -> Pico {
    fact.value.parse().unwrap_or_default()
}
