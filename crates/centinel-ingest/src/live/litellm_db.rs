//! LiteLLM's own database: rows of `LiteLLM_SpendLogs`, read-only.
//!
//! The session is read-only for PostgreSQL itself (`default_transaction_read_only`), a statement may
//! take half a minute, and prompts and answers that LiteLLM may keep in the rows are left out by the
//! query: they never leave the database.
//!
//! # Source
//!
//! LiteLLM 1.106, `litellm/proxy/schema.prisma`, model `LiteLLM_SpendLogs`: `startTime` is a timestamp
//! without zone in UTC; the index on `(startTime, request_id)` is what the pages are read along.

use std::{fmt, str::FromStr as _, time::Duration};

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, Row as _, postgres::PgConnectOptions,
};

use super::{Body, Delivery, Fetch, days_after, to_second};
use crate::client::{Answer, FetchError};

/// Rows of one page.
const PAGE_ROWS: u32 = 5_000;

/// Rows as JSON objects, one a line.
struct Page {
    bytes: Vec<u8>,
    rows: u32,
    last: Option<(i64, String)>,
}

/// A database that is only read.
#[derive(Clone)]
pub struct PostgresSource {
    address: SecretString,
    shown: String,
    page_rows: u32,
}

impl fmt::Debug for PostgresSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresSource({})", self.shown)
    }
}

impl PostgresSource {
    /// Takes `postgres://…`; nothing is connected yet.
    ///
    /// # Errors
    ///
    /// [`FetchError::Database`] when it is no such address; the text repeats nothing of it.
    pub fn new(address: SecretString) -> Result<Self, FetchError> {
        let invalid = || FetchError::Database("not an address of PostgreSQL".to_owned());
        let text = address.expose_secret().trim();
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(invalid());
        }
        let options = PgConnectOptions::from_str(text).map_err(|_| invalid())?;
        let database = options.get_database().unwrap_or_default();
        let shown = format!("{}:{}/{database}", options.get_host(), options.get_port());
        Ok(Self { address, shown, page_rows: PAGE_ROWS })
    }

    /// Reads so many rows at once.
    #[cfg(test)]
    pub(super) fn with_page_rows(mut self, rows: u32) -> Self {
        self.page_rows = rows;
        self
    }

    /// Host, port and database.
    pub(super) fn shown(&self) -> String {
        self.shown.clone()
    }

    async fn connect(&self) -> Result<PgConnection, FetchError> {
        let options = PgConnectOptions::from_str(self.address.expose_secret().trim())
            .map_err(|_| FetchError::Database("not an address of PostgreSQL".to_owned()))?
            .application_name("centinel")
            .options([("default_transaction_read_only", "on"), ("statement_timeout", "30000")])
            .disable_statement_logging();
        let connected =
            tokio::time::timeout(Duration::from_secs(15), PgConnection::connect_with(&options));
        match connected.await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(self.failed(&error)),
            Err(_) => {
                Err(FetchError::Database(format!("`{}` did not answer within 15 s", self.shown)))
            }
        }
    }

    fn failed(&self, error: &sqlx::Error) -> FetchError {
        let said = match error {
            sqlx::Error::Database(error) => error.message().to_owned(),
            error => error.to_string(),
        };
        let said = crate::client::without_secret(&said, Some(&self.address));
        FetchError::Database(format!("`{}`: {said}", self.shown))
    }

    /// Rows after a key, in the order of the index, and the last key.
    async fn rows(
        &self,
        connection: &mut PgConnection,
        after: &(i64, String),
        until: i64,
    ) -> Result<Page, FetchError> {
        let rows = sqlx::query(
            "select (to_jsonb(t) - 'messages' - 'response' - 'proxy_server_request' \
                     - 'requester_ip_address')::text, \
                    (extract(epoch from t.\"startTime\") * 1000000)::bigint, t.request_id \
             from \"LiteLLM_SpendLogs\" t \
             where (t.\"startTime\", t.request_id) > \
                     (timestamp 'epoch' + $1 * interval '1 microsecond', $2) \
               and t.\"startTime\" < timestamp 'epoch' + $3 * interval '1 microsecond' \
             order by t.\"startTime\", t.request_id limit $4",
        )
        .bind(after.0)
        .bind(&after.1)
        .bind(until)
        .bind(i64::from(self.page_rows))
        .fetch_all(connection)
        .await
        .map_err(|error| self.failed(&error))?;
        let mut page = Page { bytes: Vec::new(), rows: 0, last: None };
        for row in &rows {
            let read = || -> Result<(String, i64, String), sqlx::Error> {
                Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
            };
            let (text, at, id) = read().map_err(|error| self.failed(&error))?;
            page.bytes.extend_from_slice(text.as_bytes());
            page.bytes.push(b'\n');
            page.rows += 1;
            page.last = Some((at, id));
        }
        Ok(page)
    }

    /// The newest rows, and the database's clock.
    pub(super) async fn probe(&self) -> Result<Answer, FetchError> {
        let mut connection = self.connect().await?;
        let clock = sqlx::query("select (extract(epoch from now()) * 1000000)::bigint")
            .fetch_one(&mut connection)
            .await
            .and_then(|row| row.try_get::<i64, _>(0))
            .map_err(|error| self.failed(&error))?;
        let newest = sqlx::query(
            "select (extract(epoch from max(\"startTime\")) * 1000000)::bigint \
             from \"LiteLLM_SpendLogs\"",
        )
        .fetch_one(&mut connection)
        .await
        .and_then(|row| row.try_get::<Option<i64>, _>(0))
        .map_err(|error| self.failed(&error))?;
        let mut body = Vec::new();
        if let Some(newest) = newest {
            let from = (newest - 60_000_000, String::new());
            body = self.rows(&mut connection, &from, newest + 1).await?.bytes;
        }
        let _ = connection.close().await;
        Ok(Answer { body, date: Timestamp::from_microsecond(clock).ok() })
    }
}

/// A slice of time whose rows are being read, over one connection.
pub(super) struct Rows {
    connection: PgConnection,
    end: Timestamp,
    after: (i64, String),
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rows(until {})", self.end)
    }
}

impl Fetch {
    /// Reads the next page of the slice of a day under way.
    pub(super) async fn next_rows(&mut self, source: &PostgresSource) -> Result<(), FetchError> {
        let mut rows = match self.rows.take() {
            Some(rows) => rows,
            None => Rows {
                connection: source.connect().await?,
                end: days_after(self.at, 1).min(self.until),
                // Ids are not empty, so a row at the first instant itself is after this key.
                after: (self.at.as_microsecond(), String::new()),
            },
        };
        let until = rows.end.as_microsecond();
        let page = source.rows(&mut rows.connection, &rows.after, until).await?;
        self.statistics.pages += 1;
        self.statistics.bytes += page.bytes.len() as u64;
        let is_last = page.rows < source.page_rows;
        let body = (page.rows > 0).then(|| Body {
            format: self.format,
            bytes: page.bytes,
            name: format!("{} {}", self.kind.name(), to_second(self.at)),
        });
        let reached = is_last.then_some(rows.end);
        self.ready.push_back(Delivery { body, window: None, reached });
        match page.last {
            Some(last) if !is_last => {
                rows.after = last;
                self.rows = Some(rows);
            }
            _ => {
                self.at = rows.end;
                let _ = rows.connection.close().await;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use sqlx::{AssertSqlSafe, Executor as _};

    use super::*;
    use crate::live::{Connection, Kind};

    /// A table as LiteLLM makes it, in a schema of its own; `None` without a server to test on.
    async fn table(schema: &str, rows: u32) -> Option<String> {
        #[expect(clippy::disallowed_methods, reason = "which server to test on is the machine's")]
        let server = std::env::var("CENTINEL_TEST_POSTGRES").ok()?;
        let mut connection = PgConnection::connect(&server).await.unwrap();
        let script = format!(
            "drop schema if exists {schema} cascade; create schema {schema}; \
             create table {schema}.\"LiteLLM_SpendLogs\" (request_id text primary key, \
             call_type text, spend double precision, \"startTime\" timestamp(3), model text, \
             prompt_tokens int, completion_tokens int, custom_llm_provider text, metadata jsonb, \
             messages jsonb); \
             insert into {schema}.\"LiteLLM_SpendLogs\" \
             select 'r' || lpad(n::text, 3, '0'), 'acompletion', 0.1 * n, \
             timestamp '2026-11-20 00:00:00' + (n / 2) * interval '1 hour', 'gpt-5.1', n, 1, \
             'openai', '{{}}', '[\"private\"]' from generate_series(0, {rows} - 1) n;"
        );
        connection.execute(AssertSqlSafe(script)).await.unwrap();
        let separator = if server.contains('?') { '&' } else { '?' };
        Some(format!("{server}{separator}options[search_path]={schema}"))
    }

    #[tokio::test]
    async fn rows_are_read_once_along_the_index_and_nothing_can_be_written() {
        let Some(address) = table("litellm_pages", 60).await else { return };
        let source = PostgresSource::new(address.into()).unwrap().with_page_rows(7);
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let connection = Connection::Postgres(source.clone());
        let (from, until) = (at("2026-11-20T00:00:00Z"), at("2026-11-21T04:00:00Z"));
        let mut fetch =
            Fetch::new(Kind::LiteLlmDatabase, connection, BTreeMap::new(), from, until).unwrap();
        let (mut text, mut reached) = (String::new(), Vec::new());
        while let Some(delivery) = fetch.next().await.unwrap() {
            let body = delivery.body.map(|body| String::from_utf8(body.bytes).unwrap());
            text.push_str(&body.unwrap_or_default());
            reached.extend(delivery.reached);
        }
        // Two rows an hour, for 28 hours: pages end within an instant.
        assert_eq!(text.lines().count(), 56);
        let ids: std::collections::BTreeSet<_> = text
            .lines()
            .map(|line| {
                serde_json::from_str::<serde_json::Value>(line).unwrap()["request_id"].to_string()
            })
            .collect();
        assert_eq!(ids.len(), 56);
        assert!(!text.contains("private"), "{text}");
        assert_eq!(reached, [at("2026-11-21T00:00:00Z"), until]);

        let probe = source.probe().await.unwrap();
        assert_eq!(String::from_utf8(probe.body).unwrap().lines().count(), 2);
        let mut connection = source.connect().await.unwrap();
        let refused = connection.execute("delete from \"LiteLLM_SpendLogs\"").await.unwrap_err();
        assert!(refused.to_string().contains("read-only transaction"), "{refused}");
    }

    #[tokio::test]
    async fn an_address_is_not_repeated() {
        for text in ["mysql://u:hunter2@h/d", "hunter2", "postgres://u:hunter2@127.0.0.1:9/db"] {
            let error = match PostgresSource::new(text.into()) {
                Ok(source) => {
                    assert!(!format!("{source:?}").contains("hunter2"));
                    source.probe().await.unwrap_err()
                }
                Err(error) => error,
            };
            assert!(!error.to_string().contains("hunter2"), "{error}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }
}
