/* The reading thread (see reader.h), and the pages of a layer. */
#include "checkpoint/reader.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/files.h"

enum { NONE = -1, STOP = -2 };

struct reader {
  const checkpoint *c;
  bool runs; /* the thread */
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int asked, done; /* layers; the thread works while they differ */
};

/* ---------------------------------------------------------------- pages */

typedef void (*page_act)(const st_file *f, const st_tensor *t);

/* Every tensor whose name begins so; [used]: a weight that an edit may have replaced, NULL: none.
 */
static void each_tensor(const checkpoint *c, const char *prefix, const weight *used, page_act act) {
  const checkpoint_files *files = c->files;
  if (!files) return; /* weights made in memory have no pages to advise on */
  for (int64_t i = files_lower_bound(files, prefix); i < files->n; i++) {
    const tensor_entry *e = &files->entries[i];
    if (strncmp(e->canonical, prefix, strlen(prefix)) != 0) break;
    bool replaced =
        used && strcmp(e->tensor->name, used->name) == 0 && e->tensor->data != used->data;
    if (replaced) continue; /* nobody reads the file's */
    act(e->from->file, e->tensor);
  }
}

static void each_of_layer(const checkpoint *c, int layer, page_act act) {
  char prefix[64];
  if (layer < 0 || layer >= c->config.text.layers) return;
  snprintf(prefix, sizeof prefix, "language_model.layers.%d.", layer);
  each_tensor(c, prefix, &c->layers[layer].down.w, act);
}

void checkpoint_release_layer(const checkpoint *c, int layer) {
  each_of_layer(c, layer, st_release);
}

void checkpoint_release_vision(const checkpoint *c) {
  each_tensor(c, "vision_tower.", NULL, st_release);
}

/* ---------------------------------------------------------------- thread */

static void *read_asked(void *ctx) {
  reader *r = ctx;
  pthread_mutex_lock(&r->lock);
  while (r->asked != STOP) {
    if (r->asked == r->done) {
      pthread_cond_wait(&r->changed, &r->lock);
      continue;
    }
    int layer = r->asked;
    pthread_mutex_unlock(&r->lock);
    each_of_layer(r->c, layer, st_read);
    pthread_mutex_lock(&r->lock);
    r->done = layer;
    pthread_cond_broadcast(&r->changed);
  }
  pthread_mutex_unlock(&r->lock);
  return NULL;
}

loci_status reader_new(const checkpoint *c, reader **out, loci_err *err) {
  *out = NULL;
  reader *r = calloc(1, sizeof *r);
  if (!r) return fail_nomem(err, "reading weights");
  r->c = c;
  r->asked = r->done = NONE;
  pthread_mutex_init(&r->lock, NULL);
  pthread_cond_init(&r->changed, NULL);
  r->runs = c->files && pthread_create(&r->thread, NULL, read_asked, r) == 0;
  *out = r;
  return LOCI_OK;
}

static void ask(reader *r, int layer) {
  pthread_mutex_lock(&r->lock);
  r->asked = layer;
  pthread_cond_broadcast(&r->changed);
  pthread_mutex_unlock(&r->lock);
}

void reader_free(reader *r) {
  if (!r) return;
  if (r->runs) {
    ask(r, STOP);
    pthread_join(r->thread, NULL);
  }
  pthread_cond_destroy(&r->changed);
  pthread_mutex_destroy(&r->lock);
  free(r);
}

void reader_ask(reader *r, int layer) {
  if (r->runs) ask(r, layer);
}

void reader_wait(reader *r, int layer) {
  if (!r->runs) return;
  pthread_mutex_lock(&r->lock);
  if (r->asked != layer) {
    r->asked = layer;
    pthread_cond_broadcast(&r->changed);
  }
  while (r->done != layer) pthread_cond_wait(&r->changed, &r->lock);
  pthread_mutex_unlock(&r->lock);
}
