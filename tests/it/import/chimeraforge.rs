//! The results of the Chimeraforge research, in both harnesses' layouts.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokentape::convert::import::chimeraforge;

use super::{Imported, change_anywhere, close, cut_anywhere};

/// Where the first Python harness and the Rust one put a run.
const FOLDER: &str = "gemma3_latest/chimera-homo_gpu80_ctx512_temp10";

fn write(root: &TempDir, name: &str, content: &str) {
    let file = root.path().join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, content).unwrap();
}

fn imported(root: &TempDir) -> Imported {
    Imported::of(|| chimeraforge(root.path()))
}

fn says(trace: &Imported, part: &str) {
    let said = trace.remarks().join("\n");
    assert!(said.contains(part), "{part}: {said}");
}

fn python_run(number: i32, num_ctx: i32) -> Value {
    let agent = |id: &str, port: i32, wall_ms: f64| {
        json!({
            "id": id, "base_url": format!("http://localhost:{port}"),
            "options": {"num_gpu": 80, "num_ctx": num_ctx},
            "metrics": {"tokens_generated": 254, "throughput_tokens_per_sec": 22.0,
                "ttft_ms": 45.4401, "total_duration_ms": 11401.6691, "wall_clock_ms": wall_ms},
        })
    };
    json!({
        "run_number": number, "scenario": "chimera_homo",
        "collector": agent("collector", 11434, 11706.5497),
        "insight": agent("insight", 11435, 15746.1663),
        "concurrent_wall_time_ms": 15746.5651, "sequential_estimate_ms": 26545.5184,
        "concurrency_speedup": 1.6857973933629502, "efficiency_percent": 84.2898696681475,
        "throughput_delta": 14.64415021088407, "ttft_delta_ms": -5.3189,
    })
}

/// A run as a summary repeats it.
fn summed(run: &Value) -> Value {
    let mut run = run.clone();
    for agent in ["collector", "insight"] {
        run.as_object_mut().unwrap().remove(agent);
    }
    run
}

fn rust_run(number: i32) -> Value {
    let agent = |id: &str, port: i32| {
        let call = |ttft_ms: f64, total_ms: f64| {
            json!({"metrics": {"tokens_generated": 700, "ttft_ms": ttft_ms,
                "total_duration_ms": total_ms, "load_duration_ms": 113.6913,
                "prompt_eval_duration_ms": 66.7716, "eval_duration_ms": 15249.0999}})
        };
        json!({
            "config": {"id": id, "base_url": format!("http://localhost:{port}"),
                "model": "gemma3:latest", "options": {"num_ctx": 512, "num_gpu": 80}},
            "result": {"llm_calls": [call(184.2444, 29889.697), call(496.8552, 18087.5127)],
                "workflow": {"ingest_seconds": 0.5, "analysis_seconds": 29.9}},
        })
    };
    json!({
        "collector": agent("chimera_a", 11434), "insight": agent("chimera_b", 11434),
        "summary": rust_figures(number),
    })
}

fn rust_figures(number: i32) -> Value {
    json!({
        "run_number": number, "scenario": "chimera_homo", "concurrency_speedup": 1.948,
        "efficiency_percent": 97.4, "concurrent_wall_time_s": 48.4876,
        "sequential_estimated_s": 93.4642, "throughput_delta": 3.5, "ttft_delta_ms": -111.6,
        "resource_contention_detected": false,
    })
}

#[tokio::test]
async fn what_the_first_python_harness_measured_arrives() {
    let root = tempfile::tempdir().unwrap();
    let run = python_run(1, 512);
    write(
        &root,
        &format!("{FOLDER}/run_1/metrics.json"),
        &run.to_string(),
    );
    let summary = json!({"runs": [summed(&run)]});
    write(
        &root,
        &format!("{FOLDER}/summary.json"),
        &summary.to_string(),
    );
    let trace = imported(&root);
    assert_eq!(trace.remarks(), Vec::<String>::new());
    let runs = trace.trace.runs().unwrap();
    assert_eq!(runs[0].model.as_deref(), Some("gemma3:latest"));
    assert_eq!(runs[0].runtime.as_deref(), Some("python"));
    assert_eq!(runs[0].topology.as_deref(), Some("dual"));
    assert_eq!(runs[0].config.as_deref(), Some("gpu80_ctx512_temp10"));
    let requests = trace.trace.requests().unwrap();
    let collector = &requests[0];
    assert_eq!(collector.agent, "collector");
    assert_eq!(collector.end_ns, Some(11_706_549_700));
    assert_eq!(collector.prompt_eval_duration_ns, Some(45_440_100));
    assert_eq!(collector.eval_duration_ns, Some(11_356_229_000));
    assert_eq!(collector.eval_count, Some(254));
    // Its ttft_ms was the server's: the client's is not known.
    assert_eq!(
        (collector.first_token_ns, collector.load_duration_ns),
        (None, None)
    );
    close(
        trace.number("select wall_ms from run_metrics").await,
        15746.1663,
    );
    close(
        trace.number("select wall_ms from published").await,
        15746.5651,
    );
    close(
        trace.number("select speedup from published").await,
        1.6857973933629502,
    );
}

#[tokio::test]
async fn what_the_instrumented_python_harness_measured_arrives() {
    let root = tempfile::tempdir().unwrap();
    let folder = "phase1/gemma3_latest/default";
    let agent = |id: &str, port: i32| {
        json!({
            "id": id, "base_url": format!("http://localhost:{port}"), "options": {"num_ctx": 512},
            "metrics": {"tokens_generated": 3, "ttft_ms": 100.0, "total_duration_ms": 150.0,
                "eval_duration": 40_000_000, "prompt_eval_duration": 58_004_600},
        })
    };
    for number in [1, 2] {
        let run = json!({
            "run_number": number, "scenario": "chimera_homo", "concurrent_wall_time_ms": 160.0,
            "concurrency_speedup": 1.8, "efficiency_percent": 92.0,
            "collector": agent("collector", 11434), "insight": agent("insight", 11435),
        });
        write(
            &root,
            &format!("{folder}/run_{number}.json"),
            &run.to_string(),
        );
    }
    let mut chunks = "timestamp,agent_id,chunk_index,bytes,gap_ms,parse_ms\n".to_owned();
    for (run, start) in [(1, 100.0), (2, 101.0)] {
        for index in 0..4 {
            let at = start + f64::from(index) * 0.015;
            for (agent, later) in [("collector", 0.0), ("insight", 0.005)] {
                chunks += &format!("{:.7},{agent},{index},9{run},0.0,0.03\n", at + later);
            }
        }
    }
    write(&root, &format!("{folder}/chunk_metrics.csv"), &chunks);
    write(
        &root,
        &format!("{folder}/loop_lag.csv"),
        "timestamp,lag_ms\n99.95,9.377\n100.5,1.5\n",
    );
    let gpu = "timestamp, power.draw [W], utilization.gpu [%], memory.used [MiB]\n\
               2025/11/26 10:00:00.000, 55.5 W, 93 %, 2 MiB\n\
               2025/11/26 10:00:01.000, [N/A], 94 %, 3 MiB\n";
    write(&root, &format!("{folder}/gpu_metrics.csv"), gpu);
    let trace = imported(&root);
    assert_eq!(trace.remarks().len(), 1, "{:?}", trace.remarks());
    says(&trace, "gpu_metrics.csv is on a clock of its own");
    let requests = trace.trace.requests().unwrap();
    assert_eq!(requests.len(), 4);
    assert!(
        requests
            .iter()
            .all(|request| (request.token_events, request.event_count) == (3, 4))
    );
    let ttft = "select avg(ttft_ms) from request_metrics";
    close(trace.number(ttft).await, 100.0);
    close(
        trace
            .number("select percentile(icl_ms, 0.5) from icl")
            .await,
        15.0,
    );
    let between = "select max(start_ns) - min(start_ns) from requests where agent = 'collector'";
    close(trace.number(between).await, 1e9);
    for (metric, sum) in [
        ("loop_lag_ms", 10.877),
        ("gpu_power_w", 55.5),
        ("gpu_util_percent", 187.0),
        ("vram_used_bytes", 5.0 * 1024.0 * 1024.0),
        ("chunk_bytes", 8.0 * (91.0 + 92.0)),
        ("chunk_parse_ms", 16.0 * 0.03),
    ] {
        let sql = format!("select sum(value) from samples where metric = '{metric}'");
        close(trace.number(&sql).await, sum);
    }

    // A line that is cut, and an answer that no run asked for.
    write(
        &root,
        &format!("{folder}/chunk_metrics.csv"),
        &chunks[..chunks.len() - 20],
    );
    let cut = imported(&root);
    says(
        &cut,
        "chunk_metrics.csv is cut or damaged: 1 lines left out, the first is 17",
    );
    let more = format!("{chunks}102.0,insight,0,9,0.0,0.03\n");
    write(&root, &format!("{folder}/chunk_metrics.csv"), &more);
    says(
        &imported(&root),
        "holds 3 answers to insight, but there are 2 runs",
    );
    write(&root, &format!("{folder}/chunk_metrics.csv"), &chunks);
    let kept = tempfile::tempdir().unwrap();
    for (name, step) in [
        ("chunk_metrics.csv", 19),
        ("loop_lag.csv", 1),
        ("gpu_metrics.csv", 2),
    ] {
        let place = root.path().join(folder).join(name);
        let instead = |file: &Path| {
            fs::copy(file, &place).unwrap();
            chimeraforge(root.path())
        };
        let whole = fs::read_to_string(&place).unwrap();
        write(&kept, name, &whole);
        cut_anywhere(&kept.path().join(name), step, instead);
        change_anywhere(&kept.path().join(name), step, instead);
        fs::write(&place, whole).unwrap();
    }
}

#[tokio::test]
async fn what_the_rust_harness_measured_arrives() {
    let root = tempfile::tempdir().unwrap();
    write(
        &root,
        &format!("{FOLDER}/run_1/metrics.json"),
        &rust_run(1).to_string(),
    );
    let summary = json!({"agent_a": {}, "agent_b": {}, "runs": [rust_figures(1)]});
    write(
        &root,
        &format!("{FOLDER}/summary.json"),
        &summary.to_string(),
    );
    let trace = imported(&root);
    assert_eq!(trace.remarks(), Vec::<String>::new());
    let runs = trace.trace.runs().unwrap();
    assert_eq!(runs[0].runtime.as_deref(), Some("rust"));
    assert_eq!(runs[0].topology.as_deref(), Some("single"));
    assert_eq!(runs[0].end_ns, Some(48_487_600_000));
    let requests = trace.trace.requests().unwrap();
    assert_eq!(requests.len(), 4, "each agent asks twice");
    let second = &requests[1];
    assert_eq!(
        second.start_ns,
        Some(30_400_000_000),
        "after ingest and analysis"
    );
    assert_eq!(second.first_token_ns, Some(30_896_855_200));
    assert_eq!(second.end_ns, Some(48_487_512_700));
    assert_eq!(second.load_duration_ns, Some(113_691_300));
    assert_eq!(second.prompt_eval_duration_ns, Some(66_771_600));
    assert_eq!(second.eval_duration_ns, Some(15_249_099_900));
    assert_eq!(second.total_duration_ns, None);
    let published = "select count(*) from published where not contention";
    close(trace.number(published).await, 1.0);
}

#[tokio::test]
async fn a_summary_alone_gives_its_printed_figures() {
    let root = tempfile::tempdir().unwrap();
    let summary = json!({"agent_a": {}, "agent_b": {}, "runs": [rust_figures(1), rust_figures(2)]});
    write(
        &root,
        &format!("{FOLDER}/summary.json"),
        &summary.to_string(),
    );
    let trace = imported(&root);
    says(
        &trace,
        "run 2 of gemma3_latest/chimera-homo_gpu80_ctx512_temp10/summary.json has no file",
    );
    assert_eq!(trace.trace.requests().unwrap(), []);
    assert_eq!(
        trace.trace.runs().unwrap()[1].runtime.as_deref(),
        Some("rust")
    );
    close(
        trace
            .number("select sum(efficiency_percent) from published")
            .await,
        2.0 * 97.4,
    );
}

#[test]
fn what_contradicts_itself_or_is_cut_is_named() {
    let root = tempfile::tempdir().unwrap();
    let run = python_run(1, 2048);
    write(
        &root,
        &format!("{FOLDER}/run_1/metrics.json"),
        &run.to_string(),
    );
    let whole = python_run(3, 512).to_string();
    write(
        &root,
        &format!("{FOLDER}/run_3/metrics.json"),
        &whole[..whole.len() / 2],
    );
    write(
        &root,
        &format!("{FOLDER}/run_4/metrics.json"),
        &python_run(4, 512).to_string(),
    );
    let mut other = summed(&run);
    other["efficiency_percent"] = 99.0.into();
    let summary = json!({"runs": [other, summed(&python_run(2, 512))]});
    write(
        &root,
        &format!("{FOLDER}/summary.json"),
        &summary.to_string(),
    );
    write(&root, "notes.txt", "");
    let trace = imported(&root);
    for part in [
        "notes.txt is no file of the harnesses",
        "run_3/metrics.json is cut or no run",
        "summary.json contradicts gemma3_latest/chimera-homo_gpu80_ctx512_temp10/run_1/metrics.json",
        "run 2 of gemma3_latest/chimera-homo_gpu80_ctx512_temp10/summary.json has no file of its own",
        "summary.json lacks run 4",
        "says num_ctx 512, its runs used 2048 (2 times)",
    ] {
        says(&trace, part);
    }
    assert_eq!(trace.trace.runs().unwrap().len(), 3);

    let cut = summary.to_string();
    write(&root, &format!("{FOLDER}/summary.json"), &cut[..20]);
    says(&imported(&root), "summary.json is cut or no summary");
}

#[test]
fn cut_or_changed_anywhere_a_run_gives_a_trace_or_a_sentence() {
    let kept = tempfile::tempdir().unwrap();
    for (name, run) in [("python", python_run(1, 512)), ("rust", rust_run(1))] {
        let root = tempfile::tempdir().unwrap();
        write(&root, &format!("{FOLDER}/run_1/metrics.json"), "");
        let instead = |file: &Path| {
            fs::copy(file, root.path().join(FOLDER).join("run_1/metrics.json")).unwrap();
            chimeraforge(root.path())
        };
        let file = format!("{name}/metrics.json");
        write(&kept, &file, &run.to_string());
        cut_anywhere(&kept.path().join(&file), 31, instead);
        change_anywhere(&kept.path().join(&file), 5, instead);
    }
}
