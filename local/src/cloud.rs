//! The whole of it: engine, simulator, a customer, and the stack deployed for that customer.

use std::{path::PathBuf, sync::Arc, time::SystemTime};

use anyhow::Result;
use aws_sdk_cloudtrail::types::{Event, LookupAttribute, LookupAttributeKey};
use serde_json::Value;

use crate::{
    Account,
    deploy::{Stack, Template, deploy},
    engine::Engine,
    events,
    functions::Build,
    progress,
    seed::{self, Customer, EXTERNAL_ID},
    simulator::{self, Simulator},
};

/// What a second of Atlas and of a Wait state takes here: a hundredth.
pub const TIME_SCALE: f64 = 0.01;

/// A customer's cloud. Several, of different accounts, can share one engine.
pub struct Cloud {
    /// AWS.
    pub engine: Arc<Engine>,
    /// Atlas.
    pub simulator: Simulator,
    /// Who it is for.
    pub customer: Customer,
    /// The account of role and key.
    pub account: Account,
    /// What was deployed.
    pub stack: Stack,
    /// Where its templates are.
    infra: PathBuf,
    /// The parameters it was deployed with.
    parameters: Vec<(&'static str, String)>,
}

impl Cloud {
    /// Seeds a customer in the engine and in a simulator of its own, and deploys the stack.
    ///
    /// # Errors
    /// If anything of that fails.
    pub async fn start(
        engine: Arc<Engine>,
        build: &Build,
        customer: Customer,
        atlas: simulator::Options,
    ) -> Result<Self> {
        let simulator = Simulator::start(atlas, &engine.url()).await?;
        customer.seed_credentials(&simulator).await?;
        if customer.is_prepared {
            customer.seed_project(&simulator).await?;
        }
        let (hub, account) = (Account::new(&customer.hub, engine.url()), Account::new(&customer.account, engine.url()));
        if customer.is_prepared {
            customer.seed_keys(&account).await?;
        }
        let secret_arn = customer.seed_secret(&hub).await?;
        progress::step("deploying infra/template.yaml through CloudFormation");
        // Keys that the customer brings have to be named; those that are made need not be.
        let key_arns = if customer.is_prepared { customer.key_arns() } else { String::new() };
        let parameters = vec![
            ("AtlasSecretArn", secret_arn),
            ("AtlasBaseUrl", simulator.url()),
            ("KeyArns", key_arns),
            ("CrossAccountRoleArns", seed::CONNECTED_ROLES.to_owned()),
            ("CrossAccountBucketArns", seed::CONNECTED_BUCKETS.to_owned()),
            ("OrganizationId", events::ORGANIZATION.to_owned()),
            ("Architecture", "x86_64".to_owned()),
        ];
        let stack = deploy_hub(&hub, &customer.stack, build, &parameters).await?;
        let cloud = Self { engine, simulator, customer, account, stack, infra: build.infra.clone(), parameters };
        if cloud.customer.hub != cloud.customer.account {
            progress::step("deploying infra/spoke.yaml in the other account");
            cloud.deploy_spoke(&cloud.account).await?;
        }
        Ok(cloud)
    }

    /// Deploys infra/spoke.yaml in an account, as a stack set would.
    ///
    /// # Errors
    /// If CloudFormation refuses.
    pub async fn deploy_spoke(&self, account: &Account) -> Result<()> {
        let key_arns = if self.customer.is_prepared { self.customer.key_arns() } else { String::new() };
        let parameters = [
            ("HubAccountId", self.customer.hub.as_str()),
            ("HubStackName", &self.customer.stack),
            ("ExternalId", EXTERNAL_ID),
            ("KeyArns", &key_arns),
            ("OrganizationId", events::ORGANIZATION),
            ("CrossAccountRoleArns", seed::CONNECTED_ROLES),
            ("CrossAccountBucketArns", seed::CONNECTED_BUCKETS),
            ("HubRegion", crate::account::REGION),
            ("RestoreKeys", "true"),
            ("HubEventBusArn", self.stack.output("EventBusArn")?),
        ];
        let template =
            Template { infra: &self.infra, file: "spoke.yaml", packages: &[], parameters: &parameters, tags: &[] };
        deploy(account, "atlas-cmk-spoke", template).await.map(drop)
    }

    /// The permissions boundary of roles of cross-account access in one of the two accounts.
    ///
    /// # Errors
    /// If the stack of the hub does not create one.
    pub fn cross_account_boundary(&self, account: &Account) -> Result<String> {
        if account.id == self.customer.hub {
            return self.stack.output("CrossAccountBoundaryArn").map(str::to_owned);
        }
        Ok(seed::spoke_cross_account_boundary(&account.id))
    }

    /// Deploys the template once more, with the parameters of the stack of the hub and these instead of some of them.
    ///
    /// # Errors
    /// If CloudFormation refuses.
    pub async fn deploy_beside(
        &self,
        hub: &Account,
        stack: &str,
        build: &Build,
        other: &[(&str, String)],
    ) -> Result<Stack> {
        let is_replaced = |name: &str| other.iter().any(|(other, _)| name == *other);
        let kept = self.parameters.iter().filter(|(name, _)| !is_replaced(name)).cloned();
        let parameters: Vec<(&str, String)> = kept.chain(other.iter().cloned()).collect();
        deploy_hub(hub, stack, build, &parameters).await
    }

    /// Deletes the stack of the hub and deploys it again, with more parameters than before. Whatever it had made is
    /// another now, under the same names.
    ///
    /// # Errors
    /// If CloudFormation refuses.
    pub async fn redeploy(&mut self, build: &Build, more: Vec<(&'static str, String)>) -> Result<()> {
        self.stack.delete_and_wait(&self.customer.stack).await?;
        // Boundaries stay when a stack is deleted, because roles carry them.
        let stack = &self.customer.stack;
        let kept = |kind: &str| {
            format!(
                "arn:aws:iam::{}:policy/stacks/{stack}/{stack}-{}-{kind}",
                self.customer.hub,
                crate::account::REGION
            )
        };
        let kept = [
            ("AccessRoleBoundaryArn", kept("access-role-boundary")),
            ("CrossAccountBoundaryArn", kept("cross-account-boundary")),
        ];
        self.parameters.extend(kept.into_iter().chain(more));
        self.stack = deploy_hub(&self.stack.account, &self.customer.stack, build, &self.parameters).await?;
        Ok(())
    }

    /// The requests so far that changed something in Atlas, as method and path.
    ///
    /// # Errors
    /// If the simulator does not answer.
    pub async fn atlas_writes(&self) -> Result<Vec<String>> {
        let requests = self.simulator.requests().await?;
        let text = |request: &Value, field: &str| request[field].as_str().unwrap_or_default().to_owned();
        let writes = requests.iter().filter(|request| {
            request["method"] != "GET" && request["authenticated"] == true && !text(request, "path").contains("/oauth/")
        });
        Ok(writes.map(|request| format!("{} {}", text(request, "method"), text(request, "path"))).collect())
    }

    /// The calls since `start` that changed something in AWS, by anyone in the customer's accounts, as CloudTrail
    /// records them: service and action, fifty of each region at the most.
    ///
    /// # Errors
    /// If the engine does not answer.
    pub async fn aws_writes_since(&self, start: SystemTime) -> Result<Vec<String>> {
        let mut accounts = vec![self.stack.account.clone()];
        if self.account.id != self.stack.account.id {
            accounts.push(self.account.clone());
        }
        let mut writes = Vec::new();
        for account in accounts {
            for region in REGIONS {
                let trail = aws_sdk_cloudtrail::Client::new(&account.sdk_config_in(region));
                let writes_only = LookupAttribute::builder()
                    .attribute_key(LookupAttributeKey::ReadOnly)
                    .attribute_value("false")
                    .build()?;
                let answer = trail
                    .lookup_events()
                    .lookup_attributes(writes_only)
                    .start_time(start.into())
                    .send()
                    .await
                    .map_err(|error| anyhow::anyhow!("CloudTrail: {}", error.into_service_error()))?;
                let name = |event: &Event| format!("{} {}", event.event_source().unwrap_or_default(), action_of(event));
                // Newest first.
                writes.extend(answer.events().iter().rev().map(name).filter(|name| changes_something(name)));
            }
        }
        Ok(writes)
    }
}

async fn deploy_hub(hub: &Account, stack: &str, build: &Build, parameters: &[(&str, String)]) -> Result<Stack> {
    let parameters: Vec<(&str, &str)> = parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (infra, packages) = (&build.infra, &build.packages);
    let template = Template { infra, file: "template.yaml", packages, parameters: &parameters, tags: &[] };
    deploy(hub, stack, template).await
}

/// The regions that customers here have keys in.
const REGIONS: [&str; 3] = ["us-east-1", "eu-west-1", "ap-southeast-2"];

/// The action of a recorded call. Of protocols that have it in their body, the engine records nothing but that it was a
/// POST.
fn action_of(event: &Event) -> String {
    let record: Option<Value> = event.cloud_trail_event().and_then(|text| serde_json::from_str(text).ok());
    let in_body = record.as_ref().and_then(|record| match &record["requestParameters"]["Action"] {
        Value::Array(list) => list.first()?.as_str(),
        one => one.as_str(),
    });
    in_body.or(event.event_name()).unwrap_or_default().to_owned()
}

/// CloudTrail marks what only reads, but not all of it: assuming a role, asking the simulator of IAM and starting what
/// then calls for itself change nothing either.
fn changes_something(call: &str) -> bool {
    let (service, action) = call.split_once(' ').unwrap_or_default();
    let reads = [
        "Get",
        "List",
        "Describe",
        "Head",
        "Simulate",
        "Lookup",
        "AssumeRole",
        "Encrypt",
        "Decrypt",
        "GenerateDataKey",
    ];
    let is_orchestration =
        service.starts_with("states.") || service.starts_with("lambda.") || service.starts_with("logs.");
    !is_orchestration && !reads.iter().any(|read| action.starts_with(read))
}
