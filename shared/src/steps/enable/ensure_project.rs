//! `ensure-project`: the Atlas project, found by its name or created. A creation whose outcome is unknown is looked up
//! before it is tried again: Atlas answers 500 now and then after it has made the project.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    atlas::Project,
    error::Result,
    ids::{ProjectId, SecretId},
    model::enablement::{Enablement, sample},
    report::{Described, Description},
    request::ProjectOptions,
    step::{Actions, Converge, Readers, Step, Writers, actions},
};

/// The step.
pub struct EnsureProject;

/// The project by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// Name and organization.
    pub project: ProjectOptions,
    /// The secret with the Atlas credentials, if it is not the secret of the stack.
    #[serde(default)]
    pub atlas_secret_id: Option<SecretId>,
}

impl Input {
    /// The input in an enablement of a project that is given by its name.
    pub fn of(enablement: &Enablement<'_>) -> Option<Self> {
        let project = enablement.request.project.clone()?;
        Some(Self { project, atlas_secret_id: enablement.request.atlas_secret_id.clone() })
    }
}

/// The project by its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The Atlas project.
    pub project_id: ProjectId,
}

/// The one thing this step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProject(ProjectOptions);

impl Described for NewProject {
    fn description(&self) -> Description {
        let ProjectOptions { name, org_id } = &self.0;
        Description::create(format!("/orgs/{org_id}/groups"), format!("project {name}"))
            .after(json!({"name": name, "orgId": org_id}))
    }
}

impl Step for EnsureProject {
    const NAME: &'static str = "ensure-project";
    const ABOUT: &'static str = "Finds the Atlas project by its name, or creates it";
    const ACTIONS: Actions = &[actions::ATLAS];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        sample(Input::of)
    }
}

impl Converge for EnsureProject {
    type Observation = Option<Project>;
    type Change = NewProject;

    async fn observe(readers: &Readers, input: &Input) -> Result<Option<Project>> {
        Ok(readers.atlas.project_by_name(&input.project.org_id, &input.project.name).await?)
    }

    fn decide(input: &Input, found: &Option<Project>) -> Result<Vec<NewProject>> {
        Ok(match found {
            Some(_) => Vec::new(),
            None => vec![NewProject(input.project.clone())],
        })
    }

    async fn act(writers: &Writers, input: &Input, found: Option<Project>, _: &[NewProject]) -> Result<Output> {
        let project = match found {
            Some(project) => project,
            None => writers.atlas().create_project(&input.project.org_id, &input.project.name).await?,
        };
        Ok(Output { project_id: project.id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_made_only_if_none_has_its_name() {
        let project =
            ProjectOptions { name: "payments".parse().unwrap(), org_id: "5f0000000000000000000001".parse().unwrap() };
        let input = Input { project, atlas_secret_id: None };
        let found = Project {
            id: "66f0a1b2c3d4e5f601234567".parse().unwrap(),
            name: "payments".to_owned(),
            org_id: "5f0000000000000000000001".to_owned(),
        };
        assert_eq!(EnsureProject::decide(&input, &None).unwrap().len(), 1);
        assert_eq!(EnsureProject::decide(&input, &Some(found)).unwrap(), []);
    }
}
