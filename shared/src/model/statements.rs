//! Our statements in the policies of roles and keys, and who owns which Sid.

use crate::{
    ids::{ExternalId, KmsKeyArn, PrincipalArn, ProjectId, TrustedArn},
    policy::{Owner, PolicyDocument, Statement},
};

/// The inline policy that holds our statements, one for each project.
pub(crate) const INLINE_POLICY: &str = "atlas-cmk";

/// What MongoDB documents as needed on the key, and no more.
pub(crate) const KEY_ACTIONS: [&str; 3] = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt"];

pub(crate) fn trust_statement(project: &ProjectId, principal: &PrincipalArn, external_id: &ExternalId) -> Statement {
    Statement::trust(&Owner::ProjectTrust(project).sid(), principal.as_ref(), external_id.as_ref())
}

/// Our statement with these keys, and with those it has already in `document`.
///
/// A key is added here and never taken out: Atlas needs the one it uses while it changes to another, old snapshots need
/// the one they were made with, and a region that is not named this time may still have an endpoint.
pub(crate) fn kms_statement(project: &ProjectId, keys: &[KmsKeyArn], document: Option<&PolicyDocument>) -> Statement {
    let sid = Owner::ProjectKeys(project).sid();
    let ours = document.and_then(|document| document.statement(&sid));
    let kept = ours.iter().flat_map(Statement::resources).filter(|resource| resource.parse::<KmsKeyArn>().is_ok());
    let mut resources: Vec<&str> = kept.collect();
    for key in keys {
        if !resources.contains(&key.as_ref()) {
            resources.push(key.as_ref());
        }
    }
    Statement::allow(&sid, &KEY_ACTIONS, resources)
}

/// The statement that allows a principal, or all roles below a path, to assume a role with an external ID.
pub(crate) fn trust(sid: &str, principal: &TrustedArn, external_id: &ExternalId) -> Statement {
    match principal {
        TrustedArn::Principal(arn) => Statement::trust(sid, arn.as_ref(), external_id.as_ref()),
        TrustedArn::Path(path) => Statement::trust_path(sid, &path.account_root(), path.as_ref(), external_id.as_ref()),
    }
}
