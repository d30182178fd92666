//! What long work tells while it goes on.

/// Who is told. Called from tasks that wait for a cloud: it should not block.
pub trait Report: Send + Sync {
    /// A step began, went on, or ended.
    fn step(&self, step: &Step<'_>);

    /// Something that the user has to know, and that is no failure.
    fn notice(&self, text: &str);
}

/// Where a step is.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// What it is, such as "host web".
    pub title: &'a str,
    /// How far it is: `asking`, `done`, or what is waited for.
    pub note: &'a str,
}

impl<'a> Step<'a> {
    /// A step and how far it is.
    #[must_use]
    pub fn new(title: &'a str, note: &'a str) -> Self {
        Self { title, note }
    }
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Report for Silent {
    fn step(&self, _: &Step<'_>) {}

    fn notice(&self, _: &str) {}
}
