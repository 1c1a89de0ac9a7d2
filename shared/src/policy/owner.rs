//! Who owns which statement of ours. A statement is found again by its Sid, so no two owners may have the same Sid in one
//! document, and no two steps may write what one owner owns: they would overwrite each other on every run.

use crate::ids::{AccessName, ProjectId, SpokeRole};

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
    /// Steps have this right on a key that atlas-cmk created.
    KeyRight(KeyRight),
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
            Self::KeyRight(right) => right.name.to_owned(),
        };
        format!("{SID_PREFIX}{rest}")
    }

    /// The document that it stands in.
    pub const fn document(self) -> Document {
        match self {
            Self::ProjectTrust(_) | Self::AccessTrust(_) | Self::Nobody => Document::TrustPolicy,
            Self::ProjectKeys(_) => Document::InlinePolicy,
            Self::KeyUse(_) | Self::KeyAdministration | Self::KeyRight(_) => Document::KeyPolicy,
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
            Self::KeyAdministration | Self::KeyRight(_) => "ensure-key",
        }
    }
}

/// What steps may do with a key that atlas-cmk created, by the key's own policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRight {
    /// What the Sid of the statement ends with.
    name: &'static str,
    /// The actions.
    pub actions: &'static [&'static str],
    /// The steps, after which the roles of the stack are named.
    pub steps: &'static [&'static str],
    /// The roles that these steps assume in another account.
    pub spoke_roles: &'static [SpokeRole],
}

/// All of them.
pub const KEY_RIGHTS: [KeyRight; 6] = [
    KeyRight {
        name: "Creation",
        actions: &["kms:CreateAlias", "kms:EnableKeyRotation"],
        steps: &["ensure-key"],
        spoke_roles: &[SpokeRole::Keys],
    },
    // Those that create a key have to be able to change its policy again, or KMS refuses it.
    KeyRight {
        name: "KeyPolicy",
        actions: &["kms:PutKeyPolicy"],
        steps: &["ensure-key", "replicate-key", "allow-key-use", "remove-key-use"],
        spoke_roles: &[SpokeRole::Keys, SpokeRole::KeyPolicies],
    },
    KeyRight {
        name: "Replicas",
        actions: &["kms:ReplicateKey"],
        steps: &["replicate-key"],
        spoke_roles: &[SpokeRole::Keys],
    },
    KeyRight { name: "Tags", actions: &["kms:TagResource"], steps: &["register"], spoke_roles: &[SpokeRole::Tags] },
    KeyRight {
        name: "TagRemoval",
        actions: &["kms:UntagResource"],
        steps: &["remove-key-use"],
        spoke_roles: &[SpokeRole::KeyPolicies],
    },
    KeyRight {
        name: "Restoration",
        actions: &["kms:CancelKeyDeletion", "kms:EnableKey"],
        steps: &["restore-key"],
        spoke_roles: &[SpokeRole::Guard],
    },
];

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
        let rights = KEY_RIGHTS.map(Owner::KeyRight);
        let others = [
            Owner::ProjectTrust(project),
            Owner::ProjectKeys(project),
            Owner::KeyUse(project),
            Owner::AccessTrust(name),
            Owner::AccessSource(name),
            Owner::Nobody,
            Owner::KeyAdministration,
        ];
        others.into_iter().chain(rights).collect()
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

    /// The name, the role in other accounts and the actions of each step.
    #[derive(Default)]
    struct Steps(Vec<(&'static str, SpokeRole, BTreeSet<&'static str>)>);

    impl VisitStep for Steps {
        fn visit<S: Step>(&mut self)
        where
            Reply<S::Output>: schemars::JsonSchema,
        {
            self.0.push((S::NAME, S::SPOKE_ROLE, S::ACTIONS.iter().copied().flatten().copied().collect()));
        }
    }

    fn steps() -> Vec<(&'static str, SpokeRole, BTreeSet<&'static str>)> {
        let mut steps = Steps::default();
        for_each_step(&mut steps);
        steps.0
    }

    #[test]
    fn a_writer_is_a_step_that_may_write_the_document() {
        let (project, name) = ("66f0a1b2c3d4e5f601234567".parse().unwrap(), "S3Keys".parse().unwrap());
        for owner in all(&project, &name) {
            let action = match owner.document() {
                Document::TrustPolicy => "iam:UpdateAssumeRolePolicy",
                Document::InlinePolicy => "iam:PutRolePolicy",
                Document::KeyPolicy if owner.writer() == "ensure-key" => "kms:CreateKey",
                Document::KeyPolicy => "kms:PutKeyPolicy",
                Document::AccessPolicy => "iam:CreatePolicy",
            };
            assert!(steps().iter().any(|step| step.0 == owner.writer() && step.2.contains(action)), "{owner:?}");
        }
    }

    #[test]
    fn a_right_on_a_key_is_of_exactly_the_steps_that_declare_its_actions() {
        for right in KEY_RIGHTS {
            for action in right.actions {
                // Who creates a key, or its replica, says in the same call who may change it, and tags it.
                let by_creation = |step: &BTreeSet<&str>| match *action {
                    "kms:PutKeyPolicy" => step.contains("kms:CreateKey"),
                    _ => false,
                };
                let is_other = |step: &BTreeSet<&str>| *action == "kms:TagResource" && step.contains("kms:CreateKey");
                let declaring = steps()
                    .into_iter()
                    .filter(|(_, _, step)| (step.contains(action) || by_creation(step)) && !is_other(step));
                let (names, roles): (BTreeSet<_>, BTreeSet<_>) = declaring.map(|step| (step.0, step.1)).unzip();
                assert_eq!(names, right.steps.iter().copied().collect(), "{}: {action}", right.name);
                assert_eq!(roles, right.spoke_roles.iter().copied().collect(), "{}: {action}", right.name);
            }
        }
    }
}
