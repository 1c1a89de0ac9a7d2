//! Every step, with the schemas generated from its Rust types.

use atlas_cmk::{
    request::{EnableEncryption, EnableEncryptionOutput},
    step::{Answer, Step, parse},
    steps,
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
    /// Reads an input as the function does, and tells why it would refuse it.
    pub accepts: fn(Value) -> Result<(), atlas_cmk::Error>,
}

/// The functions, in the order of their names.
pub fn functions() -> Vec<Contract> {
    let mut contracts = vec![
        function::<steps::AuthorizeRole>(),
        function::<steps::CheckCluster>(),
        function::<steps::CheckEndpoints>(),
        function::<steps::CreateEndpoint>(),
        function::<steps::CreateRole>(),
        function::<steps::Diagnose>(),
        function::<steps::EnableCluster>(),
        function::<steps::EnableKms>(),
        function::<steps::EnsureKey>(),
        function::<steps::EnsureProject>(),
        function::<steps::GrantKey>(),
        function::<steps::Plan>(),
        function::<steps::Preflight>(),
        function::<steps::Register>(),
        function::<steps::ReplicateKey>(),
        function::<steps::UpdateTrust>(),
        function::<steps::Verify>(),
    ];
    contracts.sort_by_key(|contract| contract.name);
    contracts
}

/// The state machines, in the order of their names.
pub fn state_machines() -> Vec<Contract> {
    vec![Contract {
        name: "enable-encryption",
        input: schema::<EnableEncryption>(false),
        output: schema::<EnableEncryptionOutput>(true),
        // The first function is the door, and takes the whole input.
        accepts: |input| parse::<steps::Preflight>(json!({"request": input})).map(drop),
    }]
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
