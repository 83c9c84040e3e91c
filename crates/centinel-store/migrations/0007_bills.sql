-- What bills cover, and what contracts commit to.

-- The parts of bills that a batch holds: an account's charges of one billing period. `days` has a bit
-- for each day of the month on which a charge starts; instants are UTC microseconds.
create table bill_part (
    batch   bigint not null references import_batch (id),
    account text   not null,
    period  bigint not null,
    days    bigint not null,
    primary key (batch, account, period)
);

-- Facts of FOCUS contract commitments, the latest of each. `body` is JSON.
create table contract_commitment (
    source   text   not null references source (name),
    id       text   not null,
    batch    bigint not null references import_batch (id),
    known_at bigint not null,
    body     text   not null,
    primary key (source, id)
);
