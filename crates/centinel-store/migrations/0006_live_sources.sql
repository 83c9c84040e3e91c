-- Live sources: what was delivered when, and how the last sync went.

-- A day of a provider's report grows and is corrected; a later delivery replaces the earlier one. The
-- rows of a replaced batch stay as they were, in segments that are retired: totals no longer count
-- them, and a question as of an earlier time still finds them.
alter table import_batch add column superseded_by bigint;

create table delivered_window (
    source         text   not null references source (name),
    window_key     text   not null,
    start_at       bigint not null,
    end_at         bigint not null,
    batch          bigint not null references import_batch (id),
    -- SHA-256 of what the source gave: the same again changes nothing.
    content_digest text   not null,
    -- 1 when the window had not ended when it was fetched: its figures are provisional.
    is_open        bigint not null,
    fetched_at     bigint not null,
    primary key (source, window_key)
);

-- The last sync of each source. A source is known here before it has delivered anything.
create table sync_run (
    source      text   primary key,
    started_at  bigint not null,
    finished_at bigint not null,
    -- Null when all went well.
    error       text,
    succeeded_at bigint
);
