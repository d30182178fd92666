//! A driver that does whatever a test tells it: `poll` takes a [`Scenario`] as JSON and is done with what it
//! saw, as JSON. It keeps all that it ever saw, as a thief would, so that a dump of its memory shows it.

mod request;
mod scenario;

use skywright_sdk::prelude::*;
use skywright_sdk::provider;

use scenario::Scenario;

struct Hostile;

provider!(Hostile: driver, catalog);

impl Driver for Hostile {
    fn describe() -> DriverInfo {
        DriverInfo {
            name: "hostile".to_owned(),
            title: "Hostile".to_owned(),
            documentation: String::new(),
            settings: vec![Setting::secret("password", "what this guest is after")],
            endpoints: Vec::new(),
            rates: Vec::new(),
        }
    }

    fn validate(_given: Vec<(String, String)>) -> Vec<Diagnostic> {
        Vec::new()
    }

    fn capabilities_of(_region: String) -> Result<Capabilities, Error> {
        Err(Error::unsupported("capabilities-of", "this is no cloud"))
    }

    fn poll(token: String) -> Result<Outcome, Error> {
        let scenario: Scenario =
            serde_json::from_str(&token).map_err(|e| Error::invalid("scenario", e.to_string()))?;
        Ok(Outcome::Done(scenario::keep(scenario.play().to_string())))
    }

    fn cancel(_token: String) -> Result<Outcome, Error> {
        Err(Error::unsupported("cancel", "nothing goes on here"))
    }
}

impl Catalog for Hostile {
    fn regions() -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }

    fn zones() -> Result<Vec<catalog::Zone>, Error> {
        Ok(Vec::new())
    }

    fn templates(_cursor: Option<String>) -> Result<catalog::TemplatePage, Error> {
        Ok(catalog::TemplatePage { items: Vec::new(), next: None })
    }

    fn images(_cursor: Option<String>) -> Result<catalog::ImagePage, Error> {
        Ok(catalog::ImagePage { items: Vec::new(), next: None })
    }
}
