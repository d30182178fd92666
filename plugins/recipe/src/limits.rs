//! The most of everything. The host holds every feature to the plan's bounds, whoever wrote it; the
//! interpreter refuses a recipe before it comes to that.

/// Rounds an action.
pub const ROUNDS: u32 = 64;
/// Steps a round.
pub const STEPS_PER_ROUND: usize = 1000;
/// Steps an action.
pub const STEPS: usize = 4096;
/// Hosts a target.
pub const HOSTS: usize = 1000;
/// Bytes of a script.
pub const SCRIPT_BYTES: usize = 64 << 10;
/// Bytes of a file's content.
pub const FILE_BYTES: usize = 1 << 20;
/// Bytes of all texts that a round holds.
pub const ROUND_BYTES: usize = 8 << 20;
/// Bytes of an output.
pub const OUTPUT_BYTES: usize = 64 << 10;
/// Outputs a step.
pub const OUTPUTS: usize = 64;
/// Characters of an id or another name.
pub const NAME_CHARACTERS: usize = 64;
/// Characters of any other short text: a path, a title, a port list, a condition.
pub const TEXT_CHARACTERS: usize = 4096;
/// Seconds of one try of a step, or of waiting: a day.
pub const TIMEOUT_S: u32 = 86_400;
/// Tries of a step.
pub const TRIES: u8 = 20;
/// Bytes of a recipe with its templates, as JSON.
pub const BUNDLE_BYTES: usize = 512 << 10;
/// Templates a recipe.
pub const TEMPLATES: usize = 256;
/// Parameters a recipe.
pub const PARAMETERS: usize = 256;
