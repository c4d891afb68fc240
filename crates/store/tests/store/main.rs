//! The store from outside. Every test runs on SQLite and on a private PostgreSQL, unless its name says which.
//!
//! Prerequisite: PostgreSQL's `initdb` and `postgres` (Debian: the package `postgresql`), in `PATH` or below
//! `/usr/lib/postgresql`; as root also `setpriv` (util-linux), since PostgreSQL doesn't run as root.
//!
//! The modules are marked as tests so that clippy lets their helpers panic.

#[cfg(test)]
mod children;
#[cfg(test)]
mod database;
#[cfg(test)]
mod entries;
#[cfg(test)]
mod kept;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod manifests;
#[cfg(test)]
mod opening;
#[cfg(test)]
mod postgres;
#[cfg(test)]
mod states;
#[cfg(test)]
mod trouble;
