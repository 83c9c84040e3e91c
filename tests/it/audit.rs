//! The audit log as the outside sees it: signed heads, exports, keys, edited tables.

use std::fmt::Write as _;

use crate::product::{Home, PASSWORD};

/// A home in which something was proposed and approved.
fn decided() -> Home {
    let home = Home::new();
    decide(&home);
    home
}

/// Spend of two features, a proposal for each, one of them approved.
fn decide(home: &Home) {
    let mut text = String::from(
        "request_id,timestamp,provider,model,input_tokens,cached_tokens,output_tokens,feature,team\n",
    );
    for call in 0..60 {
        let (day, feature) = (1 + call % 30, 40 + call % 2 * 10);
        let _ = writeln!(
            text,
            "r{call},2026-09-{day:02}T10:10:00Z,openai,gpt-5.1,2000,0,300,answers-{feature},support"
        );
    }
    let log = home.file("calls.csv", &text).display().to_string();
    home.run(&["import", &log]).ok();
    for limit in ["40", "50"] {
        let scope = format!("feature=answers-{limit}");
        home.run(&["propose", "budget", "--scope", &scope, "--limit", limit]).ok();
    }
    home.with_input(&["approve", "P-1", "--password-stdin"], PASSWORD).ok();
}

#[test]
fn a_home_signs_and_its_heads_prove_the_log() {
    let home = decided();
    let head = home.run(&["audit", "head"]).ok().out.trim().to_owned();
    assert_eq!(head.split(':').count(), 4, "{head}");
    let verified = home.run(&["audit", "verify", "--head", &head]).ok();
    assert!(verified.out.contains("every link holds"), "{}", verified.out);
    assert!(verified.err.contains("could have been cut off"), "{}", verified.err);
    // Published in a message, found there again.
    let messages = home.file("messages.md", &format!("Approved.\n\nAudit head: `{head}`.\n"));
    let messages = messages.display().to_string();
    home.run(&["audit", "verify", "--heads", &messages]).ok();
    // A head of another log.
    let other = Home::new().run(&["audit", "head"]).ok().out.trim().to_owned();
    let found = home.run(&["audit", "verify", "--head", &other]);
    assert_eq!(found.code, 4, "{}", found.out);
    let forged = head.replace(&head[head.len() - 20..], "AAAAAAAAAAAAAAAAAAAA");
    assert_ne!(home.run(&["audit", "verify", "--head", &forged]).code, 0);
    assert_eq!(home.run(&["audit", "verify", "--head", "nonsense"]).code, 2);

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let key = std::fs::metadata(home.path().join("audit.key")).unwrap();
        assert_eq!(key.permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_key_is_replaced_and_an_older_home_gets_one() {
    let home = decided();
    let keys = home.run(&["--json", "audit", "keys"]).ok().out;
    assert_eq!(keys.lines().count(), 1);
    let key = std::fs::read_to_string(home.path().join("audit.key")).unwrap();
    let rotated = home.run(&["--json", "audit", "rotate"]).ok().json();
    assert_ne!(std::fs::read_to_string(home.path().join("audit.key")).unwrap(), key);
    let keys = home.run(&["--json", "audit", "keys"]).ok().out;
    assert_eq!(keys.lines().count(), 2);
    assert!(keys.lines().last().unwrap().contains(rotated["key"].as_str().unwrap()));
    home.with_input(&["approve", "P-2", "--password-stdin"], PASSWORD).ok();
    home.run(&["audit", "verify"]).ok();
    // With a key that the log does not know, nothing decides any more.
    std::fs::write(home.path().join("audit.key"), key).unwrap();
    let rejected = ["reject", "P-1", "--reason", "no", "--password-stdin"];
    let refused = home.with_input(&rejected, PASSWORD);
    assert_eq!(refused.code, 1, "{}{}", refused.out, refused.err);
    assert!(refused.err.contains("does not hold"), "{}", refused.err);
}

#[test]
fn an_export_is_verified_without_its_home() {
    let home = decided();
    let head = home.run(&["audit", "head"]).ok().out.trim().to_owned();
    let export = home.run(&["audit", "export"]).ok().out;
    let verify = |text: &str, more: &[&str]| {
        let file = home.file("export.jsonl", text).display().to_string();
        Home::new().run(&[&["audit", "verify", "--file", &file], more].concat())
    };
    let verified = verify(&export, &["--head", &head]).ok();
    assert!(verified.out.contains("every link holds"), "{}", verified.out);
    let lines: Vec<&str> = export.lines().collect();
    let without = |index: usize| {
        let kept = lines.iter().enumerate().filter(|(at, _)| *at != index);
        kept.flat_map(|(_, line)| [line, "\n"]).collect::<String>()
    };
    for index in 0..lines.len() {
        assert_ne!(verify(&without(index), &["--head", &head]).code, 0, "line {index}");
    }
    for (from, to) in
        [("\"actor\":\"person:ada\"", "\"actor\":\"person:eve\""), ("{\"", "{ \""), ("P-1", "P-3")]
    {
        let changed = verify(&export.replacen(from, to, 1), &[]);
        assert_ne!(changed.code, 0, "{from}: {}", changed.out);
    }
    // A part says that it is one.
    let part = home.run(&["audit", "export", "--subject", "P-1"]).ok().out;
    assert!(part.lines().count() > 2 && part.lines().count() < lines.len());
    let verified = verify(&part, &[]).ok();
    assert!(verified.err.contains("part of a log"), "{}", verified.err);
    let later = home.run(&["audit", "export", "--from", "2100-01-01"]).ok().out;
    assert_eq!(later.lines().count(), 1);

    let csv = home.run(&["audit", "export", "--format", "csv", "--action", "proposal."]).ok().out;
    assert!(csv.starts_with("sequence,at,actor,action,subject,payload,previous,hash\n"), "{csv}");
    assert!(csv.lines().last().unwrap().starts_with("head,") && csv.contains(&head[..20]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_edited_beside_the_log_is_named_and_written_anew() {
    let home = decided();
    sqlx::any::install_default_drivers();
    let address = format!("sqlite:{}", home.path().join("catalogue.sqlite").display());
    let pool = sqlx::AnyPool::connect(&address).await.unwrap();
    sqlx::query("update proposal set status = 'executed' where id = 'P-2'")
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
    let found = home.run(&["audit", "verify"]);
    assert_eq!(found.code, 4, "{}", found.out);
    let told = "row `P-2/1`: `status` is `executed`, and the log says `pending`";
    assert!(found.out.contains(told), "{}", found.out);
    home.run(&["audit", "rebuild"]).ok();
    home.run(&["audit", "verify"]).ok();
}

/// The whole product through a database role that cannot decide, over the same home.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_the_agents_role_it_answers_and_proposes_and_does_not_decide() {
    let schema = "agents_role";
    let Some(home) =
        tokio::task::spawn_blocking(move || Home::on_postgresql(schema)).await.unwrap()
    else {
        return;
    };
    decide(&home);
    let sql = home.run(&["database", "grants", "--role", ROLE, "--schema", schema]).ok().out;
    let config = std::fs::read_to_string(home.path().join("centinel.toml")).unwrap();
    let address = config.split('"').nth(1).unwrap().to_owned();
    let pool = sqlx::AnyPool::connect(&address).await.unwrap();
    let create = format!(
        "do $$ begin create role {ROLE} login; exception when duplicate_object then null; end $$"
    );
    for text in [create, sql] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(text)).execute(&pool).await.unwrap();
    }
    pool.close().await;
    let role = home.file("agent.toml", &config.replacen("centinel@", &format!("{ROLE}@"), 1));
    let role = role.display().to_string();
    let run =
        |args: &[&str], input: &str| home.with_input(&[&["--config", &role], args].concat(), input);
    assert!(run(&["spend", "--period", "all"], "").ok().out.contains('$'));
    run(&["report"], "").ok();
    run(&["anomalies"], "").ok();
    assert!(run(&["inbox"], "").ok().out.contains("P-2"));
    run(&["propose", "budget", "--scope", "team=support", "--limit", "70"], "").ok();
    assert!(run(&["inbox"], "").ok().out.contains("P-3"));
    for id in ["P-2", "P-3"] {
        let approved = run(&["approve", id, "--password-stdin"], PASSWORD);
        assert_eq!(approved.code, 1, "{}{}", approved.out, approved.err);
        assert!(approved.err.contains("permission denied"), "{}", approved.err);
    }
    home.run(&["audit", "verify"]).ok();
    home.with_input(&["approve", "P-3", "--password-stdin"], PASSWORD).ok();
}

const ROLE: &str = "centinel_test_reader";

#[test]
fn grants_name_the_role() {
    let home = Home::new();
    let sql = home.run(&["database", "grants", "--role", "centinel_mcp"]).ok().out;
    assert!(sql.contains("to \"centinel_mcp\"") && sql.trim_end().ends_with("commit;"));
    assert_eq!(home.run(&["database", "grants", "--role", "a\"; drop"]).code, 2);
}
