//! What Tab offers: the words that may stand where the cursor is, the likely ones first.

use super::command::{COMMANDS, FORMS};
use crate::analyze::words;

/// The words of a query, as far as they are worth completing.
const KEYWORDS: [&str; 59] = [
    "all",
    "and",
    "anti",
    "as",
    "asc",
    "between",
    "bigint",
    "boolean",
    "by",
    "case",
    "cast",
    "cross",
    "desc",
    "describe",
    "distinct",
    "double",
    "else",
    "end",
    "except",
    "exists",
    "explain",
    "false",
    "filter",
    "following",
    "from",
    "full",
    "group",
    "having",
    "ilike",
    "in",
    "inner",
    "intersect",
    "is",
    "join",
    "left",
    "like",
    "limit",
    "not",
    "null",
    "nulls",
    "offset",
    "on",
    "or",
    "order",
    "outer",
    "over",
    "partition",
    "preceding",
    "recursive",
    "right",
    "rows",
    "select",
    "then",
    "true",
    "union",
    "using",
    "values",
    "when",
    "where",
];

/// Keywords that are no name of a table's alias.
const AFTER_A_TABLE: [&str; 14] = [
    "where", "join", "on", "using", "group", "order", "left", "right", "inner", "full", "cross",
    "limit", "union", "having",
];

/// What there is to name.
#[derive(Debug, Default)]
pub struct Known {
    /// Tables and views with their columns.
    pub relations: Vec<(String, Vec<String>)>,
    pub functions: Vec<String>,
    pub questions: Vec<String>,
}

/// Where the word under the cursor begins, and what may stand there.
pub fn offers(line: &str, at: usize, known: &Known) -> (usize, Vec<String>) {
    let before = &line[..at];
    if before.trim_start().starts_with('\\') {
        return of_command(before, known);
    }
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let start = before.trim_end_matches(is_part).len();
    let typed = &before[start..];
    let (words_before, is_open) = words(&before[..start]);
    if is_open {
        return (start, Vec::new());
    }
    let all = words(line).0;
    let mut offers = Offers::new(typed);
    match words_before
        .last()
        .map(|word| word.to_lowercase())
        .as_deref()
    {
        Some(".") => {
            let owner = words_before.iter().rev().nth(1);
            if let Some(columns) = owner.and_then(|owner| owned_by(owner, &all, known)) {
                offers.add(columns);
            }
            return (start, offers.found);
        }
        Some("from" | "join" | "describe") => {
            offers.add(known.relations.iter().map(|(name, _)| name));
            return (start, offers.found);
        }
        _ => {}
    }
    if typed.is_empty() {
        return (start, Vec::new());
    }
    let (named, others): (Vec<_>, Vec<_>) = known
        .relations
        .iter()
        .partition(|(name, _)| all.iter().any(|word| word.eq_ignore_ascii_case(name)));
    offers.add(named.iter().flat_map(|(_, columns)| columns));
    let is_upper = typed.chars().all(|c| !c.is_lowercase());
    let keywords = KEYWORDS.iter().map(|keyword| match is_upper {
        true => keyword.to_uppercase(),
        false => (*keyword).to_owned(),
    });
    offers.add(keywords);
    offers.add(known.relations.iter().map(|(name, _)| name));
    offers.add(known.functions.iter().map(|name| format!("{name}(")));
    // Before its table is named, a column may be of any.
    if named.is_empty() {
        offers.add(others.iter().flat_map(|(_, columns)| columns));
    }
    (start, offers.found)
}

/// The words that begin as the typed one does, each once.
struct Offers {
    typed: String,
    found: Vec<String>,
}

impl Offers {
    fn new(typed: &str) -> Self {
        Self {
            typed: typed.to_lowercase(),
            found: Vec::new(),
        }
    }

    fn add(&mut self, words: impl IntoIterator<Item = impl AsRef<str>>) {
        for word in words {
            let word = word.as_ref();
            let fits = word.to_lowercase().starts_with(&self.typed);
            if fits && !self.found.iter().any(|found| found == word) {
                self.found.push(word.to_owned());
            }
        }
    }
}

/// The columns of the table that a name means, by itself or as an alias.
fn owned_by<'a>(name: &str, all: &[String], known: &'a Known) -> Option<&'a Vec<String>> {
    let relation = |name: &str| {
        let mut relations = known.relations.iter();
        let found = relations.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, columns)| columns)
    };
    let aliased = || {
        all.iter().enumerate().find_map(|(index, word)| {
            let columns = relation(word)?;
            let mut next = all[index + 1..].iter();
            let alias = next.find(|word| !word.eq_ignore_ascii_case("as"))?;
            let is_alias = alias.eq_ignore_ascii_case(name)
                && !AFTER_A_TABLE.contains(&alias.to_lowercase().as_str());
            is_alias.then_some(columns)
        })
    };
    relation(name).or_else(aliased)
}

/// What may follow a backslash.
fn of_command(before: &str, known: &Known) -> (usize, Vec<String>) {
    let begin = before.len() - before.trim_start().len();
    let start = before
        .rfind(char::is_whitespace)
        .map_or(begin, |at| at + 1)
        .max(begin);
    let mut offers = Offers::new(&before[start..]);
    match before[begin..start].trim_end() {
        "" => {
            let names = COMMANDS.iter().flat_map(|(written, _)| written.split(", "));
            offers.add(names.filter_map(|written| written.split(' ').next()));
        }
        "\\d" | "\\d+" => offers.add(known.relations.iter().map(|(name, _)| name)),
        "\\df" => offers.add(&known.functions),
        "\\run" => offers.add(&known.questions),
        "\\format" => offers.add(FORMS.map(|(name, _)| name)),
        _ => {}
    }
    (start, offers.found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known {
        let relation = |name: &str, columns: &[&str]| {
            let columns = columns.iter().map(|column| (*column).to_owned());
            (name.to_owned(), columns.collect())
        };
        Known {
            relations: vec![
                relation("runs", &["run_id", "model", "phase"]),
                relation("requests", &["run_id", "request_id", "status"]),
            ],
            functions: vec!["mad".to_owned(), "round".to_owned()],
            questions: vec!["budget".to_owned()],
        }
    }

    /// What is offered where the line has a `|`.
    fn offered(line: &str) -> Vec<String> {
        let at = line.find('|').unwrap();
        offers(&line.replace('|', ""), at, &known()).1
    }

    #[test]
    fn columns_of_the_tables_named_come_first() {
        assert_eq!(offered("select m| from runs"), ["model", "mad("]);
        assert_eq!(
            offered("select r| from requests"),
            [
                "run_id",
                "request_id",
                "recursive",
                "right",
                "rows",
                "runs",
                "requests",
                "round("
            ]
        );
        assert_eq!(offered("select sta|"), ["status"]);
    }

    #[test]
    fn after_from_stand_tables_and_after_a_dot_columns() {
        assert_eq!(offered("select * from |"), ["runs", "requests"]);
        assert_eq!(offered("select * from a join re|"), ["requests"]);
        assert_eq!(offered("select runs.p| from runs"), ["phase"]);
        assert_eq!(
            offered("select q.| from requests as q"),
            ["run_id", "request_id", "status"]
        );
        assert_eq!(offered("select 1 from runs r where r.mo|"), ["model"]);
        assert!(offered("select x.| from runs r").is_empty());
    }

    #[test]
    fn a_keyword_is_written_as_it_was_begun() {
        assert_eq!(offered("SEL|"), ["SELECT"]);
        assert_eq!(offered("sel|"), ["select"]);
        assert_eq!(offered("select 1 fr|"), ["from"]);
    }

    #[test]
    fn in_strings_and_comments_nothing_is_offered() {
        assert!(offered("select 'run|").is_empty());
        assert!(offered("select /* run|").is_empty());
        assert!(offered("select |").is_empty());
    }

    #[test]
    fn commands_and_what_follows_them_are_offered() {
        assert_eq!(offered("\\d|"), ["\\d", "\\d+", "\\df"]);
        assert_eq!(offered("\\d re|"), ["requests"]);
        assert_eq!(offered("\\run |"), ["budget"]);
        assert_eq!(offered("\\format nd|"), ["ndjson"]);
        assert_eq!(offers("\\format nd", 10, &known()).0, 8);
    }
}
