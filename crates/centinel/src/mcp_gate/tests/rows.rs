//! What a program with somebody's access token sees.

use axum::http::StatusCode;

use super::{CONFIG, LOCAL, Stage, spend};
use crate::ports::sight_tests::{OWN, Site};

/// Two homes that differ only in what another team spends give a program of Ana's the same bytes.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_sees_what_its_person_sees() {
    let mut stages = Vec::new();
    for (other, model, tokens) in
        [("bravo", "gpt-4o-mini", 3_000_000), ("zulu", "gpt-4.1", 40_000_000)]
    {
        let site = Site::new(other, model, tokens).await;
        let mut stage = Stage::of(site, "", CONFIG).await;
        stage.site.token = stage.token(super::ANA, "centinel:read centinel:propose");
        let answers = stage.site.tool_answers().await;
        stages.push((stage, answers));
    }
    let [(one, seen), (_, other)] = stages.as_slice() else { panic!("two homes") };
    for ((question, answer), (_, same)) in seen.iter().zip(other) {
        for hidden in ["bravo", "zulu", "gpt-4o-mini", "gpt-4.1"] {
            assert!(!answer.contains(hidden) && !same.contains(hidden), "{question}: {answer}");
        }
        assert_eq!(answer, same, "{question}");
    }
    let refused = seen.iter().filter(|(_, answer)| answer.contains("\"isError\":true"));
    let refused: Vec<&str> = refused.map(|(question, _)| question.as_str()).collect();
    assert_eq!(
        refused,
        [
            "proposals {\"proposal_id\":\"P-2\"}",
            "propose_change {\"kind\":\"budget\",\"amount\":\"70\",\"per\":\"month\",\"reason\":\"all of it\"}",
            "withdraw_proposal {\"proposal_id\":\"P-2\",\"reason\":\"not mine\"}",
            "verify_text {\"evidence_id\":\"bundle:000000000000\",\"text\":\"x\"}",
        ],
        "the same as with a service token that acts for Ana"
    );
    let (_, spent) = &seen[0];
    assert!(spent.contains("of what you may see") && spent.contains(OWN), "{spent}");
    // Whoever holds the home sees both, so the questions could have told.
    let all = one.with_token(LOCAL, &spend()).await;
    assert_eq!(all.status, StatusCode::OK);
    assert!(all.body.contains("bravo") && all.body.contains(OWN), "{}", all.body);
}
