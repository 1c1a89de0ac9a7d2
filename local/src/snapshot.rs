//! Everything there is of a customer's project on both sides of the border, to be compared with what there was.

use anyhow::{Context, Result};
use aws_sdk_iam::error::ProvideErrorMetadata;
use serde_json::{Value, json};

use crate::Cloud;

/// Reads the project as Atlas has it, the IAM role with all that hangs on it, policy and tags of the customer's key in
/// each of its regions, and what is registered. Documents are recorded as they are written, byte for byte.
///
/// # Errors
/// If a part cannot be read. That it is not there is a part of the picture.
pub async fn take(cloud: &Cloud, project_id: &str) -> Result<Value> {
    Ok(json!({
        "atlas": cloud.simulator.project(project_id).await?,
        "role": role(cloud).await?,
        "keys": keys(cloud).await?,
        "registered": registered(cloud, project_id).await?,
    }))
}

async fn role(cloud: &Cloud) -> Result<Value> {
    let iam = aws_sdk_iam::Client::new(&cloud.account.sdk_config());
    let name = &cloud.customer.role_name;
    let role = match iam.get_role().role_name(name).send().await {
        Ok(answer) => answer.role.context("no role in the answer")?,
        Err(error) if error.code() == Some("NoSuchEntity") => return Ok(Value::Null),
        Err(error) => return Err(error.into()),
    };
    let mut inline = serde_json::Map::new();
    for policy in iam.list_role_policies().role_name(name).send().await?.policy_names {
        let document = iam.get_role_policy().role_name(name).policy_name(&policy).send().await?.policy_document;
        inline.insert(policy, decoded(&document)?);
    }
    let attached = iam.list_attached_role_policies().role_name(name).send().await?;
    let attached: Vec<&str> = attached.attached_policies().iter().filter_map(|policy| policy.policy_arn()).collect();
    let tags: serde_json::Map<String, Value> =
        role.tags().iter().map(|tag| (tag.key().to_owned(), json!(tag.value()))).collect();
    Ok(json!({
        "arn": role.arn(),
        "trust": decoded(role.assume_role_policy_document().unwrap_or_default())?,
        "inline": inline,
        "attached": attached,
        "tags": tags,
    }))
}

async fn keys(cloud: &Cloud) -> Result<Value> {
    let customer = &cloud.customer;
    let mut keys = serde_json::Map::new();
    let regions = std::iter::once(crate::account::REGION).chain(customer.replica_regions.iter().map(String::as_str));
    for region in regions {
        let arn = customer.key_arn().replacen(crate::account::REGION, region, 1);
        let kms = aws_sdk_kms::Client::new(&cloud.account.sdk_config_in(region));
        let Ok(described) = kms.describe_key().key_id(&arn).send().await else { continue };
        let state = described.key_metadata.and_then(|key| key.key_state).map(|state| state.as_str().to_owned());
        let policy = kms.get_key_policy().key_id(&arn).policy_name("default").send().await?.policy;
        let tags = kms.list_resource_tags().key_id(&arn).send().await?;
        let tags: serde_json::Map<String, Value> =
            tags.tags().iter().map(|tag| (tag.tag_key().to_owned(), json!(tag.tag_value()))).collect();
        keys.insert(arn, json!({"state": state, "policy": policy, "tags": tags}));
    }
    Ok(keys.into())
}

/// What is registered of a project. Of one that was taken down, the keys of old snapshots stay.
async fn registered(cloud: &Cloud, project_id: &str) -> Result<Option<Value>> {
    let known = crate::registry::project(&cloud.stack, project_id).await?;
    Ok(known.filter(|project| !(project["current"].is_null() && project["intended"].is_null())))
}

/// IAM returns documents URL-encoded.
fn decoded(document: &str) -> Result<Value> {
    let document = percent_encoding::percent_decode_str(document).decode_utf8()?;
    Ok(json!(document))
}

/// The paths at which two pictures differ, with what was and what is there.
pub fn differences(before: &Value, after: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", before, after, &mut found);
    found
}

fn compare(path: &str, before: &Value, after: &Value, found: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(one), Value::Object(other)) => {
            let keys: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for key in keys {
                let part = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or_default();
                compare(&format!("{path}/{key}"), &part(one), &part(other), found);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (index, (before, after)) in one.iter().zip(other).enumerate() {
                compare(&format!("{path}/{index}"), before, after, found);
            }
        }
        _ if before == after => {}
        _ => found.push(format!("{path}: {before} became {after}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_reported_with_its_path() {
        let before = json!({"a": {"b": 1, "c": [1, 2]}, "d": null});
        assert_eq!(differences(&before, &before), [] as [String; 0]);
        let after = json!({"a": {"b": 2, "c": [1, 3]}, "e": "new"});
        let found = differences(&before, &after);
        assert_eq!(found, ["/a/b: 1 became 2", "/a/c/1: 2 became 3", "/e: null became \"new\""]);
    }
}
