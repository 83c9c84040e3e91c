-- What was approved and begun, until it is carried out. A row is a reminder with a lease, never an order:
-- what is done, and whether it may be, is read from the log.
create table outbox (
    key           text primary key,
    proposal      text not null,
    version       bigint not null,
    attempts      bigint not null,
    due_at        bigint not null,
    claimed_until bigint not null
);
create index outbox_of_due on outbox (due_at);

