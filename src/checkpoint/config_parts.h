/* What config.c, config_text.c, text_families.c, config_rope.c and config_vision.c share: a reader
 * that knows which file it reads, and the parser of each part.  Private to src/checkpoint. */
#ifndef LOCI_CHECKPOINT_CONFIG_PARTS_H
#define LOCI_CHECKPOINT_CONFIG_PARTS_H

#include "checkpoint/config.h"

/* Bytes of a config file.  Published ones have a few thousand; parsed, JSON takes up to 60 times
 * its size in memory. */
enum { MAX_CONFIG = 1 << 22 };

typedef struct config_reader {
  const char *what; /* the file, and the section after a ':' */
  const char *dir;  /* the checkpoint's, or NULL */
  arena *mem;
  loci_err *err;
} config_reader;

/* A reader for a section of the same file: errors say "FILE: SECTION: ...". */
loci_status reader_section(const config_reader *r, const char *section, config_reader *out);
/* An object of the config, with its reader; *out NULL: there is none. */
loci_status section_read(const config_reader *r, const js_value *config, const char *key,
                         const js_value **out, config_reader *section);
loci_status read_int(const config_reader *r, const js_value *o, const char *key, const int range[2],
                     int *inout);
/* A finite number in (0, most]. */
loci_status read_positive(const config_reader *r, const js_value *o, const char *key, double most,
                          double *inout);
loci_status read_act(const config_reader *r, const js_value *o, const char *key, act_kind *inout);
/* The key is there and null: js_get cannot tell that from absent. */
bool is_null(const js_value *o, const char *key);
/* Fails, by name, if the member is there and neither false, null, nor an empty array. */
loci_status refuse_key(const config_reader *r, const js_value *o, const char *key, const char *why);

/* The decoder's defaults for a model_type, or "not supported" with the list of those known. */
loci_status decoder_defaults(const config_reader *r, const char *model_type, decoder_config *out,
                             int *bos, int *eos);
loci_status decoder_parse(const config_reader *r, const js_value *o, decoder_config *inout);
/* Its rotation (config_rope.c), once its heads are known. */
loci_status rope_parse(const config_reader *r, const js_value *o, decoder_config *inout);

/* The decoder, its ends of text and its length, from the section that describes it. */
loci_status family_text_parse(const config_reader *r, const js_value *o, const char *model_type,
                              model_config *out);

/* Qwen2-VL, Qwen2.5-VL and Qwen3-VL (config_qwen.c). */
loci_status family_qwen2_vl(const config_reader *r, const js_value *config, const char *model_type,
                            model_config *out);
loci_status family_qwen2_5_vl(const config_reader *r, const js_value *config,
                              const char *model_type, model_config *out);
loci_status family_qwen3_vl(const config_reader *r, const js_value *config, const char *model_type,
                            model_config *out);

/* Llama-3.2-Vision (config_mllama.c). */
loci_status family_mllama(const config_reader *r, const js_value *config, const char *model_type,
                          model_config *out);

/* Idefics3 and SmolVLM (config_idefics.c). */
loci_status family_idefics3(const config_reader *r, const js_value *config, const char *model_type,
                            model_config *out);
loci_status family_smolvlm(const config_reader *r, const js_value *config, const char *model_type,
                           model_config *out);

/* InternVL in Hugging Face's layout (config_internvl.c). */
loci_status family_internvl(const config_reader *r, const js_value *config, const char *model_type,
                            model_config *out);

/* Gemma-3 with pictures and PaliGemma (config_gemma.c). */
loci_status family_gemma3(const config_reader *r, const js_value *config, const char *model_type,
                          model_config *out);
loci_status family_paligemma(const config_reader *r, const js_value *config, const char *model_type,
                             model_config *out);

/* Known towers: their values where no config says otherwise. */
typedef enum tower_preset {
  TOWER_CLIP,
  TOWER_SIGLIP,
  TOWER_CLIP_L_336,
  TOWER_CLIP_L_224,
  TOWER_SIGLIP_SO400M,
  TOWER_IDEFICS
} tower_preset;
/* The tower described by o (NULL: all of the preset's values). */
loci_status tower_parse(const config_reader *r, const js_value *o, tower_preset preset,
                        vision_config *out);
/* The tower of HF's "vision_config": defaults by its model_type; [siglip]: where it names none. */
loci_status tower_parse_hf(const config_reader *r, const js_value *config, bool siglip,
                           vision_config *out);
/* The tower named by "mm_vision_tower" (tower.h). */
loci_status tower_parse_named(const config_reader *r, const js_value *config, model_config *out);
/* Resolves hidden-state indexes (an int or a list under [key]; else [usual], below 0) into
 * feature_depth. */
loci_status features_parse(const config_reader *r, const js_value *o, const char *key, int usual,
                           vision_config *inout);
/* "linear", "mlp2x_gelu", "identity", ... under mm_projector_type. */
loci_status projector_parse_named(const config_reader *r, const js_value *o, int n_default,
                                  projector_config *out);

/* The text config's values, then the config's own, then generation_config.json's
 * (config_generation.c). */
loci_status generation_parse(const config_reader *r, const js_value *config, const js_value *text,
                             const js_value *generation, model_config *out);

#endif
