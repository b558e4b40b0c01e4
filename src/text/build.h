/* Filling a tokenizer from its files: what the readers (tokenizer_json.c, json_steps.c, spm.c,
 * tokenizer_config.c) and tokenizer.c need of each other.  [what] names the file in sentences. */
#ifndef LOCI_TEXT_BUILD_H
#define LOCI_TEXT_BUILD_H

#include "base/json.h"
#include "text/pipeline.h"

loci_status tokenizer_new(tokenizer **out, loci_err *err);
/* Adds a token or, where the content is known, replaces its flags.  [what] names the file. */
loci_status added_put(tokenizer *t, const added_token *token, const char *what, loci_err *err);
/* A token of tokenizer.json's own list, with the id that the tokenizers library gives it: the
 * vocabulary's, else the next free one. */
loci_status added_put_own(tokenizer *t, const added_token *token, const char *what, loci_err *err);
/* As the tokenizers library takes a token in when its own file is read already: a known one keeps
 * its id and, if it is special, where it is looked for, in the text or after the normalizer; a new
 * one gets the next free id.  token->id is what is written, -1 for nothing. */
loci_status added_put_later(tokenizer *t, const added_token *token, const char *what,
                            loci_err *err);
/* Builds the matchers, when everything else is in place. */
loci_status added_finish(tokenizer *t, loci_err *err);
void bpe_put_merge(bpe_model *m, int left, int right, uint32_t rank, int id);
void bpe_find_bytes(bpe_model *m);
void tokenizer_add_note(tokenizer *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
loci_status tokenizer_keep_regex(tokenizer *t, regex *re, loci_err *err); /* takes re over */
/* The regular expression of GPT-2's ByteLevel. */
loci_status pattern_gpt2(tokenizer *t, pattern *out, const char *what, loci_err *err);

loci_status json_read_tokenizer(tokenizer *t, const js_value *root, const char *what,
                                loci_err *err);
loci_status json_read_normalizer(tokenizer *t, const js_value *v, const char *what, loci_err *err);
loci_status json_read_pre_tokenizer(tokenizer *t, const js_value *v, const char *what,
                                    loci_err *err);
loci_status json_read_decoder(tokenizer *t, const js_value *v, const char *what, loci_err *err);
loci_status json_read_pattern(tokenizer *t, const js_value *step, const char *what, pattern *out,
                              loci_err *err);
/* A member that must be a string, with its length. */
loci_status json_need_text(const js_value *v, const char *key, const char *what, const char **out,
                           size_t *n, loci_err *err);
loci_status json_read_added(const js_value *v, const char *what, added_token *out, loci_err *err);

loci_status spm_read(tokenizer *t, const uint8_t *bytes, size_t n, const char *what, loci_err *err);

/* What stands beside a tokenizer's own file, and says more of it or other things. */
typedef struct side_files {
  const js_value *config, *added, *special; /* NULL: none */
  const js_value *own_added;                /* added_tokens of tokenizer.json, or NULL */
  const char *pad_token;                    /* of tokenizer.json's padding, or NULL */
  const char *config_what, *added_what, *special_what;
  const char *class_name; /* transformers' class, without "Fast"; NULL: not said */
  bool from_model;        /* a tokenizer.model alone: as transformers' slow tokenizer */
  bool converted;         /* a tokenizer.model made into a fast tokenizer */
  bool byte_level;        /* the pre-tokenizer is a ByteLevel alone */
} side_files;

/* A whole tokenizer: of a tokenizer.json, of a tokenizer.model, of a GGUF file. */
loci_status tokenizer_of_json(const js_value *root, const char *what, const side_files *side,
                              tokenizer **out, loci_err *err);
loci_status tokenizer_of_spm(const uint8_t *bytes, size_t n, const char *what,
                             const side_files *side, tokenizer **out, loci_err *err);
loci_status tokenizer_open_gguf(const char *path, tokenizer **out, loci_err *err);

loci_status config_apply(tokenizer *t, const side_files *side, loci_err *err);
/* Whether transformers builds the tokenizer anew from tokenizer.model: tokenizer.json is not what
 * add_prefix_space says. */
bool config_rebuilds(const char *class_name, const js_value *config);
/* Whether the key is written as null: some fields then count as false, and not as absent. */
bool config_is_null(const js_value *config, const char *key);
/* What `legacy` and add_prefix_space make of a tokenizer.model. */
loci_status spm_configure(tokenizer *t, const side_files *side, loci_err *err);

#endif
