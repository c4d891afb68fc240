//! The gateway against a real control plane: one kube-apiserver with etcd for all tests, a namespace and
//! agents for each.

#[cfg(test)]
mod suite;
