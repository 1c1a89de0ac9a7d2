//! Where the world differs from what is wanted.

use super::{Input, Output};
use crate::{
    answers::survey::InAtlas,
    atlas::AccessRole,
    ids::{ExternalId, PrincipalArn},
    model::{
        encryption::Asked,
        endpoints::{EndpointsState, regional},
        role_policies::RolePolicies,
        statements::{kms_statement, trust_statement},
    },
    policy::{PolicyDocument, Statement},
    report::Difference,
    request::{ManageRole, regional_keys},
};

/// How the actual state differs from the request. A role that could not be read is not compared.
pub(crate) fn compare(input: &Input, in_atlas: &InAtlas, iam_role: Option<&RolePolicies>) -> Output {
    let encryption = in_atlas.encryption.as_ref().cloned().unwrap_or_default();
    let kms = encryption.aws_kms.unwrap_or_default();
    let valid = kms.valid == Some(true);
    let (state, endpoints) = regional(&input.regions, in_atlas.endpoints());
    let mut differences = Differences(Vec::new());

    let roles_path = format!("/groups/{}/cloudProviderAccess", input.project_id);
    let encryption_path = format!("/groups/{}/encryptionAtRest", input.project_id);
    let record = in_atlas.access_roles().iter().find(|record| record.is_authorized_for(&input.role_arn));
    match record {
        None => differences.add(&roles_path, format!("no access role record is authorized for {}", input.role_arn)),
        Some(record) => {
            if let Some(iam_role) = iam_role {
                differences.compare_iam(input, record, iam_role);
            }
            let asked = Asked {
                role_id: &record.role_id,
                key_arn: &input.key_arn,
                private_networking: !input.regions.is_empty(),
            };
            if !asked.is_met_by(&kms) {
                let what = "is not enabled with this key, role and networking";
                differences.add(&encryption_path, format!("AWS KMS {what}"));
            }
        }
    }
    if !valid {
        differences.add(&encryption_path, "Atlas cannot use the key".to_owned());
    }
    if input.search_nodes.is_some_and(|wanted| encryption.enabled_for_search_nodes.unwrap_or_default() != wanted) {
        differences.add(&encryption_path, "enabledForSearchNodes differs from the request".to_owned());
    }
    for name in &input.clusters {
        if !in_atlas.clusters().iter().any(|cluster| cluster.name == name.as_ref() && cluster.uses_aws()) {
            let path = format!("/groups/{}/clusters/{name}", input.project_id);
            differences.add(&path, "the cluster does not use the key".to_owned());
        }
    }
    let but_for_endpoints = differences.0.is_empty();
    for endpoint in endpoints.iter().filter(|endpoint| endpoint.status != "ACTIVE") {
        let path = format!("{encryption_path}/AWS/privateEndpoints");
        differences.add(&path, format!("{} is {}", endpoint.region, endpoint.status));
    }
    Output {
        matches: differences.0.is_empty(),
        only_waits_for_endpoints: but_for_endpoints
            && matches!(state, EndpointsState::Waiting | EndpointsState::Missing),
        valid,
        endpoints,
        differences: differences.0,
    }
}

struct Differences(Vec<Difference>);

impl Differences {
    fn add(&mut self, resource: &str, difference: String) {
        self.0.push(Difference { resource: resource.to_owned(), difference });
    }

    fn compare_iam(&mut self, input: &Input, record: &AccessRole, iam: &RolePolicies) {
        let arn = input.role_arn.as_ref();
        let Some(role) = &iam.role else {
            return self.add(arn, "the IAM role does not exist".to_owned());
        };
        if role.arn != arn {
            self.add(arn, format!("the IAM role has another path or spelling, {}", role.arn));
        }
        let principal = record.atlas_aws_account_arn.as_deref().and_then(|text| text.parse::<PrincipalArn>().ok());
        let external_id = record.external_id.as_deref().and_then(|text| text.parse::<ExternalId>().ok());
        let trusts = principal.zip(external_id).is_some_and(|(principal, external_id)| {
            let ours = trust_statement(&input.project_id, &principal, &external_id);
            let by_others = input.manage_role == ManageRole::None && role.trust_policy.has_meaning_of(&ours);
            by_others || has(Some(&role.trust_policy), &ours)
        });
        if !trusts {
            self.add(
                arn,
                "the trust policy lacks the statement of atlas-cmk with Atlas's principal and external ID".to_owned(),
            );
        }
        let wanted = regional_keys(&input.key_arn, &input.regions);
        let keys = kms_statement(&input.project_id, &wanted, iam.inline_policy.as_ref());
        if input.manage_role == ManageRole::Full && !has(iam.inline_policy.as_ref(), &keys) {
            self.add(arn, "the inline policy lacks the statement of atlas-cmk with the regional keys".to_owned());
        }
    }
}

fn has(document: Option<&PolicyDocument>, ours: &Statement) -> bool {
    let there = document.zip(ours.sid()).and_then(|(document, sid)| document.statement(sid));
    there.is_some_and(|statement| statement.means_the_same_as(ours))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        atlas::EncryptionAtRest,
        fixtures::{access_role, aws_kms, enablement, endpoint, request, role_policies},
    };

    fn expected() -> Input {
        Input::of(&enablement(&request(&json!({"regions": ["us-east-1"]}))), Vec::new())
    }

    struct Project {
        in_atlas: InAtlas,
        iam: RolePolicies,
    }

    impl Project {
        fn compared(&self) -> Output {
            compare(&expected(), &self.in_atlas, Some(&self.iam))
        }
    }

    fn world() -> Project {
        let wanted = expected();
        let principal = "arn:aws:iam::299602853325:root".parse().unwrap();
        let trust = trust_statement(&wanted.project_id, &principal, &"external-1".parse().unwrap());
        let keys = kms_statement(&wanted.project_id, std::slice::from_ref(&wanted.key_arn), None);
        Project {
            in_atlas: InAtlas {
                access_roles: Ok(vec![access_role()]),
                encryption: Ok(EncryptionAtRest { aws_kms: Some(aws_kms()), ..EncryptionAtRest::default() }),
                endpoints: Ok(vec![endpoint(1, "US_EAST_1", "ACTIVE")]),
                clusters: Ok(Vec::new()),
                flex_clusters: Ok(Vec::new()),
            },
            iam: role_policies(
                Some(PolicyDocument::default().merge(&trust)),
                Some(PolicyDocument::default().merge(&keys)),
            ),
        }
    }

    #[test]
    fn a_world_that_equals_the_request_has_no_differences() {
        let output = world().compared();
        assert!(output.valid && output.matches && output.differences.is_empty(), "{output:?}");
        assert_eq!(output.endpoints.len(), 1);
    }

    #[test]
    fn endpoints_that_may_still_become_active_are_distinguished_from_all_else() {
        let status = |status: &str| {
            let mut world = world();
            world.in_atlas.endpoints.as_mut().unwrap()[0].status = status.parse().unwrap();
            world.compared()
        };
        for (endpoint, waits) in
            [("ACTIVE", false), ("PENDING_RECREATION", true), ("INITIATING", true), ("FAILED", false)]
        {
            assert_eq!(status(endpoint).only_waits_for_endpoints, waits, "{endpoint}");
        }
        let mut world = world();
        world.in_atlas.endpoints = Ok(Vec::new());
        world.iam.inline_policy = None;
        assert!(!world.compared().only_waits_for_endpoints);
    }

    #[test]
    fn whatever_differs_is_named() {
        type Breakage = fn(&mut Project);
        let breakages: [(Breakage, &str); 8] = [
            (|world| world.in_atlas.access_roles = Ok(Vec::new()), "no access role"),
            (|world| world.in_atlas.access_roles.as_mut().unwrap()[0].authorized_date = None, "no access role"),
            (
                |world| world.in_atlas.access_roles.as_mut().unwrap()[0].external_id = Some("another".to_owned()),
                "trust policy",
            ),
            (|world| world.iam.role = None, "does not exist"),
            (|world| world.iam.inline_policy = None, "inline policy"),
            (
                |world| {
                    let kms = world.in_atlas.encryption.as_mut().unwrap().aws_kms.as_mut();
                    kms.unwrap().require_private_networking = Some(false);
                },
                "not enabled with",
            ),
            (
                |world| world.in_atlas.encryption.as_mut().unwrap().aws_kms.as_mut().unwrap().valid = Some(false),
                "cannot use the key",
            ),
            (|world| world.in_atlas.endpoints = Ok(Vec::new()), "us-east-1 is MISSING"),
        ];
        for (breakage, named) in breakages {
            let mut world = world();
            breakage(&mut world);
            let output = world.compared();
            assert!(
                output.differences.iter().any(|it| it.difference.contains(named)),
                "{named} {:?}",
                output.differences
            );
        }
    }
}
