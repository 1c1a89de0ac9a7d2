//! Calls of AWS: which are sent again when no answer came, and how long an answer may take.

use std::time::Duration;

use atlas_cmk::{
    Error, ErrorName,
    aws::{CreateRole, IamWriter, KmsReader, KmsWriter, sdk_config},
    ids::{IamPolicyArn, IamRoleArn, KeyAlias, KmsKeyArn},
    policy::PolicyDocument,
    settings::Settings,
};
use aws_types::SdkConfig;
use serde_json::json;

use crate::{
    peer::{Peer, Reply},
    world::{KEY_ARN, ROLE_ARN, http},
};

fn config(peer: &Peer) -> SdkConfig {
    let endpoint = peer.url();
    let settings = Settings::read(|name| match name {
        "AWS_REGION" => Some("us-east-1".to_owned()),
        "AWS_ENDPOINT_URL" => Some(endpoint.clone()),
        "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("test".to_owned()),
        _ => None,
    });
    sdk_config(&settings.expect("settings"), &http())
}

/// An AWS that answers every call with a server error.
async fn in_trouble() -> Peer {
    Peer::start(|_| Reply::text(500, "")).await
}

fn role() -> IamRoleArn {
    ROLE_ARN.parse().expect("an ARN")
}

fn key() -> KmsKeyArn {
    KEY_ARN.parse().expect("an ARN")
}

#[tokio::test]
async fn what_creates_or_deletes_something_is_sent_once_and_its_outcome_is_unknown() {
    let peer = in_trouble().await;
    let (kms, iam) = (KmsWriter::new(&config(&peer)), IamWriter::new(&config(&peer)));
    let document = PolicyDocument::default();
    let policy: IamPolicyArn = "arn:aws:iam::444455556666:policy/atlas-cmk/x".parse().unwrap();
    let alias: KeyAlias = "alias/atlas-cmk".parse().unwrap();
    let trust =
        CreateRole { arn: &role(), trust_policy: &document, permissions_boundary: None, description: "", tags: &[] };
    let created = [
        ("CreateKey", kms.create_key(&document, "", &[]).await.map(drop)),
        ("CreateAlias", kms.create_alias(&alias, &key()).await),
        ("ReplicateKey", kms.replicate(&key(), &"eu-west-1".parse().unwrap(), &document, "", &[]).await),
        ("CreateRole", iam.create_role(trust).await),
        ("DeleteRole", iam.delete_role(&role()).await),
        ("CreatePolicy", iam.create_policy(&policy, &document, "", &[]).await),
    ];
    for (call, outcome) in created {
        let error: Error = outcome.expect_err(call);
        assert!(error.outcome_is_unknown(), "{call}: {error}");
        let is_call = |request: &crate::peer::Request| {
            request.header("x-amz-target").is_some_and(|target| target.ends_with(&format!(".{call}")))
                || request.text().contains(&format!("Action={call}&"))
        };
        assert_eq!(peer.requests().iter().filter(|request| is_call(request)).count(), 1, "{call}");
    }
}

#[tokio::test]
async fn a_read_is_sent_three_times() {
    let peer = in_trouble().await;
    let error = KmsReader::new(&config(&peer)).key(KEY_ARN).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::AwsUnavailable);
    assert_eq!(peer.requests().len(), 3);
}

#[tokio::test]
async fn an_answer_that_takes_seven_seconds_is_waited_for() {
    let body = json!({"Tags": [{"TagKey": "team", "TagValue": "payments"}], "Truncated": false});
    let peer = Peer::start(move |_| Reply::Late(Duration::from_secs(7), Box::new(Reply::json(&body)))).await;
    let tags = KmsReader::new(&config(&peer)).tags(&key()).await.unwrap();
    assert_eq!(tags, [("team".to_owned(), "payments".to_owned())]);
    assert_eq!(peer.requests().len(), 1);
}

#[tokio::test]
async fn a_key_whose_tags_cannot_be_read_for_a_moment_is_not_taken_for_a_key_of_others() {
    let list = json!({"Keys": [{"KeyId": "mrk-1", "KeyArn": KEY_ARN}], "Truncated": false});
    let wanted = [("atlas-cmk:managed-by".to_owned(), "atlas-cmk".to_owned())];
    for (refusal, name) in
        [("ThrottlingException", ErrorName::AwsUnavailable), ("KMSInternalException", ErrorName::AwsUnavailable)]
    {
        let list = list.clone();
        let peer = Peer::start(move |request| match request.header("x-amz-target") {
            Some("TrentService.ListKeys") => Reply::json(&list),
            _ => Reply::text(
                if refusal == "ThrottlingException" { 400 } else { 500 },
                json!({"__type": refusal}).to_string(),
            ),
        })
        .await;
        let error = KmsReader::new(&config(&peer)).key_with_tags(&wanted).await.unwrap_err();
        assert_eq!(error.name(), name, "{refusal}");
    }
    let peer = Peer::start(move |request| match request.header("x-amz-target") {
        Some("TrentService.ListKeys") => Reply::json(&list),
        _ => Reply::text(400, json!({"__type": "AccessDeniedException"}).to_string()),
    })
    .await;
    assert_eq!(
        KmsReader::new(&config(&peer)).key_with_tags(&wanted).await.unwrap(),
        None,
        "a key that we may not read is not ours"
    );
}
