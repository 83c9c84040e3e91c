-- Signatures of audit entries' hashes by the home's key: each entry that decides something, and every
-- fiftieth. Columns have names of their own, so that entries are read together with their signatures.
create table audit_signature (
    signed_sequence bigint primary key,
    signed_hash     text not null,
    signed_by       text not null,
    signature       text not null
);
