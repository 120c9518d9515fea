#!/usr/bin/env bash
# Measures new, value and delete in Rust beside the alternatives.
set -euo pipefail

source "${BASH_SOURCE[0]%/*}/env.sh"
cargo bench --offline --locked --quiet --package haft --bench compare
