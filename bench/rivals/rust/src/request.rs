//! A request to run one arm once, and how it is read. docs/study_protocol.md explains each key.

use serde_json::{Map, Value};

use crate::cpus::allowed_cpus;
use crate::draws::MAX_CELLS;

/// How often each of the keys is drawn.
pub enum Skew {
    Uniform,
    Zipf { s: f64 },
    Hot { keys: usize, percent: f64 },
}

/// Shares of the operations in percent. There are as many Deletes as News, and `updates` of each.
pub struct Mix {
    pub find: f64,
    pub updates: f64,
    pub stale: f64,
}

pub enum Think {
    None,
    Constant { ns: f64 },
    Exponential { ns: f64 },
}

pub struct Request {
    pub arm: String,
    pub workload: String,
    pub threads: usize,
    /// None: not pinned.
    pub cpus: Option<Vec<Vec<usize>>>,
    pub seed: u64,
    pub warm_up_ns: i64,
    pub measure_ns: i64,
    pub live: usize,
    pub capacity: usize,
    pub skew: Skew,
    pub mix: Mix,
    pub think: Think,
    pub value_words: u64,
    pub touch: bool,
    pub burst: usize,
    pub hold: usize,
    /// Arrivals a second and thread; 0: closed.
    pub rate: f64,
    /// One of so many operations is timed; 0: none.
    pub latency: u64,
    pub counters: Vec<String>,
    pub huge_pages: bool,
    pub lifetime: usize,
    pub bystanders: usize,
    pub producers: usize,
}

impl Request {
    /// Whether an operation follows the last one at once, and none is timed.
    pub fn is_plain(&self) -> bool {
        self.latency == 0 && self.rate == 0.0 && matches!(self.think, Think::None)
    }
}

/// Why a request is not run.
#[derive(Debug)]
pub enum NotRun {
    /// Because of the key with which the sentence begins.
    Refused(String),
    /// The arm lacks a member that the workload needs.
    Cannot { missing: &'static str, why: String },
}

pub fn refused(key: &str, why: impl AsRef<str>) -> NotRun {
    NotRun::Refused(format!("{key}: {}", why.as_ref()))
}

const MAX_THREADS: u64 = 65535;
const MAX_TIME_NS: u64 = 86_400_000_000_000; // a day
const MAX_COUNT: u64 = 1 << 32;

/// The events that the study knows, none of which this worker counts.
const EVENTS: [&str; 21] = [
    "cycles",
    "cpu-cycles",
    "instructions",
    "cache-references",
    "cache-misses",
    "branches",
    "branch-instructions",
    "branch-misses",
    "bus-cycles",
    "ref-cycles",
    "stalled-cycles-frontend",
    "stalled-cycles-backend",
    "cpu-clock",
    "task-clock",
    "page-faults",
    "minor-faults",
    "major-faults",
    "context-switches",
    "cpu-migrations",
    "alignment-faults",
    "emulation-faults",
];

/// An object whose keys are all known, and all read.
struct Reader<'j> {
    object: &'j Map<String, Value>,
    /// That of the object, for messages.
    path: String,
    read: Vec<&'static str>,
}

impl<'j> Reader<'j> {
    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_string() } else { format!("{}.{key}", self.path) }
    }

    fn fail<R>(&self, key: &str, why: impl AsRef<str>) -> Result<R, NotRun> {
        Err(refused(&self.path_of(key), why))
    }

    fn at(&mut self, key: &'static str) -> Result<&'j Value, NotRun> {
        self.read.push(key);
        match self.object.get(key) {
            Some(value) => Ok(value),
            None => self.fail(key, "is missing"),
        }
    }

    fn integer(&mut self, key: &'static str, least: u64, most: u64) -> Result<u64, NotRun> {
        match self.at(key)?.as_u64() {
            Some(value) if (least..=most).contains(&value) => Ok(value),
            _ => self.fail(key, format!("must be an integer from {least} to {most}")),
        }
    }

    fn count(&mut self, key: &'static str, least: u64, most: u64) -> Result<usize, NotRun> {
        Ok(self.integer(key, least, most)? as usize)
    }

    fn number(&mut self, key: &'static str, least: f64, most: f64) -> Result<f64, NotRun> {
        match self.at(key)?.as_f64() {
            Some(value) if (least..=most).contains(&value) => Ok(value),
            _ => self.fail(key, format!("must be a number from {least} to {most}")),
        }
    }

    fn bool(&mut self, key: &'static str) -> Result<bool, NotRun> {
        match self.at(key)?.as_bool() {
            Some(value) => Ok(value),
            None => self.fail(key, "must be true or false"),
        }
    }

    fn string(&mut self, key: &'static str) -> Result<&'j str, NotRun> {
        match self.at(key)?.as_str() {
            Some(value) => Ok(value),
            None => self.fail(key, "must be a string"),
        }
    }

    fn object(&mut self, key: &'static str) -> Result<Reader<'j>, NotRun> {
        match self.at(key)?.as_object() {
            Some(object) => Ok(Reader { object, path: self.path_of(key), read: vec![] }),
            None => self.fail(key, "must be an object"),
        }
    }

    /// Called when everything has been read.
    fn refuse_others(self) -> Result<(), NotRun> {
        match self.object.keys().find(|key| !self.read.contains(&key.as_str())) {
            Some(key) => self.fail(key, "is unknown"),
            None => Ok(()),
        }
    }
}

fn parse_skew(mut reader: Reader, live: usize) -> Result<Skew, NotRun> {
    let skew = match reader.string("kind")? {
        "uniform" => Skew::Uniform,
        "zipf" => Skew::Zipf { s: reader.number("s", 0.0, 10.0)? },
        "hot" => Skew::Hot { keys: reader.count("keys", 1, live.max(1) as u64)?, percent: reader.number("percent", 0.0, 100.0)? },
        _ => return reader.fail("kind", "must be uniform, zipf or hot"),
    };
    reader.refuse_others()?;
    Ok(skew)
}

fn parse_mix(mut reader: Reader) -> Result<Mix, NotRun> {
    const TOLERANCE: f64 = 1e-6;
    let mut share = |key| reader.number(key, 0.0, 100.0);
    let mix = Mix { find: share("find")?, updates: share("new")?, stale: share("stale")? };
    if share("delete")? != mix.updates {
        return reader.fail("delete", "must be the same as mix.new");
    }
    if (mix.find + 2.0 * mix.updates + mix.stale - 100.0).abs() > TOLERANCE {
        return Err(refused("mix", "the percentages must sum to 100"));
    }
    reader.refuse_others()?;
    Ok(mix)
}

fn parse_think(mut reader: Reader) -> Result<Think, NotRun> {
    let ns = |reader: &mut Reader| reader.number("ns", 0.0, 1e9);
    let think = match reader.string("kind")? {
        "none" => Think::None,
        "constant" => Think::Constant { ns: ns(&mut reader)? },
        "exponential" => Think::Exponential { ns: ns(&mut reader)? },
        _ => return reader.fail("kind", "must be none, constant or exponential"),
    };
    reader.refuse_others()?;
    Ok(think)
}

/// Returns 0 for a closed loop.
fn parse_arrival(mut reader: Reader) -> Result<f64, NotRun> {
    let rate = match reader.string("kind")? {
        "closed" => 0.0,
        "open" => reader.number("rate", 1e-3, 1e9)?,
        _ => return reader.fail("kind", "must be closed or open"),
    };
    reader.refuse_others()?;
    Ok(rate)
}

fn parse_cpus(value: &Value, threads: usize) -> Result<Option<Vec<Vec<usize>>>, NotRun> {
    if value.is_null() {
        return Ok(None);
    }
    let lists = match value.as_array() {
        Some(lists) if lists.len() == threads => lists,
        _ => return Err(refused("cpus", "must be null or a list for each thread")),
    };
    let allowed = allowed_cpus();
    let cpu_of = |value: &Value| {
        let Some(cpu) = value.as_i64() else { return Err(refused("cpus", "a CPU must be an integer")) };
        match allowed.iter().find(|one| **one as i64 == cpu) {
            Some(cpu) => Ok(*cpu),
            None => Err(refused("cpus", format!("CPU {cpu} is not there, or this process may not use it"))),
        }
    };
    let cpus = lists.iter().map(|list| match list.as_array() {
        Some(list) if !list.is_empty() => list.iter().map(cpu_of).collect(),
        _ => Err(refused("cpus", "the list of each thread must name a CPU")),
    });
    Ok(Some(cpus.collect::<Result<_, NotRun>>()?))
}

fn parse_counters(value: &Value) -> Result<Vec<String>, NotRun> {
    let Some(names) = value.as_array() else { return Err(refused("counters", "must be a list of names")) };
    let known = |name: &Value| match name.as_str() {
        Some(text) if EVENTS.contains(&text) => Ok(text.to_string()),
        _ => Err(refused("counters", format!("{name} is no event. There are {}", EVENTS.join(", ")))),
    };
    names.iter().map(known).collect()
}

/// Returns the request that an object describes.
pub fn parse_request(object: &Map<String, Value>) -> Result<Request, NotRun> {
    let mut reader = Reader { object, path: String::new(), read: vec![] };
    reader.at("protocol")?;
    reader.at("mode")?;
    let arm = reader.string("arm")?.to_string();
    let workload = reader.string("workload")?.to_string();
    let threads = reader.count("threads", 1, MAX_THREADS)?;
    let cpus = parse_cpus(reader.at("cpus")?, threads)?;
    let seed = reader.integer("seed", 0, u64::MAX)?;
    let warm_up_ns = reader.integer("warm_up_ns", 0, MAX_TIME_NS)? as i64;
    let measure_ns = reader.integer("measure_ns", 1, MAX_TIME_NS)? as i64;
    let live = reader.count("live", 0, MAX_CELLS)?;
    let capacity = reader.count("capacity", 1, MAX_COUNT)?;
    if live > capacity {
        return Err(refused("live", "must not be more than the capacity"));
    }
    let skew = parse_skew(reader.object("skew")?, live)?;
    let mix = parse_mix(reader.object("mix")?)?;
    let think = parse_think(reader.object("think")?)?;
    let value_words = reader.integer("value_words", 1, 8)?;
    let touch = reader.bool("touch")?;
    reader.integer("batch", 1, MAX_COUNT)?; // no table here has batches
    let burst = reader.count("burst", 1, MAX_COUNT)?;
    let hold = reader.count("hold", 1, MAX_COUNT)?;
    let rate = parse_arrival(reader.object("arrival")?)?;
    let latency = reader.integer("latency", 0, MAX_COUNT / 2)?;
    let counters = parse_counters(reader.at("counters")?)?;
    let huge_pages = reader.bool("huge_pages")?;
    let lifetime = reader.count("lifetime", 1, MAX_COUNT)?;
    let bystanders = reader.count("bystanders", 0, MAX_THREADS)?;
    let producers = reader.count("producers", 1, MAX_THREADS)?;
    reader.refuse_others()?;
    Ok(Request {
        arm,
        workload,
        threads,
        cpus,
        seed,
        warm_up_ns,
        measure_ns,
        live,
        capacity,
        skew,
        mix,
        think,
        value_words,
        touch,
        burst,
        hold,
        rate,
        latency,
        counters,
        huge_pages,
        lifetime,
        bystanders,
        producers,
    })
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use serde_json::json;

    /// Returns a request that takes some milliseconds.
    pub fn object(workload: &str) -> Value {
        json!({
            "protocol": 1, "mode": "run", "arm": "test", "workload": workload, "threads": 1, "cpus": null, "seed": 37033,
            "warm_up_ns": 1_000_000, "measure_ns": 3_000_000, "live": 64, "capacity": 2048, "skew": {"kind": "uniform"},
            "mix": {"find": 80, "new": 5, "delete": 5, "stale": 10}, "think": {"kind": "none"}, "value_words": 1,
            "touch": false, "batch": 4, "burst": 8, "hold": 4, "arrival": {"kind": "closed"}, "latency": 0, "counters": [],
            "huge_pages": false, "lifetime": 10, "bystanders": 0, "producers": 1
        })
    }

    impl Request {
        pub fn for_test(workload: &str) -> Request {
            parse_request(object(workload).as_object().unwrap()).unwrap()
        }
    }

    fn refusal(change: impl Fn(&mut Value)) -> String {
        let mut request = object("churn");
        change(&mut request);
        match parse_request(request.as_object().unwrap()) {
            Err(NotRun::Refused(message)) => message,
            Err(other) => panic!("{other:?}"),
            Ok(_) => panic!("{request} is not refused"),
        }
    }

    #[test]
    fn every_key_must_be_there_and_no_other() {
        for key in object("churn").as_object().unwrap().keys() {
            let message = refusal(|request| drop(request.as_object_mut().unwrap().shift_remove(key)));
            assert_eq!(message, format!("{key}: is missing"));
        }
        assert_eq!(refusal(|request| request["more"] = json!(1)), "more: is unknown");
        assert_eq!(refusal(|request| request["skew"]["s"] = json!(1)), "skew.s: is unknown");
        assert_eq!(refusal(|request| request["arrival"] = json!({"kind": "open"})), "arrival.rate: is missing");
    }

    #[test]
    fn a_bad_value_is_refused_by_its_key() {
        for (key, value, message) in [
            ("threads", json!(0), "threads: must be an integer from 1 to 65535"),
            ("threads", json!(1.5), "threads: must be an integer from 1 to 65535"),
            ("seed", json!(-1), "seed: must be an integer from 0 to 18446744073709551615"),
            ("live", json!(2049), "live: must not be more than the capacity"),
            ("touch", json!(1), "touch: must be true or false"),
            ("arm", json!(1), "arm: must be a string"),
            ("mix", json!([]), "mix: must be an object"),
            ("mix", json!({"find": 90, "new": 5, "delete": 4, "stale": 1}), "mix.delete: must be the same as mix.new"),
            ("mix", json!({"find": 90, "new": 4, "delete": 4, "stale": 1}), "mix: the percentages must sum to 100"),
            ("skew", json!({"kind": "zipf", "s": 11}), "skew.s: must be a number from 0 to 10"),
            ("skew", json!({"kind": "hot", "keys": 65, "percent": 1}), "skew.keys: must be an integer from 1 to 64"),
            ("skew", json!({"kind": "cold"}), "skew.kind: must be uniform, zipf or hot"),
            ("think", json!({"kind": "hard"}), "think.kind: must be none, constant or exponential"),
            ("arrival", json!({"kind": "ajar"}), "arrival.kind: must be closed or open"),
            ("cpus", json!([[0], [1]]), "cpus: must be null or a list for each thread"),
            ("cpus", json!([[]]), "cpus: the list of each thread must name a CPU"),
            ("cpus", json!([["0"]]), "cpus: a CPU must be an integer"),
            ("cpus", json!([[100_000]]), "cpus: CPU 100000 is not there, or this process may not use it"),
            ("counters", json!("cycles"), "counters: must be a list of names"),
        ] {
            assert_eq!(refusal(|request| request[key] = value.clone()), message);
        }
        let message = refusal(|request| request["counters"] = json!(["bicycles"]));
        assert!(message.starts_with("counters: \"bicycles\" is no event. There are cycles, "), "{message}");
    }

    #[test]
    fn extreme_values_are_read() {
        let mut extreme = object("churn");
        extreme["seed"] = json!(u64::MAX);
        extreme["capacity"] = json!(1u64 << 32);
        extreme["skew"] = json!({"kind": "zipf", "s": 0.5});
        extreme["arrival"] = json!({"kind": "open", "rate": 1e6});
        let request = parse_request(extreme.as_object().unwrap()).unwrap();
        assert_eq!((request.seed, request.capacity, request.rate), (u64::MAX, 1 << 32, 1e6));
        assert!(!request.is_plain() && matches!(request.skew, Skew::Zipf { s: 0.5 }));
        assert!(Request::for_test("churn").is_plain());
    }
}
