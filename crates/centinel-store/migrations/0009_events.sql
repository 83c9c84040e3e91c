-- What people and pipelines say: what happened or will, what is muted, and what an episode was.

create table event (
    id          bigint primary key,
    -- planned, deploy, maintenance, holiday, mute
    kind        text   not null,
    -- Canonical JSON of dimension and value; `{}` is everything.
    scope       text   not null,
    start_at    bigint not null,
    -- First instant after it.
    end_at      bigint not null,
    note        text   not null,
    -- What said it (`person`, `ci`, `git`), and its own name for it: the same one twice is one event.
    origin      text   not null,
    external_id text   not null,
    actor       text   not null,
    created_at  bigint not null,
    removed_at  bigint,
    unique (origin, external_id)
);
insert into counter (name, value) values ('event', 0);

-- Names under which an episode was met: the slices that showed it, each with its first day.
create table episode_name (
    series   text   not null,
    start_on text   not null,
    episode  bigint not null,
    primary key (series, start_on)
);
insert into episode_name (series, start_on, episode) select series, start_on, id from episode;

create table episode_feedback (
    episode  bigint not null,
    given_at bigint not null,
    -- expected, not_useful, useful
    verdict  text   not null,
    -- The slice that the episode was named after: rules read this, not the number.
    series   text   not null,
    start_on text   not null,
    last_on  text   not null,
    -- The episode as it was then, JSON: one that was meant is not found again.
    incident text   not null,
    note     text   not null,
    actor    text   not null,
    primary key (episode, given_at)
);
