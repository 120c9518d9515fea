#!/usr/bin/env bash
# New, value and delete in Java beside its peers.
set -euo pipefail

source "${BASH_SOURCE[0]%/*}/env.sh"
java Compare
