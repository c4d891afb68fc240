-- Schema 1, what only SQLite understands.

-- "Drbw", by which a file is told from any other SQLite database.
pragma application_id = 1148346999;

create trigger entries_not_updated before update on entries
begin
    select raise(abort, 'entries are append-only');
end;

create trigger entries_not_deleted before delete on entries
begin
    select raise(abort, 'entries are append-only');
end;

-- "insert or replace" deletes without firing the trigger above.
create trigger entries_not_replaced before insert on entries
when exists (select 1 from entries where seq = new.seq)
begin
    select raise(abort, 'entries are append-only');
end;

create trigger revoked_not_updated before update on states
when old.state = 'revoked'
begin
    select raise(abort, 'revoked is final');
end;

create trigger revoked_not_deleted before delete on states
when old.state = 'revoked'
begin
    select raise(abort, 'revoked is final');
end;

create trigger revoked_not_replaced before insert on states
when exists (
    select 1 from states
    where subject_kind = new.subject_kind and subject = new.subject and state = 'revoked'
)
begin
    select raise(abort, 'revoked is final');
end;
