//! Flavor names of the Sovereign Cloud Stack.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skywright_sizing::{FlavorName, Template};

fuzz_target!(|name: &str| {
    let Ok(flavor) = name.parse::<FlavorName>() else { return };
    for spelling in [flavor.to_string(), flavor.to_version_1()] {
        assert_eq!(spelling.parse::<FlavorName>().as_ref(), Ok(&flavor), "{spelling}");
    }
    let short = flavor.short();
    assert_eq!(short.to_string().parse::<FlavorName>().as_ref(), Ok(&short));
    flavor.fill_in(&mut Template::default());
});
