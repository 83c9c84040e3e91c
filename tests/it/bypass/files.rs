//! Through files: of the home, of proposals, in the place of others.

use std::fs;

use super::{
    Trace::{Entry, Found, Told},
    Way,
    stage::{EFFECT_OF_P1, Stage, password},
};
use crate::product::Home;

/// A change that edits this file of this repository.
fn change(stage: &Stage, repository: &str, file: &str) -> String {
    let text = format!(
        "title = \"a test\"\nrisk = \"low\"\nreversible = true\n\n[change]\nkind = \"routing\"\n\
         feature = \"answers\"\nfrom_model = \"gpt-5.1\"\nto_model = \"gpt-5-mini\"\n\
         share_ratio = \"0.5\"\n\n[scope]\nfeature = \"answers\"\n\n[[edit]]\n\
         repository = '{repository}'\nfile = '{file}'\npath = 'rule[0].approvers'\nto = \"0\"\n"
    );
    let path = stage.file("edit.toml", &text);
    let before = stage.entries().len();
    let said = stage.run(&["propose", "change", &path]).all();
    assert_eq!(stage.entries().len(), before, "{repository} {file}: {said}");
    said
}

pub(super) fn ways() -> Vec<Way> {
    vec![
        Way::new(
            "files: paths that lead out of the open policies",
            |stage| {
                [
                    "policies/approvals.toml",
                    "policies/access/default.cedar",
                    "centinel.toml",
                    "audit.key",
                    "audit.head",
                    "catalogue.sqlite",
                    "../centinel.toml",
                    "policies/../audit.key",
                    "policies/budgets.toml/../approvals.toml",
                    "policies//approvals.toml",
                    "./policies/approvals.toml",
                    "policies\\approvals.toml",
                    "/etc/passwd",
                    "policies/APPROVALS.toml",
                    "policies/approvals.toml\u{200b}",
                    "policies/access/../approvals.toml",
                ]
                .map(|file| change(stage, "home", file))
                .concat()
            },
            Told("is not a policy that proposals change"),
        ),
        Way::new(
            "files: a repository that is nearly the home",
            |stage| {
                let near = ["Home", "home ", "./home", "HOME", "home/", "~"];
                let text = |repository: &str| {
                    format!(
                        "title = \"a test\"\nrisk = \"low\"\nreversible = true\n\n[change]\n\
                         kind = \"virtual_tag\"\nname = \"a\"\nvalue = \"b\"\nmatches = {{ feature = \"c\" }}\n\n\
                         [[edit]]\nrepository = '{repository}'\nfile = 'policies/approvals.toml'\n\
                         path = 'currency'\nfrom = \"USD\"\nto = \"EUR\"\n"
                    )
                };
                let policy =
                    fs::read_to_string(stage.home().join("policies/approvals.toml")).unwrap();
                let said = near
                    .map(|repository| {
                        let file = stage.file("near.toml", &text(repository));
                        stage.run(&["propose", "change", &file]).all()
                    })
                    .concat();
                for id in ["P-4", "P-5", "P-6", "P-7", "P-8", "P-9"] {
                    stage.decide("approve", id, "carl");
                    stage.decide("approve", id, "ada");
                }
                stage.run(&["execute"]);
                let after =
                    fs::read_to_string(stage.home().join("policies/approvals.toml")).unwrap();
                assert_eq!(policy, after);
                said
            },
            Told("is not configured"),
        ),
        Way::new(
            "files: the budgets changed between approval and execution",
            |stage| {
                stage.decide("approve", "P-1", "carl").ok();
                stage.edit("policies/budgets.toml", |text| {
                    text.replace(
                        "\"team=support\"",
                        "\"feature=answers\" = \"41 USD\"\n\"team=support\"",
                    )
                });
                let said = stage.run(&["execute"]).all();
                assert!(!stage.budgets().contains("40 USD"), "{}", stage.budgets());
                // As it was: what is out of date stays so.
                stage.edit("policies/budgets.toml", |text| {
                    text.replace("\"feature=answers\" = \"41 USD\"\n", "")
                });
                said
            },
            Entry("proposal.stale", "P-1"),
        )
        .ends(&[("P-1", "stale")])
        .voted(),
        Way::new(
            "files: a link in the place of the budgets",
            |stage| {
                let target = stage.file("elsewhere.toml", &stage.budgets());
                let path = stage.home().join("policies/budgets.toml");
                fs::remove_file(&path).unwrap();
                std::os::unix::fs::symlink(&target, &path).unwrap();
                stage.decide("approve", "P-1", "carl").ok();
                stage.run(&["execute"]);
                let said = stage.run(&["--json", "show", "P-1"]).all();
                assert!(!fs::read_to_string(&target).unwrap().contains(EFFECT_OF_P1));
                said
            },
            Entry("proposal.stale", "symbolic link"),
        )
        .ends(&[("P-1", "stale")])
        .voted(),
        Way::new(
            "files: a link in the place of the policies",
            |stage| {
                let elsewhere = stage.home().join("../elsewhere");
                let path = stage.home().join("policies");
                fs::rename(&path, &elsewhere).unwrap();
                std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
                stage.decide("approve", "P-1", "carl").ok();
                stage.run(&["execute"]).all()
            },
            Entry("proposal.stale", "symbolic link"),
        )
        .ends(&[("P-1", "stale")])
        .voted(),
        Way::new(
            "files: the key of another home",
            |stage| {
                let other = Home::new();
                fs::copy(other.path().join("audit.key"), stage.home().join("audit.key")).unwrap();
                stage.decide("approve", "P-1", "carl").all()
            },
            Told("does not hold"),
        ),
        Way::new(
            "files: no key",
            |stage| {
                fs::remove_file(stage.home().join("audit.key")).unwrap();
                stage.decide("approve", "P-1", "carl").all()
            },
            Told("does not hold"),
        ),
        Way::new(
            "files: something else in the key's place",
            |stage| {
                fs::write(stage.home().join("audit.key"), "approved\n").unwrap();
                stage.decide("approve", "P-1", "carl").all() + &stage.run(&["execute"]).all() + {
                    fs::remove_file(stage.home().join("audit.key")).unwrap();
                    ""
                }
            },
            Told("audit.key"),
        ),
        Way::new(
            "files: a key that another configuration names",
            |stage| {
                let other = Home::new();
                let key = other.path().join("audit.key");
                let config = format!("[audit]\nkey = \"file:{}\"\n", key.display());
                let config = stage.file("other.toml", &config);
                let args =
                    ["--config", &config, "approve", "P-1", "--as", "carl", "--password-stdin"];
                stage.with_input(&args, &password("carl")).all()
            },
            Told("does not hold"),
        ),
        Way::new(
            "files: the database of another home, in which it is approved",
            |stage| {
                // The same people, the same proposals, another key; approved there by its own people.
                let other = super::stage::Template::new().stage();
                other.decide("approve", "P-1", "carl").ok();
                for name in ["catalogue.sqlite", "catalogue.sqlite-wal", "catalogue.sqlite-shm"] {
                    let (from, to) = (other.home().join(name), stage.home().join(name));
                    let _ = fs::remove_file(&to);
                    if from.exists() {
                        fs::copy(from, to).unwrap();
                    }
                }
                stage.run(&["execute"]).all()
            },
            Found,
        )
        .ends(&[("P-1", "approved")])
        .voted(),
        Way::new(
            "files: another configuration, whose database has approved it",
            |stage| {
                let other = super::stage::Template::new().stage();
                other.decide("approve", "P-1", "carl").ok();
                let config = format!(
                    "[database]\nurl = \"sqlite:{0}/catalogue.sqlite\"\n[audit]\n\
                     key = \"file:{0}/audit.key\"\n",
                    other.home().display()
                );
                let config = stage.file("other.toml", &config);
                stage.run(&["--config", &config, "execute"]).all()
            },
            Told("is not the one that this home signed"),
        ),
        Way::new(
            "files: another home by the environment",
            |stage| {
                let other = Home::new();
                let path = other.path().display().to_string();
                let variables = [("CENTINEL_HOME", path.as_str())];
                let args = ["approve", "P-1", "--as", "ada", "--password-stdin"];
                // The home of the arguments counts, and there Ada has approved P-1 of nobody else's home.
                other.with_input(&["approve", "P-1", "--password-stdin"], &password("ada"));
                stage.with_all(&args, "a guess of it\n", &variables).all()
            },
            Entry("login.failed", "person:ada"),
        ),
    ]
}
