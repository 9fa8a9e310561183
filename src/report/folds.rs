//! What is behind a fold: the SQL of a query with the command that asks it, and a figure's numbers.

use maud::{Markup, html};

use super::contents::{Answer, View};
use super::grid::grid;

/// Rows of a figure's numbers: who wants more of what is drawn asks for it.
const MOST_NUMBERS: usize = 50;

/// A query's SQL, and the commands that ask it, one a side.
pub fn sql(answer: &Answer, commands: &[String]) -> Markup {
    html! {
        details.sql {
            summary { "SQL of " code { (answer.name) } }
            @for command in commands {
                pre.command tabindex="0" role="region" aria-label="Command" { code { (command) } }
            }
            (source(&answer.sql))
        }
    }
}

/// A view's SQL.
pub fn view(view: &View) -> Markup {
    html! {
        details.sql {
            summary { "SQL of the view " code { (view.name) } }
            (source(&view.sql))
        }
    }
}

/// The table of what a picture shows.
pub fn numbers(answer: &Answer, command: &str) -> Markup {
    html! {
        details.numbers {
            summary { "The figure’s numbers" }
            (grid(&answer.name, &answer.table, MOST_NUMBERS, command))
        }
    }
}

fn source(sql: &str) -> Markup {
    html! {
        pre tabindex="0" role="region" aria-label="SQL" { code { (sql.trim_end()) } }
    }
}
