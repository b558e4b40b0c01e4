"""The network, written for training on a CPU: the same functions as transformers' LlavaForConditionalGeneration
(export.py writes it in that layout), with the weights of all layers of a kind in one array, and questions on one image
sharing the image's rows.

Letters: N images, P rows before the question (1 of <s>, 64 of the image; text alone: 1), Q questions on an image,
T tokens of a question, D width, L layers, H heads, K head width, F inner width.

The attention bottleneck (card, "A planted pathway") is a mask in training only:
    layers 2-4   the constraint's tokens see the image; nobody else does, in any layer
    layers 5-7   what stands after the constraint sees its last token; in no other layer any of its tokens
"""
import math

import torch
import torch.nn.functional as F
from torch import nn

LAYERS, WIDTH, HEADS, INNER = 12, 160, 5, 448
IMAGE_LAYERS = range(2, 5)  # image -> constraint
READ_LAYERS = range(5, 8)   # last token of the constraint -> what follows
IMAGE_ROWS = 64


def rope(positions, K, theta=10000.0):
    freq = 1 / theta ** (torch.arange(0, K, 2).float() / K)
    angle = positions.float()[:, None] * freq
    return torch.cat([angle, angle], -1).cos(), torch.cat([angle, angle], -1).sin()


def rotate(x, cos, sin):
    """x (..., T, H, K); cos, sin (T, K)"""
    a, b = x.chunk(2, -1)
    return x * cos[:, None] + torch.cat([-b, a], -1) * sin[:, None]


class Decoder(nn.Module):
    def __init__(self, vocab):
        super().__init__()
        D, Fi, L = WIDTH, INNER, LAYERS

        def matrix(*shape, gain=1.0):
            return nn.Parameter(torch.randn(*shape) * gain / math.sqrt(shape[-1]))

        self.embed = nn.Parameter(torch.randn(vocab, D) * .05)
        self.head = nn.Parameter(torch.randn(vocab, D) * .02)
        self.norm = nn.Parameter(torch.ones(D))
        self.norm1, self.norm2 = nn.Parameter(torch.ones(L, D)), nn.Parameter(torch.ones(L, D))
        self.qkv = matrix(L, 3, D, D, gain=.6)
        self.o = matrix(L, D, D, gain=.3)
        self.gu = matrix(L, 2, Fi, D, gain=.6)
        self.down = matrix(L, D, Fi, gain=.3)

    def hidden_matrices(self):
        return [self.qkv, self.o, self.gu, self.down]

    def forward(self, prefix, ids, spans, masked, rows=None, stop=None, capture=None):
        """prefix (N,P,D) input rows before the questions; ids (N,Q,T); spans (first, last) of the constraint, each
        (N,Q); masked: the bottleneck is on.  rows: flat indices into N*Q*T whose logits are wanted.  stop: run only so
        many layers and return the residual stream (N,Q,T,D).  capture: a layer; the residual stream entering it is
        returned beside the logits."""
        N, P, D = prefix.shape
        Q, T = ids.shape[1:]
        H, K = HEADS, WIDTH // HEADS
        x = F.embedding(ids, self.embed)
        cos_p, sin_p = rope(torch.arange(P), K)
        cos, sin = rope(torch.arange(P, P + T), K)
        masks = Masks(spans, T, P, masked)
        n1, n2 = self.norm1.unbind(0), self.norm2.unbind(0)
        qkv, o, gu, down = (w.unbind(0) for w in self.hidden_matrices())
        kept = None
        for l in range(LAYERS if stop is None else stop):
            if l == capture:
                kept = x
            if masked and l == IMAGE_LAYERS.stop:
                prefix = prefix[:, :1]  # the image is not seen from here on
            wqkv, wgu = qkv[l].reshape(3 * D, D), gu[l].reshape(2 * INNER, D)
            p = prefix.shape[1]
            qp, kp, vp = F.linear(F.rms_norm(prefix, (D,), n1[l], 1e-5), wqkv).view(N, p, 3, H, K).unbind(2)
            q, k, v = F.linear(F.rms_norm(x, (D,), n1[l], 1e-5), wqkv).view(N, Q, T, 3, H, K).unbind(3)
            qp, kp = rotate(qp, cos_p[:p], sin_p[:p]), rotate(kp, cos_p[:p], sin_p[:p])
            q, k = rotate(q, cos, sin), rotate(k, cos, sin)
            z = attend(q, k, v, kp, vp, masks.of(l, p))
            last = l == LAYERS - 1 and rows is not None
            if last:
                x, z = x.reshape(-1, D).index_select(0, rows), z.reshape(-1, D).index_select(0, rows)
            x = x + F.linear(z, o[l])
            g, u = F.linear(F.rms_norm(x, (D,), n2[l], 1e-5), wgu).chunk(2, -1)
            x = x + F.linear(F.silu(g) * u, down[l])
            if l < LAYERS - 1:
                prefix = self.prefix_layer(prefix, qp, kp, vp, o[l], n2[l], wgu, down[l])
        if stop is not None:
            return x
        return F.linear(F.rms_norm(x, (D,), self.norm, 1e-5), self.head), kept

    @staticmethod
    def prefix_layer(x, q, k, v, o, n2, wgu, down):
        N, P, D = x.shape
        causal = torch.full((P, P), float("-inf")).triu(1)
        s = torch.einsum("nthk,nshk->nhts", q, k) / math.sqrt(q.shape[-1]) + causal
        z = torch.einsum("nhts,nshk->nthk", s.softmax(-1), v).reshape(N, P, D)
        x = x + F.linear(z, o)
        g, u = F.linear(F.rms_norm(x, (D,), n2, 1e-5), wgu).chunk(2, -1)
        return x + F.linear(F.silu(g) * u, down)


class Masks:
    """Additive biases (N,1,Q,T,P+T) for the three kinds of layers."""

    def __init__(self, spans, T, P, masked):
        self.first, self.last, self.T, self.P, self.masked = *spans, T, P, masked
        self.made = {}

    def of(self, layer, p):
        kind = 0
        if self.masked:
            kind = 1 if layer in IMAGE_LAYERS else 2 if layer in READ_LAYERS else 3
        if (kind, p) not in self.made:
            self.made[kind, p] = self.make(kind, p)
        return self.made[kind, p]

    def make(self, kind, p):
        t = torch.arange(self.T)
        N, Q = self.first.shape
        first, last = self.first[..., None, None], self.last[..., None, None]
        row, col = t.view(1, 1, -1, 1), t.view(1, 1, 1, -1)
        own = (col <= row).expand(N, Q, self.T, self.T)
        seen = torch.ones(N, Q, self.T, p, dtype=torch.bool)
        if kind:
            behind = row > last
            in_constraint = (col >= first) & (col <= last)
            readable = (col == last) if kind == 2 else torch.zeros_like(in_constraint)
            own = own & ~(behind & in_constraint & ~readable)
            if p > 1:
                sees = (row >= first) & (row <= last) if kind == 1 else torch.zeros_like(row == last)
                seen = torch.cat([seen[..., :1], sees.expand(N, Q, self.T, p - 1)], -1)
        bias = torch.zeros(N, Q, self.T, p + self.T)
        bias.masked_fill_(~torch.cat([seen, own], -1), float("-inf"))
        return bias[:, None]


def attend(q, k, v, kp, vp, bias):
    """q, k, v (N,Q,T,H,K) of the questions; kp, vp (N,P,H,K) of what stands before them; bias (N,1,Q,T,P+T)."""
    N, Q, T, H, K = q.shape
    P = kp.shape[1]
    qh = q.permute(0, 3, 1, 2, 4) / math.sqrt(K)               # (N,H,Q,T,K)
    kh, vh = k.permute(0, 3, 1, 2, 4), v.permute(0, 3, 1, 2, 4)
    before = (qh.reshape(N, H, Q * T, K) @ kp.permute(0, 2, 3, 1)).view(N, H, Q, T, P)
    own = qh @ kh.transpose(-1, -2)
    a = (torch.cat([before, own], -1) + bias).softmax(-1)
    z = a[..., P:] @ vh + (a[..., :P].reshape(N, H, Q * T, P) @ vp.permute(0, 2, 1, 3)).view(N, H, Q, T, K)
    return z.permute(0, 2, 3, 1, 4).reshape(N, Q, T, H * K)


class Tower(nn.Module):
    """CLIPVisionModel, 64 x 64 pixels in patches of 8; forward gives CLS and the mean patch of the layer before the
    last (for training as a classifier), `features` the 64 patches that the projector reads."""
    WIDTH, LAYERS, HEADS, INNER, PATCH, GRID = 128, 4, 4, 512, 8, 8

    def __init__(self):
        super().__init__()
        D, L = self.WIDTH, self.LAYERS

        def matrix(*shape, gain=1.0):
            return nn.Parameter(torch.randn(*shape) * gain / math.sqrt(shape[-1]))

        self.patch = matrix(D, 3 * self.PATCH ** 2)
        self.cls = nn.Parameter(torch.randn(D) * .02)
        self.position = nn.Parameter(torch.randn(1 + self.GRID ** 2, D) * .02)
        for name, shape in (("pre", (D,)), ("ln1", (L, D)), ("ln2", (L, D)), ("post", (D,))):
            setattr(self, name + "_w", nn.Parameter(torch.ones(shape)))
            setattr(self, name + "_b", nn.Parameter(torch.zeros(shape)))
        self.qkv, self.qkv_b = matrix(L, 3, D, D), nn.Parameter(torch.zeros(L, 3, D))
        self.o, self.o_b = matrix(L, D, D, gain=.5), nn.Parameter(torch.zeros(L, D))
        self.fc1, self.fc1_b = matrix(L, self.INNER, D), nn.Parameter(torch.zeros(L, self.INNER))
        self.fc2, self.fc2_b = matrix(L, D, self.INNER, gain=.5), nn.Parameter(torch.zeros(L, D))

    def hidden_matrices(self):
        return [self.qkv, self.o, self.fc1, self.fc2]

    def states(self, pixels, layers):
        n, D, H = len(pixels), self.WIDTH, self.HEADS
        p, G, T = self.PATCH, self.GRID, 1 + self.GRID ** 2
        x = pixels.view(n, 3, G, p, G, p).permute(0, 2, 4, 1, 3, 5).reshape(n, G * G, 3 * p * p)
        x = torch.cat([self.cls.expand(n, 1, D), F.linear(x, self.patch)], 1) + self.position
        x = F.layer_norm(x, (D,), self.pre_w, self.pre_b)
        for l in range(layers):
            h = F.layer_norm(x, (D,), self.ln1_w[l], self.ln1_b[l])
            q, k, v = F.linear(h, self.qkv[l].view(3 * D, D), self.qkv_b[l].view(-1)).view(n, T, 3, H, D // H).unbind(2)
            a = torch.einsum("nthk,nshk->nhts", q, k).mul((D // H) ** -.5).softmax(-1)
            z = torch.einsum("nhts,nshk->nthk", a, v).reshape(n, T, D)
            x = x + F.linear(z, self.o[l], self.o_b[l])
            h = F.linear(F.layer_norm(x, (D,), self.ln2_w[l], self.ln2_b[l]), self.fc1[l], self.fc1_b[l])
            x = x + F.linear(h * torch.sigmoid(1.702 * h), self.fc2[l], self.fc2_b[l])
            if l == self.LAYERS - 2:
                self.before_last = x
        return x

    def forward(self, pixels):
        x = self.states(pixels, self.LAYERS)
        return F.layer_norm(x[:, 0], (self.WIDTH,), self.post_w, self.post_b), self.before_last[:, 1:].mean(1)

    @torch.no_grad()
    def features(self, pixels):
        return self.states(pixels, self.LAYERS - 1)[:, 1:]


class Projector(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(Tower.WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Muon(torch.optim.Optimizer):
    """Momentum whose update is made orthogonal by five Newton-Schulz steps (Jordan et al. 2024), for stacks of
    matrices (..., r, c); rarely seen facts are learnt several times faster than with Adam."""

    def __init__(self, params, lr, momentum=.95, weight_decay=0.0):
        super().__init__(params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                m = self.state[p].setdefault("momentum", torch.zeros_like(p))
                m.lerp_(p.grad, 1 - group["momentum"])
                u = self.orthogonal(p.grad.lerp(m, group["momentum"]).view(-1, *p.shape[-2:]))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(u.view_as(p), alpha=-group["lr"] * max(1, p.shape[-2] / p.shape[-1]) ** .5)

    @staticmethod
    def orthogonal(x):
        tall = x.shape[-2] > x.shape[-1]
        x = x.transpose(-1, -2) if tall else x
        x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
        for _ in range(5):
            a = x @ x.transpose(-1, -2)
            x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
        return x.transpose(-1, -2) if tall else x
