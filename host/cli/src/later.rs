//! Command lines whose parts are put together when they are used: of some two hundred commands a process runs one.

use std::sync::atomic::{AtomicBool, Ordering};

use clap::builder::Resettable;
use clap::{ArgMatches, Args, Command, Error, FromArgMatches, Subcommand};

/// A noun's options or commands, described to the parser no sooner than somebody types the noun or asks for all there is.
#[derive(Debug)]
pub(crate) struct Later<T>(pub(crate) T);

/// Whether nothing is put off in this process.
static AT_ONCE: AtomicBool = AtomicBool::new(false);

/// From now on everything is described at once: a completion script has all there is, and the parser puts the tree
/// below `help` together before it comes to the nouns.
pub(crate) fn describe_at_once() {
    AT_ONCE.store(true, Ordering::Relaxed);
}

fn put_off(command: Command, describe: fn(Command) -> Command) -> Command {
    if AT_ONCE.load(Ordering::Relaxed) { describe(command) } else { command.defer(describe) }
}

/// What the noun says of itself stays; the type's own words are for those who read the code.
fn keeping_its_words(command: Command, describe: fn(Command) -> Command) -> Command {
    let (about, long_about) = (command.get_about().cloned(), command.get_long_about().cloned());
    describe(command).about(Resettable::from(about)).long_about(Resettable::from(long_about))
}

impl<T: Args> Args for Later<T> {
    fn augment_args(command: Command) -> Command {
        put_off(command, |command| keeping_its_words(command, T::augment_args))
    }

    fn augment_args_for_update(command: Command) -> Command {
        put_off(command, |command| keeping_its_words(command, T::augment_args_for_update))
    }
}

impl<T: Subcommand> Subcommand for Later<T> {
    fn augment_subcommands(command: Command) -> Command {
        put_off(command, |command| keeping_its_words(command, T::augment_subcommands))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        put_off(command, |command| keeping_its_words(command, T::augment_subcommands_for_update))
    }

    fn has_subcommand(name: &str) -> bool {
        T::has_subcommand(name)
    }
}

impl<T: FromArgMatches> FromArgMatches for Later<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches(matches).map(Self)
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches_mut(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }

    fn update_from_arg_matches_mut(&mut self, matches: &mut ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches_mut(matches)
    }
}
