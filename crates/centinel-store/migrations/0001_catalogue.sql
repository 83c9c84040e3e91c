-- The catalogue: which files hold which facts. One transaction lists the files of an import, its
-- batch and its cursor, so a file is either wholly there or not there.

create table counter (
    name  text primary key,
    value bigint not null
);
insert into counter (name, value) values ('series', 0), ('batch', 0), ('price', 0);

-- Dimension values, interned. `canon` is the canonical text of the label set.
create table series (
    id     bigint primary key,
    canon  text not null unique,
    labels text not null
);

-- What a call was priced by; history keeps pointing at these rows.
create table price (
    id       bigint primary key,
    identity text not null unique
);

-- `role`: 'spend' counts in totals; 'invoice' is kept for reconciliation only.
create table source (
    name text primary key,
    role text not null
);

create table import_batch (
    id             bigint primary key,
    source         text   not null references source (name),
    file_digest    text   not null,
    file_name      text   not null,
    file_bytes     bigint not null,
    format         text   not null,
    known_at       bigint not null,
    rows_read      bigint not null,
    rows_accepted  bigint not null,
    rows_duplicate bigint not null,
    rows_rejected  bigint not null,
    -- Sums over the accepted rows, by currency, as JSON: what `ledger verify` holds the files to.
    sums           text   not null,
    unique (source, file_digest)
);

create table segment (
    name        text   primary key,
    batch       bigint not null references import_batch (id),
    kind        text   not null,
    row_count   bigint not null,
    byte_count  bigint not null,
    start_at    bigint not null,
    last_at     bigint not null,
    known_at    bigint not null,
    sha256      text   not null,
    -- Set when compaction or restatement replaced the file.
    retired_at  bigint
);
create index segment_by_kind on segment (kind, start_at);

-- Events that are acknowledged but not yet in a segment.
create table hot_event (
    source    text   not null references source (name),
    event_key text   not null,
    kind      text   not null,
    known_at  bigint not null,
    body      text   not null,
    primary key (source, event_key)
);

create table source_cursor (
    source text   primary key references source (name),
    cursor text   not null,
    moved_at bigint not null
);
