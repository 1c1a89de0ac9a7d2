//! What the state machine of enabling sends to a step is what the step assembles from the request by itself, for plans
//! and findings.

use atlas_cmk::{
    answers::verify,
    model::enablement::Enablement,
    request::EnableEncryption,
    steps::enable::{
        allow_key_use, authorize_role, create_endpoint, create_role, enable_kms, ensure_key, ensure_project, register,
        replicate_key, update_trust,
    },
};
use atlas_cmk_tests::asl::{self, Machine};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const REGION: &str = "eu-west-1";
const CLUSTER: &str = "orders";

fn with_everything() -> EnableEncryption {
    serde_json::from_value(json!({
        "project": {"name": "payments", "orgId": "5f0000000000000000000001"},
        "roleArn": "arn:aws:iam::444455556666:role/atlas-cmk/payments",
        "role": {"permissionsBoundary": "arn:aws:iam::444455556666:policy/boundary", "manage": "trust-only"},
        "key": {"alias": "alias/atlas-cmk", "rotationDays": 180},
        "regions": ["us-east-1", REGION],
        "clusters": "all",
        "searchNodes": false,
        "account": {"roleArn": "arn:aws:iam::444455556666:role/AtlasCmkSpoke", "externalId": "b0a7c1de-5f2e-4f0e-9f5c"},
        "atlasSecretId": "arn:aws:secretsmanager:us-east-1:111122223333:secret:atlas-2",
    }))
    .unwrap()
}

fn with_the_least() -> EnableEncryption {
    serde_json::from_value(json!({
        "projectId": "66f0a1b2c3d4e5f601234567",
        "roleArn": "arn:aws:iam::444455556666:role/atlas-cmk/payments",
        "keyArn": "arn:aws:kms:us-east-1:444455556666:key/mrk-1",
    }))
    .unwrap()
}

fn enablement(request: &EnableEncryption) -> Enablement<'_> {
    Enablement {
        request,
        project_id: "66f0a1b2c3d4e5f601234567".parse().unwrap(),
        key_arn: "arn:aws:kms:us-east-1:444455556666:key/mrk-1".parse().unwrap(),
        primary_region: "us-east-1".parse().unwrap(),
        role_id: "6a793f88c0eb9e7a17716581".parse().unwrap(),
        principal_arn: "arn:aws:iam::299602853325:root".parse().unwrap(),
        external_id: "b63a96a9-external".parse().unwrap(),
        previous_key: Some("1234abcd-12ab-34cd-56ef-1234567890ab".to_owned()),
        execution: Some("enable-payments".to_owned()),
    }
}

/// The state machine in the middle of an enablement.
struct Midway<'a> {
    machine: Machine,
    enablement: Enablement<'a>,
}

impl<'a> Midway<'a> {
    fn of(request: &'a EnableEncryption) -> Self {
        let machine = asl::machines().unwrap().into_iter().find(|machine| machine.name == "enable-encryption");
        Self { machine: machine.unwrap(), enablement: enablement(request) }
    }

    /// The input that a state sends.
    fn sent<I: DeserializeOwned>(&self, path: &str) -> I {
        let (map, state) = match path.split_once('/') {
            Some((map, inner)) => {
                let map = &self.machine.definition["States"][map];
                (Some(&map["ItemSelector"]), &map["ItemProcessor"]["States"][inner])
            }
            None => (None, &self.machine.definition["States"][path]),
        };
        let payload = self.evaluate(&state["Arguments"]["Payload"], map);
        serde_json::from_value(payload.clone()).unwrap_or_else(|error| panic!("{path}: {error} in {payload}"))
    }

    fn evaluate(&self, value: &Value, item: Option<&Value>) -> Value {
        match value {
            Value::Object(fields) => {
                fields.iter().map(|(name, value)| (name.clone(), self.evaluate(value, item))).collect()
            }
            Value::String(text) => match text.strip_prefix("{% ").and_then(|text| text.strip_suffix(" %}")) {
                Some(expression) => self.expression(expression, item),
                None => value.clone(),
            },
            other => other.clone(),
        }
    }

    /// The forms of expressions that payloads have: a path, a constant, whether something is there, and one or else another.
    fn expression(&self, text: &str, item: Option<&Value>) -> Value {
        if text == "null" {
            return Value::Null;
        }
        if let Some(constant) = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
            return json!(constant);
        }
        if let Some((condition, values)) = text.split_once(" ? ") {
            let (then, otherwise) = values.split_once(" : ").unwrap();
            let holds = match self.expression(condition, item) {
                Value::Null => false,
                Value::Bool(holds) => holds,
                _ => true,
            };
            return self.expression(if holds { then } else { otherwise }, item);
        }
        if let Some(path) = text.strip_prefix("$exists(").and_then(|text| text.strip_suffix(')')) {
            return json!(!self.expression(path, item).is_null());
        }
        if let Some(path) = text.strip_prefix("$count(").and_then(|text| text.strip_suffix(") > 0")) {
            return json!(self.expression(path, item).as_array().is_some_and(|list| !list.is_empty()));
        }
        if text == "$states.context.Map.Item.Value" {
            return json!(REGION);
        }
        if let Some(field) = text.strip_prefix("$states.input.") {
            return self.evaluate(&item.unwrap()[field], None);
        }
        let mut parts = text.strip_prefix('$').unwrap_or_else(|| panic!("no known form: {text}")).split('.');
        let variable = self.variable(parts.next().unwrap());
        parts.fold(variable, |value, field| value.get(field).cloned().unwrap_or(Value::Null))
    }

    /// What earlier states have assigned: ids that steps return, and what the first state takes out of the request.
    fn variable(&self, name: &str) -> Value {
        let known = &self.enablement;
        match name {
            "request" => json!(known.request),
            "states" => json!({"context": {"Execution": {"Name": known.execution}}}),
            "regions" => json!(known.request.regions()),
            "clusters" => json!([CLUSTER]),
            "projectId" => json!(known.project_id),
            "keyArn" => json!(known.key_arn),
            "primaryRegion" => json!(known.primary_region),
            "roleId" => json!(known.role_id),
            "atlasAwsAccountArn" => json!(known.principal_arn),
            "externalId" => json!(known.external_id),
            "previousKey" => json!(known.previous_key),
            // What no state has changed yet.
            "planned" | "changes" => json!([]),
            _ => {
                let assigned = &self.machine.definition["States"]["Preflight"]["Assign"][name];
                assert!(assigned.is_string(), "nothing assigns ${name}");
                self.evaluate(assigned, None)
            }
        }
    }
}

#[test]
fn every_step_of_enabling_gets_the_input_that_it_assembles_itself() {
    let region = REGION.parse().unwrap();
    for request in [with_everything(), with_the_least()] {
        let machine = Midway::of(&request);
        let known = &machine.enablement;
        assert_eq!(machine.sent::<create_role::Input>("CreateRole"), create_role::Input::of(known));
        assert_eq!(machine.sent::<register::Input>("Announce"), register::Input::of(known, true));
        assert_eq!(machine.sent::<update_trust::Input>("UpdateTrust"), update_trust::Input::of(known));
        assert_eq!(machine.sent::<authorize_role::Input>("AuthorizeRole"), authorize_role::Input::of(known));
        assert_eq!(machine.sent::<enable_kms::Input>("EnableKms"), enable_kms::Input::of(known));
        let sent: verify::Input = machine.sent("Verify");
        assert_eq!(sent, verify::Input::of(known, vec![CLUSTER.parse().unwrap()]));
        assert_eq!(machine.sent::<register::Input>("Register"), register::Input::of(known, false));

        let sent: replicate_key::Input = machine.sent("ReplicateKeys/ReplicateKey");
        assert_eq!(sent, replicate_key::Input::of(known, &region));
        let sent: allow_key_use::Input = machine.sent("AllowUseOfKeys/AllowKeyUse");
        assert_eq!(sent, allow_key_use::Input::of(known, &region));
        let sent: create_endpoint::Input = machine.sent("CreateEndpoints/CreateEndpoint");
        assert_eq!(sent, create_endpoint::Input::of(known, &region));
    }
    let request = with_everything();
    let machine = Midway::of(&request);
    let known = &machine.enablement;
    assert_eq!(Some(machine.sent("EnsureProject")), ensure_project::Input::of(known));
    assert_eq!(Some(machine.sent("EnsureKey")), ensure_key::Input::of(known));
}
