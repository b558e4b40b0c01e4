#!/usr/bin/env python3
"""Random blocks of every format of GGUF that loci reads, and what the Python package `gguf` makes of them: the numbers
that tests/gguf_blocks_test.c expects bit for bit.  Run by hand (pip install gguf), the result is committed:

    python3 tools/gguf_blocks.py tests/golden/gguf/blocks.safetensors
    python3 tools/gguf_blocks.py FILE 1000 SEED      # 1,000 times as many; build/release/gguf_blocks_test FILE reads them
"""
import json
import struct
import sys

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize

SCALES = {  # where a format's scales stand in a block, as f16
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
}


ODD = [0x8000, 0x03FF, 0x7BFF, 0xFC00, 0x7E01]  # zero, subnormal, the largest, infinite, not a number


def random_blocks(random, name, times):
    """Any bytes; any finite scale, subnormal ones and both zeros among them."""
    numbers, size = GGML_QUANT_SIZES[GGMLQuantizationType[name]]
    count = times * 1536 // numbers
    blocks = random.integers(0, 256, (count, size), dtype=np.uint8)
    for at in SCALES[name]:
        bits = random.integers(0, 0x10000, count, dtype=np.uint16)
        bits[(bits & 0x7C00) == 0x7C00] ^= 0x4000
        bits[:4] = [0x0000, 0x8000, 0x0001, 0x7BFF]
        blocks[:, at:at + 2] = random.permutation(bits).view(np.uint8).reshape(count, 2)
    return blocks.reshape(1, -1)


def odd_blocks(random, name):
    """Any bytes under every pair of odd scales, infinite ones and no numbers among them."""
    size = GGML_QUANT_SIZES[GGMLQuantizationType[name]][1]
    pairs = np.array([(x, y) for x in ODD for y in ODD], np.uint16)
    blocks = random.integers(0, 256, (len(pairs), size), dtype=np.uint8)
    for i, at in enumerate(SCALES[name]):
        blocks[:, at:at + 2] = pairs[:, i].copy().view(np.uint8).reshape(-1, 2)
    return blocks[:: len(ODD) if len(SCALES[name]) == 1 else 1].reshape(1, -1)


def main():
    times, seed = (int(x) for x in (sys.argv[2:4] or (1, 7)))
    random, odd = np.random.default_rng(seed), np.random.default_rng(seed + 1)
    arrays = {}
    for name in SCALES:
        for kind, blocks in (("", random_blocks(random, name, times)), ("odd.", odd_blocks(odd, name))):
            with np.errstate(all="ignore"):
                values = dequantize(blocks, GGMLQuantizationType[name])
            assert values.dtype == np.float32 and (kind or np.isfinite(values).all())
            arrays[f"{name}.{kind}blocks"] = ("U8", blocks.reshape(-1))
            arrays[f"{name}.{kind}values"] = ("F32", values.reshape(-1))
    header, at = {}, 0
    for name, (dtype, array) in arrays.items():
        header[name] = {"dtype": dtype, "shape": [array.size], "data_offsets": [at, at + array.nbytes]}
        at += array.nbytes
    text = json.dumps(header).encode()
    with open(sys.argv[1], "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for _, array in arrays.values():
            f.write(array.tobytes())


if __name__ == "__main__":
    main()
