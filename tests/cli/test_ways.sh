# Every option of every command is read, or refused by name before any work: of each way of a command all options that
# it takes are given, and a command that ends well has looked at them (main.c); every other option of the command is
# refused in that way.
# shellcheck source=tests/cli/lib.sh disable=SC1091
source "$(dirname "$0")/lib.sh"
cd "$work" || exit 1
table=$("$loci" help --table)
common=(--quiet --no-progress --color=never)
opened=(--precision=f32 --threads=1 --memory=4G --gate-rows=meta --device=cpu)
worded=(--template=auto --date=2026-01-01)
figure=(--width=5 --dpi=72 --scale=1 --no-title)
m=--model=$model i=--image=$image q=--question=$question c='--constraint=this country'
data=$model/data
seen=' ' begun=' '

begin() { # COMMAND ARGS...: a way of a command; its name is one word, study-run
  name=$1
  read -ra way <<<"${1/-/ }"
  shift
  way+=("$@")
  seen=' --help '
  begun+="$name "
}
runs() { # ARGS...: the way with these options; every one of them is read
  try "${way[@]}" "$@" "${common[@]}"
  wants "${ends:-0}"
  [[ $err != *'has not read it'* ]] || miss "$err"
  local word
  for word in "${way[@]}" "$@" "${common[@]}"; do
    [[ $word == --* ]] && seen+="${word%%=*} "
    [[ $word == --model=* ]] && seen+='--mmproj --max-pixels ' # of GGUF files and of pictures of any size: read where the model is opened
  done
}
rest() { # all other options of the command are refused
  local spelled takes option
  while read -r _ _ spelled takes _; do
    option=--${spelled##*--}
    [[ $seen == *" $option "* ]] && continue
    [ "$takes" = - ] || option+==1
    last="${way[*]} $option"
    "$loci" "${way[@]}" "$option" >out 2>"$work/err" </dev/null
    code=$? out=$(<out) err=$(<"$work/err")
    wants 2
    says "${option%%=*}"
    quiet
  done < <(grep "^option $name " <<<"$table")
}

begin info "$m"
runs "${opened[@]}" --json --out=a.json
rest

begin tokens "$m" "$q"
runs "${opened[@]}" "${worded[@]}" "$i" "$c" --kind=auto --exif=ignore --json --out=a.json
runs --no-chat --prompt
try tokens "$m" "$q" --system=x # for its place in a template
seen+='--system '
rest
begin tokens "$m" --text=a
runs "${opened[@]}" --exif=ignore --no-special --json --out=a.json
rest
echo '"a"' >lines
begin tokens "$m" --lines=lines
runs "${opened[@]}" --exif=ignore --no-special --json
usage 'it takes no --out' "${way[@]}" --out=a.json
seen+='--out '
rest

begin image "$m" "$i"
runs "${opened[@]}" --json --out=a.json
rest

"$loci" edit solve "$m" "$i" "$q" "$c" --target=Lima --steps=2 -o lima.edit >/dev/null 2>&1
[ -s lima.edit ] || miss 'no lima.edit'
edited=--edit=lima.edit

# A plain answer, that of a corrupted run, and that of a cell.
begin ask "$m" "$q"
runs "${opened[@]}" "${worded[@]}" "$i" "$c" --kind=auto --exif=ignore --max-new=2 --json --out=a.json "$edited"
runs --no-chat
seen+='--system '
rest
begin ask "$m" "$q" "$c" --corrupt=noise:3
runs --only=1 --direction=noise --seed=1 --max-new=2
seen+=$(printf -- '%s ' "${opened[@]%%=*}" "${worded[@]%%=*}")'--image --kind --exif --json --out --edit --mmproj --system --no-chat --site '
rest # --site makes it the next one
begin ask "$m" "$q" "$c" --site=mlp_out
runs --layers=2 --positions=last --window=1 --corrupt=mean --only=1 --direction=denoise --seed=1 --max-new=2

# One draw of the noise answers, and the command says no more than it takes.
try ask "$m" "$q" "$c" --corrupt=noise:3 --max-new=2 --json
wants 0
[[ $out != *seeds* ]] || miss 'an answer speaks of seeds'

begin record "$m" "$q" --site=mlp_out --out=a.safetensors
runs "${opened[@]}" "${worded[@]}" "$i" "$c" --kind=auto --exif=ignore --layers=1-2 --json
runs --no-chat
seen+='--system '
rest

asked=("${opened[@]}" "${worded[@]}" "$i" --kind=auto --exif=ignore --json "--out=a.json" "$edited" "${figure[@]}" --answer=Kyiv --only=1)
begin trace "$m" "$q" "$c"
runs "${asked[@]}" --corrupt=noise:3 --seeds=2 --seed=1 --site=mlp_out --layers=1-2 --positions=last --window=1 --direction=noise --metric=logp --verify=1
runs --receiver=logits --layers=3 --positions=last --site=mlp_out
runs --method=screen:1,atp --site=mlp_out --layers=2 --positions=last
runs --compat=authors --site=mlp_out --layers=2 --positions=last --no-chat
seen+='--system --noise --set --controls --donor --donor-image --donor-constraint --donor-model --donor-at ' # of ways the library tells apart
rest
begin knockout "$m" "$q" "$c"
runs "${asked[@]}" --from=image --to=last --layers=3 --window=1 --metric=logp --controls=1 --seed=1
runs --no-chat --layers=3
seen+='--system '
rest
begin lens "$m" "$q" "$c"
runs "${asked[@]}" --positions=last --layers=3 --metric=logp
runs --no-chat
seen+='--system '
rest
begin flow "$m" "$q" "$c"
runs "${opened[@]}" "${worded[@]}" "$i" --kind=auto --exif=ignore --json --out=a.json "$edited" "${figure[@]}" --from=image --to=last --layers=3 --heads
runs --no-chat
seen+='--system '
rest

few=("${opened[@]}" "${worded[@]}" --exif=ignore --json --limit=2 --sample=3 --seed=1)
begin score "$m"
runs "${few[@]}" --data="$data/score.jsonl" --out=a.json "$edited" "${figure[@]}" --max-new=3 --first-token --by=relation --choice=free
seen+='--system --no-chat '
rest

solving=(--layer=2 --steps=2 --lr=0.1 --weight-decay=0.001 --lambda=0.01 --max-norm=4 --stop-p=0.9 --method=multedit --keep-weight=1 --average-loss --each-key --keep=wishes.jsonl --prompts=2)
kinds='--preset --compat --kl --eps --ft-at --without-constraint --covariance --null-below --null-relative --batch --ridge --stop-loss ' # each of some methods, read by the library
head -2 "$data/trace.jsonl" | sed "s|\.\./images|$model/images|g;s/}$/, \"target\": \"Lima\"}/" >wishes.jsonl
begin edit-solve "$m" "$q" "$c" --target=Lima
ends=1 runs "${opened[@]}" "${worded[@]}" "$i" --kind=auto --exif=ignore --json --out=a.json "${solving[@]}" --rephrase='Which city is the capital of this country?' --prefixes=lines --average=wishes.jsonl
# What brought a result from files stands in its command, each of the options that name one.
while read -r _ _ spelled takes _; do
  option=--${spelled##*--}
  [[ $takes == file && $seen == *" $option "* && $option != --mmproj && $option != --out ]] || continue
  grep -qE "\"command\":.*($option|-${spelled:1:1} )" a.json || miss "the command of an edit has no $option"
done < <(grep '^option edit-solve ' <<<"$table")
ends=1 runs "$i" --steps=2 --no-chat
seen+="--system $kinds"
rest
begin edit-solve "$m" --requests=wishes.jsonl
ends=1 runs "${opened[@]}" "${worded[@]}" --exif=ignore --json --out=a.json "${solving[@]}" --renderings=1 --prefixes=lines
grep -q '"command":.*--prefixes' a.json || miss 'the command of many edits has no --prefixes'
ends=1 runs --steps=2 --no-chat
seen+="--system $kinds"
rest
begin edit-test "$m" --data="$data/edit-longtail.jsonl"
runs "${few[@]}" --out=a.json "${figure[@]}" "${solving[@]}" --renderings=1 --max-new=2
seen+="--system --no-chat --edit $kinds"
rest
begin edit-test "$m" --data="$data/edit-longtail.jsonl" "$edited"
runs "${few[@]}" --out=a.json "${figure[@]}" --max-new=2
seen+='--system --no-chat '
rest

begin bench
seen+='--model --scale --edit ' # each makes it another way
runs --precision=f32 --threads=1 --rows=8 --width=32 --inner=64 --heads=2 --kv-heads=1 --repeats=1 --json --out=a.json
rest
begin bench "$m"
seen+='--scale --edit '
runs --precision=f32 --threads=1 --rows=8 --width=32 --inner=64 --heads=2 --kv-heads=1 --repeats=1 --json --out=a.json
rest
begin bench "$m" --edit
runs --precision=f32 --threads=1 --memory=4G --steps=2 --json --out=a.json
rest
begin bench "$m" --scale
seen+=' --precision --threads --memory --device --mmproj --json --out --quiet --no-progress --color --model --scale ' # a whole trace: cli_checkpoint
rest

begin data-lint "$data/score.jsonl"
seen+='--model '
runs --no-images --fix --out=a.jsonl --json
seen+="--data "
rest
begin serve --store=s.db
seen+=' --store --port --no-open --save-to --page --log --no-progress --color --model '
rest

begin study-run "$m" --data="$data/trace.jsonl"
for what in flow ask lens knockout trace; do
  for o in --site=z --window=1 --direction=noise --layers=2-3 --positions=last --corrupt=mean --only=1 --answer=Kyiv --from=image --to=last --receiver=logits --method=screen:5 --seeds=2 --min-te=0.2 --max-new=3 --compat=authors; do
    n=${o%%=*}
    case $what$n in
      trace--from | trace--to) ;;
      trace--*) continue ;;
      flow--max-new | ask--max-new | lens--layers | lens--positions | lens--only | lens--answer) continue ;;
      knockout--window | knockout--layers | knockout--only | knockout--answer | knockout--from | knockout--to) continue ;;
    esac
    usage "$n" "${way[@]}" --store=never.db --what="$what" $o
  done
done
[ ! -e never.db ] || miss 'a store was made'
usage '--metric goes with --method screen:K' study trace "$data/trace.jsonl" "$m" --metric logp
usage '--direction goes with a corruption' ask "$m" "$q" --direction noise
usage 'a cell to restore needs a site' ask "$m" "$q" "$c" --window 9
usage 'edit test --edit takes no --ridge' edit test "$m" --data "$data/edit-longtail.jsonl" "$edited" --ridge 3
usage 'bench takes --steps with --edit only' bench --steps 3
usage 'bench --edit takes no --rows' bench "$m" --edit --rows 7
finish
