-- Objects that a source lists in a bucket or folder: what became of each version of each.

create table delivered_object (
    source         text   not null references source (name),
    object_key     text   not null,
    -- Entity tag, generation, or length and time of change: another one is another content.
    version        text   not null,
    byte_count     bigint not null,
    -- Objects with the same text here are parts of one delivery of a bill.
    delivery       text   not null,
    -- When this version was listed first, UTC microseconds.
    seen_at        bigint not null,
    -- pending, imported, passed_over, failed or superseded.
    state          text   not null,
    -- Why it was passed over or failed.
    reason         text,
    -- SHA-256 of what was read, decompressed; null before that.
    content_digest text,
    -- The batch that holds its rows, as long as they count.
    batch          bigint references import_batch (id),
    primary key (source, object_key)
);
create index delivered_object_batch on delivered_object (batch);
