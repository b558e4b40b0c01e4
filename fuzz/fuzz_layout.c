/* Bytes as model.safetensors.index.json, in a folder with two files that it may name: whatever it
 * says, a checkpoint is opened that has all its tensors, or there is a sentence. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/tree.h"
#include "checkpoint/weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const char llama[] = LOCI_SOURCE_DIR "/tests/golden/models/text-llama";
static const char phi[] = LOCI_SOURCE_DIR "/tests/golden/models/text-phi";
static char folder[80];

static void forget(void) { tree_remove(folder); }

static void place(const char *from, const char *name, const char *as) {
  char source[300], to[200];
  snprintf(source, sizeof source, "%s/%s", from, name);
  snprintf(to, sizeof to, "%s/%s", folder, as);
  if (symlink(source, to) != 0) exit(1);
}

static void make_folder(void) {
  const char *in = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
  snprintf(folder, sizeof folder, "%s/loci-fuzz-%ld-model", in, (long)getpid());
  if (mkdir(folder, 0700) != 0) exit(1);
  atexit(forget);
  place(llama, "config.json", "config.json");
  place(llama, "model.safetensors", "a.safetensors");
  place(phi, "model.safetensors", "b.safetensors");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  char path[120];
  checkpoint *c;
  loci_err err = {0};
  if (!folder[0]) make_folder();
  snprintf(path, sizeof path, "%s/model.safetensors.index.json", folder);
  if (file_write(path, bytes, n, NULL)) exit(1);
  if (checkpoint_open(folder, &c, &err)) {
    if (c || err.code == LOCI_OK || err.msg[0] == 0) abort();
    return 0;
  }
  volatile uint8_t sink = 0;
  for (int i = 0; i < c->config.text.layers; i++) {
    const weight *w = &c->layers[i].down.w;
    sink = (uint8_t)(sink + w->data[0] + w->data[w->rows * w->cols - 1]);
  }
  if (checkpoint_measure(c).bytes < 1) abort();
  for (int i = 0; checkpoint_note(c, i); i++)
    if (!checkpoint_note(c, i)[0]) abort();
  checkpoint_close(c);
  return 0;
}
