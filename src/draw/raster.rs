//! SVG to PNG with resvg: the vendored faces and no others, so every machine gives the same bytes.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::Database;
use resvg::usvg::{Options, Tree};

use super::theme;

/// Widest and highest picture made, in pixels: 16 Ki square is 1 GiB of memory.
const LARGEST: f32 = 16384.0;

/// Renders `svg` to PNG, `scale` pixels a CSS pixel.
pub fn png(svg: &str, scale: f32) -> Result<Vec<u8>> {
    let tree = read(svg)?;
    let (width, height) = (tree.size().width() * scale, tree.size().height() * scale);
    if !(width >= 1.0 && height >= 1.0 && width <= LARGEST && height <= LARGEST) {
        bail!("a PNG of {width} x {height} pixels cannot be made; choose a scale that fits");
    }
    let mut pixels = Pixmap::new(width.ceil() as u32, height.ceil() as u32)
        .context("no memory for the PNG; choose a smaller scale")?;
    resvg::render(
        &tree,
        Transform::from_scale(scale, scale),
        &mut pixels.as_mut(),
    );
    pixels.encode_png().context("the PNG could not be encoded")
}

/// Reads an SVG as it will be rendered, text laid out in the vendored faces.
pub(super) fn read(svg: &str) -> Result<Tree> {
    let mut faces = Database::new();
    faces.load_font_data(theme::REGULAR.to_vec());
    faces.load_font_data(theme::BOLD.to_vec());
    let options = Options {
        font_family: "Inter".to_owned(),
        fontdb: Arc::new(faces),
        ..Options::default()
    };
    Tree::from_str(svg, &options).context("the SVG cannot be read; draw the figure again")
}
