/* Kept prompts (see shelf.h).  Prompts are made outside the lock: it takes a picture's tower. */
#include "shelf.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum { PLACES = 48, ANSWER_ROOM = 64 };

struct shelf_place {
  loci_prompt *prompt; /* NULL: an empty place */
  char *key;
  char *picture; /* its id, or NULL */
  int used, held;
  int64_t kept;  /* bytes of its run; 0: none */
  unsigned last; /* when it was taken */
};

struct shelf {
  pthread_mutex_t lock;
  const loci_model *model;
  int64_t most; /* bytes of kept runs */
  unsigned now;
  shelf_place at[PLACES];
};

shelf *shelf_new(const loci_model *m, int64_t most) {
  shelf *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  pthread_mutex_init(&s->lock, NULL);
  s->model = m;
  s->most = most;
  return s;
}

static void empty(shelf_place *p) {
  loci_prompt_free(p->prompt);
  free(p->key);
  free(p->picture);
  *p = (shelf_place){0};
}

void shelf_free(shelf *s) {
  if (!s) return;
  for (int i = 0; i < PLACES; i++) empty(&s->at[i]);
  pthread_mutex_destroy(&s->lock);
  free(s);
}

/* All that makes a prompt another one; none of it holds a line break but within one member. */
static char *key_of(const loci_question *q, const char *picture) {
  char *text = NULL;
  size_t n;
  FILE *f = open_memstream(&text, &n);
  if (!f) return NULL;
  const char *parts[] = {picture, q->text, q->template_name, q->system, q->date};
  for (int i = 0; i < LENGTH(parts); i++)
    fprintf(f, "%d:%s\n", parts[i] != NULL, parts[i] ? parts[i] : "");
  for (int i = 0; i < q->constraint_count; i++)
    fprintf(f, "%zu:%s %s\n", strlen(q->constraints[i]), q->constraints[i],
            i < q->kind_count && q->kinds[i] ? q->kinds[i] : "auto");
  return fclose(f) == 0 ? text : NULL;
}

/* Under the lock, as all that follow. */
static shelf_place *find(shelf *s, const char *key) {
  for (int i = 0; i < PLACES; i++)
    if (s->at[i].prompt && strcmp(s->at[i].key, key) == 0) return &s->at[i];
  return NULL;
}

/* An empty place, or that of the prompt nobody has wanted for longest. */
static shelf_place *find_room(shelf *s) {
  shelf_place *oldest = NULL;
  for (int i = 0; i < PLACES; i++) {
    shelf_place *p = &s->at[i];
    if (!p->prompt) return p;
    if (p->used == 0 && p->held == 0 && (!oldest || p->last < oldest->last)) oldest = p;
  }
  return oldest;
}

/* One about the picture, which need not be looked at again. */
static shelf_place *find_seen(shelf *s, const char *picture) {
  for (int i = 0; picture && i < PLACES; i++)
    if (s->at[i].prompt && s->at[i].picture && strcmp(s->at[i].picture, picture) == 0)
      return &s->at[i];
  return NULL;
}

static void use(shelf *s, shelf_place *p) {
  p->used++;
  p->last = ++s->now;
}

/* Takes prompt and key over. */
static shelf_place *put(shelf *s, char *key, const char *picture, loci_prompt *prompt) {
  pthread_mutex_lock(&s->lock);
  shelf_place *p = find(s, key);
  if (p) {
    loci_prompt_free(prompt);
    free(key);
  } else if ((p = find_room(s)) != NULL) {
    empty(p);
    p->prompt = prompt;
    p->key = key;
    p->picture = picture ? strdup(picture) : NULL;
  }
  if (p) use(s, p);
  pthread_mutex_unlock(&s->lock);
  return p;
}

loci_status shelf_take(shelf *s, const loci_question *q, const char *picture, shelf_place **out,
                       loci_err *err) {
  loci_prompt *prompt;
  loci_question own = *q;
  shelf_place *seen = NULL;
  char *key = key_of(q, picture);
  if (!key) return cli_fail(err, LOCI_ENOMEM, "out of memory");
  pthread_mutex_lock(&s->lock);
  *out = find(s, key);
  if (*out) use(s, *out);
  if (!*out && (seen = find_seen(s, picture)) != NULL) use(s, seen);
  pthread_mutex_unlock(&s->lock);
  if (*out) {
    free(key);
    return LOCI_OK;
  }
  if (seen) own.seen = seen->prompt;
  loci_status st = loci_prompt_new(s->model, &own, &prompt, err);
  if (seen) shelf_leave(s, seen, false);
  if (!st) *out = put(s, key, picture, prompt);
  if (*out) return LOCI_OK;
  if (!st) loci_prompt_free(prompt);
  free(key);
  return st ? st : cli_fail(err, LOCI_ENOMEM, "too many questions are held");
}

loci_prompt *shelf_prompt(const shelf_place *place) { return place->prompt; }

/* What its run takes: keys and values of every layer. */
static int64_t bytes_of(const shelf *s, const loci_prompt *p) {
  const loci_model_info *i = loci_model_get_info(s->model);
  int64_t rows = loci_prompt_get_info(p)->length + ANSWER_ROOM,
          one = (int64_t)i->kv_heads * i->head_dim;
  return 2 * (int64_t)sizeof(float) * i->layers * one * rows;
}

/* Room for that many bytes: runs that nobody uses now are given up, the oldest first. */
static bool make_room(shelf *s, int64_t bytes) {
  for (;;) {
    int64_t sum = bytes;
    shelf_place *oldest = NULL;
    for (int i = 0; i < PLACES; i++) {
      shelf_place *p = &s->at[i];
      sum += p->kept;
      if (p->kept && !p->used && (!oldest || p->last < oldest->last)) oldest = p;
    }
    if (sum <= s->most) return true;
    if (!oldest) return false;
    oldest->kept = 0;
    if (loci_prompt_keep(oldest->prompt, 0, NULL, NULL, NULL)) return false;
  }
}

loci_status shelf_keep(shelf *s, shelf_place *place, loci_progress_fn progress, void *ctx,
                       loci_err *err) {
  int64_t bytes = bytes_of(s, place->prompt);
  pthread_mutex_lock(&s->lock);
  bool wanted = place->kept == 0 && make_room(s, bytes);
  if (wanted) place->kept = bytes; /* a brief job that runs meanwhile does not begin it as well */
  pthread_mutex_unlock(&s->lock);
  if (!wanted) return LOCI_OK;
  /* an edited model keeps nothing, and room may be short: neither is a reason not to go on */
  loci_status st = loci_prompt_keep(place->prompt, s->most, progress, ctx, err);
  pthread_mutex_lock(&s->lock);
  if (st) place->kept = 0;
  pthread_mutex_unlock(&s->lock);
  return st == LOCI_ECANCELLED ? st : LOCI_OK;
}

void shelf_leave(shelf *s, shelf_place *place, bool held) {
  pthread_mutex_lock(&s->lock);
  place->used--;
  place->held += held;
  pthread_mutex_unlock(&s->lock);
}

void shelf_drop(shelf *s, shelf_place *place) {
  pthread_mutex_lock(&s->lock);
  place->held--;
  pthread_mutex_unlock(&s->lock);
}
