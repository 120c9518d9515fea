#!/usr/bin/env bash
# Measures new, value and delete in Java beside the alternatives.
set -euo pipefail

source "${BASH_SOURCE[0]%/*}/env.sh"
java Compare
