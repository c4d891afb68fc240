//! Drawbridge.

fn main() {}
