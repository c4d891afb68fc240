//! What callers are told, where it is always the same.

pub(super) const MISDIRECTED: &str = "the request names another host than its TLS connection, or \
     several; use a connection of its own";
pub(super) const NO_CLUSTER: &str = "no cluster is named here: the path begins with \
     /clusters/NAME; 'drawbridge kubeconfig' writes a kubeconfig \
     that does so";
pub(super) const NO_CLUSTER_HOST: &str = "the host names no cluster: it is a cluster's name, one \
     label, before the gateway's domain";
pub(super) const NO_CREDENTIAL: &str = "nothing says which agent asks: present the agent's client \
     certificate or a token signed with its key ('drawbridge \
     credential' makes both)";
pub(super) const NO_ISSUER: &str = "an issuer that may have signed the bearer token can't be \
     asked for its keys now, and none that is known fits; try \
     again in a moment";
pub(super) const NOT_REVIEWED: &str = "the bearer token's own cluster can't be asked now whether it \
     still counts; nothing was sent; try again in a moment";
pub(super) const REPLACED: &str = "the pod that was decided on is gone, and another may have \
     its name: nothing that it says is passed on; a command may \
     have been begun in it; look before you repeat it";
pub(super) const CUT: &str = "the agent's standing or the manifests changed while the \
     request was under way; what had been sent by then may have \
     been carried out";
pub(super) const FAULT: &str = "the gateway had a fault while it carried out the request; it \
     is recorded, and what became of the request isn't known";
pub(super) const NO_REHEARSAL: &str = "a rule's condition looks at what would be stored, and a dry \
     run of this API isn't known to change nothing; use a rule \
     without such a condition";
