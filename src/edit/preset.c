/* Published settings by the names of the methods and models they are for: the files hparams/ of the
 * releases of ROME and MEMIT (kmeng01/rome, kmeng01/memit) and of EasyEdit (zjunlp/EasyEdit).  What
 * differs here is in docs/MATH.md, "Coming from other tools". */
#include "edit/edit.h"

typedef struct preset {
  edit_method method;
  int layer;
  loci_edit_settings set;
  bool no_covariance;
} preset;

/* v_num_grad_steps, v_lr, v_weight_decay, clamp_norm_factor, kl_factor: the same in all of ROME's
 * family; no ridge. */
#define VALUE(n, decay, clamp)                                                                     \
  .steps = (n), .lr = 0.5, .weight_decay = (decay), .max_norm = (clamp), .kl = 0.0625, .ridge = -1
#define TUNED .steps = 25, .lr = 5e-4, .at_last = true

/* In the order of the list of names. */
static const preset presets[] = {
    {ROME, 17, {VALUE(20, 0.5, 4)}, false},
    {ROME, 5, {VALUE(20, 0.5, 4)}, false},
    {ROME, 5, {VALUE(25, 1e-3, 4)}, true},
    {MEMIT, 17, {VALUE(20, 0.5, 0.75), .lambda = 20000}, false},
    {MEMIT, 8, {VALUE(25, 0.5, 0.75), .lambda = 15000}, false},
    {FT, 1, {TUNED}, false},
    {FT_L, 0, {TUNED, .eps = 5e-4}, false},
};

/* Who wants none says so by a negative number, as of all settings. */
static void put(double *to, double value) {
  if (*to == 0) *to = value;
}

loci_status loci_edit_preset(const char *name, loci_edit_opts *o, loci_edit_settings *s,
                             loci_err *err) {
  NEEDS(name, "name");
  NEEDS(o, "options");
  NEEDS(s, "settings");
  if (o->size < sizeof *o || s->size < sizeof *s) {
    return fail(err, LOCI_EINVAL, "options without their size, or of an earlier version");
  }
  int i;
  TRY(loci_name_find(LOCI_NAMES_PRESET, name, &i, err));
  const preset *p = &presets[i];
  if (!o->method) o->method = loci_name(LOCI_NAMES_METHOD, (int)p->method);
  if (!o->has_layer) o->layer = p->layer;
  o->has_layer = true;
  o->no_covariance |= p->no_covariance && !o->covariance;
  if (!s->steps) s->steps = p->set.steps;
  put(&s->lr, p->set.lr);
  put(&s->weight_decay, p->set.weight_decay);
  put(&s->lambda, p->set.lambda);
  put(&s->max_norm, p->set.max_norm);
  put(&s->kl, p->set.kl);
  put(&s->ridge, o->no_covariance ? 0 : p->set.ridge);
  put(&s->eps, p->set.eps);
  s->at_last |= p->set.at_last;
  return LOCI_OK;
}
