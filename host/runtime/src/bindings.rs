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
