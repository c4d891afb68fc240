//! The gateway against a real control plane: one kube-apiserver with etcd for all tests, a namespace and
//! agents for each.

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests read the clock, start threads and wait for both")]
mod suite;
