use proptest::prelude::*;

use super::{
    Dialect::{Github, Gitlab},
    *,
};

fn parse(file: &str, dialect: Dialect) -> CodeOwners {
    CodeOwners::parse(file.as_bytes(), dialect).unwrap()
}

#[track_caller]
fn check(file: &str, dialect: Dialect, path: &str, expected: &[&str]) {
    assert_eq!(parse(file, dialect).of(path), expected, "{dialect:?} {file:?}: {path}");
}

/// The examples of GitHub's page, and what they leave out.
#[test]
fn patterns_match_as_github_says() {
    for (pattern, path, owned) in [
        ("*", "a/b/c.rs", true),
        ("*.js", "a/b.js", true),
        ("*.js", "a/b.jsx", false),
        ("/build/logs/", "build/logs/a/b.txt", true),
        ("/build/logs/", "x/build/logs/a", false),
        ("docs/*", "docs/getting-started.md", true),
        ("docs/*", "docs/build-app/troubleshooting.md", false),
        ("/*", "a.rs", true),
        ("/*", "a/b.rs", false),
        ("apps/", "x/apps/y/z", true),
        ("apps/", "apps", false),
        ("apps/web", "apps/web/x", true),
        ("apps/web", "x/apps/web/x", false),
        ("/docs/", "docs/a", true),
        ("/docs", "docs/a/b", true),
        ("/scripts/**", "scripts/a/b", true),
        ("**/logs", "build/logs/x", true),
        ("**/logs", "deeply/nested/logs", true),
        ("**/logs", "blogs", false),
        ("/apps/github", "apps/github/x", true),
        ("charts/**/values.yaml", "charts/values.yaml", true),
        ("charts/**/values.yaml", "charts/a/b/values.yaml", true),
        ("charts/**/values.yaml", "charts/a/values.yml", false),
        ("/a?c", "abc", true),
        ("/a?c", "ac", false),
        ("Docs/", "docs/a", false),
        ("/with\\ space/x", "with space/x", true),
        ("!*.rs", "a.rs", false),
        ("/a[bc]", "ab", false),
        ("\\#a", "#a", false),
        ("**", "a/b", true),
        ("/**/**/**/a", "x/y/a", true),
    ] {
        let expected: &[&str] = if owned { &["@team"] } else { &[] };
        check(&format!("{pattern} @team\n"), Github, path, expected);
    }
}

/// The examples of GitLab's page, and what they leave out.
#[test]
fn patterns_match_as_gitlab_says() {
    for (pattern, path, owned) in [
        ("*", "a/b/c.rs", true),
        ("/README.md", "README.md", true),
        ("/README.md", "docs/README.md", false),
        ("README.md", "app/lib/README.md", true),
        ("internal/README.md", "docs/api/internal/README.md", true),
        ("internal/README.md", "README.md", false),
        ("/docs/", "docs/a/b.md", true),
        ("/docs/", "x/docs/b.md", false),
        ("lib/", "a/lib/b", true),
        ("/docs/*.md", "docs/a.md", true),
        ("/docs/*.md", "docs/a/b.md", false),
        ("/docs/*spec*", "docs/qa_specs.rb", true),
        ("/docs/*/README.md", "docs/api/README.md", true),
        ("/docs/*/README.md", "docs/README.md", false),
        ("/docs/**/index.md", "docs/index.md", true),
        ("/docs/**/index.md", "docs/api/graphql/index.md", true),
        ("/docs/**", "docs/a/b", false),
        ("/docs", "docs/a", false),
        ("**", "a/b", true),
        ("\\#file_with_pound.rb", "a/#file_with_pound.rb", true),
        ("path\\ with\\ spaces/", "path with spaces/x", true),
    ] {
        let expected: &[&str] = if owned { &["@team"] } else { &[] };
        check(&format!("{pattern} @team\n"), Gitlab, path, expected);
    }
}

#[test]
fn the_last_match_wins_and_may_own_nothing() {
    let file = "# all\n* @all # of it\n*.tf @org/infra sre@example.com\n/live/ @live\n/live/free\n";
    check(file, Github, "a.rs", &["@all"]);
    check(file, Github, "x/main.tf", &["@org/infra", "sre@example.com"]);
    check(file, Github, "live/main.tf", &["@live"]);
    check(file, Github, "live/free/main.tf", &[]);
    check("", Github, "a", &[]);
    check("\u{feff}* @all\n", Github, "a", &["@all"]);
    // GitLab knows no comment behind an entry.
    check("* @all # and @more\n", Gitlab, "a", &["@all", "@more"]);
    let file = parse(file, Github);
    let matched = file.matching("live/main.tf");
    assert_eq!((matched[0].line, matched[0].pattern), (4, "/live/"));
}

#[test]
fn sections_add_up() {
    let file = "* @all\n[Docs] @docs\n*.md\n!SECRET.md\nSECRET.md @late\n^[Infra][2] @sre\n*.tf\n\
                live/ @live\n[docs]\n*.adoc @adoc\nREADME.md\n[Other] @@maintainers\nx\n";
    check(file, Gitlab, "a.md", &["@all", "@docs"]);
    check(file, Gitlab, "SECRET.md", &["@all"]);
    check(file, Gitlab, "main.tf", &["@all", "@sre"]);
    check(file, Gitlab, "live/main.tf", &["@all", "@live"]);
    // Sections of one name are one: the last entry of both decides, and names nobody.
    check(file, Gitlab, "README.md", &["@all"]);
    check(file, Gitlab, "x", &["@all", "@@maintainers"]);
    assert_eq!(Dialect::of_file("CODEOWNERS", file.as_bytes()), Gitlab);
    assert_eq!(Dialect::of_file(".github/CODEOWNERS", file.as_bytes()), Github);
    assert_eq!(Dialect::of_file("docs/CODEOWNERS", b"* @a\n[ab]c @b\n"), Github);
    assert_eq!(Dialect::of_file(".gitlab/CODEOWNERS", b""), Gitlab);
}

#[test]
fn what_is_no_line_is_kept_with_its_reason() {
    for (line, dialect, reason) in [
        ("!a @x", Github, "GitHub takes no pattern back with `!`"),
        ("[Docs] @x", Github, "character ranges are not read"),
        ("\\#a @x", Github, "GitHub does not read an escaped `#`"),
        ("a @x y", Github, "an owner is neither `@login`, `@organisation/team` nor an address"),
        ("a @org/team/deep", Github, "an owner is neither"),
        ("a @", Github, "an owner is neither"),
        ("a\\", Github, "the pattern ends in a backslash"),
        ("[ ] @x", Gitlab, "a section has no name"),
        ("/a[bc] @x", Gitlab, "character ranges are not read"),
    ] {
        let file = parse(&format!("* @all\n{line}\n"), dialect);
        assert_eq!(file.of("a"), ["@all"], "{line}");
        let [rejected] = file.rejected() else { panic!("{line}: {:?}", file.rejected()) };
        assert_eq!(rejected.line, 2, "{line}");
        assert!(rejected.reason.starts_with(reason), "{line}: {}", rejected.reason);
    }
    // GitLab passes over words that are no owners.
    check("a y @org/team/deep @@nobody\n", Gitlab, "a", &["@org/team/deep"]);
    assert!(parse("* @all\n", Github).rejected().is_empty());
}

#[test]
fn a_folder_is_asked_for_as_a_file_that_nobody_names() {
    let file = "* @all\n/app/ @app\n/app/*.md @docs\n/app/api/* @api\n";
    for (path, expected) in
        [("app/", "@app"), ("/app/", "@app"), ("app/api/", "@api"), ("", "@all"), ("x/", "@all")]
    {
        check(file, Github, path, &[expected]);
    }
}

#[test]
fn a_hostile_file_costs_little() {
    let pattern = format!("/{}x @a\n", "**/*a*a*a*a*a*a/".repeat(30));
    for dialect in [Github, Gitlab] {
        check(&pattern.repeat(50), dialect, &"aaaaaaaaaaaaaaaaaaaa/".repeat(40), &[]);
        check("\u{0}\u{ff}\n*\n", dialect, "a", &[]);
    }
    let large = vec![b'a'; CodeOwners::BYTES_MAX];
    let refused = CodeOwners::parse(&large, Github).unwrap_err();
    assert_eq!(refused, TooLarge { bytes: CodeOwners::BYTES_MAX });
    let many = parse(&"a @x\n".repeat(CodeOwners::RULES_MAX + 2), Github);
    assert_eq!(many.rejected().len(), 2);
    assert_eq!(many.rejected()[0].line, CodeOwners::RULES_MAX + 1);
}

proptest! {
    /// A file that nobody names belongs to whom the last line for everything says, whatever else there is.
    #[test]
    fn any_text_is_read(
        lines in prop::collection::vec("[\\[\\]\\^!#@*/ab\\\\ \\t\u{e9}.]{0,12}", 0..20),
        path in "[ab/.]{0,12}",
    ) {
        let text = format!("{}\n* @last\n", lines.join("\n"));
        let file = parse(&text, Github);
        prop_assert_eq!(file.of(&path), ["@last"]);
        let file = parse(&text, Gitlab);
        for matched in file.matching(&path) {
            prop_assert!(matched.line <= text.lines().count());
        }
        prop_assert!(file.rejected().iter().all(|line| line.line < text.lines().count()));
    }
}
