/* Answers of people to questions about pictures, from the files of VQA, VQAv2 and OK-VQA: one with
 * {"questions": [{"image_id", "question", "question_id"}]}, one with {"annotations":
 * [{"question_id", "answers": [{"answer"}, ...]}]}. */
#ifndef LOCI_DATA_VQA_H
#define LOCI_DATA_VQA_H

#include "base/arena.h"
#include "base/status.h"

typedef struct vqa_files vqa_files;

/* The files, in any order; they are told apart by what they hold. */
loci_status vqa_open(const char *const *paths, int count, vqa_files **out, loci_err *err);
void vqa_close(vqa_files *v);

typedef struct vqa_answers {
  /* Those given by at least three of the (ten) people, which is full marks in the VQA evaluation;
   * if there is none, the most frequent ones (divided).  Most frequent first. */
  const char **items;
  int count;
  bool divided;
  const char **votes; /* what each of them answered */
  int vote_count;
} vqa_answers;

/* Answers of the question about the picture, in the arena; count 0: no such question. */
loci_status vqa_find_answers(vqa_files *v, int64_t image, const char *question, arena *mem,
                             vqa_answers *out, loci_err *err);

/* A file of the same kind with {"images": [{"id", "file_name"}]}, as iNaturalist names its
 * pictures; and the name of one, in the arena (NULL: it is not in the list). */
loci_status vqa_open_images(const char *path, vqa_files **out, loci_err *err);
loci_status vqa_file_name(const vqa_files *v, int64_t image, arena *mem, const char **name,
                          loci_err *err);

#endif
