//! A cloud with an HTTP API of JSON and a token.

use serde::{Deserialize, Serialize};
use skywright_sdk::catalog::{Architecture, DiskKind, ImagePage, Template, TemplatePage, Zone};
use skywright_sdk::prelude::*;

struct Acme;

skywright_sdk::provider!(Acme: driver, catalog);

/// What every request to this cloud has in common. The host fills in the token.
fn cloud() -> Result<Client, Error> {
    let token = Text::from("Bearer ").then(Secret::named("token"));
    Ok(Client::new(settings::required("url")?).with_header("authorization", token).with_errors(&ERRORS))
}

/// What the cloud says when it refuses, where the status alone says too little.
const ERRORS: ErrorMap = ErrorMap {
    read: |answer| answer.json().unwrap_or_default(),
    rules: &[ErrorRule::to(Category::Quota).code("limit_reached").hint("ask for a higher limit")],
};

impl Driver for Acme {
    fn describe() -> DriverInfo {
        DriverInfo {
            name: "acme".to_owned(),
            title: "Acme".to_owned(),
            documentation: String::new(),
            settings: vec![
                Setting::url("url", "where the API is").required(),
                Setting::secret("token", "an API token").required(),
            ],
            endpoints: vec![Endpoint::new("api", "{url}").with_credentials(&["token"])],
            rates: Vec::new(),
        }
    }

    fn validate(given: Vec<(String, String)>) -> Vec<Diagnostic> {
        settings::check(&Self::describe().settings, &given)
    }

    fn capabilities_of(_region: String) -> Result<Capabilities, Error> {
        Ok(Capabilities {
            public_address_mode: PublicAddressMode::Ephemeral,
            virtual_ip: false,
            managed_nat: false,
            port_security_toggle: false,
            ipv6: false,
            resize: false,
            user_data_limit_bytes: 16 << 10,
            idempotent_create: false,
            create_parallelism: 4,
        })
    }

    fn poll(token: String) -> Result<Outcome, Error> {
        skywright_sdk::operation::poll::<Change>(&token)
    }

    fn cancel(token: String) -> Result<Outcome, Error> {
        skywright_sdk::operation::cancel::<Change>(&token)
    }
}

/// The changes that this cloud makes in its own time: none yet.
#[derive(Serialize, Deserialize)]
enum Change {}

impl Operation for Change {
    fn step(self) -> Result<Progress<Self>, Error> {
        match self {}
    }
}

#[derive(Deserialize)]
struct Plans {
    plans: Vec<Plan>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Plan {
    id: String,
    cpus: u32,
    memory_mib: u64,
    disk_gib: u32,
}

impl Listing for Plans {
    type Item = Plan;

    fn next(&self) -> Option<Next> {
        self.next.clone().map(Next::Link)
    }

    fn into_items(self) -> Vec<Plan> {
        self.plans
    }
}

impl Catalog for Acme {
    fn regions() -> Result<Vec<String>, Error> {
        cloud()?.get("/regions").json()
    }

    fn zones() -> Result<Vec<Zone>, Error> {
        let regions = Self::regions()?.into_iter();
        Ok(regions.map(|name| Zone { region: name.clone(), name, available: true }).collect())
    }

    fn templates(cursor: Option<String>) -> Result<TemplatePage, Error> {
        let page = cloud()?.pages("/plans").query("limit", 100).page::<Plans>(cursor.as_deref())?;
        let page = page.filter_map(|plan| {
            Some(Template {
                name: plan.id.clone(),
                id: plan.id,
                vcpus: plan.cpus,
                memory_mib: plan.memory_mib,
                disk_gib: plan.disk_gib,
                disk_kind: DiskKind::Network,
                architecture: Architecture::Amd64,
                cpu_ghz: None,
                gpu_count: 0,
                gpu_model: None,
                attributes: Vec::new(),
            })
        });
        Ok(TemplatePage { items: page.items, next: page.next })
    }

    fn images(_cursor: Option<String>) -> Result<ImagePage, Error> {
        Ok(ImagePage { items: Vec::new(), next: None })
    }
}
