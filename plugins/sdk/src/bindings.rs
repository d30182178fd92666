//! The contract as Rust: one module per interface that a plugin may export, and one for all that the
//! host lends. They share their types, so that a plugin exports only the families it has and still
//! speaks of one `Error`.

/// What the host lends. An import that no code calls is not in the component.
pub mod host {
    wit_bindgen::generate!({
        path: ["../../wit/host", "../../wit/provider", "../../wit/feature"],
        inline: "
            package skywright:sdk-host;
            world lent {
                import skywright:host/types@0.1.0;
                import skywright:host/log@0.1.0;
                import skywright:host/settings@0.1.0;
                import skywright:host/http@0.1.0;
                import skywright:host/credentials@0.1.0;
                import skywright:host/cache@0.1.0;
                import skywright:host/clock@0.1.0;
                import skywright:provider/changes@0.1.0;
                import skywright:provider/intents@0.1.0;
            }
        ",
        world: "skywright:sdk-host/lent",
        generate_all,
        additional_derives: [PartialEq],
    });
}

/// One exported interface: its types and the trait that a plugin implements. The types of the host are
/// the ones above; `with` says which others are already there.
macro_rules! exported {
    ($(#[$doc:meta])* $module:ident, $inline:literal, $world:literal $(, $with:literal: $path:path)*) => {
        $(#[$doc])*
        pub mod $module {
            wit_bindgen::generate!({
                path: ["../../wit/host", "../../wit/provider", "../../wit/feature"],
                inline: $inline,
                world: $world,
                with: {
                    "skywright:host/types@0.1.0": crate::bindings::host::skywright::host::types,
                    $($with: $path,)*
                },
                additional_derives: [PartialEq],
                pub_export_macro: true,
            });
        }
    };
}

exported!(
    /// `skywright:provider/driver`.
    driver,
    "package skywright:sdk; world exports-driver { export skywright:provider/driver@0.1.0; }",
    "skywright:sdk/exports-driver", "skywright:provider/changes@0.1.0": crate::bindings::host::skywright::provider::changes
);
exported!(
    /// `skywright:provider/catalog`.
    catalog,
    "package skywright:sdk; world exports-catalog { export skywright:provider/catalog@0.1.0; }",
    "skywright:sdk/exports-catalog"
);
exported!(
    /// `skywright:provider/networks`.
    networks,
    "package skywright:sdk; world exports-networks { export skywright:provider/networks@0.1.0; }",
    "skywright:sdk/exports-networks", "skywright:provider/changes@0.1.0": crate::bindings::host::skywright::provider::changes,
    "skywright:provider/intents@0.1.0": crate::bindings::host::skywright::provider::intents
);
exported!(
    /// `skywright:provider/hosts`.
    hosts,
    "package skywright:sdk; world exports-hosts { export skywright:provider/hosts@0.1.0; }",
    "skywright:sdk/exports-hosts", "skywright:provider/changes@0.1.0": crate::bindings::host::skywright::provider::changes,
    "skywright:provider/intents@0.1.0": crate::bindings::host::skywright::provider::intents
);
exported!(
    /// `skywright:provider/volumes`.
    volumes,
    "package skywright:sdk; world exports-volumes { export skywright:provider/volumes@0.1.0; }",
    "skywright:sdk/exports-volumes", "skywright:provider/changes@0.1.0": crate::bindings::host::skywright::provider::changes,
    "skywright:provider/intents@0.1.0": crate::bindings::host::skywright::provider::intents
);
exported!(
    /// `skywright:provider/keypairs`.
    keypairs,
    "package skywright:sdk; world exports-keypairs { export skywright:provider/keypairs@0.1.0; }",
    "skywright:sdk/exports-keypairs"
);
exported!(
    /// `skywright:provider/security-groups`.
    security_groups,
    "package skywright:sdk; world exports-security-groups { export skywright:provider/security-groups@0.1.0; }",
    "skywright:sdk/exports-security-groups", "skywright:provider/intents@0.1.0": crate::bindings::host::skywright::provider::intents
);
exported!(
    /// `skywright:provider/addresses`.
    addresses,
    "package skywright:sdk; world exports-addresses { export skywright:provider/addresses@0.1.0; }",
    "skywright:sdk/exports-addresses", "skywright:provider/intents@0.1.0": crate::bindings::host::skywright::provider::intents
);
exported!(
    /// `skywright:provider/object-storage`.
    object_storage,
    "package skywright:sdk; world exports-object-storage { export skywright:provider/object-storage@0.1.0; }",
    "skywright:sdk/exports-object-storage"
);
exported!(
    /// `skywright:provider/quotas`.
    quotas,
    "package skywright:sdk; world exports-quotas { export skywright:provider/quotas@0.1.0; }",
    "skywright:sdk/exports-quotas"
);
exported!(
    /// `skywright:provider/pricing`.
    pricing,
    "package skywright:sdk; world exports-pricing { export skywright:provider/pricing@0.1.0; }",
    "skywright:sdk/exports-pricing"
);
exported!(
    /// `skywright:feature/recipe`.
    recipe,
    "package skywright:sdk; world exports-recipe { export skywright:feature/recipe@0.1.0; }",
    "skywright:sdk/exports-recipe"
);
