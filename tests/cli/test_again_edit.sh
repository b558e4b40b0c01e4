# As test_again.sh, of what is recorded, edited, tested and compared.
# shellcheck source=tests/cli/lib.sh disable=SC1091
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli/again.sh
source "$(dirname "$0")/again.sh"
one=(-m "$m" -i "$i" -q "$question" -c "this country")
written run.safetensors record "${one[@]}" --site z,logits,mlp_out --layers 2-4
quick=(--steps 2 --threads 1)
ends=1 # too few steps to reach a target
written one.edit edit solve "${one[@]}" --target Lima "${quick[@]}"
written tuned.edit edit solve "${one[@]}" --target Lima "${quick[@]}" --method ft-l --lr 0.002 --layer 3
asked='"question":"What is the capital of this country?","constraints":[{"text":"this country"}]'
printf '{"image":"%s",%s,"target":"Lima","rephrase":["Name the capital of this country."]}\n' "$image" "$asked" >"my set.jsonl"
printf '{"image":"%s",%s,"target":"Kyiv"}\n' "$model/images/peru.png" "$asked" >>"my set.jsonl"
written many.edit edit solve -m "$m" --requests "my set.jsonl" --keep "$x" --prompts 2 "${quick[@]}" --lambda 0 --each-key
again edit solve "${one[@]}" --target Lima "${quick[@]}" --method rome --covariance none
again edit solve "${one[@]}" --target Lima "${quick[@]}" --rephrase "Name the capital of this country."
printf 'It is so. \nWell: {} Yes?\n' >"it's here/prefixes"
again edit solve "${one[@]}" --target Lima "${quick[@]}" --prefixes "it's here/prefixes" --kl 0.1
again edit solve "${one[@]}" --target " Lima" "${quick[@]}" --preset rome-llama-7b --layer 3
again edit solve "${one[@]}" --target Lima "${quick[@]}" --method ft --ft-at last --stop-loss 0.5 --without-constraint
ends=0
written cov2.safetensors edit covariance "$x" -m "$m" --layer 2 --limit 3 --threads 1
written cov3.safetensors edit covariance "$x" -m "$m" --layer 3 --sample 3 --seed 5 --threads 1
ends=1
two=(--method alphaedit --layer 2-3 --covariance cov2.safetensors --covariance cov3.safetensors --null-below 0.5)
again edit solve -m "$m" --requests "my set.jsonl" "${two[@]}" "${quick[@]}" --batch 1
ends=0
again edit test "my set.jsonl" -m "$m" --limit 1 --max-new 2 "${quick[@]}" --weight-decay 0
again edit test "my set.jsonl" -m "$m" --limit 1 --max-new 2 --edit one.edit --threads 1
drawn svg edit test "my set.jsonl" -m "$m" --limit 1 --max-new 2 --edit one.edit --threads 1
cp first.json a.json # of the test before
cp first.json "it's here/b.json"
again edit compare a.json "it's here/b.json"
try edit apply one.edit tuned.edit -m "$m" -o "it's here/edited" --threads 1 --json
printf '%s\n' "$out" >first.json
rm -r "it's here/edited"
command=$(grep -oE '"command":"([^"\\]|\\.)*"' first.json | sed -E 's/^"command":"(.*)"$/\1/; s/\\(["\\])/\1/g')
[[ $command == "loci edit apply "* ]] || miss "no command: $command"
ends=$code
repeat " --json" second.json
ends=0
cmp -s first.json second.json || miss "again: $command: $(diff first.json second.json | head -4)"
again edit curve "my set.jsonl" -m "$m" --limit 1 --max-new 2 "${quick[@]}" --over lambda=0.01,100
try study run "$x" -m "$m" --store s.db --limit 2 --what knockout --layers 1-2
wants 0
try study run "$x" -m "$m" --store s.db --limit 2 --what knockout --layers 1-2 --window 1
wants 0
again study compare s.db --run 1,2 --seed 3
finish
