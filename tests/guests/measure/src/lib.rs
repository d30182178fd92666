//! A guest to measure the host by: `poll("json:TEXT")` parses and writes JSON, `poll("clock:N")` calls
//! the host N times.

use serde_json::Value;
use skywright_sdk::prelude::*;

struct Measure;

skywright_sdk::provider!(Measure: driver);

impl Driver for Measure {
    fn describe() -> DriverInfo {
        DriverInfo {
            name: "measure".to_owned(),
            title: "Measure".to_owned(),
            documentation: String::new(),
            settings: vec![Setting::url("url", "one setting, so that there is one").required()],
            endpoints: vec![Endpoint::new("api", "{url}")],
            rates: Vec::new(),
        }
    }

    fn validate(given: Vec<(String, String)>) -> Vec<Diagnostic> {
        settings::check(&Self::describe().settings, &given)
    }

    fn capabilities_of(_region: String) -> Result<Capabilities, Error> {
        Err(unknown())
    }

    fn poll(token: String) -> Result<Outcome, Error> {
        match token.split_once(':') {
            Some(("json", text)) => {
                let value: Value = serde_json::from_str(text).map_err(|_| unknown())?;
                Ok(Outcome::Done(value.to_string().len().to_string()))
            }
            Some(("clock", count)) => {
                let count: u32 = count.parse().map_err(|_| unknown())?;
                let sum = (0..count).fold(0_u64, |sum, _| sum.wrapping_add(skywright_sdk::clock::now()));
                Ok(Outcome::Done(sum.to_string()))
            }
            _ => Err(unknown()),
        }
    }

    fn cancel(_token: String) -> Result<Outcome, Error> {
        Err(unknown())
    }
}

fn unknown() -> Error {
    Error::new(Category::InvalidRequest, "unknown", "json:TEXT or clock:N is expected")
}
