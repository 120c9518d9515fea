#!/usr/bin/env bash
cd "${BASH_SOURCE[0]%/*}"
. ../common.sh
. ../sorting.sh
needs_command /usr/bin/ruby ruby

test_sorting /usr/bin/ruby -w example.rb
finish
