#!/bin/bash
# Everything a change has to pass: all tests (gcc), all that runs the program with sanitizers, those in C with clang,
# format, static checks.
# Goes on after a failure, so that one run shows all of them.  The last line is "N passed, N failed": tests of all
# builds together, and each failed step besides them as one more failure.
#   tools/check.sh [STEP...]     all steps, or those named: test bare asan clang tsan format tidy
#                                cppcheck manual python real
set -uo pipefail
cd "$(dirname "$0")/.."
jobs=${JOBS:-$(env -u OMP_NUM_THREADS nproc)}
passed=0 failed=0
mkdir -p build/check

# Adds the counts of a ctest report in JUnit form; a missing report is one failure.
count() {
  local tests failures
  tests=$(sed -n 's/.*[[:space:]]tests="\([0-9]*\)".*/\1/p' "$1" 2>/dev/null | head -n 1)
  failures=$(sed -n 's/.*[[:space:]]failures="\([0-9]*\)".*/\1/p' "$1" 2>/dev/null | head -n 1)
  if [ -z "$tests" ]; then
    failed=$((failed + 1))
  else
    passed=$((passed + tests - failures)) failed=$((failed + failures))
  fi
}

# What another build would only repeat: tests that read the tree and those of a device, whose kernels are compiled for each build
# anew; with clang, those that drive the program from outside.
declare -A left_out=([asan]='^(check_|device_)' [clang]='^(check_|cli_|page|completion|exports|install|refused|mpi|reproduce|transformers|peers|python|real_model|eyes|device_)')

tests_of() { # PRESET: builds it and runs its tests
  local report=$PWD/build/check/$1.xml code=0
  local options=(-j "$jobs" --output-junit "$report" --quiet --output-log "$PWD/build/check/$1.log")
  rm -f "$report"
  case $1 in
    release) ./test.sh "${options[@]}" ;;
    *) tools/build.sh "$1" && ctest --preset "$1" -E "${left_out[$1]}" "${options[@]}" ;;
  esac || code=1
  [ $code = 0 ] || grep -A 30 -E 'Failed|\*\*\*' "build/check/$1.log" 2>/dev/null | tail -n 200
  count "$report"
  return $code
}

sources() { git ls-files -co --exclude-standard '*.c' '*.h'; }

step_test() { tests_of release; }
step_asan() { tests_of asan; }
step_clang() { tests_of clang; }

# Without pictures, stores and devices: it builds, and says so where one is wanted.
step_bare() {
  tools/build.sh bare || return 1
  local loci=build/bare/loci
  ldd $loci | grep -E 'cairo|sqlite|microhttpd' && return 1
  : >build/bare/some.db
  [[ $($loci study status build/bare/some.db 2>&1) == *'built without stores'* ]] || return 1
  [[ $($loci ask -m models/flags/text-only -q x --device opencl 2>&1) == *'built without OpenCL'* ]] || return 1
  [[ $($loci image -m models/flags -i models/flags/images/ukraine.png -o build/bare/x.png 2>&1) == *'built without pictures'* ]]
}

step_tsan() { tools/tsan.sh; }

# The Python package's style and types, where ruff and mypy are (its tests are a test like the others).
step_python() {
  local python=${LOCI_PYTHON:-python3} code=0
  if "$python" -m ruff --version >/dev/null 2>&1; then "$python" -m ruff check python || code=1; fi
  if "$python" -m mypy --version >/dev/null 2>&1; then "$python" -m mypy --config-file pyproject.toml || code=1; fi
  return $code
}

step_format() { sources | xargs -r clang-format --dry-run -Werror; }

# Every file of the clang build (which has oneDNN for its products), two at a time; headers of this project are checked where they are included.
step_tidy() {
  [ -e build/clang/compile_commands.json ] || cmake --preset clang >/dev/null || return 1
  sources | grep '\.c$' | grep -vE '^src/tensor/(kernels_simd|simd_[a-z]*|product_blas)\.c$' |
    xargs -r -P "$jobs" -n 4 clang-tidy --quiet -p build/clang --warnings-as-errors='*' 2>build/check/tidy.err
}

step_cppcheck() {
  cppcheck --enable=warning,performance,portability --error-exitcode=1 --quiet --inline-suppr --std=c11 \
    --suppressions-list=tools/cppcheck.supp -j "$jobs" -I include -I src -I programs -I tests $(ls -d src programs fuzz examples tools 2>/dev/null)
}

# A real language model, where pip can fetch it, and the notebooks, one of which is about it.
step_real() {
  local code=0
  tools/build.sh release loci loci_shared || return 1
  tools/real_model.sh build/real || code=$?
  [ $code != 77 ] || return 0
  [ $code = 0 ] || return 1
  LOCI_REAL_MODEL=build/real tests/eyes.sh build/release/loci . || return 1
  local python=$PWD/build/real/venv/bin/python
  "$python" -m pip -q --disable-pip-version-check install pytest nbclient ipykernel pandas matplotlib || return 0
  LOCI_PYTHON=$python tests/python.sh build/release/loci build/release/libloci.so . test_notebooks.py
}

step_manual() { [ ! -e docs/loci.1 ] || mandoc -Tlint -Wwarning docs/loci.1; }

for step in ${*:-test bare asan clang tsan format tidy cppcheck manual python real}; do
  echo "== $step"
  start=$(date +%s) before=$failed
  "step_$step" || { [ "$failed" != "$before" ] || failed=$((failed + 1)); }
  word="ok"
  [ "$failed" = "$before" ] || word="FAILED"
  echo "== $step: $word, $(($(date +%s) - start)) s"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
