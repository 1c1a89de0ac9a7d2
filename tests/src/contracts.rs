//! Every function and every state machine, with what is known of it and the schemas generated from its Rust types.

use std::{collections::BTreeSet, sync::LazyLock};

use atlas_cmk::{
    functions::{self, VisitStep, for_each_step},
    ids::SpokeRole,
    request::{
        CrossAccountAccess, CrossAccountAccessOutput, DisableEncryption, DisableEncryptionOutput, EnableEncryption,
        EnableEncryptionOutput, GuardKey, KeyRestored, ReconcileProject, Reconciled, Sweep, SweepReport,
    },
    step::{Reply, Retries, Step, parse},
};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Value, json};

/// What others may rely on of a function or a state machine.
#[derive(Clone)]
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

/// A function, and what its step declares.
pub struct Function {
    /// Its contract.
    pub contract: Contract,
    /// What it does, in one line.
    pub about: &'static str,
    /// For how long it is retried.
    pub retries: Retries,
    /// The actions that its role allows, besides those of every function.
    pub actions: BTreeSet<&'static str>,
    /// The role that it assumes in other accounts.
    pub spoke_role: SpokeRole,
    /// An input that it takes.
    pub sample: Value,
}

/// The roles of infra/spoke.yaml that functions assume, by their logical ids.
pub const SPOKE_ROLES: [&str; 7] =
    ["SpokeRole", "IamRole", "KeysRole", "KeyPoliciesRole", "TagsRole", "AccessRole", "GuardRole"];

impl Function {
    /// The name of its step.
    pub fn name(&self) -> &'static str {
        self.contract.name
    }

    /// What it does in other accounts, and the role of infra/spoke.yaml that it does that with.
    pub fn elsewhere(&self) -> Option<(&'static str, BTreeSet<String>)> {
        if !self.actions.contains("sts:AssumeRole") {
            return None;
        }
        let role = match self.spoke_role {
            SpokeRole::Read => "SpokeRole",
            SpokeRole::Iam => "IamRole",
            SpokeRole::Keys => "KeysRole",
            SpokeRole::KeyPolicies => "KeyPoliciesRole",
            SpokeRole::Tags => "TagsRole",
            SpokeRole::Access => "AccessRole",
            SpokeRole::Guard => "GuardRole",
        };
        // On roles and keys. Publishing and reading secrets use keys of our own.
        let is_elsewhere = |action: &&&str| {
            action.starts_with("iam:")
                || (action.starts_with("kms:") && !["kms:Decrypt", "kms:GenerateDataKey"].contains(action))
        };
        Some((role, self.actions.iter().filter(is_elsewhere).map(|action| (*action).to_owned()).collect()))
    }
}

/// The functions, in the order of their names.
pub fn functions() -> &'static [Function] {
    static FUNCTIONS: LazyLock<Vec<Function>> = LazyLock::new(collect_functions);
    &FUNCTIONS
}

fn collect_functions() -> Vec<Function> {
    struct Collect(Vec<Function>);
    impl VisitStep for Collect {
        fn visit<S: Step>(&mut self)
        where
            Reply<S::Output>: JsonSchema,
        {
            self.0.push(Function {
                contract: Contract {
                    name: S::NAME,
                    input: schema::<S::Input>(false),
                    output: schema::<Reply<S::Output>>(true),
                    accepts: |input| parse::<S>(input).map(drop),
                },
                about: S::ABOUT,
                retries: S::RETRIES,
                actions: S::ACTIONS.iter().copied().flatten().copied().collect(),
                spoke_role: S::SPOKE_ROLE,
                sample: S::sample(),
            });
        }
    }
    let mut collect = Collect(Vec::new());
    for_each_step(&mut collect);
    collect.0
}

/// The state machines, in the order of their names.
pub fn state_machines() -> Vec<Contract> {
    vec![
        machine::<functions::PlanAccess, CrossAccountAccess, CrossAccountAccessOutput>("cross-account-access"),
        machine::<functions::PlanDisable, DisableEncryption, DisableEncryptionOutput>("disable-encryption"),
        machine::<functions::Preflight, EnableEncryption, EnableEncryptionOutput>("enable-encryption"),
        machine::<functions::RestoreKey, GuardKey, KeyRestored>("guard-key"),
        Contract {
            // Its entry step takes the project for itself, as it does of other state machines.
            accepts: |input| {
                let whole = json!({"projectId": input["projectId"], "execution": "", "request": input});
                parse::<functions::TakeTurn>(whole).map(drop)
            },
            ..machine::<functions::TakeTurn, ReconcileProject, Reconciled>("reconcile-project")
        },
        machine::<functions::ListProjects, Sweep, SweepReport>("sweep"),
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

fn schema<T: JsonSchema>(of_output: bool) -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    if of_output {
        settings = settings.for_serialize();
    }
    SchemaGenerator::new(settings).into_root_schema_for::<T>().to_value()
}
