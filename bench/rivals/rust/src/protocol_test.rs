//! Tests of whole runs, with tables that are right and tables that are wrong.

use std::collections::HashMap;
use std::sync::Mutex;

use super::*;
use crate::arm::plain;
use crate::table::{Key, Table};

/// The ways in which a table can be wrong, and one that is right.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    LosesKeys,
    KeepsDeleted,
    MixesValues,
    DeletesTwice,
    DeletesNothing,
    RepeatsKeys,
}

/// A map with a limit, and with the fault whose number is FAULT.
struct Faulty<const FAULT: usize> {
    live: Mutex<(Key, HashMap<Key, [u64; 1]>)>,
    capacity: usize,
}

const FAULTS: [Fault; 7] = [
    Fault::None,
    Fault::LosesKeys,
    Fault::KeepsDeleted,
    Fault::MixesValues,
    Fault::DeletesTwice,
    Fault::DeletesNothing,
    Fault::RepeatsKeys,
];

impl<const FAULT: usize> Table for Faulty<FAULT> {
    type Value = [u64; 1];
    type Session = ();

    fn with_capacity(capacity: usize) -> Self {
        Faulty { live: Mutex::default(), capacity }
    }
    fn insert(&self, _session: &mut (), value: [u64; 1]) -> Option<Key> {
        let (last, map) = &mut *self.live.lock().unwrap();
        if map.len() == self.capacity {
            return None;
        }
        *last += 1;
        let key = if FAULTS[FAULT] == Fault::RepeatsKeys { *last / 2 } else { *last };
        map.insert(key, value);
        Some(key)
    }
    fn find(&self, key: Key) -> Option<[u64; 1]> {
        let (_, map) = &*self.live.lock().unwrap();
        match FAULTS[FAULT] {
            Fault::LosesKeys if key % 8 == 0 => None,
            Fault::KeepsDeleted if !map.contains_key(&key) => Some([0]),
            Fault::MixesValues => map.get(&(key / 2)).copied(),
            _ => map.get(&key).copied(),
        }
    }
    fn remove(&self, key: Key) -> bool {
        let (_, map) = &mut *self.live.lock().unwrap();
        let was_live = map.remove(&key).is_some();
        match FAULTS[FAULT] {
            Fault::DeletesTwice => true,
            Fault::DeletesNothing => false,
            _ => was_live,
        }
    }
}

fn arms_of<const FAULT: usize>() -> Vec<Arm> {
    vec![Arm {
        name: "test",
        version: "1",
        progress: "blocking",
        max_threads: Some(64),
        max_capacity: Some(1 << 20),
        crates: &[],
        values: vec![plain::<Faulty<FAULT>>()],
    }]
}

fn run_with<const FAULT: usize>(change: impl Fn(&mut Value)) -> Value {
    let mut request = crate::request::tests::object("mixed");
    change(&mut request);
    answer(&arms_of::<FAULT>(), &request.to_string()).unwrap()
}

fn message_of(answer: &Value) -> &str {
    answer["message"].as_str().unwrap_or("")
}

#[test]
fn a_table_that_answers_wrongly_is_wrong() {
    let runs = [
        (run_with::<1>(|_| {}), "a live key was not found"),
        (run_with::<2>(|_| {}), "a deleted key was found"),
        (run_with::<3>(|_| {}), "a key had another's value"),
        (run_with::<4>(|_| {}), "a deleted key was deleted anew"),
        (run_with::<5>(|request| request["workload"] = json!("burst")), "a live key could not be deleted"),
        (run_with::<6>(|request| request["workload"] = json!("find")), "a key was live twice"),
    ];
    for (answer, sentence) in runs {
        assert_eq!(answer["status"], "wrong", "{sentence}");
        assert!(message_of(&answer).contains(sentence), "{answer}");
    }
}

#[test]
fn every_workload_of_a_right_table_is_ok() {
    for entry in &plain::<Faulty<0>>().workloads {
        if entry.make.is_err() {
            continue;
        }
        for threads in [2, 3] {
            if entry.name == "hand-off" && threads == 3 {
                continue;
            }
            let answer = run_with::<0>(|request| {
                request["workload"] = json!(entry.name);
                request["threads"] = json!(threads);
                request["bystanders"] = json!(2);
                request["latency"] = json!(if threads == 3 { 2 } else { 0 });
                if entry.name == "full" {
                    request["capacity"] = json!(64);
                }
            });
            assert_eq!(answer["status"], "ok", "{} of {threads}: {}", entry.name, message_of(&answer));
            assert_eq!(answer["threads"].as_array().unwrap().len(), threads);
        }
    }
}

#[test]
fn a_full_table_fails_and_is_not_done() {
    let answer = run_with::<0>(|request| (request["workload"], request["capacity"]) = (json!("full"), json!(64)));
    let counts = &answer["threads"][0]["operations"]["new"];
    assert_eq!(counts["done"], 0);
    assert!(counts["failed"].as_u64().unwrap() > 0);
}

#[test]
fn growth_ends_when_the_capacity_is_used_up() {
    let answer = run_with::<0>(|request| {
        request["workload"] = json!("grow");
        request["measure_ns"] = json!(60_000_000_000u64); // never, however busy the machine is
    });
    assert_eq!(answer["threads"][0]["operations"], json!({"new": {"done": 2048 - 64, "failed": 0}}));
}

#[test]
fn first_look_ups_end_when_each_thread_has_done_all() {
    let answer = run_with::<0>(|request| {
        request["workload"] = json!("find-first");
        request["threads"] = json!(2);
        request["measure_ns"] = json!(60_000_000_000u64); // never, however busy the machine is
    });
    for thread in answer["threads"].as_array().unwrap() {
        assert_eq!(thread["operations"], json!({"find": {"done": 64, "failed": 0}}));
    }
}

#[test]
fn workloads_that_need_more_are_refused() {
    for (key, value, message) in [
        ("arm", json!("none"), "arm: this worker has no none, but test"),
        ("workload", json!("nothing"), "workload: there is no nothing, but find, find-first, stale, "),
        ("threads", json!(65), "threads: test serves at most 64 threads"),
        ("capacity", json!(1 << 21), "capacity: test has room for at most 1048576 handles"),
        ("capacity", json!(64), "capacity: there are up to 65 handles at a time"),
        ("value_words", json!(3), "value_words: test holds no values of 3 words"),
        ("live", json!(0), "live: each thread needs a live handle"),
        ("workload", json!("hand-off"), "threads: hand-off needs an even number"),
        ("workload", json!("producers-consumers"), "producers: there must be a thread that consumes"),
    ] {
        let answer = run_with::<0>(|request| request[key] = value.clone());
        assert_eq!(answer["status"], "refused", "{answer}");
        assert!(message_of(&answer).starts_with(message), "{answer}");
    }
}

#[test]
fn a_missing_member_is_named() {
    for (workload, missing) in
        [("batch", "NewBatch"), ("pin", "Pin"), ("scope", "Scope"), ("mixed-scope", "Scope"), ("stats", "Stats")]
    {
        let answer = run_with::<0>(|request| request["workload"] = json!(workload));
        assert_eq!((&answer["status"], &answer["missing"]), (&json!("cannot"), &json!(missing)));
    }
}

#[test]
fn a_think_is_measured() {
    let answer = run_with::<0>(|request| request["think"] = json!({"kind": "constant", "ns": 1000}));
    let mean = answer["think_ns"].as_f64().unwrap();
    assert!(mean > 500.0, "{mean}");
}

#[test]
fn what_is_no_request_is_no_answer() {
    let arms = arms_of::<0>();
    for text in ["", "{", "[]", "{} {}"] {
        assert_eq!(answer(&arms, text), Err("the request on stdin is not one JSON object"));
    }
    for (text, message) in [
        ("{}", "protocol: this worker speaks version 1 only"),
        (r#"{"protocol": 2}"#, "protocol: this worker speaks version 1 only"),
        (r#"{"protocol": 1}"#, "mode: must be describe or run"),
        (r#"{"protocol": 1, "mode": "walk"}"#, "mode: must be describe or run"),
    ] {
        assert_eq!(answer(&arms, text).unwrap()["message"], message);
    }
}

#[test]
fn every_table_is_described_with_its_gaps() {
    let described = answer(&crate::tables::arms(), r#"{"protocol": 1, "mode": "describe"}"#).unwrap();
    let arms = described["arms"].as_array().unwrap();
    assert_eq!(arms.len(), 6);
    for arm in arms {
        assert_eq!(arm["workloads"].as_object().unwrap().len(), 24);
        assert_eq!(arm["workloads"]["churn"], Value::Null);
        assert_eq!(arm["workloads"]["batch"], "NewBatch");
        assert_eq!(arm["value_words"], json!([1, 2, 4, 8]));
    }
}
