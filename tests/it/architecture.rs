//! The arrows between crates, held by a test: words do not hold an architecture.
//!
//! The tables are the rules; `crates/README.md` explains them, and must say the same.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// Which of our crates each crate may use: no other arrow exists, in its tests neither.
const ARROWS: [(&str, &[&str]); 12] = [
    ("centinel-engine", &[]),
    ("centinel-store", &["engine"]),
    ("centinel-ledger", &["engine", "store"]),
    ("centinel-ingest", &["engine"]),
    ("centinel-guard", &["engine", "store"]),
    ("centinel-approvals", &["engine", "store"]),
    ("centinel-agent", &["engine"]),
    ("centinel-mcp", &["engine"]),
    ("centinel-app", &["engine", "store", "ledger", "ingest", "guard", "approvals"]),
    ("centinel-web", &["engine", "app"]),
    ("centinel-world", &["engine"]),
    (
        "centinel",
        &[
            "engine",
            "store",
            "ledger",
            "ingest",
            "guard",
            "approvals",
            "agent",
            "mcp",
            "app",
            "web",
            "world",
        ],
    ),
];

/// Crates of the table that come with their capability.
const PLANNED: [&str; 1] = ["centinel-guard"];

/// Packages that test or measure the product: they may use every crate, and no crate may use them.
const AROUND_THE_PRODUCT: [&str; 2] = ["centinel-tests", "centinel-evals"];

/// Crates that can never reach others, by whatever way, because an agent speaks through them.
const NEVER: [(&str, &[&str]); 2] = [
    ("centinel-mcp", &["centinel-approvals", "centinel-store", "centinel-ledger", "centinel-app"]),
    (
        "centinel-agent",
        &["centinel-approvals", "centinel-store", "centinel-ledger", "centinel-app"],
    ),
];

/// All that the engine may use outside its tests: data, numbers, text. Nothing that reads, waits,
/// draws or prints.
const ENGINE_USES: [&str; 11] = [
    "foldhash",
    "jiff",
    "num-bigint",
    "num-rational",
    "num-traits",
    "regex-lite",
    "serde",
    "serde_json",
    "sha2",
    "thiserror",
    "toml",
];

/// Libraries that only these crates know, outside tests.
const KNOWN_ONLY_TO: [(&str, &[&str]); 15] = [
    ("async-openai", &["centinel-agent"]),
    ("cedar-policy", &["centinel-approvals"]),
    ("sqlx", &["centinel-store", "centinel-ingest"]),
    // The binary examines a server as a stranger's client would: `mcp doctor --url`.
    ("reqwest", &["centinel-ingest", "centinel-approvals", "centinel-agent", "centinel"]),
    ("minijinja", &["centinel-agent"]),
    ("granit-parser", &["centinel-approvals"]),
    ("hcl-edit", &["centinel-approvals"]),
    ("libyaml-safer", &["centinel-approvals"]),
    ("parquet", &["centinel-ledger", "centinel-ingest"]),
    ("opentelemetry-proto", &["centinel-ingest"]),
    ("rmcp", &["centinel-mcp"]),
    ("askama", &["centinel-web"]),
    ("clap", &["centinel"]),
    ("anyhow", &["centinel"]),
    ("rand", &["centinel-world"]),
];

#[test]
fn arrows_run_one_way() {
    let arrows: BTreeMap<&str, &[&str]> = ARROWS.into_iter().collect();
    let mut wrong = Vec::new();
    for (from, to, kind) in internal_edges(&workspace()) {
        if AROUND_THE_PRODUCT.contains(&from.as_str()) {
            continue;
        }
        let Some(allowed) = arrows.get(from.as_str()) else {
            wrong.push(format!("`{from}` is in no row of ARROWS: say there what it may use"));
            continue;
        };
        if !allowed.contains(&short(&to)) {
            let home = shared_home(&arrows, &from, &to);
            wrong.push(format!(
                "`{from}` uses `{to}` ({kind} dependency), which no arrow allows. Move what both \
                 need {home}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn agents_have_no_way_to_a_decision() {
    let edges = internal_edges(&workspace());
    for (from, never) in NEVER {
        for (reached, way) in reach(&edges, from) {
            assert!(
                !never.contains(&reached.as_str()),
                "`{from}` reaches `{reached}` by way of {}. What it must know comes through a port \
                 (a trait of `{from}`) that the binary fills",
                way.join(" → ")
            );
        }
    }
    // The table itself must not open a way once the planned crates are there.
    let table: Vec<_> = ARROWS
        .iter()
        .flat_map(|(from, to)| to.iter().map(|to| (*from, format!("centinel-{to}"))))
        .map(|(from, to)| (from.to_owned(), to, String::new()))
        .collect();
    for (from, never) in NEVER {
        let reached = reach(&table, from);
        assert!(reached.keys().all(|to| !never.contains(&to.as_str())), "ARROWS of `{from}`");
    }
}

#[test]
fn the_engine_uses_a_short_list() {
    let metadata = workspace();
    let extra: Vec<_> = dependencies(package(&metadata, "centinel-engine"))
        .filter(|name| !ENGINE_USES.contains(name))
        .collect();
    assert!(
        extra.is_empty(),
        "the engine uses {extra:?}: it stays pure and small. What reads files or speaks protocols \
         belongs in `centinel-ingest`, what stores in `centinel-ledger`; it hands plain values over"
    );
}

#[test]
fn each_library_is_known_where_it_belongs() {
    let metadata = workspace();
    for package in crates(&metadata) {
        for (library, homes) in KNOWN_ONLY_TO {
            assert!(
                homes.contains(&package.name.as_str())
                    || dependencies(package).all(|d| d != library),
                "`{}` uses `{library}`, which only {homes:?} may know: ask that crate for a function \
                 that does what is needed",
                package.name
            );
        }
    }
}

#[test]
fn every_crate_is_on_the_map() {
    let metadata = workspace();
    let crates: BTreeSet<&str> = crates(&metadata).map(|package| package.name.as_str()).collect();
    let rows: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    let planned: BTreeSet<&str> = rows.difference(&crates).copied().collect();
    assert_eq!(crates.difference(&rows).next(), None, "a crate without a row in ARROWS");
    assert_eq!(planned, PLANNED.into(), "rows of ARROWS without a crate are those of PLANNED");

    let path = metadata.workspace_root.join("crates/README.md");
    let map = std::fs::read_to_string(&path).unwrap();
    let sections: BTreeMap<&str, &str> = map
        .split("\n## ")
        .skip(1)
        .filter_map(|section| section.strip_prefix('`')?.split_once('`'))
        .collect();
    let described: BTreeSet<&str> = sections.keys().copied().collect();
    assert_eq!(described, crates, "sections of crates/README.md (left) and crates (right)");
    for (name, allowed) in ARROWS.iter().filter(|(name, _)| crates.contains(name)) {
        let text = match *allowed {
            [] => "nothing of ours".to_owned(),
            _ if *name == "centinel" => "all".to_owned(),
            _ => allowed
                .iter()
                .filter(|to| crates.contains(format!("centinel-{to}").as_str()))
                .copied()
                .collect::<Vec<_>>()
                .join(", "),
        };
        let line = format!("May use: {text}.");
        assert!(
            sections.get(name).is_some_and(|section| section.contains(&line)),
            "the section of `{name}` in crates/README.md must say \"{line}\""
        );
    }

    for package in self::crates(&metadata) {
        let folder = package.manifest_path.parent().and_then(|folder| folder.file_name());
        assert_eq!(folder, Some(package.name.as_str()), "a crate is called as its folder");
    }
}

fn workspace() -> Metadata {
    MetadataCommand::new()
        .manifest_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml"))
        .no_deps()
        .exec()
        .unwrap()
}

/// The packages below `crates/`.
fn crates(metadata: &Metadata) -> impl Iterator<Item = &Package> {
    let folder = metadata.workspace_root.join("crates");
    metadata.packages.iter().filter(move |package| package.manifest_path.starts_with(&folder))
}

fn package<'a>(metadata: &'a Metadata, name: &str) -> &'a Package {
    metadata.packages.iter().find(|package| package.name.as_str() == name).unwrap()
}

/// Names of what a package uses outside its tests.
fn dependencies(package: &Package) -> impl Iterator<Item = &str> {
    let used = |kind| kind != DependencyKind::Development;
    package.dependencies.iter().filter(move |d| used(d.kind)).map(|d| d.name.as_str())
}

/// Every arrow between packages of the workspace: from, to, kind.
fn internal_edges(metadata: &Metadata) -> Vec<(String, String, String)> {
    let edges = metadata.packages.iter().flat_map(|package| {
        let ours = package.dependencies.iter().filter(|dependency| dependency.path.is_some());
        ours.map(|to| (package.name.to_string(), to.name.clone(), to.kind.to_string()))
    });
    edges.collect()
}

/// Everything that can be reached from a crate, with the way to it.
fn reach(edges: &[(String, String, String)], from: &str) -> BTreeMap<String, Vec<String>> {
    let mut reached: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut open = vec![vec![from.to_owned()]];
    while let Some(way) = open.pop() {
        for (_, to, _) in edges.iter().filter(|(from, ..)| Some(from) == way.last()) {
            if !reached.contains_key(to) {
                let way = [way.clone(), vec![to.clone()]].concat();
                reached.insert(to.clone(), way.clone());
                open.push(way);
            }
        }
    }
    reached
}

/// Where code belongs that two crates need: the last crate in the table's order that both may use.
fn shared_home(arrows: &BTreeMap<&str, &[&str]>, a: &str, b: &str) -> String {
    let uses = |name: &str| arrows.get(name).copied().unwrap_or_default();
    let common = ARROWS.iter().rev().find(|(name, _)| {
        let name = short(name);
        uses(a).contains(&name) && (uses(b).contains(&name) || short(b) == name)
    });
    match common {
        Some((home, _)) => format!("down into `{home}`, or hand it over in the binary"),
        None => "up into the binary, which may use both".to_owned(),
    }
}

fn short(name: &str) -> &str {
    name.strip_prefix("centinel-").unwrap_or(name)
}
