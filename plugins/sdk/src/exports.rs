//! The two macros that make a plugin of a struct.

/// Makes a provider of `$plugin`, which implements `Guest` of each family named: `driver` and `catalog`
/// always, and of the drafts (`networks`, `hosts`, `volumes`, `keypairs`, `security_groups`, `addresses`,
/// `object_storage`, `quotas`, `pricing`) those that the cloud has. Once in a crate.
///
/// A panic is written to the host's log before it traps, so every provider imports `log`.
#[macro_export]
macro_rules! provider {
    ($plugin:ident: $($family:ident),+ $(,)?) => {
        $($crate::__export!($plugin, $family);)+

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            // Constructors run once, before the first export is entered.
            #[used]
            #[unsafe(link_section = ".init_array")]
            static REPORT_PANICS: extern "C" fn() = {
                extern "C" fn report_panics() {
                    $crate::log::report_panics();
                }
                report_panics
            };
        };
    };
}

/// Makes a feature of `$recipe`, which implements [`Recipe`](crate::Recipe). Once in a crate.
#[macro_export]
macro_rules! feature {
    ($recipe:ident) => {
        $crate::__export!($recipe, recipe);
    };
}

/// On wasm the exports; natively the proof that the traits are there.
#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    ($plugin:ident, $family:ident) => {
        #[cfg(target_arch = "wasm32")]
        $crate::bindings::$family::export!($plugin with_types_in $crate::bindings::$family);

        #[cfg(not(target_arch = "wasm32"))]
        const _: () = {
            const fn exported<T: $crate::$family::Guest>() {}
            exported::<$plugin>();
        };
    };
}
