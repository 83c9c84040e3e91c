-- Proposals, decisions, audit, people.
--
-- `audit_entry` is the truth: proposals and people are folds of it, and the other tables are
-- projections for lists, keys that hold even against our own mistakes, and secrets, which the log
-- only knows by digest. Instants are UTC microseconds; 0 and 1 are false and true.

create table audit_entry (
    sequence bigint primary key,
    at       bigint not null,
    actor    text not null,
    action   text not null,
    subject  text not null,
    payload  text not null,
    previous text not null,
    hash     text not null unique
);
create index audit_entry_of_subject on audit_entry (subject, sequence);
create index audit_entry_of_action on audit_entry (action, sequence);

-- One row. Whoever appends updates it first, so that writers queue up behind it.
create table audit_head (
    name     text primary key,
    sequence bigint not null,
    hash     text not null
);
insert into audit_head (name, sequence, hash)
values ('audit', 0, '0000000000000000000000000000000000000000000000000000000000000000');

-- One row a version. `sequence` is the audit entry that changed it last.
create table proposal (
    id          text not null,
    version     bigint not null,
    number      bigint not null,
    digest      text not null,
    fingerprint text not null,
    kind        text not null,
    owner       text not null,
    requester   text not null,
    status      text not null,
    is_open     bigint not null,
    expires_at  bigint not null,
    sequence    bigint not null,
    primary key (id, version),
    unique (number, version)
);
-- The same change is open once.
create unique index proposal_open_once on proposal (fingerprint) where is_open = 1;

-- One vote a human, version and round; a round ends when votes are voided.
create table vote (
    id       text not null,
    version  bigint not null,
    round    bigint not null,
    human    text not null,
    decision text not null,
    sequence bigint not null,
    primary key (id, version, round, human, decision)
);

create table person (
    name       text primary key,
    human      text not null,
    roles      text not null,
    is_active  bigint not null,
    changed_at bigint not null
);

create table credential (
    person text not null,
    factor text not null,
    secret text not null,
    primary key (person, factor)
);

create table login_failure (
    person       text primary key,
    failures     bigint not null,
    locked_until bigint not null
);

create table service_token (
    name       text primary key,
    digest     text not null unique,
    scopes     text not null,
    acts_for   text not null,
    is_revoked bigint not null
);

create table evidence (
    digest    text primary key,
    bundle    text not null,
    stored_at bigint not null
);
