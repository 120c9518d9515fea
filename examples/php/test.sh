#!/usr/bin/env bash
cd "${BASH_SOURCE[0]%/*}"
. ../common.sh
. ../sorting.sh
needs_command php php-cli

# A web server allows FFI in preloaded files only.
test_sorting php -d ffi.enable=1 -d error_reporting=-1 -d display_errors=1 example.php
finish
