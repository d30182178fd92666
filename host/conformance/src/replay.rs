//! A run as a file, and again from it.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use skywright_egress::recording::read_suite_recording;
use skywright_egress::{BoxFuture, Client, Difference, Recorder, Replayer, Secret, SteppedClock, Vault};
use skywright_runtime::{Plugin, Session};

use crate::error::Error;
use crate::meter::Meter;
use crate::script::Script;
use crate::subject::{Identity, Launch, LaunchError, Launched, Subject};

/// A run that is written down while it goes on.
pub struct Recording {
    path: PathBuf,
    recorder: Arc<Recorder<BufWriter<File>>>,
    meter: Arc<Meter>,
    clock: Arc<SteppedClock>,
}

impl Recording {
    /// Begins a file; one that is there is written over.
    ///
    /// # Errors
    ///
    /// [`Error::File`].
    pub fn begin(path: &Path, script: &Script) -> Result<Self, Error> {
        let suite = serde_json::to_value(script).map_err(std::io::Error::from);
        let recorder = suite.and_then(|suite| {
            let out = BufWriter::new(File::create(path)?);
            Recorder::of_suite(out, Some(suite))
        });
        let recorder = Arc::new(recorder.map_err(|source| file("write", path, source))?);
        let clock = Arc::new(SteppedClock::at(script.started_s));
        let meter = Arc::new(Meter::recording(recorder.clone(), Arc::clone(&clock)));
        Ok(Self { path: path.to_owned(), recorder, meter, clock })
    }

    /// The meter that the run and all its sessions have to use.
    #[must_use]
    pub fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }

    /// The clock that every session has to lend to the plugin: the replay shows the same times.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn skywright_runtime::Clock> {
        Arc::new(GuestClock(Arc::clone(&self.clock)))
    }

    /// Ends the file.
    ///
    /// # Errors
    ///
    /// [`Error::File`], with the first error of writing.
    pub fn finish(&self) -> Result<(), Error> {
        self.recorder.check().map_err(|source| file("write", &self.path, source))
    }
}

/// The clock of a recording as plugins see it.
struct GuestClock(Arc<SteppedClock>);

impl skywright_runtime::Clock for GuestClock {
    fn now_s(&self) -> u64 {
        self.0.now_s()
    }
}

/// A recorded run, to be run again against this plugin.
pub struct Replay {
    plugin: Plugin,
    script: Script,
    replayer: Arc<Replayer>,
    clock: Arc<SteppedClock>,
}

impl Replay {
    /// Reads a recording.
    ///
    /// # Errors
    ///
    /// [`Error::File`], [`Error::Recording`], [`Error::NoSuite`] and [`Error::OtherPlugin`].
    pub fn read(path: &Path, plugin: Plugin) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|source| file("read", path, source))?;
        let (suite, exchanges) = read_suite_recording(&text)
            .map_err(|source| Error::Recording { path: path.to_owned(), source })?;
        let no_suite = |reason| Error::NoSuite { path: path.to_owned(), reason };
        let script: Script = serde_json::from_value(suite.ok_or_else(|| no_suite(None))?)
            .map_err(|error| no_suite(Some(error.to_string())))?;
        let id = plugin.package().manifest.id.to_string();
        if script.plugin.id != id {
            return Err(Error::OtherPlugin { recorded: script.plugin.id, given: id });
        }
        let clock = Arc::new(SteppedClock::at(script.started_s));
        let replayer = Arc::new(Replayer::new(exchanges, Arc::clone(&clock)));
        Ok(Self { plugin, script, replayer, clock })
    }

    /// What the recording says of its run.
    #[must_use]
    pub fn script(&self) -> &Script {
        &self.script
    }

    /// The first request that was not recorded, if there was one.
    #[must_use]
    pub fn difference(&self) -> Option<Difference> {
        self.replayer.difference()
    }

    /// How many exchanges were not asked for, and the first of them.
    #[must_use]
    pub fn left(&self) -> Option<(usize, String)> {
        self.replayer.next().map(|next| (self.replayer.left(), next))
    }

    fn session(&self, launch: &Launch) -> Session {
        let own = self.script.credentials.iter();
        // Words that stand in for secrets, and that no answer holds.
        let own = own.map(|name| (name.clone(), Secret::new(format!("replayed:{name}"))));
        let vault = Vault::with_clock(own, self.clock.clone());
        let client = Client::replaying(vault, Arc::clone(&self.replayer), Some(launch.meter.clone()));
        let mut settings = self.script.settings.clone();
        settings.extend(launch.settings.iter().cloned());
        Session::new(settings, client).with_clock(Arc::new(GuestClock(Arc::clone(&self.clock))))
    }
}

impl Subject for Replay {
    fn identity(&self) -> Identity {
        let manifest = &self.plugin.package().manifest;
        Identity { id: manifest.id.to_string(), version: manifest.version.to_string() }
    }

    /// A new session of the same engine: nothing of a replay is in the engine.
    fn launch(&self, launch: Launch) -> BoxFuture<'_, Result<Launched, LaunchError>> {
        Box::pin(async move {
            let session = Arc::new(self.session(&launch));
            Ok(Launched::plugin(&self.plugin, &session).await?)
        })
    }
}

fn file(action: &'static str, path: &Path, source: std::io::Error) -> Error {
    Error::File { action, path: path.to_owned(), source }
}
