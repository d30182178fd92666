//! Templates to text, within bounds.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;

use skywright_recipe_format::plan::Action;
use skywright_recipe_format::{Bundle, Text, limits};
use tera::{Context, ErrorKind, Tera};

use crate::filter;
use crate::refusal::Refusal;

/// Every template of an action, parsed once.
pub(crate) struct Renderer {
    tera: Tera,
    /// The name that an inline text has, by the text.
    names: BTreeMap<String, String>,
    /// Which templates say `host`.
    host_bound: BTreeMap<String, bool>,
    /// How many bytes this round may still render.
    left: Cell<usize>,
}

impl Renderer {
    /// Parses the files of the bundle, and the inline texts of the action.
    pub(crate) fn new(bundle: &Bundle, action: Action) -> Result<Self, Refusal> {
        let mut tera = Tera::default();
        tera.autoescape_on(Vec::<String>::new());
        filter::register(&mut tera);
        let mut names = BTreeMap::new();
        let mut sources: BTreeMap<String, String> = bundle.templates.clone();
        bundle.recipe.texts(action, &mut |path, text| {
            let source = match text {
                Text::Inline(text) if is_template(text) => text.to_owned(),
                Text::Condition(text) => condition(text),
                Text::Inline(_) | Text::File(_) => return,
            };
            if let Entry::Vacant(entry) = names.entry(source) {
                sources.insert(path.clone(), entry.key().clone());
                entry.insert(path);
            }
        });
        tera.add_raw_templates(&sources).map_err(|error| refusal("scripts", &error))?;
        // A component may read the variables around its call, which the call does not show.
        let has_components = tera.get_component_names().next().is_some();
        let host_bound =
            sources.keys().map(|name| (name.clone(), has_components || says_host(&tera, name))).collect();
        Ok(Self { tera, names, host_bound, left: Cell::new(limits::ROUND_BYTES) })
    }

    /// Whether a text can be another one for each host.
    pub(crate) fn is_host_bound(&self, text: Text<'_>) -> bool {
        let name = match text {
            Text::Inline(text) if !is_template(text) => return false,
            Text::Inline(text) => self.names.get(text).map(String::as_str),
            Text::Condition(text) => self.names.get(&condition(text)).map(String::as_str),
            Text::File(name) => Some(name),
        };
        name.and_then(|name| self.host_bound.get(name)).copied().unwrap_or(true)
    }

    /// An inline text, at most `limit` bytes of it.
    pub(crate) fn inline(&self, text: &str, context: &Context, limit: usize) -> Result<String, Refusal> {
        match self.names.get(text) {
            Some(name) => self.named(name, context, limit),
            None => {
                let place = || text.chars().take(60).collect();
                self.spend(text.len(), limit).map_err(|limit| Refusal::TooLong {
                    place: place(),
                    limit,
                    host: None,
                })?;
                Ok(text.to_owned())
            }
        }
    }

    /// A file of `scripts/`, at most `limit` bytes of it.
    pub(crate) fn file(&self, name: &str, context: &Context, limit: usize) -> Result<String, Refusal> {
        self.named(name, context, limit)
    }

    /// Whether a condition holds.
    pub(crate) fn holds(&self, text: &str, context: &Context) -> Result<bool, Refusal> {
        let Some(name) = self.names.get(&condition(text)) else {
            return Err(Refusal::Request("a condition of another action".to_owned()));
        };
        Ok(!self.named(name, context, limits::TEXT_CHARACTERS)?.is_empty())
    }

    fn named(&self, name: &str, context: &Context, limit: usize) -> Result<String, Refusal> {
        let mut output = Bounded { bytes: Vec::new(), limit: limit.min(self.left.get()), is_full: false };
        let rendered = self.tera.render_to(name, context, &mut output);
        if output.is_full {
            return Err(Refusal::TooLong { place: name.to_owned(), limit: output.limit, host: None });
        }
        rendered.map_err(|error| refusal(name, &error))?;
        self.left.set(self.left.get() - output.bytes.len());
        String::from_utf8(output.bytes).map_err(|_| Refusal::Template {
            place: name.to_owned(),
            message: "it renders to what is not UTF-8".to_owned(),
            host: None,
        })
    }

    fn spend(&self, bytes: usize, limit: usize) -> Result<(), usize> {
        let limit = limit.min(self.left.get());
        if bytes > limit {
            return Err(limit);
        }
        self.left.set(self.left.get() - bytes);
        Ok(())
    }
}

/// Whether there is anything to render.
fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark))
}

fn condition(text: &str) -> String {
    format!("{{% if {text} %}}yes{{% endif %}}")
}

fn says_host(tera: &Tera, name: &str) -> bool {
    tera.get_template_variables(name).map_or(true, |variables| variables.contains("host"))
}

/// Takes no more than so many bytes.
struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
    is_full: bool,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.limit {
            self.is_full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The library's error as one line with a place.
fn refusal(name: &str, error: &tera::Error) -> Refusal {
    let (place, message) = match error.kind() {
        ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => {
            let span = report.span();
            let name = if report.filename().is_empty() { name } else { report.filename() };
            (format!("{name}:{}:{}", span.start_line, span.start_col + 1), report.message().to_owned())
        }
        _ => (name.to_owned(), error.to_string()),
    };
    let message =
        message.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
    let mut message: String = message.chars().filter(|c| !c.is_control()).take(400).collect();
    if let Some(first) = message.get(..1) {
        let lower = first.to_lowercase();
        message.replace_range(..1, &lower);
    }
    Refusal::Template { place, message, host: None }
}
