//! The report's interactive timeline: packs every run's requests and chunks for the script that draws them.

mod pack;

use anyhow::Result;

use crate::analyze::Session;
use pack::Packed;

/// Draws the packed runs and answers to pointer, touch and keyboard.
pub const SCRIPT: &str = include_str!("timeline.js");
/// How it looks; its colours are those of the figures.
pub const STYLE: &str = include_str!("timeline.css");

const TOO_LARGE: &str = "<p>The picture of all runs is too large for a page; <code>tokentape figures</code> \
                         draws it.</p>";

/// The timeline of the session's traces as HTML. `still` is the static figure (SVG, empty if it is too
/// large), which stands there without scripts and in print. Nothing where no request has times.
///
/// # Errors
/// If a query fails.
pub async fn section(session: &Session, still: &str) -> Result<Option<String>> {
    let requests = session.named("timeline_requests").await?;
    let chunks = session.named("timeline_chunks").await?;
    if requests.rows.is_empty() {
        return Ok(None);
    }
    let packed = Packed::new(&requests, &chunks)?;
    let left_out = match packed.left_out() {
        Some(sentence) => format!(
            "<p class=\"timeline-left-out\">{}</p>\n",
            in_html(&sentence)
        ),
        None => String::new(),
    };
    let still = match still {
        "" => TOO_LARGE,
        figure => figure,
    };
    Ok(Some(format!(
        "<div class=\"timeline\">\n\
         <noscript><p>Without JavaScript the timeline cannot be moved, and shows no words.</p></noscript>\n\
         <div class=\"timeline-still\">{still}</div>\n\
         <script type=\"application/json\" class=\"timeline-data\">{}</script>\n\
         {left_out}</div>\n",
        in_script(&serde_json::to_string(&packed)?)
    )))
}

/// JSON that no parser takes for the end of its script, a comment, or the end of a line. All these
/// characters can only stand in strings.
fn in_script(json: &str) -> String {
    json.replace('<', "\\u003c")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

fn in_html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_the_script_that_holds_it() {
        let texts = ["</script>", "<!--", "\u{2028}\u{2029}", "\\u003c", "\"\n"];
        let safe = in_script(&serde_json::to_string(&texts).unwrap());
        assert!(!safe.contains(['<', '\u{2028}', '\u{2029}']), "{safe}");
        let back: Vec<String> = serde_json::from_str(&safe).unwrap();
        assert_eq!(back, texts);
    }
}
