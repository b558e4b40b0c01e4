# A bounded address space (ulimit -v): from where the loader comes through to where a picture is drawn, every bound gives one
# sentence and exit code 1, and no file.  oneDNN and fontconfig would end the program with a signal.
# shellcheck source=tests/cli/lib.sh disable=SC1091
source "$(dirname "$0")/lib.sh"
cd "$work" || exit 1
export OMP_NUM_THREADS=1
tiny=$source_dir/tests/golden/models/text-llama
draw=(trace -m "$tiny" -t raw --threads 1 --no-progress -q 'Where is this city?' -c 'this city' --layers 1 -o t.png)
least=
for ((mb = 16; mb <= 400; mb += 2)); do
  (ulimit -v $((mb * 1024)) && exec "$loci" --version) >/dev/null 2>&1 && { least=$mb; break; }
done
[ -n "$least" ] || { echo "skipped: nothing runs in 400 MB (a sanitizer?)"; exit 77; }
refused=0 code=1
for ((mb = least; mb < least + 200 && code != 0; mb++)); do
  last="$mb MB: ${draw[*]}"
  (ulimit -v $((mb * 1024)) && exec "$loci" "${draw[@]}") >out 2>err
  code=$? err=$(cat err)
  if [ $code = 0 ]; then
    [ -e t.png ] || miss "no picture"
  else
    refused=$((refused + 1))
    wants 1
    says 'loci: '
    [ "$(wc -l <err)" = 1 ] || miss "more than one line"
    [ -z "$(ls t.png* 2>/dev/null)" ] || miss "a file is left"
  fi
done
last='bounds of memory'
[ "$code" = 0 ] || miss "never came through"
[ $refused -gt 5 ] || miss "only $refused bounds refused anything"
echo "$refused bounds from $least MB on were refused"
finish
