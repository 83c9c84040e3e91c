//! Policies of ours, and TOML of others.

use super::{Draft, Format};

const TEXT: [&str; 2] = ["\"", "'"];
const BARE: [&str; 1] = [""];

impl Draft {
    /// `key = value`.
    fn toml(&mut self, key: &str, path: &str, old: &str, new: &str, quotes: &[&str]) {
        self.gap(0, "#");
        let blanks = if self.chance(20) { "  " } else { "" };
        let equals = self.pick(&[" = ", "=", "   =  "]);
        self.push(&format!("{blanks}{key}{equals}"));
        self.value(path, old, new, quotes);
        self.is_line();
        self.end("#");
    }
}

/// Rules with their examples.
pub(super) fn policy(seed: u64) -> Draft {
    let mut draft = Draft::new(Format::Toml, seed);
    let d = &mut draft;
    d.push("# Who decides what.\n");
    d.toml("currency", "currency", "USD", "EUR", &TEXT);
    d.toml("expires_after_hours", "expires_after_hours", "72", "48", &BARE);
    d.rooms.push("open_per_requester".into());
    for name in ["everything", "above $10,000", "a.b [c]"] {
        d.push(&format!("\n[[rule]]\nname = \"{name}\"\n"));
        let field = if name.contains(']') { format!("\"{name}\"") } else { name.to_owned() };
        let path = format!("rule[name={field}]");
        d.toml("reason", &format!("{path}.reason"), "one person looks", "two people look", &TEXT);
        d.toml("approvers", &format!("{path}.approvers"), "1", "2", &BARE);
        d.toml("above", &format!("{path}.above"), "10000", "25000.50", &TEXT);
        d.rooms.push(format!("{path}.cool_down_hours"));
        d.push(
            "roles = [\"owner\", \"finops\"] # who\nmatches = [\n  { kind = \"budget\", amount = ",
        );
        d.value(&format!("{path}.matches[0].amount"), "10000.01", "25000.51", &TEXT);
        d.push(" }, # just above\n  { kind = 'routing', reversible = ");
        d.value(&format!("{path}.matches[kind=routing].reversible"), "true", "false", &BARE);
        d.push(" },\n]\n");
        d.rooms.push(format!("{path}.matches[kind=budget].risk"));
    }
    draft.finish()
}

/// A service's settings.
pub(super) fn settings(seed: u64) -> Draft {
    let mut draft = Draft::new(Format::Toml, seed);
    let d = &mut draft;
    d.push("title = \"\"\"\nmany\n[lines] = 1\n\"\"\"\nstarted = 2026-11-22T07:32:00Z # a date\nmask = 0xff\n");
    d.toml("share", "share", "0.25", "0.5", &BARE);
    for table in ["server", "server.limits", "models.\"gpt-5.1\""] {
        d.push(&format!("\n[{table}] # section\n"));
        d.toml("timeout", &format!("{table}.timeout"), "30", "15", &BARE);
        d.toml("model", &format!("{table}.model"), "openai/gpt-5", "openai/gpt-5-mini", &TEXT);
        d.toml("cache", &format!("{table}.cache"), "true", "false", &BARE);
        d.toml("\"odd key\"", &format!("{table}.\"odd key\""), "a # b", "c = d", &TEXT);
        d.toml("nested.deep", &format!("{table}.nested.deep"), "x", "y", &TEXT);
        // One part of a dotted key cannot go alone.
        d.slots.last_mut().unwrap().is_line = false;
        d.push("pair = { a = 1, b = ");
        d.value(&format!("{table}.pair.b"), "two", "three", &TEXT);
        d.push(" }\n");
        d.rooms.push(format!("{table}.pair.c"));
        d.rooms.push(format!("{table}.retries"));
    }
    draft.finish()
}
