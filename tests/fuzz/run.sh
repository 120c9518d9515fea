#!/usr/bin/env bash
# Fuzzes with libFuzzer, from the corpus in the tree.
#   tests/fuzz/run.sh [SECONDS]         each target for so long (default 20): findings fail, and are kept in the working folder
#   tests/fuzz/run.sh --merge           adds what the last runs have found new to the corpus, minimised
#   tests/fuzz/run.sh --seeded [SECONDS]  that it finds seeded bugs: fails when one is not found in so long (default 60)
# The working folder is $HAFT_FUZZ_DIR, else a temporary one.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/../.."

clang=${CLANG:-clang++-14}
command -v "$clang" > /dev/null || { echo "$0: no $clang; see tools/packages.txt" >&2; exit 1; }
work=${HAFT_FUZZ_DIR:-}
if [[ -z $work ]]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
fi
mkdir -p "$work"
targets=(handle_table object_table haft)

# build TARGET OUT LIBRARY
build() {
  local sources=("tests/fuzz/$1_fuzz.cc")
  [[ $1 != haft ]] || sources+=("$3"/haft/internal/{process,diagnostics}/*.cc)
  "$clang" -std=c++17 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -I"$3" -I. \
    "${sources[@]}" -o "$2" -pthread
}

# fuzz TARGET PROGRAM SECONDS: new inputs to $work/TARGET.new
fuzz() {
  mkdir -p "$work/$1.new"
  "$2" -max_total_time="$3" -max_len=800 -len_control=30 -timeout=20 -artifact_prefix="$work/$1." \
    "$work/$1.new" "tests/fuzz/corpus/$1" > "$work/$1.log" 2>&1
}

# Seeded bugs: TARGET | what | file in lib/haft | sed expression
seeded='
handle_table|Delete does not look at the generation|internal/slot/word_slot.h|s/bool End(Word handle, Word end) noexcept {/&\n    if (((state() ^ handle) \& 0x7f) == 0) handle = state();/
handle_table|a free slot keeps the word of its next handle|internal/slot/slot_state.h|s/return Flip(next, kFreeMark);/return next;/
handle_table|a last generation goes on with the first|internal/table/slot_allocator.h|s/return kStartsOver ? State::Wrapped(handle) : 0;/return State::Wrapped(handle);/
object_table|an unpin destroys nothing|hazard_reclamation.h|s/return slot.IsRetired(handle) ? handle : 0;/return 0;/
object_table|Delete does not look for pins|internal/table/object_store.h|s/if (__builtin_expect(!uses, 1)) return Destroy(word);/if (!uses.scoped) return Destroy(word);/
haft|haft_delete does not look at the type|internal/process/any_table.h|s/if (type == nullptr) return Status::kOk;/return Status::kOk;/
haft|identities are compared by address|internal/process/any_table.h|s/std::strcmp(wanted->identity, actual->identity) == 0/wanted->identity == actual->identity/
haft|an escaped handle gets lost|internal/process/c_scope.cc|s/if (outer != nullptr && !outer->handles.Append(handle))/if (false)/
haft|a batch stops at a handle that is refused|internal/process/c_delete.cc|s/deleted += status == HAFT_OK;/&\n    if (status != HAFT_OK) break;/
haft|a pin is zeroed when its object is gone|internal/process/c_api.cc|s/^  \*pin = {};//; s/^  internal::AnyTable::Pinned::Attach(words).Unpin();/&\n  *pin = {};/
haft|interned again is not counted|internal/process/intern_table.h|s/++entry->count;//
haft|a taken object is destroyed|internal/process/any_table.h|s/taken->object = object.Release();/taken->object = object.object();/
haft|an interned object is taken as the map keeps it|internal/process/any_table.h|s/AnyObject object = unwrap(/AnyObject object = (/
haft|a walk does not end|internal/process/c_table.cc|s/return result != 0;/return false;/
haft|a scope that is being closed ignores new handles|internal/process/c_scope.cc|s/while (!scope->handles.empty()) {/for (auto n = scope->handles.end() - scope->handles.begin(); n > 0; --n) {/
haft|a loan forgets a handle that it has ended|internal/process/loan.h|s/WriteCount(loan.ended_count, count - 1);/WriteCount(loan.ended_count, count == 1 ? 0 : count - 2);/
haft|the handles in loans count as created|internal/process/c_table.cc|s/figures.created - std::min(figures.created, lent.ready)/figures.created/
haft|an inlined look-up does not look at the type|view.h|s/(type == NULL || type == actual)/(actual != NULL)/
object_table|what was not constructed keeps its slot|internal/table/object_store.h|s/if (word != 0) table->Return(word);/(void)table;/
'

# Calls f TARGET WHAT FOLDER for each seeded bug, which is in the copy of the library in that folder.
with_each_seeded() {
  local f=$1 target what header edit copy=$work/seeded
  while IFS='|' read -r target what header edit; do
    [[ -n $target ]] || continue
    rm -rf "$copy"
    mkdir -p "$copy"
    cp -r lib/haft "$copy/haft"
    sed -i "$edit" "$copy/haft/$header"
    if cmp -s "lib/haft/$header" "$copy/haft/$header"; then
      echo "$0: cannot seed \"$what\" into $header any more" >&2
      exit 1
    fi
    "$f" "$target" "$what" "$copy"
  done <<< "$seeded"
}

try_seeded() {
  local seconds=$1 found=0 missed=0
  try_one() {
    local target=$1 what=$2 copy=$3
    build "$target" "$copy/fuzz" "$copy"
    if fuzz "$target" "$copy/fuzz" "$seconds"; then
      echo "MISSED  $target: $what"
      missed=$((missed + 1))
    else
      echo "found   $target: $what ($(grep -m1 -oE 'fuzz: .*|ERROR: [A-Za-z]+: [a-zA-Z-]+|runtime error: .*|haft: .*' "$work/$target.log" || echo crash))"
      found=$((found + 1))
    fi
    rm -rf "$work/$target.new"
  }
  with_each_seeded try_one
  echo "$found of $((found + missed)) seeded bugs found"
  (( missed == 0 ))
}

case ${1:-} in
  --seeded)
    try_seeded "${2:-60}"
    ;;
  --merge)
    for target in "${targets[@]}"; do
      build "$target" "$work/$target" lib
      mkdir -p "tests/fuzz/corpus/$target"
      rm -rf "$work/merged"
      mkdir "$work/merged"
      "$work/$target" -merge=1 -set_cover_merge=1 -use_counters=0 -max_len=400 "$work/merged" "tests/fuzz/corpus/$target" "$work/$target.new" > "$work/merge.log" 2>&1
      rm -rf "tests/fuzz/corpus/$target"
      cp -r "$work/merged" "tests/fuzz/corpus/$target"
      echo "$target: $(find "tests/fuzz/corpus/$target" -type f | wc -l) inputs"
    done
    ;;
  *)
    with_each_seeded :  # they can still be seeded
    status=0
    for target in "${targets[@]}"; do
      build "$target" "$work/$target" lib
      if fuzz "$target" "$work/$target" "${1:-20}"; then
        echo "$target: $(grep -E '^#[0-9]+.*DONE' "$work/$target.log" | grep -oE 'cov: [0-9]+ ft: [0-9]+'), $(grep -E '^Done' "$work/$target.log")"
      else
        status=1
        grep -E 'fuzz:|ERROR|SUMMARY|runtime error|haft:' "$work/$target.log" | head -n 5 || true
        tail -n 5 "$work/$target.log"
      fi
    done
    exit "$status"
    ;;
esac
