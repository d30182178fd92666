//! The format's plan as the contract's types, and the contract's request as the format's.

use skywright_recipe_format as format;
use skywright_recipe_format::plan;
use skywright_sdk::KeyValue;
use skywright_sdk::recipe as wit;

/// What the host tells.
pub(crate) fn request(own: wit::Request) -> plan::Request {
    plan::Request {
        action: match own.action {
            wit::Action::Check => plan::Action::Check,
            wit::Action::Add => plan::Action::Add,
            wit::Action::Remove => plan::Action::Remove,
            wit::Action::Upgrade => plan::Action::Upgrade,
        },
        target: target(own.target),
        parameters: own.parameters.into_iter().map(argument).collect(),
        round: own.round,
        results: own.results.into_iter().map(result).collect(),
    }
}

fn target(own: wit::Target) -> plan::Target {
    plan::Target {
        name: own.name,
        is_cluster: own.is_cluster,
        flavor: own.flavor,
        size: own.size,
        cidr: own.cidr,
        endpoint: own.endpoint,
        virtual_ip: own.virtual_ip,
        default_route: own.default_route,
        admin_user: own.admin_user,
        hosts: own.hosts.into_iter().map(host).collect(),
        gateways: own.gateways.into_iter().map(host).collect(),
        features: own
            .features
            .into_iter()
            .map(|own| plan::InstalledFeature {
                feature: own.feature,
                version: own.version,
                outputs: pairs(own.outputs),
            })
            .collect(),
    }
}

fn host(own: wit::HostView) -> plan::HostView {
    plan::HostView {
        id: own.id,
        name: own.name,
        roles: own.roles,
        private_address: own.private_address,
        public_address: own.public_address,
        user: own.user,
        os_family: own.os_family,
        os_distribution: own.os_distribution,
        os_version: own.os_version,
        os_codename: own.os_codename,
        architecture: own.architecture,
        vcpus: own.vcpus,
        memory_mib: own.memory_mib,
        gpu_count: own.gpu_count,
        facts: pairs(own.facts),
        installed: own.installed,
    }
}

fn pairs(own: Vec<KeyValue>) -> Vec<plan::KeyValue> {
    own.into_iter().map(|pair| plan::KeyValue { key: pair.key, value: pair.value }).collect()
}

fn argument(own: wit::Argument) -> plan::Argument {
    let value = match own.value {
        wit::ArgumentValue::Text(text) => plan::ArgumentValue::Text(text),
        wit::ArgumentValue::Texts(texts) => plan::ArgumentValue::Texts(texts),
        wit::ArgumentValue::Secret => plan::ArgumentValue::Secret,
    };
    plan::Argument { name: own.name, value }
}

fn result(own: wit::StepResult) -> plan::StepResult {
    plan::StepResult {
        step: own.step,
        host: own.host,
        outcome: match own.outcome {
            wit::Outcome::Succeeded => plan::Outcome::Succeeded,
            wit::Outcome::Failed => plan::Outcome::Failed,
            wit::Outcome::Skipped => plan::Outcome::Skipped,
        },
        exit_code: own.exit_code,
        changed: own.changed,
        outputs: pairs(own.outputs),
        secret_outputs: own.secret_outputs,
    }
}

/// What the feature says of itself.
pub(crate) fn info(own: plan::FeatureInfo) -> wit::FeatureInfo {
    wit::FeatureInfo {
        name: own.name,
        version: own.version,
        title: own.title,
        description: own.description,
        suitable_for: own
            .suitable_for
            .into_iter()
            .map(|suits| match suits {
                format::Suitability::Host => wit::Suitability::Host,
                format::Suitability::Cluster => wit::Suitability::Cluster,
            })
            .collect(),
        cluster_flavors: own.cluster_flavors,
        platforms: own.platforms.into_iter().map(platform).collect(),
        requires: own.requires.into_iter().map(requirement).collect(),
        conflicts: own.conflicts.into_iter().map(requirement).collect(),
        roles: own.roles.into_iter().map(role).collect(),
        layouts: own.layouts.into_iter().map(layout).collect(),
        parameters: own.parameters.into_iter().map(parameter).collect(),
        outputs: own
            .outputs
            .into_iter()
            .map(|own| wit::Output { name: own.name, secret: own.secret, description: own.description })
            .collect(),
        idempotence: match own.idempotence {
            format::Idempotence::Converges => wit::Idempotence::Converges,
            format::Idempotence::Repeatable => wit::Idempotence::Repeatable,
            format::Idempotence::Once => wit::Idempotence::Once,
        },
        actions: own.actions.into_iter().map(action).collect(),
    }
}

fn action(own: plan::Action) -> wit::Action {
    match own {
        plan::Action::Check => wit::Action::Check,
        plan::Action::Add => wit::Action::Add,
        plan::Action::Remove => wit::Action::Remove,
        plan::Action::Upgrade => wit::Action::Upgrade,
    }
}

fn platform(own: plan::Platform) -> wit::Platform {
    wit::Platform {
        family: own.family,
        distribution: own.distribution,
        versions: own.versions,
        architectures: own.architectures,
    }
}

fn requirement(own: plan::Requirement) -> wit::Requirement {
    wit::Requirement { feature: own.feature, versions: own.versions }
}

fn role(own: plan::Role) -> wit::Role {
    wit::Role { name: own.name, description: own.description, at_least: own.at_least, at_most: own.at_most }
}

fn layout(own: plan::Layout) -> wit::Layout {
    wit::Layout { size: own.size, role: own.role, count: own.count, sizing: own.sizing }
}

fn parameter(own: plan::Parameter) -> wit::Parameter {
    use format::ParameterKind as Kind;
    wit::Parameter {
        name: own.name,
        kind: match own.kind {
            Kind::Text => wit::ParameterKind::Text,
            Kind::Integer => wit::ParameterKind::Integer,
            Kind::Boolean => wit::ParameterKind::Boolean,
            Kind::Choice => wit::ParameterKind::Choice,
            Kind::Secret => wit::ParameterKind::Secret,
            Kind::Port => wit::ParameterKind::Port,
            Kind::Address => wit::ParameterKind::Address,
            Kind::Cidr => wit::ParameterKind::Cidr,
            Kind::Url => wit::ParameterKind::Url,
            Kind::Version => wit::ParameterKind::Version,
        },
        many: own.many,
        required: own.required,
        default: own.default,
        choices: own.choices,
        pattern: own.pattern,
        minimum: own.minimum,
        maximum: own.maximum,
        description: own.description,
    }
}

/// What comes next.
pub(crate) fn plan(own: plan::Plan) -> wit::Plan {
    match own {
        plan::Plan::Round(steps) => wit::Plan::Round(steps.into_iter().map(step).collect()),
        plan::Plan::Done(conclusion) => wit::Plan::Done(wit::Conclusion {
            hosts_with_feature: conclusion.hosts_with_feature,
            summary: conclusion.summary,
            outputs: conclusion
                .outputs
                .into_iter()
                .map(|own| wit::ConcludedOutput { name: own.name, value: value(own.value) })
                .collect(),
            endpoints: conclusion
                .endpoints
                .into_iter()
                .map(|own| KeyValue::new(own.key, own.value))
                .collect(),
        }),
    }
}

fn step(own: plan::Step) -> wit::Step {
    wit::Step {
        id: own.id,
        title: own.title,
        assignments: own
            .assignments
            .into_iter()
            .map(|own| wit::Assignment { hosts: own.hosts, work: work(own.work), undo: own.undo.map(work) })
            .collect(),
        needs: own.needs,
        at_once: own.at_once,
        timeout_ms: own.timeout_ms,
        tries: own.tries,
        retry_after_ms: own.retry_after_ms,
        on_failure: match own.on_failure {
            format::OnFailure::Undo => wit::Failure::Undo,
            format::OnFailure::Stop => wit::Failure::Stop,
            format::OnFailure::Ignore => wit::Failure::Ignore,
        },
        when_changed: own.when_changed,
        outputs: own
            .outputs
            .into_iter()
            .map(|own| wit::DeclaredOutput { name: own.name, secret: own.secret })
            .collect(),
    }
}

fn value(own: plan::Value) -> wit::Value {
    match own {
        plan::Value::Plain(text) => wit::Value::Plain(text),
        plan::Value::SecretParameter(name) => wit::Value::SecretParameter(name),
        plan::Value::Output(own) => {
            wit::Value::Output(wit::OutputRef { step: own.step, host: own.host, output: own.output })
        }
    }
}

fn work(own: plan::Work) -> wit::Work {
    match own {
        plan::Work::Script(own) => wit::Work::Script(wit::Script {
            interpreter: own.interpreter,
            text: own.text,
            as_user: own.as_user,
            environment: own
                .environment
                .into_iter()
                .map(|own| wit::Binding { name: own.name, value: value(own.value) })
                .collect(),
            unless: own.unless,
            creates: own.creates,
        }),
        plan::Work::File(own) => wit::Work::File(wit::File {
            path: own.path,
            content: value(own.content),
            mode: own.mode,
            owner: own.owner,
            group: own.group,
            present: own.present,
        }),
        plan::Work::Packages(own) => wit::Work::Packages(packages(own)),
        plan::Work::Service(own) => wit::Work::Service(wit::Service {
            name: own.name,
            enabled: own.enabled,
            state: own.state.map(service_state),
        }),
        plan::Work::Firewall(own) => wit::Work::Firewall(firewall(own)),
        plan::Work::Publish(own) => wit::Work::Publish(wit::PublishedService {
            name: own.name,
            host_name: own.host_name,
            path: own.path,
            upstreams: own.upstreams,
            strip_path: own.strip_path,
            allowed_from: own.allowed_from,
            denied_from: own.denied_from,
            present: own.present,
        }),
        plan::Work::Wait(own) => wit::Work::Wait(wit::Wait {
            probe: match own.probe {
                plan::Probe::Tcp(port) => wit::Probe::Tcp(port),
                plan::Probe::Http(url) => wit::Probe::Http(url),
                plan::Probe::Command(command) => wit::Probe::Command(command),
            },
            every_ms: own.every_ms,
            at_most_ms: own.at_most_ms,
        }),
        plan::Work::Reboot => wit::Work::Reboot,
    }
}

fn packages(own: plan::PackageSet) -> wit::PackageSet {
    let sources = own.sources.into_iter().map(|own| wit::PackageSource {
        name: own.name,
        kind: own.kind,
        uri: own.uri,
        suites: own.suites,
        components: own.components,
        key: own.key,
        present: own.present,
    });
    let packages = own.packages.into_iter().map(|own| wit::SystemPackage {
        name: own.name,
        version: own.version,
        present: own.present,
    });
    wit::PackageSet { sources: sources.collect(), packages: packages.collect() }
}

fn service_state(own: plan::ServiceState) -> wit::ServiceState {
    match own {
        plan::ServiceState::Running => wit::ServiceState::Running,
        plan::ServiceState::Stopped => wit::ServiceState::Stopped,
        plan::ServiceState::Restarted => wit::ServiceState::Restarted,
        plan::ServiceState::Reloaded => wit::ServiceState::Reloaded,
    }
}

fn firewall(own: plan::FirewallRule) -> wit::FirewallRule {
    wit::FirewallRule {
        name: own.name,
        protocol: match own.protocol {
            plan::Protocol::Tcp => wit::Protocol::Tcp,
            plan::Protocol::Udp => wit::Protocol::Udp,
        },
        ports: own.ports.into_iter().map(|own| wit::PortRange { first: own.first, last: own.last }).collect(),
        sources: own.sources,
        at_gateways: own.at_gateways,
        open: own.open,
    }
}
