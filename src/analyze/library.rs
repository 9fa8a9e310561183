//! The SQL that ships with the tool, and the user's own beside it: `queries/*.sql`, `queries/views/*.sql`, and
//! the parameters that some queries need, `queries/params/*.toml`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use include_dir::{Dir, include_dir};

use crate::document::Document;

static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/queries");

/// The standard analysis: queries in the order in which they are read, a section each.
pub const STANDARD: [&str; 11] = [
    "efficiency",
    "runtimes",
    "runtime_budget",
    "runs",
    "budget",
    "slowdown",
    "correlations",
    "variance",
    "anova",
    "latency",
    "doubts",
];

/// What a query says of itself: the comment it begins with.
pub fn about(sql: &str) -> String {
    let comment = sql.lines().map_while(|line| line.strip_prefix("--"));
    comment.map(str::trim).collect::<Vec<_>>().join(" ")
}

/// Where queries and views are looked up: a folder of the user's first, then the built-in ones.
#[derive(Clone, Debug, Default)]
pub struct Library {
    folder: Option<PathBuf>,
    given: Vec<Document>,
}

impl Library {
    /// The built-in queries, and those of `folder` before them.
    ///
    /// # Errors
    /// If the folder does not exist.
    pub fn new(folder: Option<&Path>) -> Result<Self> {
        if let Some(folder) = folder
            && !folder.is_dir()
        {
            bail!("--queries {}: there is no such folder", folder.display());
        }
        let folder = folder.map(Path::to_owned);
        Ok(Self {
            folder,
            given: Vec::new(),
        })
    }

    /// With parameter files whose tables replace those of the same name.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn with_params(mut self, files: &[PathBuf]) -> Result<Self> {
        for file in files {
            self.given.push(Document::read(file)?);
        }
        Ok(self)
    }

    /// The parameter files that were given.
    pub fn given(&self) -> &[Document] {
        &self.given
    }

    /// The SQL of `queries/NAME.sql`.
    ///
    /// # Errors
    /// If there is no such query; the sentence names those there are.
    pub fn query(&self, name: &str) -> Result<String> {
        self.read(Path::new(&format!("{name}.sql")))?
            .with_context(|| {
                let names = self.queries().join(", ");
                format!("there is no query {name:?}; there are {names}")
            })
    }

    /// The SQL of `queries/views/NAME.sql`, if there is such a view.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn view(&self, name: &str) -> Result<Option<String>> {
        self.read(Path::new(&format!("views/{name}.sql")))
    }

    /// The SQL of `queries/compare/NAME.sql`.
    ///
    /// # Errors
    /// If there is no such file.
    pub fn comparison(&self, name: &str) -> Result<String> {
        let file = format!("compare/{name}.sql");
        self.read(Path::new(&file))?
            .with_context(|| format!("there is no queries/{file}"))
    }

    /// What `queries/README.md` says of views, functions and queries.
    pub fn handbook(&self) -> &'static str {
        let file = BUILT_IN.get_file("README.md");
        file.and_then(|file| file.contents_utf8()).unwrap_or("")
    }

    /// The names of all queries.
    pub fn queries(&self) -> Vec<String> {
        self.names(Path::new(""), "sql")
    }

    /// The names of all views.
    pub fn views(&self) -> Vec<String> {
        self.names(Path::new("views"), "sql")
    }

    /// The parameter files of `queries/params/`, which hold where no other is given.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn assumed(&self) -> Result<Vec<Document>> {
        let below = Path::new("params");
        let mut documents = Vec::new();
        for name in self.names(below, "toml") {
            let file = below.join(format!("{name}.toml"));
            if let Some(text) = self.read(&file)? {
                let shown = format!("queries/{}", file.display());
                documents.push(Document::new(shown, text));
            }
        }
        Ok(documents)
    }

    fn read(&self, file: &Path) -> Result<Option<String>> {
        if let Some(own) = self.folder.as_ref().map(|folder| folder.join(file))
            && own.is_file()
        {
            let text = fs::read_to_string(&own);
            return Ok(Some(
                text.with_context(|| format!("{} cannot be read", own.display()))?,
            ));
        }
        let built_in = BUILT_IN
            .get_file(file)
            .and_then(|file| file.contents_utf8());
        Ok(built_in.map(str::to_owned))
    }

    fn names(&self, below: &Path, kind: &str) -> Vec<String> {
        let built_in = match below == Path::new("") {
            true => Some(&BUILT_IN),
            false => BUILT_IN.get_dir(below),
        };
        let own = self
            .folder
            .iter()
            .filter_map(|f| f.join(below).read_dir().ok());
        let own = own.flatten().filter_map(|entry| Some(entry.ok()?.path()));
        let mut names: Vec<String> = built_in
            .into_iter()
            .flat_map(|dir| dir.files().map(|file| file.path().to_owned()))
            .chain(own)
            .filter(|path| path.extension().is_some_and(|extension| extension == kind))
            .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
            .collect();
        names.sort();
        names.dedup();
        names
    }
}
