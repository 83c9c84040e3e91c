-- What a chat has been told, and what it has told us. Nothing here decides: who decided what is in the
-- audit log.

-- Clicks and commands that came in, each looked at once.
create table chat_seen (
    key     text primary key,
    seen_at bigint not null
);
create index chat_seen_of_time on chat_seen (seen_at);

-- Messages that were posted, or are about to be: what each is about, where it is, what it shows.
create table chat_message (
    key           text primary key,
    channel       text not null,
    ts            text not null,
    shown         text not null,
    intended_at   bigint not null,
    claimed_until bigint not null
);

-- Who is not to be reminded of what, until when.
create table snooze (
    person   text   not null,
    proposal text   not null,
    until_at bigint not null,
    primary key (person, proposal)
);
