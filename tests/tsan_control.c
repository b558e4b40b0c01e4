/* What the header forbids: one run, two threads.  ThreadSanitizer must report it, or its silence
 * about all else says nothing (tools/tsan.sh). tsan_control DIR */
#include <pthread.h>
#include <stdio.h>

#include "loci.h"

static void *record(void *run) {
  for (int layer = 0; layer < 2; layer++)
    if (loci_run_record(run, LOCI_SITE_MLP_OUT, layer, NULL)) return run;
  return NULL;
}

int main(int count, char **args) {
  loci_err err = {.msg = "tsan_control DIR"};
  loci_model *m;
  loci_prompt *p;
  loci_run *r;
  loci_question q = {.size = sizeof q, .text = "Where is this city?", .template_name = "raw"};
  if (count != 2 || loci_model_open(args[1], NULL, &m, &err) || loci_prompt_new(m, &q, &p, &err) ||
      loci_run_new(m, p, &r, &err)) {
    fprintf(stderr, "%s\n", err.msg);
    return 1;
  }
  pthread_t threads[2];
  for (int i = 0; i < 2; i++)
    if (pthread_create(&threads[i], NULL, record, r)) return 1;
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  loci_run_free(r);
  loci_prompt_free(p);
  loci_model_close(m);
  return 0;
}
