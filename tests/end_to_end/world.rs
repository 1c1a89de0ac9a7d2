//! A world for one test: an account in the shared engine, an Atlas of its own, and the stack deployed between them.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use atlas_cmk::{
    atlas::{AtlasReader, AtlasWriter, Credential, CredentialSource, RetryPolicy},
    ids::ProjectId,
    policy::PolicyDocument,
};
use atlas_cmk_local::{
    Account, Cloud,
    cloud::TIME_SCALE,
    deploy::Stack,
    engine::{Engine, Options},
    execution::{self, Run},
    functions::{self, Build, Package},
    registry,
    seed::Customer,
    simulator, snapshot,
};
use atlas_cmk_tests::asl;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// An engine works on one core, so that there are as many as the machine has, of two.
static ENGINES: [OnceCell<Arc<Engine>>; 2] = [const { OnceCell::const_new() }; 2];
static BUILD: OnceCell<Build> = OnceCell::const_new();
static NEXT: AtomicU32 = AtomicU32::new(1);

async fn build() -> &'static Build {
    BUILD.get_or_init(async || functions::build().await.unwrap()).await
}

/// The engine of customer number `n`.
async fn engine(n: u32) -> Arc<Engine> {
    let start = async || Arc::new(Engine::start(Options { port: None, wait_scale: TIME_SCALE }).await.unwrap());
    Arc::clone(ENGINES[n as usize % ENGINES.len()].get_or_init(start).await)
}

/// The functions as they are deployed.
pub(crate) async fn packages() -> &'static [Package] {
    &build().await.packages
}

/// An account with nothing in it, an Atlas with nothing in it, and what can be deployed.
pub(crate) async fn empty_account() -> (Account, simulator::Simulator, Build) {
    let (n, customer) = World::next_customer();
    let (build, engine) = (build().await, engine(n).await);
    let atlas = simulator::Options { port: None, time_scale: TIME_SCALE };
    let simulator = simulator::Simulator::start(atlas, &engine.url()).await.unwrap();
    (Account::new(customer.account, engine.url()), simulator, build.clone())
}

pub(crate) struct World {
    pub(crate) cloud: Cloud,
}

impl World {
    /// A customer with an API key.
    pub(crate) async fn new() -> Self {
        Self::of(|customer| customer).await
    }

    /// A customer with this secret.
    pub(crate) async fn with_secret(secret: Value) -> Self {
        Self::of(|customer| Customer { secret, ..customer }).await
    }

    /// A customer whose functions run in one account and whose role and key are in another.
    pub(crate) async fn with_two_accounts() -> Self {
        Self::of(|customer| Customer { hub: customer.hub.replacen('1', "2", 1), ..customer }).await
    }

    /// A customer with an Atlas organization and two accounts, and nothing else.
    pub(crate) async fn with_nothing() -> Self {
        let two_accounts = |customer: Customer| Customer { hub: customer.hub.replacen('1', "2", 1), ..customer };
        Self::of(|customer| Customer { is_prepared: false, ..two_accounts(customer) }).await
    }

    /// The same, with one account for all.
    pub(crate) async fn with_nothing_in_one_account() -> Self {
        Self::of(|customer| Customer { is_prepared: false, ..customer }).await
    }

    /// A customer that no other test has.
    fn next_customer() -> (u32, Customer) {
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let account = format!("{:012}", 100_000_000_000_u64 + u64::from(n));
        let customer = Customer {
            hub: account.clone(),
            account,
            stack: format!("atlas-cmk-{n}"),
            project_id: format!("66f0a1b2c3d4e5f6{n:08x}"),
            role_name: "atlas-cmk".to_owned(),
            key_id: format!("1234abcd12ab34cd56ef1234{n:08x}"),
            replica_regions: vec!["eu-west-1".to_owned(), "ap-southeast-2".to_owned()],
            is_prepared: true,
            secret: json!({"publicKey": "abcdefgh", "privateKey": "a-private-key-of-atlas"}),
        };
        (n, customer)
    }

    async fn of(change: impl FnOnce(Customer) -> Customer) -> Self {
        let atlas = simulator::Options { port: None, time_scale: TIME_SCALE };
        let (n, customer) = Self::next_customer();
        let cloud = Cloud::start(engine(n).await, build().await, change(customer), atlas).await.unwrap();
        let world = Self { cloud };
        world.approve_everything(true).await;
        world
    }

    /// Gives the project a standing approval, or one that has ended: most tests are not about who approves.
    pub(crate) async fn approve_everything(&self, approve: bool) {
        self.approve_everything_of(&self.customer().project_id, approve).await;
    }

    /// The same for another project.
    pub(crate) async fn approve_everything_of(&self, project: &str, approve: bool) {
        let expires_at = if approve { 4_000_000_000_i64 } else { 0 };
        let answer = json!({"by": "the test", "at": "2026-01-01T00:00:00Z", "reason": null});
        let standing = json!({"projectId": project, "answer": answer, "expiresAt": expires_at});
        registry::put(&self.cloud.stack, &format!("approval#{project}"), "standing", &standing).await.unwrap();
    }

    /// Deletes the stack and deploys it again.
    pub(crate) async fn redeploy(&mut self, more: Vec<(&'static str, String)>) {
        self.cloud.redeploy(build().await, more).await.unwrap();
    }

    /// Deploys the template once more, with the parameters of the stack of this world and these instead of some of
    /// them.
    pub(crate) async fn deploy_beside(&self, hub: &Account, name: &str, parameters: &[(&str, String)]) -> Stack {
        self.cloud.deploy_beside(hub, name, build().await, parameters).await.unwrap()
    }

    /// Deploys the template once more, with a change of its text.
    pub(crate) async fn deploy_changed(
        &self,
        name: &str,
        change: impl Fn(String) -> String,
        parameters: &[(&str, String)],
    ) -> anyhow::Result<Stack> {
        let (build, infra) = (build().await, tempfile::tempdir()?);
        std::fs::create_dir(infra.path().join("state-machines"))?;
        for machine in std::fs::read_dir(build.infra.join("state-machines"))? {
            let machine = machine?;
            std::fs::copy(machine.path(), infra.path().join("state-machines").join(machine.file_name()))?;
        }
        let template = change(std::fs::read_to_string(build.infra.join("template.yaml"))?);
        std::fs::write(infra.path().join("template.yaml"), template)?;
        let build = Build { infra: infra.path().to_owned(), packages: build.packages.clone() };
        let name = format!("{}-{name}", self.customer().stack);
        self.cloud.deploy_beside(self.hub(), &name, &build, parameters).await
    }

    async fn history(&self, run: &Run) -> Vec<aws_sdk_sfn::types::HistoryEvent> {
        let sfn = aws_sdk_sfn::Client::new(&self.hub().sdk_config());
        let events = sfn.get_execution_history().execution_arn(&run.arn).into_paginator().items().send();
        events.collect::<Result<_, _>>().await.unwrap()
    }

    /// How long a run waited after each failure of a task, in seconds of Step Functions.
    pub(crate) async fn delays_after_failures(&self, run: &Run) -> Vec<f64> {
        let history = self.history(run).await;
        let failed = history.windows(2).filter(|pair| pair[0].task_failed_event_details().is_some());
        failed.map(|pair| (pair[1].timestamp.as_secs_f64() - pair[0].timestamp.as_secs_f64()) / TIME_SCALE).collect()
    }

    /// The errors of the tasks of a run that failed, also of those that were repeated.
    pub(crate) async fn failures_of(&self, run: &Run) -> Vec<String> {
        let events = self.history(run).await;
        events.iter().filter_map(|it| it.task_failed_event_details()?.error().map(str::to_owned)).collect()
    }

    pub(crate) fn customer(&self) -> &Customer {
        &self.cloud.customer
    }

    /// The same customer with another key, which is there, as the first one stays.
    pub(crate) async fn with_another_key(&self) -> Customer {
        let key_id = self.customer().key_id.replace("1234abcd", "5678ef01");
        let other = Customer { key_id, ..self.customer().clone() };
        other.seed_keys(self.account()).await.unwrap();
        other
    }

    /// The account of role and key.
    pub(crate) fn account(&self) -> &Account {
        &self.cloud.account
    }

    /// The account the functions run in.
    pub(crate) fn hub(&self) -> &Account {
        &self.cloud.stack.account
    }

    pub(crate) fn project_id(&self) -> ProjectId {
        self.customer().project_id.parse().unwrap()
    }

    /// The input of somebody who has nothing.
    pub(crate) fn bare_input(&self) -> Value {
        let role_arn = format!("arn:aws:iam::{}:role/AtlasCmkSpoke", self.account().id);
        json!({
            "project": {"name": "payments", "orgId": "5f0000000000000000000001"},
            "roleArn": self.customer().role_arn(),
            "key": {"alias": "alias/atlas-cmk"},
            "regions": ["us-east-1", "eu-west-1"],
            "clusters": "all",
            "account": {"roleArn": role_arn, "externalId": atlas_cmk_local::seed::EXTERNAL_ID},
        })
    }

    /// Runs with another mode, and asserts that it succeeded.
    pub(crate) async fn run_as(&self, mode: &str, input: &Value) -> Value {
        let mut input = input.clone();
        input["mode"] = json!(mode);
        let run = self.enable_with(&input).await;
        assert_eq!(run.error, None, "{:?}", run.cause);
        run.output.unwrap()
    }

    /// KMS of the account of role and key, in a region.
    pub(crate) fn kms_in(&self, region: &str) -> aws_sdk_kms::Client {
        aws_sdk_kms::Client::new(&self.account().sdk_config_in(region))
    }

    /// The policy of the customer's key in a region.
    pub(crate) async fn key_policy(&self, region: &str) -> PolicyDocument {
        let key = self.customer().key_arn().replace("us-east-1", region);
        let answer = self.kms_in(region).get_key_policy().key_id(key).send().await.unwrap();
        PolicyDocument::parse(answer.policy().unwrap()).unwrap()
    }

    /// Replaces the policy of the customer's key in a region.
    pub(crate) async fn put_key_policy(&self, region: &str, statements: Value) {
        let key = self.customer().key_arn().replace("us-east-1", region);
        let policy = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        self.kms_in(region).put_key_policy().key_id(key).policy(policy).send().await.unwrap();
    }

    /// What the registry has of the project.
    pub(crate) async fn registered(&self) -> Option<Value> {
        registry::project(&self.cloud.stack, &self.customer().project_id).await.unwrap()
    }

    /// What is published of the project.
    pub(crate) async fn published(&self) -> Option<Value> {
        let ssm = aws_sdk_ssm::Client::new(&self.hub().sdk_config());
        let name = format!("/{}/projects/{}", self.customer().stack, self.customer().project_id);
        let answer = ssm.get_parameter().name(name).send().await.ok()?;
        serde_json::from_str(answer.parameter?.value()?).ok()
    }

    /// The name of the role of a function of the stack.
    pub(crate) fn role_of(&self, step: &str) -> String {
        format!("{}-us-east-1-{step}", self.customer().stack)
    }

    /// Denies a role an action, whatever else allows it; `None` takes the denial back.
    pub(crate) async fn deny(&self, account: &Account, role: &str, action: Option<&str>) {
        let iam = aws_sdk_iam::Client::new(&account.sdk_config());
        let Some(action) = action else {
            iam.delete_role_policy().role_name(role).policy_name("deny").send().await.unwrap();
            return;
        };
        let deny =
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": action, "Resource": "*"}]});
        iam.put_role_policy()
            .role_name(role)
            .policy_name("deny")
            .policy_document(deny.to_string())
            .send()
            .await
            .unwrap();
    }

    /// Enables encryption in all three regions.
    pub(crate) async fn enable(&self) -> Run {
        self.enable_with(&self.customer().input()).await
    }

    pub(crate) async fn enable_with(&self, input: &Value) -> Run {
        execution::run(&self.cloud, "EnableEncryptionArn", input, |_| {}).await.unwrap()
    }

    /// Takes the project down, with this input besides its id.
    pub(crate) async fn disable(&self, input: Value) -> Run {
        let mut whole = json!({"projectId": self.customer().project_id});
        whole.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        execution::run(&self.cloud, "DisableEncryptionArn", &whole, |_| {}).await.unwrap()
    }

    /// Takes the project down, and asserts that it worked.
    pub(crate) async fn disable_successfully(&self, input: Value) -> Run {
        let run = self.disable(input.clone()).await;
        assert_eq!((run.error.as_deref(), run.cause.as_deref()), (None, None), "{input}");
        run
    }

    /// Everything there is of the project on both sides.
    pub(crate) async fn snapshot(&self) -> Value {
        snapshot::take(&self.cloud, &self.customer().project_id).await.unwrap()
    }

    /// Invokes a function of the stack.
    pub(crate) async fn invoke(&self, step: &str, input: &Value) -> Run {
        execution::invoke(&self.cloud, step, input).await.unwrap()
    }

    /// Enables, and asserts that it worked and that the world is as asked for.
    pub(crate) async fn enable_successfully(&self) -> Run {
        let run = self.enable().await;
        assert_eq!((run.error.as_deref(), run.cause.as_deref()), (None, None));
        self.assert_enabled().await;
        run
    }

    /// Atlas as a person uses it, past our steps.
    pub(crate) fn atlas(&self) -> AtlasWriter {
        let secret = &self.customer().secret;
        let text = |name: &str| secret[name].as_str().unwrap_or_default().to_owned();
        let credential = if secret.get("clientId").is_some() {
            Credential::ServiceAccount { client_id: text("clientId"), client_secret: text("clientSecret").into() }
        } else {
            Credential::ApiKey { public_key: text("publicKey"), private_key: text("privateKey").into() }
        };
        let url = self.cloud.simulator.url().parse().unwrap();
        AtlasWriter::new(AtlasReader::new(
            atlas_cmk::http::client(None).unwrap(),
            url,
            CredentialSource::Fixed(credential),
            RetryPolicy::default(),
        ))
    }

    pub(crate) fn iam(&self) -> aws_sdk_iam::Client {
        aws_sdk_iam::Client::new(&self.account().sdk_config())
    }

    pub(crate) fn kms(&self) -> aws_sdk_kms::Client {
        aws_sdk_kms::Client::new(&self.account().sdk_config())
    }

    pub(crate) async fn trust_policy(&self) -> PolicyDocument {
        let answer = self.iam().get_role().role_name(&self.customer().role_name).send().await.unwrap();
        PolicyDocument::parse(answer.role.unwrap().assume_role_policy_document().unwrap()).unwrap()
    }

    /// The keys that our statement in the role's inline policy allows.
    pub(crate) async fn allowed_keys(&self) -> Vec<String> {
        let get = self.iam().get_role_policy().role_name(&self.customer().role_name).policy_name("atlas-cmk");
        let document = PolicyDocument::parse(get.send().await.unwrap().policy_document()).unwrap();
        document.statements()[0].resources().into_iter().map(str::to_owned).collect()
    }

    pub(crate) async fn role_exists(&self) -> bool {
        self.iam().get_role().role_name(&self.customer().role_name).send().await.is_ok()
    }

    /// The project as it is in Atlas.
    pub(crate) async fn project(&self) -> Value {
        self.cloud.simulator.project(&self.customer().project_id).await.unwrap()
    }

    /// The access role records of the project.
    pub(crate) async fn records(&self) -> Vec<atlas_cmk::atlas::AccessRole> {
        self.atlas().access_roles(&self.project_id()).await.unwrap()
    }

    /// Region and status of every private endpoint of the project, sorted.
    pub(crate) async fn endpoints(&self) -> Vec<(String, String)> {
        let endpoints = self.atlas().private_endpoints(&self.project_id()).await.unwrap();
        let mut list: Vec<_> = endpoints.into_iter().map(|it| (it.region_name, it.status.to_string())).collect();
        list.sort();
        list
    }

    /// One record, authorized; the key, valid; one active endpoint in each region; nothing twice.
    pub(crate) async fn assert_enabled(&self) {
        let records = self.records().await;
        let role_arn = self.customer().role_arn().parse().unwrap();
        assert_eq!(records.len(), 1, "{records:?}");
        assert!(records[0].is_authorized_for(&role_arn), "{records:?}");
        let aws_kms = self.atlas().encryption_at_rest(&self.project_id()).await.unwrap().aws_kms.unwrap();
        assert_eq!(aws_kms.enabled, Some(true));
        assert_eq!(aws_kms.valid, Some(true));
        assert_eq!(aws_kms.customer_master_key_id, Some(self.customer().key_arn()));
        assert_eq!(aws_kms.role_id.as_deref(), Some(records[0].role_id.as_ref()));
        assert_eq!(aws_kms.require_private_networking, Some(true));
        let active = |region: &str| (region.to_owned(), "ACTIVE".to_owned());
        assert_eq!(self.endpoints().await, [active("AP_SOUTHEAST_2"), active("EU_WEST_1"), active("US_EAST_1")]);
    }

    /// The requests Atlas got that change something, as method and path without the project.
    pub(crate) async fn writes(&self) -> Vec<String> {
        let requests = self.cloud.simulator.requests().await.unwrap();
        let text = |request: &Value, field: &str| request[field].as_str().unwrap_or_default().to_owned();
        requests
            .iter()
            .filter(|request| text(request, "method") != "GET" && request["authenticated"] == true)
            .filter(|request| !text(request, "path").contains("/oauth/"))
            .map(|request| {
                let path = text(request, "path");
                let prefix = format!("/api/atlas/v2/groups/{}", self.customer().project_id);
                format!("{} {}", text(request, "method"), path.trim_start_matches(&prefix))
            })
            .collect()
    }
}

/// The functions of a test that is over would go on running, and take from those of the others. A fault that a test asked
/// for and that never came means that the test showed nothing.
impl Drop for World {
    fn drop(&mut self) {
        let stack = self.cloud.stack.clone();
        let name = self.customer().stack.clone();
        // A runtime of its own, because that of the test ends with it.
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| runtime.block_on(stack.delete(&name)))
        });
        // What cannot be deleted goes with the engine.
        let _ = thread.join();
        if !std::thread::panicking() {
            assert_eq!(self.cloud.simulator.faults_left(), Vec::<String>::new(), "every fault has to hit");
        }
    }
}

/// The steps that changed something, in order.
pub(crate) fn changed_steps(run: &Run) -> Vec<&str> {
    run.changes().iter().map(|change| change["step"].as_str().unwrap()).collect()
}

/// Why a run failed, as `diagnose` found it.
pub(crate) fn diagnosis(run: &Run) -> Value {
    let cause = run.cause.as_deref().unwrap_or_default();
    serde_json::from_str(cause).unwrap_or_else(|_| panic!("{:?} is no diagnosis: {cause:?}", run.error))
}

/// Asserts that a run failed with this name, in this step, and that its diagnosis says all of this.
pub(crate) fn assert_failed(run: &Run, error: &str, step: &str, expected: &[&str]) {
    let cause = run.cause.as_deref().unwrap_or_default();
    assert_eq!(run.error.as_deref(), Some(error), "{cause}");
    let diagnosis = diagnosis(run);
    assert_eq!(diagnosis["step"], step, "{diagnosis}");
    assert_eq!(diagnosis["error"], error, "{diagnosis}");
    assert_eq!(diagnosis["notPublished"], Value::Null, "{diagnosis}");
    for expected in expected {
        assert!(cause.contains(expected), "{expected:?} is not in {cause}");
    }
    assert!(!cause.contains("a-private-key-of-atlas"), "{cause}");
}

/// The steps that changed something of Atlas, IAM or KMS, in order: without the registry and its tags.
pub(crate) fn converged_steps(run: &Run) -> Vec<&str> {
    changed_steps(run).into_iter().filter(|step| *step != "register").collect()
}

/// A sample event.
pub(crate) fn sample(path: &str) -> Value {
    serde_json::from_str(&atlas_cmk_tests::read(&format!("events/{path}")).unwrap()).unwrap()
}

/// A key policy that leaves nothing to IAM: administrators only, and the functions of the stack to look at it and to
/// grant.
pub(crate) async fn administrators(world: &World) -> Value {
    let account = &world.account().id;
    // Once there is one, there is no second.
    let _ = world.iam().create_user().user_name("admin").send().await;
    json!([
        {"Sid": "Administrators", "Effect": "Allow",
            "Principal": {"AWS": format!("arn:aws:iam::{account}:user/admin")}, "Action": ["kms:*"], "Resource": "*"},
        {
            "Sid": "Functions", "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{account}:root")},
            "Action": ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:PutKeyPolicy", "kms:ListResourceTags",
                "kms:TagResource"], "Resource": "*",
        },
    ])
}

/// A trust policy of somebody else, by which EC2 may assume the role.
pub(crate) fn trust_of_others() -> String {
    let ec2 = json!({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"});
    json!({"Version": "2012-10-17", "Statement": [ec2]}).to_string()
}

/// The states of a machine that do something, but those that this run does not come to.
pub(crate) fn states_of(machine: &str, but: &[&str]) -> Vec<String> {
    let machine = asl::machines().unwrap().into_iter().find(|it| it.name == machine).unwrap();
    let states = machine.definition["States"].as_object().unwrap().iter();
    let acting = states.filter(|(name, state)| {
        ["Task", "Map", "Parallel"].contains(&state["Type"].as_str().unwrap()) && !but.contains(&name.as_str())
    });
    acting.map(|(name, _)| name.clone()).collect()
}
