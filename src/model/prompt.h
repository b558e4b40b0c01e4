/* Prompt building: question and image to the sequence a walk reads.  The public view is
 * loci_prompt_info; this header adds what the folders after it need. */
#ifndef LOCI_MODEL_PROMPT_H
#define LOCI_MODEL_PROMPT_H

#include "model/input.h"
#include "model/model.h"
#include "model/vision.h"

struct loci_prompt {
  const loci_model *model;
  arena *mem;
  loci_prompt_info info;
  int *ids;             /* (T); image rows hold the placeholder's id */
  float *embeds;        /* (T, input_width) input rows of the decoder */
  mutual_rows mutual;   /* which of them see one another */
  rope_place *places;   /* (T) where each row stands, if that is not its index; or NULL */
  int next_place;       /* of the row after them */
  image_layout image;   /* all 0: there is none */
  seen_picture picture; /* pixels NULL: there is none */
  int file_size[2];     /* width and height of the picture's file */
  float *features;      /* (feature rows, feature width) */
  float *projected;     /* (P, input_width) */
  int feature_width;
  const source_rows *sources; /* of the picture, where layers read it by cross-attention; or NULL */
  const int64_t *constraint_bytes; /* of each constraint: its byte offset in info.text */
  bool is_given;                   /* the picture came as pixels: no file has it */
  struct kept_run *kept;           /* of its clean run (walk/keep.c); NULL: nothing */
  void (*give_up)(struct kept_run *kept);
  bool add_special; /* the tokenizer puts its tokens round the text */
};

/* A picture in a file, or one that the caller has. */
typedef struct given_picture {
  const char *name;
  const uint8_t *rgb; /* (height, width, 3); NULL: [name] is a file */
  int width, height;
} given_picture;
/* loci_prompt_new with a picture instead of the question's, or NULL. */
loci_status prompt_new(const loci_model *m, const loci_question *q, const given_picture *given,
                       loci_prompt **out, loci_err *err);
/* A prompt's rows and ids mean nothing to another model than its own: LOCI_EINVAL. */
loci_status prompt_check_model(const loci_prompt *p, const loci_model *m, loci_err *err);
/* Fails if the model was not made for [length] positions; [what] has them. */
loci_status check_length(const loci_model *m, int64_t length, const char *what, loci_err *err);

/* Input row (input_width) of a token id.  False if the embedding has no such row. */
bool embed_token(const loci_model *m, int id, float *out);

/* What stands in a constraint's place. */
typedef struct stand_in {
  int *ids, count;
  int differs; /* the first token at which the prompt with the words exchanged is not the prompt
                * with the ids exchanged; -1: they are the same */
} stand_in;

/* The tokens that TEXT has in place of the constraint, in [mem].  The blank before it is the
 * constraint's own; one that TEXT begins with counts as that one. */
loci_status replacement_ids(const loci_prompt *p, const loci_constraint *c, const char *text,
                            arena *mem, stand_in *out, loci_err *err);
/* Ids (T) of the prompt with TEXT for its question, in [mem]; LOCI_EINVAL unless there are as many,
 * and the picture's where they are. */
loci_status question_ids(const loci_prompt *p, const char *text, arena *mem, int **ids,
                         loci_err *err);
/* Ids of an answer: encode(prompt + answer) without the prompt's ids, which must be a prefix.  A
 * blank is put between them where neither the prompt ends in white space nor the answer begins with
 * it. */
loci_status answer_ids(const loci_prompt *p, const char *answer, arena *mem, int **ids, int *count,
                       loci_err *err);
/* The projected rows of another image in the prompt's place.  Where rows depend on a picture's
 * size, it is first brought to that of the prompt's own. */
loci_status project_image(const loci_prompt *p, const char *path, const watch *w, arena *mem,
                          float **projected, loci_err *err);
/* How its picture stands in it; NULL: it has none. */
static inline const image_layout *prompt_picture(const loci_prompt *p) {
  return p->image.view_count > 0 ? &p->image : NULL;
}
/* Other rows (P,D) of the picture, as cross-attention reads them. */
loci_status prompt_sources(const loci_prompt *p, const float *rows, arena *mem,
                           const source_rows **out, loci_err *err);
static inline input prompt_input(const loci_prompt *p) {
  return (input){.rows = p->embeds,
                 .count = p->info.length,
                 .places = p->places,
                 .sources = p->sources,
                 .mutual = p->mutual};
}
/* Says which rows see one another; where the rows of a picture of p->image stand, and the text
 * after it, if the model tells that from their indices. */
loci_status prompt_place_rows(loci_prompt *p, loci_err *err);
/* Places of the prompt's rows and of [more] that follow, text, in [mem]; NULL where rows stand at
 * their indices. */
loci_status prompt_places(const loci_prompt *p, int more, arena *mem, const rope_place **out,
                          loci_err *err);

/* Named groups of positions (docs/MATH.md).  [which]: 1-based constraint, 0 all. */
typedef enum group_kind {
#define GROUP(id, name, meaning) GROUP_##id,
#include "loci_names.def"
  GROUP_KINDS
} group_kind;
const char *group_name(group_kind g);
loci_status group_find(const char *name, size_t n, group_kind *out, loci_err *err);
/* Positions of the group, ascending, into out (T); returns their count. */
int group_positions(const loci_prompt *p, group_kind g, int which, int *out);
/* Says that the group is empty for this question, and why. */
loci_status fail_empty_group(const loci_prompt *p, group_kind g, loci_err *err);

#endif
