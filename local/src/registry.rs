//! The registry of a stack, read and written past its functions. Only the root user of the embedded cloud may write it:
//! the engine applies no policies to it.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::{Client, types::AttributeValue};
use serde_json::{Value, json};

use crate::deploy::Stack;

fn client(stack: &Stack) -> Result<(Client, String)> {
    Ok((Client::new(&stack.account.sdk_config()), stack.output("RegistryName")?.to_owned()))
}

/// An item of the registry.
///
/// # Errors
/// If it cannot be read.
pub async fn item(stack: &Stack, partition: &str, sort: &str) -> Result<Option<Value>> {
    let (client, table) = client(stack)?;
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let get = client.get_item().table_name(table).key("pk", text(partition)).key("sk", text(sort));
    let item = get.consistent_read(true).send().await?.item;
    item.map(serde_dynamo::from_item).transpose().context("an item is JSON")
}

/// The items of a partition.
///
/// # Errors
/// If they cannot be read.
pub async fn items(stack: &Stack, partition: &str) -> Result<Vec<Value>> {
    let (client, table) = client(stack)?;
    let query = client.query().table_name(table).key_condition_expression("pk = :pk");
    let query = query.expression_attribute_values(":pk", AttributeValue::S(partition.to_owned()));
    let found: Vec<_> = query.into_paginator().items().send().try_collect().await?;
    found.into_iter().map(|item| serde_dynamo::from_item(item).context("an item is JSON")).collect()
}

/// What is known of a project.
///
/// # Errors
/// If it cannot be read.
pub async fn project(stack: &Stack, project_id: &str) -> Result<Option<Value>> {
    item(stack, &format!("project#{project_id}"), "state").await
}

/// Puts an item in the place of what is there.
///
/// # Errors
/// If it cannot be written.
pub async fn put(stack: &Stack, partition: &str, sort: &str, value: &Value) -> Result<()> {
    let (client, table) = client(stack)?;
    let mut whole = value.clone();
    let fields = whole.as_object_mut().context("an item is an object")?;
    fields.extend([("pk".to_owned(), json!(partition)), ("sk".to_owned(), json!(sort))]);
    fields.entry("schemaVersion").or_insert(json!(1));
    client.put_item().table_name(table).set_item(Some(serde_dynamo::to_item(whole)?)).send().await?;
    Ok(())
}

/// Deletes an item.
///
/// # Errors
/// If it cannot be deleted.
pub async fn delete(stack: &Stack, partition: &str, sort: &str) -> Result<()> {
    let (client, table) = client(stack)?;
    let text = |text: &str| AttributeValue::S(text.to_owned());
    client.delete_item().table_name(table).key("pk", text(partition)).key("sk", text(sort)).send().await?;
    Ok(())
}
