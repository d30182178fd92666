//! wasmtime alone, as little of it as runs the same component.

use wasmtime::component::{Component, Instance, InstancePre, Linker, Val};
use wasmtime::{Config, Engine, Store};

use crate::Outcome;

/// A component on an engine without limits.
pub(crate) struct Raw {
    engine: Engine,
    pre: InstancePre<()>,
}

impl Raw {
    /// `describe` needs no import, so those that are not defined here trap.
    pub(crate) fn load(bytes: &[u8]) -> Outcome<Self> {
        let engine = Engine::new(&Config::new())?;
        let component = Component::new(&engine, bytes)?;
        let mut linker = Linker::new(&engine);
        linker.instance("skywright:host/clock@0.1.0")?.func_wrap("now", |_, (): ()| Ok((7_u64,)))?;
        linker.define_unknown_imports_as_traps(&component)?;
        let pre = linker.instantiate_pre(&component)?;
        Ok(Self { engine, pre })
    }

    pub(crate) async fn instantiate(&self) -> Outcome<(Store<()>, Instance)> {
        let mut store = Store::new(&self.engine, ());
        let instance = self.pre.instantiate_async(&mut store).await?;
        Ok((store, instance))
    }

    pub(crate) async fn call(
        (store, instance): &mut (Store<()>, Instance),
        (interface, function): (&str, &str),
        args: &[Val],
    ) -> Outcome<Vec<Val>> {
        let interface = format!("skywright:provider/{interface}@0.1.0");
        let interface = instance.get_export_index(&mut *store, None, &interface);
        let index = instance.get_export_index(&mut *store, interface.as_ref(), function);
        let function =
            index.and_then(|index| instance.get_func(&mut *store, index)).ok_or("no such function")?;
        let mut results = vec![Val::Bool(false)];
        function.call_async(&mut *store, args, &mut results).await?;
        Ok(results)
    }
}
