/* A checkpoint written once more as GGUF, as llama.cpp has it: LLaMA with its turned queries and
 * keys, Phi with its joined ones, the tower and projector of LLaVA-1.5.  For tests: what cannot be
 * written fails the test. */
#ifndef LOCI_TESTS_GGUF_WRITTEN_H
#define LOCI_TESTS_GGUF_WRITTEN_H

#include <stdbool.h>

#include "checkpoint/weights.h"
#include "gguf_make.h"

/* The language model and its tokenizer, which is read in [dir]. */
void written_text(gguf_maker *m, const char *dir, const checkpoint *c);
/* The same in two files: the first two layers in one, the others in two. */
void written_split(gguf_maker *one, gguf_maker *two, const char *dir, const checkpoint *c);
/* Tower and projector.  [old]: the MLP's matrices under each other's names, and no word about the
 * feature's layer. */
void written_eyes(gguf_maker *m, const checkpoint *c, bool old);

#endif
