//! The whole of it: engine, simulator, a customer, and the stack deployed for that customer.

use std::sync::Arc;

use anyhow::Result;

use crate::{
    Account,
    deploy::{Stack, Template, deploy},
    engine::Engine,
    functions::Package,
    progress,
    seed::{Customer, EXTERNAL_ID},
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
}

impl Cloud {
    /// Seeds a customer in the engine and in a simulator of its own, and deploys the stack.
    ///
    /// # Errors
    /// If anything of that fails.
    pub async fn start(
        engine: Arc<Engine>,
        packages: &[Package],
        customer: Customer,
        atlas: simulator::Options,
    ) -> Result<Self> {
        let simulator = Simulator::start(atlas, &engine.url()).await?;
        customer.seed_atlas(&simulator).await?;
        let (hub, account) = (Account::new(&customer.hub, engine.url()), Account::new(&customer.account, engine.url()));
        customer.seed_keys(&account).await?;
        let secret_arn = customer.seed_secret(&hub).await?;
        progress::step("deploying infra/template.yaml through CloudFormation");
        let parameters =
            [("AtlasSecretArn", secret_arn.as_str()), ("AtlasBaseUrl", &simulator.url()), ("Architecture", "x86_64")];
        let template = Template { file: "template.yaml", packages, parameters: &parameters };
        let stack = deploy(&hub, &customer.stack, template).await?;
        if customer.hub != customer.account {
            progress::step("deploying infra/spoke.yaml in the other account");
            let parameters =
                [("HubAccountId", hub.id.as_str()), ("HubStackName", &customer.stack), ("ExternalId", EXTERNAL_ID)];
            let template = Template { file: "spoke.yaml", packages: &[], parameters: &parameters };
            deploy(&account, "atlas-cmk-spoke", template).await?;
        }
        Ok(Self { engine, simulator, customer, account, stack })
    }
}
