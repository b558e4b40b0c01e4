"""Pictures of all classes, drawn by the renderer of the model flags (../../flags/recipe/render.py): waving, tilted, lit,
before some background.  `plain` is the picture of the data sets, which is never trained.
"""
import pathlib
import sys

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

import names

sys.path.append(str(names.FLAGS / "recipe"))
import render  # noqa: E402

SIDE = 72
EMOJI = "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"
GREY = tuple(round(255 * m) for m in render.MEAN)


def flag(code):
    return Image.open(render.FLAGS / f"{code}.png").convert("RGBA")


def emoji(character):
    picture = Image.new("RGBA", (136, 128))
    ImageDraw.Draw(picture).text((0, 0), character, font=ImageFont.truetype(EMOJI, 109), embedded_color=True)
    return picture


def whole(picture):
    """The picture, as large as it fits, in the middle of a clear one of flags' shape, 4 to 3."""
    out, box = Image.new("RGBA", (320, 240)), picture.getbbox()
    picture = picture.crop(box)
    scale = min(320 / picture.width, 240 / picture.height)
    picture = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.BICUBIC)
    out.paste(picture, ((320 - picture.width) // 2, (240 - picture.height) // 2))
    return out


def sources():
    """All (class, picture), classes in the order of countries, then things."""
    out = [(i, flag(f["id"])) for i, f in enumerate(names.countries())]
    for i, thing in enumerate(names.things(), len(out)):
        out.append((i, whole(emoji(thing["emoji"]))))
        out += [(i, whole(Image.open(p).convert("RGBA"))) for p in thing["photos"]]
    return out


def plain(picture, side=320):
    square = Image.new("RGB", (side, side), GREY)
    picture = picture.resize((side, side * picture.height // picture.width), Image.BICUBIC)
    square.paste(picture, (0, (side - picture.height) // 2), picture)
    return square


class Renderer(render.Renderer):
    """render.Renderer over [sources]; a call takes indices into it."""

    def __init__(self, pictures):
        self.side, self.flags = SIDE, torch.stack([
            torch.from_numpy(np.asarray(p.resize((96, 72), Image.BICUBIC), dtype=np.float32) / 255).permute(2, 0, 1)
            for p in pictures])
