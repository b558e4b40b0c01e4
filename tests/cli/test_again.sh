# Every result names the command that makes it again: run by a shell as it stands, it gives the same bytes but for
# times, whatever the paths hold.
# shellcheck source=tests/cli/lib.sh disable=SC1091
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli/again.sh
source "$(dirname "$0")/again.sh"
ask=(-m "$m" -i "$i" -q "$question")
one=("${ask[@]}" -c "this country")
again ask "${ask[@]}" --max-new 3
cp "$source_dir/tests/golden/images/turned.jpg" "it's here/a phone's.jpg"
again ask -m "$m" -i "it's here/a phone's.jpg" -q "$question" --max-new 3 --exif turn
[[ $command == *" --exif turn"* ]] || miss "no --exif turn in: $command"
cp first.json turned.json
again ask -m "$m" -i "it's here/a phone's.jpg" -q "$question" --max-new 3
[ "$(grep '"p"' first.json)" != "$(grep '"p"' turned.json)" ] || miss "--exif turn changes nothing"
again trace "${one[@]}" --corrupt "image:$i" --site mlp_out --layers 2-4 --direction both --threads 1
drawn "svg png pdf html csv npz safetensors" trace "${one[@]}" --corrupt "image:$i" --site mlp_out --layers 2-4 --threads 1
drawn "svg png" trace "${one[@]}" --site mlp_out --layers 2-2 --metric logit_diff
again trace "${one[@]}" --receiver 5.3.q --site z,mlp_out --layers 2-4
again trace "${one[@]}" --method screen:10,ig:3,audit:4 --metric logit_diff --site mlp_out --seed 7
again study trace "$x" -m "$m" --limit 3 --min-te 0 --site z --layers 2-4 --threads 1
again study trace "$x" -m "$m" --limit 2 --min-te 0 --receiver logits --site z --layers 2-4 --threads 1
again knockout "${one[@]}" --from image,constraint --to last --layers 1-3
again lens "${one[@]}" --positions constraint,last -a Lima
again flow "${ask[@]}" --from image --to last
again lens "${ask[@]}" -c capital -c "this country" --kind visual --kind auto
[[ $command == *" --kind visual --kind auto"* ]] || miss "not the kinds in: $command"
again lens "${one[@]}" --kind visual
[[ $command != *" --kind"* ]] || miss "a kind that its first word says in: $command"
drawn "svg npz safetensors" flow "${ask[@]}" --from image --to last --layers 1-2 --threads 1
drawn "svg csv" knockout "${one[@]}" --from constraint --to last --layers 1-2 --metric logp
drawn "svg csv" lens "${one[@]}" --layers 1-2 --metric logp
drawn "png svg pdf" trace "${one[@]}" --site mlp_out --layers 2-3 --width 3.25 --dpi 100 --no-title --scale 0.5
drawn "svg" knockout "${one[@]}" --from constraint --to last --layers 1-2 --width 3.25 --scale 0.5
again score "$x" -m "$m" --max-new 3 --limit 2 --by relation
drawn "svg csv" score "$x" -m "$m" --max-new 3 --limit 2 --by relation
again study trace "$x" -m "$m" --max-new 3 --limit 2 --min-te 0 --site mlp_out --seed 5
tensor='{"noise":{"dtype":"F32","shape":[1,2,160],"data_offsets":[0,1280]}}' # no noise at all
{ printf '\x43\0\0\0\0\0\0\0%s' "$tensor"; head -c 1280 /dev/zero; } >"it's here/noise"
again trace "${one[@]}" --corrupt noise:1 --noise "it's here/noise" --seeds 1 --site mlp_out --layers 2-2 --threads 1
[[ $command == *" --noise "* ]] || miss "no --noise in: $command"
again info -m "$m"
printf '%s' '{% for m in messages %}{{ m.content }}:{% endfor %}' >"it's here/a template"
again tokens "${one[@]}" -t file:"it's here/a template" --system "it's so"
again tokens -m "$m" --text "it's \"this\" \$HOME" --no-special
again image -m "$m" -i "$i"
written seen.safetensors image -m "$m" -i "$i"
written seen.png image -m "$m" -i "$i"
again bench --rows 32 --width 32 --inner 48 --heads 2 --repeats 1 --threads 1
again bench --edit -m "$m" --steps 2
again bench --scale -m "$m/text-only" --threads 1
again data lint "$x" -m "$m" --max-new 3
again data lint "$x" --no-images --fix -o fixed.jsonl
again data annotate "$x" --compare --why
printf 'question,answers,main_entity\nWho is "this man"?,Ada,this man\n' >"it's here/a table.csv"
ends=1 # it has no picture
again data import csv "it's here/a table.csv" --raw -o imported.jsonl
finish
