//! Text before it is drawn: how wide it runs, where it breaks, how it is shortened.

use plotters::style::{FontDesc, FontFamily, FontStyle};

use super::theme::{self, Colour};

/// plotters writes a font-size of its own size over this; asking for that much more gives CSS pixels.
const PLOTTERS_SIZE: f64 = 1.24;
/// Height of a line of Inter over its em, (2728 + 680) / 2816: what the measuring side scales by.
const LINE_OVER_EM: f64 = 3408.0 / 2816.0;
/// Text is measured this many times larger, because plotters measures in whole units.
const MEASURED_AT: f64 = 64.0;
/// Room for another sans-serif where the vendored one is not installed.
const SLACK: f64 = 1.04;

/// How a piece of text looks.
#[derive(Clone, Copy, Debug)]
pub struct Lettering {
    /// Font size in CSS pixels.
    pub size: f64,
    pub bold: bool,
    pub colour: Colour,
}

pub const TITLE: Lettering = Lettering::new(20.0, true, theme::INK);
pub const SUBTITLE: Lettering = Lettering::new(14.0, false, theme::QUIET);
pub const LEGEND: Lettering = Lettering::new(13.0, false, theme::LABEL);
pub const LEGEND_HEAD: Lettering = Lettering::new(12.0, false, theme::QUIET);
pub const HEADING: Lettering = Lettering::new(13.0, true, theme::INK);
pub const CATEGORY: Lettering = Lettering::new(13.0, false, theme::LABEL);
pub const TICK: Lettering = Lettering::new(12.5, false, theme::LABEL);
pub const AXIS_LABEL: Lettering = Lettering::new(13.0, false, theme::QUIET);
pub const NOTE: Lettering = Lettering::new(12.0, false, theme::QUIET);

impl Lettering {
    const fn new(size: f64, bold: bool, colour: Colour) -> Self {
        Self { size, bold, colour }
    }

    /// The same letters at another size.
    pub fn sized(self, size: f64) -> Self {
        Self { size, ..self }
    }

    /// The same letters in another colour.
    pub fn coloured(self, colour: Colour) -> Self {
        Self { colour, ..self }
    }

    /// Distance from one baseline to the next.
    pub fn line_height(self) -> f64 {
        (self.size * 1.36).round()
    }

    /// From a line's vertical middle down to the baseline that centres capitals on it.
    pub fn drop(self) -> f64 {
        // Inter's capitals are 0.727 em high.
        self.size * 0.364
    }

    /// The plotters font that comes out at this size when a unit is `1 / scale` CSS pixels.
    pub fn font(self, scale: f64) -> FontDesc<'static> {
        let style = if self.bold {
            FontStyle::Bold
        } else {
            FontStyle::Normal
        };
        FontDesc::new(
            FontFamily::Name(theme::FAMILY),
            self.size * PLOTTERS_SIZE * scale,
            style,
        )
    }

    /// Width in CSS pixels, with a little slack.
    pub fn width(self, text: &str) -> f64 {
        let measured = self.font(MEASURED_AT).layout_box(text);
        // Faces are registered before a figure is laid out; without, an em a letter never cuts.
        let units = measured.map_or(
            self.size * MEASURED_AT * text.chars().count() as f64,
            |((left, _), (right, _))| f64::from(right - left),
        );
        units / MEASURED_AT * LINE_OVER_EM / PLOTTERS_SIZE * SLACK
    }

    /// `text`, or its two ends around an ellipsis where it would run wider than `room`.
    ///
    /// Both ends stay because names of agents, models and runs differ at either.
    pub fn shorten(self, text: &str, room: f64) -> String {
        if self.width(text) <= room {
            return text.to_owned();
        }
        let letters: Vec<char> = text.chars().collect();
        for kept in (1..letters.len()).rev() {
            let (head, tail) = (kept.div_ceil(2), kept / 2);
            let start: String = letters[..head].iter().collect();
            let end: String = letters[letters.len() - tail..].iter().collect();
            let short = format!("{}…{}", start.trim_end(), end.trim_start());
            if self.width(&short) <= room {
                return short;
            }
        }
        "…".to_owned()
    }

    /// `text` broken at spaces into lines no wider than `room`; line breaks in it are kept.
    pub fn wrap(self, text: &str, room: f64) -> Vec<String> {
        let mut lines = Vec::new();
        for paragraph in text.trim().lines() {
            let mut line = String::new();
            for word in paragraph.split_whitespace() {
                let longer = match line.is_empty() {
                    true => word.to_owned(),
                    false => format!("{line} {word}"),
                };
                if line.is_empty() || self.width(&longer) <= room {
                    line = longer;
                } else {
                    lines.push(self.shorten(&line, room));
                    line = word.to_owned();
                }
            }
            lines.push(self.shorten(&line, room));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_both_ends() {
        theme::register_faces().unwrap();
        let short = LEGEND.shorten("the-agent-that-collects-everything-a", 120.0);
        assert!(
            short.starts_with("the-") && short.ends_with("-a"),
            "{short}"
        );
        assert!(LEGEND.width(&short) <= 120.0);
        assert_eq!(LEGEND.shorten("insight", 120.0), "insight");
    }

    #[test]
    fn text_wraps_at_spaces_and_no_line_is_too_wide() {
        theme::register_faces().unwrap();
        let text = "Blue is the model at work; every other colour is time without it";
        let lines = NOTE.wrap(text, 150.0);
        assert!(lines.len() > 1);
        assert!(lines.iter().all(|line| NOTE.width(line) <= 150.0));
        assert_eq!(lines.join(" "), text);
        assert!(NOTE.wrap("  ", 150.0).is_empty());
    }
}
