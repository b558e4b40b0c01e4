/* Hints on a finished trace: one line each, what is odd and what to try. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fixed.h"
#include "base/names.h"
#include "base/utf8.h"
#include "study/sweep.h"

enum { MAX_NOTES = 8 };
static const double SMALL_EFFECT = 0.1; /* the usual filter of examples, docs/MATH.md */

static loci_status note(const sweep *s, loci_trace *t, loci_err *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static loci_status note(const sweep *s, loci_trace *t, loci_err *err, const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  utf8_make_printable(text);
  const char **notes = (const char **)(uintptr_t)t->notes;
  if (t->note_count == MAX_NOTES) return LOCI_OK;
  notes[t->note_count] = arena_strdup(s->mem, text);
  return notes[t->note_count++] ? LOCI_OK : fail_nomem(err, "writing hints");
}

/* The token without blank markers. */
static const char *core_of(const char *token) {
  static const char *const blanks[] = {"\u2581", "\u0120", "\u010A", "\u0109",
                                       " "}; /* blank, line, tab */
  for (size_t i = 0; i < sizeof blanks / sizeof blanks[0]; i++) {
    while (strncmp(token, blanks[i], strlen(blanks[i])) == 0) token += strlen(blanks[i]);
  }
  return token;
}

/* The same for a sentence: of blanks alone their signs, as the terminal and pictures write them. */
static const char *shown(const char *token) {
  const char *core = core_of(token);
  if (*core || !*token) return core;
  return strstr(token, "\u010A") ? "\u21B5" : "\u2423";
}

/* A token that many answers begin with: nothing but blanks, signs or a byte. */
static bool is_uninformative(const char *token) {
  const char *core = core_of(token);
  if (strncmp(core, "<0x", 3) == 0) return true;
  for (const char *c = core; *c; c++) {
    bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
    if (letter || (unsigned char)*c >= 0x80) return false;
  }
  return true;
}

static const char *token_of(const sweep *s, int id) {
  const char *token = tokenizer_token(s->m->tokens, id);
  return token ? token : "";
}

static loci_status note_swap(const sweep *s, loci_trace *t, loci_err *err) {
  int at = s->corrupted.differs;
  bool inside = at < s->p->info.length;
  return note(s, t, err,
              "the prompt with the words exchanged is tokenized otherwise from token %d%s%s%s on: "
              "the corrupted run has the words' own tokens between the old ones",
              at, inside ? " (\"" : "", inside ? s->p->info.tokens[at].text : "",
              inside ? "\")" : "");
}

/* What is odd about target and effect.  The sign is kept: a corruption that makes the answer
 * likelier turns every colour of the map round, which no absolute value would show. */
static loci_status note_effect(const sweep *s, loci_trace *t, loci_err *err) {
  const char *clean = shown(t->clean.top[0].text), *corrupt = shown(t->corrupted.top[0].text);
  if (!s->runs.target.given && is_uninformative(t->target_text)) {
    TRY(note(s, t, err,
             "the target is only the first token \"%s\", which many answers share: give the whole "
             "answer with --answer",
             t->target_text));
  }
  bool unsaid = t->answer_given && s->runs.target.ids[0] != t->clean.top[0].id;
  if (unsaid) {
    TRY(note(s, t, err, "the clean run would answer \"%s\", not the given \"%s\"", clean,
             shown(t->target_text)));
  }
  if (s->corrupted.first_id == s->runs.target.ids[0]) {
    TRY(note(s, t, err,
             "the replacement begins as the answer does (\"%s\"): the corrupted run is told the "
             "answer; take other words",
             shown(token_of(s, s->runs.target.ids[0]))));
  }
  if (s->corrupted.differs >= 0) TRY(note_swap(s, t, err));
  if (t->total_effect >= SMALL_EFFECT) return LOCI_OK;
  if (unsaid && t->clean.m.p < SMALL_EFFECT && t->total_effect > -SMALL_EFFECT)
    return note(s, t, err, "no corruption can take away what the model does not say (p %.2g)",
                t->clean.m.p);
  if (t->total_effect <= -SMALL_EFFECT) {
    return note(s, t, err,
                "the corrupted run says the answer more surely (%.3f) than the clean one (%.3f): "
                "effects are negative; try another corruption",
                t->corrupted.m.p, t->clean.m.p);
  }
  bool same = t->clean.top[0].id == t->corrupted.top[0].id;
  return note(s, t, err,
              "the total effect is small (%.3f)%s%s%s: try another corruption, such as "
              "--corrupt swap:TEXT with another name%s",
              t->total_effect, same ? ", both runs say \"" : "", same ? corrupt : "",
              same ? "\"" : "", prompt_picture(s->p) ? " or --corrupt image:PATH" : "");
}

/* The largest |effect| of mlp_out-like grids: of single constraint positions, and of the group. */
static void constraint_effects(const sweep *s, const loci_trace *t, double *single, double *group) {
  *single = (double)NAN; /* until a single position is seen */
  for (int i = 0; i < t->grid_count; i++) {
    const loci_grid *g = &t->grids[i];
    for (int l = 0; !g->head_count && l < g->layer_count; l++) {
      for (int c = 0; c < g->column_count; c++) {
        double ie = fabs(g->ie[(int64_t)l * g->column_count + c]);
        if (g->groups && strcmp(g->groups[c], "constraint") == 0) *group = fmax(*group, ie);
        if (!g->positions) continue;
        loci_role role = s->p->info.tokens[g->positions[c]].role;
        if (role >= LOCI_ROLE_CONSTRAINT_FIRST && role <= LOCI_ROLE_CONSTRAINT_LAST) {
          *single = fmax(*single, ie); /* fmax passes over NaN */
        }
      }
    }
  }
}

static loci_status note_group(const sweep *s, loci_trace *t, loci_err *err) {
  double single, group = 0;
  int tokens = 0;
  for (int i = 0; i < s->p->info.constraint_count; i++) tokens += s->p->info.constraints[i].count;
  constraint_effects(s, t, &single, &group);
  if (tokens < 2 || group < SMALL_EFFECT || !(single <= group / 4)) return LOCI_OK;
  return note(s, t, err,
              "the constraint's %d tokens matter together (effect %.2f), hardly one by one (%.2f): "
              "read the group rows",
              tokens, group, single);
}

/* Sites whose strongest cell may not have been run. */
static loci_status note_audit(const sweep *s, loci_trace *t, loci_err *err) {
  char sites[64] = "", reach[80] = "nothing is known of the others";
  size_t n = 0;
  double most = 0;
  if (!t->audit.poor) return LOCI_OK;
  for (int i = 0; i < t->grid_count; i++) {
    const char *name = site_name(t->grids[i].site);
    if (!(t->grids[i].reach >= SCREEN_POOR)) continue;
    most = fmax(most, t->grids[i].reach);
    if (!strstr(sites, name))
      n = fixed_add(sites, sizeof sites, n, "%s%s", n > 0 ? ", " : "", name);
  }
  if (isfinite(most)) snprintf(reach, sizeof reach, "another may have %.2g times its effect", most);
  return note(
      s, t, err,
      "SCREENING IS NOT TO BE TRUSTED HERE: the strongest cell of %s may not be among those "
      "run (as far as the cells run at random tell, %s); take more (--method screen:%lld) "
      "or all (--method exact)",
      sites, reach, 4 * (long long)t->screen);
}

static loci_status note_missing(const sweep *s, loci_trace *t, loci_err *err) {
  if (t->missing == 0) return LOCI_OK;
  return note(s, t, err, "stopped: %lld of %lld cells were run",
              (long long)(s->cell_count - t->missing), (long long)s->cell_count);
}

loci_status sweep_notes(const sweep *s, loci_trace *t, loci_err *err) {
  const char **notes = arena_zarray(s->mem, MAX_NOTES, const char *);
  if (!notes) return fail_nomem(err, "writing hints");
  t->notes = notes;
  if (s->screened.of && s->m->back_note) TRY(note(s, t, err, "%s", s->m->back_note));
  TRY(note_missing(s, t, err));
  TRY(note_audit(s, t, err));
  if (s->donor) return LOCI_OK; /* what follows is about corruptions */
  TRY(note_effect(s, t, err));
  return note_group(s, t, err);
}
