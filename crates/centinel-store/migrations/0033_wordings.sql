-- Words that a model chose for facts, of which every figure, name and date was verified before they were
-- kept. Once for the same facts, never changed; the audit log has an entry of each.
create table wording (
    -- Digest of what the facts say, whenever they were computed.
    facts      text   primary key,
    -- What they answer: `digest`, `cfo`, `scorecard`.
    question   text   not null,
    -- Digest of a bundle that holds them.
    evidence   text   not null,
    -- Cited Markdown.
    wording    text   not null,
    -- Whose words they are, and how much of them was verified, as JSON.
    label      text   not null,
    -- Digest of the prompt; the model's name.
    prompt     text   not null,
    model      text   not null,
    created_at bigint not null
);
