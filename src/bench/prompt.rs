//! A prompt's places for earlier answers: `{answer}`, `{sentences}`, and with `:N` those of call N.

/// Where in a prompt which answer goes.
struct Place<'a> {
    before: &'a str,
    after: &'a str,
    /// Up to its last full stop only.
    sentences: bool,
    /// From 1; none: the call before.
    call: Option<usize>,
}

/// The first place in a prompt. Other braces are text.
fn first_place(prompt: &str) -> Option<Place<'_>> {
    prompt.match_indices('{').find_map(|(at, _)| {
        let (inside, after) = prompt[at + 1..].split_once('}')?;
        let (name, call) = match inside.split_once(':') {
            Some((name, number)) => (name, Some(number.parse().ok()?)),
            None => (inside, None),
        };
        let sentences = match name {
            "answer" => false,
            "sentences" => true,
            _ => return None,
        };
        let before = &prompt[..at];
        Some(Place {
            before,
            after,
            sentences,
            call,
        })
    })
}

/// The prompt of the call that comes after `answers`, with them in their places.
pub fn filled(prompt: &str, answers: &[String]) -> String {
    let mut text = String::with_capacity(prompt.len());
    let mut rest = prompt;
    while let Some(place) = first_place(rest) {
        text += place.before;
        let call = place.call.unwrap_or(answers.len());
        let answer = call.checked_sub(1).and_then(|index| answers.get(index));
        let answer = answer.map(String::as_str).unwrap_or_default();
        text += match place.sentences {
            true => &answer[..answer.rfind('.').map_or(0, |stop| stop + 1)],
            false => answer,
        };
        rest = place.after;
    }
    text + rest
}

/// A place in the prompt of call `number` (from 1) that no earlier call fills, as it is written.
pub fn unfilled(prompt: &str, number: usize) -> Option<String> {
    let mut rest = prompt;
    while let Some(place) = first_place(rest) {
        if !(1..number).contains(&place.call.unwrap_or(number - 1)) {
            let length = rest.len() - place.before.len() - place.after.len();
            return Some(rest[place.before.len()..][..length].to_owned());
        }
        rest = place.after;
    }
    None
}

/// What looks like a place, but is none, as it is written.
pub fn misspelt(prompt: &str) -> Option<String> {
    let mut rest = prompt;
    while let Some((_, after)) = rest.split_once('{') {
        let inside = after.split_once('}').map(|(inside, _)| inside);
        let name = inside.map(|inside| inside.split(':').next().unwrap_or_default());
        let name = name.map(|name| name.trim().trim_end_matches('s').to_lowercase());
        if let Some(inside) = inside
            && matches!(name.as_deref(), Some("answer" | "sentence"))
        {
            let written = format!("{{{inside}}}");
            if first_place(&written).is_none() {
                return Some(written);
            }
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_go_into_their_places() {
        let answers = ["One. Two. Thr".to_owned(), "b".to_owned()];
        assert_eq!(filled("<{answer}>", &answers), "<b>");
        assert_eq!(
            filled("{sentences:1}|{answer:1}|{answer:2}", &answers),
            "One. Two.|One. Two. Thr|b"
        );
        assert_eq!(filled("{sentences}", &answers), "", "there is no full stop");
        assert_eq!(filled(r#"{"a": {x} {answer}"#, &answers), r#"{"a": {x} b"#);
        assert_eq!(
            filled("{answer} {answer", &["{answer}".to_owned()]),
            "{answer} {answer"
        );
    }

    #[test]
    fn a_place_that_nothing_fills_is_found() {
        assert_eq!(unfilled("{answer}", 1).as_deref(), Some("{answer}"));
        assert_eq!(
            unfilled("{answer} {sentences:2}", 2).as_deref(),
            Some("{sentences:2}")
        );
        assert_eq!(
            unfilled("{answer} {sentences:2} {x} {answer:0}", 3).as_deref(),
            Some("{answer:0}")
        );
        assert_eq!(unfilled("{answer:1} {y}", 2), None);
    }

    #[test]
    fn what_looks_like_a_place_is_one_or_is_refused() {
        for wrong in [
            "{Answer}",
            "{answers}",
            "{sentence}",
            "{answer:x}",
            "{ answer }",
            "{answer:}",
        ] {
            let prompt = format!("{{sky}} {{answer}} {wrong}");
            assert_eq!(misspelt(&prompt).as_deref(), Some(wrong));
        }
        assert_eq!(
            misspelt(r#"{"answer": {sky}} {answer} {sentences:2} {answer"#),
            None
        );
    }
}
