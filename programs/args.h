/* Command-line options, driven by one table (options.def).
 *
 * Accepted: --name=value, --name value, -n value, -nvalue, and -- before plain arguments.  An
 * option that the command does not take, or that the way of it does not read, a missing or doubled
 * value, and a mistyped name are refused in a sentence that says the nearest right thing. */
#ifndef LOCI_PROGRAMS_OPTIONS_H
#define LOCI_PROGRAMS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum command_id {
#define COMMAND(id, ...) COMMAND_##id,
#include "commands.def"
  COMMAND_COUNT
} command_id;

typedef enum option_id {
#define OPTION(id, ...) OPT_##id,
#include "options.def"
  OPT_COUNT
} option_id;

typedef struct option {
  const char *name;
  const char *argument; /* NULL: takes none */
  const char *takes;    /* for completion: options.def */
  const char *help;
  const char *commands; /* words with blanks between */
  char letter;          /* 0: none */
  bool many;
} option;

const option *option_get(option_id id);
bool option_is_taken(option_id id, command_id command);
/* What it says of a command, and what its argument takes there; *takes may be NULL. */
const char *option_help(option_id id, command_id command, const char **takes);

/* What was given, in order. */
typedef struct args {
  struct given {
    option_id id;
    const char *value; /* "" without an argument */
    bool read;         /* somebody has looked at it */
  } * given;
  int given_count;
  const char **rest; /* plain arguments */
  int rest_count;
} args;

/* Parses for one command; on a mistake returns false with the sentence in why. */
bool args_parse(command_id command, int argc, char **argv, args *out, char *why, size_t why_size);
void args_clear(args *a);

/* Whether the command as it is asked for would read it. */
bool args_takes(const args *a, command_id command, option_id id);
bool args_has(const args *a, option_id id);
const char *args_get(const args *a, option_id id);       /* the value, or NULL */
const char *args_at(const args *a, option_id id, int i); /* the i-th value, NULL after the last */
/* An option that was given and that nobody has looked at; NULL: there is none. */
const option *args_unread(const args *a);

#endif
