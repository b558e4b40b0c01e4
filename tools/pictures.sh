#!/bin/bash
# Makes the pictures of the documentation again, by the commands that stand there: in README.md and docs/FINDINGS.md the
# block of commands after a picture is run as it is.
#   tools/pictures.sh --list        their names
#   tools/pictures.sh [NAME...]     default: all of them (an hour on two cores); "trace" takes a second
# LOCI names the program (build/release/loci), OUT another directory than docs/img; edit-methods, edit-longtail and
# editors need python.  Studies and edits are in f32, as FINDINGS.md says of its numbers.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD loci=$(realpath -m "${LOCI:-build/release/loci}")
wanted=" $* " work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ln -s "$root/models" "$root/build" "$root/reproduce" "$work"
mkdir "$work/bin"
cat >"$work/bin/loci" <<END
#!/bin/sh
case "\$1 \$2" in "edit compare" | trace*) exec "$loci" "\$@" ;; esac
exec "$loci" "\$@" --precision f32
END
chmod +x "$work/bin/loci"
export PATH=$work/bin:$PATH OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}

# The blocks, each ended by a line with ETX.
blocks() {
  awk '/^!\[/ {shown = 1} /^```sh/ {inside = shown; shown = 0; next} /^```/ && inside {inside = 0; print "\003"} inside' \
    README.md docs/FINDINGS.md
}

while IFS= read -r -d $'\003' block; do
  names=
  [ "$*" = --list ] && grep -oE -- '-o [a-z-]+\.png' <<<"$block" | sed 's/-o //; s/\.png//' && continue
  for name in $(grep -oE -- '-o [a-z-]+\.png' <<<"$block" | sed 's/-o //; s/\.png//'); do
    [ -e "docs/img/$name.png" ] && [[ $wanted == "  " || $wanted == *" $name "* ]] && names+=" $name"
  done
  [ -n "$names" ] || continue
  if [[ $block == *build/real/* && ! -e $(grep -oE 'build/real/(eyes|smollm2\.gguf)' <<<"$block" | head -1) ]]; then
    echo "left out$names: tools/real_model.sh build/real fetches the model, models/eyes/join.sh build/real makes eyes for it"
    continue
  fi
  echo "making$names"
  (cd "$work" && bash -euo pipefail -c "$block" >log 2>&1) || { cat "$work/log" >&2; exit 1; }
  for name in $names; do mv "$work/$name.png" "${OUT:-docs/img}"; done
done < <(blocks)
