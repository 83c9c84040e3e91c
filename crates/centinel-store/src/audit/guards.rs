//! Triggers that refuse what this program never does: a second lock behind chain and signatures.
//!
//! Entries, signatures, evidence, analyses and wordings are never changed or deleted, an entry follows the one
//! before it, the head only moves on to an entry that exists, and a vote needs the entry that cast it. The two
//! databases share no syntax for triggers, so these statements are not in the migrations; they run at
//! each connect and do nothing where they have run before.

use sqlx::{AnyConnection, AnyPool, Row as _};

use crate::{Backend, StoreError};

const SQLITE: [&str; 17] = [
    "create trigger if not exists audit_entry_is_never_changed before update on audit_entry \
     begin select raise(abort, 'audit entries are never changed'); end",
    "create trigger if not exists audit_entry_is_never_deleted before delete on audit_entry \
     begin select raise(abort, 'audit entries are never deleted'); end",
    "create trigger if not exists audit_entry_follows before insert on audit_entry \
     when new.sequence <> (select coalesce(max(sequence), 0) + 1 from audit_entry) \
     or new.previous <> coalesce((select hash from audit_entry where sequence = new.sequence - 1), \
     '0000000000000000000000000000000000000000000000000000000000000000') \
     begin select raise(abort, 'an audit entry follows the one before it'); end",
    "create trigger if not exists audit_head_moves_on before update on audit_head \
     when (new.name, new.sequence, new.hash) <> (old.name, old.sequence, old.hash) \
     and (new.name <> old.name or new.sequence <= old.sequence or not exists \
     (select 1 from audit_entry where sequence = new.sequence and hash = new.hash)) \
     begin select raise(abort, 'the audit head only moves on'); end",
    "create trigger if not exists audit_head_is_never_deleted before delete on audit_head \
     begin select raise(abort, 'the audit head is never deleted'); end",
    "create trigger if not exists audit_signature_is_never_changed before update on \
     audit_signature begin select raise(abort, 'signatures are never changed'); end",
    "create trigger if not exists audit_signature_is_never_deleted before delete on \
     audit_signature begin select raise(abort, 'signatures are never deleted'); end",
    "create trigger if not exists audit_signature_has_its_entry before insert on audit_signature \
     when not exists (select 1 from audit_entry where sequence = new.signed_sequence \
     and hash = new.signed_hash) \
     begin select raise(abort, 'a signature is of an entry that exists'); end",
    "create trigger if not exists evidence_is_never_changed before update on evidence \
     begin select raise(abort, 'evidence is never changed'); end",
    "create trigger if not exists evidence_is_never_deleted before delete on evidence \
     begin select raise(abort, 'evidence is never deleted'); end",
    "create trigger if not exists analysis_is_never_changed before update on analysis \
     begin select raise(abort, 'analyses are never changed'); end",
    "create trigger if not exists analysis_is_never_deleted before delete on analysis \
     begin select raise(abort, 'analyses are never deleted'); end",
    "create trigger if not exists wording_is_never_changed before update on wording \
     begin select raise(abort, 'wordings are never changed'); end",
    "create trigger if not exists wording_is_never_deleted before delete on wording \
     begin select raise(abort, 'wordings are never deleted'); end",
    "create trigger if not exists vote_is_never_changed before update on vote \
     begin select raise(abort, 'votes are never changed'); end",
    "create trigger if not exists vote_is_never_deleted before delete on vote \
     begin select raise(abort, 'votes are never deleted'); end",
    "create trigger if not exists vote_has_its_entry before insert on vote \
     when not exists (select 1 from audit_entry where sequence = new.sequence \
     and subject = new.id and action in ('proposal.vote_cast', 'proposal.rejected')) \
     begin select raise(abort, 'a vote is cast in the audit log'); end",
];

/// The SQLite triggers that stand in the way of writing the votes anew.
const SQLITE_OF_VOTES: [&str; 3] = [
    "drop trigger if exists vote_is_never_changed",
    "drop trigger if exists vote_is_never_deleted",
    "drop trigger if exists vote_has_its_entry",
];

/// Functions name no table by themselves: whoever calls may have a search path, or temporary tables,
/// of their own.
const POSTGRES: [&str; 20] = [
    "create or replace function centinel_append_only() returns trigger language plpgsql \
     set search_path = pg_catalog as \
     $$ begin raise exception '% is append-only', tg_table_name; end $$",
    "create or replace function centinel_entry_follows() returns trigger language plpgsql \
     set search_path = pg_catalog as $$ declare last bigint; before text; begin \
     execute format('select coalesce(max(sequence), 0) from %I.audit_entry', tg_table_schema) \
     into last; \
     execute format('select hash from %I.audit_entry where sequence = $1', tg_table_schema) \
     into before using last; \
     if new.sequence <> last + 1 or new.previous <> coalesce(before, repeat('0', 64)) then \
     raise exception 'an audit entry follows the one before it'; end if; return new; end $$",
    "create or replace function centinel_head_moves_on() returns trigger language plpgsql \
     set search_path = pg_catalog as $$ declare found bigint; begin \
     if (new.name, new.sequence, new.hash) = (old.name, old.sequence, old.hash) then return new; \
     end if; \
     execute format('select count(*) from %I.audit_entry where sequence = $1 and hash = $2', \
     tg_table_schema) into found using new.sequence, new.hash; \
     if new.name <> old.name or new.sequence <= old.sequence or found = 0 then \
     raise exception 'the audit head only moves on'; end if; return new; end $$",
    "create or replace function centinel_signature_has_its_entry() returns trigger \
     language plpgsql set search_path = pg_catalog as $$ declare found bigint; begin \
     execute format('select count(*) from %I.audit_entry where sequence = $1 and hash = $2', \
     tg_table_schema) into found using new.signed_sequence, new.signed_hash; \
     if found = 0 then raise exception 'a signature is of an entry that exists'; end if; \
     return new; end $$",
    "create or replace function centinel_vote_has_its_entry() returns trigger \
     language plpgsql set search_path = pg_catalog as $$ declare found bigint; begin \
     execute format('select count(*) from %I.audit_entry where sequence = $1 and subject = $2 \
     and action in (''proposal.vote_cast'', ''proposal.rejected'')', tg_table_schema) \
     into found using new.sequence, new.id; \
     if found = 0 then raise exception 'a vote is cast in the audit log'; end if; \
     return new; end $$",
    "create or replace trigger audit_entry_is_never_changed before update or delete on audit_entry \
     for each row execute function centinel_append_only()",
    "create or replace trigger audit_entry_is_never_emptied before truncate on audit_entry \
     for each statement execute function centinel_append_only()",
    "create or replace trigger audit_entry_follows before insert on audit_entry \
     for each row execute function centinel_entry_follows()",
    "create or replace trigger audit_head_moves_on before update on audit_head \
     for each row execute function centinel_head_moves_on()",
    "create or replace trigger audit_head_is_never_deleted before delete on audit_head \
     for each row execute function centinel_append_only()",
    "create or replace trigger audit_head_is_never_emptied before truncate on audit_head \
     for each statement execute function centinel_append_only()",
    "create or replace trigger audit_signature_is_never_changed before update or delete \
     on audit_signature for each row execute function centinel_append_only()",
    "create or replace trigger audit_signature_is_never_emptied before truncate \
     on audit_signature for each statement execute function centinel_append_only()",
    "create or replace trigger audit_signature_has_its_entry before insert on audit_signature \
     for each row execute function centinel_signature_has_its_entry()",
    "create or replace trigger evidence_is_never_changed before update or delete on evidence \
     for each row execute function centinel_append_only()",
    "create or replace trigger analysis_is_never_changed before update or delete on analysis \
     for each row execute function centinel_append_only()",
    "create or replace trigger wording_is_never_changed before update or delete on wording \
     for each row execute function centinel_append_only()",
    "create or replace trigger vote_is_never_changed before update or delete on vote \
     for each row execute function centinel_append_only()",
    "create or replace trigger vote_is_never_emptied before truncate on vote \
     for each statement execute function centinel_append_only()",
    "create or replace trigger vote_has_its_entry before insert on vote \
     for each row execute function centinel_vote_has_its_entry()",
];
/// How many of these are triggers.
const POSTGRES_TRIGGERS: i64 = 15;

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

/// Lets the votes be written anew, within a transaction that ends with [`guard_votes`].
pub(super) async fn unguard_votes(
    connection: &mut AnyConnection,
    backend: Backend,
) -> Result<(), StoreError> {
    match backend {
        Backend::Sqlite => {
            for statement in SQLITE_OF_VOTES {
                sqlx::query(statement).execute(&mut *connection).await?;
            }
        }
        Backend::Postgres => {
            sqlx::query("alter table vote disable trigger user").execute(connection).await?;
        }
    }
    Ok(())
}

/// Undoes [`unguard_votes`].
pub(super) async fn guard_votes(
    connection: &mut AnyConnection,
    backend: Backend,
) -> Result<(), StoreError> {
    match backend {
        Backend::Sqlite => {
            for statement in SQLITE {
                sqlx::query(statement).execute(&mut *connection).await?;
            }
        }
        Backend::Postgres => {
            sqlx::query("alter table vote enable trigger user").execute(connection).await?;
        }
    }
    Ok(())
}

async fn are_there(connection: &mut AnyConnection) -> Result<bool, StoreError> {
    let found: i64 = sqlx::query(
        "select count(*) from pg_trigger where not tgisinternal and tgrelid in \
         ('audit_entry'::regclass, 'audit_head'::regclass, 'audit_signature'::regclass, \
         'evidence'::regclass, 'analysis'::regclass, 'wording'::regclass, 'vote'::regclass)",
    )
    .fetch_one(connection)
    .await?
    .try_get(0)?;
    Ok(found >= POSTGRES_TRIGGERS)
}
