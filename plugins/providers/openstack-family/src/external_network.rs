//! The network beyond the routers, from which public addresses come.

use serde::Deserialize;
use skywright_sdk::prelude::*;
use skywright_sdk::{cache, log};

use crate::neutron::{Neutron, Resource, Standard};

/// How long the answer is believed, in seconds.
const KEPT_S: u32 = 3600;

#[derive(Debug, Deserialize)]
struct External {
    #[serde(flatten)]
    standard: Standard,
}

impl Resource for External {
    const ONE: &'static str = "network";
    const MANY: &'static str = "networks";

    fn standard(&self) -> &Standard {
        &self.standard
    }
}

/// Its id: what the setting `external-network` names, by id or by name; else the only one there is.
///
/// # Errors
///
/// `no-external-network`, `several-external-networks` with their names.
pub(crate) fn id(neutron: &Neutron) -> Result<String, Error> {
    let setting = settings::text("external-network");
    let key = format!("external-network {} {setting:?}", neutron.client.base());
    cache::get_or(&key, KEPT_S, || {
        let all = neutron.many::<External>().query("router:external", true).all()?;
        let all: Vec<Standard> = all.into_iter().map(|network| network.standard).collect();
        let chosen = choose(&all, setting.as_deref())?;
        log::debug!("the external network is {}", chosen.name; id = chosen.id);
        Ok(chosen.id.clone())
    })
}

fn choose<'a>(all: &'a [Standard], setting: Option<&str>) -> Result<&'a Standard, Error> {
    let fitting: Vec<&Standard> = match setting {
        None => all.iter().collect(),
        Some(wanted) => match all.iter().find(|network| network.id == wanted) {
            Some(by_id) => vec![by_id],
            None => all.iter().filter(|network| network.name == wanted).collect(),
        },
    };
    let there = || all.iter().map(|network| format!("{} ({})", network.name, network.id)).collect::<Vec<_>>();
    match (fitting.as_slice(), setting) {
        ([only], _) => Ok(only),
        ([], None) => {
            Err(Error::unsupported("no-external-network", "the cloud shows the tenant no external network"))
        }
        ([], Some(wanted)) => {
            let message = format!("there is no external network {wanted:?}");
            let error = Error::new(Category::NotFound, "no-external-network", message);
            Err(error
                .with_subject("external-network")
                .with_hint(format!("there are: {}", there().join(", "))))
        }
        (_, _) => {
            let message = "the cloud has several external networks and the setting names none of them";
            let error = Error::invalid("several-external-networks", message).with_subject("external-network");
            Err(error.with_hint(format!("set external-network to one of: {}", there().join(", "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(names: &[&str]) -> Vec<Standard> {
        let network = |(index, name): (usize, &&str)| {
            serde_json::from_value(serde_json::json!({ "id": format!("id-{index}"), "name": name })).unwrap()
        };
        names.iter().enumerate().map(network).collect()
    }

    #[test]
    fn the_only_one_or_the_one_that_is_named() {
        let two = networks(&["external", "external2"]);
        assert_eq!(choose(&two[..1], None).unwrap().id, "id-0");
        assert_eq!(choose(&two, Some("external2")).unwrap().id, "id-1");
        assert_eq!(choose(&two, Some("id-0")).unwrap().name, "external");
    }

    #[test]
    fn what_there_is_is_named() {
        let two = networks(&["external", "external2"]);
        let error = choose(&two, None).unwrap_err();
        assert_eq!(
            (error.code.as_str(), error.subject.as_deref()),
            ("several-external-networks", Some("external-network"))
        );
        assert!(error.hint.unwrap().ends_with("external (id-0), external2 (id-1)"));
        assert_eq!(choose(&two, Some("else")).unwrap_err().category, Category::NotFound);
        assert_eq!(choose(&[], None).unwrap_err().category, Category::Unsupported);
        assert_eq!(
            choose(&networks(&["same", "same"]), Some("same")).unwrap_err().code,
            "several-external-networks"
        );
    }
}
