//! The contract as Rust types, generated from `wit/`.

#![expect(missing_docs, reason = "generated; the WIT files carry the documentation")]

// Every family there is. A component is never held against this world as a whole: the indices of each family are
// looked up on their own, since a driver exports the ones that its cloud has.
wasmtime::component::bindgen!({
    path: ["../../wit/host", "../../wit/provider"],
    world: "skywright:provider/provider",
    imports: {
        "skywright:host/http@0.1.0.send": async | trappable,
        default: trappable,
    },
    exports: { default: async },
    additional_derives: [PartialEq, Clone, serde::Serialize, serde::Deserialize],
    anyhow: false,
});

/// What this machine itself is asked for, with the errors and tags of the rest.
pub(crate) mod local {
    wasmtime::component::bindgen!({
        path: "../../wit/host",
        inline: "
            package skywright:runtime;
            world machines { import skywright:host/machines@0.1.0; }
        ",
        world: "skywright:runtime/machines",
        with: { "skywright:host/types@0.1.0": super::skywright::host::types },
        imports: { default: async | trappable },
        additional_derives: [PartialEq, Clone],
        anyhow: false,
    });
}
