-- Episodes keep their numbers: people name them to each other.

create table episode (
    id       bigint primary key,
    series   text   not null,
    start_on text   not null,
    found_at bigint not null,
    unique (series, start_on)
);
insert into counter (name, value) values ('episode', 0);
