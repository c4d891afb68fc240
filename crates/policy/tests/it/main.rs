//! The tests of the crate from outside: one binary, so that it is linked once.

#[cfg(test)]
mod attributes;
#[cfg(test)]
mod classes;
#[cfg(test)]
mod conditions;
#[cfg(test)]
mod conditions_page;
#[cfg(test)]
mod conditions_random;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod decisions;
#[cfg(test)]
mod enter;
#[cfg(test)]
mod equality;
#[cfg(test)]
mod judge;
#[cfg(test)]
mod lines;
#[cfg(test)]
mod masks;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod random;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod reviews;
#[cfg(test)]
mod scene;
#[cfg(test)]
mod terms;
#[cfg(test)]
mod typed;

/// A variable of the environment, if it says something.
#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by it what to write, where to begin, and where the cache is"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
