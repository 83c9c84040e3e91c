-- What the role `{role}` may do in schema `{schema}` of Centinel's database on PostgreSQL 14 or newer:
-- read what answers need, and propose. It cannot write a decision into any table, cannot read a
-- password's hash, and cannot take these limits away.
--
-- Run this as the owner of the tables, once, and again after each upgrade of Centinel. The role exists
-- already: create role {role} login password '…'; and it is a member of no other role.
begin;

revoke all on all tables in schema "{schema}" from "{role}";
revoke all on schema "{schema}" from "{role}";
revoke create on schema "{schema}" from public;
grant usage on schema "{schema}" to "{role}";

do $grants$
declare name text;
begin
  for name in select tablename from pg_catalog.pg_tables where schemaname = '{schema}'
    and tablename <> 'pending_sign_in'
    and tablename not in ('credential', 'login_failure', 'service_token', 'session_use', 'used_code',
      'link_code')
  loop
    execute format('grant select on %I.%I to %I', '{schema}', name, '{role}');
  end loop;
end $grants$;

grant insert on "{schema}".evidence, "{schema}".audit_entry, "{schema}".proposal to "{role}";
grant update (sequence, hash) on "{schema}".audit_head to "{role}";
grant update (status, is_open, sequence) on "{schema}".proposal to "{role}";

-- JSON with sorted keys and no spaces, as the log's hashes are made of.
create or replace function "{schema}".centinel_canonical(value jsonb) returns text
language plpgsql immutable strict set search_path = pg_catalog as $body$
begin
  case jsonb_typeof(value)
    when 'object' then
      return '{' || coalesce((select string_agg(
        to_json(key)::text || ':' || "{schema}".centinel_canonical(item), ',' order by key collate "C")
        from jsonb_each(value) as pair(key, item)), '') || '}';
    when 'array' then
      return '[' || coalesce((select string_agg(
        "{schema}".centinel_canonical(item), ',' order by place)
        from jsonb_array_elements(value) with ordinality as element(item, place)), '') || ']';
    else return value::text;
  end case;
end $body$;

-- Whether an entry is one that an agent may write: a proposal of its own, its withdrawal, a refusal;
-- with the hash that its content has.
create or replace function "{schema}".centinel_agent_may_append(
  sequence bigint, at bigint, actor text, action text, subject text, payload text, previous text,
  hash text) returns boolean
language plpgsql stable set search_path = pg_catalog as $body$
declare
  said jsonb := payload::jsonb;
  content text;
  next bigint;
begin
  if action not in ('proposal.proposed', 'proposal.withdrawn', 'refused')
    or actor !~ '^agent:[A-Za-z0-9._@-]{1,64}$' or subject !~ '^P-[1-9][0-9]{0,9}$'
    or payload is distinct from "{schema}".centinel_canonical(said) then
    return false;
  end if;
  content := previous || '{"action":"' || action || '","actor":"' || actor || '","at":' || at
    || ',"payload":' || payload || ',"sequence":' || sequence || ',"subject":"' || subject || '"}';
  if hash <> encode(sha256(convert_to(content, 'UTF8')), 'hex') then
    return false;
  end if;
  if action = 'refused' then
    return true;
  end if;
  -- The payload says what the columns say.
  if 'proposal.' || (said #>> '{what,event}') is distinct from action
    or 'agent:' || (said #>> '{actor,token}') is distinct from actor
    or (said #>> '{actor,type}') is distinct from 'agent'
    -- Instants have nanoseconds in a payload; what is stored is cut, what PostgreSQL reads is rounded.
    or not coalesce(abs((extract(epoch from (said ->> 'at')::timestamptz) * 1000000)::bigint - at) <= 1,
      false) then
    return false;
  end if;
  if action = 'proposal.withdrawn' then
    return exists (select from "{schema}".proposal as own
      where own.id = subject and own.is_open = 1 and own.requester = actor);
  end if;
  next := (said #>> '{what,proposal,version}')::bigint;
  if (said #>> '{what,proposal,id}') is distinct from subject
    or (said #> '{what,proposal,requester}') is distinct from (said -> 'actor') then
    return false;
  end if;
  if next = 1 then
    return not exists (select from "{schema}".audit_entry as earlier where earlier.subject =
      centinel_agent_may_append.subject and starts_with(earlier.action, 'proposal.'));
  end if;
  return exists (select from "{schema}".proposal as own where own.id = subject
    and own.version = next - 1 and own.is_open = 1
    and own.requester = actor);
end $body$;

-- Row security limits this role and nobody else: everybody's policy lets everything through that a
-- grant allows, the role's own are restrictive.
alter table "{schema}".audit_entry enable row level security;
alter table "{schema}".proposal enable row level security;
drop policy if exists centinel_everybody on "{schema}".audit_entry;
drop policy if exists centinel_everybody on "{schema}".proposal;
create policy centinel_everybody on "{schema}".audit_entry using (true) with check (true);
create policy centinel_everybody on "{schema}".proposal using (true) with check (true);

drop policy if exists "{role}_appends" on "{schema}".audit_entry;
create policy "{role}_appends" on "{schema}".audit_entry as restrictive for insert to "{role}"
  with check ("{schema}".centinel_agent_may_append(
    sequence, at, actor, action, subject, payload, previous, hash));

drop policy if exists "{role}_proposes" on "{schema}".proposal;
create policy "{role}_proposes" on "{schema}".proposal as restrictive for insert to "{role}"
  with check (status = 'pending' and is_open = 1 and starts_with(requester, 'agent:')
    and exists (select from "{schema}".audit_entry as entry where entry.sequence = proposal.sequence
      and entry.subject = proposal.id and entry.action = 'proposal.proposed'));

drop policy if exists "{role}_closes" on "{schema}".proposal;
create policy "{role}_closes" on "{schema}".proposal as restrictive for update to "{role}"
  using (is_open = 1 and starts_with(requester, 'agent:'))
  with check (is_open = 0 and status in ('superseded', 'withdrawn'));

commit;
