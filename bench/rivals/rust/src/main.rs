//! A worker of the contention study with tables in Rust: answers the request on stdin.

mod arm;
mod build;
mod calls;
mod clock;
mod cpus;
mod draws;
mod histogram;
mod key_distribution;
mod pacer;
mod process;
mod protocol;
mod random;
mod request;
mod ring;
mod run;
mod stock;
mod table;
mod tables;
mod tally;
mod think;
mod workload;
mod workloads;

use std::io::{Read, Write, stdin, stdout};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut request = String::new();
    let read = stdin().read_to_string(&mut request).map_err(|error| error.to_string());
    let answer = read.and_then(|_| protocol::answer(&tables::arms(), &request).map_err(str::to_string));
    let written = answer.and_then(|answer| writeln!(stdout(), "{answer}").map_err(|error| error.to_string()));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("worker: {error}");
            ExitCode::from(2)
        }
    }
}
