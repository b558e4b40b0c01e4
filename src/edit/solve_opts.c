/* Requests of edits, taken and completed (see solve_opts.h). */
#include "edit/solve_opts.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/options.h"
#include "edit/update.h"
#include "study/request.h"

enum { MAX_STEPS = 100000, USUAL_LAYER = 2 };

/* ---------------------------------------------------------------- from the caller */

loci_status solve_opts_take(solve_opts *own, const loci_edit_opts *given, loci_err *err) {
  TRY(options_take(loci_edit_opts, &own->o, given, err));
  TRY(options_take(loci_edit_settings, &own->settings, own->o.settings, err));
  own->o.settings = &own->settings;
  return LOCI_OK;
}

loci_status test_opts_take(test_opts *own, const loci_edit_test_opts *given, loci_err *err) {
  TRY(options_take(loci_edit_test_opts, &own->o, given, err));
  TRY(options_take(loci_study_opts, &own->study, own->o.study, err));
  TRY(solve_opts_take(&own->how, own->o.how, err));
  own->o.study = &own->study;
  own->o.how = &own->how.o;
  return LOCI_OK;
}

/* ---------------------------------------------------------------- complete */

static const char *method_name(edit_method k) { return loci_name(LOCI_NAMES_METHOD, (int)k); }

static loci_status find_method(const char *name, edit_method *out, loci_err *err) {
  int i = MULTEDIT;
  if (name) TRY(loci_name_find(LOCI_NAMES_METHOD, name, &i, err));
  *out = (edit_method)i;
  return LOCI_OK;
}

static double given_or(double given, double otherwise) {
  return given < 0 ? 0 : given > 0 ? given : otherwise;
}

/* From a command line, a file or a program: whatever is no number, or has a sign that makes no
 * sense, is refused here, once. */
static loci_status check_numbers(const loci_edit_settings *s, loci_err *err) {
  const double all[] = {s->lr,        s->weight_decay, s->lambda,     s->max_norm,
                        s->stop_p,    s->kl,           s->eps,        s->keep_weight,
                        s->stop_loss, s->ridge,        s->null_below, s->null_relative};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    if (!isfinite(all[i])) return fail(err, LOCI_EINVAL, "a setting of the edit is not a number");
  }
  if (s->steps < 0 || s->steps > MAX_STEPS) {
    return fail(err, LOCI_EINVAL, "%d steps, expected 1 to %d", s->steps, MAX_STEPS);
  }
  if (s->lr < 0 || s->eps < 0 || s->null_below < 0 || s->null_relative < 0) {
    return fail(err, LOCI_EINVAL, "learning rate and bounds are never negative");
  }
  if (s->batch < 0) return fail(err, LOCI_EINVAL, "batches of %d requests", s->batch);
  if (s->stop_p < 0 || s->stop_p > 1) {
    return fail(err, LOCI_EINVAL, "stop at probability %g, expected 0 to 1", s->stop_p);
  }
  return LOCI_OK;
}

/* A setting that a method does not have is refused: it would seem to matter. */
static loci_status check_method(const loci_edit_opts *o, edit_method k, loci_err *err) {
  const loci_edit_settings *s = o->settings;
  bool closed = !method_tunes(k), weighed = method_is_released(k), projects = k == ALPHAEDIT;
  bool covariance = o->covariance || o->covariance_count > 0;
  const struct {
    bool given, taken;
    const char *name;
  } all[] = {{s->weight_decay != 0, closed, "weight decay (--weight-decay)"},
             {s->lambda != 0, k == MULTEDIT || method_spreads(k), "lambda (--lambda)"},
             {s->max_norm > 0, closed, "norm bound (--max-norm)"},
             {s->kl > 0, closed, "KL term (--kl)"},
             {s->average_loss, closed, "averaged loss of its own (--average-loss)"},
             {s->ridge != 0, weighed && !projects, "ridge of a covariance (--ridge)"},
             {s->null_below != 0 || s->null_relative != 0, projects,
              "bound of free directions (--null-below, --null-relative)"},
             {s->batch != 0, closed, "batches (--batch)"},
             {o->layer_count > 1, method_spreads(k), "several layers (--layer)"},
             {s->at_last, !closed, "place of its training (--ft-at)"},
             {s->authors, k == MULTEDIT, "released settings (--compat authors)"},
             {s->each_key, closed, "keys of its own (--each-key)"},
             {s->keep_weight > 0 || o->keep_count > 0, closed, "questions to keep (--keep)"},
             {s->eps != 0, k == FT_L, "bound of each entry (--eps)"},
             {s->without_constraint, method_tunes(k),
              "question without its constraint (--without-constraint)"},
             {covariance || o->no_covariance, weighed, "covariance (--covariance)"}};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    if (!all[i].given || all[i].taken) continue;
    return fail(err, LOCI_EINVAL, "the method %s takes no %s", method_name(k), all[i].name);
  }
  if (covariance && o->no_covariance) {
    return fail(err, LOCI_EINVAL,
                "a covariance and the identity in its place: --covariance FILE or none");
  }
  if (s->null_below != 0 && s->null_relative != 0)
    return fail(err, LOCI_EINVAL,
                "two bounds of free directions: --null-below or --null-relative, not both");
  if (covariance || o->no_covariance || !weighed) return LOCI_OK;
  return fail(err, LOCI_EINVAL,
              "the method %s needs a covariance of keys (--covariance, of edit covariance)",
              method_name(k));
}

/* What is not given: MultEdit's as in docs/MATH.md; fine-tuning's rate and bound are round numbers
 * that nobody has measured. */
static void complete_settings(loci_edit_settings *s, edit_method k, bool has_covariance) {
  if (!s->steps) s->steps = s->authors ? 10 : 40;
  s->lr = given_or(s->lr, method_tunes(k) ? 1e-3 : 0.1);
  s->stop_loss = given_or(s->stop_loss, method_tunes(k) ? 0.01 : method_is_released(k) ? 0.05 : 0);
  if (k == FT_L) s->eps = given_or(s->eps, 2e-3);
  s->max_norm = given_or(s->max_norm, s->authors ? 1e-4 : 0);
  s->kl = given_or(s->kl, 0);
  s->keep_weight = given_or(s->keep_weight, method_tunes(k) ? 0 : 1);
  if (method_tunes(k)) return;
  s->weight_decay = given_or(s->weight_decay, 1e-3);
  double lambda = k == MEMIT ? 1 : k == ALPHAEDIT ? NULL_LAMBDA : 0.01;
  s->lambda = k == ROME ? 0 : given_or(s->lambda, lambda);
  if (!method_is_released(k)) return;
  s->average_loss = true;
  if (k == ALPHAEDIT) {
    if (has_covariance && s->null_relative == 0)
      s->null_below = given_or(s->null_below, NULL_BELOW);
    return;
  }
  s->ridge = has_covariance ? given_or(s->ridge, COVARIANCE_RIDGE) : 0;
}

/* Several layers: ascending, the value's last; each with a covariance, where there are such. */
static loci_status check_order(loci_edit_opts *o, loci_err *err) {
  for (int i = 0; i < o->layer_count; i++) {
    int layer = o->layers[i];
    if (layer < 0 || (i > 0 && layer <= o->layers[i - 1]))
      return fail(err, LOCI_EINVAL, "layers of an edit are ascending, each once");
    if ((o->covariance || o->covariance_count > 0) && !covariance_of(o, layer))
      return fail(err, LOCI_EINVAL, "the covariances given are of other layers than %d", layer);
    if (o->covariance_count == 0 && o->covariance && o->layer_count > 1)
      return fail(err, LOCI_EINVAL, "%d layers want as many covariances (--covariance)",
                  o->layer_count);
  }
  if (o->layer_count == 0) return LOCI_OK;
  o->has_layer = true;
  o->layer = o->layers[o->layer_count - 1];
  return LOCI_OK;
}

/* The paper's layer, or the last one below the top where a shallower model ends before. */
static loci_status choose_layer(const loci_model *m, loci_edit_opts *o, loci_err *err) {
  int L = model_decoder(m)->layers;
  if (!o->has_layer) o->layer = USUAL_LAYER < L - 1 ? USUAL_LAYER : L > 1 ? L - 2 : 0;
  o->has_layer = true;
  if (o->layer >= 0 && o->layer < L) return LOCI_OK;
  return fail(err, LOCI_EINVAL, "layer %d: the model has layers 0 to %d", o->layer, L - 1);
}

loci_status solve_opts_complete(solve_opts *own, const loci_model *m, loci_err *err) {
  TRY(find_method(own->o.method, &own->method, err));
  own->o.method = method_name(own->method);
  TRY(check_numbers(&own->settings, err));
  TRY(check_method(&own->o, own->method, err));
  complete_settings(&own->settings, own->method, own->o.covariance || own->o.covariance_count > 0);
  TRY(check_order(&own->o, err));
  return m ? choose_layer(m, &own->o, err) : LOCI_OK;
}

/* ---------------------------------------------------------------- as JSON */

static void put_real(js_value **to, const char *key, double x, bool has) {
  if (has) js_put(to, key, js_real(x));
}

static void put_bool(js_value **to, const char *key, bool x) {
  if (x) js_put(to, key, js_bool(true));
}

void solve_opts_describe(js_value **to, const solve_opts *own) {
  const loci_edit_settings *s = &own->settings;
  edit_method k = own->method;
  js_put(to, "method", js_text(own->o.method));
  js_value *layers = js_array();
  for (int i = 0; i < own->o.layer_count; i++) js_push(&layers, js_int(own->o.layers[i]));
  bool several = own->o.layer_count > 1;
  if (several) js_put(to, "layer", layers);
  if (!several) js_free(layers);
  if (!several && own->o.has_layer) js_put(to, "layer", js_int(own->o.layer));
  if (s->authors) js_put(to, "compat", js_text("authors"));
  js_put(to, "steps", js_int(s->steps));
  put_real(to, "lr", s->lr, true);
  put_real(to, "weight_decay", s->weight_decay, !method_tunes(k));
  put_real(to, "lambda", s->lambda, k == MULTEDIT || method_spreads(k));
  put_real(to, "max_norm", s->max_norm, s->max_norm > 0 || s->authors);
  put_real(to, "stop_p", s->stop_p, s->stop_p > 0);
  put_real(to, "stop_loss", s->stop_loss, true);
  put_real(to, "kl", s->kl, s->kl > 0);
  put_real(to, "eps", s->eps, k == FT_L);
  put_real(to, "keep_weight", s->keep_weight, !method_tunes(k));
  bool covariance = own->o.covariance || own->o.covariance_count > 0;
  put_real(to, "ridge", s->ridge, covariance && k != ALPHAEDIT);
  put_real(to, "null_below", s->null_below, s->null_below > 0);
  put_real(to, "null_relative", s->null_relative, s->null_relative > 0);
  if (s->batch > 0) js_put(to, "batch", js_int(s->batch));
  if (own->o.no_covariance) js_put(to, "covariance", js_text("none"));
  if (s->at_last) js_put(to, "ft_at", js_text("last"));
  put_bool(to, "average_loss", s->average_loss && k == MULTEDIT);
  put_bool(to, "each_key", s->each_key);
  put_bool(to, "without_constraint", s->without_constraint);
}

/* ---------------------------------------------------------------- curves */

/* What a curve can go over, the least of its values, and whether these are whole numbers. */
static const struct {
  const char *name;
  double least;
  bool whole;
} curves[] = {{"layer", 0, true},     {"lambda", 0, false},   {"steps", 1, true},
              {"max-norm", 0, false}, {"lr", DBL_MIN, false}, {"count", 1, true}};

static loci_status check_value(const char *over, double x, loci_err *err) {
  enum { COUNT = sizeof curves / sizeof *curves };
  int i = 0;
  while (i < COUNT && strcmp(over, curves[i].name) != 0) i++;
  if (i == COUNT) {
    return fail(err, LOCI_EINVAL,
                "a curve over %s: there are layer, lambda, steps, max-norm, lr and count", over);
  }
  double least = curves[i].least;
  bool fits = isfinite(x) && x >= least;
  if (fits && (!curves[i].whole || (x <= 1e6 && x == floor(x)))) return LOCI_OK;
  if (curves[i].whole)
    return fail(err, LOCI_EINVAL, "%s %g: expected a whole number from %g to 1000000", over, x,
                least);
  return fail(err, LOCI_EINVAL, "%s %g: expected a number %s", over, x,
              least > 0 ? "above 0" : "not below 0");
}

/* ---------------------------------------------------------------- before there is a model */

static loci_status check_edit(const loci_edit_opts *opts, loci_err *err) {
  solve_opts own;
  TRY(solve_opts_take(&own, opts, err));
  return solve_opts_complete(&own, NULL, err);
}

static loci_status check_curve(const loci_edit_curve_opts *opts, loci_err *err) {
  enum { MOST_POINTS = 1000 };
  loci_edit_curve_opts o;
  TRY(options_take(loci_edit_curve_opts, &o, opts, err));
  if (!o.over || o.value_count == 0)
    return fail(err, LOCI_EINVAL,
                "over wants a name and its values, such as layer=0-11 or lambda=0.01,0.1,1");
  if (o.value_count < 0 || o.value_count > MOST_POINTS)
    return fail(err, LOCI_EINVAL, "%d points, expected 1 to %d", o.value_count, MOST_POINTS);
  for (int i = 0; i < o.value_count; i++) TRY(check_value(o.over, o.values[i], err));
  return LOCI_OK;
}

loci_status loci_check(loci_kind kind, const void *opts, loci_err *err) {
  if (kind == LOCI_KIND_EDIT) return check_edit(opts, err);
  return kind == LOCI_KIND_EDIT_CURVE ? check_curve(opts, err) : request_check(kind, opts, err);
}
