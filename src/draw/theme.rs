//! What every figure shares: sizes, the vendored font, and colours by role, for light and dark.

use std::sync::OnceLock;

use anyhow::{Result, anyhow};
use plotters::style::{FontStyle, RGBColor, register_font};

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

/// How a picture's colours are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Look {
    /// For a light ground.
    #[default]
    Light,
    /// For a dark ground.
    Dark,
    /// For an HTML page that holds the SVG in itself and says which colours are meant: see
    /// [`page_colours`]. Elsewhere such a picture is light.
    Page,
}

/// A colour by its role. Charts name roles; which colour that is, a [`Look`] says in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    /// Place in [`PALETTE`].
    role: u8,
    /// Place in [`TINTS`].
    tint: u8,
}

const fn role(role: u8) -> Colour {
    Colour { role, tint: FULL }
}

pub const PAPER: Colour = role(0);
pub const INK: Colour = role(1);
pub const LABEL: Colour = role(2);
pub const QUIET: Colour = role(3);
pub const AXIS: Colour = role(4);
pub const GRID: Colour = role(5);
/// For letters on a mark that is light in every look, or dark in every look.
const BLACK: Colour = role(6);
const WHITE: Colour = role(7);

/// Colours for groups, after Okabe-Ito and Tol. Neighbours differ in lightness too, so that two
/// or three groups stay apart in grey.
const GROUPS: [Colour; 8] = [
    role(8),
    role(9),
    role(10),
    role(11),
    role(12),
    role(13),
    role(14),
    role(15),
];

/// Blues for the parts a figure calls strong: the eye finds them first, and adds them up.
const STRONG: [Colour; 3] = [role(16), GROUPS[0], GROUPS[6]];

/// Greys and warm colours for the other parts; neighbours differ in lightness.
const WEAK: [Colour; 8] = [
    role(17),
    role(18),
    role(19),
    role(20),
    role(21),
    role(22),
    role(23),
    role(24),
];

/// Every role: its name on a page, its colour on light and on dark ground.
#[rustfmt::skip]
const PALETTE: [(&str, u32, u32); 25] = [
    ("paper",   0xFFFFFF, 0x15181D),
    ("ink",     0x1A1A1A, 0xECEEF1),
    ("label",   0x3C3C3C, 0xCDD1D6),
    ("quiet",   0x5E5E5E, 0xA3A9B1),
    ("axis",    0x8A8A8A, 0x7C838C),
    ("grid",    0xE4E4E4, 0x2D3239),
    ("black",   0x1A1A1A, 0x15181D),
    ("white",   0xFFFFFF, 0xFFFFFF),
    ("group-1", 0x005FA3, 0x2F86D1),
    ("group-2", 0xDB8A00, 0xFFC04D),
    ("group-3", 0x882255, 0xD468A0),
    ("group-4", 0x56B4E9, 0x9AD8FA),
    ("group-5", 0x117733, 0x3FA564),
    ("group-6", 0xD97AB0, 0xF0A8D0),
    ("group-7", 0x332288, 0x8478E0),
    ("group-8", 0xD55E00, 0xF0772B),
    ("strong",  0x7FC4EE, 0x9AD8FA),
    ("weak-1",  0xE2E2E2, 0x646A73),
    ("weak-2",  0xEAC65A, 0xEAC65A),
    ("weak-3",  0xD8880A, 0xD8880A),
    ("weak-4",  0xBE4912, 0xD0602A),
    ("weak-5",  0x6C2117, 0xB04A40),
    ("weak-6",  0xA3A3A3, 0xA8ADB3),
    ("weak-7",  0xD9A0B8, 0xD9A0B8),
    ("weak-8",  0x757575, 0x858A92),
];

/// The strengths, in percent, to which colours are thinned. They are few because a page needs a
/// name for each.
const TINTS: [u8; 5] = [10, 20, 32, 55, 100];
/// The place of a colour's own strength in [`TINTS`].
const FULL: u8 = 4;

/// Marks a colour in a drawing that is not painted yet as one of ours.
const OURS: u8 = 0xA7;

impl Colour {
    /// What stands for the colour in a drawing until a [`Look`] paints it.
    pub fn unpainted(self) -> RGBColor {
        RGBColor(self.role, self.tint, OURS)
    }

    fn of_unpainted(code: u32) -> Option<Self> {
        let [_, role, tint, mark] = code.to_be_bytes();
        let known = match stops(role) {
            Some(_) => tint <= STEPS,
            None => PALETTE.len() > role.into() && TINTS.len() > tint.into(),
        };
        (mark == OURS && known).then_some(Self { role, tint })
    }

    /// Every colour that a page names: scales are the same on each.
    fn every() -> impl Iterator<Item = Self> {
        let roles = (0u8..).take(PALETTE.len());
        roles.flat_map(|role| {
            (0u8..)
                .take(TINTS.len())
                .map(move |tint| Self { role, tint })
        })
    }

    /// Its name on a page.
    fn name(self) -> String {
        let (name, ..) = PALETTE[usize::from(self.role)];
        match self.tint {
            FULL => format!("--tt-{name}"),
            tint => format!("--tt-{name}-{}", TINTS[usize::from(tint)]),
        }
    }

    fn on(self, look: Look) -> RGBColor {
        if let Some(stops) = stops(self.role) {
            return along(stops, f64::from(self.tint) / f64::from(STEPS));
        }
        let of = |(_, light, dark): (&str, u32, u32)| {
            let [_, red, green, blue] = match look {
                Look::Light | Look::Page => light.to_be_bytes(),
                Look::Dark => dark.to_be_bytes(),
            };
            RGBColor(red, green, blue)
        };
        let (paper, full) = (of(PALETTE[0]), of(PALETTE[usize::from(self.role)]));
        let strength = f64::from(TINTS[usize::from(self.tint)]) / 100.0;
        let thin = |paper: u8, full: u8| {
            let (paper, full) = (f64::from(paper), f64::from(full));
            (paper - (paper - full) * strength).round() as u8
        };
        RGBColor(
            thin(paper.0, full.0),
            thin(paper.1, full.1),
            thin(paper.2, full.2),
        )
    }

    fn hex(self, look: Look) -> String {
        let RGBColor(red, green, blue) = self.on(look);
        format!("#{red:02X}{green:02X}{blue:02X}")
    }
}

impl Look {
    /// A drawing with every colour as this look has it.
    pub(super) fn paint(self, unpainted: &str) -> String {
        let mut painted = String::with_capacity(unpainted.len());
        // A text may say anything, so only what stands in a tag is looked at.
        for piece in unpainted.split_inclusive('>') {
            let (text, tag) = piece.split_at(piece.find('<').unwrap_or(piece.len()));
            painted.push_str(text);
            let mut values = tag.split("\"#");
            painted.push_str(values.next().unwrap_or_default());
            for value in values {
                let code = value
                    .get(..6)
                    .and_then(|hex| u32::from_str_radix(hex, 16).ok());
                match code.and_then(Colour::of_unpainted) {
                    Some(colour) => {
                        painted.push('"');
                        painted.push_str(&self.written(colour));
                        painted.push_str(&value[6..]);
                    }
                    None => {
                        painted.push_str("\"#");
                        painted.push_str(value);
                    }
                }
            }
        }
        painted
    }

    fn written(self, colour: Colour) -> String {
        match self {
            _ if stops(colour.role).is_some() => colour.hex(self),
            Self::Light | Self::Dark => colour.hex(self),
            Self::Page => format!("var({},{})", colour.name(), colour.hex(Self::Light)),
        }
    }
}

/// CSS that gives pictures of [`Look::Page`] their colours: light ones on paper, on a screen those
/// that the reader prefers, unless `data-theme` of the root element is `light` or `dark`.
pub fn page_colours() -> String {
    let declared = |look: Look| -> String {
        let lines =
            Colour::every().map(|colour| format!("{}:{};", colour.name(), colour.hex(look)));
        lines.collect()
    };
    let (light, dark) = (declared(Look::Light), declared(Look::Dark));
    format!(
        ":root{{{light}}}\n\
         @media screen and (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark}}}}}\n\
         @media screen{{:root[data-theme=dark]{{{dark}}}}}\n"
    )
}

/// Colour of the group at `index`, in the order the query gave the groups.
pub fn group_colour(index: usize) -> Colour {
    GROUPS[index % GROUPS.len()]
}

/// True from the second time round the colours on: such groups need another mark of difference.
pub fn colour_repeats(index: usize) -> bool {
    index >= GROUPS.len()
}

/// One colour a part, in the order of `parts`.
pub fn part_colours(parts: &[String], strong: &[String]) -> Vec<Colour> {
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

/// `colour` thinned with paper to the next of [`TINTS`]: `strength` 1 is the colour, 0 is paper.
pub fn tint(colour: Colour, strength: f64) -> Colour {
    let distance = |tint: &u8| (f64::from(TINTS[usize::from(*tint)]) / 100.0 - strength).abs();
    let tints = (0u8..).take(TINTS.len());
    let nearest = tints.min_by(|one, other| distance(one).total_cmp(&distance(other)));
    Colour {
        tint: nearest.unwrap_or(FULL),
        ..colour
    }
}

/// The colour of letters on `ground`: what reads better on it (WCAG relative luminance), in the
/// light and in the dark.
pub fn ink_on(ground: Colour) -> Colour {
    let white_on = |look| {
        contrast(WHITE.on(look), ground.on(look)) >= contrast(BLACK.on(look), ground.on(look))
    };
    match (white_on(Look::Light), white_on(Look::Dark)) {
        (true, true) => WHITE,
        (false, false) => BLACK,
        (true, false) => PAPER,
        (false, true) => INK,
    }
}

/// How far two colours are apart, from 1 to 21, as WCAG counts it.
fn contrast(one: RGBColor, other: RGBColor) -> f64 {
    let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
    one.max(other) / one.min(other)
}

fn luminance(RGBColor(red, green, blue): RGBColor) -> f64 {
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

/// Steps of a scale of colours: so fine that a step is not seen.
const STEPS: u8 = 60;
/// Roles of the scales, beyond those of [`PALETTE`]: such a colour's tint is its step. They are the same on
/// light and on dark ground, since a cell brings its own ground.
const SEQUENTIAL: u8 = 100;
const BELOW: u8 = 101;
const ABOVE: u8 = 102;

/// The stops of a scale, from its light to its dark end, so that they are told apart in grey too. On either
/// side of a middle blue and brown stay apart for every kind of eye.
fn stops(role: u8) -> Option<&'static [u32]> {
    match role {
        SEQUENTIAL => Some(&[0xF1F6FA, 0xB5D7EE, 0x5FA8D8, 0x005FA3, 0x0B2A52]),
        BELOW => Some(&[0xF7F7F5, 0xA9CFEA, 0x3B86C2, 0x0B3C70]),
        ABOVE => Some(&[0xF7F7F5, 0xF3C886, 0xC96A12, 0x702A07]),
        _ => None,
    }
}

/// The colour at `share`, 0 to 1, of a scale that runs one way.
pub fn sequential(share: f64) -> Colour {
    step(SEQUENTIAL, share)
}

/// The colour at `share` of a scale with a middle: -1 is its low end, 1 its high one.
pub fn diverging(share: f64) -> Colour {
    step(if share < 0.0 { BELOW } else { ABOVE }, share.abs())
}

fn step(role: u8, share: f64) -> Colour {
    let tint = (share.clamp(0.0, 1.0) * f64::from(STEPS)).round() as u8;
    Colour { role, tint }
}

fn along(stops: &[u32], share: f64) -> RGBColor {
    let place = share.clamp(0.0, 1.0) * (stops.len() - 1) as f64;
    let before = (place.floor() as usize).min(stops.len() - 2);
    let [_, red, green, blue] = stops[before].to_be_bytes();
    let [_, to_red, to_green, to_blue] = stops[before + 1].to_be_bytes();
    let rest = place - before as f64;
    let between = |one: u8, other: u8| {
        (f64::from(one) + (f64::from(other) - f64::from(one)) * rest).round() as u8
    };
    RGBColor(
        between(red, to_red),
        between(green, to_green),
        between(blue, to_blue),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOKS: [Look; 2] = [Look::Light, Look::Dark];

    fn apart(one: Colour, other: Colour, look: Look) -> f64 {
        contrast(one.on(look), other.on(look))
    }

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|name| name.to_string()).collect()
    }

    #[test]
    fn two_groups_stay_apart_in_grey() {
        for look in LOOKS {
            assert!(
                apart(group_colour(0), group_colour(1), look) > 2.2,
                "{look:?}"
            );
        }
    }

    #[test]
    fn scales_darken_towards_their_ends_and_can_be_written_on() {
        let shares = || (0..=20).map(|step| f64::from(step) / 20.0);
        let scales: [Vec<Colour>; 3] = [
            shares().map(sequential).collect(),
            shares().map(diverging).collect(),
            shares().map(|share| diverging(-share)).collect(),
        ];
        for scale in scales {
            for pair in scale.windows(2) {
                let [light, dark] = [pair[0], pair[1]].map(|one| luminance(one.on(Look::Light)));
                assert!(dark < light, "{pair:?}");
            }
            for ground in scale {
                for look in LOOKS {
                    let read = apart(ink_on(ground), ground, look);
                    assert!(read >= 4.0, "{look:?} {read}");
                }
            }
        }
    }

    #[test]
    fn neighbouring_parts_stay_apart_in_grey() {
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
        for look in LOOKS {
            for pair in colours.windows(2) {
                assert!(apart(pair[0], pair[1], look) > 1.25, "{look:?} {pair:?}");
            }
        }
        for (index, colour) in colours.iter().enumerate() {
            assert!(!colours[index + 1..].contains(colour));
        }
    }

    #[test]
    fn text_reads_at_4_5_to_1_on_its_ground_in_the_light_and_in_the_dark() {
        for look in LOOKS {
            for text in [INK, LABEL, QUIET] {
                assert!(apart(text, PAPER, look) >= 4.5, "{look:?} {}", text.name());
            }
            for ground in GROUPS.into_iter().chain(STRONG).chain(WEAK) {
                let read = apart(ink_on(ground), ground, look);
                assert!(read >= 4.5, "{look:?} {} {read}", ground.name());
            }
        }
    }

    #[test]
    fn marks_stand_out_3_to_1_on_dark_ground() {
        for mark in GROUPS.into_iter().chain(STRONG).chain(WEAK).chain([AXIS]) {
            let seen = apart(mark, PAPER, Look::Dark);
            assert!(seen >= 3.0, "{} {seen}", mark.name());
        }
    }

    #[test]
    fn a_look_paints_tags_and_leaves_texts_alone() {
        let tag = |hex: &str| format!("<text fill=\"{hex}\">fill=\"#0104A7\"</text>");
        let unpainted = tag("#0104A7");
        assert_eq!(INK.unpainted(), RGBColor(1, 4, OURS));
        assert_eq!(Look::Light.paint(&unpainted), tag("#1A1A1A"));
        assert_eq!(Look::Dark.paint(&unpainted), tag("#ECEEF1"));
        assert_eq!(Look::Page.paint(&unpainted), tag("var(--tt-ink,#1A1A1A)"));
        assert_eq!(Look::Dark.paint(&tag("none")), tag("none"));
    }

    #[test]
    fn a_page_names_every_colour_that_a_picture_may_have() {
        let css = page_colours();
        assert!(css.contains("--tt-group-1-32:#ADCCE2;"));
        for colour in Colour::every() {
            let declaration = format!("{}:{};", colour.name(), colour.hex(Look::Dark));
            assert!(css.matches(&declaration).count() >= 2, "{declaration}");
        }
    }
}
