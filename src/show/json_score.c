/* Accuracy as JSON ("loci.score/1"), and its examples as CSV.  Field names and their order are
 * docs/FORMATS.md's. */
#include <inttypes.h>
#include <math.h>

#include "show/formats.h"
#include "show/json_parts.h"
#include "show/study_parts.h"

const char *score_choose_name(loci_choose c) { return loci_name(LOCI_NAMES_CHOICE, (int)c); }

static js_value *json_group(const loci_score_group *g) {
  js_value *o = js_object();
  js_put(&o, "field", js_text(g->field));
  js_put(&o, "value", js_text(g->value));
  js_put(&o, "n", js_int(g->n));
  js_put(&o, "right", js_int(g->right));
  js_put(&o, "accuracy", json_interval(&g->accuracy));
  return o;
}

static js_value *json_scored(const loci_scored *e) {
  js_value *o = json_example(e->line, e->id);
  js_put(&o, "answer", js_text(e->answer));
  js_put(&o, "expected", js_text(e->expected));
  js_put(&o, "right", js_bool(e->right));
  if (e->option_count > 0) {
    js_put(&o, "chosen", js_int(e->chosen));
    js_put(&o, "correct", js_int(e->correct));
    js_put(&o, "logp", json_reals(e->logp, e->option_count));
  }
  return o;
}

loci_status score_json(const void *result, char **out, loci_err *err) {
  const loci_score *s = result;
  js_value *o = json_result("score"), *groups = js_array(), *examples = js_array();
  json_put_sample(&o, &s->sample);
  json_put_request(&o, &s->result);
  js_put(&o, "choose", js_text(score_choose_name(s->choose)));
  js_put(&o, "n", js_int(s->sample.used));
  js_put(&o, "free", js_int(s->free_count));
  js_put(&o, "right", js_int(s->right));
  js_put(&o, "accuracy", json_interval(&s->accuracy));
  js_put(&o, "chance", js_real(s->chance));
  for (int i = 0; i < s->group_count; i++) js_push(&groups, json_group(&s->groups[i]));
  js_put(&o, "groups", groups);
  for (int i = 0; i < s->sample.used; i++) js_push(&examples, json_scored(&s->examples[i]));
  js_put(&o, "examples", examples);
  return json_print_lines(o, out, err);
}

/* line,id,<fields>,image,question,expected,answer,right,options,chosen,correct,logp,logp_correct */
void score_csv(const void *result, bytes *out) {
  const loci_score *s = result;
  bytes_text(out, "line,id");
  for (int i = 0; i < s->by_count; i++) {
    bytes_text(out, ",");
    csv_text(out, s->by[i]);
  }
  bytes_text(out, ",image,question,expected,answer,right,options,chosen,correct,logp_chosen,"
                  "logp_correct\r\n");
  for (int i = 0; i < s->sample.used; i++) {
    const loci_scored *e = &s->examples[i];
    const char *texts[] = {e->image, e->question, e->expected, e->answer};
    bytes_format(out, "%" PRId64 ",", e->line);
    csv_text(out, e->id ? e->id : "");
    for (int k = 0; k < s->by_count; k++) {
      bytes_text(out, ",");
      csv_text(out, e->by[k] ? e->by[k] : "");
    }
    for (int k = 0; k < 4; k++) {
      bytes_text(out, ",");
      csv_text(out, texts[k] ? texts[k] : "");
    }
    bytes_format(out, ",%d", e->right);
    if (e->option_count == 0) {
      bytes_text(out, ",0,,,,\r\n");
      continue;
    }
    bytes_format(out, ",%d,%d,%d", e->option_count, e->chosen, e->correct);
    csv_number(out, e->logp[e->chosen]);
    csv_number(out, e->logp[e->correct]);
    bytes_text(out, "\r\n");
  }
}
