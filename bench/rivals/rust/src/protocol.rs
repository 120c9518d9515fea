//! The worker's protocol: a JSON object is answered by another. docs/study_protocol.md describes it.

use serde_json::{Map, Value, json};

use crate::arm::{Arm, WorkloadEntry};
use crate::build;
use crate::clock;
use crate::process::{allocator_path, libc_version};
use crate::request::{NotRun, Request, parse_request, refused};
use crate::run::{RunResult, run};
use crate::tally::{KIND_NAMES, WRONG_ANSWERS};

const VERSION: u64 = 1;

fn describe_arm(arm: &Arm) -> Value {
    let workloads = &arm.values[0].workloads;
    let missing: Map<String, Value> = workloads.iter().map(|one| (one.name.to_string(), json!(one.make.as_ref().err()))).collect();
    let mut libraries = Map::from_iter([("libc".to_string(), json!(libc_version()))]);
    for name in arm.crates {
        libraries.insert(name.to_string(), json!(build::version_of(name)));
    }
    json!({
        "name": arm.name,
        "version": arm.version,
        "progress": arm.progress,
        "workloads": missing,
        "value_words": arm.values.iter().map(|value| value.words).collect::<Vec<_>>(),
        "max_threads": arm.max_threads,
        "max_capacity": arm.max_capacity,
        "compiler": build::COMPILER,
        "flags": build::FLAGS,
        "optimized": build::OPTIMIZED,
        "assertions": cfg!(debug_assertions),
        "sanitizer": null,
        "libraries": libraries,
    })
}

fn names<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

fn workload_of<'a>(arms: &'a [Arm], request: &Request) -> Result<&'a WorkloadEntry, NotRun> {
    let name = &request.arm;
    let Some(arm) = arms.iter().find(|arm| arm.name == name) else {
        let known = names(arms.iter().map(|arm| arm.name));
        return Err(refused("arm", format!("this worker has no {name}, but {known}")));
    };
    if arm.max_threads.is_some_and(|most| request.threads > most) {
        return Err(refused("threads", format!("{name} serves at most {} threads", arm.max_threads.unwrap())));
    }
    if arm.max_capacity.is_some_and(|most| request.capacity > most) {
        return Err(refused("capacity", format!("{name} has room for at most {} handles", arm.max_capacity.unwrap())));
    }
    let words = request.value_words;
    let Some(value) = arm.values.iter().find(|value| value.words == words) else {
        return Err(refused("value_words", format!("{name} holds no values of {words} words")));
    };
    let Some(workload) = value.workloads.iter().find(|one| one.name == request.workload) else {
        let known = names(value.workloads.iter().map(|one| one.name));
        return Err(refused("workload", format!("there is no {}, but {known}", request.workload)));
    };
    Ok(workload)
}

/// Returns a sentence about the wrong answers; nothing if there are none.
fn wrong_answers(result: &RunResult) -> Option<String> {
    let tallies = || result.threads.iter().map(|thread| &thread.tally).chain([&result.verified]);
    let counted = WRONG_ANSWERS.iter().enumerate().map(|(i, text)| (text, tallies().map(|tally| tally.wrong[i]).sum::<u64>()));
    let sentences: Vec<String> =
        counted.filter(|(_, count)| *count != 0).map(|(text, count)| format!("{text} ({count} times)")).collect();
    if sentences.is_empty() { None } else { Some(sentences.join("; ")) }
}

fn threads_of(request: &Request, result: &RunResult) -> Value {
    let has_kind = |kind: usize| result.threads.iter().any(|thread| thread.tally.attempted[kind] != 0);
    let threads = result.threads.iter().enumerate().map(|(i, thread)| {
        let mut operations = Map::new();
        for (kind, name) in KIND_NAMES.iter().enumerate().filter(|(kind, _)| has_kind(*kind)) {
            let failed = thread.tally.failed[kind];
            let done = thread.tally.attempted[kind] - failed;
            operations.insert(name.to_string(), json!({"done": done, "failed": failed}));
        }
        json!({
            "ns": thread.ns,
            "cpus": thread.cpus.cpus(),
            "moves": thread.cpus.moves(),
            "moves_are_exact": request.cpus.as_ref().is_some_and(|cpus| cpus[i].len() == 1),
            "operations": operations,
        })
    });
    threads.collect()
}

fn latency_of(result: &RunResult) -> Value {
    let mut latency = vec![];
    for (i, thread) in result.threads.iter().enumerate() {
        for (name, histogram) in KIND_NAMES.iter().zip(&thread.latency) {
            if histogram.sampled() == 0 {
                continue;
            }
            let buckets: Vec<Value> =
                histogram.buckets().iter().map(|bucket| json!([bucket.lower, bucket.upper, bucket.count])).collect();
            latency.push(json!({
                "thread": i, "operation": name, "sampled": histogram.sampled(), "max_ns": histogram.max(), "buckets": buckets,
            }));
        }
    }
    json!(latency)
}

fn measured(request: &Request, result: &RunResult) -> Value {
    let clock = clock::measure_clock();
    let wrong = wrong_answers(result);
    let counters: Map<String, Value> = request.counters.iter().map(|name| (name.clone(), Value::Null)).collect();
    let counters_error = if counters.is_empty() { None } else { Some("the worker in Rust counts no events") };
    json!({
        "protocol": VERSION,
        "status": if wrong.is_none() { "ok" } else { "wrong" },
        "message": wrong,
        "missing": null,
        "clock": {"name": clock::NAME, "cost_ns": clock.cost_ns, "granularity_ns": clock.granularity_ns},
        "think_ns": result.think_ns,
        "threads": threads_of(request, result),
        "memory": {"resident_bytes": result.memory.resident_bytes, "peak_bytes": result.memory.peak_bytes},
        "faults": {"minor": result.usage.minor_faults, "major": result.usage.major_faults},
        "switches": {"voluntary": result.usage.voluntary_switches, "involuntary": result.usage.involuntary_switches},
        "migrations": null,
        "counters": counters,
        "counters_error": counters_error,
        "allocator": allocator_path(),
        "huge_pages": result.huge_pages,
        "latency": latency_of(result),
    })
}

fn run_arm(arms: &[Arm], object: &Map<String, Value>) -> Result<Value, NotRun> {
    let request = parse_request(object)?;
    let entry = workload_of(arms, &request)?;
    let make = match &entry.make {
        Ok(make) => make,
        Err(missing) => {
            let why = format!("{} has no {missing}, which {} needs", request.arm, request.workload);
            return Err(NotRun::Cannot { missing, why });
        }
    };
    let workload = make(&request)?;
    Ok(measured(&request, &run(&request, &*workload)?))
}

fn answer_to(arms: &[Arm], object: &Map<String, Value>) -> Result<Value, NotRun> {
    if object.get("protocol").and_then(Value::as_f64) != Some(VERSION as f64) {
        return Err(refused("protocol", "this worker speaks version 1 only"));
    }
    match object.get("mode").and_then(Value::as_str) {
        Some("describe") => Ok(json!({"protocol": VERSION, "arms": arms.iter().map(describe_arm).collect::<Vec<_>>()})),
        Some("run") => run_arm(arms, object),
        _ => Err(refused("mode", "must be describe or run")),
    }
}

/// Returns the answer to a request, or why it is none.
pub fn answer(arms: &[Arm], request: &str) -> Result<Value, &'static str> {
    let Ok(Value::Object(object)) = serde_json::from_str(request) else {
        return Err("the request on stdin is not one JSON object");
    };
    let (status, message, missing) = match answer_to(arms, &object) {
        Ok(answer) => return Ok(answer),
        Err(NotRun::Refused(message)) => ("refused", message, None),
        Err(NotRun::Cannot { missing, why }) => ("cannot", why, Some(missing)),
    };
    Ok(json!({"protocol": VERSION, "status": status, "message": message, "missing": missing}))
}

#[cfg(test)]
#[path = "protocol_test.rs"]
mod tests;
