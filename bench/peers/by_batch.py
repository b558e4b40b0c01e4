"""A trace as somebody who knows how writes it with transformers: the positions before the first corrupted one are computed
once and kept as keys and values, all cells of a layer are one batch, and the head sees the last position alone (see
bench/peers.py)."""

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

MODULES = {"mlp_out": lambda layer: layer.mlp, "attn_out": lambda layer: layer.self_attn, "resid_post": lambda layer: layer}


def load(directory):
    lm = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
    return lm, AutoTokenizer.from_pretrained(directory)


def value_of(output):
    return output[0] if isinstance(output, tuple) else output


def rows_of(model, text):
    ids = model[1](text, return_tensors="pt").input_ids
    return model[0].get_input_embeddings()(ids)


def clean_run(lm, rows, sites):
    kept, hooks = {}, []
    for i, layer in enumerate(lm.model.layers):
        for site in sites:
            hooks.append(MODULES[site](layer).register_forward_hook(
                lambda _, a, out, k=(site, i): kept.__setitem__(k, value_of(out)[0].clone())))  # fmt: skip
    target = lm.lm_head(lm.model(inputs_embeds=rows).last_hidden_state[0, -1]).argmax()
    for hook in hooks:
        hook.remove()
    return kept, target


def restored(lm, rows, past, kept, target, sites, window, layers):
    """p of the target with clean values at (site, layer), by position: {site: (layers, positions)}, mean over the runs
    rows (runs, positions, width) that follow the kept prefix."""
    first, (runs, count, _) = past.get_seq_length(), rows.shape
    rows = rows.repeat_interleave(count, 0)
    at = torch.arange(count).repeat(runs)
    past.batch_repeat_interleave(runs * count)
    found = {}
    for site in sites:
        for centre in layers:
            hooks = []
            for layer in range(max(0, centre - window // 2), min(len(lm.model.layers), centre + window // 2 + 1)):

                def restore(_, args, out, clean=kept[site, layer]):
                    value_of(out)[torch.arange(len(at)), at] = clean[first + at]

                hooks.append(MODULES[site](lm.model.layers[layer]).register_forward_hook(restore))
            last = lm.model(inputs_embeds=rows, past_key_values=past).last_hidden_state[:, -1]
            past.crop(-count)
            for hook in hooks:
                hook.remove()
            p = lm.lm_head(last).softmax(-1)[:, target].view(runs, count).mean(0)
            found.setdefault(site, []).append(torch.cat([torch.full((first,), torch.nan), p]))
    return {site: torch.stack(p) for site, p in found.items()}


@torch.no_grad()
def trace(model, prompt, subject, other, sites=("mlp_out", "attn_out")):
    clean, rows = rows_of(model, prompt), rows_of(model, prompt.replace(subject, other))
    first = int((clean != rows).any(-1).nonzero()[0, 1])
    kept, target = clean_run(model[0], clean, sites)
    past = model[0].model(inputs_embeds=clean[:, :first], use_cache=True).past_key_values
    return restored(model[0], rows[:, first:], past, kept, target, sites, 1, range(len(model[0].model.layers)))


@torch.no_grad()
def trace_noise(model, prompt, span, noise, windows, layers, sites=tuple(MODULES)):
    """The same under noise (seeds, span, width) on the positions of the span."""
    clean, noise = rows_of(model, prompt), torch.tensor(noise)
    rows = clean.repeat(len(noise), 1, 1)
    rows[:, span[0] : span[-1] + 1] += noise
    kept, target = clean_run(model[0], clean, sites)
    found = {}
    for window in windows:
        past = model[0].model(inputs_embeds=clean[:, : span[0]], use_cache=True).past_key_values
        found[window] = restored(model[0], rows[:, span[0] :], past, kept, target, sites, window, layers)
    return found
