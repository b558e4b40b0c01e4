# One trace on every kind of CPU: the products' instruction set is limited by the library's own variable, the small
# kernels' by LOCI_KERNELS.  The numbers of all paths in f32 are those of the plain kernels; bf16 is taken where it is
# and refused by name where it is not.
# shellcheck source=tests/cli/lib.sh disable=SC1091
source "$(dirname "$0")/lib.sh"
cd "$work" || exit 1
asked=(-m "$model" -i "$image" -q "$question" -c 'this country' --layers 4-7 --positions each --site mlp_out --json)
has() { grep -qw "$1" /proc/cpuinfo 2>/dev/null; }
# The probabilities of all cells and runs, one a line.
numbers() { tr -d ' \n' <out | grep -o '"p":[][0-9.e,-]*' | grep -o '[0-9][0-9.e-]*'; }
# differ A B: how many numbers differ by more than 1e-5: f32 sums in another order, twelve layers on, differ by 3e-7.
differ() {
  paste "$1" "$2" | awk '{ d = $1 - $2; if (d < 0) d = -d; if (d > 1e-5 || NF != 2) n++ } END { print n + 0 }'
}

LOCI_KERNELS=ref try trace "${asked[@]}" --precision f32
wants 0
numbers >expected
[ "$(wc -l <expected)" -gt 50 ] || miss "too few numbers to compare"
while read -r flag isa kernels; do
  [ "$flag" = any ] || has "$flag" || continue
  ONEDNN_MAX_CPU_ISA=$isa LOCI_KERNELS=$kernels try trace "${asked[@]}" --precision f32 --verify 3
  wants 0
  numbers >found
  [ "$(differ expected found)" = 0 ] || miss "$isa, $kernels: $(differ expected found) numbers are others"
  [[ $(tr -d ' \n' <out) == *'"verify":{"cells":3,'* ]] || miss "$isa, $kernels: not verified"
done <<'END'
any SSE41 base
avx2 AVX2 base
avx2 AVX2 avx2
avx512bw AVX512_CORE avx2
avx512bw AVX512_CORE avx512
avx512_bf16 AVX512_CORE_BF16 avx512
amx_bf16 AVX512_CORE_AMX avx512
END

# bf16 where the CPU multiplies it, by itself; elsewhere f32 by itself, and a sentence for those who insist.
bf16=$work/bf16
"$(dirname "$loci")/make_checkpoint" tiny "$bf16" --dtype bf16 >/dev/null
for isa in SSE41 AVX2 AVX512_CORE AVX512_CORE_BF16; do
  ONEDNN_MAX_CPU_ISA=$isa try info -m "$bf16"
  wants 0
  if [ $isa = AVX512_CORE_BF16 ] && has avx512_bf16; then
    prints 'precision   bf16'
  else
    prints 'precision   f32'
    ONEDNN_MAX_CPU_ISA=$isa failed 'this CPU has no bf16 products' info -m "$bf16" --precision bf16
  fi
  for dtype in f16 bf16; do
    [ -e $dtype ] || "$(dirname "$loci")/make_checkpoint" tiny $dtype --dtype $dtype >/dev/null
    ONEDNN_MAX_CPU_ISA=$isa try trace -m $dtype -i "$image" -q "$question" -c 'this country' --verify 10 --json
    wants 0
  done
done
finish
