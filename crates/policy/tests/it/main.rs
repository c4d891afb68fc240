//! The tests of the crate from outside: one binary, so that it is linked once.

#[cfg(test)]
mod attributes;
#[cfg(test)]
mod decisions;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod scene;
