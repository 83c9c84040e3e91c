//! Triggers that refuse to change what was written: a second lock behind the hash chain.
//!
//! The two databases share no syntax for triggers, so these few statements are not in the migrations;
//! they run at each connect and do nothing where they have run before.

use sqlx::{AnyConnection, AnyPool, Row as _};

use crate::{Backend, StoreError};

const SQLITE: [&str; 3] = [
    "create trigger if not exists audit_entry_is_never_changed before update on audit_entry \
     begin select raise(abort, 'audit entries are never changed'); end",
    "create trigger if not exists audit_entry_is_never_deleted before delete on audit_entry \
     begin select raise(abort, 'audit entries are never deleted'); end",
    "create trigger if not exists evidence_is_never_changed before update on evidence \
     begin select raise(abort, 'evidence is never changed'); end",
];

const POSTGRES: [&str; 4] = [
    "create or replace function centinel_append_only() returns trigger language plpgsql as \
     $$ begin raise exception '% is append-only', tg_table_name; end $$",
    "create trigger audit_entry_is_never_changed before update or delete on audit_entry \
     for each row execute function centinel_append_only()",
    "create trigger audit_entry_is_never_emptied before truncate on audit_entry \
     for each statement execute function centinel_append_only()",
    "create trigger evidence_is_never_changed before update on evidence \
     for each row execute function centinel_append_only()",
];

/// Creates the triggers that are not there yet.
pub(crate) async fn install(pool: &AnyPool, backend: Backend) -> Result<(), StoreError> {
    match backend {
        Backend::Sqlite => {
            for statement in SQLITE {
                sqlx::query(statement).execute(pool).await?;
            }
        }
        Backend::Postgres => {
            if are_there(&mut *pool.acquire().await?).await? {
                return Ok(());
            }
            let mut transaction = pool.begin().await?;
            // Of processes that start together, one creates them and the others find them.
            sqlx::query("lock table audit_head in exclusive mode")
                .execute(&mut *transaction)
                .await?;
            if !are_there(&mut transaction).await? {
                for statement in POSTGRES {
                    sqlx::query(statement).execute(&mut *transaction).await?;
                }
            }
            transaction.commit().await?;
        }
    }
    Ok(())
}

async fn are_there(connection: &mut AnyConnection) -> Result<bool, StoreError> {
    let found: i64 = sqlx::query(
        "select count(*) from pg_trigger \
         where tgrelid = 'audit_entry'::regclass and not tgisinternal",
    )
    .fetch_one(connection)
    .await?
    .try_get(0)?;
    Ok(found > 0)
}
