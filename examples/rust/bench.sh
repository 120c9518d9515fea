#!/usr/bin/env bash
# New, value and delete in Rust beside its peers.
set -euo pipefail

source "${BASH_SOURCE[0]%/*}/env.sh"
cargo bench --offline --locked --quiet --package haft --bench compare
