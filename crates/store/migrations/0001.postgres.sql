-- Schema 1, what only PostgreSQL understands.

create function drawbridge_append_only() returns trigger language plpgsql as $$
begin
    raise exception 'entries are append-only';
end
$$;

create trigger entries_append_only before update or delete or truncate on entries
for each statement execute function drawbridge_append_only();

create function drawbridge_revoked_is_final() returns trigger language plpgsql as $$
begin
    raise exception 'revoked is final';
end
$$;

create trigger revoked_is_final before update or delete on states
for each row when (old.state = 'revoked') execute function drawbridge_revoked_is_final();

create trigger states_not_truncated before truncate on states
for each statement execute function drawbridge_revoked_is_final();

-- One notification per change of manifests or states. It is a hint: the revision is the truth.
create function drawbridge_notify() returns trigger language plpgsql as $$
begin
    perform pg_notify('drawbridge', new.value::text);
    return null;
end
$$;

create trigger revision_notifies after update on revision
for each row execute function drawbridge_notify();

-- SQLite's json_each for an array, so that one SQL text adds many rows on both.
create function json_each(document text, out key bigint, out value jsonb) returns setof record
language sql immutable strict as $$
    select place - 1, element from jsonb_array_elements(document::jsonb) with ordinality as t (element, place)
$$;

-- Written as it is, so that probe() takes the room that it means to take.
alter table probe alter column body set storage external;
