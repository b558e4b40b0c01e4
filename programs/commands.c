/* The table of commands (commands.def), and finding one by its name. */
#include <limits.h>
#include <string.h>

#include "cli.h"

const command commands[] = {
#define MANY INT_MAX
#define NO_FILES                                                                                   \
  { 0, 0, "", "" }
#define EXAMPLES                                                                                   \
  { 1, 1, "FILE", "a file of examples" }
#define FILES(fewest, most, usage, what)                                                           \
  { fewest, most, usage, what }
#define NEEDS(...)                                                                                 \
  { __VA_ARGS__, OPT_COUNT }
#define NOTHING                                                                                    \
  { OPT_COUNT }
#define COMMAND(id, name, run, endings, files, needs, summary, examples, about)                    \
  {COMMAND_##id, name, summary, examples, about, endings, files, needs},
#include "commands.def"
};

const command *command_find(const char *name) {
  for (int i = 0; i < COMMAND_COUNT; i++)
    if (strcmp(commands[i].name, name) == 0) return &commands[i];
  return NULL;
}

const char *command_near(const char *name) {
  const char *names[LENGTH(commands)];
  for (int i = 0; i < COMMAND_COUNT; i++) names[i] = commands[i].name;
  return loci_name_near(name, names, COMMAND_COUNT);
}
