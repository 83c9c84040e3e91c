-- What was found of an episode: a row each time that its facts were others. Nothing here is ever changed;
-- the audit log has an entry of each.
create table analysis (
    id         bigint primary key,
    episode    bigint not null,
    -- Digest of the facts that were worded: the same facts are analysed once.
    facts      text   not null,
    -- Digest of the bundle that holds them.
    evidence   text   not null,
    -- Steps, owner, proposals, as JSON.
    found      text   not null,
    -- Cited Markdown.
    wording    text   not null,
    -- Whose words they are, and how much of them was verified, as JSON.
    label      text   not null,
    -- Digests of the plan, and of the prompt of a model that worded it; the model's name.
    plan       text   not null,
    prompt     text,
    model      text,
    created_at bigint not null,
    unique (episode, facts)
);
insert into counter (name, value) values ('analysis', 0);

-- Who is told of it. A row is a reminder, never an order: whether a message is there already, the chat's
-- own table says.
create table finding (
    episode   bigint not null,
    recipient text   not null,
    -- 0 is the owner; the others are next when nobody reacts.
    step      bigint not null,
    -- The analysis that is told.
    analysis  bigint not null,
    due_at    bigint not null,
    -- When they were first told, and the facts that they were told last; 0 and empty until then.
    told_at   bigint not null,
    told      text   not null,
    primary key (episode, recipient)
);
