-- Restatements: calls of a period that were priced anew, on purpose. The segments that they replaced
-- are kept, with `retired_at`; the audit entry says who, why, and by which book.

create table restatement (
    id       bigint primary key,
    known_at bigint not null
);

-- What the sums of a batch are from then on, as JSON: what `ledger verify` holds its segments to.
create table restated_batch (
    restatement bigint not null references restatement (id),
    batch       bigint not null references import_batch (id),
    sums        text   not null,
    primary key (restatement, batch)
);
insert into counter (name, value) values ('restatement', 0);
