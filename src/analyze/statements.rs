//! Where one SQL statement ends and the next begins, as the parser's own tokenizer sees it.

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

/// A text cut at its semicolons, but for those in strings, quoted names and comments.
#[derive(Debug, PartialEq, Eq)]
pub struct Statements<'a> {
    /// The statements that a semicolon ends, without it.
    pub ended: Vec<&'a str>,
    /// What follows the last semicolon, if that is more than comments.
    pub rest: Option<&'a str>,
    /// Whether the text stops inside a string, a quoted name or a comment.
    pub is_open: bool,
}

impl Statements<'_> {
    /// Whether nothing is missing: every statement has ended.
    pub fn is_whole(&self) -> bool {
        self.rest.is_none() && !self.is_open
    }
}

/// Cuts `text` into statements.
pub fn statements(text: &str) -> Statements<'_> {
    let (tokens, is_open) = tokenized(text);
    let mut ended = Vec::new();
    let mut begin = None;
    let mut after = 0;
    for TokenWithSpan { token, span } in tokens {
        match token {
            Token::SemiColon => {
                let end = offset(text, span.start);
                if begin.take().is_some() {
                    ended.push(text[after..end].trim());
                }
                after = end + 1;
            }
            Token::Whitespace(_) | Token::EOF => {}
            _ => begin = begin.or(Some(after)),
        }
    }
    let rest = text[after..].trim();
    let is_more = begin.is_some() || (is_open && !rest.is_empty());
    Statements {
        ended,
        rest: is_more.then_some(rest),
        is_open,
    }
}

/// The words and signs of a text, without blanks and comments, as far as they can be told apart; and
/// whether the text stops inside a string, a quoted name or a comment.
pub fn words(text: &str) -> (Vec<String>, bool) {
    let (tokens, is_open) = tokenized(text);
    let word = |token: Token| match token {
        Token::Whitespace(_) | Token::EOF => None,
        Token::Word(word) => Some(word.value),
        other => Some(other.to_string()),
    };
    let words = tokens.into_iter().filter_map(|token| word(token.token));
    (words.collect(), is_open)
}

fn tokenized(text: &str) -> (Vec<TokenWithSpan>, bool) {
    let mut tokens = Vec::new();
    let result =
        Tokenizer::new(&GenericDialect {}, text).tokenize_with_location_into_buf(&mut tokens);
    // Nothing else goes wrong before the text ends.
    (tokens, result.is_err())
}

/// The byte at which a place of the text lies; its lines and columns count from 1.
fn offset(text: &str, place: Location) -> usize {
    let line = usize::try_from(place.line).unwrap_or(usize::MAX);
    let column = usize::try_from(place.column).unwrap_or(usize::MAX);
    let lines = text.split_inclusive('\n');
    let start: usize = lines.take(line.saturating_sub(1)).map(str::len).sum();
    let mut characters = text[start..].char_indices();
    let within = characters.nth(column.saturating_sub(1));
    within.map_or(text.len(), |(within, _)| start + within)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole<'a>(ended: &[&'a str]) -> Statements<'a> {
        Statements {
            ended: ended.to_vec(),
            rest: None,
            is_open: false,
        }
    }

    #[test]
    fn semicolons_end_statements_but_not_in_strings_names_and_comments() {
        assert_eq!(
            statements("select 1; select 2;"),
            whole(&["select 1", "select 2"])
        );
        for one in [
            "select 'a;b'",
            "select 'it''s; one'",
            "select \"a;b\" from t",
            "select 1 -- a; b\n + 1",
            "select /* a; /* b; */ c; */ 1",
            "select $$a;b$$",
            "select $t$a;b$t$",
            "select 'ü;\n\u{1f600};' as \"é;\"",
        ] {
            assert_eq!(statements(&format!("{one};\n")), whole(&[one]), "{one}");
        }
    }

    #[test]
    fn empty_statements_and_comments_alone_are_none() {
        assert_eq!(statements(";; -- nothing\n; /* nothing */ ;\n"), whole(&[]));
        assert_eq!(statements("  \n-- only this\n"), whole(&[]));
        assert_eq!(statements("-- why\nselect 1;").ended, ["-- why\nselect 1"]);
    }

    #[test]
    fn what_has_not_ended_is_the_rest() {
        let cut = statements("select 1;\nselect 2");
        assert_eq!((cut.ended, cut.rest), (vec!["select 1"], Some("select 2")));
        for open in ["select 'a;", "select \"a;", "select 1 /* a;", "select $$a;"] {
            let cut = statements(open);
            assert!(cut.is_open && !cut.is_whole(), "{open}");
            assert_eq!((cut.ended, cut.rest), (vec![], Some(open)), "{open}");
        }
        assert!(!statements("select 1; /* open").is_whole());
        assert!(statements("select 1; -- done").is_whole());
    }

    #[test]
    fn words_are_told_apart_as_far_as_the_text_goes() {
        let (found, is_open) = words("select r.\"a b\" from runs r -- x\nwhere x = 'y");
        assert!(is_open);
        assert_eq!(
            found,
            [
                "select", "r", ".", "a b", "from", "runs", "r", "where", "x", "="
            ]
        );
    }
}
