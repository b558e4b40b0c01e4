/* The parser of command lines (see options.h).  It knows only the table; what a value means is
 * checked by the command that asked for it (values.c). */
#include "options.h"

#include <loci.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const option table[OPT_COUNT] = {
#define OPTION(id, letter, name, argument, many, commands, help)                                   \
  [OPT_##id] = {name, argument, help, commands, letter, many},
#include "options.def"
#undef OPTION
};

/* The table's columns, by name, for the sentence "only loci ... takes it". */
static const char *const command_names[] = {"info",
                                            "tokens",
                                            "image",
                                            "ask",
                                            "record",
                                            "trace",
                                            "bench",
                                            "help",
                                            "knockout",
                                            "lens",
                                            "flow",
                                            "study run",
                                            "study status",
                                            "study export",
                                            "study report",
                                            "score",
                                            "study predict",
                                            "study flow",
                                            "study knockout",
                                            "study trace",
                                            "edit solve",
                                            "edit apply",
                                            "edit revert",
                                            "edit test",
                                            "data import",
                                            "data lint",
                                            "data annotate",
                                            "data show",
                                            "edit covariance",
                                            "edit curve",
                                            "study compare",
                                            "study merge",
                                            "edit compare"};

const option *option_get(option_id id) { return &table[id]; }

/* The command's own option of this name, else another one's. */
static int find_long(command_set command, const char *name, size_t n) {
  int found = -1;
  for (int i = OPT_COUNT - 1; i >= 0; i--) {
    if (strlen(table[i].name) != n || strncmp(table[i].name, name, n) != 0) continue;
    if (found < 0 || table[i].commands & command) found = i;
  }
  return found;
}

static int find_letter(char letter) {
  for (int i = 0; i < OPT_COUNT; i++)
    if (table[i].letter && table[i].letter == letter) return i;
  return -1;
}

static bool unknown(command_set command, const char *arg, char *why, size_t size) {
  const char *names[OPT_COUNT];
  char name[64];
  int n = 0;
  size_t length = strcspn(arg, "=");
  for (int i = 0; i < OPT_COUNT; i++)
    if (table[i].commands & command) names[n++] = table[i].name;
  bool is_long = arg[1] == '-';
  snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1), arg);
  const char *near = is_long ? loci_name_near(name + 2, names, n) : NULL;
  if (!is_long && length > 2) near = loci_name_near(name + 1, names, n); /* -model */
  if (near) snprintf(why, size, "unknown option %s; did you mean --%s?", name, near);
  if (!near) snprintf(why, size, "unknown option %s", is_long || length <= 2 ? name : arg);
  return false;
}

static bool not_here(command_set command, const option *o, char *why, size_t size) {
  char takers[192] = "";
  const char *self = "";
  for (size_t i = 0; i < sizeof command_names / sizeof *command_names; i++) {
    if (command_names[i] && command == COMMAND_BIT(i)) self = command_names[i];
    if (!command_names[i] || !(o->commands & COMMAND_BIT(i))) continue;
    size_t used = strlen(takers);
    snprintf(takers + used, sizeof takers - used, "%s%s", used ? ", " : "", command_names[i]);
  }
  snprintf(why, size, "%s takes no --%s; it belongs to: %s", self, o->name, takers);
  return false;
}

static bool no_value(const option *o, char *why, size_t size) {
  snprintf(why, size, "--%s needs a value: --%s %s", o->name, o->name, o->argument);
  return false;
}

/* A word that is certainly the next option, not a value: --json after --question. */
static bool is_long_option(command_set command, const char *s) {
  if (strncmp(s, "--", 2) != 0 || !s[2]) return false;
  return find_long(command, s + 2, strcspn(s + 2, "=")) >= 0;
}

/* Takes the option at argv[*i], with its value. */
static bool take_option(command_set command, int argc, char **argv, int *i, args *out, char *why,
                        size_t size) {
  const char *arg = argv[*i], *value = NULL;
  int id;
  if (arg[1] == '-') {
    size_t n = strcspn(arg + 2, "=");
    id = find_long(command, arg + 2, n);
    if (arg[2 + n] == '=') value = arg + 2 + n + 1;
  } else {
    id = find_letter(arg[1]);
    if (arg[2]) value = arg[2] == '=' ? arg + 3 : arg + 2;
  }
  if (id < 0) return unknown(command, arg, why, size);
  const option *o = &table[id];
  if (!o->argument && value && arg[1] != '-') return unknown(command, arg, why, size);
  if (arg[1] != '-' && value && find_long(command, arg + 1, strcspn(arg + 1, "=")) >= 0)
    return unknown(command, arg, why, size); /* -model DIR is not -m odel */
  if (!(o->commands & command)) return not_here(command, o, why, size);
  if (!o->argument && value) {
    snprintf(why, size, "--%s takes no value", o->name);
    return false;
  }
  if (o->argument && !value) {
    if (*i + 1 >= argc || is_long_option(command, argv[*i + 1])) return no_value(o, why, size);
    value = argv[++*i];
  }
  if (o->argument && !*value) return no_value(o, why, size);
  if (!o->many && o->argument && args_has(out, (option_id)id)) {
    snprintf(why, size, "--%s is given twice", o->name);
    return false;
  }
  out->given[out->given_count].id = (option_id)id;
  out->given[out->given_count++].value = value ? value : "";
  return true;
}

bool args_parse(command_set command, int argc, char **argv, args *out, char *why, size_t size) {
  memset(out, 0, sizeof *out);
  out->given = calloc((size_t)argc + 1, sizeof *out->given);
  out->rest = calloc((size_t)argc + 1, sizeof *out->rest);
  if (!out->given || !out->rest) {
    snprintf(why, size, "out of memory");
    return false;
  }
  bool plain = false;
  for (int i = 0; i < argc; i++) {
    if (!plain && strcmp(argv[i], "--") == 0) {
      plain = true;
    } else if (plain || argv[i][0] != '-' || !argv[i][1]) {
      out->rest[out->rest_count++] = argv[i];
    } else if (!take_option(command, argc, argv, &i, out, why, size)) {
      return false;
    }
  }
  return true;
}

void args_clear(args *a) {
  free(a->given);
  free(a->rest);
  memset(a, 0, sizeof *a);
}

const char *args_at(const args *a, option_id id, int i) {
  for (int k = 0; k < a->given_count; k++)
    if (a->given[k].id == id && i-- == 0) return a->given[k].value;
  return NULL;
}

bool args_has(const args *a, option_id id) { return args_at(a, id, 0) != NULL; }

const char *args_get(const args *a, option_id id) { return args_at(a, id, 0); }
