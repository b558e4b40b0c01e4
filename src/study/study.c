/* Going through a file of examples (see study.h). */
#include "study/study.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "model/wording.h"
#include "walk/keep.h"

enum { USUAL_NEW = 20 }; /* tokens of an answer */

/* Done examples of all: of the limit, or of the file by the bytes that were read. */
bool study_progress(void *ctx, const char *stage, double done, double total) {
  const study *s = ctx;
  (void)stage;
  (void)done;
  (void)total;
  if (!s->opts->progress) return true;
  double share = examples_share(s->examples);
  if (s->opts->limit > 0 && s->used > share * s->opts->limit)
    share = (double)s->used / s->opts->limit;
  return s->opts->progress(s->opts->progress_ctx, "examples", share, 1);
}

/* ---------------------------------------------------------------- dropped examples */

loci_status study_drop(study *s, const loci_example *e, const loci_dropped *what, loci_err *err) {
  if (s->keeper) return s->keeper->drop(s->keeper->ctx, e, what, err);
  if (s->dropped_count == s->dropped_room) {
    int room = s->dropped_room ? 2 * s->dropped_room : 16;
    loci_dropped *more = realloc(s->dropped, (size_t)room * sizeof *more);
    if (!more) return fail_nomem(err, "going through examples");
    s->dropped = more;
    s->dropped_room = room;
  }
  loci_dropped d = *what;
  const char *id = e ? e->id : NULL;
  d.id = id ? arena_strdup(s->mem, id) : NULL;
  d.reason = arena_strdup(s->mem, what->reason);
  if ((id && !d.id) || !d.reason) return fail_nomem(err, "going through examples");
  s->dropped[s->dropped_count++] = d;
  return LOCI_OK;
}

static loci_status drop(study *s, const loci_example *e, const char *kind, const char *reason,
                        loci_err *err) {
  loci_dropped d = {.line = examples_line(s->examples), .kind = kind, .reason = reason};
  return study_drop(s, e, &d, err);
}

const char *study_first_reason(const study *s) {
  return s->dropped_count > 0 ? s->dropped[0].reason : NULL;
}

loci_status study_nothing_left(const study *s, const char *where, loci_err *err) {
  const char *reason = study_first_reason(s);
  return fail(err, LOCI_EINVAL, "%s: no example can be used: %d dropped%s%s", where,
              s->dropped_count, reason ? ", the first: " : "", reason ? reason : "");
}

const char *study_lacking(unsigned needs, const loci_example *e) {
  if (needs & NEEDS_ANSWER && e->answer_count == 0) return "no answer";
  if (needs & NEEDS_CONSTRAINT && e->constraint_count == 0) return "no constraint";
  if (needs & NEEDS_IMAGE && !e->image) return "no picture";
  return NULL;
}

/* ---------------------------------------------------------------- examples */

loci_status study_prompt(study *s, const loci_example *e, loci_prompt **out, loci_err *err) {
  bool sees = s->model->info.image_rows > 0; /* a model that reads text only is asked without */
  loci_question q = {.size = sizeof q,
                     .progress = study_progress,
                     .progress_ctx = s,
                     .image = sees ? e->image : NULL,
                     .text = e->question,
                     .template_name = s->opts->template_name,
                     .system = s->opts->system,
                     .date = s->opts->date,
                     .constraints = e->constraints,
                     .constraint_count = e->constraint_count,
                     .kinds = e->kinds,
                     .kind_count = e->kinds ? e->constraint_count : 0};
  return loci_prompt_new(s->model, &q, out, err);
}

loci_status study_name_template(study *s, const loci_prompt *prompt, loci_err *err) {
  const loci_prompt_info *i = loci_prompt_get_info(prompt);
  if (!s->template_name) s->template_name = arena_strdup(s->mem, i->template_name);
  if (!s->system && i->system) s->system = arena_strdup(s->mem, i->system);
  if (!s->date && i->date) s->date = arena_strdup(s->mem, i->date);
  bool ok = s->template_name && (s->system || !i->system) && (s->date || !i->date);
  return ok ? LOCI_OK : fail_nomem(err, "going through examples");
}

/* What several results of one question have in common is computed once, with the same numbers
 * (walk/keep.h), if there is room for it. */
static loci_status keep_shared(study *s, const loci_example *e, loci_prompt *p, loci_err *err) {
  int64_t room = s->model->memory / 4;
  if (!p || s->results + (e->answer_count > 0) < 2 || !keep_fits(p, room)) return LOCI_OK;
  return loci_prompt_keep(p, room, study_progress, s, err);
}

static loci_status measure_item(study *s, study_item *item, study_fn *measure, void *ctx,
                                loci_err *err) {
  loci_prompt *prompt = NULL;
  loci_status st = LOCI_OK;
  if (!s->own_prompts) st = study_prompt(s, item->example, &prompt, err);
  item->prompt = prompt;
  if (!st) st = keep_shared(s, item->example, prompt, err);
  if (!st) st = measure(ctx, item, err);
  if (!st && !item->drop && prompt) st = study_name_template(s, prompt, err);
  loci_prompt_free(prompt);
  return st;
}

bool study_is_hopeless(const study *s) { return s->used == 0 && s->refused >= STUDY_HOPELESS; }

/* Not one of the first examples could be measured, and not by their own fault: a model of NaNs, or
 * no picture where all of them should be.  Thousands more would be dropped for nothing. */
static loci_status count_refused(study *s, loci_status st, const char *reason, loci_err *err) {
  if (s->used > 0 || status_fault(st) != FAULT_FILE) return LOCI_OK;
  s->refused = st == s->refused_as ? s->refused + 1 : 1;
  s->refused_as = st;
  if (!study_is_hopeless(s)) return LOCI_OK;
  return fail(err, st, "the first %d examples were all refused, the last one because of: %s",
              STUDY_HOPELESS, reason);
}

/* Whose fault a failure is decides what becomes of it: the example's drops it with its reason,
 * any other (memory, a lock, a full disk) ends the study, so that no example is lost for a bad
 * minute. */
static loci_status use(study *s, const loci_example *e, study_fn *measure, void *ctx,
                       loci_err *err) {
  study_item item = {.example = e, .drop = study_lacking(s->needs, e), .mem = arena_new()};
  loci_err own = {0};
  loci_status st = item.mem ? LOCI_OK : fail_nomem(&own, "going through examples");
  if (!st && !item.drop) st = measure_item(s, &item, measure, ctx, &own);
  arena_free(item.mem);
  if (st && !status_is_own(st)) return pass_on(&own, err);
  if (st) {
    TRY(drop(s, e, "refused", own.msg, err));
    return count_refused(s, st, own.msg, err);
  }
  if (item.drop) {
    TRY(drop(s, e, item.drop, item.why[0] ? item.why : item.drop, err));
    return item.refused ? count_refused(s, item.refused, item.why, err) : LOCI_OK;
  }
  s->used++;
  return LOCI_OK;
}

/* The example's turn: measured, counted, or passed over. */
static loci_status take(study *s, const loci_example *e, study_fn *measure, void *ctx,
                        loci_err *err) {
  study_turn turn = TURN_NEW;
  if (s->keeper) TRY(s->keeper->turn(s->keeper->ctx, e, &turn, err));
  if (turn == TURN_NEW) return use(s, e, measure, ctx, err);
  s->used += turn == TURN_USED;
  return LOCI_OK;
}

/* The next line that is an example, or NULL. */
static loci_status next(study *s, loci_example **e, loci_err *err) {
  for (;;) {
    loci_err own = {0};
    loci_status st = loci_examples_next(s->examples, e, &own);
    if (st == LOCI_EFORMAT) {
      TRY(drop(s, NULL, "no example", own.msg, err));
      continue;
    }
    if (st && err) *err = own;
    return st;
  }
}

loci_status study_each(study *s, study_fn *measure, void *ctx, loci_err *err) {
  bool any = false;
  s->started = clock_seconds();
  if (s->opts->sample) TRY(loci_examples_sample(s->examples, s->opts->sample, s->opts->seed, err));
  while (s->opts->limit <= 0 || s->used < s->opts->limit) {
    loci_example *e;
    TRY(next(s, &e, err));
    if (!e) break;
    any = true;
    loci_status st = take(s, e, measure, ctx, err);
    loci_free(e);
    TRY(st);
    if (!study_progress(s, "", 0, 0)) return fail(err, LOCI_ECANCELLED, "stopped");
    if (s->keeper && s->keeper->enough(s->keeper->ctx)) break;
  }
  if (!any && s->dropped_count == 0)
    return fail(err, LOCI_EINVAL, "%s: no example in it", examples_path(s->examples));
  return LOCI_OK;
}

void study_clear(study *s) {
  free(s->dropped);
  s->dropped = NULL;
}

loci_status study_hand_over_dropped(const study *s, loci_sample *out, loci_err *err) {
  loci_dropped *dropped = arena_array(s->mem, s->dropped_count, loci_dropped);
  if (!dropped) return fail_nomem(err, "going through examples");
  if (s->dropped_count > 0) memcpy(dropped, s->dropped, (size_t)s->dropped_count * sizeof *dropped);
  out->dropped = dropped;
  out->dropped_count = s->dropped_count;
  return LOCI_OK;
}

/* A template that cannot be read keeps its name here: every prompt will say why. */
static void put_wording(js_value **to, const loci_model *m, const loci_study_opts *o) {
  prompt_template t = {.name = o->template_name};
  char text[24];
  arena *mem = arena_new();
  loci_status st = mem ? wording_template(m, o->template_name, mem, &t, NULL) : LOCI_ENOMEM;
  bool known = st == LOCI_OK;
  if (st == LOCI_ENOMEM) {
    js_free(*to);
    *to = NULL;
  }
  request_put_wording(to, known ? t.name : o->template_name, o->system, o->date);
  snprintf(text, sizeof text, "%016" PRIx64, known ? example_fingerprint(t.text, t.size) : 0);
  if (known && t.chat) js_put(to, "template_text", js_text(text));
  arena_free(mem);
}

void study_put_common(js_value **to, const loci_model *m, const loci_study_opts *o, bool asks) {
  put_wording(to, m, o);
  request_put_model(to, m);
  if (!asks) return;
  js_put(to, "max_new", js_int(study_max_new(o)));
  if (o->first_token) js_put(to, "first_token", js_bool(true));
}

/* What leads to other numbers, and nothing else, so that equal requests are equal texts. */
static loci_status tell(const study *s, const char *path, loci_err *err) {
  if (!s->command) return LOCI_OK;
  js_value *request = js_object();
  command_words words = command_of(s->command, s->model);
  words.file = path;
  words.words = s->words;
  words.word_count = s->word_count;
  words.cannot = s->wordless;
  js_put(&request, "data", js_text(path));
  study_put_common(&request, s->model, s->opts, s->asks);
  if (s->opts->sample > 0) js_put(&request, "sample", js_int(s->opts->sample));
  if (s->opts->limit > 0) js_put(&request, "limit", js_int(s->opts->limit));
  if (!s->seedless || s->opts->sample > 0) js_put(&request, "seed", request_seed(s->opts->seed));
  if (s->describe) s->describe(s->describe_ctx, &request);
  return request_tell(&words, request, s->result, err);
}

loci_status study_describe(study *s, loci_sample *out, loci_err *err) {
  char *path = arena_strdup(s->mem, examples_path(s->examples));
  if (!path) return fail_nomem(err, "going through examples");
  *out = (loci_sample){.model = loci_model_get_info(s->model),
                       .hash = "",
                       .precision = dtype_name(s->model->compute_type),
                       .path = path,
                       .template_name = s->template_name ? s->template_name : "",
                       .system = s->system,
                       .date = s->date,
                       .seed = s->opts->seed,
                       .used = s->used,
                       .seconds = clock_seconds() - s->started};
  TRY(study_hand_over_dropped(s, out, err));
  TRY(tell(s, path, err));
  if (s->opts->no_hash) return LOCI_OK;
  return model_hash(s->model, s->opts->progress, s->opts->progress_ctx, &out->hash, err);
}

/* ---------------------------------------------------------------- answers */

loci_status study_begins_with(const loci_prompt *prompt, const char *const *accepted, int n, int id,
                              bool *out, loci_err *err) {
  arena *mem = arena_new();
  if (!mem) return fail_nomem(err, "comparing answers");
  loci_status st = LOCI_OK;
  *out = false;
  for (int i = 0; !st && !*out && i < n; i++) {
    int *ids, count;
    st = answer_ids(prompt, accepted[i], mem, &ids, &count, err);
    if (!st) *out = ids[0] == id;
    if (st == LOCI_EINVAL) st = LOCI_OK;
  }
  arena_free(mem);
  return st;
}

loci_status study_begins_answer(const loci_prompt *prompt, const char *const *accepted, int n,
                                const loci_answer *answer, bool *out, loci_err *err) {
  return study_begins_with(prompt, accepted, n, answer->top[0][0].id, out, err);
}

int study_max_new(const loci_study_opts *o) {
  if (o->max_new > 0) return o->max_new;
  return o->first_token ? 1 : USUAL_NEW;
}

/* By the whole answer, or by its first token where the study says so. */
static loci_status judge(const study *s, const study_item *item, const loci_answer *answer,
                         study_answer *out, loci_err *err) {
  const loci_example *e = item->example;
  TRY(study_begins_answer(item->prompt, e->answers, e->answer_count, answer, &out->first_right,
                          err));
  out->right = out->first_right;
  if (!s->opts->first_token)
    TRY(answer_matches(answer->text, e->answers, e->answer_count, &out->right, err));
  out->confidence = answer->top[0][0].p;
  out->margin = out->confidence - (answer->top[0][1].text ? answer->top[0][1].p : 0);
  out->text = arena_strdup(item->mem, answer->text);
  return out->text ? LOCI_OK : fail_nomem(err, "answering");
}

loci_status study_ask(study *s, study_item *item, const study_answer **out, loci_err *err) {
  loci_answer *answer;
  *out = item->answer;
  if (*out) return LOCI_OK;
  study_answer *own = arena_zalloc(item->mem, 1, sizeof *own);
  if (!own) return fail_nomem(err, "answering");
  TRY(loci_ask(s->model, item->prompt, study_max_new(s->opts), study_progress, s, &answer, err));
  loci_status st = judge(s, item, answer, own, err);
  loci_free(answer);
  if (!st) *out = item->answer = own;
  return st;
}
