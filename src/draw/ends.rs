//! Labels at the ends of lines, where they fit: nearer than any legend.

use anyhow::Result;

use super::lettering::LEGEND;
use super::series::{self, Place, Style};
use super::sheet::{Anchor, Area, Sheet};

/// Beyond these a legend reads better.
const MOST: usize = 8;
const WIDEST: f64 = 190.0;
/// Share of the axis that every labelled line must reach.
const REACHED: f64 = 0.85;
/// From the data's edge to a label: the way that leads from one to the other.
const WAY: f64 = 26.0;
const LINE: f64 = 17.0;

/// One label a group.
pub struct Ends<'a> {
    labels: &'a [String],
}

impl<'a> Ends<'a> {
    /// The labels, if they fit beside panels of `height` whose lines end at the shares `reached`
    /// of the axis.
    pub fn new(labels: &'a [String], height: f64, reached: &[Vec<Option<f64>>]) -> Option<Self> {
        let fits = labels.len() <= MOST
            && labels.len() as f64 * LINE <= height
            && labels.iter().all(|label| LEGEND.width(label) <= WIDEST)
            && reached
                .iter()
                .flatten()
                .flatten()
                .all(|share| *share >= REACHED)
            && reached
                .iter()
                .any(|panel| panel.iter().any(Option::is_some));
        // A line that is nowhere would have no name.
        let all = (0..labels.len()).all(|group| {
            let mut panels = reached.iter();
            panels.any(|panel| panel.get(group).is_some_and(Option::is_some))
        });
        (fits && all).then_some(Self { labels })
    }

    /// Room right of the data.
    pub fn room(&self) -> f64 {
        let widths = self.labels.iter().map(|label| LEGEND.width(label));
        WAY + widths.fold(0.0, f64::max)
    }

    /// Draws them; `places` are the ends of the groups' lines, if they have one here.
    pub fn draw(&self, sheet: &Sheet<'_>, data: Area, places: &[Option<Place>]) -> Result<()> {
        let mut ends: Vec<(usize, Place)> = places
            .iter()
            .enumerate()
            .filter_map(|(group, place)| Some((group, (*place)?)))
            .collect();
        ends.sort_by(|one, other| one.1.1.total_cmp(&other.1.1));
        let wanted: Vec<f64> = ends.iter().map(|(_, (_, y))| *y).collect();
        let half = LINE / 2.0;
        for ((group, end), middle) in ends
            .iter()
            .zip(apart(&wanted, (data.top - half, data.bottom + half)))
        {
            let label = data.right + WAY - 6.0;
            let way = [
                *end,
                (data.right + 4.0, end.1),
                (label - 4.0, middle),
                (label, middle),
            ];
            series::stroke(sheet, &way, Style::of(*group).solid(), 0.8)?;
            let at = (data.right + WAY, middle + LEGEND.drop());
            sheet.text(&self.labels[*group], at, Anchor::Start, LEGEND)?;
        }
        Ok(())
    }
}

/// The places nearest to `wanted`, which ascends, that are a line apart and within the edges.
fn apart(wanted: &[f64], (top, bottom): (f64, f64)) -> Vec<f64> {
    let mut places = wanted.to_vec();
    let mut free = top + LINE / 2.0;
    for place in &mut places {
        *place = place.max(free);
        free = *place + LINE;
    }
    let mut free = bottom - LINE / 2.0;
    for place in places.iter_mut().rev() {
        *place = place.min(free);
        free = *place - LINE;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_a_line_apart_and_stay_inside() {
        let places = apart(&[10.0, 11.0, 12.0, 99.0], (0.0, 100.0));
        assert!(places.windows(2).all(|pair| pair[1] - pair[0] >= LINE));
        assert!(places[0] >= LINE / 2.0 && places[3] <= 100.0 - LINE / 2.0);
        assert_eq!(apart(&[40.0], (0.0, 100.0)), [40.0]);
    }
}
