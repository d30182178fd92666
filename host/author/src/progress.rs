//! What happens while something takes its time.

use std::fmt;

use crate::ToolChain;

/// Where events go. Called from the thread that called the operation.
pub type Progress<'a> = &'a mut dyn FnMut(Event<'_>);

/// One thing that a person may want to see. Its `Display` is one line without its end.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The tool chain that was chosen, once a [`Builder`](crate::Builder).
    ToolChain(&'a ToolChain),
    /// What begins now, such as a download or a compilation.
    Step(&'a str),
    /// A line that a tool printed.
    Output(&'a str),
    /// Something that does not stop the build and may be regretted.
    Warning(&'a str),
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ToolChain(tool_chain) => write!(f, "tool chain: {tool_chain}"),
            Self::Step(text) | Self::Output(text) => f.write_str(text),
            Self::Warning(text) => write!(f, "warning: {text}"),
        }
    }
}
