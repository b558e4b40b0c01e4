/* What a result was asked for, as JSON, and the command line that makes it again out of that.
 *
 *   js_value *o = request_of_prompt(p);  ... js_put(&o, "max_new", js_int(20)) ...
 *   command_words words = command_of("ask", m);
 *   TRY(request_tell(&words, o, &answer->result, err)); */
#ifndef LOCI_MODEL_COMMAND_H
#define LOCI_MODEL_COMMAND_H

#include "base/json.h"
#include "model/prompt.h"

/* "template", and "system" and "date" where there are. */
void request_put_wording(js_value **to, const char *template_name, const char *system,
                         const char *date);
/* {"image", "question", "constraints", "template", "precision"}, and "system", "date", "edits"
 * where there are some. */
js_value *request_of_prompt(const loci_prompt *p);
/* "precision", and "mmproj" and "edits": the files of the projector and of the edits applied. */
void request_put_model(js_value **to, const loci_model *m);
/* A whole number of 64 bits; beyond JSON's signed ones it is written as text rather than rounded.
 */
js_value *request_seed(uint64_t seed);

/* What a command line has beside the request. */
typedef struct command_words {
  const char *name;             /* "trace", "study run" */
  const char *file;             /* its plain argument; NULL: none */
  const loci_model_info *model; /* its directory, and --edit for what is applied; NULL: none */
  int threads;                  /* 0: not given */
  int64_t memory;
  const char *more;   /* options that are no part of the request, with a blank before; NULL: none */
  const char *second; /* a further plain argument; NULL: none */
  const char *const *words; /* as they come, to be quoted */
  int word_count;
  bool cannot; /* something that no words say took part */
} command_words;

/* One line for a shell, quoted where need be, whatever paths and questions hold; "" where no
 * command line can say the request.  In [mem]. */
loci_status command_line(const command_words *words, const js_value *request, arena *mem,
                         const char **out, loci_err *err);

/* Both parts of a result's making: the request as JSON on one line, and the command.  Takes
 * [request] over. */
loci_status request_tell(const command_words *words, js_value *request, loci_result *out,
                         loci_err *err);
/* The same of a result that nothing else is missing of: after an error it is freed, and *made NULL.
 */
loci_status request_tell_of(const command_words *words, js_value *request, loci_result **made,
                            loci_err *err);
/* The words of a command on one model. */
command_words command_of(const char *name, const loci_model *m);

#endif
