# Gemma-3 with pictures and PaliGemma, whose rows see what comes after them: every command.
# shellcheck source=tests/cli/lib.sh disable=SC1091
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli/family.sh disable=SC1091
source "$(dirname "$0")/family.sh"
cd "$work" || exit 1
images=$source_dir/tests/golden/images
asked=(-i "$images/scene-a.png" -q 'Name a film made by this director.' --precision f32)
about=(-c 'this director')
cat >few.jsonl <<END
{"image":"$images/scene-a.png","question":"In which city is this building?","answers":["Paris"],"constraints":[{"text":"this building","kind":"visual"}]}
{"image":"$images/scene-b.png","question":"Who made this tower of Rome?","answers":["Rome"],"constraints":[{"text":"this tower","kind":"visual"}]}
{"image":"$images/scene-a.png","question":"What is the name of this bridge in Vienna?","answers":["Vienna"],"constraints":[{"text":"this bridge","kind":"visual"}]}
END

sees_ahead() {
  [ $family = paligemma ] && { wants 0; return; }
  wants 1
  says 'looks back'
}

for family in gemma3 paligemma; do
  target=USER
  [ $family = gemma3 ] || target=What
  m=$source_dir/tests/golden/models/$family
  try info -m "$m"
  wants 0
  each ask
  each tokens "${about[@]}"
  each record --site q,k,pattern,mlp_out -o run.safetensors
  for corrupt in replace:Paris noise:3 mean image-mean image-noise:2 "image:$images/scene-b.png"; do
    each trace "${about[@]}" --corrupt "$corrupt" --direction both --window 1,3 --site mlp_out,attn_out,resid_post --verify 30 --json
  done
  each trace "${about[@]}" --positions constraint,image,last --site z --verify 30 --json
  each trace "${about[@]}" --positions 3,7,12,25 --site resid_pre,mlp_out --window 1 --verify 40 --json
  each trace "${about[@]}" --receiver logits --verify 30 --json
  each trace "${about[@]}" --receiver 2.0.k --corrupt image-mean --verify 30 --json
  each trace "${about[@]}" --method screen:10 --window 1 --json
  each trace "${about[@]}" --set 1.0,2.1 --controls 5 --positions constraint,last --json
  each trace "${about[@]}" --donor-image "$images/scene-b.png" --donor 'Name a bridge that stands near this director.' --donor-constraint 'this director' --positions last,image --verify 20 --json
  each trace "${about[@]}" -o trace.svg
  each flow "${about[@]}" --heads -o flow.svg
  each lens
  each knockout "${about[@]}" --json
  each knockout "${about[@]}" --from constraint --to last
  # A picture's rows see each other, a prompt's see all: what looks ahead has edges there, and only there.
  try knockout -m "$m" "${asked[@]}" "${about[@]}" --from last --to image
  sees_ahead
  try flow -m "$m" "${asked[@]}" "${about[@]}" --from constraint --to image
  sees_ahead
  studies
  edits $target
done

# Without a picture Gemma-3 is its text model; PaliGemma's prompt sees itself all the same.
for family in gemma3 paligemma; do
  try trace -m "$source_dir/tests/golden/models/$family" -q 'The bridge of Vienna was built by' -c Vienna --verify 30 --json
  wants 0
done

shapes tiny-gemma3-vision tiny-paligemma
finish
