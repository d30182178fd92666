//! Features on real hosts: time from a server of one's own, added, added again, and gone.

use std::time::Duration;

use serde_json::Value;

use super::Site;
use super::traces::Traces;

/// What a feature may leave: nothing of this. Lists of packages, units, rules, and files in the folders that matter.
const TRACES: &str = "dpkg-query -W -f '${Package} ${db:Status-Status}\\n' | sort; \
    systemctl list-unit-files --no-legend | sort; \
    sudo nft list ruleset | sed 's/counter packets [0-9]* bytes [0-9]*/counter/'; \
    sudo find /etc /usr/local /opt /root /home -xdev \\( -type f -o -type l \\) \
        ! -name '*.cache' ! -path '/etc/ld.so.cache' ! -path '/etc/mailcap' ! -name '*-' \
        ! -path '/etc/group' ! -path '/etc/gshadow' ! -path '/etc/passwd' ! -path '/etc/shadow' | sort; \
    sudo ls -d /run/skywright-features /var/lib/skywright/features 2>/dev/null; true";

impl Site {
    pub(super) async fn install(&self, features: &[&str]) {
        for feature in features {
            let id = format!("skywright/{feature}");
            self.run(&["plugin", "install", &id, "--yes"]).await.result();
        }
    }

    pub(super) async fn traces(&self, hosts: &[&str]) -> Vec<String> {
        let mut all = Vec::new();
        for host in hosts {
            all.push(self.on(host, TRACES).await);
        }
        all
    }

    pub(super) async fn address(&self, host: &str) -> String {
        let inspected = self.run(&["host", "inspect", host]).await;
        inspected.result()["private_address"].as_str().unwrap().to_owned()
    }
}

pub(super) fn changes(run: &Value) -> u64 {
    run[0]["changes"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn time_from_a_server_of_ones_own() {
    let Some(site) = Site::new().await else { return };
    let before = Traces::before(&site.folder());
    site.install(&["ntp-server", "ntp-client"]).await;
    site.run(&["network", "create", "lan", "--cidr", "192.168.97.0/24"]).await.result();
    site.run(&["host", "create", "a", "b", "c", "--network", "lan"]).await.result();
    let hosts = ["a", "b", "c"];
    let clean = site.traces(&hosts).await;

    // A plan says everything, and changes nothing.
    let server = format!("servers={}", site.address("a").await);
    let planned = site.run(&["feature", "plan", "ntp-client", "--on", "b,c", "-p", &server]).await;
    let plan = &planned.result()[0]["plan"];
    assert_eq!(plan["target"]["hosts"][1]["name"], "c");
    assert!(plan["rounds"][0].as_array().unwrap().iter().any(|step| step["id"] == "configuration"));
    let file = site.folder().join("plan.json");
    std::fs::write(&file, planned.json.to_string()).unwrap();
    assert_eq!(site.traces(&hosts).await, clean);

    site.run(&["feature", "add", "ntp-server", "--on", "a"]).await.result();
    let added = site.run(&["feature", "add", "--plan", file.to_str().unwrap()]).await;
    assert!(changes(added.result()) > 0);
    for host in ["b", "c"] {
        let sources = site.on(host, "sudo chronyc -n sources").await;
        assert!(sources.contains(&format!("^* {}", site.address("a").await)), "{sources}");
    }

    // Again it changes nothing; and the reviewed plan is not that of these hosts any more.
    let again = site.run(&["feature", "add", "ntp-client", "--on", "b,c", "-p", &server]).await;
    assert_eq!(changes(again.result()), 0, "{}", again.json);
    let stale = site.run(&["feature", "add", "--plan", file.to_str().unwrap()]).await;
    assert_eq!(stale.json["error"]["code"], "stale-plan", "{}", stale.json);

    // What is in the way, what is no value, and where it is not.
    let conflict = site.run(&["feature", "add", "ntp-client", "--on", "a", "-p", &server]).await;
    assert_eq!(conflict.json["error"]["code"], "feature-conflict", "{}", conflict.json);
    let unfit = site.run(&["feature", "add", "ntp-server", "--on", "a", "-p", "stratum=77"]).await;
    assert_eq!(unfit.json["error"]["code"], "feature-argument", "{}", unfit.json);
    site.run(&["feature", "check", "ntp-client", "--on", "b,c"]).await.result();
    let absent = site.run(&["feature", "check", "ntp-client", "--on", "a,b", "-p", &server]).await;
    assert_eq!(absent.json["error"]["code"], "feature-absent", "{}", absent.json);

    site.run(&["feature", "remove", "ntp-client", "--yes"]).await.result();
    site.run(&["feature", "remove", "ntp-server", "--yes"]).await.result();
    for (now, clean) in site.traces(&hosts).await.iter().zip(&clean) {
        assert_eq!(now, clean);
    }
    let history = site.run(&["feature", "history"]).await;
    assert!(history.result().as_array().unwrap().len() >= 5);

    site.run(&["network", "delete", "lan", "--force", "--yes"]).await.result();
    before.assert_none_new();
}

/// Runs a command until it has said so many lines and this time has gone by, kills it, and gives whether it was
/// killed before its end.
async fn killed_after(site: &Site, arguments: &[&str], lines: usize, pause: Duration) -> bool {
    use tokio::io::{AsyncBufReadExt as _, BufReader};
    let mut child = site.start(arguments);
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    for _ in 0..lines {
        if said.next_line().await.unwrap().is_none() {
            child.wait().await.unwrap();
            return false;
        }
    }
    if tokio::time::timeout(pause, child.wait()).await.is_ok() {
        return false;
    }
    child.kill().await.unwrap();
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swarm_that_is_killed_again_and_again_while_it_is_made() {
    let Some(site) = Site::new().await else { return };
    site.install(&["docker", "swarm"]).await;
    site.run(&["network", "create", "lan", "--cidr", "192.168.98.0/24"]).await.result();
    site.run(&["host", "create", "a", "b", "c", "--network", "lan", "-S", "ram>=1"]).await.result();
    site.run(&["feature", "add", "docker", "--on", "a,b,c"]).await.result();
    let add = ["feature", "add", "swarm", "--on", "a:manager,b:worker,c:worker"];
    // Each line that it says is a step that began or ended. Killed at one, and then in the middle of what that one
    // began, it gets to its end: what was done stays done.
    let pauses = [Duration::ZERO, Duration::from_millis(400)];
    let kills = (1..100).flat_map(|lines| pauses.map(|pause| (lines, pause)));
    let mut ended = false;
    for (lines, pause) in kills {
        ended = !killed_after(&site, &add, lines, pause).await;
        if ended {
            break;
        }
    }
    assert!(ended, "it does not come to its end");
    assert_swarm(&site).await;
    let again = site.run(&add).await;
    assert_eq!(changes(again.result()), 0, "{}", again.json);
    // The tokens are there for who asks, and nowhere else.
    let status = site.run(&["feature", "status", "swarm"]).await;
    assert_eq!(status.result()["outputs"]["worker_token"], Value::Null);
    let status = site.run(&["feature", "status", "swarm", "--show-secrets"]).await;
    let token = status.result()["outputs"]["worker_token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("SWMTKN-"));
    let state = std::fs::read(site.folder().join("state/state.db")).unwrap();
    assert!(!state.windows(token.len()).any(|window| window == token.as_bytes()));

    let needed = site.run(&["feature", "remove", "docker", "--on", "a", "--yes"]).await;
    assert_eq!(needed.json["error"]["code"], "feature-needed", "{}", needed.json);
    // And what is there then is what an undisturbed run leaves.
    let disturbed = site.traces(&["a", "b", "c"]).await;
    site.run(&["feature", "remove", "swarm", "--yes"]).await.result();
    site.run(&add).await.result();
    assert_swarm(&site).await;
    for (calm, disturbed) in site.traces(&["a", "b", "c"]).await.iter().zip(&disturbed) {
        assert_eq!(without_dockers_choice(disturbed), without_dockers_choice(calm));
    }
    site.run(&["feature", "remove", "swarm", "--yes"]).await.result();
    site.run(&["feature", "remove", "docker", "--yes"]).await.result();
    site.run(&["network", "delete", "lan", "--force", "--yes"]).await.result();
}

/// The lines but for what Docker makes up anew each time: a container's scope, and which range its bridge has.
fn without_dockers_choice(traces: &str) -> Vec<String> {
    let word = |word: &str| if word.starts_with("172.") { "range".to_owned() } else { word.to_owned() };
    let lines = traces.lines().filter(|line| !line.contains(".scope "));
    lines.map(|line| line.split(' ').map(word).collect::<Vec<_>>().join(" ")).collect()
}

/// Three members, and a service with a replica on each of them.
async fn assert_swarm(site: &Site) {
    let nodes = site.on("a", "sudo docker node ls").await;
    assert_eq!(nodes.matches(" Ready ").count(), 3, "{nodes}");
    // An image of what every host has, since no registry is in reach.
    let image = "cd / && tar -ch bin/sleep $(ldd /bin/sleep | grep -o '/lib[^ ]*') 2>/dev/null | \
        sudo docker import - sleeper:1 >/dev/null && echo made";
    for host in ["a", "b", "c"] {
        assert_eq!(site.on(host, image).await, "made");
    }
    let service = "sudo docker service create -d --name sleeper --mode global --endpoint-mode dnsrr \
        --no-resolve-image sleeper:1 /bin/sleep 1000 >/dev/null; \
        for i in $(seq 90); do \
            n=$(sudo docker service ps sleeper --format '{{.CurrentState}}' | grep -c ^Running); \
            [ $n = 3 ] && break; sleep 1; \
        done; echo $n; sudo docker service rm sleeper >/dev/null";
    assert_eq!(site.on("a", service).await, "3");
}
