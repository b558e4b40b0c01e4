"""The shipped checkpoints against this recipe's own functions: transformers loads them strictly and gives the same
logits.

    python compare.py WORK FLAGS-FOLDER [TWIN-FOLDER]
"""
import pathlib
import sys

import torch
from PIL import Image
from transformers import AutoProcessor, AutoTokenizer, LlamaForCausalLM, LlavaForConditionalGeneration

import evaluate
import questions as Q
import render
from model import Decoder, Tower
from sequences import Encoder, batch
from tokenizer import SIZE


def strict(kind, folder):
    model, info = kind.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    assert not any(info[k] for k in ("missing_keys", "unexpected_keys", "mismatched_keys")), info
    return model.eval()


@torch.no_grad()
def main(work, flags, twin=None):
    e = Encoder(work / "tokenizer.json")
    tower = Tower()
    tower.load_state_dict(torch.load(work / "tower.pt"))
    ours = evaluate.Loaded(tower, torch.load(work / "joint.pt")).round_to_bf16()
    theirs, processor = strict(LlavaForConditionalGeneration, flags), AutoProcessor.from_pretrained(flags)
    worst = 0.0
    for code in ("fr", "ua", "jp", "br"):
        question = "What is the capital of this country?"
        inputs = processor(text=Q.canonical_prompt(question, True), images=render.canonical(code), return_tensors="pt")
        want = theirs(**inputs).logits[0, -1]
        ids, first, last, _ = e.prompt(Q.SINGLE["capital"][0], "this country", None, True)
        b = batch([(ids, first, last, [2])], 1)
        own, _ = ours.decoder(ours.prefix((code, "canonical")), b[0], b[1], False, b[2])
        worst = max(worst, ((own[0] - want).abs().max() / want.abs().max()).item())
    print(f"llava: largest difference {worst:.1e} of the largest logit")
    if not twin:
        return
    text, tok = strict(LlamaForCausalLM, twin), AutoTokenizer.from_pretrained(twin)
    decoder = Decoder(SIZE)
    decoder.load_state_dict({k: v.bfloat16().float() for k, v in torch.load(work / "text.pt").items()})
    worst = 0.0
    for name in ("France", "Kazakhstan"):
        want = text(**tok(Q.canonical_prompt(f"What is the capital of {name}?", False), return_tensors="pt",
                          return_token_type_ids=False)).logits[0, -1]
        ids, first, last, _ = e.prompt(Q.SINGLE["capital"][0], name, None, False)
        b = batch([(ids, first, last, [2])], 1)
        own, _ = decoder(torch.nn.functional.embedding(torch.tensor([[1]]), decoder.embed), b[0], b[1], False, b[2])
        worst = max(worst, ((own[0] - want).abs().max() / want.abs().max()).item())
    print(f"twin: largest difference {worst:.1e} of the largest logit")


if __name__ == "__main__":
    main(*map(pathlib.Path, sys.argv[1:]))
