#!/bin/bash
# Prompts: a checkpoint's template and one's own, system prompts, the day, special tokens in questions.
. "$(dirname "$0")/lib.sh"

own=$work/own
mkdir "$own"
for f in "$model"/*.json "$model"/*.safetensors; do ln -s "$f" "$own/"; done
cat >"$own/chat_template.jinja" <<'JINJA'
{% for m in messages %}<|im_start|>{{ m['role'] }} {% for part in m['content'] %}{% if part['type'] == 'image' %}<image>{% endif %}{% endfor %}{% for part in m['content'] %}{% if part['type'] == 'text' %}{{ '\n' + part['text'] }}{% endif %}{% endfor %}<|im_end|>{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant{% endif %}
JINJA

is_prompt() { # is_prompt TEXT ARGS...: exactly its bytes
  local text=$1
  shift
  try tokens "$@" --prompt
  wants 0
  printf '%s' "$text" | cmp -s - "$work/out" || miss "the prompt is $out, expected $text"
}

is_prompt $'<|im_start|>user <image>\nWho?<|im_end|><|im_start|>assistant' -m "$own" -i "$image" -q 'Who?'
is_prompt $'<|im_start|>user \nWho?<|im_end|><|im_start|>assistant' -m "$own" -q 'Who?'
is_prompt $'<|im_start|>system \nBe brief.<|im_end|><|im_start|>user <image>\nWho?<|im_end|><|im_start|>assistant' \
  -m "$own" -i "$image" -q 'Who?' --system 'Be brief.'
is_prompt $'<|im_start|>user\n<image>\nWho?<|im_end|>\n<|im_start|>assistant\n' -m "$own" -i "$image" -q 'Who?' -t chatml
is_prompt $'<image>\nUSER: Who? Answer in a few words.\nASSISTANT:' -m "$model" -i "$image" -q 'Who?'
is_prompt $'<image>\nUSER: Who? Answer in a few words.\nASSISTANT:' -m "$model" -i "$image" -q $'<image>\nWho? '
is_prompt $'<image>\nQ: Who?' -m "$model" -i "$image" -q 'Who?' -t 'text:{image}\nQ: {question}'
is_prompt 'The capital of France is' -m "$model" -q 'The capital of France is' --no-chat
try info -m "$own"
prints chat_template.jinja

# A prompt by hand is the same prompt, and gives the same answer.
try ask -m "$model" -i "$image" -q "$question" --json
answer=${out#*\"answer\"} answer=${answer%%\"request\"*}
try ask -m "$model" -i "$image" -t raw -q $'<image>\nUSER: '"$question"$' Answer in a few words.\nASSISTANT:' --json
again=${out#*\"answer\"} again=${again%%\"request\"*}
[ "$answer" = "$again" ] || miss "another answer: $again, expected $answer"

# The day is fixed, and told; so is the system prompt.
printf '%s\n' "{{ strftime_now('%d %b %Y') }}: {{ messages[-1].content[-1].text }}" >"$work/day.jinja"
is_prompt '01 Jan 2026: Who?' -m "$model" -q 'Who?' -t "file:$work/day.jinja"
is_prompt '31 May 2024: Who?' -m "$model" -q 'Who?' -t "file:$work/day.jinja" --date 2024-05-31
try lens -m "$model" -q "$question" -c 'this country' -t "file:$work/day.jinja" --json
prints '"date":"2026-01-01"'
prints '--date 2026-01-01'
for command in tokens ask "lens -c this"; do
  try $command -m "$model" -q "$question" -t "file:$work/day.jinja" --date 2024-05-31
  prints 'the template writes the day: 2024-05-31'
  try $command -m "$model" -q "$question" --date 2024-05-31
  [[ $out != *'the day'* ]] || miss "a prompt without a day in it has one"
done
try lens -m "$own" -q "$question" -c 'this country' --system 'Be brief.' --json
prints '"system":"Be brief."'
prints "--system 'Be brief.'"
try tokens -m "$model" -i "$image" -q "$question" -c capital -c 'this country' --kind auto --kind textual --json
[[ $(tr -d ' \n' <<<"$out") == *'"kind":"textual"'*'"thiscountry","kind":"textual"'* ]] || miss "not the kinds asked for"
usage '--kind is of a -c: 2 for 1 of them' tokens -m "$model" -q "$question" -c capital --kind auto --kind textual
usage 'visual or textual, not "odd"' tokens -m "$model" -q "$question" -c capital --kind odd
failed 'not a day as YYYY-MM-DD' tokens -m "$model" -q 'Who?' --date 2026-02-30
failed 'no place for a system prompt' tokens -m "$model" -q 'Who?' --system 'Be brief.'
failed 'no place for an image' tokens -m "$model" -i "$image" -q 'Who?' --no-chat
usage 'give one of the two' tokens -m "$model" -q 'Who?' --no-chat -t raw
usage 'tokens --text takes no --prompt' tokens -m "$model" --text a --prompt

# A special token's text in a question is refused wherever it is asked.
for t in auto raw chatml 'text:{question}'; do
  failed 'the question holds </s>, a special token' ask -m "$model" -q 'Who </s> is' -t "$t"
done
failed 'the question holds </s>, a special token' trace -m "$model" -q 'Who </s> is' -c is
failed 'the question holds <image>' ask -m "$model" -i "$image" -q 'Who <image> is'
failed 'the question holds <image>' ask -m "$model" -q 'Who <image> is'
failed 'the system prompt holds </s>' ask -m "$own" -q 'Who' --system '</s>'

# Nor does a template make one of what the user wrote.
printf '%s\n' "{{ messages[-1].content[-1].text|replace('/think', '') }}</s>" >"$work/drop.jinja"
is_prompt 'Who < is</s>' -m "$model" -q 'Who </think is' -t "file:$work/drop.jinja"
failed 'the template makes </s>, a special token' ask -m "$model" -q 'Who <//thinks> is' -t "file:$work/drop.jinja"
failed '1 image marks' ask -m "$model" -q 'Who <im/thinkage> is' -t "file:$work/drop.jinja"

# What a template asks for beyond the language is refused by name, with its line.
printf 'a\n{%% include "b" %%}' >"$own/chat_template.jinja.new"
rm "$own/chat_template.jinja"
mv "$own/chat_template.jinja.new" "$own/chat_template.jinja"
failed 'chat_template.jinja: line 2: the statement "include" is not supported here' ask -m "$own" -q 'Who?'
# A blank is written as one in a sentence, not as nothing between quotes.
try trace -m "$model" -i "$image" -q "$question" -c "this country" -a ' ' --layers 1 --site mlp_out
wants 0
prints 'not the given "_"' # in the C locale
finish
