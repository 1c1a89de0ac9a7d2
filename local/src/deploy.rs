//! Deploys the templates of infra/ through CloudFormation, the way `sam deploy` does: artifacts to a bucket, local
//! paths of the template replaced by where they went, and the stack created from that. [`deploy`] does so in the
//! embedded cloud, [`deploy_from`] anywhere.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::{Context, Result, bail};
use aws_sdk_cloudformation::{
    error::ProvideErrorMetadata,
    operation::describe_stack_events::DescribeStackEventsOutput,
    types::{Capability, Parameter, ResourceStatus, StackStatus, Tag},
};
use aws_sdk_s3::{operation::list_objects_v2::ListObjectsV2Output, primitives::ByteStream};

use tokio::sync::Mutex;

use crate::{
    Account,
    account::{REGION, words},
    functions::Package,
};

const BUCKET: &str = "atlas-cmk-artifacts";

/// Whose account the code of functions lies in: it is put there once, however many stacks it is deployed in.
const BUILDER: &str = "999988887777";

/// Only one deployment at a time puts code there.
static UPLOADING: Mutex<()> = Mutex::const_new(());

/// A deployed stack.
#[derive(Debug, Clone)]
pub struct Stack {
    /// The account it is in.
    pub account: Account,
    /// Its outputs by name.
    pub outputs: BTreeMap<String, String>,
}

impl Stack {
    /// The stack of this name, unless there is none.
    ///
    /// # Errors
    /// If CloudFormation refuses.
    pub async fn find(account: &Account, name: &str) -> Result<Option<Self>> {
        let found = described(account, name).await?;
        Ok(found.map(|stack| Self { account: account.clone(), outputs: outputs(&stack) }))
    }

    /// An output.
    ///
    /// # Errors
    /// If the template has none of this name.
    pub fn output(&self, name: &str) -> Result<&str> {
        self.outputs.get(name).map(String::as_str).with_context(|| format!("the stack has no output {name}"))
    }

    /// Deletes the stack, by its name, and waits until it is gone.
    ///
    /// # Errors
    /// If CloudFormation refuses or fails.
    pub async fn delete_and_wait(&self, name: &str) -> Result<()> {
        self.delete(name).await?;
        let cloudformation = aws_sdk_cloudformation::Client::new(&self.account.sdk_config());
        loop {
            match described(&self.account, name).await?.as_ref().and_then(|stack| stack.stack_status()) {
                None => return Ok(()),
                Some(StackStatus::DeleteInProgress) => tokio::time::sleep(self.account.pace()).await,
                status => bail!("the deletion failed ({status:?}):\n{}", failures(&cloudformation, name).await?),
            }
        }
    }

    /// Asks for the stack to be deleted, by its name, and does not wait for it.
    ///
    /// # Errors
    /// If CloudFormation refuses.
    pub async fn delete(&self, name: &str) -> Result<()> {
        let cloudformation = aws_sdk_cloudformation::Client::new(&self.account.sdk_config());
        cloudformation.delete_stack().stack_name(name).send().await?;
        Ok(())
    }
}

/// What to deploy.
#[derive(Debug, Clone, Copy)]
pub struct Template<'a> {
    /// The folder it is in.
    pub infra: &'a Path,
    /// Its name.
    pub file: &'a str,
    /// The functions it names.
    pub packages: &'a [Package],
    /// Its parameters.
    pub parameters: &'a [(&'a str, &'a str)],
    /// The tags of the stack, which its resources get, too.
    pub tags: &'a [(&'a str, &'a str)],
}

/// A bucket that CloudFormation takes artifacts from.
#[derive(Debug, Clone)]
pub struct Bucket {
    s3: aws_sdk_s3::Client,
    name: String,
    address: String,
}

impl Bucket {
    /// The bucket of this name, of an account. It need not be there yet.
    pub fn of(account: &Account, name: &str) -> Self {
        let config = aws_sdk_s3::config::Builder::from(&account.sdk_config()).force_path_style(true).build();
        let address = match account.endpoint() {
            "" => format!("https://s3.{}.amazonaws.com/{name}", account.region()),
            engine => format!("{engine}/{name}"),
        };
        Self { s3: aws_sdk_s3::Client::from_conf(config), name: name.to_owned(), address }
    }

    // One that is there already is ours.
    async fn create(&self) -> Result<()> {
        self.s3.create_bucket().bucket(&self.name).send().await.context("no bucket for the artifacts")?;
        Ok(())
    }

    async fn put(&self, key: &str, body: Vec<u8>) -> Result<()> {
        let put = self.s3.put_object().bucket(&self.name).key(key).body(ByteStream::from(body));
        Box::pin(put.send()).await.with_context(|| format!("{key} cannot be put into the bucket {}", self.name))?;
        Ok(())
    }

    /// Puts the code of functions there, unless it is there already.
    ///
    /// # Errors
    /// If S3 refuses.
    pub async fn put_code(&self, packages: &[Package]) -> Result<()> {
        let there = self.s3.list_objects_v2().bucket(&self.name).send().await?;
        let there: BTreeSet<&str> = there.contents().iter().filter_map(|object| object.key()).collect();
        for package in packages.iter().filter(|package| !there.contains(package.key.as_str())) {
            self.put(&package.key, package.zip.clone()).await?;
        }
        Ok(())
    }

    /// Deletes everything in it.
    ///
    /// # Errors
    /// If S3 refuses.
    pub async fn empty(&self) -> Result<()> {
        let objects = self.s3.list_objects_v2().bucket(&self.name).into_paginator().send().try_collect().await?;
        for object in objects.iter().flat_map(ListObjectsV2Output::contents) {
            let key = object.key().context("an object has a key")?;
            self.s3.delete_object().bucket(&self.name).key(key).send().await?;
        }
        Ok(())
    }
}

/// Deploys a template as a stack of this name in an account of the engine, and waits for it.
///
/// The engine ends running functions of the same name in other accounts, so accounts that are used at the same time
/// need stacks of different names.
///
/// # Errors
/// If CloudFormation refuses or fails, with the reasons of the resources that failed.
pub async fn deploy(account: &Account, name: &str, template: Template<'_>) -> Result<Stack> {
    // On AWS a function's code lies in a bucket of its region; here one bucket serves all regions.
    let bucket = |account: &Account| Bucket::of(&account.in_region(REGION), &format!("{BUCKET}-{}", account.id));
    let artifacts = bucket(account);
    artifacts.create().await?;
    let code = bucket(&Account::new(BUILDER, account.endpoint()));
    if !template.packages.is_empty() {
        let _alone = UPLOADING.lock().await;
        code.create().await?;
        code.put_code(template.packages).await?;
    }
    // It is large, and so would be everything that waits for it.
    Box::pin(deploy_from(account, name, template, &artifacts, &code)).await
}

/// Deploys a template as a stack of this name and waits for it, with its artifacts put into a bucket, and the code of
/// functions taken from one where it is.
///
/// # Errors
/// If CloudFormation refuses or fails, with the reasons of the resources that failed.
pub async fn deploy_from(
    account: &Account,
    name: &str,
    template: Template<'_>,
    artifacts: &Bucket,
    code: &Bucket,
) -> Result<Stack> {
    let body = packaged(template, artifacts, code).await?;
    artifacts.put(template.file, body.into_bytes()).await?;
    let cloudformation = aws_sdk_cloudformation::Client::new(&account.sdk_config());
    let parameter =
        |(key, value): &(&str, &str)| Parameter::builder().parameter_key(*key).parameter_value(*value).build();
    let tag = |(key, value): &(&str, &str)| Tag::builder().key(*key).value(*value).build();
    cloudformation
        .create_stack()
        .stack_name(name)
        // By its address: a template in the request itself may have 51,200 bytes (CloudFormation user guide, "Quotas").
        .template_url(format!("{}/{}", artifacts.address, template.file))
        .set_parameters(Some(template.parameters.iter().map(parameter).collect()))
        .set_tags(Some(template.tags.iter().map(tag).collect()))
        .capabilities(Capability::CapabilityNamedIam)
        .capabilities(Capability::CapabilityAutoExpand)
        .send()
        .await
        .map_err(|error| words("cloudformation:CreateStack", &error))?;
    created(account, name).await
}

/// Waits until a stack that is being created is there.
///
/// # Errors
/// If CloudFormation fails, with the reasons of the resources that failed.
pub async fn created(account: &Account, name: &str) -> Result<Stack> {
    let cloudformation = aws_sdk_cloudformation::Client::new(&account.sdk_config());
    loop {
        let answer = cloudformation.describe_stacks().stack_name(name).send().await?;
        let stack = answer.stacks().first().context("the stack has vanished")?;
        match stack.stack_status() {
            Some(StackStatus::CreateComplete) => {
                return Ok(Stack { account: account.clone(), outputs: outputs(stack) });
            }
            Some(StackStatus::CreateInProgress | StackStatus::RollbackInProgress) => {
                tokio::time::sleep(account.pace()).await;
            }
            status => bail!("the deployment failed ({status:?}):\n{}", failures(&cloudformation, name).await?),
        }
    }
}

/// The stack of this name. One that is gone is not found by its name; that CloudFormation does not answer says nothing.
async fn described(account: &Account, name: &str) -> Result<Option<aws_sdk_cloudformation::types::Stack>> {
    let cloudformation = aws_sdk_cloudformation::Client::new(&account.sdk_config());
    match cloudformation.describe_stacks().stack_name(name).send().await {
        Ok(answer) => {
            let mut stacks = answer.stacks.unwrap_or_default().into_iter();
            Ok(stacks.find(|stack| stack.stack_status() != Some(&StackStatus::DeleteComplete)))
        }
        Err(error) if error.message().is_some_and(|message| message.contains("does not exist")) => Ok(None),
        Err(error) => Err(words("cloudformation:DescribeStacks", &error)),
    }
}

fn outputs(stack: &aws_sdk_cloudformation::types::Stack) -> BTreeMap<String, String> {
    let outputs = stack.outputs().iter();
    outputs.filter_map(|it| Some((it.output_key()?.to_owned(), it.output_value()?.to_owned()))).collect()
}

/// What stands before the file of a state machine in a template.
const DEFINITION: &str = "DefinitionS3Location: ";

/// Puts the definitions of state machines into a bucket, and returns the template that points there.
async fn packaged(source: Template<'_>, artifacts: &Bucket, code: &Bucket) -> Result<String> {
    let read = |file: &str| {
        let path = source.infra.join(file);
        std::fs::read_to_string(&path).with_context(|| path.display().to_string())
    };
    let mut template = read(source.file)?;
    for package in source.packages {
        let uri = format!("s3://{}/{}", code.name, package.key);
        for local in [format!("../target/lambda/{}", package.name), format!("functions/{}.zip", package.name)] {
            template = template.replace(&format!("CodeUri: {local}\n"), &format!("CodeUri: {uri}\n"));
        }
    }
    let definitions: BTreeSet<&str> =
        template.lines().filter_map(|line| line.trim().strip_prefix(DEFINITION)).collect();
    let mut uploaded = template.clone();
    for path in definitions {
        artifacts.put(path, read(path)?.into_bytes()).await?;
        let location = format!("{{Bucket: {}, Key: {path}}}", artifacts.name);
        let (local, packaged) = (format!("{DEFINITION}{path}\n"), format!("{DEFINITION}{location}\n"));
        uploaded = uploaded.replace(&local, &packaged);
    }
    if uploaded.contains("CodeUri: ../") || uploaded.contains("CodeUri: functions/") {
        bail!("{} deploys a function that was not built", source.file);
    }
    Ok(uploaded)
}

async fn failures(cloudformation: &aws_sdk_cloudformation::Client, name: &str) -> Result<String> {
    let pages = cloudformation.describe_stack_events().stack_name(name).into_paginator().send().try_collect().await?;
    let failed = pages.iter().flat_map(DescribeStackEventsOutput::stack_events).filter(|event| {
        let status = event.resource_status();
        matches!(
            status,
            Some(ResourceStatus::CreateFailed | ResourceStatus::UpdateFailed | ResourceStatus::RollbackInProgress)
        )
    });
    let reasons = failed.map(|event| {
        let resource = event.logical_resource_id().unwrap_or("?");
        format!("  {resource}: {}", event.resource_status_reason().unwrap_or("no reason given"))
    });
    Ok(reasons.collect::<Vec<_>>().join("\n"))
}
