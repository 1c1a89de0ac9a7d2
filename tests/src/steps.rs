//! Every step, with the schemas generated from its Rust types.

use atlas_cmk::{
    request::{
        CrossAccountAccess, CrossAccountAccessOutput, DisableEncryption, DisableEncryptionOutput, EnableEncryption,
        EnableEncryptionOutput, GuardKey, GuardKeyOutput, ReconcileProject, ReconcileProjectOutput, Sweep, SweepOutput,
    },
    step::{Answer, Step, parse},
    steps::{self, describe::DescribeProjectOutput},
};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Value, json};

/// What others may rely on of a function or a state machine.
pub struct Contract {
    /// Its name.
    pub name: &'static str,
    /// The JSON Schema of its input.
    pub input: Value,
    /// The JSON Schema of its output.
    pub output: Value,
    /// Reads an input as the function does, and returns why it would reject it.
    pub accepts: fn(Value) -> Result<(), atlas_cmk::Error>,
}

/// The functions, in the order of their names.
pub fn functions() -> Vec<Contract> {
    let mut contracts = vec![
        function::<steps::Approve>(),
        function::<steps::AttachAccessPolicy>(),
        function::<steps::AuthorizeRole>(),
        function::<steps::CancelAuthorization>(),
        function::<steps::CheckCluster>(),
        function::<steps::CheckCredential>(),
        function::<steps::CheckEndpoints>(),
        function::<steps::CheckEndpointsGone>(),
        function::<steps::CheckKeys>(),
        function::<steps::CreateAccessPolicy>(),
        function::<steps::CreateEndpoint>(),
        function::<steps::CreateRole>(),
        function::<steps::DeauthorizeRole>(),
        function::<steps::DeleteEndpoint>(),
        function::<steps::Describe>(),
        function::<steps::Diagnose>(),
        function::<steps::DisableCluster>(),
        function::<steps::DisableKms>(),
        function::<steps::EnableCluster>(),
        function::<steps::EnableKms>(),
        function::<steps::EnsureKey>(),
        function::<steps::EnsureProject>(),
        function::<steps::FindLeftovers>(),
        function::<steps::FindMissedAccounts>(),
        function::<steps::GrantKey>(),
        function::<steps::ListProjects>(),
        function::<steps::OnAccountVended>(),
        function::<steps::OnChange>(),
        function::<steps::Plan>(),
        function::<steps::PlanAccess>(),
        function::<steps::PlanDisable>(),
        function::<steps::Preflight>(),
        function::<steps::PutProfile>(),
        function::<steps::Register>(),
        function::<steps::RemoveTrust>(),
        function::<steps::ReplicateKey>(),
        function::<steps::ReportDrift>(),
        function::<steps::ReportSweep>(),
        function::<steps::RequestApproval>(),
        function::<steps::RestoreKey>(),
        function::<steps::RevokeKey>(),
        function::<steps::TakeTurn>(),
        function::<steps::Unregister>(),
        function::<steps::UpdateTrust>(),
        function::<steps::Verify>(),
        function::<steps::VerifyAccess>(),
    ];
    contracts.sort_by_key(|contract| contract.name);
    contracts
}

/// The state machines, in the order of their names.
pub fn state_machines() -> Vec<Contract> {
    vec![
        machine::<steps::PlanAccess, CrossAccountAccess, CrossAccountAccessOutput>("cross-account-access"),
        machine::<steps::Describe, steps::describe::DescribeProject, DescribeProjectOutput>("describe-project"),
        machine::<steps::PlanDisable, DisableEncryption, DisableEncryptionOutput>("disable-encryption"),
        machine::<steps::Preflight, EnableEncryption, EnableEncryptionOutput>("enable-encryption"),
        machine::<steps::RestoreKey, GuardKey, GuardKeyOutput>("guard-key"),
        Contract {
            // Its entry step also takes which executions there may be.
            accepts: |input| {
                let rest = json!({"request": input, "execution": "", "reconcileMachine": "", "changingMachines": []});
                parse::<steps::TakeTurn>(rest).map(drop)
            },
            ..machine::<steps::TakeTurn, ReconcileProject, ReconcileProjectOutput>("reconcile-project")
        },
        machine::<steps::ListProjects, Sweep, SweepOutput>("sweep"),
    ]
}

/// A state machine. Its first function is the entry step, and takes the whole input.
fn machine<Entry: Step, Input: JsonSchema, Output: JsonSchema>(name: &'static str) -> Contract {
    Contract {
        name,
        input: schema::<Input>(false),
        output: schema::<Output>(true),
        accepts: |input| parse::<Entry>(json!({"request": input})).map(drop),
    }
}

fn function<S: Step>() -> Contract
where
    Answer<S::Output>: JsonSchema,
{
    Contract {
        name: S::NAME,
        input: schema::<S::Input>(false),
        output: schema::<Answer<S::Output>>(true),
        accepts: |input| parse::<S>(input).map(drop),
    }
}

fn schema<T: JsonSchema>(of_output: bool) -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    if of_output {
        settings = settings.for_serialize();
    }
    SchemaGenerator::new(settings).into_root_schema_for::<T>().to_value()
}
