//! The commands that give the report's contents again, as a shell takes them.

use crate::trace::Trace;

/// Commands about some traces. They name a trace as its recorder did, not where it lies now: the same
/// trace gives the same report wherever it is.
#[derive(Clone, Debug)]
pub struct Commands {
    traces: String,
    is_one: bool,
    flags: String,
    drawing: String,
}

impl Commands {
    /// About `traces`, with the flags that every command needs to answer the same, and those that it needs
    /// besides to draw the same.
    pub fn new(traces: &[Trace], flags: &[String], drawing: &[String]) -> Self {
        let words = |flags: &[String]| {
            flags
                .iter()
                .map(|flag| format!(" {}", quoted(flag)))
                .collect()
        };
        let names = traces.iter().map(|trace| quoted(name(trace)));
        Self {
            traces: names.collect::<Vec<_>>().join(" "),
            is_one: traces.len() == 1,
            flags: words(flags),
            drawing: words(drawing),
        }
    }

    /// The traces, as arguments.
    pub fn traces(&self) -> &str {
        &self.traces
    }

    /// The traces as the one argument that a side of a comparison is: of several, only the side's letter
    /// stands for the folder they are in.
    pub fn side<'a>(&'a self, letter: &'a str) -> &'a str {
        match self.is_one {
            true => &self.traces,
            false => letter,
        }
    }

    /// Asks `queries/NAME.sql`.
    pub fn sql(&self, name: &str) -> String {
        let Self { traces, flags, .. } = self;
        format!("tokentape sql {traces}{flags} -q {}", quoted(name))
    }

    /// Draws one figure.
    pub fn figure(&self, name: &str) -> String {
        self.drawing("figures", &format!(" --only {}", quoted(name)))
    }

    /// A command that draws, and `more`.
    pub fn drawing(&self, verb: &str, more: &str) -> String {
        self.asking(verb, &format!("{}{more}", self.drawing))
    }

    /// The flags of a command that draws.
    pub fn flags(&self) -> String {
        format!("{}{}", self.flags, self.drawing)
    }

    /// A command that only takes traces.
    pub fn plain(&self, verb: &str) -> String {
        format!("tokentape {verb} {}", self.traces)
    }

    /// A command that also takes the flags, and `more`.
    pub fn asking(&self, verb: &str, more: &str) -> String {
        let Self { traces, flags, .. } = self;
        format!("tokentape {verb} {traces}{flags}{more}")
    }
}

/// What a trace is called: as when it was recorded.
pub fn name(trace: &Trace) -> &str {
    match trace.manifest.name.as_str() {
        "" => &trace.manifest.session_id,
        name => name,
    }
}

/// A word that a shell takes as it stands.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:=,@%+".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_any_word_for_what_it_is() {
        assert_eq!(quoted("traces/today"), "traces/today");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("$(it's)"), r"'$(it'\''s)'");
        assert_eq!(quoted(""), "''");
    }
}
