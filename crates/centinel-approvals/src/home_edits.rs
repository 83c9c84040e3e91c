//! The home's own policies as something that approved proposals change.
//!
//! A file is changed by [`edit`](crate::edit): compared before it is set, and not one byte else. The new
//! text is written beside the old one, synced and renamed over it, so that a crash leaves the one or the
//! other. Who decides (`approvals.toml`, `access`) is no proposal's to change: people edit that themselves.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use centinel_engine::proposal::{Edit, Proposal};
use jiff::SignedDuration;

use crate::{
    Effects, Failure, Found,
    edit::{EditError, Format, Planned, TEXT_BYTES_MAX, Value, edit},
};

/// The policies under a home, edited in place.
#[derive(Debug, Clone)]
pub struct HomeEdits {
    home: PathBuf,
    templates: BTreeMap<String, String>,
}

/// One value, as the file has it now.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stands {
    /// The old value is there.
    Old,
    /// The new value is there.
    New,
}

impl HomeEdits {
    /// Over a home. `templates` are the texts of files that may be missing yet, by their path in it.
    pub fn new(home: &Path, templates: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { home: home.to_owned(), templates: templates.into_iter().collect() }
    }

    /// Whether a proposal is carried out here: all of its edits are of policies of the home that
    /// proposals may change.
    pub fn is_about(proposal: &Proposal) -> bool {
        let is_ours = |edit: &Edit| edit.repository == Edit::HOME && is_open(&edit.file);
        !proposal.edits.is_empty() && proposal.edits.iter().all(is_ours)
    }

    /// Whether an edit can be made now.
    ///
    /// # Errors
    ///
    /// One line for people: not a policy that proposals change, or what is there instead.
    pub fn check(&self, edit: &Edit) -> Result<(), String> {
        let text = self.text(&edit.file)?;
        match stands(&text, &edit.file, edit) {
            Ok(Stands::Old) => Ok(()),
            Ok(Stands::New) => Err(format!("`{}` has this value already", edit.file)),
            Err(error) => Err(format!("`{}`: {error}", edit.file)),
        }
    }

    /// What a file holds; where it is missing, what it would be made as.
    ///
    /// # Errors
    ///
    /// One line for people: no such file, larger than is edited, a link, or not readable.
    pub fn text(&self, file: &str) -> Result<Vec<u8>, String> {
        let path = self.path(file)?;
        match fs::metadata(&path) {
            Ok(metadata) if metadata.len() > TEXT_BYTES_MAX as u64 => {
                Err(format!("`{file}` is larger than {TEXT_BYTES_MAX} bytes"))
            }
            Ok(_) => fs::read(&path).map_err(|error| format!("cannot read `{file}`: {error}")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let template = self.templates.get(file);
                let text = template.ok_or_else(|| format!("there is no file `{file}`"))?;
                Ok(text.clone().into_bytes())
            }
            Err(error) => Err(format!("cannot read `{file}`: {error}")),
        }
    }

    /// The path of a file that proposals may change, without a link on the way that leads elsewhere.
    fn path(&self, file: &str) -> Result<PathBuf, String> {
        if !is_open(file) {
            return Err(format!("`{file}` is not a policy that proposals change"));
        }
        let mut path = self.home.clone();
        for part in file.split('/') {
            path.push(part);
            if path.is_symlink() {
                return Err(format!("`{file}` is behind a symbolic link"));
            }
        }
        Ok(path)
    }

    fn find_now(&self, proposal: &Proposal) -> Result<Found, String> {
        let mut found = Found::Done;
        for (file, edits) in by_file(proposal) {
            let text = self.text(file)?;
            for edit in edits {
                match stands(&text, file, edit) {
                    Ok(Stands::New) => {}
                    Ok(Stands::Old) => found = Found::NotDone,
                    Err(error) => return Ok(Found::Changed(format!("`{file}`: {error}"))),
                }
            }
        }
        Ok(found)
    }

    fn perform_now(&self, proposal: &Proposal) -> Result<(), Failure> {
        // All texts first: what cannot be edited in one file leaves the others as they are.
        let mut texts = Vec::new();
        for (file, edits) in by_file(proposal) {
            let before = self.text(file).map_err(Failure::NoEffect)?;
            let after = edited(&before, file, &edits).map_err(|error| {
                let error = format!("`{file}`: {error}");
                Failure::NoEffect(error)
            })?;
            texts.push((file, before, after));
        }
        for (file, before, after) in texts {
            if after.as_bytes() != before {
                self.replace(file, &before, after.as_bytes())?;
            }
        }
        Ok(())
    }

    /// Puts a text in the place of another, which must still be there.
    fn replace(&self, file: &str, before: &[u8], after: &[u8]) -> Result<(), Failure> {
        let path = self.path(file).map_err(Failure::NoEffect)?;
        let unchanged = |error: io::Error| Failure::NoEffect(format!("`{file}`: {error}"));
        let folder = path.parent().unwrap_or(&self.home);
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let beside = folder.join(format!(".{}.new", name.unwrap_or_default()));
        let permissions = fs::metadata(&path).ok().map(|metadata| metadata.permissions());
        let written = (|| {
            let mut new = File::create(&beside)?;
            new.write_all(after)?;
            if let Some(permissions) = permissions {
                new.set_permissions(permissions)?;
            }
            new.sync_all()
        })();
        if let Err(error) = written {
            let _ = fs::remove_file(&beside);
            return Err(unchanged(error));
        }
        // Somebody may have saved the file meanwhile.
        if self.text(file).map_err(Failure::NoEffect)? != before {
            let _ = fs::remove_file(&beside);
            let why = format!("`{file}` was changed by somebody else in this moment");
            return Err(Failure::NoEffect(why));
        }
        fs::rename(&beside, &path).map_err(unchanged)?;
        // From here on the effect may be there: only its lasting is in question.
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|error| Failure::Unknown(format!("`{file}`: {error}")))
    }
}

impl Effects for HomeEdits {
    const LEASE: SignedDuration = SignedDuration::from_secs(30);

    async fn find(&self, proposal: &Proposal) -> Result<Found, String> {
        self.find_now(proposal)
    }

    async fn perform(&self, proposal: &Proposal) -> Result<(), Failure> {
        self.perform_now(proposal)
    }
}

/// Whether a file of the home is a policy that proposals may change.
fn is_open(file: &str) -> bool {
    let inside = file.strip_prefix("policies/").unwrap_or_default();
    let parts = || file.split('/');
    !inside.is_empty()
        && parts().all(|part| !matches!(part, "" | "." | ".."))
        && !file.contains('\\')
        && !inside.eq_ignore_ascii_case("approvals.toml")
        && !inside.to_ascii_lowercase().starts_with("access/")
}

fn by_file(proposal: &Proposal) -> BTreeMap<&str, Vec<&Edit>> {
    let mut files: BTreeMap<&str, Vec<&Edit>> = BTreeMap::new();
    for edit in &proposal.edits {
        files.entry(&edit.file).or_default().push(edit);
    }
    files
}

/// Which of its two values an edit finds: the one from which it could be made, or unmade.
fn stands(text: &[u8], file: &str, planned: &Edit) -> Result<Stands, EditError> {
    let value = |text: &Option<String>| text.clone().map(Value::Untyped);
    let (old, new) = (value(&planned.from), value(&planned.to));
    let path = planned.path.clone();
    let format = Format::of_file(file).unwrap_or(Format::Toml);
    let undo = Planned { path: path.clone(), old: new.clone(), new: old.clone() };
    match edit(text, format, &[Planned { path, old, new }]) {
        Ok(_) => Ok(Stands::Old),
        Err(error) => edit(text, format, &[undo]).map(|_| Stands::New).map_err(|_| error),
    }
}

/// The text with every edit made that is not made yet.
fn edited(text: &[u8], file: &str, edits: &[&Edit]) -> Result<String, EditError> {
    let mut plan = Vec::new();
    for planned in edits {
        if stands(text, file, planned)? == Stands::Old {
            let value = |text: &Option<String>| text.clone().map(Value::Untyped);
            let (old, new) = (value(&planned.from), value(&planned.to));
            plan.push(Planned { path: planned.path.clone(), old, new });
        }
    }
    if plan.is_empty() {
        return Ok(String::from_utf8_lossy(text).into_owned());
    }
    edit(text, Format::of_file(file).unwrap_or(Format::Toml), &plan)
}
