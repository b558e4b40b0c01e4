/* The tables of tensors (see weight_tables.h): names, places, shapes, and when they must be there.
 * A new family is a new table. */
#include "checkpoint/weight_tables.h"

#include "checkpoint/weights.h"

#define TOP(field) offsetof(checkpoint, field)
#define DECODER(field) offsetof(decoder_layer, field)
#define VISION(field) offsetof(vision_layer, field)

const tensor_parts tensor_parts_of[PARTS_COUNT] = {[THIRDS] = {3, {WIDTH, WIDTH, WIDTH}},
                                                   [Q_K_V] = {3, {Q, KV, KV}},
                                                   [GATE_AND_UP] = {2, {INNER, INNER}}};

const tensor_row top_rows[] = {
    {"language_model.embed_tokens.weight", TOP(embed), ANY, WIDTH, MAYBE},
    {"lm_head.weight", TOP(head.w), ANY, WIDTH, MAYBE},
    {NULL, 0, ONE, ONE, 0},
};

const tensor_row head_rows[] = {
    {"lm_head.bias", TOP(head.b), ONE, VOCAB, MAYBE},
    {NULL, 0, ONE, ONE, 0},
};

const tensor_row gated_norm_rows[] = {
    {"language_model.norm.weight", TOP(final_norm.w), ONE, WIDTH, ALWAYS},
    {NULL, 0, ONE, ONE, 0},
};

const tensor_row parallel_norm_rows[] = {
    {"language_model.final_layernorm.weight", TOP(final_norm.w), ONE, WIDTH, ALWAYS},
    {"language_model.final_layernorm.bias", TOP(final_norm.b), ONE, WIDTH, ALWAYS},
    {NULL, 0, ONE, ONE, 0},
};

const tensor_row place_rows_of_text[] = {
    {"language_model.embed_positions.weight", TOP(places), PLACES, WIDTH, PLACE_TABLE},
    {NULL, 0, ONE, ONE, 0},
};

/* LLaMA, Mistral, Qwen2, Qwen3 */
const tensor_row gated_rows[] = {
    {"input_layernorm.weight", DECODER(norm1.w), ONE, WIDTH, ALWAYS},
    {"self_attn.q_proj.weight", DECODER(q.w), Q, WIDTH, ALWAYS},
    {"self_attn.q_proj.bias", DECODER(q.b), ONE, Q, QKV_BIAS},
    {"self_attn.k_proj.weight", DECODER(k.w), KV, WIDTH, ALWAYS},
    {"self_attn.k_proj.bias", DECODER(k.b), ONE, KV, QKV_BIAS},
    {"self_attn.v_proj.weight", DECODER(v.w), KV, WIDTH, ALWAYS},
    {"self_attn.v_proj.bias", DECODER(v.b), ONE, KV, QKV_BIAS},
    {"self_attn.o_proj.weight", DECODER(o.w), WIDTH, Q, ALWAYS},
    {"self_attn.o_proj.bias", DECODER(o.b), ONE, WIDTH, O_BIAS},
    {"self_attn.q_norm.weight", DECODER(q_norm.w), ONE, HEAD, QK_NORM},
    {"self_attn.k_norm.weight", DECODER(k_norm.w), ONE, HEAD, QK_NORM},
    {"post_attention_layernorm.weight", DECODER(norm2.w), ONE, WIDTH, ALWAYS},
    {"mlp.gate_proj.weight", DECODER(gate.w), INNER, WIDTH, ALWAYS},
    {"mlp.gate_proj.bias", DECODER(gate.b), ONE, INNER, MLP_BIAS},
    {"mlp.up_proj.weight", DECODER(up.w), INNER, WIDTH, ALWAYS},
    {"mlp.up_proj.bias", DECODER(up.b), ONE, INNER, MLP_BIAS},
    {"mlp.down_proj.weight", DECODER(down.w), WIDTH, INNER, ALWAYS},
    {"mlp.down_proj.bias", DECODER(down.b), ONE, WIDTH, MLP_BIAS},
    {NULL, 0, ONE, ONE, 0},
};

/* A layer that reads rows outside of the sequence: its MLP and norms are those of the others. */
const tensor_row cross_rows[] = {
    {"input_layernorm.weight", DECODER(norm1.w), ONE, WIDTH, ALWAYS},
    {"cross_attn.q_proj.weight", DECODER(q.w), Q, WIDTH, ALWAYS},
    {"cross_attn.k_proj.weight", DECODER(k.w), KV, WIDTH, ALWAYS},
    {"cross_attn.v_proj.weight", DECODER(v.w), KV, WIDTH, ALWAYS},
    {"cross_attn.o_proj.weight", DECODER(o.w), WIDTH, Q, ALWAYS},
    {"cross_attn.q_norm.weight", DECODER(q_norm.w), ONE, HEAD, ALWAYS},
    {"cross_attn.k_norm.weight", DECODER(k_norm.w), ONE, HEAD, ALWAYS},
    {"cross_attn_attn_gate", DECODER(cross.attn_gate), ONE, ONE, ALWAYS},
    {"cross_attn_mlp_gate", DECODER(cross.mlp_gate), ONE, ONE, ALWAYS},
    {"post_attention_layernorm.weight", DECODER(norm2.w), ONE, WIDTH, ALWAYS},
    {"mlp.gate_proj.weight", DECODER(gate.w), INNER, WIDTH, ALWAYS},
    {"mlp.up_proj.weight", DECODER(up.w), INNER, WIDTH, ALWAYS},
    {"mlp.down_proj.weight", DECODER(down.w), WIDTH, INNER, ALWAYS},
    {NULL, 0, ONE, ONE, 0},
};

/* Phi */
const tensor_row parallel_rows[] = {
    {"input_layernorm.weight", DECODER(norm1.w), ONE, WIDTH, ALWAYS},
    {"input_layernorm.bias", DECODER(norm1.b), ONE, WIDTH, ALWAYS},
    {"self_attn.q_proj.weight", DECODER(q.w), Q, WIDTH, ALWAYS},
    {"self_attn.q_proj.bias", DECODER(q.b), ONE, Q, QKV_BIAS},
    {"self_attn.k_proj.weight", DECODER(k.w), KV, WIDTH, ALWAYS},
    {"self_attn.k_proj.bias", DECODER(k.b), ONE, KV, QKV_BIAS},
    {"self_attn.v_proj.weight", DECODER(v.w), KV, WIDTH, ALWAYS},
    {"self_attn.v_proj.bias", DECODER(v.b), ONE, KV, QKV_BIAS},
    {"self_attn.dense.weight", DECODER(o.w), WIDTH, Q, ALWAYS},
    {"self_attn.dense.bias", DECODER(o.b), ONE, WIDTH, O_BIAS},
    {"mlp.fc1.weight", DECODER(up.w), INNER, WIDTH, ALWAYS},
    {"mlp.fc1.bias", DECODER(up.b), ONE, INNER, MLP_BIAS},
    {"mlp.fc2.weight", DECODER(down.w), WIDTH, INNER, ALWAYS},
    {"mlp.fc2.bias", DECODER(down.b), ONE, WIDTH, MLP_BIAS},
    {NULL, 0, ONE, ONE, 0},
};

/* Phi-3: q, k and v in one tensor, gate and up in another */
const tensor_row phi3_rows[] = {
    {"input_layernorm.weight", DECODER(norm1.w), ONE, WIDTH, ALWAYS},
    {"self_attn.qkv_proj.weight", DECODER(q.w), Q, WIDTH, ALWAYS | PART(Q_K_V, 0)},
    {"self_attn.qkv_proj.weight", DECODER(k.w), KV, WIDTH, ALWAYS | PART(Q_K_V, 1)},
    {"self_attn.qkv_proj.weight", DECODER(v.w), KV, WIDTH, ALWAYS | PART(Q_K_V, 2)},
    {"self_attn.o_proj.weight", DECODER(o.w), WIDTH, Q, ALWAYS},
    {"post_attention_layernorm.weight", DECODER(norm2.w), ONE, WIDTH, ALWAYS},
    {"mlp.gate_up_proj.weight", DECODER(gate.w), INNER, WIDTH, ALWAYS | PART(GATE_AND_UP, 0)},
    {"mlp.gate_up_proj.weight", DECODER(up.w), INNER, WIDTH, ALWAYS | PART(GATE_AND_UP, 1)},
    {"mlp.down_proj.weight", DECODER(down.w), WIDTH, INNER, ALWAYS},
    {NULL, 0, ONE, ONE, 0},
};

/* Gemma-2, Gemma-3: norms before and after both branches */
const tensor_row gemma_rows[] = {
    {"input_layernorm.weight", DECODER(norm1.w), ONE, WIDTH, ALWAYS},
    {"self_attn.q_proj.weight", DECODER(q.w), Q, WIDTH, ALWAYS},
    {"self_attn.q_proj.bias", DECODER(q.b), ONE, Q, QKV_BIAS},
    {"self_attn.k_proj.weight", DECODER(k.w), KV, WIDTH, ALWAYS},
    {"self_attn.k_proj.bias", DECODER(k.b), ONE, KV, QKV_BIAS},
    {"self_attn.v_proj.weight", DECODER(v.w), KV, WIDTH, ALWAYS},
    {"self_attn.v_proj.bias", DECODER(v.b), ONE, KV, QKV_BIAS},
    {"self_attn.o_proj.weight", DECODER(o.w), WIDTH, Q, ALWAYS},
    {"self_attn.o_proj.bias", DECODER(o.b), ONE, WIDTH, O_BIAS},
    {"self_attn.q_norm.weight", DECODER(q_norm.w), ONE, HEAD, QK_NORM},
    {"self_attn.k_norm.weight", DECODER(k_norm.w), ONE, HEAD, QK_NORM},
    {"post_attention_layernorm.weight", DECODER(attn_norm.w), ONE, WIDTH, POST_NORMS},
    {"pre_feedforward_layernorm.weight", DECODER(norm2.w), ONE, WIDTH, ALWAYS},
    {"mlp.gate_proj.weight", DECODER(gate.w), INNER, WIDTH, ALWAYS},
    {"mlp.up_proj.weight", DECODER(up.w), INNER, WIDTH, ALWAYS},
    {"mlp.down_proj.weight", DECODER(down.w), WIDTH, INNER, ALWAYS},
    {"post_feedforward_layernorm.weight", DECODER(mlp_norm.w), ONE, WIDTH, POST_NORMS},
    {NULL, 0, ONE, ONE, 0},
};

/* GPT-2: matrices as x W multiplies them, q, k and v in one */
const tensor_row gpt2_rows[] = {
    {"ln_1.weight", DECODER(norm1.w), ONE, WIDTH, ALWAYS},
    {"ln_1.bias", DECODER(norm1.b), ONE, WIDTH, ALWAYS},
    {"attn.c_attn.weight", DECODER(q.w), Q, WIDTH, ALWAYS | TURNED | PART(Q_K_V, 0)},
    {"attn.c_attn.bias", DECODER(q.b), ONE, Q, ALWAYS | PART(Q_K_V, 0)},
    {"attn.c_attn.weight", DECODER(k.w), KV, WIDTH, ALWAYS | TURNED | PART(Q_K_V, 1)},
    {"attn.c_attn.bias", DECODER(k.b), ONE, KV, ALWAYS | PART(Q_K_V, 1)},
    {"attn.c_attn.weight", DECODER(v.w), KV, WIDTH, ALWAYS | TURNED | PART(Q_K_V, 2)},
    {"attn.c_attn.bias", DECODER(v.b), ONE, KV, ALWAYS | PART(Q_K_V, 2)},
    {"attn.c_proj.weight", DECODER(o.w), WIDTH, Q, ALWAYS | TURNED},
    {"attn.c_proj.bias", DECODER(o.b), ONE, WIDTH, ALWAYS},
    {"ln_2.weight", DECODER(norm2.w), ONE, WIDTH, ALWAYS},
    {"ln_2.bias", DECODER(norm2.b), ONE, WIDTH, ALWAYS},
    {"mlp.c_fc.weight", DECODER(up.w), INNER, WIDTH, ALWAYS | TURNED},
    {"mlp.c_fc.bias", DECODER(up.b), ONE, INNER, ALWAYS},
    {"mlp.c_proj.weight", DECODER(down.w), WIDTH, INNER, ALWAYS | TURNED},
    {"mlp.c_proj.bias", DECODER(down.b), ONE, WIDTH, ALWAYS},
    {NULL, 0, ONE, ONE, 0},
};

const tensor_row tower_rows[] = {
    {"embeddings.class_embedding", TOP(class_embedding), ONE, WIDTH, CLASS},
    {"embeddings.patch_embedding.weight", TOP(patch.w), WIDTH, PIXELS, ALWAYS},
    {"embeddings.patch_embedding.bias", TOP(patch.b), ONE, WIDTH, PATCH_BIAS},
    {"embeddings.position_embedding.weight", TOP(position), POSITIONS, WIDTH, TABLE},
    {"pre_layrnorm.weight", TOP(pre_norm.w), ONE, WIDTH, PRE_NORM},
    {"pre_layrnorm.bias", TOP(pre_norm.b), ONE, WIDTH, PRE_NORM},
    {"post_layernorm.weight", TOP(post_norm.w), ONE, WIDTH, POST_NORM},
    {"post_layernorm.bias", TOP(post_norm.b), ONE, WIDTH, POST_NORM},
    {NULL, 0, ONE, ONE, 0},
};

const tensor_row vision_rows[] = {
    {"layer_norm1.weight", VISION(norm1.w), ONE, WIDTH, ALWAYS},
    {"layer_norm1.bias", VISION(norm1.b), ONE, WIDTH, ALWAYS},
    {"self_attn.q_proj.weight", VISION(q.w), WIDTH, WIDTH, ALWAYS},
    {"self_attn.q_proj.bias", VISION(q.b), ONE, WIDTH, ALWAYS},
    {"self_attn.k_proj.weight", VISION(k.w), WIDTH, WIDTH, ALWAYS},
    {"self_attn.k_proj.bias", VISION(k.b), ONE, WIDTH, ALWAYS},
    {"self_attn.v_proj.weight", VISION(v.w), WIDTH, WIDTH, ALWAYS},
    {"self_attn.v_proj.bias", VISION(v.b), ONE, WIDTH, ALWAYS},
    {"self_attn.out_proj.weight", VISION(o.w), WIDTH, WIDTH, ALWAYS},
    {"self_attn.out_proj.bias", VISION(o.b), ONE, WIDTH, ALWAYS},
    {"layer_norm2.weight", VISION(norm2.w), ONE, WIDTH, ALWAYS},
    {"layer_norm2.bias", VISION(norm2.b), ONE, WIDTH, ALWAYS},
    {"mlp.fc1.weight", VISION(fc1.w), INNER, WIDTH, ALWAYS},
    {"mlp.fc1.bias", VISION(fc1.b), ONE, INNER, ALWAYS},
    {"mlp.fc2.weight", VISION(fc2.w), WIDTH, INNER, ALWAYS},
    {"mlp.fc2.bias", VISION(fc2.b), ONE, WIDTH, ALWAYS},
    {NULL, 0, ONE, ONE, 0},
};

/* A tower of tiles: its top, and a layer. */
const tensor_row tiled_tower_rows[] = {
    {"class_embedding", TOP(class_embedding), ONE, WIDTH, ALWAYS},
    {"embeddings.patch_embedding.weight", TOP(patch.w), WIDTH, PIXELS, ALWAYS},
    {"gated_positional_embedding.embedding", TOP(position), POSITIONS, WIDTH, ALWAYS},
    {"gated_positional_embedding.gate", TOP(tiles.position_gate), ONE, ONE, ALWAYS},
    {"gated_positional_embedding.tile_embedding.weight", TOP(tiles.position), CANVASES, TILE_ROWS,
     ALWAYS},
    {"pre_tile_positional_embedding.embedding.weight", TOP(tiles.before), CANVASES, TILE_NUMBERS,
     ALWAYS},
    {"pre_tile_positional_embedding.gate", TOP(tiles.before_gate), ONE, ONE, ALWAYS},
    {"post_tile_positional_embedding.embedding.weight", TOP(tiles.after), CANVASES, TILE_NUMBERS,
     ALWAYS},
    {"post_tile_positional_embedding.gate", TOP(tiles.after_gate), ONE, ONE, ALWAYS},
    {"layernorm_pre.weight", TOP(pre_norm.w), ONE, WIDTH, ALWAYS},
    {"layernorm_pre.bias", TOP(pre_norm.b), ONE, WIDTH, ALWAYS},
    {"layernorm_post.weight", TOP(tiles.after_norm.w), ONE, WIDTH, ALWAYS},
    {"layernorm_post.bias", TOP(tiles.after_norm.b), ONE, WIDTH, ALWAYS},
    {NULL, 0, ONE, ONE, 0},
};

const tensor_row tiled_vision_rows[] = {
    {"input_layernorm.weight", VISION(norm1.w), ONE, WIDTH, ALWAYS},
    {"input_layernorm.bias", VISION(norm1.b), ONE, WIDTH, ALWAYS},
    {"self_attn.q_proj.weight", VISION(q.w), WIDTH, WIDTH, ALWAYS},
    {"self_attn.k_proj.weight", VISION(k.w), WIDTH, WIDTH, ALWAYS},
    {"self_attn.v_proj.weight", VISION(v.w), WIDTH, WIDTH, ALWAYS},
    {"self_attn.o_proj.weight", VISION(o.w), WIDTH, WIDTH, ALWAYS},
    {"gate_attn", VISION(attn_gate), ONE, ONE, GATES},
    {"post_attention_layernorm.weight", VISION(norm2.w), ONE, WIDTH, ALWAYS},
    {"post_attention_layernorm.bias", VISION(norm2.b), ONE, WIDTH, ALWAYS},
    {"mlp.fc1.weight", VISION(fc1.w), INNER, WIDTH, ALWAYS},
    {"mlp.fc1.bias", VISION(fc1.b), ONE, INNER, ALWAYS},
    {"mlp.fc2.weight", VISION(fc2.w), WIDTH, INNER, ALWAYS},
    {"mlp.fc2.bias", VISION(fc2.b), ONE, WIDTH, ALWAYS},
    {"gate_ffn", VISION(mlp_gate), ONE, ONE, GATES},
    {NULL, 0, ONE, ONE, 0},
};

/* A Qwen tower */
const tensor_row fused_vision_rows[] = {
    {"norm1.weight", VISION(norm1.w), ONE, WIDTH, ALWAYS},
    {"norm1.bias", VISION(norm1.b), ONE, WIDTH, NORM_BIAS},
    {"attn.qkv.weight", VISION(q.w), WIDTH, WIDTH, ALWAYS | PART(THIRDS, 0)},
    {"attn.qkv.bias", VISION(q.b), ONE, WIDTH, ALWAYS | PART(THIRDS, 0)},
    {"attn.qkv.weight", VISION(k.w), WIDTH, WIDTH, ALWAYS | PART(THIRDS, 1)},
    {"attn.qkv.bias", VISION(k.b), ONE, WIDTH, ALWAYS | PART(THIRDS, 1)},
    {"attn.qkv.weight", VISION(v.w), WIDTH, WIDTH, ALWAYS | PART(THIRDS, 2)},
    {"attn.qkv.bias", VISION(v.b), ONE, WIDTH, ALWAYS | PART(THIRDS, 2)},
    {"attn.proj.weight", VISION(o.w), WIDTH, WIDTH, ALWAYS},
    {"attn.proj.bias", VISION(o.b), ONE, WIDTH, ALWAYS},
    {"norm2.weight", VISION(norm2.w), ONE, WIDTH, ALWAYS},
    {"norm2.bias", VISION(norm2.b), ONE, WIDTH, NORM_BIAS},
    {"mlp.fc1.weight", VISION(fc1.w), INNER, WIDTH, PLAIN},
    {"mlp.fc1.bias", VISION(fc1.b), ONE, INNER, PLAIN},
    {"mlp.fc2.weight", VISION(fc2.w), WIDTH, INNER, PLAIN},
    {"mlp.fc2.bias", VISION(fc2.b), ONE, WIDTH, PLAIN},
    {"mlp.linear_fc1.weight", VISION(fc1.w), INNER, WIDTH, FC_NAMES},
    {"mlp.linear_fc1.bias", VISION(fc1.b), ONE, INNER, FC_NAMES},
    {"mlp.linear_fc2.weight", VISION(fc2.w), WIDTH, INNER, FC_NAMES},
    {"mlp.linear_fc2.bias", VISION(fc2.b), ONE, WIDTH, FC_NAMES},
    {"mlp.gate_proj.weight", VISION(gate.w), INNER, WIDTH, GATED},
    {"mlp.gate_proj.bias", VISION(gate.b), ONE, INNER, GATED},
    {"mlp.up_proj.weight", VISION(fc1.w), INNER, WIDTH, GATED},
    {"mlp.up_proj.bias", VISION(fc1.b), ONE, INNER, GATED},
    {"mlp.down_proj.weight", VISION(fc2.w), WIDTH, INNER, GATED},
    {"mlp.down_proj.bias", VISION(fc2.b), ONE, WIDTH, GATED},
    {NULL, 0, ONE, ONE, 0},
};

/* InternVL's */
const tensor_row scaled_vision_rows[] = {
    {"layernorm_before.weight", VISION(norm1.w), ONE, WIDTH, ALWAYS},
    {"layernorm_before.bias", VISION(norm1.b), ONE, WIDTH, NORM_BIAS},
    {"attention.q_proj.weight", VISION(q.w), WIDTH, WIDTH, ALWAYS},
    {"attention.q_proj.bias", VISION(q.b), ONE, WIDTH, TOWER_BIAS},
    {"attention.k_proj.weight", VISION(k.w), WIDTH, WIDTH, ALWAYS},
    {"attention.k_proj.bias", VISION(k.b), ONE, WIDTH, TOWER_BIAS},
    {"attention.v_proj.weight", VISION(v.w), WIDTH, WIDTH, ALWAYS},
    {"attention.v_proj.bias", VISION(v.b), ONE, WIDTH, TOWER_BIAS},
    {"attention.q_norm.weight", VISION(q_norm.w), ONE, WIDTH, QK_NORM},
    {"attention.k_norm.weight", VISION(k_norm.w), ONE, WIDTH, QK_NORM},
    {"attention.projection_layer.weight", VISION(o.w), WIDTH, WIDTH, ALWAYS},
    {"attention.projection_layer.bias", VISION(o.b), ONE, WIDTH, ALWAYS},
    {"lambda_1", VISION(attn_scale), ONE, WIDTH, ALWAYS},
    {"layernorm_after.weight", VISION(norm2.w), ONE, WIDTH, ALWAYS},
    {"layernorm_after.bias", VISION(norm2.b), ONE, WIDTH, NORM_BIAS},
    {"mlp.fc1.weight", VISION(fc1.w), INNER, WIDTH, ALWAYS},
    {"mlp.fc1.bias", VISION(fc1.b), ONE, INNER, ALWAYS},
    {"mlp.fc2.weight", VISION(fc2.w), WIDTH, INNER, ALWAYS},
    {"mlp.fc2.bias", VISION(fc2.b), ONE, WIDTH, ALWAYS},
    {"lambda_2", VISION(mlp_scale), ONE, WIDTH, ALWAYS},
    {NULL, 0, ONE, ONE, 0},
};

const tensor_row projector_norm_rows[] = {
    {"norm.weight", offsetof(projector_weights, norm.w), ONE, WIDTH, PROJECTOR_NORM},
    {"norm.bias", offsetof(projector_weights, norm.b), ONE, WIDTH, NORM_BIAS},
    {NULL, 0, ONE, ONE, 0},
};

const tensor_row newline_rows[] = {
    {"image_newline", TOP(newline), ONE, TO, NEWLINE},
    {NULL, 0, ONE, ONE, 0},
};

const tensor_row turned_projector_rows[] = {
    {"weight", offsetof(linear_weights, w), TO, FROM, ALWAYS | TURNED},
    {NULL, 0, ONE, ONE, 0},
};

const tensor_row projector_rows[] = {
    {"weight", offsetof(linear_weights, w), TO, FROM, ALWAYS},
    {"bias", offsetof(linear_weights, b), ONE, TO, PROJECTOR_BIAS},
    {NULL, 0, ONE, ONE, 0},
};
