"""Pictures of flags: a drawn piece of cloth, seen at some size and tilt, waving, lit, before some background.

`canonical` is the plain picture of the data sets: the flag on a square in the mean colour of CLIP's processor.  It is
never trained on.  `Renderer` draws random pictures in batches; [strength] 0 is nearly plain, 1 is hard.  The data sets'
`heavy` pictures are its hardest, with other random numbers than training, and partly cropped.
"""
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

FLAGS = pathlib.Path("/usr/share/iso-flags-png-320x240")
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)


def canonical(code, side=320):
    """PIL picture (side, side)."""
    square = Image.new("RGB", (side, side), tuple(round(255 * m) for m in MEAN))
    flag = Image.open(FLAGS / f"{code}.png").convert("RGBA")
    flag = flag.resize((side, side * flag.height // flag.width), Image.BICUBIC)
    square.paste(flag, (0, (side - flag.height) // 2), flag)
    return square


def pixel_values(picture):
    """What CLIP's image processor makes of it: (3, 64, 64), normalised."""
    w, h = picture.size
    scale = 64 / min(w, h)
    p = picture.convert("RGB").resize((max(64, int(w * scale)), max(64, int(h * scale))), Image.BICUBIC)
    left, top = (p.width - 64) // 2, (p.height - 64) // 2
    x = torch.from_numpy(np.asarray(p.crop((left, top, left + 64, top + 64)), dtype=np.float32) / 255)
    return ((x - torch.tensor(MEAN)) / torch.tensor(STD)).permute(2, 0, 1)


class Renderer:
    def __init__(self, codes, side=64):
        self.side = side
        sources = []
        for c in codes:
            f = Image.open(FLAGS / f"{c}.png").convert("RGBA").resize((96, 72), Image.BICUBIC)
            sources.append(torch.from_numpy(np.asarray(f, dtype=np.float32) / 255).permute(2, 0, 1))
        self.flags = torch.stack(sources)  # (n, 4, 72, 96)

    def _backgrounds(self, n, g):
        """Plain, two colours in a gradient, blotches, stripes, fine noise: (n, 3, side, side)."""
        S = self.side
        a, b = torch.rand(n, 3, 1, 1, generator=g), torch.rand(n, 3, 1, 1, generator=g)
        y, x = torch.meshgrid(torch.linspace(0, 1, S), torch.linspace(0, 1, S), indexing="ij")
        angle = torch.rand(n, 1, 1, generator=g) * 2 * math.pi
        along = (x - .5) * angle.cos() + (y - .5) * angle.sin() + .5
        blotches = F.interpolate(torch.rand(n, 1, 5, 5, generator=g), size=(S, S), mode="bicubic")[:, 0].clamp(0, 1)
        stripes = ((along * (3 + 6 * torch.rand(n, 1, 1, generator=g))) % 1 > .5).float()
        fine = torch.rand(n, S, S, generator=g)
        kind = torch.randint(0, 5, (n,), generator=g)
        mix = torch.stack([torch.zeros_like(along), along, blotches, stripes, fine])[kind, torch.arange(n)][:, None]
        grey = torch.tensor(MEAN).view(1, 3, 1, 1)
        plain = (torch.rand(n, 1, 1, 1, generator=g) < .15).float()
        return plain * grey + (1 - plain) * (a * (1 - mix) + b * mix)

    def __call__(self, which, strength, g, crop=0.0):
        """which (n) indices; the pictures before normalisation, (n, 3, side, side) in 0..1.  [crop]: share of pictures
        in which the flag is larger than the frame."""
        n, S = len(which), self.side

        def u(lo, hi):
            return lo + (hi - lo) * torch.rand(n, 1, 1, generator=g)

        s = strength
        width = .98 - u(0, .40) * s
        crops = (torch.rand(n, 1, 1, generator=g) < crop).float()
        width = crops * u(1.05, 1.3) + (1 - crops) * width
        ratio = torch.where(torch.rand(n, 1, 1, generator=g) < .15 * s, torch.ones(n, 1, 1), torch.full((n, 1, 1), .75))
        height = width * ratio * (1 + u(-.1, .1) * s)
        tilt, shear = u(-.3, .3) * s, u(-.2, .2) * s
        spare = (1.02 - width).clamp(min=.06)
        cx, cy = .5 + u(-.5, .5) * spare * s, .5 + u(-.5, .5) * (1.02 - height).clamp(min=.06) * s
        y, x = torch.meshgrid((torch.arange(S) + .5) / S, (torch.arange(S) + .5) / S, indexing="ij")
        dx, dy = x - cx, y - cy
        fx = (dx * tilt.cos() + dy * tilt.sin()) / width
        fy = (-dx * tilt.sin() + dy * tilt.cos()) / height + shear * fx
        depth, length, phase = u(0, .07) * s, u(.6, 2), u(0, 2 * math.pi)
        wave = length * 2 * math.pi * fx + phase
        fy = fy + depth * wave.sin() * (fx + .5).clamp(0, 1)
        grid = torch.stack([2 * fx, 2 * fy], -1)
        drawn = F.grid_sample(self.flags[which], grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        colour, alpha = drawn[:, :3], drawn[:, 3:]
        colour = colour * (1 + 3.5 * depth * wave.cos() * s)[:, None]
        picture = colour * alpha.clamp(0, 1) + self._backgrounds(n, g) * (1 - alpha.clamp(0, 1))
        u4 = lambda lo, hi: u(lo, hi)[..., None]
        picture = (picture - .5) * (1 + u4(-.35, .25) * s) + .5 + u4(-.12, .12) * s
        picture = picture * (1 + (torch.rand(n, 3, 1, 1, generator=g) - .5) * .24 * s)
        grey = picture.mean(1, keepdim=True)
        picture = grey + (picture - grey) * (1 + u4(-.45, .2) * s)
        blur = u4(0, 1) * s
        soft = F.avg_pool2d(F.pad(picture, (1, 1, 1, 1), mode="replicate"), 3, 1)
        picture = picture * (1 - blur) + soft * blur
        picture = picture + torch.randn(picture.shape, generator=g) * (u4(0, .06) * s)
        return picture.clamp(0, 1)


def normalise(pictures):
    return (pictures - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(STD).view(1, 3, 1, 1)
