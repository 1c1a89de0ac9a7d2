//! What of an input contradicts itself, with the path of the field.

use std::collections::BTreeSet;

use super::{Clusters, EnableEncryption, ManageRole};
use crate::{
    error::{Error, ErrorName, Result},
    ids::Region,
};

pub(super) fn all(input: &EnableEncryption) -> Result<()> {
    project(input)?;
    role(input)?;
    key(input)?;
    regions(input)?;
    account(input)?;
    clusters(input)?;
    deadlines(input)
}

fn invalid(path: &str, what: impl AsRef<str>) -> Error {
    Error::new(ErrorName::InputInvalid, format!("{path}: {}", what.as_ref()))
}

fn project(input: &EnableEncryption) -> Result<()> {
    match (&input.project_id, &input.project) {
        (Some(_), Some(_)) => Err(invalid("project", "projectId already names the project; give only one of the two")),
        (None, None) => Err(invalid("projectId", "missing; give the project's id, or its name and orgId in project")),
        _ => Ok(()),
    }
}

fn role(input: &EnableEncryption) -> Result<()> {
    let Some(role) = &input.role else { return Ok(()) };
    let arn = &input.role_arn;
    if let Some(path) = &role.path
        && path.as_ref() != arn.path()
    {
        let meant = arn.as_ref().replace(&format!(":role{}", arn.path()), &format!(":role{path}"));
        return Err(invalid(
            "role.path",
            format!("the path of roleArn is {}; write roleArn as {meant}, or omit this field", arn.path()),
        ));
    }
    if role.permissions_boundary.is_some() && role.manage.unwrap_or_default() != ManageRole::Full {
        return Err(invalid(
            "role.permissionsBoundary",
            "a permissions boundary applies to a role that atlas-cmk creates, which role.manage forbids",
        ));
    }
    Ok(())
}

fn key(input: &EnableEncryption) -> Result<()> {
    let alias = input.key_alias();
    match (&input.key_arn, alias) {
        (Some(_), Some(_)) => {
            return Err(invalid("key.alias", "keyArn already names the key; give only one of the two"));
        }
        (None, None) => {
            return Err(invalid(
                "keyArn",
                "missing; give the key's ARN, or in key.alias the alias under which atlas-cmk creates a key",
            ));
        }
        _ => {}
    }
    let Some(key) = &input.key else { return Ok(()) };
    if let Some(days) = key.rotation_days {
        if alias.is_none() {
            return Err(invalid(
                "key.rotationDays",
                "only for a key that atlas-cmk creates, under key.alias; configure the rotation of keyArn yourself",
            ));
        }
        if !(90..=2560).contains(&days) {
            return Err(invalid("key.rotationDays", "give 90 to 2560 days"));
        }
    }
    if alias.is_some() && key.manage == Some(super::ManageKey::None) {
        return Err(invalid(
            "key.manage",
            "none forbids atlas-cmk to create the key that key.alias requests; give keyArn instead",
        ));
    }
    Ok(())
}

fn regions(input: &EnableEncryption) -> Result<()> {
    let Some(regions) = &input.regions else { return Ok(()) };
    if !(1..=40).contains(&regions.len()) {
        return Err(invalid("regions", "name 1 to 40 regions, or omit the field to configure no private networking"));
    }
    let mut seen = BTreeSet::new();
    for (index, region) in regions.iter().enumerate() {
        let path = format!("regions[{index}]");
        if !seen.insert(region) {
            return Err(invalid(&path, format!("{region} is named twice")));
        }
        has_key(input, &path, region)?;
    }
    Ok(())
}

fn has_key(input: &EnableEncryption, path: &str, region: &Region) -> Result<()> {
    match &input.key_arn {
        Some(key) if key.replica_in(region).is_none() => Err(invalid(
            path,
            format!(
                "{region} cannot use {key}, a single-Region key of {}; a single-Region key cannot be converted: create \
                 a multi-Region key (its id starts with mrk-; key.alias creates one) and run with that",
                key.region()
            ),
        )),
        _ => Ok(()),
    }
}

/// The account we go to has to be that of the role or of the key, or there would be nothing to do in it.
fn account(input: &EnableEncryption) -> Result<()> {
    let Some(access) = &input.account else { return Ok(()) };
    let there = access.role_arn.account();
    // A key that is made is made there.
    let of_key = input.key_arn.as_ref().map_or(input.key_alias().is_some(), |key| key.account() == there);
    if there == input.role_arn.account() || of_key {
        return Ok(());
    }
    Err(invalid(
        "account.roleArn",
        format!("the role is in account {there}, but roleArn is in account {}", input.role_arn.account()),
    ))
}

fn clusters(input: &EnableEncryption) -> Result<()> {
    if let Clusters::Named(names) = input.clusters() {
        let mut seen = BTreeSet::new();
        if let Some(index) = names.iter().position(|name| !seen.insert(name)) {
            return Err(invalid(&format!("clusters[{index}]"), format!("{} is named twice", names[index])));
        }
        if names.len() > 25 {
            return Err(invalid("clusters", "a project has at most 25 clusters"));
        }
    }
    match input.cluster_concurrency {
        Some(count) if !(1..=10).contains(&count) => Err(invalid("clusterConcurrency", "give 1 to 10")),
        _ => Ok(()),
    }
}

fn deadlines(input: &EnableEncryption) -> Result<()> {
    let Some(deadlines) = &input.deadlines else { return Ok(()) };
    if deadlines.endpoint_minutes.is_some_and(|minutes| !(1..=720).contains(&minutes)) {
        return Err(invalid("deadlines.endpointMinutes", "give 1 to 720 minutes"));
    }
    if deadlines.cluster_minutes.is_some_and(|minutes| !(1..=720).contains(&minutes)) {
        return Err(invalid("deadlines.clusterMinutes", "give 1 to 720 minutes"));
    }
    Ok(())
}
