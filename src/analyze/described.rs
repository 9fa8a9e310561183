//! What a query may name: tables and views, their columns, and functions, each with what it is.

use datafusion::arrow::datatypes::DataType;
use datafusion::catalog::SchemaProvider as _;
use datafusion::logical_expr::Documentation;

use super::{QueryError, Session, about};

/// What stands behind a name after `from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A table of the traces.
    Table,
    /// A view over them: SQL in `queries/views`.
    View,
    /// A table of assumptions: TOML in `queries/params`, or given.
    Parameters,
}

impl Kind {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::View => "view",
            Self::Parameters => "parameters",
        }
    }
}

/// A table or view.
#[derive(Clone, Debug)]
pub struct Relation {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// What one row of it is.
    pub about: String,
    /// The view's SQL.
    pub sql: Option<String>,
}

/// A column of a table or view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What its values are, by the name that SQL has for it.
    pub kind: String,
}

/// A function of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// How it is called.
    pub call: String,
    /// What it is.
    pub about: String,
    /// Whether it is one of ours, which `queries/README.md` explains.
    pub is_ours: bool,
}

/// What tables hold that have no file which says so.
fn about_table(name: &str) -> &'static str {
    match name {
        "runs" => "One row a run: what was run, how, and when",
        "requests" => "One row an HTTP exchange: what was asked, and how its answer ended",
        "chunks" => "One row a chunk of an answer's body: its bytes, and when they came",
        "events" => "One row an event of the protocol: what the chunks meant",
        "samples" => "One row a value of a time series: load, memory, power, lag",
        "published" => "One row a figure as an imported source printed it",
        "agents" => "One row an agent of a session: its name and its server",
        "sessions" => "One row a session: when, how long, how it ended",
        "calibrations" => "One row a figure of the recorder's own error, where it was measured",
        _ => "",
    }
}

impl Session {
    /// Every table and view by name: first the traces' tables, then views, then parameters.
    ///
    /// # Errors
    /// If a file of the library cannot be read.
    pub fn relations(&self) -> anyhow::Result<Vec<Relation>> {
        let views = self.library.views();
        let parameters = self.vocabulary.parameters()?;
        let names = self.vocabulary.table_names();
        let tables = names
            .iter()
            .filter(|name| !views.contains(name) && !parameters.contains(name));
        let mut relations: Vec<Relation> = tables
            .map(|name| Relation {
                name: name.clone(),
                kind: Kind::Table,
                about: about_table(name).to_owned(),
                sql: None,
            })
            .collect();
        for name in views {
            let sql = self.library.view(&name)?;
            relations.push(Relation {
                about: sql.as_deref().map(first_sentence).unwrap_or_default(),
                kind: Kind::View,
                name,
                sql,
            });
        }
        relations.extend(parameters.into_iter().map(|name| Relation {
            name,
            kind: Kind::Parameters,
            about: "Assumptions that no trace holds (--params)".to_owned(),
            sql: None,
        }));
        Ok(relations)
    }

    /// The columns of a table or view, in their order.
    ///
    /// # Errors
    /// If there is none of that name, or a view's SQL is wrong.
    pub async fn columns(&self, relation: &str) -> Result<Vec<Column>, QueryError> {
        let Some(table) = self.vocabulary.table(relation).await? else {
            let sentence = format!("there is no table or view {relation:?}; \\d lists them");
            return Err(QueryError(sentence));
        };
        let schema = table.schema();
        let columns = schema.fields().iter().map(|field| Column {
            name: field.name().clone(),
            kind: written(field.data_type()),
        });
        Ok(columns.collect())
    }

    /// Every function by name, ours first.
    pub fn functions(&self) -> Vec<Function> {
        let state = self.context.state();
        let told = |documentation: Option<&Documentation>| match documentation {
            Some(told) => (told.syntax_example.clone(), told.description.clone()),
            None => (String::new(), String::new()),
        };
        let scalars = state.scalar_functions().iter();
        let scalars = scalars.map(|(name, function)| (name, told(function.documentation())));
        let aggregates = state.aggregate_functions().iter();
        let aggregates = aggregates.map(|(name, function)| (name, told(function.documentation())));
        let windows = state.window_functions().iter();
        let windows = windows.map(|(name, function)| (name, told(function.documentation())));
        let ours = documented(self.library.handbook());
        let mut functions: Vec<Function> = scalars
            .chain(aggregates)
            .chain(windows)
            .filter(|(name, _)| !ours.iter().any(|function| function.name == **name))
            .map(|(name, (call, about))| Function {
                // An alias is called as what it stands for.
                call: match call.split_once('(') {
                    Some((_, arguments)) => format!("{name}({}", one_line(arguments)),
                    None => format!("{name}(...)"),
                },
                about: sentence(&one_line(&about)),
                name: name.clone(),
                is_ours: false,
            })
            .collect();
        functions.extend(ours);
        functions.sort_by(|a, b| (!a.is_ours, &a.name).cmp(&(!b.is_ours, &b.name)));
        functions.dedup_by(|a, b| a.name == b.name);
        functions
    }
}

/// The functions that the tables of `queries/README.md` explain: calls in the first column, what they are
/// in the second.
fn documented(handbook: &str) -> Vec<Function> {
    let mut functions = Vec::new();
    for row in handbook.lines().filter(|line| line.starts_with("| `")) {
        let mut cells = row.trim_matches('|').split(" | ").map(str::trim);
        let (Some(calls), Some(about)) = (cells.next(), cells.next()) else {
            continue;
        };
        for call in calls.split('`').skip(1).step_by(2) {
            if let Some((name, _)) = call.split_once('(') {
                functions.push(Function {
                    name: name.to_owned(),
                    call: call.to_owned(),
                    about: about.replace('`', ""),
                    is_ours: true,
                });
            }
        }
    }
    functions
}

/// The first sentence of the comment that SQL begins with.
pub fn first_sentence(sql: &str) -> String {
    sentence(&about(sql))
}

fn sentence(text: &str) -> String {
    let ends = |at: &usize| text[at + 1..].is_empty() || text[at + 1..].starts_with(' ');
    let mut marks = text.match_indices(['.', '?']).map(|(at, _)| at);
    match marks.find(ends) {
        Some(at) if text[at..].starts_with('?') => text[..=at].to_owned(),
        Some(at) => text[..at].to_owned(),
        None => text.to_owned(),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A type by the name that a cast has for it, where there is one.
fn written(kind: &DataType) -> String {
    let name = match kind {
        DataType::Boolean => "boolean",
        DataType::Int8 | DataType::Int16 | DataType::Int32 => "int",
        DataType::Int64 => "bigint",
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => "int unsigned",
        DataType::UInt64 => "bigint unsigned",
        DataType::Float16 | DataType::Float32 => "real",
        DataType::Float64 => "double",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "bytes",
        DataType::Timestamp(..) => "timestamp",
        DataType::Date32 | DataType::Date64 => "date",
        other => return other.to_string().to_lowercase(),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::Library;

    #[test]
    fn every_name_says_what_it_is_and_has_columns() {
        let session = Session::open(&[], Library::default()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.unwrap();
        let relations = session.relations().unwrap();
        assert!(relations.len() > 20, "{relations:?}");
        for relation in relations {
            assert!(!relation.about.is_empty(), "{relation:?}");
            assert_eq!(relation.sql.is_some(), relation.kind == Kind::View);
            let columns = runtime.block_on(session.columns(&relation.name)).unwrap();
            assert!(!columns.is_empty(), "{relation:?}");
        }
        let missing = runtime.block_on(session.columns("runz")).unwrap_err();
        assert!(missing.to_string().contains("no table or view \"runz\""));
    }

    #[test]
    fn every_function_of_ours_is_explained_and_those_of_datafusion_come_after() {
        let session = Session::open(&[], Library::default()).unwrap();
        let functions = session.functions();
        let of = |name: &str| functions.iter().find(|function| function.name == name);
        let welch = of("welch").unwrap();
        assert_eq!(welch.call, "welch(x, second)");
        assert!(welch.about.contains("difference"), "{welch:?}");
        assert_eq!(of("normal_sf").unwrap().call, "normal_sf(z)");
        assert!(of("holm").unwrap().is_ours);
        let upper = of("upper").unwrap();
        assert!(!upper.is_ours && !upper.about.is_empty(), "{upper:?}");
        let (ours, others) = functions.split_at(functions.partition_point(|f| f.is_ours));
        assert!(others.iter().all(|function| !function.is_ours));
        let registered = super::super::functions::names();
        for name in registered {
            assert!(ours.iter().any(|function| function.name == name), "{name}");
        }
    }

    #[test]
    fn a_sentence_ends_at_its_mark_not_at_a_dot_within_a_word() {
        assert_eq!(sentence("One row a run. More."), "One row a run");
        assert_eq!(sentence("Is it? Yes."), "Is it?");
        assert_eq!(sentence("In v1.5 it is"), "In v1.5 it is");
        assert_eq!(first_sentence("-- One\n-- row.\nselect 1"), "One row");
        assert_eq!(first_sentence("select 1"), "");
    }
}
