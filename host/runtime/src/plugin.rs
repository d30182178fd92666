//! A loaded plugin: checked, compiled, linked, and not yet running.

use std::sync::Arc;
use std::time::Duration;

use skywright_contract::{Interfaces, Package};
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{ComponentExportIndex, InstancePre, Val};

use crate::bindings::exports::skywright::provider::driver;
use crate::engine::Engine;
use crate::error::Error;
use crate::guest::Guest;
use crate::instance::Instance;
use crate::session::Session;
use crate::value::{self, ValueError};

/// A plugin, ready to be instantiated any number of times. Cheap to clone.
#[derive(Clone)]
pub struct Plugin(Arc<Inner>);

struct Inner {
    engine: Engine,
    package: Package,
    interfaces: Interfaces,
    pre: InstancePre<Guest>,
    functions: Vec<Function>,
}

/// One exported function.
#[derive(Clone)]
pub struct Function {
    /// The interface's full name, such as `skywright:provider/catalog@0.1.0`.
    pub interface: String,
    /// The function's name within it.
    pub name: String,
    pub(crate) index: ComponentExportIndex,
    pub(crate) ty: ComponentFunc,
}

impl Function {
    /// What people type: the interface's last word, a dot, and the function, as `catalog.templates`.
    #[must_use]
    pub fn short_name(&self) -> String {
        format!("{}.{}", short_interface(&self.interface), self.name)
    }

    /// The provider family that it belongs to, such as `hosts`, if it is of the contract's provider package.
    #[must_use]
    pub fn family(&self) -> Option<&str> {
        self.interface.starts_with("skywright:provider/").then(|| short_interface(&self.interface))
    }

    /// Reads one JSON or WAVE text for each parameter.
    ///
    /// # Errors
    ///
    /// [`ValueError`], with the path of the part that does not fit.
    pub fn parse_arguments(&self, texts: &[String]) -> Result<Vec<Val>, ValueError> {
        value::check_count(&self.ty, texts.len())?;
        self.ty.params().zip(texts).map(|((name, ty), text)| value::parse(&ty, text, name)).collect()
    }
}

/// `skywright:provider/catalog@0.1.0` → `catalog`.
fn short_interface(interface: &str) -> &str {
    let name = interface.split('@').next().unwrap_or(interface);
    name.rsplit('/').next().unwrap_or(name)
}

impl Plugin {
    pub(crate) fn new(
        engine: Engine,
        package: Package,
        interfaces: Interfaces,
        pre: InstancePre<Guest>,
    ) -> Result<Self, Error> {
        let functions = exported_functions(&engine, &pre);
        Ok(Self(Arc::new(Inner { engine, package, interfaces, pre, functions })))
    }

    /// Digest, size, manifest.
    #[must_use]
    pub fn package(&self) -> &Package {
        &self.0.package
    }

    /// Everything it imports and exports, with signatures: the truth, from the component's types.
    #[must_use]
    pub fn interfaces(&self) -> &Interfaces {
        &self.0.interfaces
    }

    /// Every exported function, in the component's order.
    #[must_use]
    pub fn functions(&self) -> &[Function] {
        &self.0.functions
    }

    /// The engine that loaded it.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// Finds a function by its short name (`catalog.templates`) or its full one
    /// (`skywright:provider/catalog@0.1.0#templates`).
    ///
    /// # Errors
    ///
    /// [`Error::NoFunction`], which lists what there is.
    pub fn function(&self, name: &str) -> Result<&Function, Error> {
        let full = name.split_once('#');
        let matches = |f: &&Function| match full {
            Some((interface, function)) => f.interface == interface && f.name == function,
            None => f.short_name() == name,
        };
        self.0.functions.iter().find(matches).ok_or_else(|| Error::NoFunction {
            function: name.to_owned(),
            available: self.0.functions.iter().map(Function::short_name).collect(),
        })
    }

    /// Makes a fresh instance for one operation. Dropping it frees all that the guest had.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`] if the component's own start is too much, [`Error::Trap`] if it crashes.
    pub async fn instantiate(&self, session: &Arc<Session>) -> Result<Instance, Error> {
        Instance::new(self, session).await
    }

    /// What a provider says of itself. A pure call, with the smaller CPU budget.
    ///
    /// # Errors
    ///
    /// As [`Instance::call`]; [`Error::NoFunction`] if it is not a provider.
    pub async fn describe_provider(&self) -> Result<driver::DriverInfo, Error> {
        let mut instance = self.instantiate(&Arc::new(Session::nothing())).await?;
        instance.describe_provider().await
    }

    pub(crate) fn pre(&self) -> &InstancePre<Guest> {
        &self.0.pre
    }

    /// The CPU budget of a function.
    pub(crate) fn cpu_time(&self, function: &str) -> Duration {
        let limits = self.0.engine.limits();
        match function {
            "describe" | "validate" => limits.cpu_time_describe,
            _ => limits.cpu_time,
        }
    }
}

fn exported_functions(engine: &Engine, pre: &InstancePre<Guest>) -> Vec<Function> {
    let (component, wasmtime) = (pre.component(), engine.wasmtime());
    let mut functions = Vec::new();
    for (interface, item) in component.component_type().exports(wasmtime) {
        let ComponentItem::ComponentInstance(instance) = item.ty else { continue };
        let Some(parent) = component.get_export_index(None, interface) else { continue };
        for (name, item) in instance.exports(wasmtime) {
            let ComponentItem::ComponentFunc(ty) = item.ty else { continue };
            let Some(index) = component.get_export_index(Some(&parent), name) else { continue };
            functions.push(Function { interface: interface.to_owned(), name: name.to_owned(), index, ty });
        }
    }
    functions
}
