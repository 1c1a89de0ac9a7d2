//! Every night all projects are checked, and one report is published.

use std::collections::BTreeSet;

use atlas_cmk::{
    functions::{AuthorizeRole, CreateEndpoint, CreateRole, EnableKms, Register, UpdateTrust},
    ids::SpokeRole,
    settings::Settings,
    step::{Converge, Readers, converge, parse},
};
use atlas_cmk_local::{events, execution, mailbox::Mailbox, progress, registry, seed::Customer};
use aws_sdk_sfn::types::ExecutionStatus;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use crate::{changing, limiting, world::World};

const PROJECTS: usize = 200;

/// Those that have a private endpoint and a cluster, and that somebody changes.
const DRIFTED: usize = 20;

/// A registered project of this world.
struct Registered {
    id: String,
    role_name: String,
}

impl World {
    /// The steps themselves, without functions and state machines around them: two hundred enablements in a minute.
    pub(crate) fn steps(&self) -> Readers {
        let (hub, simulator) = (self.hub(), self.cloud.simulator.url());
        let boundary = self.customer().access_role_boundary();
        let settings = Settings::read(|name| {
            Some(match name {
                "AWS_REGION" => "us-east-1".to_owned(),
                "AWS_ENDPOINT_URL" => hub.endpoint().to_owned(),
                "AWS_ACCESS_KEY_ID" => hub.id.clone(),
                "AWS_SECRET_ACCESS_KEY" => "local".to_owned(),
                "ATLAS_BASE_URL" => simulator.clone(),
                "ATLAS_SECRET_ID" => "atlas-cmk/atlas".to_owned(),
                "ACCESS_ROLE_BOUNDARY_ARN" => boundary.clone(),
                "REGISTRY_TABLE" => self.cloud.stack.output("RegistryName").unwrap().to_owned(),
                "PUBLISHED_BELOW" => "/of-the-test/projects".to_owned(),
                _ => return None,
            })
        });
        Readers::new(&settings.unwrap(), SpokeRole::Read).unwrap()
    }

    /// The customer with the key of a project: a key has room for the tags of 50.
    fn key(&self, n: usize) -> Customer {
        let key_id = self.customer().key_id.replace("1234abcd", &format!("{:08x}", n / 40));
        Customer { key_id, ..self.customer().clone() }
    }

    async fn register(&self, context: &Readers, n: usize) -> Registered {
        let (id, role_name) = (format!("66f0a1b2c3d4e5f7{n:08x}"), format!("atlas-cmk-{n}"));
        let clusters = if n < DRIFTED {
            json!([{"name": "orders", "instanceSize": "M10", "regions": ["US_EAST_1"]}])
        } else {
            json!([])
        };
        let project = json!({"id": id, "name": format!("project-{n}"), "clusters": clusters});
        self.cloud.simulator.add_project(project).await.unwrap();
        let (key, role) =
            (self.key(n).key_arn(), format!("arn:aws:iam::{}:role/atlas-cmk/{role_name}", self.account().id));
        let regions = if n < DRIFTED { vec!["us-east-1"] } else { Vec::new() };
        let made = run::<CreateRole>(context, json!({"projectId": id, "roleArn": role})).await;
        run::<UpdateTrust>(
            context,
            json!({
                "projectId": id, "roleArn": role, "keyArn": key, "regions": regions,
                "externalId": made["externalId"], "principalArn": made["atlasAwsAccountArn"],
            }),
        )
        .await;
        run::<AuthorizeRole>(context, json!({"projectId": id, "roleId": made["roleId"], "roleArn": role})).await;
        run::<EnableKms>(
            context,
            json!({
                "projectId": id, "roleId": made["roleId"], "keyArn": key, "requirePrivateNetworking": n < DRIFTED,
            }),
        )
        .await;
        let mut request = json!({"projectId": id, "roleArn": role, "keyArn": key});
        if n < DRIFTED {
            run::<CreateEndpoint>(context, json!({"projectId": id, "region": "us-east-1"})).await;
            request["regions"] = json!(regions);
        }
        run::<Register>(context, json!({"request": request, "projectId": id, "roleId": made["roleId"], "keyArn": key}))
            .await;
        Registered { id, role_name }
    }

    /// Changes a project in one of several ways.
    async fn drift(&self, n: usize, project: &Registered) {
        let (iam, atlas, id) = (self.iam(), self.atlas(), project.id.parse().unwrap());
        let role = || iam.get_role().role_name(&project.role_name);
        match n % 6 {
            0 => {
                let nobody = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
                    "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
                iam.update_assume_role_policy()
                    .role_name(&project.role_name)
                    .policy_document(nobody.to_string())
                    .send()
                    .await
                    .map(drop)
            }
            .unwrap(),
            1 => drop(
                iam.delete_role_policy().role_name(&project.role_name).policy_name("atlas-cmk").send().await.unwrap(),
            ),
            2 => {
                let there = role().send().await.unwrap().role.unwrap().assume_role_policy_document.unwrap();
                let other = percent_encoding::percent_decode_str(&there).decode_utf8().unwrap().into_owned();
                let other = other
                    .replace("ExternalId\":\"", "ExternalId\":\"not-")
                    .replace("ExternalId\": \"", "ExternalId\": \"not-");
                drop(
                    iam.update_assume_role_policy()
                        .role_name(&project.role_name)
                        .policy_document(other)
                        .send()
                        .await
                        .unwrap(),
                );
            }
            3 => {
                let endpoints = atlas.private_endpoints(&id).await.unwrap();
                atlas.delete_private_endpoint(&id, &endpoints[0].id).await.unwrap();
            }
            4 => {
                let tag = format!("atlas-cmk:project:{}", project.id);
                drop(iam.untag_role().role_name(&project.role_name).tag_keys(tag).send().await.unwrap());
            }
            _ => {
                // Somebody set up another key of theirs.
                let policy = json!({"Version": "2012-10-17", "Statement": [{"Sid": "AtlasCmkKeys", "Effect": "Allow",
                    "Action": ["kms:Decrypt"], "Resource": "*"}]});
                let put = iam.put_role_policy().role_name(&project.role_name).policy_name("atlas-cmk");
                drop(put.policy_document(policy.to_string()).send().await.unwrap());
            }
        }
    }

    pub(crate) async fn sweep(&self, input: Value) -> Value {
        let run = execution::run(&self.cloud, "SweepArn", &input, |_| {}).await.unwrap();
        assert_eq!((run.error.as_deref(), run.cause.as_deref()), (None, None));
        run.output.unwrap()
    }
}

async fn run<S: Converge>(context: &Readers, input: Value) -> Value {
    let input = parse::<S>(input).unwrap();
    serde_json::to_value(Box::pin(converge::<S>(context, &input)).await.unwrap().output).unwrap()
}

fn ids(report: &Value, list: &str) -> BTreeSet<String> {
    let projects = report[list].as_array().unwrap_or_else(|| panic!("{list}: {report}"));
    projects.iter().map(|project| project["projectId"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_sweep_over_two_hundred_projects_names_those_that_drifted_and_after_the_repair_all_is_well() {
    let world = World::new().await;
    let mailbox =
        Mailbox::subscribed_to(world.hub(), world.cloud.stack.output("NotificationsArn").unwrap()).await.unwrap();
    let context = world.steps();
    for n in (0..PROJECTS).step_by(40) {
        world.key(n).seed_keys(world.account()).await.unwrap();
    }
    let mut projects: Vec<(usize, Registered)> = stream::iter(0..PROJECTS)
        .map(|n| {
            let (world, context) = (&world, &context);
            async move { (n, world.register(context, n).await) }
        })
        .buffer_unordered(4)
        .collect()
        .await;
    projects.sort_by_key(|(n, _)| *n);
    let drifted = |n: usize| n < DRIFTED;
    for (n, project) in projects.iter().filter(|(n, _)| drifted(*n)) {
        world.drift(*n, project).await;
    }
    let expected: BTreeSet<String> =
        projects.iter().filter(|(n, _)| drifted(*n)).map(|(_, project)| project.id.clone()).collect();

    let report = world.sweep(json!({})).await;
    assert_eq!(
        (&report["projectCount"], &report["matching"]),
        (&json!(PROJECTS), &json!(PROJECTS - DRIFTED)),
        "{report}"
    );
    assert_eq!(ids(&report, "drifted"), expected, "{report}");
    for project in report["drifted"].as_array().unwrap() {
        assert!(!project["problems"].as_array().unwrap().is_empty(), "it says how: {project}");
    }
    assert_eq!(ids(&mailbox.next_of("sweep-report").await.unwrap(), "drifted"), expected);

    let report = world.sweep(json!({"repair": true})).await;
    assert_eq!((&report["matching"], ids(&report, "repaired")), (&json!(PROJECTS - DRIFTED), expected), "{report}");
    let again = world.sweep(json!({})).await;
    assert_eq!((&again["matching"], &again["otherFindings"]), (&json!(PROJECTS), &json!([])), "{again}");
    let kinds: BTreeSet<String> =
        mailbox.all().await.unwrap().iter().map(|it| it["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, BTreeSet::from(["sweep-report".to_owned()]), "one report each, and nothing else");
}

/// Not part of the tests: with a time scale of 1, at which the rates are those of AWS, it takes some minutes.
/// The table of rates says where they are from.
#[tokio::test]
#[ignore = "measures; the time scale of the embedded cloud has to be 1 for it"]
async fn a_rotation_of_the_stacks_secret_starts_a_look_at_each_of_two_hundred_projects() {
    let world = World::new().await;
    let context = world.steps();
    let numbers = DRIFTED..DRIFTED + PROJECTS;
    for n in (0..numbers.end).step_by(40) {
        world.key(n).seed_keys(world.account()).await.unwrap();
    }
    for n in numbers {
        world.register(&context, n).await;
    }
    limiting::set(&world, limiting::THROTTLING, &rates_of_aws().to_string()).await;
    world.cloud.simulator.forget_requests().await.unwrap();

    let event = changing::of_world(&world, "changes/secretsmanager-secret-label-updated.json").await;
    events::put(world.hub(), &event).await.unwrap();
    let sfn = aws_sdk_sfn::Client::new(&world.hub().sdk_config());
    let machine = world.cloud.stack.output("ReconcileProjectArn").unwrap();
    let mut ended = Vec::new();
    while ended.len() < PROJECTS || ended.contains(&ExecutionStatus::Running) {
        tokio::time::sleep(std::time::Duration::from_secs(30)).await;
        let looks = sfn.list_executions().state_machine_arn(machine).max_results(1000).send().await;
        // The measurement is throttled as well.
        let Ok(looks) = looks else { continue };
        ended = looks.executions().iter().map(|look| look.status().clone()).collect();
    }
    let well = ended.iter().filter(|status| **status == ExecutionStatus::Succeeded).count();
    progress::plain(&format!("{well} of {} looks ended well", ended.len()));
    progress::plain(&format!("Atlas: {} requests", world.cloud.simulator.requests().await.unwrap().len()));
    progress::plain(&format!("AWS: {:#}", limiting::calls(&world).await));
    assert_eq!(well, PROJECTS);
}

/// The size of the bucket and the tokens per second. Step Functions: its quotas outside of the largest Regions; KMS: its
/// request quotas; Parameter Store: 3 writes a second. IAM publishes none: a guess that is rather low.
fn rates_of_aws() -> Value {
    json!({
        "states:ListExecutions": [100, 2],
        "states:DescribeExecution": [250, 10],
        "states:StartExecution": [800, 150],
        "ssm:PutParameter": [3, 3],
        "secretsmanager:GetSecretValue": [10000, 10000],
        "kms:DescribeKey": [2000, 2000],
        "kms:GetKeyPolicy": [1000, 1000],
        "kms:ListResourceTags": [2000, 2000],
        "iam:GetRole": [20, 15],
        "iam:GetRolePolicy": [20, 15],
        "iam:ListRolePolicies": [20, 15],
        "iam:ListAttachedRolePolicies": [20, 15],
        "iam:SimulatePrincipalPolicy": [20, 15],
        "sts:AssumeRole": [500, 500],
    })
}

#[tokio::test]
async fn a_sweep_reports_what_nobody_waits_for_any_more() {
    let client = "mdb_sa_id_64a6c94435fc02228a1d6aa2";
    let world = World::with_secret(json!({"clientId": client, "clientSecret": "mdb_sa_sk_of-this-test-wxyz"})).await;
    world.enable_successfully().await;
    let quiet = world.sweep(json!({})).await;
    assert_eq!((&quiet["matching"], &quiet["otherFindings"]), (&json!(1), &json!([])), "{quiet}");

    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(5 * 24 + 1);
    world.cloud.simulator.let_secret_expire(client, &soon.to_string()).await.unwrap();
    let put = async |id: &str, state: Value| {
        registry::put(&world.cloud.stack, &format!("project#{id}"), "state", &state).await.unwrap();
        registry::put(&world.cloud.stack, "projects", id, &json!({"projectId": id})).await.unwrap();
    };
    put("66f0a1b2c3d4e5f8bbbbbbbb", json!({"schemaVersion": 2})).await;
    world.cloud.simulator.behave(json!({"endpoints": {"EU_CENTRAL_1": {"kind": "fail"}}})).await.unwrap();
    let region = "eu-central-1".parse().unwrap();
    world.atlas().create_private_endpoint(&world.project_id(), &region).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;

    let report = world.sweep(json!({})).await;
    assert_eq!((&report["projectCount"], &report["matching"]), (&json!(1), &json!(1)), "{report}");
    let reported = report["otherFindings"].to_string();
    for what in ["expires at", "in 5 days", "66f0a1b2c3d4e5f8bbbbbbbb", "EU_CENTRAL_1 is FAILED"] {
        assert!(reported.contains(what), "{what}: {reported}");
    }
}

#[tokio::test]
async fn what_the_event_of_a_key_should_have_started_a_sweep_makes_up_for() {
    // No trail logs: nothing of what follows is an event.
    let world = World::new().await;
    let topic = world.cloud.stack.output("NotificationsArn").unwrap();
    let mailbox = Mailbox::subscribed_to(world.hub(), topic).await.unwrap();
    let mut input = world.customer().input();
    input["guard"] = json!("restore");
    let run = world.enable_with(&input).await;
    assert_eq!(run.error, None, "{:?}", run.cause);
    let other = world.with_another_key().await;
    let mut moved = other.input();
    moved["guard"] = json!("restore");
    let run = world.enable_with(&moved).await;
    assert_eq!(run.error, None, "{:?}", run.cause);

    // The key that only old snapshots need, and the one in use, in one of its regions.
    let old = world.customer().key_arn();
    world.kms().schedule_key_deletion().key_id(&old).pending_window_in_days(7).send().await.unwrap();
    let replica = other.key_arn().replace("us-east-1", "eu-west-1");
    world.kms_in("eu-west-1").disable_key().key_id(&replica).send().await.unwrap();

    let report = world.sweep(json!({})).await;
    let reported = report["otherFindings"].to_string();
    assert!(reported.contains(&old) && reported.contains(&replica), "{reported}");
    let alerts = [mailbox.next_of("key-endangered").await.unwrap(), mailbox.next_of("key-endangered").await.unwrap()];
    let of_old = alerts.iter().find(|alert| alert["keyArn"] == old.as_str()).unwrap();
    assert_eq!(of_old["projects"][0]["needsItFor"], "its old snapshots", "{of_old}");
    for (region, key) in [("us-east-1", &old), ("eu-west-1", &replica)] {
        for attempt in 0.. {
            let described = world.kms_in(region).describe_key().key_id(key).send().await.unwrap();
            if described.key_metadata.unwrap().enabled {
                break;
            }
            assert!(attempt < 50, "{key} was not restored");
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    }
}
