#!/bin/bash
# Where is the fact of a question with one constraint?  The paper: in the earliest MLPs and attention blocks, at the
# constraint's last token; late layers at the last position.  Three data sets in the paper (Multimodal Known, Movies,
# OK-VQA: loci data import); trace.jsonl is the demo model's.
#   reproduce/single.sh MODEL DATA OUT [LIMIT]        -> single-NAME.png .json
. "$(dirname "$0")/common.sh"
names=$(files known movies okvqa trace)
for name in $names; do
  run "single-$name" study trace "$data/$name.jsonl" -m "$model" --positions each,constraint --window 1,3 \
    -o "$out/single-$name.png" -o "$out/single-$name.json"
done
