//! What a new host is told at its first start: its name, who logs in, and with which key.

use crate::error::Error;

/// The `#cloud-config` of a host.
pub(super) struct UserData<'a> {
    pub(super) host_name: &'a str,
    /// The domain behind the name, if it has one.
    pub(super) domain: Option<&'a str>,
    pub(super) user: &'a str,
    pub(super) public_key: &'a str,
    pub(super) ssh_port: u16,
}

impl UserData<'_> {
    /// As the cloud takes it. JSON is YAML, and needs no second rule for quoting.
    pub(super) fn render(&self) -> Result<Vec<u8>, Error> {
        let full_name = match self.domain {
            Some(domain) => format!("{}.{domain}", self.host_name),
            None => self.host_name.to_owned(),
        };
        let mut config = serde_json::json!({
            "hostname": self.host_name,
            "fqdn": full_name,
            "prefer_fqdn_over_hostname": false,
            "users": [{
                "name": self.user,
                "shell": "/bin/bash",
                "lock_passwd": true,
                "sudo": "ALL=(ALL) NOPASSWD:ALL",
                "ssh_authorized_keys": [self.public_key],
            }],
            "ssh_pwauth": false,
            "disable_root": true,
        });
        if self.ssh_port != 22 {
            let path = "/etc/ssh/sshd_config.d/10-skywright.conf";
            config["write_files"] =
                serde_json::json!([{ "path": path, "content": format!("Port {}\n", self.ssh_port) }]);
            config["runcmd"] =
                serde_json::json!([["sh", "-c", "systemctl restart ssh || systemctl restart sshd"]]);
        }
        let json = serde_json::to_string_pretty(&config)
            .map_err(|e| Error::Internal(format!("user data cannot be written: {e}")))?;
        Ok(format!("#cloud-config\n{json}\n").into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_yaml_that_cloud_init_takes() {
        let data = UserData {
            host_name: "web-1",
            domain: Some("lab.example"),
            user: "operator",
            public_key: "ssh-ed25519 AAAA web-1",
            ssh_port: 2222,
        };
        let text = String::from_utf8(data.render().unwrap()).unwrap();
        let (head, body) = text.split_once('\n').unwrap();
        assert_eq!(head, "#cloud-config");
        let yaml: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(yaml["fqdn"], "web-1.lab.example");
        assert_eq!(yaml["users"][0]["ssh_authorized_keys"][0], "ssh-ed25519 AAAA web-1");
        assert_eq!(yaml["write_files"][0]["content"], "Port 2222\n");
    }
}
