-- Schema 3, what only SQLite understands.

create trigger kept_not_updated before update on kept
begin
    select raise(abort, 'what is kept stays');
end;

create trigger kept_not_deleted before delete on kept
begin
    select raise(abort, 'what is kept stays');
end;

create trigger kept_not_replaced before insert on kept
when exists (select 1 from kept where kind = new.kind and subject = new.subject and uid <> new.uid)
begin
    select raise(abort, 'what is kept stays');
end;
