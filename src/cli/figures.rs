//! `tokentape figures`: render figures, each a query and a chart.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;

use super::traces::Asked;
use super::{Exit, Failed};
use crate::analyze::Session;
use crate::draw::{self, Figure, Look};

/// Pixels of a PNG for each pixel of its SVG.
const PNG_SCALE: f32 = 2.0;

/// Draw figures
///
/// A figure is a TOML file that names a query and says how its answer is drawn. The same trace gives
/// the same bytes on every run.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  tokentape figures traces/gemma3-270m-pair -o pictures
  tokentape figures traces/gemma3-270m-pair -o pictures --only timeline --svg")]
pub struct Args {
    #[command(flatten)]
    asked: Asked,
    /// Where the pictures go
    #[arg(short, value_name = "DIR", default_value = "figures")]
    output: PathBuf,
    /// Only these figures
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    only: Vec<String>,
    /// SVG only
    #[arg(long, conflicts_with = "png")]
    svg: bool,
    /// PNG only
    #[arg(long)]
    png: bool,
    /// Look for figures here first
    #[arg(long, value_name = "DIR")]
    figures: Option<PathBuf>,
    /// The ground that the pictures are for
    #[arg(long, value_enum, default_value_t = Theme::Light)]
    theme: Theme,
    /// Write NAME.toml, a figure to begin with, into the folder of -o, and draw nothing
    #[arg(long, value_name = "NAME", conflicts_with_all = ["only", "svg", "png", "figures", "theme"])]
    init: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Theme {
    Light,
    Dark,
}

/// Runs the command.
pub async fn run(args: Args) -> Exit {
    if let Some(name) = &args.init {
        let path = begin(name, &args.output)?;
        println!("{}", path.display());
        let folder = args.output.display();
        eprintln!("tokentape: draw it with: tokentape figures --figures {folder} --only {name}");
        return Ok(0);
    }
    let figures = draw::figures(args.figures.as_deref(), &args.only)?;
    let session = args.asked.session()?.keeping();
    let forms = Forms {
        svg: !args.png,
        png: !args.svg,
        look: match args.theme {
            Theme::Light => Look::Light,
            Theme::Dark => Look::Dark,
        },
        empty: !args.only.is_empty(),
    };
    let drawn = render(session, &figures, &args.output, forms).await?;
    for path in &drawn.files {
        println!("{}", path.display());
    }
    if !drawn.left_out.is_empty() {
        let left_out = drawn.left_out.join(", ");
        eprintln!("tokentape: left out, since there is nothing to draw: {left_out}");
    }
    Ok(0)
}

/// Writes a figure to begin with, and returns its file.
fn begin(name: &str, folder: &Path) -> Result<PathBuf> {
    let fit = |letter: char| letter.is_alphanumeric() || "_-".contains(letter);
    ensure!(
        !name.is_empty() && name.chars().all(fit),
        "--init {name:?} is no name for a figure; write letters, digits, _ and - only, and the folder with -o"
    );
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let path = folder.join(format!("{name}.toml"));
    let made = File::create_new(&path);
    let mut file = made.with_context(|| match path.exists() {
        true => format!("{} is there already; choose another name", path.display()),
        false => format!("{} cannot be written", path.display()),
    })?;
    let written = file.write_all(draw::example().as_bytes());
    let written = written.with_context(|| format!("{} cannot be written", path.display()));
    written.map_err(Failed)?;
    Ok(path)
}

/// Which pictures are made, and how they look.
#[derive(Clone, Copy)]
pub struct Forms {
    pub svg: bool,
    pub png: bool,
    pub look: Look,
    /// Also those without a row to draw, as frames that say why they are empty.
    pub empty: bool,
}

/// What was rendered.
#[derive(Default)]
pub struct Drawn {
    /// In order.
    pub files: Vec<PathBuf>,
    /// Figures without a row to draw.
    pub left_out: Vec<String>,
}

/// Renders figures into `folder`, as many at once as there are cores.
///
/// # Errors
/// If a query fails, does not fit its figure, or a file cannot be written.
pub async fn render(
    session: Session,
    figures: &[Figure],
    folder: &Path,
    forms: Forms,
) -> Result<Drawn> {
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let session = Arc::new(session);
    let mut waiting = figures.iter();
    let mut drawing = VecDeque::new();
    let mut drawn = Drawn::default();
    loop {
        // One more than cores, so that none is idle while the oldest takes long.
        let some = waiting.by_ref().take(cores + 1 - drawing.len());
        drawing.extend(some.map(|figure| {
            let (session, asked) = (session.clone(), figure.clone());
            let pictures = tokio::spawn(async move { pictures(&session, &asked, forms).await });
            (figure, pictures)
        }));
        let Some((figure, pictures)) = drawing.pop_front() else {
            return Ok(drawn);
        };
        let Some(pictures) = pictures.await?? else {
            drawn.left_out.push(figure.name.clone());
            continue;
        };
        for (form, bytes) in pictures {
            let path = folder.join(format!("{}.{form}", figure.name));
            write(&path, &bytes)?;
            drawn.files.push(path);
        }
    }
}

/// The pictures of a figure, each with the ending of its file; `None` if it is left out.
async fn pictures(
    session: &Session,
    figure: &Figure,
    forms: Forms,
) -> Result<Option<Vec<(&'static str, Vec<u8>)>>> {
    let table = session.named(&figure.query).await;
    let table = table.with_context(|| figure.asks_at().to_owned())?;
    if table.rows.is_empty() && !forms.empty {
        return Ok(None);
    }
    let svg = figure.svg(&table, forms.look)?;
    let png = match forms.png {
        true => Some(("png", draw::png(&svg, PNG_SCALE)?)),
        false => None,
    };
    let svg = forms.svg.then(|| ("svg", svg.into_bytes()));
    Ok(Some(svg.into_iter().chain(png).collect()))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let written = fs::write(path, bytes);
    let written = written.with_context(|| format!("{} cannot be written", path.display()));
    Ok(written.map_err(Failed)?)
}
