//! What one event costs with many registered projects. `--ignored --nocapture` measures it with ten thousand.

use atlas_cmk::{
    registry::{self, Project},
    step::Converge,
    steps::watch::on_change::{Input, Observed, OnChange},
};
use atlas_cmk_local::progress;
use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use crate::{limiting, world::World};

const SECRET: &str = "arn:aws:secretsmanager:us-east-1:777788889999:secret:atlas/of-all-AbCdEf";

impl World {
    /// Fills the registry with projects of one secret, each with a key and a role of its own.
    async fn fill(&self, range: std::ops::Range<usize>) {
        let like = self.registered().await.unwrap();
        let requests = range.flat_map(|n| of_project(&like, n)).collect::<Vec<_>>();
        let client = aws_sdk_dynamodb::Client::new(&self.hub().sdk_config());
        let table = self.cloud.stack.output("RegistryName").unwrap();
        let writes = requests.chunks(25).map(|chunk| {
            let request = client.batch_write_item().request_items(table, chunk.to_vec());
            async move { drop(request.send().await.unwrap()) }
        });
        stream::iter(writes).buffer_unordered(8).collect::<Vec<_>>().await;
    }
}

fn of_project(like: &Value, n: usize) -> Vec<WriteRequest> {
    let id = format!("66f0a1b2c3d4e5f9{n:08x}");
    let text = like["current"].to_string().replace("mrk-1234abcd", &format!("mrk-{n:08x}"));
    let mut project = like.clone();
    project["projectId"] = json!(id);
    project["current"] =
        serde_json::from_str(&text.replace("role/atlas-cmk/", &format!("role/atlas-cmk/{n}-"))).unwrap();
    project["current"]["desired"]["projectId"] = json!(id);
    project["current"]["desired"]["atlasSecretId"] = json!(SECRET);
    let parsed: Project = serde_json::from_value(project.clone()).unwrap();
    let entry = parsed.entry().unwrap();
    let role = &entry.desired.role_arn;
    let indexes = [
        registry::key(entry.key_arn.key_id()),
        registry::role(role.account(), role.name()),
        registry::secret(Some(SECRET)),
        registry::account(role.account()),
        "projects".to_owned(),
    ];
    let put = |partition: String, sort: &str, value: &Value| {
        let mut item = value.clone();
        let fields = item.as_object_mut().unwrap();
        fields.extend([("pk".to_owned(), json!(partition)), ("sk".to_owned(), json!(sort))]);
        fields.insert("schemaVersion".to_owned(), json!(1));
        let put = PutRequest::builder().set_item(Some(serde_dynamo::to_item(item).unwrap())).build().unwrap();
        WriteRequest::builder().put_request(put).build()
    };
    let reference = json!({"projectId": id});
    let mut items: Vec<WriteRequest> = indexes.into_iter().map(|index| put(index, &id, &reference)).collect();
    items.push(put(format!("project#{id}"), "state", &project));
    items
}

async fn requests(world: &World) -> (u64, u64) {
    let calls = limiting::calls(world).await;
    let made = |action: &str| calls[action]["made"].as_u64().unwrap_or_default();
    (made("dynamodb:Query"), made("dynamodb:BatchGetItem"))
}

/// What events of different reach cost with ever more registered projects: the number of projects, whom the event
/// concerns, and how many calls of `Query` and of `BatchGetItem` it took.
async fn costs(sizes: &[usize]) -> Vec<(usize, &'static str, u64, u64)> {
    let world = World::new().await;
    world.enable_successfully().await;
    let counted = r#"{"dynamodb:Query": [1e9, 1e9], "dynamodb:BatchGetItem": [1e9, 1e9]}"#;
    limiting::set(&world, limiting::THROTTLING, counted).await;
    let readers = world.steps();
    let key = |id: &str| {
        let arn = format!("arn:aws:kms:us-east-1:{}:key/{id}", world.account().id);
        json!({"source": "aws.kms", "detail-type": "AWS API Call via CloudTrail", "account": world.account().id,
            "detail": {"eventName": "DisableKey", "eventID": "1", "resources": [{"ARN": arn}]}})
    };
    let secret = json!({"source": "aws.secretsmanager", "detail-type": "Secret Label Updated",
        "account": "777788889999", "resources": [SECRET], "detail": {"labelUpdated": "AWSCURRENT"}});
    let own = world.customer().key_arn();
    let one = own.rsplit('/').next().unwrap().replace("mrk-1234abcd", "mrk-00000007");
    let (mut there, mut costs) = (0, Vec::new());
    for &projects in sizes {
        world.fill(there..projects).await;
        there = projects;
        for (concerned, event, count) in
            [("nobody", key("mrk-0"), 0), ("one", key(&one), 1), ("all", secret.clone(), projects)]
        {
            let before = requests(&world).await;
            let observed = OnChange::observe(&readers, &Input(event)).await.unwrap();
            let after = requests(&world).await;
            let Observed::Change { affected, .. } = &observed else { panic!("{projects} projects, {concerned}") };
            assert_eq!(affected.len(), count, "{projects} projects, {concerned}");
            costs.push((projects, concerned, after.0 - before.0, after.1 - before.1));
        }
    }
    costs
}

#[tokio::test]
async fn an_event_costs_one_query_and_the_projects_that_it_concerns_however_many_are_registered() {
    let expected = [
        (50, "nobody", 1, 0),
        (50, "one", 1, 1),
        (50, "all", 1, 1),
        (200, "nobody", 1, 0),
        (200, "one", 1, 1),
        (200, "all", 1, 2),
    ];
    assert_eq!(costs(&[50, 200]).await, expected);
}

#[tokio::test]
#[ignore = "a measurement of minutes"]
async fn what_an_event_costs_with_ten_thousand_projects() {
    for (projects, concerned, queries, reads) in costs(&[100, 1_000, 10_000]).await {
        progress::plain(&format!(
            "{projects} projects, an event of {concerned}: {queries} Query, {reads} BatchGetItem"
        ));
    }
}
