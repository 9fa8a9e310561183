//! What every figure shares: sizes, colours, and the vendored font.

use std::sync::OnceLock;

use anyhow::{Result, anyhow};
use plotters::style::{Color, FontStyle, RGBColor, register_font};

/// Width of every figure, in CSS pixels.
pub const WIDTH: f64 = 900.0;
/// White kept free at the left and right edge.
pub const MARGIN: f64 = 28.0;

/// Names tried in turn by whoever shows the SVG. The vendored family comes first; the others are
/// common faces that run no wider, so that measured text still fits where Inter is missing.
pub const FAMILY: &str = "Inter, Helvetica, Arial, sans-serif";

/// The regular face, subset to Latin, Greek, punctuation and a few symbols.
pub const REGULAR: &[u8] = include_bytes!("font/Inter-Regular.otf");
/// The bold face, with the same characters.
pub const BOLD: &[u8] = include_bytes!("font/Inter-Bold.otf");

/// Registers the vendored faces with plotters, once for the process.
pub fn register_faces() -> Result<()> {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    let registered = REGISTERED.get_or_init(|| {
        register_font(FAMILY, FontStyle::Normal, REGULAR).is_ok()
            && register_font(FAMILY, FontStyle::Bold, BOLD).is_ok()
    });
    match registered {
        true => Ok(()),
        false => Err(anyhow!(
            "the built-in font cannot be read; reinstall tokentape"
        )),
    }
}

pub const PAPER: RGBColor = RGBColor(0xFF, 0xFF, 0xFF);
pub const INK: RGBColor = RGBColor(0x1A, 0x1A, 0x1A);
pub const LABEL: RGBColor = RGBColor(0x3C, 0x3C, 0x3C);
pub const QUIET: RGBColor = RGBColor(0x5E, 0x5E, 0x5E);
pub const AXIS: RGBColor = RGBColor(0x8A, 0x8A, 0x8A);
pub const GRID: RGBColor = RGBColor(0xE4, 0xE4, 0xE4);

/// Colours for groups, after Okabe-Ito and Tol. Neighbours differ in lightness too, so that two
/// or three groups stay apart in grey.
const GROUPS: [RGBColor; 8] = [
    RGBColor(0x00, 0x5F, 0xA3),
    RGBColor(0xDB, 0x8A, 0x00),
    RGBColor(0x88, 0x22, 0x55),
    RGBColor(0x56, 0xB4, 0xE9),
    RGBColor(0x11, 0x77, 0x33),
    RGBColor(0xD9, 0x7A, 0xB0),
    RGBColor(0x33, 0x22, 0x88),
    RGBColor(0xD5, 0x5E, 0x00),
];

/// Colour of the group at `index`, in the order the query gave the groups.
pub fn group_colour(index: usize) -> RGBColor {
    GROUPS[index % GROUPS.len()]
}

/// True from the second time round the colours on: such groups need another mark of difference.
pub fn colour_repeats(index: usize) -> bool {
    index >= GROUPS.len()
}

/// Blues for the parts a figure calls strong: the eye finds them first, and adds them up.
const STRONG: [RGBColor; 3] = [
    RGBColor(0x7F, 0xC4, 0xEE),
    RGBColor(0x00, 0x5F, 0xA3),
    RGBColor(0x33, 0x22, 0x88),
];

/// Greys and warm colours for the other parts; neighbours differ in lightness.
const WEAK: [RGBColor; 8] = [
    RGBColor(0xE2, 0xE2, 0xE2),
    RGBColor(0xEA, 0xC6, 0x5A),
    RGBColor(0xD8, 0x88, 0x0A),
    RGBColor(0xBE, 0x49, 0x12),
    RGBColor(0x6C, 0x21, 0x17),
    RGBColor(0xA3, 0xA3, 0xA3),
    RGBColor(0xD9, 0xA0, 0xB8),
    RGBColor(0x7A, 0x7A, 0x7A),
];

/// One colour a part, in the order of `parts`.
pub fn part_colours(parts: &[String], strong: &[String]) -> Vec<RGBColor> {
    let (mut strong_seen, mut weak_seen) = (0, 0);
    parts
        .iter()
        .map(|part| {
            let (palette, seen) = match strong.contains(part) {
                true => (STRONG.as_slice(), &mut strong_seen),
                false => (WEAK.as_slice(), &mut weak_seen),
            };
            *seen += 1;
            palette[(*seen - 1) % palette.len()]
        })
        .collect()
}

/// `colour` thinned with paper: `strength` 1 is the colour, 0 is white.
pub fn tint(colour: RGBColor, strength: f64) -> RGBColor {
    let thin = |channel: u8| (255.0 - (255.0 - f64::from(channel)) * strength).round() as u8;
    RGBColor(thin(colour.0), thin(colour.1), thin(colour.2))
}

/// Ink or paper, whichever reads better on `ground` (WCAG relative luminance).
pub fn ink_on(ground: RGBColor) -> RGBColor {
    let against_paper = 1.05 / (luminance(ground) + 0.05);
    let against_ink = (luminance(ground) + 0.05) / (luminance(INK) + 0.05);
    if against_paper >= against_ink {
        PAPER
    } else {
        INK
    }
}

fn luminance(colour: RGBColor) -> f64 {
    let (red, green, blue) = colour.to_backend_color().rgb;
    let linear = |channel: u8| {
        let share = f64::from(channel) / 255.0;
        if share <= 0.04045 {
            share / 12.92
        } else {
            ((share + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

/// The least and the greatest value of a scale, from light to dark: told apart in grey, too.
const SEQUENTIAL: [RGBColor; 5] = [
    RGBColor(0xF1, 0xF6, 0xFA),
    RGBColor(0xB5, 0xD7, 0xEE),
    RGBColor(0x5F, 0xA8, 0xD8),
    RGBColor(0x00, 0x5F, 0xA3),
    RGBColor(0x0B, 0x2A, 0x52),
];

/// From the middle of a scale to its low end, and to its high end: blue and brown stay apart for
/// every kind of eye.
const BELOW: [RGBColor; 4] = [
    RGBColor(0xF7, 0xF7, 0xF5),
    RGBColor(0xA9, 0xCF, 0xEA),
    RGBColor(0x3B, 0x86, 0xC2),
    RGBColor(0x0B, 0x3C, 0x70),
];
const ABOVE: [RGBColor; 4] = [
    RGBColor(0xF7, 0xF7, 0xF5),
    RGBColor(0xF3, 0xC8, 0x86),
    RGBColor(0xC9, 0x6A, 0x12),
    RGBColor(0x70, 0x2A, 0x07),
];

/// The colour at `share`, 0 to 1, of a scale that runs one way.
pub fn sequential(share: f64) -> RGBColor {
    along(&SEQUENTIAL, share)
}

/// The colour at `share` of a scale with a middle: -1 is its low end, 1 its high one.
pub fn diverging(share: f64) -> RGBColor {
    let stops = if share < 0.0 { &BELOW } else { &ABOVE };
    along(stops, share.abs())
}

fn along(stops: &[RGBColor], share: f64) -> RGBColor {
    let place = share.clamp(0.0, 1.0) * (stops.len() - 1) as f64;
    let before = (place.floor() as usize).min(stops.len() - 2);
    let (from, to) = (stops[before], stops[before + 1]);
    let rest = place - before as f64;
    let between = |one: u8, other: u8| {
        (f64::from(one) + (f64::from(other) - f64::from(one)) * rest).round() as u8
    };
    RGBColor(
        between(from.0, to.0),
        between(from.1, to.1),
        between(from.2, to.2),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_groups_stay_apart_in_grey() {
        let first = luminance(group_colour(0));
        let second = luminance(group_colour(1));
        assert!((second + 0.05) / (first + 0.05) > 2.2);
    }

    #[test]
    fn scales_darken_towards_their_ends_and_can_be_written_on() {
        let shares = || (0..=20).map(|step| f64::from(step) / 20.0);
        let scales: [Vec<RGBColor>; 3] = [
            shares().map(sequential).collect(),
            shares().map(diverging).collect(),
            shares().map(|share| diverging(-share)).collect(),
        ];
        for scale in scales {
            for pair in scale.windows(2) {
                assert!(luminance(pair[1]) < luminance(pair[0]), "{pair:?}");
            }
            for ground in scale {
                let (ink, ground) = (luminance(ink_on(ground)), luminance(ground));
                let contrast = (ink.max(ground) + 0.05) / (ink.min(ground) + 0.05);
                assert!(contrast >= 4.0, "{contrast}");
            }
        }
    }

    #[test]
    fn neighbouring_parts_stay_apart_in_grey() {
        let names = |list: &[&str]| list.iter().map(|name| name.to_string()).collect::<Vec<_>>();
        let parts = names(&[
            "stagger",
            "client",
            "transport",
            "queue",
            "load",
            "prompt",
            "decode",
            "tail",
        ]);
        let colours = part_colours(&parts, &names(&["prompt", "decode"]));
        for pair in colours.windows(2) {
            let (one, other) = (luminance(pair[0]) + 0.05, luminance(pair[1]) + 0.05);
            assert!(one.max(other) / one.min(other) > 1.25, "{pair:?}");
        }
        for (index, colour) in colours.iter().enumerate() {
            assert!(!colours[index + 1..].contains(colour));
        }
    }
}
