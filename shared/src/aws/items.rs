//! A table of DynamoDB: items by their key, written together or not at all, and only over what was read.

use std::{collections::HashMap, ops::Deref};

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, Delete, KeysAndAttributes, Put, TransactWriteItem},
};
use aws_types::SdkConfig;
use serde::{Serialize, de::DeserializeOwned};

use super::aws_error;
use crate::error::{Error, ErrorName, Result};

/// The version of what this code writes. `docs/registry.md` says how it may change.
const SCHEMA_VERSION: u64 = 1;

/// The key of an item: the names of its attributes are `pk` and `sk`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ItemKey {
    /// Which items are found together.
    pub partition: String,
    /// Which of them it is.
    pub sort: String,
}

impl ItemKey {
    /// The key of an item.
    pub fn new(partition: impl Into<String>, sort: impl Into<String>) -> Self {
        Self { partition: partition.into(), sort: sort.into() }
    }

    fn attributes(&self) -> HashMap<String, AttributeValue> {
        let text = |text: &String| AttributeValue::S(text.clone());
        HashMap::from([("pk".to_owned(), text(&self.partition)), ("sk".to_owned(), text(&self.sort))])
    }
}

/// What has to be there for an item to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Whatever there is.
    Anything,
    /// The item with this `version`; 0 is no item.
    Version(u64),
}

impl Expected {
    fn condition(self) -> (Option<String>, Option<HashMap<String, AttributeValue>>) {
        match self {
            Self::Anything => (None, None),
            Self::Version(0) => (Some("attribute_not_exists(pk)".to_owned()), None),
            Self::Version(read) => {
                let values = HashMap::from([(":read".to_owned(), AttributeValue::N(read.to_string()))]);
                (Some("version = :read".to_owned()), Some(values))
            }
        }
    }
}

/// One of several writes that are made together.
#[derive(Debug, Clone)]
pub struct Write {
    key: ItemKey,
    /// `None` deletes the item.
    attributes: Option<HashMap<String, AttributeValue>>,
    expected: Expected,
}

impl Write {
    /// Puts an item in the place of what is there.
    ///
    /// # Errors
    /// `Internal` if the value is no object.
    pub fn put(key: ItemKey, value: &impl Serialize, expected: Expected) -> Result<Self> {
        let mut attributes: HashMap<String, AttributeValue> = serde_dynamo::to_item(value)
            .map_err(|error| Error::new(ErrorName::Internal, format!("a bug: no item: {error}")))?;
        attributes.extend(key.attributes());
        attributes.insert("schemaVersion".to_owned(), AttributeValue::N(SCHEMA_VERSION.to_string()));
        Ok(Self { key, attributes: Some(attributes), expected })
    }

    /// Deletes an item. One that is not there counts as deleted, unless a version is expected.
    pub fn delete(key: ItemKey, expected: Expected) -> Self {
        Self { key, attributes: None, expected }
    }
}

/// Reads the items of a table.
#[derive(Debug, Clone)]
pub struct ItemsReader {
    client: Client,
    table: String,
}

/// Writes the items of a table, and reads them.
#[derive(Debug, Clone)]
pub struct ItemsWriter(ItemsReader);

impl Deref for ItemsWriter {
    type Target = ItemsReader;

    fn deref(&self) -> &ItemsReader {
        &self.0
    }
}

/// How many items `BatchGetItem` returns at the most (API reference).
const BATCH: usize = 100;

impl ItemsReader {
    /// Calls with the credentials of `config`.
    pub fn new(config: &SdkConfig, table: String) -> Self {
        Self { client: Client::new(config), table }
    }

    /// The item with this key, or `None` if there is none.
    ///
    /// # Errors
    /// As [`aws_error`]; `Deployment.Invalid` if another version of atlas-cmk wrote it.
    pub async fn get<T: DeserializeOwned>(&self, key: &ItemKey) -> Result<Option<T>> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let answer = get.set_key(Some(key.attributes())).send().await;
        let answer = answer.map_err(|error| aws_error("dynamodb:GetItem", &key.partition, &error))?;
        answer.item.map(parse).transpose()
    }

    /// The items with these keys, those that are there, in no order. What another version of atlas-cmk wrote is an error
    /// in its place.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn get_all<T: DeserializeOwned>(&self, keys: &[ItemKey]) -> Result<Vec<Result<T>>> {
        let mut found = Vec::new();
        for batch in keys.chunks(BATCH) {
            let mut next = Some(batch.iter().map(ItemKey::attributes).collect::<Vec<_>>());
            while let Some(keys) = next.take() {
                let request = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
                let request = request.map_err(|error| Error::new(ErrorName::Internal, format!("a bug: {error}")))?;
                let answer = self.client.batch_get_item().request_items(&self.table, request).send().await;
                let answer = answer.map_err(|error| aws_error("dynamodb:BatchGetItem", &self.table, &error))?;
                let items = answer.responses.unwrap_or_default().remove(&self.table).unwrap_or_default();
                found.extend(items.into_iter().map(parse));
                // What did not fit into 16 MB.
                next = answer.unprocessed_keys.unwrap_or_default().remove(&self.table).map(|rest| rest.keys);
            }
        }
        Ok(found)
    }

    /// The items of a partition, in the order of their sort keys.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn query<T: DeserializeOwned>(&self, partition: &str) -> Result<Vec<T>> {
        self.query_from(partition, "").await
    }

    /// Those whose sort keys begin with a text.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn query_from<T: DeserializeOwned>(&self, partition: &str, beginning: &str) -> Result<Vec<T>> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let query = query.expression_attribute_values(":pk", AttributeValue::S(partition.to_owned()));
        let query = if beginning.is_empty() {
            query.key_condition_expression("pk = :pk")
        } else {
            let query = query.expression_attribute_values(":sk", AttributeValue::S(beginning.to_owned()));
            query.key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
        };
        let items: std::result::Result<Vec<_>, _> = query.into_paginator().items().send().collect().await;
        let items = items.map_err(|error| aws_error("dynamodb:Query", partition, &error))?;
        items.into_iter().map(parse).collect()
    }
}

/// Takes leases, and reads them. It is not [`ItemsWriter`], because functions that only read take leases, too.
#[derive(Debug, Clone)]
pub struct Leases(ItemsReader);

impl Deref for Leases {
    type Target = ItemsReader;

    fn deref(&self) -> &ItemsReader {
        &self.0
    }
}

impl Leases {
    /// Calls with the credentials of `config`.
    pub fn new(config: &SdkConfig, table: String) -> Self {
        Self(ItemsReader::new(config, table))
    }

    /// Takes a lease, by a write that expects what was read.
    ///
    /// # Errors
    /// As [`aws_error`]; of what is not there, with an unknown outcome: it has to be read again.
    pub async fn take(&self, lease: Write) -> Result<()> {
        put(self, &lease.key, lease.attributes.unwrap_or_default(), lease.expected).await
    }
}

impl ItemsWriter {
    /// Calls with the credentials of `config`.
    pub fn new(config: &SdkConfig, table: String) -> Self {
        Self(ItemsReader::new(config, table))
    }

    /// Makes all the writes, or none if one of them expects what is not there.
    ///
    /// # Errors
    /// As [`aws_error`]; of what is not there, with an unknown outcome: it has to be read again.
    pub async fn write(&self, mut writes: Vec<Write>) -> Result<()> {
        match (writes.len(), writes.pop()) {
            (1, Some(write)) => self.write_one(write).await,
            (_, Some(last)) => {
                let resource = last.key.partition.clone();
                let items: Result<Vec<TransactWriteItem>> =
                    writes.into_iter().chain([last]).map(|write| self.in_transaction(write)).collect();
                let request = self.client.transact_write_items().set_transact_items(Some(items?));
                request.send().await.map_err(|error| aws_error("dynamodb:TransactWriteItems", &resource, &error))?;
                Ok(())
            }
            (_, None) => Ok(()),
        }
    }

    async fn write_one(&self, Write { key, attributes, expected }: Write) -> Result<()> {
        if let Some(attributes) = attributes {
            put(self, &key, attributes, expected).await?;
        } else {
            let (condition, values) = expected.condition();
            let delete = self.client.delete_item().table_name(&self.table).set_key(Some(key.attributes()));
            let delete = delete.set_condition_expression(condition).set_expression_attribute_values(values);
            delete.send().await.map_err(|error| aws_error("dynamodb:DeleteItem", &key.partition, &error))?;
        }
        Ok(())
    }

    fn in_transaction(&self, Write { key, attributes, expected }: Write) -> Result<TransactWriteItem> {
        let bug = |error| Error::new(ErrorName::Internal, format!("a bug: {error}"));
        let (condition, values) = expected.condition();
        let item = TransactWriteItem::builder();
        let item = if let Some(attributes) = attributes {
            let put = Put::builder().table_name(&self.table).set_item(Some(attributes));
            let put = put.set_condition_expression(condition).set_expression_attribute_values(values);
            item.put(put.build().map_err(bug)?)
        } else {
            let delete = Delete::builder().table_name(&self.table).set_key(Some(key.attributes()));
            let delete = delete.set_condition_expression(condition).set_expression_attribute_values(values);
            item.delete(delete.build().map_err(bug)?)
        };
        Ok(item.build())
    }
}

async fn put(
    table: &ItemsReader,
    key: &ItemKey,
    attributes: HashMap<String, AttributeValue>,
    expected: Expected,
) -> Result<()> {
    let (condition, values) = expected.condition();
    let put = table.client.put_item().table_name(&table.table).set_item(Some(attributes));
    let put = put.set_condition_expression(condition).set_expression_attribute_values(values);
    put.send().await.map_err(|error| aws_error("dynamodb:PutItem", &key.partition, &error))?;
    Ok(())
}

fn parse<T: DeserializeOwned>(item: HashMap<String, AttributeValue>) -> Result<T> {
    let place = item.get("pk").and_then(|key| key.as_s().ok()).cloned().unwrap_or_default();
    let other = |why: String| {
        let what = format!("the item {place} of the registry was written by another version of atlas-cmk: {why}");
        Error::new(ErrorName::DeploymentInvalid, what)
    };
    let version: Option<u64> =
        item.get("schemaVersion").and_then(|version| version.as_n().ok()).and_then(|text| text.parse().ok());
    match version {
        Some(SCHEMA_VERSION) => serde_dynamo::from_item(item).map_err(|error| other(error.to_string())),
        Some(version) => Err(other(format!("it has the schema version {version}, not {SCHEMA_VERSION}"))),
        None => Err(other("it has no schema version".to_owned())),
    }
}
