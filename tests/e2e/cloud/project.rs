//! A project of a test's own on the rig, and what is in it, seen by a client that is not ours.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

/// How the rig is reached; `None` outside `cargo xtask test`.
pub(crate) fn access() -> Option<Value> {
    let Some(path) = std::env::var_os("SKYWRIGHT_RIG_OPENSTACK") else {
        println!("skipped: no control plane; `cargo xtask test --only plugins,e2e` starts one");
        return None;
    };
    Some(serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
}

/// A project with a user.
pub(crate) struct Project {
    pub(crate) name: String,
    pub(crate) auth_url: String,
    pub(crate) region: String,
    pub(crate) password: String,
    id: String,
    token: String,
    endpoints: BTreeMap<String, String>,
    http: reqwest::Client,
}

/// How many there are of what, in one project.
pub(crate) type Census = BTreeMap<&'static str, usize>;

impl Project {
    /// A new one, with room for 200 of everything.
    pub(crate) async fn new(access: &Value, purpose: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let name = format!("e2e-{purpose}-{}-{number}", std::process::id());
        let text = |key: &str| access[key].as_str().unwrap().to_owned();
        let (auth_url, region, admin_password) = (text("auth_url"), text("region"), text("password"));
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let password = format!("planted-{}", admin_password);
        let admin = log_in(&http, &auth_url, "admin", &admin_password, "admin").await;
        let post = async |path: &str, body: Value| -> Value {
            let request = http.post(format!("{auth_url}{path}")).header("x-auth-token", &admin.0);
            let answer = request.header("content-type", "application/json").body(body.to_string());
            parse(answer.send().await.unwrap()).await
        };
        let project = post("/projects", json!({"project": {"name": name, "domain_id": "default"}})).await;
        let project = project["project"]["id"].as_str().unwrap().to_owned();
        let user = post(
            "/users",
            json!({"user": {"name": name, "password": password, "domain_id": "default", "default_project_id": project}}),
        );
        let user = user.await["user"]["id"].as_str().unwrap().to_owned();
        let get = async |path: &str| -> Value {
            let request = http.get(format!("{auth_url}{path}")).header("x-auth-token", &admin.0);
            parse(request.send().await.unwrap()).await
        };
        for role in get("/roles").await["roles"].as_array().unwrap() {
            if role["name"] == "member" {
                let path = format!("/projects/{project}/users/{user}/roles/{}", role["id"].as_str().unwrap());
                let request = http.put(format!("{auth_url}{path}")).header("x-auth-token", &admin.0);
                assert!(request.send().await.unwrap().status().is_success());
            }
        }
        raise_quotas(&http, &admin, &project).await;
        let (token, endpoints) = log_in(&http, &auth_url, &name, &password, &name).await;
        Self { name, auth_url, region, password, id: project, token, endpoints, http }
    }

    /// A listing of a service, as this project sees it.
    pub(crate) async fn list(&self, service: &str, path: &str) -> Value {
        let url = format!("{}{path}", self.endpoints[service].trim_end_matches('/'));
        let request = self.http.get(url).header("x-auth-token", &self.token);
        parse(request.send().await.unwrap()).await
    }

    /// Everything in the project but its default security group.
    pub(crate) async fn census(&self) -> Census {
        let mut census = Census::new();
        let lists = [
            ("servers", "compute", "/servers/detail"),
            ("networks", "network", "/v2.0/networks?router:external=false"),
            ("subnets", "network", &format!("/v2.0/subnets?project_id={}", self.id)),
            ("ports", "network", "/v2.0/ports"),
            ("routers", "network", "/v2.0/routers"),
            ("security_groups", "network", "/v2.0/security-groups"),
            ("floatingips", "network", "/v2.0/floatingips"),
            ("volumes", "volumev3", "/volumes/detail"),
        ];
        for (name, service, path) in lists {
            let answer = self.list(service, path).await;
            let count = answer[name].as_array().unwrap_or_else(|| panic!("{name}: {answer}")).len();
            let own = count - usize::from(name == "security_groups" && count > 0);
            if own > 0 {
                census.insert(name, own);
            }
        }
        census
    }
}

async fn raise_quotas(http: &reqwest::Client, admin: &(String, BTreeMap<String, String>), project: &str) {
    let sets = [
        (
            "compute",
            format!("/os-quota-sets/{project}"),
            json!({"quota_set": {"instances": 400, "cores": 4000, "ram": 4_000_000}}),
        ),
        (
            "network",
            format!("/v2.0/quotas/{project}"),
            json!({"quota": {"network": 200, "subnet": 200, "port": 2000, "router": 200, "floatingip": 400,
                "security_group": 400, "security_group_rule": 4000}}),
        ),
    ];
    for (service, path, body) in sets {
        let url = format!("{}{path}", admin.1[service].trim_end_matches('/'));
        let request =
            http.put(url).header("x-auth-token", &admin.0).header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().await.unwrap();
        assert!(answer.status().is_success(), "{service}: {}", answer.status());
    }
}

async fn log_in(
    http: &reqwest::Client,
    auth_url: &str,
    user: &str,
    password: &str,
    project: &str,
) -> (String, BTreeMap<String, String>) {
    let body = json!({"auth": {
        "identity": {"methods": ["password"], "password": {"user":
            {"name": user, "password": password, "domain": {"id": "default"}}}},
        "scope": {"project": {"name": project, "domain": {"id": "default"}}},
    }});
    let request = http.post(format!("{auth_url}/auth/tokens")).header("content-type", "application/json");
    let answer = request.body(body.to_string()).send().await.unwrap();
    let token = answer.headers()["x-subject-token"].to_str().unwrap().to_owned();
    let body = parse(answer).await;
    let mut endpoints = BTreeMap::new();
    for service in body["token"]["catalog"].as_array().unwrap() {
        for endpoint in service["endpoints"].as_array().unwrap() {
            if endpoint["interface"] == "public" {
                let kind = service["type"].as_str().unwrap().to_owned();
                endpoints.entry(kind).or_insert(endpoint["url"].as_str().unwrap().to_owned());
            }
        }
    }
    if let Some(url) = endpoints.get("block-storage").cloned() {
        endpoints.entry("volumev3".to_owned()).or_insert(url);
    }
    (token, endpoints)
}

async fn parse(answer: reqwest::Response) -> Value {
    let text = answer.text().await.unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
