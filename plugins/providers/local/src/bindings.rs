//! `skywright:host/machines`, with the SDK's own errors and tags.

wit_bindgen::generate!({
    path: "../../../wit/host",
    inline: "
        package skywright:local;
        world lent { import skywright:host/machines@0.1.0; }
    ",
    world: "skywright:local/lent",
    with: { "skywright:host/types@0.1.0": skywright_sdk::types },
    generate_all,
    additional_derives: [PartialEq],
});

pub(crate) use skywright::host::machines;
