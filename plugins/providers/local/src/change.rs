//! What the machine does in its own time.

use serde::{Deserialize, Serialize};
use skywright_sdk::prelude::*;

use crate::bindings::machines::{self, DiskState, Machine, MachineState};

/// Booting is a matter of a second or two.
const POLL_AFTER_MS: u32 = 200;

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Goal {
    Running,
    Stopped,
    Gone,
}

/// A change of this plugin.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Change {
    /// A machine on its way.
    Machine { id: String, goal: Goal },
    /// A disk that is being made.
    Disk { id: String },
    /// What carries an intent's key is taken away.
    Abandon { key: String },
}

impl Operation for Change {
    fn step(self) -> Result<Progress<Self>, Error> {
        match self {
            Self::Machine { id, goal: Goal::Gone } => match or_gone(machines::delete_machine(&id))? {
                None => Ok(Progress::Done(id)),
                Some(machine) => Ok(wait(&machine, Goal::Gone)),
            },
            Self::Machine { id, goal } => reached(&machines::advance_machine(&id)?, goal),
            Self::Disk { id } => match machines::get_disk(&id)?.state {
                DiskState::Creating => {
                    Ok(Progress::wait(Self::Disk { id }, POLL_AFTER_MS, "making the disk"))
                }
                _ => Ok(Progress::Done(id)),
            },
            Self::Abandon { key } => match machines::abandon(&key)? {
                true => Ok(Progress::Done(key)),
                false => Ok(Progress::wait(Self::Abandon { key }, POLL_AFTER_MS, "taking it away")),
            },
        }
    }
}

/// Whether a machine is where it is to be.
pub(crate) fn reached(machine: &Machine, goal: Goal) -> Result<Progress<Change>, Error> {
    match (machine.state, goal) {
        (MachineState::Running, Goal::Running) | (MachineState::Stopped, Goal::Stopped) => {
            Ok(Progress::Done(machine.id.clone()))
        }
        (MachineState::Failed, _) => {
            let fault = machine.fault.as_deref().unwrap_or("it did not start");
            Err(Error::new(Category::Internal, "host-failed", fault)
                .with_subject(&machine.id)
                .with_hint("host console shows what it said"))
        }
        // Somebody else wants the opposite, and would for ever.
        (MachineState::Deleting, _)
        | (MachineState::Running, Goal::Stopped)
        | (MachineState::Stopped, Goal::Running) => {
            let message = format!("the host is {} now: something else changed it", word(machine.state));
            Err(Error::new(Category::Conflict, "changed-meanwhile", message).with_subject(&machine.id))
        }
        _ => Ok(wait(machine, goal)),
    }
}

fn wait(machine: &Machine, goal: Goal) -> Progress<Change> {
    let (percent, note) = match &machine.progress {
        Some(progress) => (progress.percent, progress.note.clone()),
        None => (None, word(machine.state).to_owned()),
    };
    let operation = Change::Machine { id: machine.id.clone(), goal };
    Progress::Wait { operation, after_ms: POLL_AFTER_MS, percent, note }
}

fn word(state: MachineState) -> &'static str {
    match state {
        MachineState::Creating => "creating",
        MachineState::Starting => "starting",
        MachineState::Running => "running",
        MachineState::Stopping => "stopping",
        MachineState::Stopped => "stopped",
        MachineState::Failed => "failed",
        MachineState::Deleting => "deleting",
    }
}

/// Of a delete: what is not there is deleted, and so is what could never be there, an id that is none.
pub(crate) fn or_gone<T: Default>(deleted: Result<T, Error>) -> Result<T, Error> {
    match deleted {
        Err(error) if error.category == Category::NotFound => Ok(T::default()),
        other => other,
    }
}

/// Takes away what carries a key and takes no time.
pub(crate) fn abandon_now(key: &str) -> Result<(), Error> {
    if machines::abandon(key)? {
        return Ok(());
    }
    let message = format!("what carries the intent {key} is not gone yet");
    Err(Error::new(Category::Conflict, "still-there", message).with_retry(500))
}
