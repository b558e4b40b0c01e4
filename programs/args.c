/* The parser of command lines (see args.h).  It knows only the table; what a value means is
 * checked by the command that asked for it (values.c). */
#include "args.h"

#include <loci.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const option table[OPT_COUNT] = {
#define OPTION(id, letter, name, argument, takes, many, commands, help)                            \
  [OPT_##id] = {name, argument, takes, help, commands, letter, many},
#include "options.def"
};

/* Where an option says something else of a command. */
static const struct {
  option_id id;
  const char *commands, *takes, *help;
} others[] = {
#define OPTION(id, ...)
#define HELP(id, commands, takes, help) {OPT_##id, commands, takes, help},
#include "options.def"
};

/* Options that choose a way of a command, the first one that is given. */
static const struct {
  option_id id;
  const char *commands;
} choosing[] = {
#define OPTION(id, ...)
#define CHOOSES(id, commands) {OPT_##id, commands},
#include "options.def"
};

static const char *const names[COMMAND_COUNT] = {
#define COMMAND(id, name, ...) [COMMAND_##id] = name,
#include "commands.def"
};

const option *option_get(option_id id) { return &table[id]; }

/* Whether the words have the command's name, whose blank is a - there, in all its ways or in this
 * one; [way] NULL: in any. */
static bool has_command(const char *words, command_id command, const char *way) {
  const char *name = names[command];
  size_t n = strlen(name);
  for (const char *w = words; *w; w += strspn(w, " ")) {
    size_t length = strcspn(w, " "), i = 0;
    while (i < n && i < length && (w[i] == name[i] || (w[i] == '-' && name[i] == ' '))) i++;
    bool named = i == n && (n == length || w[n] == '/');
    size_t rest = named && n < length ? length - n - 1 : 0; /* of the way that is said */
    if (named && (n == length || !way)) return true;
    if (named && way && strlen(way) == rest && memcmp(w + n + 1, way, rest) == 0) return true;
    w += length;
  }
  return false;
}

bool option_is_taken(option_id id, command_id command) {
  return has_command(table[id].commands, command, NULL);
}

const char *option_help(option_id id, command_id command, const char **takes) {
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    if (others[i].id != id || !has_command(others[i].commands, command, NULL)) continue;
    if (takes) *takes = others[i].takes;
    return others[i].help;
  }
  if (takes) *takes = table[id].takes;
  return table[id].help;
}

/* The command's own option of this name, else another one's. */
static int find_long(command_id command, const char *name, size_t n) {
  int found = -1;
  for (int i = OPT_COUNT - 1; i >= 0; i--) {
    if (strlen(table[i].name) != n || strncmp(table[i].name, name, n) != 0) continue;
    if (found < 0 || option_is_taken((option_id)i, command)) found = i;
  }
  return found;
}

static int find_letter(char letter) {
  for (int i = 0; i < OPT_COUNT; i++)
    if (table[i].letter && table[i].letter == letter) return i;
  return -1;
}

static bool unknown(command_id command, const char *arg, char *why, size_t size) {
  const char *own[OPT_COUNT];
  char name[64];
  int n = 0;
  size_t length = strcspn(arg, "=");
  for (int i = 0; i < OPT_COUNT; i++)
    if (option_is_taken((option_id)i, command)) own[n++] = table[i].name;
  bool is_long = arg[1] == '-';
  snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1), arg);
  const char *near = is_long ? loci_name_near(name + 2, own, n) : NULL;
  if (!is_long && length > 2) near = loci_name_near(name + 1, own, n); /* -model */
  if (near) snprintf(why, size, "unknown option %s; did you mean --%s?", name, near);
  if (!near) snprintf(why, size, "unknown option %s", is_long || length <= 2 ? name : arg);
  return false;
}

static bool not_here(command_id command, option_id id, char *why, size_t size) {
  char takers[192] = "";
  for (int i = 0; i < COMMAND_COUNT; i++) {
    if (!option_is_taken(id, (command_id)i)) continue;
    size_t used = strlen(takers);
    snprintf(takers + used, sizeof takers - used, "%s%s", used ? ", " : "", names[i]);
  }
  snprintf(why, size, "%s takes no --%s; it belongs to: %s", names[command], table[id].name,
           takers);
  return false;
}

static bool no_value(const option *o, char *why, size_t size) {
  snprintf(why, size, "--%s needs a value: --%s %s", o->name, o->name, o->argument);
  return false;
}

/* A word that is certainly the next option, not a value: --json after --question. */
static bool is_long_option(command_id command, const char *s) {
  if (strncmp(s, "--", 2) != 0 || !s[2]) return false;
  return find_long(command, s + 2, strcspn(s + 2, "=")) >= 0;
}

/* Takes the option at argv[*i], with its value. */
static bool take_option(command_id command, int argc, char **argv, int *i, args *out, char *why,
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
  if (!option_is_taken((option_id)id, command)) return not_here(command, (option_id)id, why, size);
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

/* ---------------------------------------------------------------- ways of a command */

static bool is_given(const args *a, option_id id) {
  for (int i = 0; i < a->given_count; i++)
    if (a->given[i].id == id) return true;
  return false;
}

/* "bench takes --steps with --edit only", where nothing chose a way. */
static bool not_alone(command_id command, option_id id, char *why, size_t size) {
  char with[96] = "";
  for (size_t i = 0; i < sizeof choosing / sizeof *choosing; i++) {
    const char *way = table[choosing[i].id].name;
    if (!has_command(choosing[i].commands, command, NULL) ||
        !has_command(table[id].commands, command, way))
      continue;
    size_t used = strlen(with);
    snprintf(with + used, sizeof with - used, "%s--%s", used ? " or " : "", way);
  }
  snprintf(why, size, "%s takes --%s with %s only", names[command], table[id].name, with);
  return false;
}

static const char *way_of(command_id command, const args *a) {
  for (size_t i = 0; i < sizeof choosing / sizeof *choosing; i++)
    if (has_command(choosing[i].commands, command, NULL) && is_given(a, choosing[i].id))
      return table[choosing[i].id].name;
  return "";
}

bool args_takes(const args *a, command_id command, option_id id) {
  return has_command(table[id].commands, command, way_of(command, a));
}

/* What the command as it is asked for would not read. */
static bool check_way(command_id command, const args *a, char *why, size_t size) {
  const char *way = way_of(command, a);
  for (int i = 0; i < a->given_count; i++) {
    option_id id = a->given[i].id;
    if (has_command(table[id].commands, command, way)) continue;
    if (!*way) return not_alone(command, id, why, size);
    snprintf(why, size, "%s --%s takes no --%s", names[command], way, table[id].name);
    return false;
  }
  return true;
}

bool args_parse(command_id command, int argc, char **argv, args *out, char *why, size_t size) {
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
  return is_given(out, OPT_HELP) || check_way(command, out, why, size);
}

void args_clear(args *a) {
  free(a->given);
  free(a->rest);
  memset(a, 0, sizeof *a);
}

const char *args_at(const args *a, option_id id, int i) {
  const char *found = NULL;
  for (int k = 0; k < a->given_count; k++) {
    if (a->given[k].id != id) continue;
    a->given[k].read = true;
    if (i-- == 0) found = a->given[k].value;
  }
  return found;
}

const option *args_unread(const args *a) {
  for (int k = 0; k < a->given_count; k++)
    if (!a->given[k].read) return &table[a->given[k].id];
  return NULL;
}

bool args_has(const args *a, option_id id) { return args_at(a, id, 0) != NULL; }

const char *args_get(const args *a, option_id id) { return args_at(a, id, 0); }
