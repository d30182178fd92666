//! A recipe's folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use skywright_config::{Mark, Node, Place};
use skywright_recipe_format::{Bundle, Finding, Recipe, is_template_name, limits};

use crate::Error;
use crate::error::Wrong;

/// The file that a recipe is.
pub const RECIPE_FILE: &str = "recipe.yaml";
/// The folder of its templates.
pub const SCRIPTS_FOLDER: &str = "scripts";

/// A recipe as its author wrote it.
#[derive(Clone)]
pub struct Source {
    /// Its folder.
    pub folder: PathBuf,
    /// What is in it.
    pub bundle: Bundle,
    node: Node,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Source {
    /// Reads `FOLDER/recipe.yaml` and `FOLDER/scripts/*.tera`.
    ///
    /// # Errors
    ///
    /// [`Error::NotARecipe`], [`Error::Config`] with line and column of the first key or value that does not
    /// fit, [`Error::Wrong`] with everything that is wrong beyond that, [`Error::Template`], [`Error::Io`].
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(RECIPE_FILE);
        if !path.is_file() {
            return Err(Error::NotARecipe { folder: folder.to_owned() });
        }
        let text = skywright_config::read_text(&path)?;
        let templates = templates(&folder.join(SCRIPTS_FOLDER))?;
        let source = Self::parse(&text, &path, templates)?;
        Ok(Self { folder: folder.to_owned(), ..source })
    }

    /// Reads the text of a recipe; `path` is for messages.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn parse(text: &str, path: &Path, templates: BTreeMap<String, String>) -> Result<Self, Error> {
        let node = skywright_config::parse(text, path)?;
        let recipe: Recipe = skywright_config::from_node(&node, path)?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let source = Self { folder, bundle: Bundle { recipe, templates }, node };
        let findings = source.bundle.findings();
        if findings.is_empty() {
            return Ok(source);
        }
        let wrong = findings.into_iter().map(|finding| {
            let place = source.place(path, &finding);
            Wrong { place, message: finding.message }
        });
        Err(Error::Wrong(wrong.collect()))
    }

    /// The recipe's file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.join(RECIPE_FILE)
    }

    /// Where the recipe's file says what a path of keys leads to, or the nearest of the keys that is there.
    #[must_use]
    pub fn mark(&self, path: &str) -> Mark {
        mark(&self.node, path)
    }

    fn place(&self, file: &Path, finding: &Finding) -> Place {
        Place::at(file, self.mark(&finding.path), finding.path.clone())
    }
}

/// Follows `a.b[2].c` as far as it goes.
fn mark(root: &Node, path: &str) -> Mark {
    let (mut node, mut mark) = (root, root.mark);
    for part in path.split('.').flat_map(indices) {
        let found = match part.strip_prefix('[').and_then(|part| part.strip_suffix(']')) {
            Some(index) => {
                let item = index.parse::<usize>().ok().and_then(|index| node.items()?.get(index));
                item.map(|item| (item, item.mark))
            }
            None => node.entry(part).map(|entry| (&entry.node, entry.mark)),
        };
        // A word alone, such as a rule that is a step's work as well, has no key of its own.
        let Some((below, at)) = found else { break };
        (node, mark) = (below, at);
    }
    mark
}

/// `steps[2]` as `steps` and `[2]`.
fn indices(part: &str) -> Vec<&str> {
    match part.find('[') {
        Some(at) if at > 0 => {
            part.split_at_checked(at).map(|(name, index)| vec![name, index]).unwrap_or_default()
        }
        _ => vec![part],
    }
}

/// The templates of a folder by name; none if there is no folder.
fn templates(folder: &Path) -> Result<BTreeMap<String, String>, Error> {
    let mut templates = BTreeMap::new();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(templates),
        Err(error) => return Err(Error::io("read", folder)(error)),
    };
    for entry in entries {
        let path = entry.map_err(Error::io("read", folder))?.path();
        let wrong = |reason: &str| Error::Template { path: path.clone(), reason: reason.to_owned() };
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        // An editor's own files are none of ours.
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        if !is_template_name(name) {
            return Err(wrong(
                "only templates are in scripts/: letters, digits, `-`, `_` and `.`, ending in `.tera`",
            ));
        }
        // A link could lead to anybody's files, which would be published with the recipe.
        let about = fs::symlink_metadata(&path).map_err(Error::io("read", &path))?;
        if !about.is_file() {
            return Err(wrong("it is no file"));
        }
        if about.len() > limits::BUNDLE_BYTES as u64 {
            return Err(wrong("it is larger than a recipe may be"));
        }
        let text = fs::read(&path).map_err(Error::io("read", &path))?;
        let text = String::from_utf8(text).map_err(|_| wrong("it is not UTF-8"))?;
        templates.insert(name.to_owned(), text);
        if templates.len() > limits::TEMPLATES {
            return Err(wrong("there are too many templates"));
        }
    }
    Ok(templates)
}
