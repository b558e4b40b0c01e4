#!/bin/sh
# Installs what building and testing loci needs and this machine lacks, by its Debian package name.
#   tools/setup.sh          to build, run and test
#   tools/setup.sh --dev    also what tools/check.sh uses: clang, sanitizers, static checks
# Says in one line what it is about to do, and nothing when all is there.
set -eu

products=libdnnl-dev # what multiplies matrices
[ "$(dpkg --print-architecture 2>/dev/null)" != arm64 ] || products=libopenblas-dev
packages="gcc g++ make cmake pkg-config libc6-dev
  $products libjansson-dev libpcre2-dev libutf8proc-dev libjpeg62-turbo-dev libpng-dev libwebp-dev
  libcairo2-dev libxxhash-dev libsqlite3-dev libmicrohttpd-dev libcmocka-dev fontconfig fonts-dejavu-core
  python3 python3-venv"
developer="clang clang-format clang-tidy cppcheck libclang-rt-dev libomp-dev valgrind mandoc
  universal-ctags libopenmpi-dev openmpi-bin ocl-icd-opencl-dev libclblast-dev pocl-opencl-icd
  python3-numpy python3-pytest python3-pandas python3-pil chromium-headless-shell chromium-driver"

case "${1:-}" in
  "") ;;
  --dev) packages="$packages $developer" ;;
  *) echo "usage: tools/setup.sh [--dev]" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "setup: this is not a Debian system, so nothing is installed here. loci needs a C11 compiler with OpenMP," \
    "CMake 3.22, pkg-config, oneDNN, jansson, PCRE2, utf8proc, libjpeg-turbo, libpng, libwebp, cairo, xxHash, SQLite, libmicrohttpd," \
    "cmocka and a font for cairo; going on with what is there." >&2
  exit 0
fi

missing=""
present=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' 2>/dev/null | sed -n 's/ installed$//p')
for p in $packages; do
  case "
$present
" in
    *"
$p
"*) ;;
    *) missing="$missing $p" ;;
  esac
done
[ -n "$missing" ] || exit 0

sudo=""
if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "setup: these packages are missing, and there is no sudo to install them with; as root, run:" \
      "apt-get install$missing" >&2
    exit 1
  fi
  sudo="sudo"
fi

echo "setup: installing$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
  # shellcheck disable=SC2086
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0 "$@" >"$log" 2>&1 </dev/null
}
# The package lists may be absent, or too old to download from: then they are fetched, and it is tried once more.
# shellcheck disable=SC2086
if ! apt install -y --no-install-recommends $missing; then
  if ! { apt update && apt install -y --no-install-recommends $missing; }; then
    tail -n 20 "$log" >&2
    echo "setup: apt-get could not install$missing (its last words are above)" >&2
    exit 1
  fi
fi
