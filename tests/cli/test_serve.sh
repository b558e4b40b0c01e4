#!/bin/bash
# loci serve by plain sockets: who is let in, what is refused, a job from its form to its result, and that Ctrl-C
# ends it.  The page itself is tests/page.
. "$(dirname "$0")/lib.sh"

try serve -m "$model" --port 99999
if [[ $err == *"built without the page"* ]]; then
  echo "loci serve is not part of this build"
  exit 77
fi
wants 2
usage 'serve needs -m DIR' serve
failed 'nowhere.db' serve --store nowhere.db --no-open
failed 'nowhere' serve -m nowhere --no-open

last='serve --no-open'
"$loci" serve -m "$model" --no-open >"$work/address" 2>"$work/err" &
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$work"' EXIT
until [ -s "$work/address" ] || ! kill -0 $server 2>/dev/null; do sleep 0.05; done
address=$(cat "$work/address")
port=${address#http://127.0.0.1:} port=${port%%/*} token=${address##*=}
[ "$(wc -l <"$work/address")" = 1 ] && [[ $address =~ ^http://127\.0\.0\.1:[0-9]+/#token=[0-9a-f]{64}$ ]] ||
  miss "the first line is not the address with its token: $address"

# request LINE HEADER... [-- BODY]: the answer into $answer, its status into $status
request() {
  last="serve: $*"
  local line=$1 head='' body='' length=
  shift
  while [ $# -gt 0 ] && [ "$1" != -- ]; do head+="$1"$'\r\n'; shift; done
  [ $# -gt 0 ] && { body=$2; length="Content-Length: ${#body}"$'\r\n'; }
  exec 3<>"/dev/tcp/127.0.0.1/$port"
  printf '%s HTTP/1.1\r\n%s%sConnection: close\r\n\r\n%s' "$line" "$head" "$length" "$body" >&3
  answer=$(cat <&3 | tr -d '\0')
  exec 3>&-
  status=${answer#HTTP/1.? } status=${status%% *}
}
gets() { [ "$status" = "$1" ] || miss "status $status, expected $1: ${answer:0:200}"; }
host="Host: 127.0.0.1:$port" auth="Authorization: Bearer $token"
post() { request "POST /api/jobs" "$host" "$auth" -- "$1"; }
number() { sed -n 's/.*"job":\([0-9]*\).*/\1/p' <<<"$answer"; }

# Everything that is right, then each rule broken alone.
request 'GET /api/hello' "$host" "$auth"
gets 200
[[ $answer == *'"layers":12'* ]] || miss "hello does not name the model"
request 'GET /' "$host"
gets 200
for header in "Content-Security-Policy: default-src 'none'" 'X-Content-Type-Options: nosniff' 'Referrer-Policy: no-referrer' \
  'Cross-Origin-Opener-Policy: same-origin' 'Cross-Origin-Resource-Policy: same-origin'; do
  [[ $answer == *"$header"* ]] || miss "no header $header"
done
for other in 'Host: evil.example' "Host: 127.0.0.1.evil.example:$port" "Host: localhost.:$port" 'Host: user@127.0.0.1' \
  'Host: 127.0.0.1:80:80' 'Host: 127.0.0.1:x' 'Host: [::2]'; do
  request 'GET /' "$other"
  gets 403
  request 'GET /api/hello' "$other" "$auth"
  gets 403
done
request 'GET /' "$host" "$host"
[[ $status == 40[03] ]] || miss "two hosts get $status"
for fine in "Host: localhost:$port" 'Host: localhost' "Host: [::1]:$port" 'Host: 127.0.0.1:1'; do
  request 'GET /' "$fine"
  gets 200
done
request 'GET /api/hello' "$host"
gets 401
for wrong in "Bearer ${token%?}" "Bearer ${token}0" "Bearer ${token/[0-9]/x}" "bearer $token" "Basic $token" "$token" ''; do
  request 'GET /api/hello' "$host" "Authorization: $wrong"
  gets 401
done
request "GET /api/hello?token=$token" "$host" "Cookie: token=$token"
gets 401
for origin in 'http://evil.example' "https://127.0.0.1:$port" "http://localhost:$port" 'null' ''; do
  request 'GET /api/hello' "$host" "$auth" "Origin: $origin"
  gets 403
done
request 'GET /api/hello' "$host" "$auth" "Origin: http://127.0.0.1:$port" 'Sec-Fetch-Site: same-origin'
gets 200
[[ ${answer,,} != *access-control* ]] || miss "a header of CORS"
for twice in "Origin: http://127.0.0.1:$port" 'Sec-Fetch-Site: same-origin' "$auth"; do
  request 'GET /api/hello' "$host" "$auth" "$twice" "$twice"
  gets 400
done
request 'POST /api/jobs' "$host" "$auth" 'Content-Length: 5' 'Transfer-Encoding: chunked'
gets 400
long=$(printf '%15000s' '' | tr ' ' x)
request 'GET /api/hello' "$host" "$auth" "X-Long: $long"
gets 200
request 'GET /api/hello' "$host" "$auth" "X-Long: ${long}${long:0:2000}"
gets 431
for site in cross-site same-site none; do
  request 'GET /api/hello' "$host" "$auth" "Sec-Fetch-Site: $site"
  gets 403
done
for method in OPTIONS PUT PATCH HEAD TRACE; do
  request "$method /api/hello" "$host" "$auth"
  gets 405
done
request 'POST /' "$host" -- x
gets 405
for path in /page/../api/hello /page/..%2fhello /%61pi/hello //api/hello /api//hello /PAGE/app.js '/page/app.js%00' /page/x\\y; do
  request "GET $path" "$host" "$auth"
  gets 400
done
for path in /page/nothing.js /page/ /page/. /favicon.ico; do
  request "GET $path" "$host"
  gets 404
done
request 'GET /api/nothing' "$host" "$auth"
gets 404

# A job: refused in a sentence, run once, its result what the command prints.
post 'what=edit%20apply&question=x'
gets 422
post 'question=x'
gets 422
post 'what=trace'
gets 422
[[ $answer == *'trace needs'* ]] || miss "what is missing is not named"
for bad in 'what=%' 'what=%00' 'what' 'what=ask&question=%zz' '='; do
  post "$bad"
  [[ $status == 4?? ]] || miss "status $status"
done
many=$(for i in $(seq 70); do printf 'constraint=x&'; done)
post "what=trace&question=x&${many%&}"
gets 400
for field in model=models%2Fflags image=%2Fetc%2Fpasswd out=x.json edit=x noise=x threads=3 template=file%3A%2Fetc%2Fpasswd; do
  post "what=trace&question=x&constraint=x&$field"
  gets 422
done
post 'what=trace&question=x&constraint=x&corrupt=image%3A%2Fetc%2Fpasswd'
gets 422
post 'what=ask&question=x&picture=p0123456789abcdef'
gets 422
[[ $answer == *'drop it again'* ]] || miss "an unknown picture"
request 'POST /api/pictures' "$host" "$auth" -- 'no picture'
gets 422
request 'POST /api/pictures' "$host" "$auth" 'Content-Length: 99999999999'
gets 413
request 'POST /api/jobs' "$host" "$auth" 'Content-Length: 99999'
gets 413

asked='what=trace&question=What+is+the+capital+of+this+country%3F&constraint=this+country'
post "$asked&corrupt=mean"
gets 202
job=$(number)
post "$asked&corrupt=mean"
[ "$(number)" = "$job" ] || miss "the same question is another job"
request "GET /api/jobs/$job/events" "$host" "$auth"
gets 200
[[ $answer == *'"state":"done"'* ]] || miss "the events do not end with done"
request "GET /api/jobs/$job/result.json" "$host" "$auth"
gets 200
# without times, and rows of walks: on the page a trace has several
steady() { sed 's/"\(seconds\|read\|convert\|product\|attention\|head\|other\|flop_per_s\|rows\|formula\|flop\)":[0-9][0-9.e+-]*//g'; }
try trace -m "$model" -q "$question" -c 'this country' --corrupt mean --json
[ "$(sed '1,/^\r$/d' <<<"$answer" | steady)" = "$(steady <"$work/out")" ] ||
  { last='serve: trace'; miss "the result is not what loci trace --json prints"; }
post 'what=trace&question=x&constraint=not+there'
job=$(number)
request "GET /api/jobs/$job/events" "$host" "$auth"
[[ $answer == *'"state":"failed"'*'not there'* ]] || miss "a failed job does not say why"
request 'GET /api/jobs/999999/events' "$host" "$auth"
[[ $answer != *'"state"'* ]] || miss "a job that is not there has a state"
request 'DELETE /api/jobs/999999' "$host" "$auth"
gets 404

# An edit: solved, put onto the model between jobs, and taken off bit for bit.
post 'what=ask&question=What+is+the+capital+of+this+country%3F'
before=$(number)
request "GET /api/jobs/$before/events" "$host" "$auth"
request "POST /api/jobs/$before/apply" "$host" "$auth"
gets 404
post "what=edit+solve&question=What+is+the+capital+of+this+country%3F&constraint=this+country&target=Lima&steps=60"
edit=$(number)
request "POST /api/jobs/$edit/apply" "$host" "$auth"
[[ $status == 40[49] ]] || miss "an edit that is not solved yet: status $status"
request "GET /api/jobs/$edit/events" "$host" "$auth"
[[ $answer == *'"state":"done"'* ]] || miss "no edit: $answer"
request "POST /api/jobs/$edit/apply" "$host" "$auth"
gets 200
request 'GET /api/hello' "$host" "$auth"
[[ $answer == *"\"edited\":$edit"* ]] || miss "hello does not say that the model is edited"
post 'what=ask&question=What+is+the+capital+of+this+country%3F'
gets 202
after=$(number)
request "GET /api/jobs/$after/events" "$host" "$auth"
request "GET /api/jobs/$after/result.json" "$host" "$auth"
[[ $answer == *'"answer":"Lima"'* ]] || miss "the edited model does not say Lima: ${answer: -400}"
request "POST /api/jobs/$edit/revert" "$host" "$auth"
gets 200
post 'what=ask&question=What+is+the+capital+of+this+country%3F'
again=$(number)
request "GET /api/jobs/$again/events" "$host" "$auth"
request "GET /api/jobs/$again/result.json" "$host" "$auth"
reverted=$(sed '1,/^\r$/d' <<<"$answer")
request "GET /api/jobs/$before/result.json" "$host" "$auth"
[ "$reverted" = "$(sed '1,/^\r$/d' <<<"$answer")" ] || miss "after reverting the answer is another one"

# Forty that send and never end, with and without the token, and the page is used beside them; an answer that goes on is
# not cut for them.
post "$asked&corrupt=noise%3A3&seeds=2000&seed=3"
job=$(number)
exec 3<>"/dev/tcp/127.0.0.1/$port"
printf 'GET /api/jobs/%s/events HTTP/1.1\r\n%s\r\n%s\r\nConnection: close\r\n\r\n' "$job" "$host" "$auth" >&3
exec 4<&3
slow=()
for i in $(seq 40); do
  exec {fd}<>"/dev/tcp/127.0.0.1/$port"
  if [ $((i % 2)) = 0 ]; then
    printf 'GET / HTTP/1.1\r\n%s\r\nX' "$host" >&"$fd"
  else
    printf 'POST /api/jobs HTTP/1.1\r\n%s\r\n%s\r\nContent-Length: 99\r\n\r\nx' "$host" "$auth" >&"$fd"
  fi 2>/dev/null
  slow+=("$fd")
done
begin=$SECONDS
for i in 1 2 3; do
  request 'GET /api/hello' "$host" "$auth"
  gets 200
done
[ $((SECONDS - begin)) -lt 20 ] || miss "beside forty slow senders three answers took $((SECONDS - begin)) s"
request "DELETE /api/jobs/$job" "$host" "$auth"
gets 202
last='serve: events beside forty slow senders'
[[ $(timeout 60 cat <&4 | tr -d '\0') == *'"state":"cancelled"'* ]] || miss "the events were cut"
exec 4<&-
for fd in "${slow[@]}"; do exec {fd}>&-; done

# A job is cancelled, and so is one that runs when Ctrl-C comes.
long="$asked&corrupt=noise%3A3&seeds=2000"
post "$long"
job=$(number)
request "DELETE /api/jobs/$job" "$host" "$auth"
gets 202
request "GET /api/jobs/$job/events" "$host" "$auth"
[[ $answer == *'"state":"cancelled"'* ]] || miss "it is not cancelled"
post "$long&seed=2"
gets 202
kill -0 $server || miss "the server is gone"
[ ! -s "$work/err" ] || miss "something is on standard error"
kill -INT $server
wait $server
code=$?
last='serve, after Ctrl-C'
wants 0
finish
