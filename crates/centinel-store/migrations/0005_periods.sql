-- Closed periods. Facts never change; what comes after the close is a restatement beside it.

create table closed_period (
    start_at  bigint not null,
    end_at    bigint not null,
    closed_at bigint not null,
    actor     text   not null,
    -- SHA-256 of the canonical JSON of period, instant and totals.
    digest    text   not null,
    totals    text   not null,
    primary key (start_at, end_at)
);

-- What became known of a closed period after its close, by the instant at which it did.
create table period_restatement (
    start_at bigint not null,
    end_at   bigint not null,
    known_at bigint not null,
    digest   text   not null,
    changes  text   not null,
    primary key (start_at, end_at, known_at)
);
