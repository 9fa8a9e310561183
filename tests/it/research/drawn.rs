//! The questions that are drawn, against the same figures worked out in Python (pandas, scipy 1.17.1,
//! statsmodels 0.15.0) from the views.

use super::{asked, check};

#[tokio::test]
async fn the_published_gap_is_mostly_two_rules_and_then_unequal_work() {
    let gap = asked("tr116", "published_gap").await;
    let steps = [
        ("python, as published", 82.72502942834627),
        ("python by the span rule instead", 8.306123273215),
        ("agents begin together (stagger)", -0.00012375936),
        ("agents end together (tail)", 4.137289082667),
        ("rust by its own rule instead", -6.8408235e-5),
        ("rust, as published", 95.1682496166286),
    ];
    let mut stands = 0.0;
    for (row, (step, percent)) in steps.into_iter().enumerate() {
        assert_eq!(gap.cell(row, "step").unwrap().as_str(), Some(step));
        let found = gap.cell(row, "percent").unwrap().as_f64().unwrap();
        assert!((found - percent).abs() < 1e-6, "{step}: {found}");
        match gap.cell(row, "kind").unwrap().as_str() {
            Some("change") => stands += found,
            _ if row == 0 => stands = found,
            // What the changes lead to is what was published.
            _ => assert!((found - stands).abs() < 1e-9, "{found}, not {stands}"),
        }
    }
    check(
        &gap,
        &[("step", "rust, as published")],
        &[
            ("gap_points", 12.443220188282325),
            ("rules_points", 8.306054864980439),
            ("span_points", 4.137165323301886),
        ],
    );
}

#[tokio::test]
async fn every_lost_percent_leads_from_100_to_the_efficiency() {
    let lost = asked("tr116", "lost_percent").await;
    for (step, percent) in [
        ("all agents busy all the time", 100.0),
        ("tail", -8.968847),
        ("efficiency by span", 91.031153),
        ("transport", -8.300524),
        ("the models at work", 82.730629),
    ] {
        let which = [("panel", "python"), ("step", step)];
        let row = super::row(&lost, &which);
        let found = lost.cell(row, "percent").unwrap().as_f64().unwrap();
        assert!((found - percent).abs() < 1e-6, "{step}: {found}");
    }
    // By both rules it is what `efficiency` says, in a session whose servers tell their times.
    let lost = asked("gemma3-270m-pair", "lost_percent").await;
    let efficiency = asked("gemma3-270m-pair", "efficiency").await;
    for (step, rule) in [
        ("efficiency by span", "span"),
        ("the models at work", "server"),
    ] {
        let row = super::row(&efficiency, &[("rule", rule)]);
        let mean = efficiency
            .cell(row, "mean_percent")
            .unwrap()
            .as_f64()
            .unwrap();
        check(&lost, &[("step", step)], &[("percent", mean)]);
    }
}

#[tokio::test]
async fn lines_and_their_bands_are_those_of_least_squares() {
    // statsmodels OLS, get_prediction().summary_frame(); scipy.stats.pearsonr
    let imbalance = asked("tr116", "imbalance").await;
    let panel = imbalance.column("panel").unwrap();
    let row = imbalance
        .rows
        .iter()
        .position(|row| row[panel].as_str() == Some("llama3.1:8b-instruct-q4_0 · python"));
    let row = row.unwrap();
    for (column, expected) in [
        ("delta_tps", 5.906509287926916),
        ("fit_percent", 93.0843242000923),
        ("fit_low_percent", 91.2288637529969),
        ("fit_high_percent", 94.9397846471877),
        ("r", 0.03269086056536131),
        ("p", 0.9285651170566445),
    ] {
        let found = imbalance.cell(row, column).unwrap().as_f64().unwrap();
        assert!((found / expected - 1.0).abs() < 1e-9, "{column}: {found}");
    }
    let lag = asked("tr117", "loop_lag_rate").await;
    for (column, expected) in [
        ("events_per_s", 0.0),
        ("fit_ms", 6.87176701),
        ("fit_low_ms", 5.9446163),
        ("fit_high_ms", 7.79891771),
        ("n", 72.0),
        ("r", -0.3812063337178471),
        ("p", 0.0009540803129441509),
    ] {
        let found = lag.cell(0, column).unwrap().as_f64().unwrap();
        assert!((found - expected).abs() < 1e-7, "{column}: {found}");
    }
}

#[tokio::test]
async fn residuals_stand_against_the_normal_quantile_of_their_rank() {
    // scipy.stats.norm.ppf((rank - 0.5) / n)
    let qq = asked("tr116", "efficiency_qq").await;
    let rule = qq.column("rule").unwrap();
    let of_server = |row: &&Vec<tokentape::table::Cell>| row[rule].as_str() == Some("server");
    assert_eq!(qq.rows.iter().filter(of_server).count(), 58);
    let first = qq.rows.iter().find(of_server).unwrap();
    for (column, expected) in [
        ("theoretical_sd", -2.3815194699704816),
        ("residual_points", -23.589318883556693),
        ("line_points", -16.245031779407626),
    ] {
        let found = first[qq.column(column).unwrap()].as_f64().unwrap();
        assert!((found / expected - 1.0).abs() < 1e-9, "{column}: {found}");
    }
}

#[tokio::test]
async fn figures_of_runs_are_correlated_over_the_runs_that_have_both() {
    // scipy.stats.pearsonr
    let matrix = asked("tr116", "correlation_matrix").await;
    for (x, y, n, r) in [
        ("output tokens", "wall time", 60.0, 0.9372406597740229),
        (
            "efficiency, server",
            "throughput delta, absolute",
            58.0,
            -0.6410588479718363,
        ),
    ] {
        check(&matrix, &[("x", x), ("y", y)], &[("n", n), ("r", r)]);
        check(&matrix, &[("x", y), ("y", x)], &[("n", n), ("r", r)]);
    }
    // Nobody ran alone there, so there is no slowdown to correlate with.
    let x = matrix.column("x").unwrap();
    let named = |name: &str| matrix.rows.iter().any(|row| row[x].as_str() == Some(name));
    assert!(named("wall time") && !named("worst slowdown"));
}

#[tokio::test]
async fn effects_have_the_intervals_of_student_and_welch() {
    // scipy.stats.t.interval of the mean; ttest_ind(..., equal_var=False).confidence_interval()
    let slower = asked("gemma3-270m-bench", "slowdown_effects").await;
    check(
        &slower,
        &[
            ("agent", "insight"),
            ("configuration", "chimera_homo · single"),
        ],
        &[
            ("n", 8.0),
            ("mean_percent", 77.78290253539666),
            ("low_percent", 68.11230368099723),
            ("high_percent", 87.45350138979609),
        ],
    );
    let runtimes = asked("gemma3-270m-runtimes", "runtime_effects").await;
    check(
        &runtimes,
        &[("panel", "by solo"), ("label", "rust-tokio less rust-smol")],
        &[
            ("n", 12.0),
            ("difference_points", -3.926792119359405),
            ("low_points", -12.052118497682079),
            ("high_points", 4.198534258963269),
        ],
    );
}

#[tokio::test]
async fn every_gap_between_chunks_is_in_one_bin() {
    // pandas: 1,240 of 1,928 gaps lie between 10^1.4 and 10^1.45 ms
    let bins = asked("tr117", "icl_histogram").await;
    let series = bins.column("series").unwrap();
    let of_collector = (0..bins.rows.len())
        .filter(|row| bins.rows[*row][series].as_str() == Some("collector, concurrent"));
    let (mut all, mut fullest) = (0.0, (0.0, 0.0));
    for row in of_collector {
        let figure = |column| bins.cell(row, column).unwrap().as_f64().unwrap();
        all += figure("gaps");
        if figure("gaps") > fullest.0 {
            fullest = (figure("gaps"), figure("low_ms"));
        }
        assert!((figure("high_ms") / figure("low_ms") - 1.1220184543019633).abs() < 1e-12);
    }
    assert_eq!((all, fullest.0), (1928.0, 1240.0));
    assert!((fullest.1 - 25.118864315095795).abs() < 1e-9);
}
