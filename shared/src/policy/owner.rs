//! Who owns which statement of ours. A statement is found again by its Sid, so no two owners may have the same Sid in one
//! document, and no two steps may write what one owner owns: they would overwrite each other on every run.

use crate::ids::{AccessName, ProjectId};

/// The prefix of the Sids of our statements. A statement without it is never changed.
pub const SID_PREFIX: &str = "AtlasCmk";

/// Where a statement stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Document {
    /// The trust policy of a role.
    TrustPolicy,
    /// The inline policy `atlas-cmk` of the role that Atlas assumes.
    InlinePolicy,
    /// The policy of a key.
    KeyPolicy,
    /// The managed policy of a cross-account access.
    AccessPolicy,
}

/// What a statement of ours is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner<'a> {
    /// Atlas may assume the role for this project.
    ProjectTrust(&'a ProjectId),
    /// The role may use the keys of this project.
    ProjectKeys(&'a ProjectId),
    /// The role of this project may use the key.
    KeyUse(&'a ProjectId),
    /// The source of this access may assume the role.
    AccessTrust(&'a AccessName),
    /// The source of this access may assume its target.
    AccessSource(&'a AccessName),
    /// The target of an access may do this to its buckets: `List`, `Read` or `Write`.
    AccessBuckets(&'static str),
    /// Nobody may assume the role: what stands in a trust policy of which nothing else is left.
    Nobody,
    /// The account administers a key that atlas-cmk created.
    KeyAdministration,
    /// The steps that write key policies may do so on a key that atlas-cmk created.
    KeyPolicyWriters,
    /// The step that replicates keys may do so with a key that atlas-cmk created.
    KeyReplicator,
}

impl Owner<'_> {
    /// The Sid of the statement. Sids are of letters and digits only.
    pub fn sid(self) -> String {
        let rest = match self {
            Self::ProjectTrust(project) | Self::ProjectKeys(project) | Self::KeyUse(project) => project.to_string(),
            Self::AccessTrust(name) => format!("Access{name}"),
            Self::AccessSource(name) => name.to_string(),
            Self::AccessBuckets(permission) => permission.to_owned(),
            Self::Nobody => "Nobody".to_owned(),
            Self::KeyAdministration => "Administration".to_owned(),
            Self::KeyPolicyWriters => "KeyPolicy".to_owned(),
            Self::KeyReplicator => "Replicas".to_owned(),
        };
        format!("{SID_PREFIX}{rest}")
    }

    /// The document that it stands in.
    pub const fn document(self) -> Document {
        match self {
            Self::ProjectTrust(_) | Self::AccessTrust(_) | Self::Nobody => Document::TrustPolicy,
            Self::ProjectKeys(_) => Document::InlinePolicy,
            Self::KeyUse(_) | Self::KeyAdministration | Self::KeyPolicyWriters | Self::KeyReplicator => {
                Document::KeyPolicy
            }
            Self::AccessSource(_) | Self::AccessBuckets(_) => Document::AccessPolicy,
        }
    }

    /// The one step that adds it and brings it up to date. (The steps that undo remove what has this Sid. What a key gets
    /// when it is created, its replica gets from `replicate-key`, which creates that one.)
    pub const fn writer(self) -> &'static str {
        match self {
            Self::ProjectTrust(_) | Self::ProjectKeys(_) | Self::AccessTrust(_) => "update-trust",
            Self::KeyUse(_) => "allow-key-use",
            Self::AccessSource(_) | Self::AccessBuckets(_) => "converge-access-policy",
            Self::Nobody => "remove-trust",
            Self::KeyAdministration | Self::KeyPolicyWriters | Self::KeyReplicator => "ensure-key",
        }
    }
}

/// The steps that may write the policy of a key: those that create one, and those that add and remove the statement of a
/// project.
pub const KEY_POLICY_WRITERS: [&str; 4] = ["ensure-key", "replicate-key", "allow-key-use", "remove-key-use"];

/// The step that replicates keys.
pub const KEY_REPLICATOR: &str = "replicate-key";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        functions::{VisitStep, for_each_step},
        step::{Reply, Step},
    };

    fn all<'a>(project: &'a ProjectId, name: &'a AccessName) -> Vec<Owner<'a>> {
        vec![
            Owner::ProjectTrust(project),
            Owner::ProjectKeys(project),
            Owner::KeyUse(project),
            Owner::AccessTrust(name),
            Owner::AccessSource(name),
            Owner::Nobody,
            Owner::KeyAdministration,
            Owner::KeyPolicyWriters,
            Owner::KeyReplicator,
        ]
    }

    proptest! {
        #[test]
        fn no_two_owners_have_the_same_sid_in_one_document(project in "[0-9a-f]{24}", name in "[A-Za-z0-9]{1,40}") {
            let (project, name) = (project.parse().unwrap(), name.parse().unwrap());
            let owners = all(&project, &name);
            let places: BTreeSet<_> = owners.iter().map(|owner| (owner.document(), owner.sid())).collect();
            prop_assert_eq!(places.len(), owners.len());
        }
    }

    #[derive(Default)]
    struct Actions(Vec<(&'static str, Vec<&'static str>)>);

    impl VisitStep for Actions {
        fn visit<S: Step>(&mut self)
        where
            Reply<S::Output>: schemars::JsonSchema,
        {
            self.0.push((S::NAME, S::ACTIONS.iter().copied().flatten().copied().collect()));
        }
    }

    #[test]
    fn a_writer_is_a_step_that_may_write_the_document_and_no_other_step_may_write_key_policies() {
        let mut steps = Actions::default();
        for_each_step(&mut steps);
        let may = |step: &str, action: &str| steps.0.iter().any(|(name, all)| *name == step && all.contains(&action));
        let (project, name) = ("66f0a1b2c3d4e5f601234567".parse().unwrap(), "S3Keys".parse().unwrap());
        for owner in all(&project, &name) {
            let action = match owner.document() {
                Document::TrustPolicy => "iam:UpdateAssumeRolePolicy",
                Document::InlinePolicy => "iam:PutRolePolicy",
                Document::KeyPolicy if owner.writer() == "ensure-key" => "kms:CreateKey",
                Document::KeyPolicy => "kms:PutKeyPolicy",
                Document::AccessPolicy => "iam:CreatePolicy",
            };
            assert!(may(owner.writer(), action), "{owner:?}");
        }
        let writes = |(_, all): &&(&str, Vec<&str>)| {
            ["kms:CreateKey", "kms:PutKeyPolicy", "kms:ReplicateKey"].iter().any(|action| all.contains(action))
        };
        let writers: BTreeSet<&str> = steps.0.iter().filter(writes).map(|(name, _)| *name).collect();
        assert_eq!(writers, BTreeSet::from(KEY_POLICY_WRITERS));
        assert!(may(KEY_REPLICATOR, "kms:ReplicateKey"));
    }
}
