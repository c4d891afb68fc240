-- Schema 3, what only PostgreSQL understands.

create function drawbridge_kept_stays() returns trigger language plpgsql as $$
begin
    raise exception 'what is kept stays';
end
$$;

create trigger kept_stays before update or delete or truncate on kept
for each statement execute function drawbridge_kept_stays();
