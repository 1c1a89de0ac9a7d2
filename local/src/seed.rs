//! What a customer has before the first enablement: an account with a key and a secret, a project with clusters.

use anyhow::{Context, Result};
use aws_sdk_kms::types::Tag;
use serde_json::{Value, json};

use crate::{Account, simulator::Simulator};

/// A tag that the engine takes the id of a new key from. AWS gives keys random ids.
const KEY_ID_TAG: &str = "local:key-id";

/// What the functions present to the account of role and key, where that is another than theirs.
pub const EXTERNAL_ID: &str = "b0a7c1de-5f2e-4f0e-9f5c-3d2c1b0a9e8d";

/// A customer: what the input of an enablement names.
#[derive(Debug, Clone)]
pub struct Customer {
    /// The AWS account of the role and the key.
    pub account: String,
    /// The AWS account that the functions run in: the same, or another.
    pub hub: String,
    /// The name of the stack that is deployed in the hub.
    pub stack: String,
    /// The Atlas project.
    pub project_id: String,
    /// The name of the IAM role, which is not there yet.
    pub role_name: String,
    /// The id of the multi-Region key without `mrk-`, 32 hexadecimal digits.
    pub key_id: String,
    /// The regions that get a replica of the key, besides `us-east-1`.
    pub replica_regions: Vec<String>,
    /// Whether project and key are there. If not, there is an organization and an account, and that is all.
    pub is_prepared: bool,
    /// The secret with the credentials of Atlas: `{"publicKey","privateKey"}` or `{"clientId","clientSecret"}`.
    pub secret: Value,
}

impl Customer {
    /// The customer of events/manual-enable.json.
    pub fn of_the_samples() -> Self {
        Self {
            account: "444455556666".to_owned(),
            hub: "444455556666".to_owned(),
            stack: "atlas-cmk".to_owned(),
            project_id: "66f0a1b2c3d4e5f601234567".to_owned(),
            role_name: "payments".to_owned(),
            key_id: "1234abcd12ab34cd56ef1234567890ab".to_owned(),
            replica_regions: vec!["eu-west-1".to_owned(), "ap-southeast-2".to_owned()],
            is_prepared: true,
            secret: json!({"publicKey": "abcdefgh", "privateKey": "a1b2c3d4-e5f6-4a5b-8c7d-9e0f1a2b3c4d"}),
        }
    }

    /// The customer of events/manual-enable-everything.json, who has an Atlas organization and two accounts, and that
    /// is all.
    pub fn with_nothing() -> Self {
        Self { hub: "777788889999".to_owned(), is_prepared: false, ..Self::of_the_samples() }
    }

    /// The ARN of the key.
    pub fn key_arn(&self) -> String {
        format!("arn:aws:kms:{}:{}:key/mrk-{}", crate::account::REGION, self.account, self.key_id)
    }

    /// The value of `KeyArns` of the stacks: the customer's own keys.
    pub fn key_arns(&self) -> String {
        format!("arn:aws:kms:*:{}:key/mrk-*", self.account)
    }

    /// The permissions boundary that the IAM role has to carry: the one that the template of its account creates.
    pub fn access_role_boundary(&self) -> String {
        let (account, stack, region) = (&self.account, &self.stack, crate::account::REGION);
        if self.hub == self.account {
            format!("arn:aws:iam::{account}:policy/stacks/{stack}/{stack}-{region}-access-role-boundary")
        } else {
            format!("arn:aws:iam::{account}:policy/AtlasCmkSpoke-access-role-boundary")
        }
    }

    /// The ARN of the IAM role.
    pub fn role_arn(&self) -> String {
        format!("arn:aws:iam::{}:role/atlas-cmk/{}", self.account, self.role_name)
    }

    /// The input that enables encryption for this customer in every region that has the key.
    pub fn input(&self) -> Value {
        let regions: Vec<&str> =
            std::iter::once(crate::account::REGION).chain(self.replica_regions.iter().map(String::as_str)).collect();
        let mut input = json!({
            "projectId": self.project_id,
            "roleArn": self.role_arn(),
            "keyArn": self.key_arn(),
            "regions": regions,
        });
        if self.hub != self.account {
            let role_arn = format!("arn:aws:iam::{}:role/AtlasCmkSpoke", self.account);
            input["account"] = json!({"roleArn": role_arn, "externalId": EXTERNAL_ID});
        }
        input
    }

    /// Creates the key and its replicas in the account.
    ///
    /// # Errors
    /// If the engine refuses.
    pub async fn seed_keys(&self, account: &Account) -> Result<()> {
        let kms = aws_sdk_kms::Client::new(&account.sdk_config());
        kms.create_key()
            .multi_region(true)
            .description("Customer-managed key for MongoDB Atlas")
            .tags(Tag::builder().tag_key(KEY_ID_TAG).tag_value(&self.key_id).build()?)
            .send()
            .await
            .context("no key")?;
        for region in &self.replica_regions {
            kms.replicate_key().key_id(self.key_arn()).replica_region(region).send().await.context("no replica")?;
        }
        Ok(())
    }

    /// Stores the secret in the hub; returns its ARN.
    ///
    /// # Errors
    /// If the engine refuses.
    pub async fn seed_secret(&self, hub: &Account) -> Result<String> {
        let secrets = aws_sdk_secretsmanager::Client::new(&hub.sdk_config());
        let secret = secrets
            .create_secret()
            .name("atlas-cmk/atlas")
            .description("Credentials for the Atlas Administration API")
            .secret_string(self.secret.to_string())
            .send()
            .await
            .context("no secret")?;
        secret.arn.context("the secret has no ARN")
    }

    /// Creates the credentials in Atlas.
    ///
    /// # Errors
    /// If the simulator refuses.
    pub async fn seed_credentials(&self, simulator: &Simulator) -> Result<()> {
        let mut credentials = self.secret.clone();
        // Kept in secrets that Secrets Manager rotates by itself; not a part of the credentials.
        credentials.as_object_mut().context("a secret is an object")?.remove("orgId");
        simulator.add_credentials(credentials).await
    }

    /// Creates the project and its clusters in Atlas.
    ///
    /// # Errors
    /// If the simulator refuses.
    pub async fn seed_project(&self, simulator: &Simulator) -> Result<()> {
        simulator.add_project(json!({"id": self.project_id, "name": "payments", "clusters": clusters()})).await
    }
}

/// The roles that cross-account access may connect here, and the buckets.
pub const CONNECTED_ROLES: &str = "arn:aws:iam::*:role/atlas-cmk/*,arn:aws:iam::*:role/stacks/*";

/// The buckets that they may be given access to.
pub const CONNECTED_BUCKETS: &str = "arn:aws:s3:::atc-*";

/// The permissions boundary that infra/spoke.yaml creates for roles of cross-account access.
pub fn spoke_cross_account_boundary(account: &str) -> String {
    format!("arn:aws:iam::{account}:policy/AtlasCmkSpoke-cross-account-boundary")
}

/// The clusters of a project.
pub fn clusters() -> Vec<Value> {
    vec![
        json!({"name": "orders", "instanceSize": "M30", "regions": ["US_EAST_1", "EU_WEST_1"]}),
        json!({"name": "reports", "instanceSize": "M10", "regions": ["US_EAST_1"]}),
    ]
}
