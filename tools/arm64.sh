#!/bin/bash
# Builds loci for arm64 with a cross compiler and runs unit and oracle tests under qemu, in an empty Debian of its own (made
# with debootstrap, needs root): nothing is installed on this system.  Emulation is slow, so a few tests stand for all.
#   tools/arm64.sh [DIR [TEST...]]      DIR: where that Debian stays for the next time; default build/arm64-debian
#   COMPILER=clang                      instead of gcc
set -euo pipefail
cd "$(dirname "$0")/.."
root=$(realpath -m "${1:-build/arm64-debian}")
shift || true
[ $# -gt 0 ] || set -- product_test kernels_test attention_test backward_test rows_test laws_test file_test json_test \
  store_test edit_save_test edit_test oracle_forward_test oracle_trace_test oracle_gradient_test oracle_edit_test
if [ ! -e "$root/.ready" ]; then
  rm -rf "$root"
  debootstrap --variant=minbase bookworm "$root" >/dev/null
fi
mkdir -p "$root/proc" "$root/dev" "$root/root/loci"
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
mountpoint -q "$root/dev" || mount --bind /dev "$root/dev"
trap 'umount -q "$root/proc" "$root/dev" || true' EXIT
inside() {
  chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive sh -euc "$1"
}
if [ ! -e "$root/.ready" ]; then
  cp /etc/resolv.conf "$root/etc/"
  cp /etc/apt/apt.conf.d/*proxy* "$root/etc/apt/apt.conf.d/" 2>/dev/null || true
  inside 'dpkg --add-architecture arm64; apt-get update -qq
    apt-get install -qq -y --no-install-recommends ca-certificates cmake make pkg-config gcc-aarch64-linux-gnu qemu-user-static \
      libc6-dev-arm64-cross libgomp1:arm64 $(for p in jansson pcre2 utf8proc jpeg62-turbo png webp cairo2 xxhash sqlite3 cmocka openblas; do
        echo lib$p-dev:arm64; done) fontconfig fonts-dejavu-core >/dev/null'
  touch "$root/.ready"
fi
compiler=${COMPILER:-gcc} build=build-${COMPILER:-gcc}
case $compiler in
  gcc) of="-DCMAKE_C_COMPILER=aarch64-linux-gnu-gcc" ;;
  clang)
    of="-DCMAKE_C_COMPILER=clang -DCMAKE_C_COMPILER_TARGET=aarch64-linux-gnu"
    [ -e "$root/usr/bin/clang" ] || inside 'apt-get install -qq -y --no-install-recommends clang libomp-14-dev:arm64 >/dev/null'
    ;;
  *) echo "COMPILER is gcc or clang" >&2; exit 2 ;;
esac
git ls-files -co --exclude-standard -z | xargs -0 cp --parents -t "$root/root/loci"
inside "cd /root/loci; export PKG_CONFIG_LIBDIR=/usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig
  cmake -S . -B $build -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 $of \
    -DCMAKE_BUILD_TYPE=RelWithDebInfo '-DCMAKE_C_FLAGS_RELWITHDEBINFO=-O3' -DCMAKE_CROSSCOMPILING_EMULATOR=qemu-aarch64-static \
    -DLOCI_MPI=OFF >configure.log
  cmake --build $build -j $(env -u OMP_NUM_THREADS nproc) --target loci $* >build.log 2>&1 || { grep -m 5 -A 5 -i error build.log; exit 1; }
  qemu-aarch64-static $build/loci ask -m models/flags -i models/flags/images/ukraine.png \
    -q 'What is the capital of this country?' --max-new 2 | head -n 1
  for t in $*; do qemu-aarch64-static $build/\$t >\$t.log 2>&1 && echo \"\$t: ok\" || { echo \"\$t: FAILED\"; tail -n 20 \$t.log; }; done" |
  tee "$root/root/report"
! grep -q FAILED "$root/root/report"
