/* VQA accuracy (Antol et al. 2015) to the letter of the evaluation script of VQA, VQAv2 and OK-VQA
 * (GT-Vision-Lab/VQA, vqaEval.py): for numbers that stand beside published ones.  answers.c is the
 * more lenient rule by which an answer is right. */
#ifndef LOCI_DATA_VQA_ACCURACY_H
#define LOCI_DATA_VQA_ACCURACY_H

#include "data/example.h"

/* What several people answered, one after the other, alike ones as often as they were given: the
 * field "votes" of an example, a list of strings.  *count 0: there is none; one vote alone is
 * LOCI_EFORMAT, because nothing is left once it is left out.  In [mem]; [path], [unit]: of the
 * file, for messages. */
loci_status example_votes(const loci_example *e, const char *path, const char *unit, arena *mem,
                          const char *const **out, int *count, loci_err *err);

/* The script's form of an answer, whose blanks are its own: in [mem]. */
loci_status vqa_normalise(const char *answer, arena *mem, char **out, loci_err *err);

/* (1/n) sum_i min(1, |{j != i: vote_j = answer}| / 3), of n >= 2 votes; both sides in the script's
 * form, unless all votes are the same to the byte: then it compares what is written. */
loci_status vqa_accuracy(const char *answer, const char *const *votes, int count, double *out,
                         loci_err *err);

#endif
