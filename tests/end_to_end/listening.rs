//! What the bus of the stack takes from other accounts.

use std::{collections::BTreeSet, time::Duration};

use atlas_cmk_local::{Account, events};
use aws_sdk_cloudformation::client::Waiters;
use aws_sdk_eventbridge::types::Target;
use serde_json::{Value, json};

use crate::world::World;

/// An event that AWS puts on the bus of an account, by itself or because of a call.
fn reported(source: &str, detail_type: &str) -> Value {
    json!({"source": source, "detail-type": detail_type, "detail": {"eventName": "TagResource"}})
}

/// Whatever arrives on the bus of the stack.
struct Arriving {
    queues: aws_sdk_sqs::Client,
    url: String,
}

impl Arriving {
    async fn at(hub: &Account, bus: &str) -> Self {
        let queues = aws_sdk_sqs::Client::new(&hub.sdk_config());
        let url = queues.create_queue().queue_name("arriving").send().await.unwrap().queue_url.unwrap();
        let queue = format!("arn:aws:sqs:us-east-1:{}:arriving", hub.id);
        forward(hub, bus, &queue, None).await;
        Self { queues, url }
    }

    /// The sources and detail types of what has arrived since the last time.
    async fn next(&self) -> BTreeSet<String> {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let mut found = BTreeSet::new();
        loop {
            let receive = self.queues.receive_message().queue_url(&self.url).max_number_of_messages(10);
            let messages = receive.send().await.unwrap().messages.unwrap_or_default();
            if messages.is_empty() {
                return found;
            }
            for message in messages {
                let event: Value = serde_json::from_str(message.body().unwrap()).unwrap();
                let text = |field: &str| event[field].as_str().unwrap().to_owned();
                found.insert(format!("{}: {}", text("source"), text("detail-type")));
                let delete = self.queues.delete_message().queue_url(&self.url);
                delete.receipt_handle(message.receipt_handle.unwrap()).send().await.unwrap();
            }
        }
    }
}

/// A rule that sends every event of a bus on.
async fn forward(account: &Account, bus: &str, target: &str, role: Option<String>) {
    let client = aws_sdk_eventbridge::Client::new(&account.sdk_config());
    let everything = json!({"source": [{"prefix": ""}]}).to_string();
    client.put_rule().name("everything").event_bus_name(bus).event_pattern(everything).send().await.unwrap();
    let target = Target::builder().id("target").arn(target).set_role_arn(role).build().unwrap();
    client.put_targets().rule("everything").event_bus_name(bus).targets(target).send().await.unwrap();
}

/// Forwards every event of an account to a bus, with a role that may put anything there.
async fn forward_everything(sender: &Account, bus: &str) {
    let statement = |statement: Value| json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    let trust =
        json!({"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"});
    let rights = json!({"Effect": "Allow", "Action": "events:PutEvents", "Resource": "*"});
    let iam = aws_sdk_iam::Client::new(&sender.sdk_config());
    let role = iam.create_role().role_name("Forwarder").assume_role_policy_document(statement(trust));
    let role = role.send().await.unwrap().role.unwrap().arn;
    let put = iam.put_role_policy().role_name("Forwarder").policy_name("forward").policy_document(statement(rights));
    put.send().await.unwrap();
    forward(sender, "default", bus, Some(role)).await;
}

/// A bus of the hub that asks senders for the organization alone. Its ARN.
async fn create_bus_as_then(hub: &Account) -> String {
    let arn = format!("arn:aws:events:us-east-1:{}:event-bus/then", hub.id);
    let statement = json!({"Effect": "Allow", "Principal": "*", "Action": "events:PutEvents", "Resource": arn,
        "Condition": {"StringEquals": {"aws:PrincipalOrgID": events::ORGANIZATION}}});
    let policy = json!({"Version": "2012-10-17", "Statement": [statement]});
    let bus = json!({"Type": "AWS::Events::EventBus", "Properties": {"Name": "then", "Policy": policy}});
    let client = aws_sdk_cloudformation::Client::new(&hub.sdk_config());
    let template = json!({"Resources": {"Bus": bus}}).to_string();
    client.create_stack().stack_name("then").template_body(template).send().await.unwrap();
    client.wait_until_stack_create_complete().stack_name("then").wait(Duration::from_mins(1)).await.unwrap();
    arn
}

#[tokio::test]
async fn the_bus_takes_what_aws_reports_and_nothing_that_a_member_makes_up() {
    let mut world = World::with_two_accounts().await;
    let member = world.account().clone();
    let outsider = Account::new("991122223333", world.hub().endpoint());
    let put_all = async |sender: &Account| {
        for (source, detail_type) in [
            ("aws.kms", "AWS API Call via CloudTrail"),
            ("aws.kms", "KMS CMK Deletion"),
            ("aws.cloudformation", "CloudFormation Stack Status Change"),
            ("aws.s3", "AWS API Call via CloudTrail"),
            ("aws.kms", "AWS Console Action via CloudTrail"),
            ("com.example", "AWS API Call via CloudTrail"),
            ("com.example", "Account Vended"),
        ] {
            events::put(sender, &reported(source, detail_type)).await.unwrap();
        }
    };
    let expected = [
        "aws.cloudformation: CloudFormation Stack Status Change",
        "aws.kms: AWS API Call via CloudTrail",
        "aws.kms: KMS CMK Deletion",
    ];

    let bus = world.cloud.stack.output("EventBusArn").unwrap().to_owned();
    let arriving = Arriving::at(world.hub(), &world.customer().stack).await;
    forward_everything(&member, &bus).await;
    forward_everything(&outsider, &bus).await;
    put_all(&outsider).await;
    assert_eq!(arriving.next().await, BTreeSet::new(), "from outside of the organization");
    put_all(&member).await;
    assert_eq!(arriving.next().await, BTreeSet::from(expected.map(str::to_owned)));

    // The policy of an earlier version took whatever a member made up.
    let then = create_bus_as_then(world.hub()).await;
    let arriving = Arriving::at(world.hub(), "then").await;
    forward(&member, "default", &then, Some(format!("arn:aws:iam::{}:role/Forwarder", member.id))).await;
    put_all(&member).await;
    assert_eq!(arriving.next().await.len(), 7);

    // The account of a vending pipeline may say that it has vended one, and need not be of the organization.
    world.redeploy(vec![("VendingAccountId", outsider.id.clone())]).await;
    let arriving = Arriving::at(world.hub(), &world.customer().stack).await;
    put_all(&outsider).await;
    assert_eq!(arriving.next().await, BTreeSet::from(["com.example: Account Vended".to_owned()]));
}
