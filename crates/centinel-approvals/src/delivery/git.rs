//! Git by its own binary: no shell, no hooks, no prompts, nothing of the machine's configuration.
//!
//! A credential travels in the environment of one call, as a header for one host; it stands in no
//! argument, address, file or message. What a server or a repository says is foreign text, and shown
//! short and visible.

mod error;
mod local;
mod mirror;
mod repository;
mod run;

pub use error::GitError;
pub use local::{Local, LocalState};
pub use mirror::{Heads, Mirror, Remote};
pub use repository::{Commit, NewCommit, Signature};
pub use run::Git;
