-- Schema versions start here; each file runs once.
create table setting (
    name  text primary key,
    value text not null
);
