/* Prompt templates (docs/MATH.md): how a question becomes the text the model was trained to read.
 */
#ifndef LOCI_TEXT_TEMPLATE_H
#define LOCI_TEXT_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/status.h"

typedef struct prompt_template prompt_template; /* const tables; nothing to free */

/* By name: llava-paper, vicuna_v1, bunny, raw, chat, ...  An unknown name gets the list and the
 * nearest one. */
loci_status template_find(const char *name, const prompt_template **out, loci_err *err);
/* The checkpoint's own: recognises the Jinja text of DIR's chat_template.json, chat_template.jinja,
 * processor_config.json or tokenizer_config.json by content.  *out is NULL when the directory
 * brings none; an unknown template is refused with advice to use --template. */
loci_status template_recognise(const char *dir, const prompt_template **out, loci_err *err);
const char *template_name(const prompt_template *t);
/* The i-th named template, NULL after the last. */
const prompt_template *template_at(int i);

typedef struct prompt_text {
  char *text; /* in the arena; holds "<image>" at most once per image */
  size_t size;
  size_t question_at;   /* byte offset of the question in text */
  size_t question_size; /* as asked: a question mark put behind it is not counted */
} prompt_text;

/* Fills in the question.  Without an image, the image marker and its line break are left out.  A
 * question that holds "<image>", and an image for a template without a place for it, are errors. */
loci_status template_fill(const prompt_template *t, const char *question, bool has_image, arena *a,
                          prompt_text *out, loci_err *err);

#endif
