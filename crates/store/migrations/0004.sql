-- Schema 4: how many requests of an agent a rule with a limit has admitted lately.

-- "buckets" is a JSON array of [bucket, count], oldest first, of at most 61 pairs: the parts of the window that still
-- count. Locking a row puts those who count under the same limit in a line.
create table taken (
    agent text not null,
    rule text not null,
    per bigint not null,
    buckets text not null,
    primary key (agent, rule, per)
);
