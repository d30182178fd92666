//! A recipe as the contract describes it.

use crate::plan::{self, FeatureInfo};
use crate::{Parameter, Platform, Recipe, Requirement};

impl Recipe {
    /// What the feature says of itself.
    #[must_use]
    pub fn describe(&self) -> FeatureInfo {
        FeatureInfo {
            name: self.name().to_owned(),
            version: self.version.to_string(),
            title: self.title.clone(),
            description: self.description.clone(),
            suitable_for: self.suitable_for.clone(),
            cluster_flavors: self.cluster_flavors.clone(),
            platforms: self.platforms.iter().map(platform).collect(),
            requires: self.requires.iter().map(requirement).collect(),
            conflicts: self.conflicts.iter().map(requirement).collect(),
            roles: self.plan_roles(),
            layouts: self.plan_layouts(),
            parameters: self.parameters.iter().map(|(name, own)| parameter(name, own)).collect(),
            outputs: self.plan_outputs(),
            idempotence: self.idempotence,
            actions: plan::Action::ALL.into_iter().filter(|action| self.action(*action).is_some()).collect(),
        }
    }

    fn plan_roles(&self) -> Vec<plan::Role> {
        let roles = self.roles.iter().map(|(name, role)| plan::Role {
            name: name.clone(),
            description: role.description.clone(),
            at_least: role.at_least,
            at_most: role.at_most,
        });
        roles.collect()
    }

    fn plan_layouts(&self) -> Vec<plan::Layout> {
        let layouts = self.layouts.iter().map(|layout| plan::Layout {
            size: layout.size.clone(),
            role: layout.role.clone(),
            count: layout.count,
            sizing: layout.sizing.clone(),
        });
        layouts.collect()
    }

    fn plan_outputs(&self) -> Vec<plan::Output> {
        let outputs = self.outputs.iter().map(|(name, output)| plan::Output {
            name: name.clone(),
            secret: self.is_secret(output),
            description: output.description.clone(),
        });
        outputs.collect()
    }
}

fn platform(own: &Platform) -> plan::Platform {
    plan::Platform {
        family: own.family.name().to_owned(),
        distribution: own.distribution.clone(),
        versions: own.versions.clone(),
        architectures: own.architectures.clone(),
    }
}

fn requirement(own: &Requirement) -> plan::Requirement {
    plan::Requirement {
        feature: own.feature.clone(),
        versions: own.versions.as_ref().map(ToString::to_string),
    }
}

fn parameter(name: &str, own: &Parameter) -> plan::Parameter {
    plan::Parameter {
        name: name.to_owned(),
        kind: own.kind,
        many: own.many,
        required: own.required,
        default: own.default.as_ref().map(|default| default.values()).unwrap_or_default(),
        choices: own.choices.clone(),
        pattern: own.pattern.clone(),
        minimum: own.minimum,
        maximum: own.maximum,
        description: own.description.clone(),
    }
}
