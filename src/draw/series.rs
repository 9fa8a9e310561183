//! Groups as lines, bands and marks: what tells them apart besides their colour, and how a great
//! many points are thinned so that the picture stays honest and small.

use std::fmt::Write as _;

use anyhow::Result;

use super::sheet::{SCALE, Sheet, unit, written};
use super::theme::{self, Colour};

/// Lengths of line and gap. Eight colours and five of these come round at different times, so
/// that forty groups differ.
const DASHES: [&[f64]; 5] = [
    &[],
    &[7.0, 3.0],
    &[2.0, 2.5],
    &[11.0, 3.0, 2.5, 3.0],
    &[15.0, 5.0],
];
/// Points in one figure that are drawn as marks of their own.
pub const MARKS: usize = 4000;
/// Squares in one figure that many more points are gathered in: about 500 KB of SVG.
const SQUARES: usize = 22_000;
/// Sides of these squares, tried from the finest on: whole pixels, so that they leave no seams.
const SIDES: [f64; 9] = [2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 14.0, 20.0];
/// How dark squares are, from one point to as many as the fullest holds, by their logarithm.
const SHADES: [f64; 6] = [0.22, 0.36, 0.5, 0.66, 0.83, 1.0];
/// Corners of all lines of a figure, beyond which those within a column are thinned.
pub const CORNERS: usize = 40_000;

/// A place in the picture.
pub type Place = (f64, f64);

/// What marks the points of a group.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    Circle,
    Square,
    Triangle,
    Diamond,
    Plus,
}

/// How a group looks.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub colour: Colour,
    dash: &'static [f64],
    shape: Shape,
}

impl Style {
    /// The look of the group at `index`, in the order the query gave the groups.
    pub fn of(index: usize) -> Self {
        use Shape::{Circle, Diamond, Plus, Square, Triangle};
        let shapes = [Circle, Square, Triangle, Diamond, Plus];
        Self {
            colour: theme::group_colour(index),
            dash: DASHES[index % DASHES.len()],
            shape: shapes[index % shapes.len()],
        }
    }

    /// The same look in another colour.
    pub fn coloured(self, colour: Colour) -> Self {
        Self { colour, ..self }
    }

    /// The same look with an unbroken line.
    pub fn solid(self) -> Self {
        Self { dash: &[], ..self }
    }
}

/// Draws a line through `points`, in its group's dashes.
pub fn stroke(sheet: &Sheet<'_>, points: &[Place], style: Style, width: f64) -> Result<()> {
    let path = path(points);
    if path.is_empty() {
        return Ok(());
    }
    let dashes = style.dash.iter().map(|length| unit(*length).to_string());
    let dashes: Vec<String> = dashes.collect();
    let dashes = match dashes.is_empty() {
        true => String::new(),
        false => format!(" stroke-dasharray=\"{}\"", dashes.join(" ")),
    };
    sheet.element(format!(
        "<path d=\"{path}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" \
         stroke-linejoin=\"round\"{dashes}/>",
        written(style.colour),
        unit(width)
    ))
}

/// Fills the area that `corners` enclose so that what lies under it is seen.
pub fn veil(sheet: &Sheet<'_>, corners: &[Place], colour: Colour, opacity: f64) -> Result<()> {
    let path = path(corners);
    if path.is_empty() {
        return Ok(());
    }
    let fill = written(colour);
    sheet.element(format!(
        "<path d=\"{path}z\" fill=\"{fill}\" fill-opacity=\"{opacity}\"/>"
    ))
}

/// Draws each of `points` as the group's mark: open, so that marks show through one another.
pub fn marks(sheet: &Sheet<'_>, points: &[Place], style: Style, radius: f64) -> Result<()> {
    let mut svg = format!(
        "<g fill=\"{0}\" fill-opacity=\"0.3\" stroke=\"{0}\" stroke-width=\"{1}\">",
        written(style.colour),
        unit(1.1)
    );
    for (x, y) in points {
        let (x, y) = (unit(*x), unit(*y));
        // Sizes at which the shapes weigh the same to the eye.
        let size = |share: f64| unit(radius * share);
        let _ = match style.shape {
            Shape::Circle => write!(svg, "<circle cx=\"{x}\" cy=\"{y}\" r=\"{}\"/>", size(1.0)),
            Shape::Square => {
                let half = size(0.9);
                let (left, top, side) = (x - half, y - half, 2 * half);
                write!(svg, "<path d=\"M{left},{top}h{side}v{side}h-{side}z\"/>")
            }
            Shape::Triangle => {
                let (half, rise) = (size(1.15), size(1.2));
                let (high, base) = (y - rise, 2 * half);
                let fall = rise + size(0.8);
                write!(svg, "<path d=\"M{x},{high}l{half},{fall}h-{base}z\"/>")
            }
            Shape::Diamond => {
                let half = size(1.3);
                let high = y - half;
                let path = format!("M{x},{high}l{half},{half}l-{half},{half}l-{half},-{half}z");
                write!(svg, "<path d=\"{path}\"/>")
            }
            Shape::Plus => {
                let half = size(1.2);
                let (left, top, length) = (x - half, y - half, 2 * half);
                write!(svg, "<path d=\"M{left},{y}h{length}M{x},{top}v{length}\"/>")
            }
        };
    }
    svg.push_str("</g>");
    match points.is_empty() {
        true => Ok(()),
        false => sheet.element(svg),
    }
}

/// A mark's radius where a figure has `count` of them.
pub fn radius(count: usize) -> f64 {
    match count {
        0..=150 => 3.8,
        151..=600 => 3.2,
        601..=1500 => 2.6,
        _ => 2.1,
    }
}

/// Points that are too many for marks: gathered in squares, whose side is the least that does.
pub struct Crowd {
    side: f64,
    /// Points in the fullest square.
    most: usize,
}

/// A square with the group that has most points in it, and how many all groups have.
struct Square {
    at: (i32, i32),
    group: usize,
    count: usize,
}

impl Crowd {
    /// Sees how fine the squares can be for all panels of a figure, `panels[panel][group]`.
    pub fn new(panels: &[Vec<Vec<Place>>]) -> Self {
        let mut crowd = Self { side: 0.0, most: 1 };
        for side in SIDES {
            let squares = panels.iter().flat_map(|groups| squares(groups, side));
            let counts: Vec<usize> = squares.map(|square| square.count).collect();
            crowd.side = side;
            crowd.most = counts.iter().copied().max().unwrap_or(1);
            if counts.len() <= SQUARES {
                break;
            }
        }
        crowd
    }

    /// What a reader must know.
    pub fn remark(points: usize, groups: usize) -> String {
        let colour = match groups {
            0 | 1 => "",
            _ => " and in the colour of the group that has most of them",
        };
        format!(
            "{} points are too many to be drawn one by one: those that share a small square are \
             one mark, darker the more they are (by their logarithm){colour}.",
            super::template::grouped(&points.to_string()),
        )
    }

    /// Draws the groups of one panel.
    pub fn draw(&self, sheet: &Sheet<'_>, groups: &[Vec<Place>]) -> Result<()> {
        let mut paths = vec![[const { String::new() }; SHADES.len()]; groups.len()];
        let side = unit(self.side);
        for Square { at, group, count } in squares(groups, self.side) {
            let share = (count as f64).ln() / (self.most as f64).ln().max(f64::MIN_POSITIVE);
            let shade = (share * (SHADES.len() - 1) as f64).round() as usize;
            let (x, y) = (f64::from(at.0) * self.side, f64::from(at.1) * self.side);
            let path = &mut paths[group][shade.min(SHADES.len() - 1)];
            let _ = write!(path, "M{},{}h{side}v{side}h-{side}z", unit(x), unit(y));
        }
        for (group, paths) in paths.iter().enumerate() {
            let fill = written(theme::group_colour(group));
            for (path, opacity) in paths.iter().zip(SHADES) {
                if !path.is_empty() {
                    sheet.element(format!(
                        "<path d=\"{path}\" fill=\"{fill}\" fill-opacity=\"{opacity}\" \
                         shape-rendering=\"crispEdges\"/>"
                    ))?;
                }
            }
        }
        Ok(())
    }
}

/// The squares that hold points, from the left and top.
fn squares(groups: &[Vec<Place>], side: f64) -> Vec<Square> {
    let square = |(x, y): &Place| ((x / side).floor() as i32, (y / side).floor() as i32);
    let all = groups.iter().enumerate();
    let all = all.flat_map(|(group, points)| points.iter().map(move |at| (square(at), group)));
    let mut taken: Vec<((i32, i32), usize)> = all.collect();
    taken.sort_unstable();
    let runs = taken.chunk_by(|one, other| one.0 == other.0);
    let squares = runs.map(|run| {
        let groups = run.chunk_by(|one, other| one.1 == other.1);
        // Of groups with as many points, the first.
        let most = groups.rev().max_by_key(|group| group.len());
        Square {
            at: run[0].0,
            group: most.map_or(0, |group| group[0].1),
            count: run.len(),
        }
    });
    squares.collect()
}

/// `points` without those that are not seen: of each column of the picture the first, the lowest,
/// the highest and the last stay. What is drawn covers the same pixels.
pub fn thinned(points: &[Place], column: f64) -> Vec<Place> {
    let of = |point: &Place| (point.0 / column).floor();
    let mut kept = Vec::new();
    for run in points.chunk_by(|one, other| of(one) == of(other)) {
        if run.len() <= 4 {
            kept.extend_from_slice(run);
            continue;
        }
        let by_height = |one: &&Place, other: &&Place| one.1.total_cmp(&other.1);
        let (mut low, mut high) = (0, 0);
        for (index, point) in run.iter().enumerate() {
            if by_height(&point, &&run[low]).is_lt() {
                low = index;
            }
            if by_height(&point, &&run[high]).is_gt() {
                high = index;
            }
        }
        let mut places = vec![0, low.min(high), low.max(high), run.len() - 1];
        places.dedup();
        kept.extend(places.into_iter().map(|place| run[place]));
    }
    kept
}

/// An SVG path through `points`; each is written as its distance from the last, which is shorter.
pub fn path(points: &[Place]) -> String {
    let mut path = String::new();
    let mut last = (0, 0);
    for (index, (x, y)) in points.iter().enumerate() {
        let at = (unit(*x), unit(*y));
        let _ = match index {
            0 => write!(path, "M{},{}", at.0, at.1),
            _ if at == last && points.len() > 2 => Ok(()),
            _ => write!(path, "l{},{}", at.0 - last.0, at.1 - last.1),
        };
        last = at;
    }
    path
}

/// A dot for each of `points`, as one shape.
pub fn dots(sheet: &Sheet<'_>, points: &[Place], colour: Colour, radius: f64) -> Result<()> {
    if points.is_empty() {
        return Ok(());
    }
    let path = points.iter().fold(String::new(), |mut path, (x, y)| {
        let _ = write!(path, "M{},{}h1", unit(*x), unit(*y));
        path
    });
    sheet.element(format!(
        "<path d=\"{path}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" \
         stroke-linecap=\"round\"/>",
        written(colour),
        2.0 * radius * SCALE
    ))
}
