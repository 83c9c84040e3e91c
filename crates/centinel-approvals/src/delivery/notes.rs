//! Comments that are written once, known again by a mark that no reader sees.

use super::{Note, Order, Wish, escape};

/// What stands at the end of a comment, and is looked for before it is written.
pub(super) fn mark(order: &Order<'_>, note: Note) -> String {
    let what = match note {
        Note::StandBack => "stand-back".to_owned(),
        Note::BranchGone => "branch-gone".to_owned(),
        Note::EndedBesides => "ended-besides".to_owned(),
        // A later version may end, too, and for another reason.
        Note::Closing(_) => format!("closing-v{}", order.proposal.version),
        Note::Realised { days } => format!("realised-{days}"),
    };
    format!("<!-- centinel:note {} {what} -->", order.proposal.id)
}

/// The sentence of a comment about a pull request itself; nothing of it is foreign.
pub(super) fn comment(order: &Order<'_>, note: Note) -> String {
    let ended = || match order.wish {
        Wish::Close(ending) => ending.sentence(),
        Wish::Open => "",
    };
    let id = order.proposal.id;
    let text = match note {
        Note::StandBack => format!(
            "There is a commit on this branch that Centinel did not write. The branch is yours from \
             here: Centinel neither updates nor closes this pull request, and still notes for {id} \
             who merges or closes it."
        ),
        Note::BranchGone => format!(
            "The branch of this pull request was deleted. Centinel does not push it again; close this \
             pull request to decline {id}."
        ),
        Note::EndedBesides => format!(
            "{} The branch holds a commit that Centinel did not write, so this pull request is left \
             open: close it if you do not need it for more than {id}.",
            ended()
        ),
        Note::Realised { days } => format!("{id} was measured after {days} days."),
        Note::Closing(_) => {
            format!(
                "{} Centinel closes this pull request of {id} v{}.",
                ended(),
                order.proposal.version
            )
        }
    };
    escape::visible_line(&text).collect()
}
