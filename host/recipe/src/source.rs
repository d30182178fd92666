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
    /// The templates that are not in `scripts/`, with the folders that they are in.
    shared: BTreeMap<String, String>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Source {
    /// Reads `FOLDER/recipe.yaml`, `FOLDER/scripts/*.tera`, and the folders of templates that it shares with others.
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
        let node = skywright_config::parse(&skywright_config::read_text(&path)?, &path)?;
        let mut recipe: Recipe = skywright_config::from_node(&node, &path)?;
        let mut templates = templates(&folder.join(SCRIPTS_FOLDER))?;
        let mut shared = BTreeMap::new();
        for (index, others) in std::mem::take(&mut recipe.shared_scripts).into_iter().enumerate() {
            let wrong = |message: String| {
                let key = format!("shared_scripts[{index}]");
                let place = Place::at(&path, mark(&node, &key), key);
                Error::Wrong(vec![Wrong { place, message }])
            };
            let from = folder.join(&others);
            if Path::new(&others).is_absolute() || !from.is_dir() {
                return Err(wrong(format!("`{others}` is no folder beside the recipe's")));
            }
            for (name, text) in self::templates(&from)? {
                if templates.insert(name.clone(), text).is_some() {
                    return Err(wrong(format!("there is another {name}")));
                }
                shared.insert(name, others.clone());
            }
        }
        let source = Self::checked(node, &path, Bundle { recipe, templates })?;
        Ok(Self { shared, ..source })
    }

    /// Reads the text of a recipe; `path` is for messages. Folders that it shares with others are left alone.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn parse(text: &str, path: &Path, templates: BTreeMap<String, String>) -> Result<Self, Error> {
        let node = skywright_config::parse(text, path)?;
        let recipe = Recipe { shared_scripts: Vec::new(), ..skywright_config::from_node(&node, path)? };
        Self::checked(node, path, Bundle { recipe, templates })
    }

    fn checked(node: Node, path: &Path, bundle: Bundle) -> Result<Self, Error> {
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let source = Self { folder, bundle, node, shared: BTreeMap::new() };
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

    /// Where a template is, from the recipe's folder on.
    pub(crate) fn template_path(&self, name: &str) -> String {
        let folder = self.shared.get(name).map_or(SCRIPTS_FOLDER, String::as_str);
        format!("{}/{name}", folder.trim_end_matches('/'))
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
                "only templates are in such a folder: letters, digits, `-`, `_` and `.`, ending in `.tera`",
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
