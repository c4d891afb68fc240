-- Schema 2: where a manifest came from. Empty: a person applied it.

alter table manifests add column origin text not null default '';
