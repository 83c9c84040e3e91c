-- Which account outside asked for a code that links it to a person. A row only says where to look: what
-- was asked, and what came of it, is in the audit log.
create table link_code (
    digest   text primary key,
    account  text not null,
    begun_at bigint not null
);
