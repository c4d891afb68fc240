-- Schema 3: which one a name meant when it was seen first. Names are given again; what they mean then is another.

create table kept (
    kind text not null,
    subject text not null,
    uid text not null,
    since bigint not null,
    primary key (kind, subject)
);
