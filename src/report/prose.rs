//! Sentences from queries and their comments, in which `backticks` hold names.

use maud::{Markup, html};

/// The sentence as HTML. Names inside backticks become code; all else is text, whatever it holds.
pub fn prose(text: &str) -> Markup {
    // An odd number of backticks: the last one is just a letter.
    let is_paired = text.matches('`').count().is_multiple_of(2);
    html! {
        @if is_paired {
            @for (index, piece) in text.split('`').enumerate() {
                @if index % 2 == 1 { code { (piece) } } @else { (piece) }
            }
        } @else { (text) }
    }
}

/// A name that may be broken where words meet: after underscores.
pub fn breakable(name: &str) -> Markup {
    html! {
        @for (index, word) in name.split('_').enumerate() {
            @if index > 0 { "_" wbr; }
            (word)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_backticks_are_code_and_nothing_is_a_tag() {
        let html = prose("By the `solo` rule, </script><b>x</b>.").into_string();
        assert_eq!(
            html,
            "By the <code>solo</code> rule, &lt;/script&gt;&lt;b&gt;x&lt;/b&gt;."
        );
        assert_eq!(prose("it`s").into_string(), "it`s");
    }
}
