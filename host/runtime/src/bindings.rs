//! The contract as Rust types, generated from `wit/`.

#![expect(missing_docs, reason = "generated; the WIT files carry the documentation")]

wasmtime::component::bindgen!({
    path: ["../../wit/host", "../../wit/provider"],
    world: "skywright:provider/minimal-provider",
    imports: {
        "skywright:host/http@0.1.0.send": async | trappable,
        default: trappable,
    },
    exports: { default: async },
    anyhow: false,
});
