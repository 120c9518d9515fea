#!/usr/bin/env bash
# Builds the package as README.md says, installs it into a clean environment, and tests it there: with the extension and through
# ctypes, with each version of Python that is found, under sanitizers, and with the look-ups of free-threaded builds. Then come
# types, style and documents. Core tests need no network; those that need programs from PyPI are skipped if it does not answer.
cd "${BASH_SOURCE[0]%/*}"
. ../../examples/common.sh
"$haft/tools/packages.sh" bindings_python || exit 77
python=/usr/bin/python3
here=$PWD
export PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
unset HAFT_LIBRARY HAFT_PYTHON HAFT_LINK HAFT_PURE HAFT_DIAGNOSE PYTHONPATH

skip() { echo "--  $1"; }

# --- What the tests use ---

export EMITTER=$out/emitter.so ACCOUNTS=$out/accounts.so EMBEDDING=$out/embedding OTHER_VERSION=$out/other/libhaft.so.0
accounts_raw=$out/accounts_raw.so
cxx17=(g++ -std=c++17 -fPIC -shared "${warnings[@]}")
c99 -O2 -fPIC -shared examples/emitter.c -o "$EMITTER"
"${cxx17[@]}" -O2 examples/accounts.cc -o "$ACCOUNTS" "${with_haft[@]}"
"${cxx17[@]}" "${sanitized[@]}" examples/accounts_raw.cc -o "$accounts_raw" -I "$haft/lib"
"${cxx17[@]}" -O2 -I "$haft/lib" -I "$haft/examples/widget" "$haft/examples/widget/widget.cc" -o "$out/libwidget.so" \
  "-L$library" "-Wl,-rpath,$library" -lhaft -pthread
export WIDGET=$out/libwidget.so
read -ra embed <<< "$("$python-config" --includes --ldflags --embed | tr '\n' ' ')"
cc "${warnings[@]}" tests/embedding.c -o "$EMBEDDING" "${embed[@]}"

# A library that has all functions and another version.
mkdir "$out/other"
{
  nm -D --defined-only "$library/libhaft.so.0" | sed -n 's/.* T \(haft_[a-z_]*\)@.*/\1/p' | grep -vx haft_version |
    sed 's/.*/void &(void) {}/'
  echo 'int haft_version(void) { return 20304; }'
} > "$out/other/other.c"
cc -shared -fPIC -Wl,-soname,libhaft.so.0 "-Wl,--version-script=$haft/lib/haft/internal/process/haft.lds" "$out/other/other.c" \
  -o "$OTHER_VERSION"

# A library that knows no view of the ABI that it is asked for.
echo 'int haft_table_view(void *a, unsigned b, void *c) { (void)a, (void)b, (void)c; return 10; }' > "$out/no_view.c"
cc -shared -fPIC "$out/no_view.c" -o "$out/no_view.so"

# suite NAME VARIABLE=VALUE... -- COMMAND...: runs a test program, and adds its tests to the count.
suite() {
  local name=$1 status=0 settings=() count
  shift
  while [[ $1 != -- ]]; do
    settings+=("$1")
    shift
  done
  shift
  timeout 300 env "${settings[@]}" "$@" > "$out/log" 2>&1 || status=$?
  count=$(sed -n 's/^Ran \([0-9]*\) tests\{0,1\} in .*/\1/p' "$out/log" | tail -n 1)
  # Errors in callbacks and finalizers have nobody who could catch them.
  if (( status )) || [[ -z $count || $count == 0 ]] || grep -q 'Exception ignored' "$out/log"; then
    note FAILED "$name"
  else
    note ok "$name: $count tests$(sed -n 's/^OK (skipped=\(.*\))$/, \1 of them skipped/p' "$out/log")"
    passed=$((passed + count - 1))
  fi
}
core_tests=(-X dev -W error -m unittest discover -s "$here/tests" -t "$here/tests" -p 'test_[fht]*.py')
all_tests=(-X dev -W error -m unittest discover -s "$here/tests" -t "$here/tests")

# --- The package, as README.md says ---

# The tree is copied, because a build leaves files in it. The library is compiled here, as for everybody.
mkdir -p "$out/clean/bindings"
cp -r "$here" "$out/clean/bindings/python"
cp -r "$haft/lib" "$haft/LICENSE" "$out/clean"
rm -rf "$out"/clean/bindings/python/{build,dist,env,src/haft.egg-info}
# shellcheck disable=SC2016  # these are backquotes
sed -n '/^```sh$/,/^```$/{/^```/!p}' README.md > "$out/readme.sh"
first_handle() {
  grep -q 'pip wheel' "$out/readme.sh" &&
    (cd "$out/clean" && env -u HAFT_LIBRARY_DIR "PATH=/usr/bin:$PATH" bash -euo pipefail "$out/readme.sh") &&
    grep -qE '^0x[0-9a-f]+ hello$' "$out/log"
}
proves 'the lines of README.md lead from a checkout to a first handle' first_handle
built=$out/clean/bindings/python
env=$built/env
wheel=$(echo "$built"/dist/haft-*.whl)
[[ -x $env/bin/python && -f $wheel ]] || finish
what_is_inside() {
  "$python" -m zipfile -l "$wheel" | awk '/^haft/ { print $1 }' | sort > "$out/list" && cat "$out/list" &&
    diff - "$out/list" << 'LIST'
haft-0.1.0.dist-info/LICENSE
haft-0.1.0.dist-info/METADATA
haft-0.1.0.dist-info/RECORD
haft-0.1.0.dist-info/WHEEL
haft-0.1.0.dist-info/top_level.txt
haft/__init__.py
haft/_errors.py
haft/_extension.abi3.so
haft/_extension.pyi
haft/_fallback.py
haft/_shared.py
haft/_version.py
haft/aio.py
haft/libhaft.so.0
haft/py.typed
LIST
}
proves 'the wheel has what it should, and nothing else' what_is_inside
holds 'the session in README.md' "$env/bin/python" -W error -m doctest -o IGNORE_EXCEPTION_DETAIL README.md
no_own_table() { # libhaft is shared, so the extension has none of its code
  [[ $wheel == *-cp39-abi3-manylinux_2_*_"$(uname -m)".whl ]] &&
    objdump -p "$env"/lib/python3*/site-packages/haft/_extension.abi3.so | grep -q 'NEEDED *libhaft.so.0' &&
    ! nm -D --defined-only "$env"/lib/python3*/site-packages/haft/_extension.abi3.so | grep ' haft_'
}
proves 'the extension links to libhaft.so.0, for all versions of Python from 3.9 on' no_own_table

source_distribution() (
  local folder=$out/sdist
  mkdir "$folder"
  (cd "$built" && "$python" -c 'import setuptools.build_meta as b, sys; b.build_sdist(sys.argv[1])' "$folder") &&
    tar -xf "$folder"/haft-*.tar.gz -C "$folder" && cd "$folder"/haft-*/ || exit 1
  diff <(cd "$haft/lib" && find . -type f | sort) <(cd lib && find . -type f | sort) || exit 1
  # It is complete: a wheel can be made of it. This one brings no library and uses the system's.
  HAFT_LINK=system HAFT_LIBRARY_DIR=$library "$python" -m pip wheel -q --no-deps --no-build-isolation -w "$folder" . &&
    mkdir "$folder/site" && "$python" -m zipfile -e "$folder"/haft-*.whl "$folder/site" && [[ ! -e $folder/site/haft/libhaft.so.0 ]] &&
    cd "$folder/site" || exit 1
  # shellcheck disable=SC2251  # the last command decides
  ! HAFT_PYTHON=extension "$python" -c 'import haft' 2> "$folder/error" && grep 'libhaft.so.0' "$folder/error" &&
    LD_LIBRARY_PATH=$library HAFT_PYTHON=extension "$python" -c 'import haft; print(haft.value(haft.new(5)))' | grep -x 5
)
proves 'the sdist is complete; HAFT_LINK=system uses the library of the system' source_distribution

without_extension() (
  local folder=$out/clean/bindings/pure
  cp -r "$built" "$folder" && rm -rf "$folder"/{build,dist,env} && cd "$folder" &&
    HAFT_PURE=1 "$python" -m pip wheel -q --no-deps --no-build-isolation -w dist . && ls dist &&
    "$python" -m zipfile -e dist/haft-0.1.0-py3-none-any.whl site && cd site && ! find . -name '*.so*' | grep . || exit 1
  LD_LIBRARY_PATH=$library "$python" -c 'import haft; print(haft.implementation, haft.value(haft.new(5)))' 2> error | grep -x 'ctypes 5' &&
    grep 'FallbackWarning: haft is slow' error
)
proves 'HAFT_PURE=1 makes a wheel that works through ctypes' without_extension

# --- Today's bugs ---

# PYTHONMALLOC=debug overwrites freed memory.
shows 'ctypes today: an object is collected while C holds it' 'Segmentation fault' \
  env PYTHONMALLOC=debug PYTHONFAULTHANDLER=1 "$python" examples/bug.py object
shows 'ctypes today: a C++ object is used after its end' heap-use-after-free \
  env "ACCOUNTS_RAW=$accounts_raw" LD_PRELOAD="$(g++ -print-file-name=libasan.so)" ASAN_OPTIONS=detect_leaks=0 \
  "$python" examples/bug.py closed

# --- The tests ---

# Debian's cffi is not seen by the clean environment.
site=$(echo "$env"/lib/python3*/site-packages)
export PYTHONPATH=$site:$here/tests
suite 'the extension' HAFT_PYTHON=extension -- "$python" "${all_tests[@]}"
suite 'through ctypes' HAFT_PYTHON=ctypes -- "$python" "${all_tests[@]}"
suite 'a library with another view of its tables' HAFT_PYTHON=extension "LD_PRELOAD=$out/no_view.so" -- \
  "$python" "${core_tests[@]}"

# variant NAME FLAG...: compiles the extension with flags into a folder of its own.
variant() {
  local name=$1
  shift
  cp -r "$site/haft" "$out/$name" && mkdir "$out/$name.site" && mv "$out/$name" "$out/$name.site/haft"
  # shellcheck disable=SC2016  # $ORIGIN is the dynamic linker's
  cc -std=c11 -fPIC -shared -Wall -Wextra -Werror "$@" "$headers" -I "$haft/lib" \
    src/haft/_extension.c -o "$out/$name.site/haft/_extension.abi3.so" "-L$library" -lhaft '-Wl,-rpath,$ORIGIN' -Wl,-z,now
}
headers=$("$python-config" --includes | cut -d ' ' -f 1)
limited=-DPy_LIMITED_API=0x03090000
variant pinned -O2 "$limited" -DHAFT_PINNED_LOOKUPS
suite 'the look-ups of free-threaded builds' HAFT_PYTHON=extension "PYTHONPATH=$out/pinned.site:$here/tests" -- "$python" "${core_tests[@]}"
variant sanitized "$limited" "${sanitized[@]}"
# Python's own allocator would hide its objects from the sanitizer. Programs that fork, or that use the library of C++ by a
# second process, are left to the other runs.
suite 'the extension under AddressSanitizer and UBSan' HAFT_PYTHON=extension "PYTHONPATH=$out/sanitized.site:$here/tests" PYTHONMALLOC=malloc \
  "LD_PRELOAD=$(g++ -print-file-name=libasan.so) $(g++ -print-file-name=libstdc++.so)" ASAN_OPTIONS=detect_leaks=0 -- \
  "$python" -W error -m unittest discover -s tests -p 'test_[fht]*.py'

# The one file for all versions.
for version in 3.9 3.10 3.12 3.13 3.14 3.15; do
  other=$(compgen -G "$HOME/.pyenv/versions/$version.*/bin/python$version" | tail -n 1 || true)
  [[ -n $other ]] || other=$(command -v "python$version" || true)
  if [[ -z $other ]] || ! "$other" -c '' 2> /dev/null; then
    skip "not run by Python $version, which is not on this machine"
    continue
  fi
  tests=("${core_tests[@]}")
  if [[ $version == 3.9 || $version == 3.13 ]]; then tests=("${all_tests[@]}"); fi
  suite "the same file in Python $version" HAFT_PYTHON=extension EMBEDDING= -- "$other" "${tests[@]}"
  newest=$(compgen -G "$HOME/.pyenv/versions/3.13.*/include/python3.13" | tail -n 1 || true)
  if [[ $version == 3.9 && -n $newest ]]; then
    # Later headers are no different with the limited API, if they keep their promise.
    headers=-I$newest variant newest -O2 "$limited"
    suite 'made with the headers of Python 3.13, in Python 3.9' HAFT_PYTHON=extension "PYTHONPATH=$out/newest.site:$here/tests" -- \
      "$other" "${core_tests[@]}"
  fi
  if [[ $version == 3.9 ]]; then suite 'through ctypes in Python 3.9' HAFT_PYTHON=ctypes -- "$other" "${core_tests[@]}"; fi
done

# Free-threaded interpreters, whose extension is of their own version.
free_threaded=
for version in 3.13t 3.14t 3.15t; do
  other=$(compgen -G "$HOME/.pyenv/versions/${version}*/bin/python$version" | tail -n 1 || command -v "python$version" || true)
  [[ -n $other ]] || continue
  free_threaded=$version
  build_free_threaded() {
    "$other" -m venv "$out/$version" && "$out/$version/bin/pip" install -q 'setuptools>=77' wheel &&
      HAFT_LIBRARY_DIR=$library "$out/$version/bin/pip" install -q --no-deps --no-build-isolation "$built"
  }
  proves "builds with Python $version" build_free_threaded
  suite "the extension in Python $version, without the GIL" HAFT_PYTHON=extension PYTHON_GIL=0 "PYTHONPATH=$here/tests" EMBEDDING= -- \
    "$out/$version/bin/python" "${all_tests[@]}"
done
if [[ -z $free_threaded ]]; then
  skip 'not run by a free-threaded Python, which is not on this machine'
  newest=$(compgen -G "$HOME/.pyenv/versions/3.13.*/include/python3.13" | tail -n 1 || true)
  if [[ -n $newest ]]; then
    holds 'compiles as for a free-threaded build' cc -std=c11 -fPIC -Wall -Wextra -Werror -fsyntax-only -DPy_GIL_DISABLED=1 \
      -I "$newest" -I "$haft/lib" src/haft/_extension.c
  fi
fi

# --- Documents, benchmark, types, style ---

holds 'the documentation of the API' "$python" -m sphinx -W --keep-going -q docs "$out/docs"
every_name_is_documented() {
  local name
  for name in $("$python" -c 'import haft; print(*haft.__all__)'); do
    grep -q "id=\"haft.$name\"" "$out/docs/index.html" || { echo "$name"; return 1; }
  done
}
proves 'the documentation has every name' every_name_is_documented
holds 'the benchmark' "$python" bench.py --smoke

tools=$haft/.cache/python-tools
pinned=(mypy==1.18.2 ruff==0.14.0 abi3audit==0.0.26 auditwheel==6.4.2)
get_tools() {
  [[ -f $tools/of && $(< "$tools/of") == "${pinned[*]}" ]] && "$tools/bin/python" -c '' && return
  rm -rf "$tools" && "$python" -m venv "$tools" && PYTHONPATH='' timeout 120 "$tools/bin/pip" install -q --retries 1 "${pinned[@]}" &&
    echo "${pinned[*]}" > "$tools/of"
}
if get_tools > "$out/log" 2>&1; then
  export PATH=$tools/bin:$PATH RUFF_NO_CACHE=true MYPY_CACHE_DIR=$out/mypy
  unset PYTHONPATH
  holds 'style: ruff check' ruff check .
  holds 'style: ruff format' ruff format --check .
  cp -r "$site/haft" "$out/haft"
  cd "$out"
  holds 'types: mypy --strict, the package' mypy --config-file "$here/pyproject.toml" -p haft
  holds 'types: mypy --strict, programs that use it' \
    mypy --config-file "$here/pyproject.toml" "$here/tests/typed.py" "$here"/examples/{widgets,listeners}.py
  # Old type checkers do not know @disjoint_base.
  echo 'haft\._extension\.Handle' > "$out/allowed"
  holds 'types: the stub is what the extension has' \
    python -m mypy.stubtest --mypy-config-file "$here/pyproject.toml" --allowlist "$out/allowed" haft._extension
  holds 'the extension keeps to the limited API: abi3audit' abi3audit --strict "$wheel"
  wheel_tag() { auditwheel show "$wheel" | tr '\n' ' ' | tee /dev/stderr | grep -q "consistent with the following platform tag: \"manylinux_2_"; }
  proves 'the wheel runs where its name says: auditwheel' wheel_tag
  cd "$here"
else
  skip "style and types, because PyPI does not answer for ${pinned[*]}"
fi
finish
