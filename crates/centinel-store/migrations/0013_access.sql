-- Sessions of the page, codes that were used, tokens that end, and who may open evidence again.

-- When a session was last used. All else about it is in the audit log, by the digest of its secret.
create table session_use (
    digest  text primary key,
    used_at bigint not null
);

-- Steps of time whose code a person has used: a code counts once.
create table used_code (
    person text   not null,
    step   bigint not null,
    primary key (person, step)
);

-- Evidence that was computed for somebody who does not see everything. All else is for those who do.
create table evidence_reader (
    digest text not null,
    reader text not null,
    primary key (digest, reader)
);

-- 0: never.
alter table service_token add column expires_at bigint not null default 0;
