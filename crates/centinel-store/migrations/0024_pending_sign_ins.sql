-- Sign-ins through an identity provider that are under way, by the digest of what the browser keeps.
-- Nothing here opens anything: what is sent to the provider is made of the browser's own secret.
create table pending_sign_in (
    digest   text primary key,
    provider text not null,
    -- `sign_in`, `prove_again`, `link`
    purpose  text not null,
    -- Digest of the session that it is for; empty for a sign-in.
    session  text not null,
    goes_to  text not null,
    begun_at bigint not null
);
create index pending_sign_in_by_age on pending_sign_in (begun_at);
