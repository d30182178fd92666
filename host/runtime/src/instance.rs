//! A running plugin: one store, one instance, for one operation.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{Instance as RawInstance, Val};
use wasmtime::{AsContextMut, Store};

use crate::bindings::exports::skywright::provider::driver;
use crate::error::Error;
use crate::guest::Guest;
use crate::limits::{LimitExceeded, LimitName, milliseconds};
use crate::plugin::{Function, Plugin};
use crate::session::Session;
use crate::{trap, value};

/// One live instance. Not for two calls at once; after an error that [`Error::Guest`] is not, it is
/// spent, and every further call says so.
pub struct Instance {
    plugin: Plugin,
    store: Store<Guest>,
    raw: RawInstance,
    spent: bool,
}

impl Instance {
    pub(crate) async fn new(plugin: &Plugin, session: &Arc<Session>) -> Result<Self, Error> {
        let engine = plugin.engine();
        let limits = engine.limits();
        let id = plugin.package().manifest.id.to_string();
        let mut store = Store::new(engine.wasmtime(), Guest::new(session.clone(), id, limits));
        store.limiter(|guest| &mut guest.memory);
        store.set_hostcall_fuel(limits.copied_bytes);
        store.set_max_component_handles(limits.handles);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|mut store| store.data_mut().cpu.tick());
        let start = plugin.pre().instantiate_async(&mut store);
        let raw = match guarded(plugin, session, start).await {
            Ok(raw) => raw,
            Err(failure) => return Err(failure.named(plugin, &mut store, "instantiate")),
        };
        Ok(Self { plugin: plugin.clone(), store, raw, spent: false })
    }

    /// Calls a function with values that fit its type.
    ///
    /// A `result` that is `err` with the contract's `error` becomes [`Error::Guest`]; another `err`
    /// is part of the value. `None` if the function has no result.
    ///
    /// # Errors
    ///
    /// [`Error::Guest`], [`Error::Limit`], [`Error::Trap`], [`Error::Cancelled`],
    /// [`Error::Value`] if the arguments are not the function's.
    pub async fn call(&mut self, function: &Function, args: &[Val]) -> Result<Option<Val>, Error> {
        value::check_count(&function.ty, args.len())?;
        let budget = self.plugin.cpu_time(&function.name);
        let mut results = vec![Val::Bool(false); function.ty.results().len()];
        let raw = self.raw;
        let func = raw
            .get_func(&mut self.store, function.index)
            .ok_or_else(|| Error::Engine(format!("{} is not there any more", function.short_name())))?;
        let name = function.short_name();
        self.run(&name, budget, async |store| func.call_async(store, args, &mut results).await).await?;
        match results.pop() {
            Some(result) => value::guest_error_of(result).map(Some),
            None => Ok(None),
        }
    }

    /// [`call`](Self::call) with JSON in and out; the shapes are documented in [`value`].
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call); [`Error::Value`] points at the part of the JSON that does not fit.
    pub async fn call_json(
        &mut self,
        function: &Function,
        args: &[serde_json::Value],
    ) -> Result<serde_json::Value, Error> {
        value::check_count(&function.ty, args.len())?;
        let args = function
            .ty
            .params()
            .zip(args)
            .map(|((name, ty), json)| value::from_json(&ty, json, name))
            .collect::<Result<Vec<_>, _>>()?;
        let result = self.call(function, &args).await?;
        Ok(result.as_ref().map_or(serde_json::Value::Null, value::to_json))
    }

    /// `driver.describe`, typed.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub async fn describe_provider(&mut self) -> Result<driver::DriverInfo, Error> {
        let missing = |_| Error::NoFunction {
            function: "driver.describe".to_owned(),
            available: self.plugin.functions().iter().map(Function::short_name).collect(),
        };
        let guest = driver::GuestIndices::new(self.plugin.pre())
            .and_then(|indices| indices.load(&mut self.store, &self.raw))
            .map_err(missing)?;
        let budget = self.plugin.cpu_time("describe");
        self.run("driver.describe", budget, async |store| guest.call_describe(store).await).await
    }

    /// Linear memory that the guest has now, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        self.store.data().memory.used_bytes()
    }

    /// [`run`](Self::run) with the budget of a named function of the contract.
    pub(crate) async fn run_typed<R>(
        &mut self,
        name: &str,
        call: impl AsyncFnOnce(&mut Store<Guest>) -> wasmtime::Result<R>,
    ) -> Result<R, Error> {
        let function = name.rsplit('.').next().unwrap_or(name);
        let budget = self.plugin.cpu_time(function);
        self.run(name, budget, call).await
    }

    pub(crate) fn parts(&mut self) -> (&Plugin, &mut Store<Guest>, &RawInstance) {
        (&self.plugin, &mut self.store, &self.raw)
    }

    async fn run<R>(
        &mut self,
        name: &str,
        budget: Duration,
        call: impl AsyncFnOnce(&mut Store<Guest>) -> wasmtime::Result<R>,
    ) -> Result<R, Error> {
        if self.spent {
            return Err(Error::Engine(format!("{name} was called on an instance that has failed before")));
        }
        self.store.data_mut().start_call(budget);
        self.store.as_context_mut().set_epoch_deadline(1);
        let session = self.store.data().session.clone();
        let outcome = guarded(&self.plugin, &session, call(&mut self.store)).await;
        self.spent = outcome.is_err();
        outcome.map_err(|failure| failure.named(&self.plugin, &mut self.store, name))
    }
}

/// Why guest code did not come to its end.
enum Failure {
    /// The host stopped it.
    Stopped(Error),
    /// It failed by itself, or met a limit inside the engine.
    Raised(wasmtime::Error),
}

impl Failure {
    fn named(self, plugin: &Plugin, store: &mut Store<Guest>, function: &str) -> Error {
        match self {
            Self::Stopped(error) => error,
            Self::Raised(error) => trap::classify(plugin, store, function, error),
        }
    }
}

/// Runs guest code with ticks, wall time and cancellation.
async fn guarded<R>(
    plugin: &Plugin,
    session: &Session,
    call: impl Future<Output = wasmtime::Result<R>>,
) -> Result<R, Failure> {
    let call = plugin.engine().ticker().over(call);
    let wall_time = plugin.engine().limits().wall_time;
    tokio::select! {
        biased;
        () = session.cancelled() => Err(Failure::Stopped(Error::Cancelled)),
        outcome = tokio::time::timeout(wall_time, call) => match outcome {
            Ok(outcome) => outcome.map_err(Failure::Raised),
            Err(_) => {
                let (limit, allowed) = (LimitName::WallTimeMs, milliseconds(wall_time));
                Err(Failure::Stopped(LimitExceeded { limit, allowed, used: None }.into()))
            }
        },
    }
}
