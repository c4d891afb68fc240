-- Schema 1, the part that both databases read as it stands.
-- Ids are text, times are milliseconds since 1970, JSON is text, so that bodies keep their bytes.

create table drawbridge_schema (
    one bigint primary key check (one = 1),
    version bigint not null
);
insert into drawbridge_schema (one, version) values (1, 0);

-- Counts the changes of manifests and states. Locking its row puts those changes in a line.
create table revision (
    one bigint primary key check (one = 1),
    value bigint not null
);
insert into revision (one, value) values (1, 0);

create table manifests (
    kind text not null,
    name text not null,
    uid text not null,
    generation bigint not null,
    revision bigint not null,
    body text not null,
    created bigint not null,
    updated bigint not null,
    primary key (kind, name)
);

create table states (
    subject_kind text not null,
    subject text not null,
    state text not null check (state in ('suspended', 'revoked')),
    since bigint not null,
    by_whom text not null,
    reason text not null,
    primary key (subject_kind, subject)
);

-- The end of the record. Locking its row puts the appends in a line, so that seq has no gaps and is in the
-- order of commit. "clock" is the latest time that any row so far has had.
create table tail (
    one bigint primary key check (one = 1),
    seq bigint not null,
    clock bigint not null
);
insert into tail (one, seq, clock) values (1, 0, 0);

create table entries (
    seq bigint primary key,
    -- The tail's clock when the row was added. Unlike "time" it never falls, so that "since" becomes a seq.
    clock bigint not null,
    request text not null,
    part text not null check (part in ('begin', 'attempt', 'outcome', 'event')),
    time bigint not null,
    agent text,
    task text,
    session text,
    cluster text,
    verb text,
    api_group text,
    resource text,
    subresource text,
    namespace text,
    name text,
    result text,
    body text not null
);
create index entries_by_request on entries (request, seq);
create index entries_by_task on entries (task, seq);
create index entries_by_agent on entries (agent, seq);
-- The name leads because it tells most; the rest of the object is read from the index, before any row is.
create index entries_by_object on entries (name, seq, namespace, resource, cluster);
create index entries_by_clock on entries (clock, seq);

-- Where probe() writes.
create table probe (
    one bigint primary key check (one = 1),
    body text not null
);
