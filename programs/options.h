/* Command-line options, driven by one table (options.def).
 *
 * Accepted: --name=value, --name value, -n value, -nvalue, and -- before plain arguments.  An
 * option that the command does not take, a missing or doubled value, and a mistyped name are
 * refused in a sentence that says the nearest right thing. */
#ifndef LOCI_PROGRAMS_OPTIONS_H
#define LOCI_PROGRAMS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* Which command; a bit each, so that an option can name its commands. */
enum command_bit {
  INFO = 1,
  TOKENS = 2,
  IMAGE = 4,
  ASK = 8,
  RECORD = 16,
  TRACE = 32,
  BENCH = 64,
  HELP = 128,
  KNOCKOUT = 256,
  LENS = 512,
  FLOW = 1024,
  STUDY_RUN = 1 << 11,
  STUDY_STATUS = 1 << 12,
  STUDY_EXPORT = 1 << 13,
  STUDY_REPORT = 1 << 14,
  SCORE = 1 << 15,
  STUDY_PREDICT = 1 << 16,
  STUDY_FLOW = 1 << 17,
  STUDY_KNOCKOUT = 1 << 18,
  STUDY_TRACE = 1 << 19,
  EDIT_SOLVE = 1 << 20,
  EDIT_APPLY = 1 << 21,
  EDIT_REVERT = 1 << 22,
  EDIT_TEST = 1 << 23,
  DATA_IMPORT = 1 << 24,
  DATA_LINT = 1 << 25,
  DATA_ANNOTATE = 1 << 26,
  DATA_SHOW = 1 << 27,
  EDIT_COVARIANCE = 1 << 28,
  DATA_COMMANDS = DATA_IMPORT | DATA_LINT | DATA_ANNOTATE | DATA_SHOW,
  EDIT_CURVE = 1 << 29,
  EDIT_SETS = EDIT_TEST | EDIT_CURVE, /* they measure on an edit set */
  EDIT_SOLVING = EDIT_SOLVE | EDIT_SETS,
  STUDY_COMPARE = 1 << 30,
  STUDY_MERGE = -2147483647 - 1, /* 1 << 31, as an int */
  STUDY_COMMANDS = STUDY_PREDICT | STUDY_FLOW | STUDY_KNOCKOUT | STUDY_TRACE |
                   STUDY_RUN, /* they read a file of examples */
  EDITED_COMMANDS =
      ASK | TRACE | KNOCKOUT | LENS | FLOW | SCORE | STUDY_COMMANDS, /* --edit, in memory */
  STORE_COMMANDS = STUDY_STATUS | STUDY_EXPORT | STUDY_REPORT | STUDY_MERGE |
                   STUDY_COMPARE, /* they read a store */
  FILE_COMMANDS =
      STUDY_COMMANDS | STORE_COMMANDS | EDIT_APPLY | EDIT_REVERT | DATA_COMMANDS, /* of plain
                                                                     arguments that name files */
  PROMPT_COMMANDS = TOKENS | ASK | RECORD | TRACE | KNOCKOUT | LENS | FLOW | EDIT_SOLVE,
  MODEL_COMMANDS = PROMPT_COMMANDS | INFO | IMAGE | SCORE | STUDY_COMMANDS | EDIT_APPLY |
                   EDIT_SETS | EDIT_COVARIANCE
};

typedef enum option_id {
#define OPTION(id, letter, name, argument, many, commands, help) OPT_##id,
#include "options.def"
#undef OPTION
  OPT_COUNT
} option_id;

typedef struct option {
  const char *name;
  const char *argument; /* NULL: takes none */
  const char *help;
  unsigned commands;
  char letter; /* 0: none */
  bool many;
} option;

const option *option_get(option_id id);

/* What was given, in order. */
typedef struct args {
  struct given {
    option_id id;
    const char *value; /* "" without an argument */
  } * given;
  int given_count;
  const char **rest; /* plain arguments */
  int rest_count;
} args;

/* Parses for one command; on a mistake returns false with the sentence in why. */
bool args_parse(unsigned command, int argc, char **argv, args *out, char *why, size_t why_size);
void args_clear(args *a);

bool args_has(const args *a, option_id id);
const char *args_get(const args *a, option_id id);       /* the value, or NULL */
const char *args_at(const args *a, option_id id, int i); /* the i-th value, NULL after the last */

#endif
