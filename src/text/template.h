/* Prompt templates (docs/FORMATS.md, "Prompts"): which one a prompt is made with, and making it.
 *
 * A checkpoint's own is a Jinja text, run as transformers runs it over messages.  Those that loci
 * knows by name, and a user's "text:..", are given the question itself, under that name. */
#ifndef LOCI_TEXT_TEMPLATE_H
#define LOCI_TEXT_TEMPLATE_H

#include "base/arena.h"
#include "text/jinja.h"
#include "text/tokenizer.h"

typedef struct prompt_template {
  const char *name; /* "llava-paper", "chat_template.jinja", "file:my.jinja", "text:..", .. */
  const char *text; /* Jinja */
  size_t size;
  bool chat;  /* takes messages, as a checkpoint's own does */
  bool whole; /* the question is the whole prompt: the image mark may stand in it */
} prompt_template;

/* The i-th template that loci knows by name, NULL after the last. */
const prompt_template *template_at(int i);

/* What a checkpoint brings, the default one first. */
typedef struct template_list {
  const prompt_template *items;
  int count;
  bool has_default;
} template_list;

/* DIR's chat_template.jinja (and additional_chat_templates), else chat_template.json, else
 * tokenizer_config.json, else processor_config.json; a model that sees takes the processor's before
 * the tokenizer's.  A GGUF file has them in its metadata.  In [mem]; the default is read once, so
 * that a broken one is known. */
loci_status template_list_read(const char *dir, bool sees, arena *mem, template_list *out,
                               loci_err *err);
/* By name: of loci's, of the list's, "file:PATH", "text:.."; NULL or "auto": the list's default,
 * and without one [fallback].  A mistyped name gets the list and the nearest one. */
loci_status template_choose(const template_list *list, const char *name, const char *fallback,
                            arena *mem, prompt_template *out, loci_err *err);

typedef struct prompt_given {
  const char *question, *system; /* system NULL: none */
  const char *mark;              /* the image's, "<image>"; NULL: the model has none */
  bool has_image;
  jinja_day day;
  const tokenizer *tokens; /* their special ones are the template's */
} prompt_given;

enum { FROM_QUESTION = 1, FROM_SYSTEM, FROM_MARK };

typedef struct prompt_text {
  char *text; /* in the arena; with an image it holds the mark once, else never */
  size_t size;
  const jmark *marks; /* what came from where */
  int mark_count;
  bool asked_day; /* the text depends on the day */
} prompt_text;

/* A template that finds no place for the image, the question or the system prompt is an error. */
loci_status template_fill(const prompt_template *t, const prompt_given *g, arena *mem,
                          prompt_text *out, loci_err *err);
/* Where the bytes [begin, end) of the question are in the prompt's text: a sentence if they are
 * not there in one piece, or not only once. */
loci_status template_place(const prompt_text *t, const char *question, int64_t begin, int64_t end,
                           int64_t *out, loci_err *err);

#endif
