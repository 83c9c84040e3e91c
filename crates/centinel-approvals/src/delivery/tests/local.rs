//! Delivery into a clone: nothing that a person works with is touched.

use std::{fs, path::Path};

use tempfile::TempDir;

use super::super::{
    Ending, GitError, Known, Local, LocalDelivery, LocalOutcome, Note, Order, PlanError, Settings,
    Signature, Wish, Words,
    testing::{
        repository::git,
        world::{VALUES, edit_lines, edit_of, now, product_git, proposal},
    },
};

struct Clone {
    folder: TempDir,
    proposal: centinel_engine::proposal::Proposal,
}

const BRANCH: &str = "centinel/rightsize/search-api-p-7";

impl Clone {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop");
        fs::create_dir_all(path.join("charts")).unwrap();
        git(&path, &["init", "--quiet", "--initial-branch=main"]);
        fs::write(path.join("charts/values.yaml"), VALUES).unwrap();
        git(&path, &["add", "-A"]);
        git(&path, &["commit", "--quiet", "-m", "first"]);
        Self { folder, proposal: proposal() }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("shop")
    }

    fn git(&self, arguments: &[&str]) -> String {
        git(&self.path(), arguments)
    }

    async fn run(&self, wish: Wish) -> Result<LocalOutcome, PlanError> {
        let local = Local::open(product_git(), &self.path(), "main").await.unwrap();
        let signature =
            Signature { name: "Centinel".to_owned(), email: "centinel@shop.example".to_owned() };
        let settings = Settings::new(signature);
        let (known, words) = (Known::default(), Words::default());
        let digest = self.proposal.digest().unwrap();
        let order = Order {
            proposal: &self.proposal,
            digest: &digest,
            repository: "shop",
            branch: None,
            wish,
            words: &words,
            known: &known,
            has_room: true,
            now: now(),
        };
        let delivery = LocalDelivery {
            local: &local,
            edit: &edit_lines,
            signature: &settings.signature,
            patches: self.folder.path().join("patches"),
        };
        delivery.run(&order).await
    }

    async fn ready(&self) -> (String, String) {
        match self.run(Wish::Open).await.unwrap() {
            LocalOutcome::Ready { branch, commit, patch } => {
                assert_eq!(branch, BRANCH);
                (commit, fs::read_to_string(patch).unwrap())
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_branch_and_a_patch_beside_a_persons_work() {
    let clone = Clone::new();
    // A person's work: staged, changed, new; and a configuration that must not run.
    let hook = clone.path().join(".git/hooks/reference-transaction");
    let trace = clone.folder.path().join("hook-ran");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, format!("#!/bin/sh\ntouch {}\n", trace.display())).unwrap();
    std::os::unix::fs::PermissionsExt::set_mode(
        &mut fs::metadata(&hook).unwrap().permissions(),
        0o755,
    );
    fs::write(clone.path().join("staged"), "x").unwrap();
    clone.git(&["-c", "core.hooksPath=/dev/null", "add", "staged"]);
    fs::write(clone.path().join("charts/values.yaml"), "cpu: 9\n").unwrap();
    fs::write(clone.path().join("new"), "x").unwrap();
    let status = clone.git(&["status", "--porcelain"]);
    let head = clone.git(&["rev-parse", "HEAD"]);

    let (commit, patch) = clone.ready().await;
    let again = clone.ready().await;
    assert_eq!((&commit, &patch), (&again.0, &again.1));

    assert_eq!(clone.git(&["status", "--porcelain"]), status);
    assert_eq!(clone.git(&["rev-parse", "HEAD"]), head);
    assert_eq!(clone.git(&["rev-parse", "--abbrev-ref", "HEAD"]), "main");
    assert_eq!(clone.git(&["rev-parse", BRANCH]), commit);
    assert_eq!(clone.git(&["rev-list", "--count", &format!("main..{BRANCH}")]), "1");
    assert!(patch.contains("-cpu: 2\n+cpu: 600m\n"), "{patch}");
    assert!(patch.contains("Centinel-Proposal: P-7 v1"), "{patch}");
    assert!(!trace.exists());
    let left = fs::read_dir(clone.path().join(".git")).unwrap();
    let left: Vec<String> =
        left.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!left.iter().any(|name| name.contains("centinel")), "{left:?}");

    // The patch applies where the branch would be merged.
    let other = Clone::new();
    let file = other.folder.path().join("p.patch");
    fs::write(&file, &patch).unwrap();
    other.git(&["am", "--quiet", file.to_str().unwrap()]);
    let applied = fs::read_to_string(other.path().join("charts/values.yaml")).unwrap();
    assert_eq!(applied, VALUES.replace("cpu: 2", "cpu: 600m"));
    assert_eq!(other.run(Wish::Open).await.unwrap(), LocalOutcome::AlreadyThere);
}

#[tokio::test]
async fn merging_is_seen() {
    let clone = Clone::new();
    let (commit, _) = clone.ready().await;
    clone.git(&["merge", "--quiet", "--no-ff", "-m", "take it", BRANCH]);
    for _ in 0..2 {
        assert_eq!(
            clone.run(Wish::Open).await.unwrap(),
            LocalOutcome::Merged { commit: commit.clone() }
        );
    }
}

#[tokio::test]
async fn a_branch_that_somebody_works_on_is_left() {
    let mut clone = Clone::new();
    clone.ready().await;
    let tree = clone.folder.path().join("tree");
    clone.git(&["worktree", "add", "--quiet", tree.to_str().unwrap(), BRANCH]);
    // The same content again is no write.
    clone.ready().await;
    fs::write(clone.path().join("charts/values.yaml"), format!("{VALUES}x: 1\n")).unwrap();
    clone.git(&["commit", "--quiet", "-am", "base moves"]);
    let error = clone.run(Wish::Open).await.unwrap_err();
    assert!(matches!(error, PlanError::Git(GitError::CheckedOut { .. })), "{error}");
    let error = clone.run(Wish::Close(Ending::Expired)).await.unwrap_err();
    assert!(matches!(error, PlanError::Git(GitError::CheckedOut { .. })), "{error}");
    // With a commit of theirs on it, it is theirs.
    git(&tree, &["commit", "--quiet", "--allow-empty", "-m", "mine"]);
    let theirs = clone.git(&["rev-parse", BRANCH]);
    assert_eq!(clone.run(Wish::Open).await.unwrap(), LocalOutcome::StoodBack(Note::StandBack));
    let closed = clone.run(Wish::Close(Ending::Expired)).await.unwrap();
    assert_eq!(closed, LocalOutcome::StoodBack(Note::EndedBesides));
    assert_eq!(clone.git(&["rev-parse", BRANCH]), theirs);
    clone.proposal.edits = vec![edit_of("cpu", "3", "4")];
    assert_eq!(clone.run(Wish::Open).await.unwrap(), LocalOutcome::StoodBack(Note::StandBack));
}

#[tokio::test]
async fn what_ended_is_taken_away() {
    let clone = Clone::new();
    clone.ready().await;
    for _ in 0..2 {
        assert_eq!(clone.run(Wish::Close(Ending::Withdrawn)).await.unwrap(), LocalOutcome::Gone);
    }
    assert_eq!(clone.git(&["for-each-ref", "--format=%(refname)"]), "refs/heads/main");
    assert_eq!(fs::read_dir(clone.folder.path().join("patches")).unwrap().count(), 0);
}

#[tokio::test]
async fn what_is_no_clone_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let open = async |path: &Path| Local::open(product_git(), path, "main").await.unwrap_err();
    assert!(matches!(open(folder.path()).await, GitError::Failed { .. }));
    assert!(matches!(open(&folder.path().join("none")).await, GitError::Folder { .. }));
    let clone = Clone::new();
    let local = Local::open(product_git(), &clone.path(), "trunk").await.unwrap();
    assert!(matches!(local.state(BRANCH).await, Err(GitError::NoBranch { .. })));
    for bad in ["", "-x", "a..b", "a b", "@{-1}", "a/.b", "x.lock", "HEAD", "a\nb", "/a", "a/"] {
        let error = local.state(bad).await.unwrap_err();
        assert!(matches!(error, GitError::BranchName(_)), "{bad:?}: {error}");
    }
}
