//! `POST /hooks/github` and `/hooks/gitlab`: something happened in a repository.

use axum::{
    Router,
    body::to_bytes,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::post,
};
use centinel_app::{ForgeHookError, ForgeHooks, ForgeKind, SignatureError};

use crate::headers::once;

/// Largest body taken, in bytes: GitHub sends up to 25 MB, of which a pull request is a small part.
const BODY_BYTES_MAX: usize = 4 << 20;

/// The routes, for the binary to merge beside the gated ones.
pub fn router(hooks: ForgeHooks) -> Router {
    Router::new()
        .route("/hooks/github", post(github))
        .route("/hooks/gitlab", post(gitlab))
        .with_state(hooks)
}

async fn github(State(hooks): State<ForgeHooks>, request: Request) -> Response {
    taken(&hooks, ForgeKind::Github, "x-hub-signature-256", request).await
}

async fn gitlab(State(hooks): State<ForgeHooks>, request: Request) -> Response {
    taken(&hooks, ForgeKind::Gitlab, "x-gitlab-token", request).await
}

async fn taken(hooks: &ForgeHooks, kind: ForgeKind, name: &str, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    // A browser's page says where it is from; a forge is no browser.
    if parts.headers.contains_key(header::ORIGIN) {
        return (StatusCode::FORBIDDEN, "pages are not answered\n").into_response();
    }
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        return (StatusCode::PAYLOAD_TOO_LARGE, "at most 4 MiB is read\n").into_response();
    };
    match hooks.take(kind, once(&parts.headers, name), &body).await {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(error) => (status(&error), format!("{error}\n")).into_response(),
    }
}

fn status(error: &ForgeHookError) -> StatusCode {
    match error {
        ForgeHookError::NotConfigured => StatusCode::NOT_FOUND,
        ForgeHookError::Signature(SignatureError::Missing(_)) => StatusCode::BAD_REQUEST,
        ForgeHookError::Signature(_) => StatusCode::FORBIDDEN,
        // Rightly signed, so its sender may know: the ping of a new webhook is one.
        ForgeHookError::OtherRepository => StatusCode::OK,
        ForgeHookError::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Request};
    use centinel_app::{
        App, create_home,
        live::{Limits, Outside},
    };
    use jiff::Timestamp;
    use tower::ServiceExt as _;

    use super::*;

    /// The example of GitHub's documentation.
    const SECRET: &str = "It's a Secret to Everybody";
    const HELLO: (&str, &str) = (
        "Hello, World!",
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    );

    async fn site() -> (tempfile::TempDir, Router) {
        let home = tempfile::tempdir().unwrap();
        create_home(home.path()).unwrap();
        let repository = |name: &str, forge: &str| {
            format!(
                "[[repository]]\nname = \"{name}\"\nurl = \"https://h.example/org/{name}\"\n\
                 forge = \"{forge}\"\ncredential = \"env:TOKEN\"\nwebhook_secret = \"env:HOOK\"\n"
            )
        };
        let config = repository("shop", "github") + &repository("infra", "gitlab");
        std::fs::write(home.path().join("centinel.toml"), config).unwrap();
        let app = App::open(home.path(), None).await.unwrap();
        let outside = Outside {
            variable: |_| Some(SECRET.to_owned()),
            now: || Timestamp::UNIX_EPOCH,
            seed: 1,
            limits: Limits::default(),
        };
        let hooks = app.forge_hooks(&outside).unwrap().unwrap();
        (home, router(hooks))
    }

    #[tokio::test]
    async fn only_who_knows_the_secret_makes_us_look() {
        let (_home, router) = site().await;
        let signed = ("x-hub-signature-256", HELLO.1);
        let token = ("x-gitlab-token", SECRET);
        let of_infra = r#"{"project": {"path_with_namespace": "org/infra"}}"#;
        let large = "x".repeat(BODY_BYTES_MAX + 1);
        for (what, path, headers, body, expected) in [
            ("signed, of no repository", "/hooks/github", vec![signed], HELLO.0, 200),
            ("no signature", "/hooks/github", vec![], HELLO.0, 400),
            ("two", "/hooks/github", vec![signed, signed], HELLO.0, 400),
            ("another body", "/hooks/github", vec![signed], "Hello, world!", 403),
            (
                "a page",
                "/hooks/github",
                vec![signed, ("origin", "https://e.example")],
                HELLO.0,
                403,
            ),
            ("large", "/hooks/github", vec![signed], &large, 413),
            ("gitlab", "/hooks/gitlab", vec![token], of_infra, 202),
            ("wrong token", "/hooks/gitlab", vec![("x-gitlab-token", "x")], of_infra, 403),
            ("empty token", "/hooks/gitlab", vec![("x-gitlab-token", "")], of_infra, 403),
        ] {
            let mut request = Request::post(path);
            for (name, value) in headers {
                request = request.header(name, value);
            }
            let request = request.body(Body::from(body.to_owned())).unwrap();
            let answer = router.clone().oneshot(request).await.unwrap();
            assert_eq!(answer.status().as_u16(), expected, "{what}");
        }
    }
}
