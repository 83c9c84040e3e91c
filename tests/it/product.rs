//! The product as a user runs it: the binary, a home of its own, real files.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

/// A home in a temporary folder.
pub(crate) struct Home {
    folder: tempfile::TempDir,
}

/// What a command left behind.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// The one JSON object of standard output.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {} {}", self.out, self.err))
    }

    /// Exit code 0.
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self
    }
}

impl Home {
    /// A home that `init` has made, with one person.
    pub(crate) fn new() -> Self {
        let home = Self { folder: tempfile::tempdir().unwrap() };
        home.with_input(&["init", "--person", "ada", "--password-stdin"], PASSWORD).ok();
        home
    }

    /// A home whose catalogue is in a schema of its own on the PostgreSQL server of the tests.
    ///
    /// `scripts/test` starts one and says where. Without it there is nothing to test on; in CI that is
    /// a failure.
    #[expect(clippy::disallowed_methods, reason = "which server to test on is the machine's")]
    pub(crate) fn on_postgresql(schema: &str) -> Option<Self> {
        let Ok(server) = std::env::var("CENTINEL_TEST_POSTGRES") else {
            assert!(
                std::env::var("CI").is_err(),
                "CENTINEL_TEST_POSTGRES is not set: `scripts/test`"
            );
            return None;
        };
        let work = async {
            sqlx::any::install_default_drivers();
            let pool = sqlx::AnyPool::connect(&server).await.unwrap();
            for text in [
                format!("drop schema if exists {schema} cascade"),
                format!("create schema {schema}"),
            ] {
                sqlx::query(sqlx::AssertSqlSafe(text)).execute(&pool).await.unwrap();
            }
            pool.close().await;
        };
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
        let home = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir_all(home.path()).unwrap();
        let url = format!("{server}?options[search_path]={schema}");
        let config = format!("[database]\nurl = \"{url}\"\n");
        std::fs::write(home.path().join("centinel.toml"), config).unwrap();
        home.with_input(&["init", "--person", "ada", "--password-stdin"], PASSWORD).ok();
        Some(home)
    }

    /// A file beside the home.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.with_input(args, "")
    }

    pub(crate) fn with_input(&self, args: &[&str], input: &str) -> Ran {
        let output = Command::cargo_bin("centinel")
            .expect("built by `scripts/test`, or by `cargo build`")
            .arg("--home")
            .arg(self.path())
            .args(args)
            .write_stdin(input)
            .env("RUST_BACKTRACE", "0")
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }
}

/// Copies a folder and all that is in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The password of the only person.
pub(crate) const PASSWORD: &str = "correct horse battery staple\n";

/// A fixture of this repository.
pub(crate) fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    path.display().to_string()
}
