//! Standard wording: sentences over a bundle's facts, with no figure of their own.
//!
//! Every figure, name and date is taken from a fact and, in the Markdown form, cited right after it
//! (`+$4,147.68 [F8]`), which is what the checker binds to. A contribution is called a contribution:
//! nothing here claims a cause.

mod analysis;
mod around;
mod check;

pub use check::{Mention, Status, TEXT_MAX, check, is_verified, missing};

use std::fmt::Write as _;

pub use analysis::analysis;

use crate::{
    explain::Driver,
    facts::{Bundle, Direction, Fact, FactKind},
    money::{Currency, Decimal, Money, Pico},
};

/// An explained change ([`crate::explain::bundle`]) in Markdown, every mention cited.
pub fn explain(bundle: &Bundle) -> String {
    Wording { bundle, cites: true }.explain()
}

/// The same in plain text without citations, for terminals.
pub fn explain_plain(bundle: &Bundle) -> String {
    Wording { bundle, cites: false }.explain()
}

struct Wording<'a> {
    bundle: &'a Bundle,
    cites: bool,
}

impl Wording<'_> {
    fn explain(&self) -> String {
        let mut text = self.headline();
        let delta = self.bundle.fact("delta");
        if let Some(delta) = delta {
            let verb = match delta.direction {
                Some(Direction::Up) => "rose",
                Some(Direction::Down) => "fell",
                Some(Direction::Flat) | None => "did not change",
            };
            let _ = write!(text, " The cost {verb}: {}", self.signed(delta));
            if let Some(change) = self.bundle.fact("change") {
                let _ = write!(text, ", {}", self.signed(change));
            }
            text.push('.');
        }
        self.contributions(&mut text);
        if !self.places(&mut text) {
            self.place(&mut text);
        }
        self.links(&mut text);
        for caveat in &self.bundle.caveats {
            let _ = write!(text, " {caveat}");
        }
        text.push('\n');
        text
    }

    fn headline(&self) -> String {
        let about: Vec<String> =
            self.starting("about.").map(|(_, fact)| self.mention(fact)).collect();
        let subject = if about.is_empty() { "All spend".to_owned() } else { about.join(", ") };
        let mention =
            |role| self.bundle.fact(role).map(|fact| self.mention(fact)).unwrap_or_default();
        format!(
            "{subject} cost {} from {} to {}; the baseline of {} cost {}.",
            mention("cost_after"),
            mention("window_first"),
            mention("window_last"),
            mention("baseline_days"),
            mention("cost_before"),
        )
    }

    /// The main driver with its share, then every other driver that contributed, largest first.
    fn contributions(&self, text: &mut String) {
        let main = self.bundle.fact("main_driver");
        let effect = |driver: Driver| self.bundle.fact(&format!("effect.{}", driver.name()));
        let mut others = Vec::new();
        for driver in Driver::ALL {
            let Some(fact) = effect(driver).filter(|fact| amount(fact) != Pico::ZERO) else {
                continue;
            };
            if main.is_some_and(|main| main.value == driver.label()) {
                self.main_contribution(text, driver, fact);
            } else {
                others.push((amount(fact).0.unsigned_abs(), driver, fact));
            }
        }
        others.sort_by_key(|(size, driver, _)| (std::cmp::Reverse(*size), *driver));
        if !others.is_empty() {
            let others: Vec<String> = others
                .into_iter()
                .map(|(_, driver, fact)| {
                    let is_chance = self.bundle.fact(&format!("chance.{}", driver.name()));
                    let chance = if is_chance.is_some() { " (within chance)" } else { "" };
                    format!("{} {}{chance}", driver.label(), self.signed(fact))
                })
                .collect();
            let _ = write!(text, " Also: {}.", others.join("; "));
        }
    }

    /// Of the cost, or, where that is what was seen, of the cost apart from volume.
    fn main_contribution(&self, text: &mut String, driver: Driver, effect: &Fact) {
        let main = self.bundle.fact("main_driver");
        let name = main.map(|main| self.mention(main)).unwrap_or_default();
        let apart = self.bundle.fact("change_apart_from_volume");
        if let Some(apart) = apart {
            let _ = write!(text, " Apart from volume it changed by {};", self.signed(apart));
            text.push_str(" the largest contribution to that is ");
        } else {
            text.push_str(" The largest contribution is ");
        }
        let _ = write!(text, "{name}: {}", self.signed(effect));
        let (share, whole) = match apart {
            Some(_) => (self.bundle.fact("main_share"), "it"),
            None => (self.bundle.fact(&format!("share.{}", driver.name())), "the change"),
        };
        if let Some(share) = share {
            let _ = write!(text, ", {} of {whole}", self.mention(share));
        }
        text.push('.');
    }

    fn place(&self, text: &mut String) {
        let dims: Vec<String> = self
            .starting("where.")
            .map(|(dimension, fact)| format!("{} {}", escaped(dimension), self.mention(fact)))
            .collect();
        if let Some(share) = self.bundle.fact("where_share")
            && !dims.is_empty()
        {
            let (dims, share) = (dims.join(", "), self.mention(share));
            let _ = write!(text, " The largest part of it is in {dims}: {share}.");
        }
    }

    /// Facts whose role starts so, with the rest of the role.
    fn starting(&self, prefix: &'static str) -> impl Iterator<Item = (&str, &Fact)> {
        self.bundle
            .facts
            .iter()
            .filter_map(move |fact| Some((fact.role.strip_prefix(prefix)?, fact)))
    }

    fn mention(&self, fact: &Fact) -> String {
        self.cited(fact, shown(fact))
    }

    /// With its sign, also when it is positive.
    fn signed(&self, fact: &Fact) -> String {
        let plus = if decimal(fact) > Decimal::ZERO { "+" } else { "" };
        self.cited(fact, format!("{plus}{}", shown(fact)))
    }

    fn cited(&self, fact: &Fact, shown: String) -> String {
        if self.cites {
            let shown = if fact.kind == FactKind::Entity { escaped(&shown) } else { shown };
            format!("{shown} [{}]", fact.id)
        } else {
            shown
        }
    }
}

fn decimal(fact: &Fact) -> Decimal {
    fact.value.parse().unwrap_or_default()
}

fn amount(fact: &Fact) -> Pico {
    fact.value.parse().unwrap_or_default()
}

/// A fact's value as people read it: a correct rounding where it is rounded.
fn shown(fact: &Fact) -> String {
    let minus = |text: &str| text.replacen('-', "−", 1);
    match fact.kind {
        FactKind::Money => money(amount(fact), fact.currency.unwrap_or(Currency::USD)),
        FactKind::Percent => format!("{} %", minus(&fact.value)),
        FactKind::Date => fact.value.split('T').next().unwrap_or_default().to_owned(),
        FactKind::Entity => fact.value.chars().filter(|c| !c.is_control()).collect(),
        FactKind::Points => format!("{} points", minus(&fact.value)),
        FactKind::Count | FactKind::Ratio | FactKind::Duration | FactKind::Rank => {
            let unit = fact.unit.as_deref().map(|unit| format!(" {unit}")).unwrap_or_default();
            format!("{}{unit}", minus(&fact.value))
        }
    }
}

/// Two decimals; below ten cents as many as show three digits.
fn money(amount: Pico, currency: Currency) -> String {
    let size = amount.0.unsigned_abs();
    if size == 0 || size >= 100_000_000_000 {
        return Money { amount, currency }.to_string();
    }
    let places = Pico::SCALE.saturating_add(2).saturating_sub(size.ilog10()).min(Pico::SCALE);
    let digits = amount.to_display(places).to_string();
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits.as_str()), |rest| ("−", rest));
    if currency == Currency::USD {
        format!("{sign}${digits}")
    } else {
        format!("{sign}{digits} {currency}")
    }
}

/// A name from the data, so that Markdown shows it and does nothing else with it.
fn escaped(name: &str) -> String {
    let mut text = String::new();
    let mut before = ' ';
    for (index, c) in name.char_indices() {
        let rest = name.get(index..).unwrap_or_default();
        let inside_word =
            before.is_alphanumeric() && rest.chars().nth(1).is_some_and(char::is_alphanumeric);
        let active = match c {
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '|' | '!' | '#' | '~' | '&' | '@' | '$' => {
                true
            }
            '_' => !inside_word,
            ':' => rest.starts_with("://"),
            '.' => text.to_ascii_lowercase().ends_with("www"),
            _ => false,
        };
        if active {
            text.push('\\');
        }
        if !c.is_control() {
            text.push(c);
        }
        before = c;
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::civil::date;

    use super::*;
    use crate::{
        explain::{Cell, Finding, Measured, Scale, Side, UnitPrices, decompose, facts_of},
        facts::{BundleBuilder, FactStatus},
        period::{Period, start_of_day},
    };

    fn finding(feature: &str, cost_after: &str) -> Bundle {
        facts(feature, cost_after, Measured::Cost).build()
    }

    fn facts(feature: &str, cost_after: &str, measured: Measured) -> BundleBuilder {
        let decimal = |text: &str| text.parse::<Decimal>().unwrap();
        let cell = |side, model: &str, tokens: &str, cost: &str| Cell {
            dims: BTreeMap::from([
                ("feature".to_owned(), feature.to_owned()),
                ("model".to_owned(), model.to_owned()),
            ]),
            side,
            outputs: decimal("100"),
            calls: decimal("200"),
            tokens_in: decimal(tokens),
            tokens_cached: Decimal::ZERO,
            tokens_out: Decimal::ZERO,
            tokens_reasoning: None,
            cost: decimal(cost),
            unit_prices: UnitPrices {
                input: Some(decimal("0.01")),
                cached: Some(decimal("0.001")),
                output: Some(decimal("0.03")),
            },
        };
        let cells = [
            cell(Side::Before, "gpt-5.1", "80000", "800"),
            cell(Side::After, "gpt-5.1", "120000", cost_after),
            cell(Side::Before, "gpt-5.1-mini", "1000", "10"),
            cell(Side::After, "gpt-5.1-mini", "1000", "10.004"),
        ];
        let decomposition = decompose(&cells, &["model".to_owned()], Scale::ONE).unwrap();
        let days = |from, to| Period::days(from, to).unwrap();
        facts_of(
            &decomposition,
            &Finding {
                about: BTreeMap::from([("feature".to_owned(), feature.to_owned())]),
                window: days(date(2026, 10, 14), date(2026, 10, 21)),
                baseline: days(date(2026, 8, 19), date(2026, 10, 14)),
                baseline_days: 56,
                has_left_out: true,
                measured,
                currency: Currency::USD,
                as_of: None,
                status: FactStatus::Final,
            },
        )
    }

    #[test]
    fn every_figure_is_a_cited_fact() {
        let bundle = finding("support-answers", "1150");
        insta::assert_snapshot!(explain(&bundle), @"support-answers [F1] cost $1,160.00 [F6] from 2026-10-14 [F2] to 2026-10-20 [F3]; the baseline of 56 days [F4] cost $810.00 [F5]. The cost rose: +$350.00 [F7], +43.2 % [F8]. The largest contribution is tokens per call [F21]: +$400.00 [F13], 114.3 % [F14] of the change. Also: price −$50.00 [F17]. The largest part of it is in model gpt-5.1 [F22]: 100 % [F23]. The cost before is that of the same weekdays in the baseline, without holidays, planned changes and known episodes, scaled to the days compared.");
        insta::assert_snapshot!(explain_plain(&bundle), @"support-answers cost $1,160.00 from 2026-10-14 to 2026-10-20; the baseline of 56 days cost $810.00. The cost rose: +$350.00, +43.2 %. The largest contribution is tokens per call: +$400.00, 114.3 % of the change. Also: price −$50.00. The largest part of it is in model gpt-5.1: 100 %. The cost before is that of the same weekdays in the baseline, without holidays, planned changes and known episodes, scaled to the days compared.");
    }

    #[test]
    fn a_fall_is_called_one() {
        insta::assert_snapshot!(explain_plain(&finding("support-answers", "1.5")), @"support-answers cost $11.50 from 2026-10-14 to 2026-10-20; the baseline of 56 days cost $810.00. The cost fell: −$798.50, −98.6 %. The largest contribution is price: −$1,198.50, 150.1 % of the change. Also: tokens per call +$400.00. The largest part of it is in model gpt-5.1: 100 %. The cost before is that of the same weekdays in the baseline, without holidays, planned changes and known episodes, scaled to the days compared.");
    }

    #[test]
    fn names_do_nothing() {
        let text = explain(&finding("a [x](http://evil.example) @all\n# **b** snake_case", "1150"));
        assert!(
            text.starts_with(
                r"a \[x\](http\://evil.example) \@all\# \*\*b\*\* snake_case [F1] cost"
            ),
            "{text}"
        );
    }

    #[test]
    fn a_ratio_is_explained_apart_from_volume() {
        let text = explain_plain(&facts("chat", "1150", Measured::CostPerOutput).build());
        assert!(text.contains("Apart from volume it changed by +$350.00; the largest contribution to that is tokens per call: +$400.00, 114.3 % of it."), "{text}");
    }

    /// Places and links as the product adds them.
    fn around(name: &str) -> Bundle {
        let mut facts = facts("chat", "1150", Measured::Cost);
        let usd = |amount: &str| Money { amount: amount.parse().unwrap(), currency: Currency::USD };
        facts.entity("place.1.team", name);
        facts.money("place.1.delta", usd("300"));
        facts.percent("place.1.share", "85.7".parse().unwrap());
        facts.money("place_rest", usd("50"));
        let since = start_of_day(date(2026, 10, 14));
        facts.entity("link.1.price_change", name);
        facts.instant("link.1.since", since);
        facts.money("link.1.cost", usd("-50"));
        facts.percent("link.1.share", "-14.3".parse().unwrap());
        facts.money("link.1.input_before", usd("2.5"));
        facts.money("link.1.input_after", usd("2"));
        facts.entity("link.2.deploy", name);
        facts.instant("link.2.since", since);
        facts.entity("link.3.error_burst", "");
        facts.instant("link.3.since", since);
        for (role, count, unit) in [("failed", 5, "failed"), ("calls", 90, "calls")] {
            facts.count(&format!("link.3.{role}"), count, unit);
            facts.count(&format!("link.3.{role}_before"), count, unit);
        }
        facts.build()
    }

    #[test]
    fn places_and_what_began_are_said_with_their_part() {
        let text = explain_plain(&around("ops"));
        let from = text.find(" Of it,").unwrap();
        let until = text.find(" The cost before").unwrap();
        insta::assert_snapshot!(&text[from..until], @" Of it, in team ops: +$300.00, 85.7 % of the change; elsewhere: +$50.00. Contributions of what began then: price of ops from 2026-10-14, input $2.50 to $2.00 a million tokens: −$50.00, −14.3 % of the change. The change coincided with: deploy ops from 2026-10-14; failed calls from 2026-10-14, 5 failed of 90 calls, against 5 failed of 90 calls on the usual days.");
    }

    #[test]
    fn names_in_circumstances_do_nothing() {
        let text = explain(&around("<b>@all</b>\n[x](http://evil.example)"));
        assert_eq!(
            text.matches(r"\<b\>\@all\</b\>\[x\](http\://evil.example)").count(),
            3,
            "{text}"
        );
        assert!(!text.contains(" <b>"), "{text}");
    }

    #[test]
    fn small_amounts_keep_three_digits() {
        for (amount, text) in [
            ("0", "$0.00"),
            ("1234.5", "$1,234.50"),
            ("0.1", "$0.10"),
            ("0.012345", "$0.0123"),
            ("-0.000000012345", "−$0.0000000123"),
            ("0.000000000001", "$0.000000000001"),
        ] {
            assert_eq!(money(amount.parse().unwrap(), Currency::USD), text);
        }
    }
}
