-- Where a proposal was delivered to: a repository and what is to be looked after there. What was done there
-- step by step stands in the audit log; a row says only where to look, and decides nothing.
create table deliveries (
    proposal      text not null,
    repository    text not null,
    branch        text not null,
    state         text not null,
    url           text,
    note          text,
    wanted        text not null,
    is_over       bigint not null,
    looked_at     bigint not null,
    claimed_until bigint not null,
    primary key (proposal, repository)
);
create index deliveries_of_open on deliveries (is_over, proposal);
