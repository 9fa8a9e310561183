//! The figures there are: those that ship with the tool, and the user's own before them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use include_dir::{Dir, include_dir};

use super::figure::Figure;

static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/figures");

/// The figures named `only`, or all of them, in their order; those of `folder` hide built-in ones.
///
/// # Errors
/// If one is not there or its TOML is wrong.
pub fn figures(folder: Option<&Path>, only: &[String]) -> Result<Vec<Figure>> {
    let mut texts: BTreeMap<String, (String, String)> = BTreeMap::new();
    for file in BUILT_IN.files() {
        if let (Some(name), Some(text)) = (name(file.path()), file.contents_utf8()) {
            texts.insert(
                name.clone(),
                (format!("figures/{name}.toml"), text.to_owned()),
            );
        }
    }
    if let Some(folder) = folder {
        let cannot = || format!("--figures {} cannot be read", folder.display());
        for entry in folder.read_dir().with_context(cannot)? {
            let path = entry.with_context(cannot)?.path();
            if let Some(name) = name(&path) {
                let text = fs::read_to_string(&path).with_context(cannot)?;
                texts.insert(name, (path.display().to_string(), text));
            }
        }
    }
    if let Some(unknown) = only.iter().find(|name| !texts.contains_key(*name)) {
        let names: Vec<&str> = texts.keys().map(String::as_str).collect();
        bail!(
            "there is no figure {unknown:?}; there are {}",
            names.join(", ")
        );
    }
    let mut figures = texts
        .into_iter()
        .filter(|(name, _)| only.is_empty() || only.contains(name))
        .map(|(_, (file, text))| Figure::parse(&file, &text))
        .collect::<Result<Vec<Figure>>>()?;
    figures.sort_by(|one, other| one.order().cmp(&other.order()));
    Ok(figures)
}

/// A figure to begin with, with a word on each line; it draws as it stands.
pub fn example() -> &'static str {
    include_str!("example.toml")
}

fn name(path: &Path) -> Option<String> {
    let toml = path
        .extension()
        .is_some_and(|extension| extension == "toml");
    toml.then(|| path.file_stem()?.to_str().map(str::to_owned))?
}
