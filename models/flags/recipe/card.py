"""The accuracies of the model card, of the weights as shipped (bf16) and as trained (f32).

    python card.py WORK
"""
import pathlib
import sys

import torch

import evaluate
from model import Tower
from sequences import Encoder

work = pathlib.Path(sys.argv[1])
torch.set_num_threads(2)
e = Encoder(work / "tokenizer.json")
tower = Tower()
tower.load_state_dict(torch.load(work / "tower.pt"))
print("Greedy exact answers, % [95 % interval] n")
print("text-only twin, bf16: " + evaluate.text_line(e, {k: v.bfloat16().float() for k, v in
                                                        torch.load(work / "text.pt").items()}))
print("as trained (f32)\n" + evaluate.visual_line(e, tower, torch.load(work / "joint.pt")))
print("as shipped (bf16)\n" + evaluate.visual_line(e, tower, torch.load(work / "joint.pt"), bf16=True))
