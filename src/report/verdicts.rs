//! What a comparison came to, in sentences.

use super::contents::Answer;
use super::rounded::alone;
use crate::table::Cell;

/// The verdict on what no test tells apart.
const SAME: &str = "no difference seen";

/// A sentence on each metric and group that has another verdict, and one on all that have not.
pub fn sentences(compared: &Answer) -> Vec<String> {
    let text = |row, column| compared.cell(row, column).exact();
    let name = |row| match text(row, "group").as_str() {
        "" => format!("`{}`", text(row, "metric")),
        group => format!("`{}`, {group}", text(row, "metric")),
    };
    let (mut same, mut sentences) = (Vec::new(), Vec::new());
    for row in 0..compared.table.rows.len() {
        let verdict = text(row, "verdict");
        if verdict == SAME {
            same.push(name(row));
            continue;
        }
        let number = |column| alone(compared.cell(row, column));
        let (a, b) = (number("centre_a"), number("centre_b"));
        let interval = match (compared.cell(row, "low"), compared.cell(row, "high")) {
            (Cell::Null, _) | (_, Cell::Null) => String::new(),
            (low, high) => format!("95% interval {} to {}, ", alone(low), alone(high)),
        };
        sentences.push(format!(
            "{}: {verdict}. {a} in A, {b} in B, a difference of {} ({interval}n = {} and {}).",
            name(row),
            number("difference"),
            number("n_a"),
            number("n_b"),
        ));
    }
    if !same.is_empty() {
        sentences.push(format!("No difference is seen in {}.", same.join("; ")));
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Table;

    #[test]
    fn what_differs_is_told_with_its_interval_and_what_does_not_at_the_end() {
        let columns = "metric group n_a n_b centre_a centre_b difference low high verdict";
        let row = |metric: &str, low: Cell, verdict: &str| {
            let text = |text: &str| Cell::Text(text.to_owned());
            let mut row = vec![text(metric), text("solo"), Cell::Int(5), Cell::Int(12345)];
            row.extend([20.123, 22.5, 2.377].map(Cell::Float));
            row.extend([low, Cell::Float(3.0), text(verdict)]);
            row
        };
        let compared = Answer {
            name: "compare".to_owned(),
            about: String::new(),
            sql: String::new(),
            table: Table {
                columns: columns.split(' ').map(str::to_owned).collect(),
                rows: vec![
                    row("itl_ms", Cell::Float(-1.5), "regression"),
                    row("wall_ms", Cell::Null, SAME),
                    row("ttft_ms", Cell::Null, "too few to say"),
                ],
            },
        };
        assert_eq!(
            sentences(&compared),
            [
                "`itl_ms`, solo: regression. 20.12 in A, 22.50 in B, a difference of 2.377 \
                 (95% interval −1.500 to 3, n = 5 and 12,345).",
                "`ttft_ms`, solo: too few to say. 20.12 in A, 22.50 in B, a difference of 2.377 \
                 (n = 5 and 12,345).",
                "No difference is seen in `wall_ms`, solo.",
            ]
        );
    }
}
