//! Sentences about the circumstances of a change: where it is, and what happened at the time.

use super::document::Writer;

/// Links and places that are looked for at most.
const NUMBER_MAX: u32 = 99;

/// Kinds of links by role, as a sentence names them.
const KINDS: [(&str, &str); 11] = [
    ("new_model", "new model"),
    ("new_key", "new key"),
    ("price_change", "price of"),
    ("restatement", "calls priced anew"),
    ("book_activated", "price book in force"),
    ("book_imported", "price book imported"),
    ("deploy", "deploy"),
    ("planned", "planned change"),
    ("maintenance", "maintenance"),
    ("policy_edit", "policy edit"),
    ("error_burst", "failed calls"),
];

impl Writer<'_> {
    /// The places that hold the change, with what of it, and what is in none; false without any.
    pub(super) fn places(&mut self) -> bool {
        let places = self.numbered("place");
        for (index, place) in places.iter().enumerate() {
            self.place_at(place, index == 0);
        }
        if places.is_empty() {
            return false;
        }
        self.say("; {place_rest|plus} is elsewhere");
        self.words(".");
        true
    }

    fn place_at(&mut self, prefix: &str, is_first: bool) {
        let before = if is_first { "Of the change, " } else { "; " };
        self.below(prefix);
        let (delta, share) = (format!("{before}{{.delta|plus}}"), " ({.share})");
        self.say_first(&[&format!("{delta}{share} is in "), &format!("{delta} is in ")]);
        let dims = self.starting(".");
        let is_name = |name: &str| !matches!(name, "delta" | "share");
        let dims: Vec<_> = dims.into_iter().filter(|(name, _)| is_name(name)).collect();
        self.named(&dims);
    }

    /// What has a contribution, then what coincided.
    pub(super) fn links(&mut self) {
        let (mut known, mut coincided) = (Vec::new(), Vec::new());
        for number in 1..NUMBER_MAX {
            let role = |name: &str| format!("link.{number}.{name}");
            let Some((kind, label)) = KINDS.iter().find(|(kind, _)| self.has(&role(kind))) else {
                break;
            };
            let links = if self.has(&role("cost")) { &mut known } else { &mut coincided };
            links.push((number, *kind, *label));
        }
        for (links, opening) in [
            (known, "Contributions of what began at the time: "),
            (coincided, "The change coincided with "),
        ] {
            for (index, (number, kind, label)) in links.iter().enumerate() {
                self.say(if index == 0 { opening } else { "; " });
                self.below(&format!("link.{number}"));
                self.link(kind, label);
            }
            if !links.is_empty() {
                self.words(".");
            }
        }
    }

    /// The link below the prefix.
    fn link(&mut self, kind: &str, label: &str) {
        self.words(label);
        let role = format!(".{kind}");
        if self.fact(&role).is_some_and(|name| !name.value.is_empty()) {
            self.say(&format!(" {{{role}}}"));
        }
        self.say(" from {.since}");
        for (role, _) in self.starting(".") {
            if let Some(name) = role.strip_suffix("_before").filter(|name| !is_count(name)) {
                self.words(", ");
                self.label(&name.replace('_', " "));
                self.say(&format!(" {{.{name}_before}} to {{.{name}_after}}"));
            }
        }
        self.say(" for {.per_tokens}");
        self.say(", {.failed} of {.calls}");
        self.say(" against {.failed_before} of {.calls_before} on the usual days");
        if self.say(": {.cost|plus}") {
            self.say(" ({.share} of the change)");
        }
    }
}

fn is_count(name: &str) -> bool {
    matches!(name, "failed" | "calls")
}
