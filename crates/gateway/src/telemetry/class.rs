//! The reasons of refusals as a metric's label: a closed list, told apart without comparing text.

use drawbridge_policy::Reason;

use crate::refusal::Refusal;

/// Why a request was refused, for a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Another host than its connection's.
    Misdirected,
    /// No cluster, or none that is known.
    NoCluster,
    /// No credential, or one that does not count.
    BadCredential,
    /// The credential's issuer can't be asked.
    NoIssuer,
    /// A good credential of nobody known.
    Unrecognised,
    /// More copies than there may be.
    Instances,
    /// Suspended or revoked.
    Out,
    /// It can be read in several ways, or in none.
    Unreadable,
    /// Too large, too many fields, too late.
    Bound,
    /// At a limit of what is open at once.
    Busy,
    /// No grant on the cluster.
    NoGrant,
    /// No rule allows it.
    NoRule,
    /// A deny rule.
    DenyRule,
    /// An escape that no rule names.
    Escape,
    /// What no grant can allow.
    BuiltIn,
    /// A rule's condition doesn't hold.
    Condition,
    /// Any other reason of the policy's.
    Policy,
    /// A rule's limit is used up.
    Limit,
    /// Nobody can tell whether a rule's limit is used up.
    NotCounted,
    /// It changed under every attempt.
    Moved,
    /// The record takes no writes.
    NotRecorded,
    /// The cluster, or the gateway's credential for it.
    Cluster,
    /// Cut while under way.
    Cut,
    /// A fault in the gateway.
    Fault,
}

impl Class {
    /// All of them, each at the place that [`Class::place`] says.
    pub const ALL: [Class; 24] = [
        Class::Misdirected,
        Class::NoCluster,
        Class::BadCredential,
        Class::NoIssuer,
        Class::Unrecognised,
        Class::Instances,
        Class::Out,
        Class::Unreadable,
        Class::Bound,
        Class::Busy,
        Class::NoGrant,
        Class::NoRule,
        Class::DenyRule,
        Class::Escape,
        Class::BuiltIn,
        Class::Condition,
        Class::Policy,
        Class::Limit,
        Class::NotCounted,
        Class::Moved,
        Class::NotRecorded,
        Class::Cluster,
        Class::Cut,
        Class::Fault,
    ];

    /// Its place in [`Class::ALL`].
    pub fn place(self) -> usize {
        self as usize
    }

    /// The label.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Misdirected => "misdirected",
            Class::NoCluster => "no-cluster",
            Class::BadCredential => "bad-credential",
            Class::NoIssuer => "no-issuer",
            Class::Unrecognised => "unrecognised",
            Class::Instances => "instances",
            Class::Out => "out",
            Class::Unreadable => "unreadable",
            Class::Bound => "bound",
            Class::Busy => "busy",
            Class::NoGrant => "no-grant",
            Class::NoRule => "no-rule",
            Class::DenyRule => "deny-rule",
            Class::Escape => "escape",
            Class::BuiltIn => "built-in",
            Class::Condition => "condition",
            Class::Policy => "policy",
            Class::Limit => "limit",
            Class::NotCounted => "not-counted",
            Class::Moved => "moved",
            Class::NotRecorded => "not-recorded",
            Class::Cluster => "cluster",
            Class::Cut => "cut",
            Class::Fault => "fault",
        }
    }

    /// The class of a refusal.
    pub fn of(refusal: &Refusal) -> Class {
        match refusal {
            Refusal::Misdirected => Class::Misdirected,
            Refusal::NoCluster | Refusal::NoClusterHost | Refusal::UnknownCluster(_) => Class::NoCluster,
            Refusal::NoCredential
            | Refusal::Credential(_)
            | Refusal::Certificate(_)
            | Refusal::Token(_)
            | Refusal::Account(_) => Class::BadCredential,
            Refusal::NoIssuer(_) | Refusal::NotReviewed(_) => Class::NoIssuer,
            Refusal::Unrecognised(_) => Class::Unrecognised,
            Refusal::TooManyInstances(..) => Class::Instances,
            Refusal::Out(_) => Class::Out,
            Refusal::Unreadable(_) | Refusal::Body(_) | Refusal::Ambiguous(_) | Refusal::JsonAlone => {
                Class::Unreadable
            }
            Refusal::Inseparable(_) => Class::Unreadable,
            Refusal::TooManyFields(_) | Refusal::TooLarge(_) | Refusal::NoBody(_) => Class::Bound,
            Refusal::Stopped(stopped) => stopped.refusal().map_or(Class::Cluster, Class::of),
            Refusal::Busy(_) => Class::Busy,
            Refusal::Denied(denial) => Class::of_policy(denial.reason()),
            Refusal::Limit(_) => Class::Limit,
            Refusal::NotCounted(_) => Class::NotCounted,
            Refusal::NotRehearsed(_) => Class::Condition,
            Refusal::Unfit(_) | Refusal::Stream(_) | Refusal::Expired => Class::Unreadable,
            Refusal::Unscreened(_) => Class::Cluster,
            Refusal::Moved | Refusal::Replaced => Class::Moved,
            Refusal::NotRecorded(_) => Class::NotRecorded,
            Refusal::Cluster(_) => Class::Cluster,
            Refusal::Cut => Class::Cut,
            Refusal::Fault => Class::Fault,
        }
    }

    fn of_policy(reason: Reason) -> Class {
        match reason {
            Reason::NoGrant => Class::NoGrant,
            Reason::NoRule => Class::NoRule,
            Reason::DenyRule => Class::DenyRule,
            Reason::Escape => Class::Escape,
            Reason::BuiltIn => Class::BuiltIn,
            Reason::Condition => Class::Condition,
            Reason::Limit => Class::Limit,
            Reason::NeedsCreate
            | Reason::OwnerReferences
            | Reason::Unseen
            | Reason::Mask
            | Reason::Conflict
            | Reason::Absent
            | Reason::Unsupported => Class::Policy,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_at_its_place_and_has_a_word_of_its_own() {
        let mut words = Vec::new();
        for (place, class) in Class::ALL.into_iter().enumerate() {
            assert_eq!(class.place(), place);
            assert!(!words.contains(&class.as_str()));
            words.push(class.as_str());
        }
    }
}
