//! `Sheet`: an SVG being drawn, in CSS pixels, on plotters' SVG backend.

use std::cell::RefCell;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Polygon, Rectangle, Text};
use plotters::prelude::SVGBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, RGBColor, TextStyle};

use super::lettering::{Lettering, NOTE};
use super::theme::{self, Colour};

/// plotters places on whole numbers, so one of its units is a tenth of a pixel here: marks closer
/// than a pixel keep their distance.
pub const SCALE: f64 = 10.0;
/// plotters moves text anchored at the top down by this share of its size; taking it off again
/// lets callers speak of baselines.
const TOP_TO_BASELINE: f64 = 0.76;
/// What plotters' SVG cannot say (dashes, turned letters, tooltips) passes through it as a text of
/// this letter, which no other text keeps, and the number of the element that belongs there.
const ELEMENT: char = '\u{1}';

/// Which end of a text its x is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// A rectangle in CSS pixels.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

impl Area {
    pub fn width(&self) -> f64 {
        self.right - self.left
    }

    pub fn middle(&self) -> f64 {
        (self.top + self.bottom) / 2.0
    }
}

/// What a screen reader says, and the id that ties it to the picture.
pub struct Spoken<'a> {
    pub id: &'a str,
    pub title: &'a str,
    pub description: &'a str,
}

/// An SVG being drawn.
pub struct Sheet<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
    elements: RefCell<Vec<String>>,
}

/// Draws a sheet of `height` and returns the SVG, which a [`theme::Look`] has to paint yet.
pub fn compose(
    height: f64,
    spoken: &Spoken<'_>,
    draw: impl FnOnce(&Sheet<'_>) -> Result<()>,
) -> Result<String> {
    theme::register_faces()?;
    let (wide, high) = (unit(theme::WIDTH), unit(height.ceil()));
    let mut drawn = String::new();
    let elements = {
        let size = (wide.unsigned_abs(), high.unsigned_abs());
        let area = SVGBackend::with_string(&mut drawn, size).into_drawing_area();
        let sheet = Sheet {
            area,
            elements: RefCell::default(),
        };
        let paper = Area {
            left: 0.0,
            top: 0.0,
            right: theme::WIDTH,
            bottom: height.ceil(),
        };
        sheet.fill(paper, theme::PAPER)?;
        draw(&sheet)?;
        sheet.area.present().map_err(undrawn)?;
        sheet.elements.take()
    };
    // plotters opens the SVG without a title, and closes text on a line of its own.
    let (_, inside) = drawn
        .split_once('\n')
        .ok_or_else(|| anyhow!("plotters drew nothing; report this with the figure"))?;
    let inside = inside
        .replace(" opacity=\"1\"", "")
        .replace(" stroke=\"none\"", "")
        .replace(" \"/>", "\"/>")
        .replace("\n</text>", "</text>");
    let inside = tidy_texts(&inside, &elements);
    // A space would make two ids of one.
    let id = spoken
        .id
        .replace(|letter: char| !letter.is_alphanumeric(), "-");
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" \
         viewBox=\"0 0 {wide} {high}\" role=\"img\" aria-labelledby=\"{id}-title {id}-desc\">\n\
         <title id=\"{id}-title\">{}</title>\n<desc id=\"{id}-desc\">{}</desc>\n{inside}",
        theme::WIDTH,
        height.ceil(),
        escape(spoken.title),
        escape(spoken.description),
    ))
}

impl Sheet<'_> {
    /// Writes one line of text; `x` is where `anchor` says, `baseline` where the letters stand.
    pub fn text(
        &self,
        text: &str,
        (x, baseline): (f64, f64),
        anchor: Anchor,
        lettering: Lettering,
    ) -> Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        let side = match anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let colour = lettering.colour.unpainted();
        let style = TextStyle::from(lettering.font(SCALE))
            .color(&colour)
            .pos(Pos::new(side, VPos::Top));
        let top = baseline - lettering.size * TOP_TO_BASELINE;
        let place = (unit(x), unit(top));
        let element = Text::new(legal(text), place, style);
        self.area.draw(&element).map_err(undrawn)
    }

    /// Writes one line of text turned by `degrees` about its anchor; where it was shortened, whoever
    /// points at it is told its `name`.
    pub fn named_text(
        &self,
        text: &str,
        (x, baseline): (f64, f64),
        (anchor, degrees): (Anchor, f64),
        lettering: Lettering,
        name: &str,
    ) -> Result<()> {
        let title = match text == name {
            true => String::new(),
            false => format!("<title>{}</title>", escape(name)),
        };
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let weight = if lettering.bold {
            " font-weight=\"bold\""
        } else {
            ""
        };
        let (x, y) = (unit(x), unit(baseline));
        let turned = match degrees {
            0.0 => String::new(),
            degrees => format!(" transform=\"rotate({degrees:.1}, {x}, {y})\""),
        };
        self.element(format!(
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" font-family=\"{}\" \
             font-size=\"{}\" fill=\"{}\"{weight}{turned}>{title}{}</text>",
            theme::FAMILY,
            lettering.size * SCALE,
            written(lettering.colour),
            escape(text)
        ))
    }

    /// Puts an SVG element into the picture as it is written, in units of a pixel / [`SCALE`].
    pub fn element(&self, svg: String) -> Result<()> {
        let mut elements = self.elements.borrow_mut();
        let number = format!("{ELEMENT}{}", elements.len());
        elements.push(svg);
        let style = TextStyle::from(NOTE.font(SCALE));
        let element = Text::new(number, (0, 0), style);
        self.area.draw(&element).map_err(undrawn)
    }

    /// Fills a rectangle.
    pub fn fill(&self, area: Area, colour: Colour) -> Result<()> {
        let corners = [
            (unit(area.left), unit(area.top)),
            (unit(area.right), unit(area.bottom)),
        ];
        let element = Rectangle::new(corners, colour.unpainted().filled());
        self.area.draw(&element).map_err(undrawn)
    }

    /// Draws a line through `points`.
    pub fn line(&self, points: &[(f64, f64)], colour: Colour, width: f64) -> Result<()> {
        let points: Vec<_> = points.iter().map(|(x, y)| (unit(*x), unit(*y))).collect();
        let style = colour
            .unpainted()
            .stroke_width(unit(width).unsigned_abs().max(1));
        let element = PathElement::new(points, style);
        self.area.draw(&element).map_err(undrawn)
    }

    /// Fills a disc with a rim of paper, so that it stands out of the line it sits on.
    pub fn dot(&self, centre: (f64, f64), radius: f64, colour: Colour) -> Result<()> {
        self.disc(centre, radius + 1.2, theme::PAPER)?;
        self.disc(centre, radius, colour)
    }

    /// Fills a disc.
    pub fn disc(&self, centre: (f64, f64), radius: f64, colour: Colour) -> Result<()> {
        let at = (unit(centre.0), unit(centre.1));
        let element = Circle::new(at, unit(radius), colour.unpainted().filled());
        self.area.draw(&element).map_err(undrawn)
    }

    /// Fills the upright stripes `spans`, from `top` to `bottom`, as one shape.
    ///
    /// The way from stripe to stripe runs along the bottom and encloses nothing. One shape for
    /// thousands of marks is a third of the bytes that one rectangle each would take.
    pub fn stripes(
        &self,
        spans: &[(f64, f64)],
        (top, bottom): (f64, f64),
        colour: Colour,
    ) -> Result<()> {
        if spans.is_empty() {
            return Ok(());
        }
        let (top, bottom) = (unit(top), unit(bottom));
        let points: Vec<_> = spans
            .iter()
            .map(|(left, right)| (unit(*left), unit(*right)))
            .flat_map(|(left, right)| [(left, bottom), (left, top), (right, top), (right, bottom)])
            .collect();
        let element = Polygon::new(points, colour.unpainted().filled());
        self.area.draw(&element).map_err(undrawn)
    }
}

pub fn unit(pixels: f64) -> i32 {
    (pixels * SCALE).round() as i32
}

/// A colour as plotters writes it.
pub fn written(colour: Colour) -> String {
    let RGBColor(red, green, blue) = colour.unpainted();
    format!("#{red:02X}{green:02X}{blue:02X}")
}

fn undrawn(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("the figure could not be drawn: {error}")
}

/// Puts each text on one line, which a browser would show with a space at its end otherwise, and
/// its font size in as many digits as it has. `elements` take their places.
fn tidy_texts(svg: &str, elements: &[String]) -> String {
    let mut tidy = String::with_capacity(svg.len());
    let mut text_begins = 0;
    for line in svg.lines() {
        let number = line.strip_prefix(ELEMENT);
        let number = number.and_then(|line| line.strip_suffix("</text>")?.parse().ok());
        if let Some(element) = number.and_then(|number: usize| elements.get(number)) {
            tidy.truncate(text_begins);
            tidy.push_str(element);
            tidy.push('\n');
            continue;
        }
        if !line.starts_with("<text ") {
            tidy.push_str(line);
            tidy.push('\n');
            continue;
        }
        text_begins = tidy.len();
        let (before, rest) = line.split_once("font-size=\"").unwrap_or((line, ""));
        tidy.push_str(before);
        if let Some((size, after)) = rest.split_once('"') {
            let size = size.parse::<f64>().unwrap_or_default();
            let rounded = (size * 100.0).round() / 100.0;
            tidy.push_str(&format!("font-size=\"{rounded}\"{after}"));
        }
    }
    tidy
}

/// `text` without what XML 1.0 cannot hold: an agent's name may be anything.
fn legal(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '\u{FFFE}' | '\u{FFFF}' => '\u{FFFD}',
            letter if letter.is_control() => '\u{FFFD}',
            letter => letter,
        })
        .collect()
}

/// `text` as it stands in an element.
pub fn escape(text: &str) -> String {
    legal(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reader_hears_is_escaped() {
        let spoken = Spoken {
            id: "x",
            title: "a < b & c",
            description: "d",
        };
        let svg = compose(40.0, &spoken, |_| Ok(())).unwrap();
        assert!(svg.contains("<title id=\"x-title\">a &lt; b &amp; c</title>"));
        assert!(svg.ends_with("</svg>\n"));
    }
}
