//! Deploys the templates of infra/ through CloudFormation, the way `sam deploy` does: artifacts to a bucket, local
//! paths of the template replaced by where they went, and the stack created from that.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use aws_sdk_cloudformation::types::{Capability, Parameter, ResourceStatus, StackStatus};
use aws_sdk_s3::primitives::ByteStream;

use tokio::sync::Mutex;

use crate::{Account, account::REGION, functions::Package};

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
            let answer = cloudformation.describe_stacks().stack_name(name).send().await;
            // One that is gone is not found by its name.
            let Ok(answer) = answer else { return Ok(()) };
            match answer.stacks().first().and_then(|stack| stack.stack_status()) {
                None | Some(StackStatus::DeleteComplete) => return Ok(()),
                Some(StackStatus::DeleteInProgress) => tokio::time::sleep(Duration::from_millis(100)).await,
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
}

/// Deploys a template as a stack of this name and waits for it.
///
/// The engine ends running functions of the same name in other accounts, so accounts that are used at the same time
/// need stacks of different names.
///
/// # Errors
/// If CloudFormation refuses or fails, with the reasons of the resources that failed.
pub async fn deploy(account: &Account, name: &str, template: Template<'_>) -> Result<Stack> {
    let s3 = bucket_client(account);
    let bucket = format!("{BUCKET}-{}", account.id);
    let body = upload(&s3, &bucket, account.endpoint(), template).await?;
    // By its address: a template in the request itself may have 51,200 bytes (CloudFormation user guide, "Quotas").
    let template_url = format!("{}/{bucket}/{}", account.endpoint(), template.file);
    s3.put_object().bucket(&bucket).key(template.file).body(ByteStream::from(body.into_bytes())).send().await?;
    let cloudformation = aws_sdk_cloudformation::Client::new(&account.sdk_config());
    let parameter =
        |(key, value): &(&str, &str)| Parameter::builder().parameter_key(*key).parameter_value(*value).build();
    cloudformation
        .create_stack()
        .stack_name(name)
        .template_url(template_url)
        .set_parameters(Some(template.parameters.iter().map(parameter).collect()))
        .capabilities(Capability::CapabilityNamedIam)
        .capabilities(Capability::CapabilityAutoExpand)
        .send()
        .await
        .map_err(|error| anyhow::anyhow!("CloudFormation refuses the template: {}", error.into_service_error()))?;
    loop {
        let answer = cloudformation.describe_stacks().stack_name(name).send().await?;
        let stack = answer.stacks().first().context("the stack has vanished")?;
        match stack.stack_status() {
            Some(StackStatus::CreateComplete) => {
                let outputs = stack
                    .outputs()
                    .iter()
                    .filter_map(|output| Some((output.output_key()?.to_owned(), output.output_value()?.to_owned())));
                return Ok(Stack { account: account.clone(), outputs: outputs.collect() });
            }
            Some(StackStatus::CreateInProgress) => tokio::time::sleep(Duration::from_millis(100)).await,
            status => bail!("the deployment failed ({status:?}):\n{}", failures(&cloudformation, name).await?),
        }
    }
}

// On AWS a function's code lies in a bucket of its region; here one bucket serves all regions.
fn bucket_client(account: &Account) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::config::Builder::from(&account.sdk_config_in(REGION)).force_path_style(true).build();
    aws_sdk_s3::Client::from_conf(config)
}

/// Puts the code of functions where every account finds it, unless it is there. The bucket.
async fn upload_code(endpoint: &str, packages: &[Package]) -> Result<String> {
    let s3 = bucket_client(&Account::new(BUILDER, endpoint));
    let bucket = format!("{BUCKET}-{BUILDER}");
    let _alone = UPLOADING.lock().await;
    // One that is there already is ours.
    s3.create_bucket().bucket(&bucket).send().await.context("no bucket for the code")?;
    let there = s3.list_objects_v2().bucket(&bucket).send().await?;
    let there: BTreeSet<&str> = there.contents().iter().filter_map(|object| object.key()).collect();
    for package in packages.iter().filter(|package| !there.contains(package.key.as_str())) {
        let body = ByteStream::from(package.zip.clone());
        s3.put_object().bucket(&bucket).key(&package.key).body(body).send().await?;
    }
    Ok(bucket)
}

/// Puts the artifacts into a bucket and returns the template that points there.
async fn upload(s3: &aws_sdk_s3::Client, bucket: &str, endpoint: &str, source: Template<'_>) -> Result<String> {
    s3.create_bucket().bucket(bucket).send().await.context("no bucket for the artifacts")?;
    let put = async |key: &str, body: Vec<u8>| {
        s3.put_object()
            .bucket(bucket)
            .key(key)
            .body(ByteStream::from(body))
            .send()
            .await
            .map(|_| format!("s3://{bucket}/{key}"))
    };

    let read = |file: &str| {
        let path = source.infra.join(file);
        std::fs::read_to_string(&path).with_context(|| path.display().to_string())
    };
    let mut template = read(source.file)?;
    let code = match source.packages {
        [] => String::new(),
        packages => upload_code(endpoint, packages).await?,
    };
    for package in source.packages {
        let uri = format!("s3://{code}/{}", package.key);
        for local in [format!("../target/lambda/{}", package.name), format!("functions/{}.zip", package.name)] {
            template = template.replace(&format!("CodeUri: {local}\n"), &format!("CodeUri: {uri}\n"));
        }
    }
    let definitions: BTreeSet<&str> =
        template.lines().filter_map(|line| line.trim().strip_prefix("DefinitionUri: ")).collect();
    let mut uploaded = template.clone();
    for path in definitions {
        let body = read(path)?;
        let uri = put(path, body.into_bytes()).await?;
        uploaded = uploaded.replace(&format!("DefinitionUri: {path}\n"), &format!("DefinitionUri: {uri}\n"));
    }
    if uploaded.contains("CodeUri: ../") || uploaded.contains("CodeUri: functions/") {
        bail!("{} deploys a function that was not built", source.file);
    }
    Ok(uploaded)
}

async fn failures(cloudformation: &aws_sdk_cloudformation::Client, name: &str) -> Result<String> {
    let events = cloudformation.describe_stack_events().stack_name(name).send().await?;
    let failed = events.stack_events().iter().filter(|event| {
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
