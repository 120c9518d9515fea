#!/usr/bin/env bash
# Checks the x86-64 code of the hot calls (see check.py) and of the contention study's loops (see check_loops.py), as each compiler
# makes it, that no variable of Haft is initialised at run time by any standard of C++, and that the checks notice seeded bugs.
#   tests/disassembly/run.sh [COMPILER...]
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/../.."

compilers=("$@")
(( ${#compilers[@]} )) || compilers=(g++ clang++-14 clang++-19)
[[ $(uname -m) == x86_64 ]] || { echo "$0: x86-64 only" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# disassemble COMPILER LEVEL LIBRARY
disassemble() {
  command -v "$1" > /dev/null || { echo "$0: no $1; see tools/packages.txt" >&2; exit 1; }
  "$1" -std=c++17 "$2" -DNDEBUG -I"$3" tests/disassembly/calls.cc -o "$work/calls" -pthread
  objdump -d --no-show-raw-insn "$work/calls" > "$work/code"
}

# disassemble_loops COMPILER OPTION...
disassemble_loops() {
  "$1" -std=c++17 -O2 -DNDEBUG "${@:2}" -Ilib -I. -Ibench/worker/include -c tests/disassembly/arm.cc -o "$work/arm.o"
  objdump -dC --no-show-raw-insn "$work/arm.o" > "$work/code"
}

# initialised COMPILER STANDARD LIBRARY: prints what is initialised at run time. A thread's state that were would cost each hot call a
# look whether it is, and a signal handler could interrupt its initialisation.
initialised() {
  "$1" "-std=$2" -O2 -I"$3" -c tests/disassembly/calls.cc -o "$work/calls.o"
  nm "$work/calls.o" | grep -o '_ZT[HW].*' || true
  objdump -h "$work/calls.o" | grep -o '\.init_array' || true
}

# Seeded bugs: what | in which call it must be noticed | header | sed expression
seeded='
no mask|Value|internal/slot/slot_array.h|s/word \* (sizeof(Slot) \/ 2) & mask_/word * (sizeof(Slot) \/ 2)/; s/(word >> 1 & mask_) \* sizeof(Slot)/(word >> 1) * sizeof(Slot)/
a bounds check instead of the mask|Value|internal/slot/slot_array.h|s/if constexpr (kIsShift) {/&\n      if ((word >> 1) >= storage_.size()) word = 0;/; s/word \* (sizeof(Slot) \/ 2) & mask_/word * (sizeof(Slot) \/ 2)/
a mask behind a branch|Value|internal/slot/slot_array.h|s/word \* (sizeof(Slot) \/ 2) & mask_/word * (sizeof(Slot) \/ 2) \& (word \& 1 ? mask_ : ~Word{0})/
a locked look at the slot|Value|internal/slot/word_slot.h|s/if (state_.load(std::memory_order_acquire) != handle) return std::nullopt;/if (const_cast<sync::Atomic<Word>\&>(state_).fetch_add(2) != handle) return std::nullopt;/
a locked look at a compact slot|ValueCompact|internal/slot/compact_slot.h|s/const Word word = word_.load(std::memory_order_acquire);/const Word word = const_cast<sync::Atomic<Word>\&>(word_).fetch_add(2);/
no mask in a compact table|ValueCompact|internal/slot/slot_array.h|s/word \* (sizeof(Slot) \/ 2) & mask_/word * (sizeof(Slot) \/ 2)/
two compare-and-swaps in Delete of a compact table|DeleteCompact|internal/slot/compact_slot.h|s/    if (__builtin_expect(!IsOf(word, handle), 0)) return 0;/&\n    word_.compare_exchange_strong(word, word);/
a locked count in New|New|internal/thread/thread_caches.h|s/if (n != 0) AddTicks(n);/&\n      entry_->idle_ticks.fetch_add(1);/
a value put together in memory|Value53|internal/slot/word_slot.h|s/    const Words words = Load(std::memory_order_acquire);/&\n    asm volatile("movups %0, %%xmm0" : : "m"(words) : "xmm0");/
a pin put together in memory|PinThroughC|internal/process/any_table.h|s/const PinWords words = pinned.Detach();/&\n  asm volatile("movups %0, %%xmm0" : : "m"(words) : "xmm0");/
two compare-and-swaps in Delete|Delete|internal/slot/word_slot.h|s/bool End(Word handle, Word end) noexcept {/&\n    Word same = handle;\n    state_.compare_exchange_strong(same, handle);/
'

status=0
for compiler in "${compilers[@]}"; do
  for level in -O2 -O3; do
    disassemble "$compiler" "$level" lib
    if problems=$(python3 tests/disassembly/check.py < "$work/code"); then
      echo "ok      $compiler $level"
    else
      echo "FAILED  $compiler $level"
      echo "$problems"
      status=1
    fi
  done
  while IFS='|' read -r what where header edit; do
    [[ -n $what ]] || continue
    rm -rf "${work:?}/lib"
    mkdir "$work/lib"
    cp -r lib/haft "$work/lib/haft"
    sed -i "$edit" "$work/lib/haft/$header"
    if cmp -s "lib/haft/$header" "$work/lib/haft/$header"; then
      echo "$0: cannot seed \"$what\" any more" >&2
      exit 1
    fi
    disassemble "$compiler" -O2 "$work/lib"
    if ! python3 tests/disassembly/check.py < "$work/code" > "$work/found" && grep -m 1 "^$where: " "$work/found" > "$work/line"; then
      echo "found   $compiler: $what ($(cat "$work/line"))"
    else
      echo "MISSED  $compiler: $what"
      status=1
    fi
  done <<< "$seeded"

  for standard in c++17 c++20 c++2b; do
    if found=$(initialised "$compiler" "$standard" lib) && [[ -z $found ]]; then
      echo "ok      $compiler $standard: nothing is initialised at run time"
    else
      echo "FAILED  $compiler $standard: initialised at run time: $found"
      status=1
    fi
  done
  rm -rf "${work:?}/lib"
  mkdir "$work/lib"
  cp -r lib/haft "$work/lib/haft"
  sed -i 's/void\* registry = nullptr;/void* registry;/' "$work/lib/haft/internal/base/system_sync.h"
  if found=$(initialised "$compiler" c++20 "$work/lib") && [[ -n $found ]]; then
    echo "found   $compiler: a state of threads that is not constant ($(head -n 1 <<< "$found"))"
  else
    echo "MISSED  $compiler: a state of threads that is not constant"
    status=1
  fi

  disassemble_loops "$compiler"
  if problems=$(python3 tests/disassembly/check_loops.py < "$work/code"); then
    echo "ok      $compiler: the study's loops"
  else
    echo "FAILED  $compiler: the study's loops"
    echo "$problems"
    status=1
  fi
  for bug in FUNCTION VIRTUAL; do
    disassemble_loops "$compiler" "-DHAFT_SEEDED_$bug"
    if ! python3 tests/disassembly/check_loops.py < "$work/code" > "$work/found" && grep -m 1 'LookUps' "$work/found" > "$work/line"; then
      echo "found   $compiler: a study's loop with HAFT_SEEDED_$bug ($(cat "$work/line"))"
    else
      echo "MISSED  $compiler: a study's loop with HAFT_SEEDED_$bug"
      status=1
    fi
  done
done
exit "$status"
