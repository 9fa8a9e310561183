//! The report: one page with what the queries say, from whatever a trace holds.

use std::path::Path;
use std::process::{Command, Output};

use tokentape::analyze::{Library, STANDARD, Session};
use tokentape::table::Cell;
use tokentape::trace::{Import, Request, Run};

use super::bundled;

fn report(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tokentape"))
        .arg("report")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

/// What a report that must succeed wrote.
fn written(arguments: &[&str], folder: &Path, file: &str) -> String {
    let output = report(arguments, folder);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    std::fs::read_to_string(folder.join(file)).unwrap()
}

fn bundled_folder() -> String {
    bundled().folder.display().to_string()
}

/// A session whose every text tries to get out of its place.
fn hostile(folder: &Path, source: &str) {
    const NASTY: &str = "</script><script>alert(1)</script>\"'|`*&lt;";
    let mut import = Import::default();
    import.made_from(source, b"");
    import.agent(NASTY, NASTY);
    for number in 1..=3 {
        let start_ns = i64::from(number) * 2_000_000_000;
        import.run(Run {
            run_number: number,
            model: Some(NASTY.to_owned()),
            scenario: Some(format!("{NASTY}{}", number % 2)),
            start_ns,
            end_ns: Some(start_ns + 1_000_000_000),
            ..Run::default()
        });
        let request = Request {
            agent: NASTY.to_owned(),
            dialect: "ollama.chat".to_owned(),
            path: "/api/chat".to_owned(),
            start_ns: Some(start_ns),
            first_token_ns: Some(start_ns + 100_000_000 * i64::from(number)),
            end_ns: Some(start_ns + 1_000_000_000),
            ..Request::default()
        };
        import.request(request, Vec::new());
    }
    import.seal(folder).unwrap();
}

#[tokio::test]
async fn the_page_has_every_section_with_the_figures_of_its_query() {
    let place = tempfile::tempdir().unwrap();
    let page = written(&[&bundled_folder()], place.path(), "report.html");
    let session = Session::open(&[bundled()], Library::default()).unwrap();
    // Doubts stand with the warnings, also where there are none.
    for name in STANDARD.into_iter().filter(|name| *name != "doubts") {
        let table = session.named(name).await.unwrap();
        assert_eq!(
            page.contains(&format!("<section id=\"{name}\">")),
            !table.rows.is_empty(),
            "{name}"
        );
        for cell in table.rows.iter().flatten() {
            if let Cell::Float(value) = cell {
                let (hover, whole) = (format!("title=\"{value}\""), format!(">{value}</td>"));
                assert!(
                    page.contains(&hover) || page.contains(&whole),
                    "{name}: {value}"
                );
            }
        }
    }
    for part in [
        "run",
        "answer",
        "timeline",
        "figures",
        "tables",
        "warnings",
        "definitions",
        "again",
    ] {
        assert!(page.contains(&format!("<section id=\"{part}\">")), "{part}");
        assert!(page.contains(&format!("href=\"#{part}\"")), "{part}");
    }
    for row in session.named("answer").await.unwrap().rows {
        let sentence = row.last().unwrap().as_str().unwrap().replace('&', "&amp;");
        let words = sentence.rsplit('`').next().unwrap();
        assert!(page.contains(words), "{sentence}");
    }
}

#[test]
fn the_same_trace_gives_the_same_page_wherever_it_lies() {
    let place = tempfile::tempdir().unwrap();
    let copy = super::copy_of_bundled();
    let one = written(&[&bundled_folder()], place.path(), "report.html");
    let moved = copy.path().display().to_string();
    let other = written(&[&moved, "-o", "other.html"], place.path(), "other.html");
    assert!(one == other, "two pages of one trace differ");
    assert!(!one.contains(&moved));
}

#[test]
fn a_page_of_every_bundled_trace_fetches_nothing_and_is_below_three_megabytes() {
    let place = tempfile::tempdir().unwrap();
    let traces = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces");
    let page = written(
        &[&traces.display().to_string()],
        place.path(),
        "report.html",
    );
    assert!(page.len() < 3_000_000, "{} bytes", page.len());
    assert!(page.contains("default-src 'none'"));
    for fetching in [" src=", "<link", "@import", "url(http", "<iframe", "<base"] {
        assert!(!page.contains(fetching), "{fetching}");
    }
}

#[test]
fn no_text_of_a_trace_gets_out_of_its_place() {
    let place = tempfile::tempdir().unwrap();
    hostile(&place.path().join("nasty"), "a");
    let page = written(&["nasty"], place.path(), "report.html");
    assert!(!page.contains("<script>"), "a text became a script");
    // The timeline's data, and the page's own script.
    let scripts = page.matches("<script ").count();
    assert_eq!(page.matches("</script>").count(), scripts);
    let text = written(
        &["nasty", "--format", "markdown"],
        place.path(),
        "report.md",
    );
    let outside = text.lines().filter(|line| line.contains("<script>"));
    let outside: Vec<&str> = outside
        .filter(|line| !line.starts_with("tokentape "))
        .collect();
    assert_eq!(outside, Vec::<&str>::new());
}

#[test]
fn every_picture_that_the_markdown_names_lies_beside_it() {
    let place = tempfile::tempdir().unwrap();
    let arguments = [
        &bundled_folder(),
        "--format",
        "markdown",
        "-o",
        "docs/today.md",
    ];
    let text = written(&arguments, place.path(), "docs/today.md");
    let mut pictures = 0;
    for opening in ["src=\"", "srcset=\""] {
        for rest in text.split(opening).skip(1) {
            let name = rest.split('"').next().unwrap();
            let svg = std::fs::read_to_string(place.path().join("docs").join(name)).unwrap();
            assert!(svg.starts_with("<svg "), "{name}");
            pictures += 1;
        }
    }
    assert_eq!(pictures, 2 * 16, "in the light and in the dark");
    assert!(text.contains("## efficiency\n") && text.contains("<details>"));
}

#[test]
fn two_sets_are_held_side_by_side_under_their_verdicts() {
    let place = tempfile::tempdir().unwrap();
    hostile(&place.path().join("a"), "a");
    hostile(&place.path().join("b"), "b");
    let page = written(&["--compare", "a", "b"], place.path(), "report.html");
    let verdicts = page.find("<section id=\"compare\">").unwrap();
    assert!(verdicts < page.find("<section id=\"run\">").unwrap());
    assert_eq!(page.matches("data-name=\"efficiency\"").count(), 2);
    let mut ids: Vec<&str> = page.split(" id=\"").skip(1).collect();
    ids.iter_mut()
        .for_each(|id| *id = id.split('"').next().unwrap());
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "two things bear one id");
}

#[test]
fn wrong_input_is_told_in_a_sentence() {
    let place = tempfile::tempdir().unwrap();
    for (arguments, remedy) in [
        (&["nowhere"][..], "nowhere"),
        (&["--compare", "a", "b"], "a"),
        (&["--compare", "a"], "2 values"),
        (&["x", "--compare", "a", "b"], "cannot be used with"),
        (&["--format", "pdf"], "markdown"),
    ] {
        let output = report(arguments, place.path());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(remedy), "{said}");
    }
}

#[test]
fn a_report_has_ones_own_figures_and_says_how_to_draw_them() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path().join("own figures");
    std::fs::create_dir(&own).unwrap();
    let example = include_str!("../../src/draw/example.toml");
    std::fs::write(
        own.join("mine.toml"),
        example.replace("place = 210", "place = 1"),
    )
    .unwrap();
    let own = own.display().to_string();
    let arguments = [&*bundled_folder(), "--figures", &own];
    let page = written(&arguments, place.path(), "report.html");
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text}"));
    assert!(at("id=\"figure-mine\"") < at("id=\"figure-efficiency_by_rule\""));
    assert!(page.contains("collector, concurrent: 47.1 tokens/s (n = 10)."));
    let command = format!("--figures '{own}' --only mine");
    assert!(
        page.contains(&command.replace('\'', "&#39;")) || page.contains(&command),
        "{command}"
    );
}
