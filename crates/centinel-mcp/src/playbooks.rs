//! Playbooks: what a good answer must hold, for each kind of question. Compiled in.

/// One playbook.
#[derive(Debug)]
pub(crate) struct Playbook {
    /// As in its address: `spike`.
    pub(crate) name: &'static str,
    /// For people.
    pub(crate) title: &'static str,
    /// What it is for, in one sentence.
    pub(crate) description: &'static str,
    /// Markdown.
    pub(crate) text: &'static str,
}

/// Every playbook, in the order in which they are listed.
pub(crate) static PLAYBOOKS: [Playbook; 5] = [
    Playbook {
        name: "spike",
        title: "Playbook: a jump in cost",
        description: "What an explanation of a cost spike must say, and must not",
        text: include_str!("../../../prompts/playbooks/spike.md"),
    },
    Playbook {
        name: "weekly-review",
        title: "Playbook: weekly review",
        description: "What a weekly review of spend must hold",
        text: include_str!("../../../prompts/playbooks/weekly-review.md"),
    },
    Playbook {
        name: "budget",
        title: "Playbook: budgets",
        description: "How to judge a budget and word a proposal for one",
        text: include_str!("../../../prompts/playbooks/budget.md"),
    },
    Playbook {
        name: "cfo-digest",
        title: "Playbook: digest for finance",
        description: "What a digest for a chief financial officer must hold",
        text: include_str!("../../../prompts/playbooks/cfo-digest.md"),
    },
    Playbook {
        name: "onboarding",
        title: "Playbook: a team's first look",
        description: "How a team starts to look after its spend",
        text: include_str!("../../../prompts/playbooks/onboarding.md"),
    },
];

/// The playbook of a name.
pub(crate) fn playbook(name: &str) -> Option<&'static Playbook> {
    PLAYBOOKS.iter().find(|playbook| playbook.name == name)
}
