//! A figure of the user's own: begun, changed, drawn, and refused with file and line where it is wrong.

use std::fs;
use std::path::Path;

use super::bundled;
use super::cli::{complaint, stdout, tokentape};

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn a_figure_is_begun_changed_and_drawn_with_a_query_of_ones_own() {
    let place = tempfile::tempdir().unwrap();
    let (mine, queries) = (
        shown(&place.path().join("mine")),
        place.path().join("queries"),
    );
    let begun = tokentape(&["figures", "--init", "speed", "-o", &mine]);
    assert_eq!(begun.status.code(), Some(0));
    let file = place.path().join("mine/speed.toml");
    assert_eq!(stdout(&begun).trim(), shown(&file));

    let trace = shown(&bundled().folder);
    let figure = ["figures", &trace, "--figures", &mine, "--only", "speed"];
    let pictures = place.path().join("pictures");
    let draw = |more: &[&str]| {
        let to = shown(&pictures);
        let output = tokentape(&[&figure[..], &["-o", &to, "--svg"], more].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{said}");
        fs::read_to_string(pictures.join("speed.svg")).unwrap()
    };
    let light = draw(&[]);
    assert!(light.contains(">collector</text>") && light.contains(">n</text>"));
    assert!(draw(&["--theme", "dark"]).contains("#15181D"));

    fs::create_dir(&queries).unwrap();
    let sql = "select agent, count(*) as asked from exchanges group by agent order by agent";
    fs::write(queries.join("asked.sql"), sql).unwrap();
    let figure = "title = \"Requests\"\nquery = \"asked\"\nchart = \"bar\"\n\
                  [encode]\nlabel = \"agent\"\nvalue = \"asked\"\n";
    fs::write(&file, figure).unwrap();
    assert!(draw(&["--queries", &shown(&queries)]).contains(">Requests</text>"));
}

#[test]
fn a_figure_that_is_there_is_not_written_over() {
    let place = tempfile::tempdir().unwrap();
    let folder = shown(place.path());
    fs::write(place.path().join("mine.toml"), "mine").unwrap();
    let said = complaint(2, &["figures", "--init", "mine", "-o", &folder]);
    assert!(
        said.contains("mine.toml is there already; choose another name"),
        "{said}"
    );
    assert_eq!(
        fs::read_to_string(place.path().join("mine.toml")).unwrap(),
        "mine"
    );
    let said = complaint(2, &["figures", "--init", "../mine", "-o", &folder]);
    assert!(said.contains("is no name for a figure"), "{said}");
}

#[test]
fn a_wrong_figure_is_refused_with_its_line_and_a_remedy() {
    let place = tempfile::tempdir().unwrap();
    let folder = shown(place.path());
    let trace = shown(&bundled().folder);
    let refused = |line: &str, wrong: &str| {
        let figure = "title = \"t\"\nquery = \"latency\"\nchart = \"bar\"\n\
                      [encode]\nlabel = \"agent\"\nvalue = \"requests\"\n";
        assert!(figure.contains(line), "{line}");
        fs::write(place.path().join("mine.toml"), figure.replace(line, wrong)).unwrap();
        complaint(
            2,
            &[
                "figures",
                &trace,
                "--figures",
                &folder,
                "--only",
                "mine",
                "-o",
                &folder,
            ],
        )
    };
    for (line, wrong, parts) in [
        (
            "title",
            "titel",
            ["line 1", "unknown field `titel`", "rename it"],
        ),
        ("\"bar\"", "\"pie\"", ["line 3", "`pie`", "choose one"]),
        (
            "value =",
            "values =",
            ["line 6", "`values` means nothing", "rename"],
        ),
        (
            "value = \"requests\"",
            "",
            ["line 4", "lacks `value`", "add: value ="],
        ),
        (
            "\"requests\"",
            "\"asked\"",
            ["line 6", "column `asked`", "gives only agent, phase"],
        ),
        (
            "\"requests\"",
            "\"phase\"",
            ["line 6", "the text `concurrent`", "takes a number"],
        ),
        ("\"requests\"", "7", ["line 6", "invalid type", "in quotes"]),
        (
            "\"latency\"",
            "\"late\"",
            ["line 2", "no query \"late\"", "there are anova"],
        ),
    ] {
        let said = refused(line, wrong);
        for part in parts.into_iter().chain(["mine.toml"]) {
            assert!(said.contains(part), "`{part}` is not in: {said}");
        }
    }
}
