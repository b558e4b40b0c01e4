/* Command-line options, driven by one table (options.def).
 *
 * Accepted: --name=value, --name value, -n value, -nvalue, and -- before plain arguments.  An
 * option that the command does not take, a missing or doubled value, and a mistyped name are
 * refused in a sentence that says the nearest right thing. */
#ifndef LOCI_PROGRAMS_OPTIONS_H
#define LOCI_PROGRAMS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which commands; a bit each, so that an option can name its own. */
typedef uint64_t command_set;
#define COMMAND_BIT(n) ((command_set)1 << (n))
#define INFO COMMAND_BIT(0)
#define TOKENS COMMAND_BIT(1)
#define IMAGE COMMAND_BIT(2)
#define ASK COMMAND_BIT(3)
#define RECORD COMMAND_BIT(4)
#define TRACE COMMAND_BIT(5)
#define BENCH COMMAND_BIT(6)
#define HELP COMMAND_BIT(7)
#define KNOCKOUT COMMAND_BIT(8)
#define LENS COMMAND_BIT(9)
#define FLOW COMMAND_BIT(10)
#define STUDY_RUN COMMAND_BIT(11)
#define STUDY_STATUS COMMAND_BIT(12)
#define STUDY_EXPORT COMMAND_BIT(13)
#define STUDY_REPORT COMMAND_BIT(14)
#define SCORE COMMAND_BIT(15)
#define STUDY_PREDICT COMMAND_BIT(16)
#define STUDY_FLOW COMMAND_BIT(17)
#define STUDY_KNOCKOUT COMMAND_BIT(18)
#define STUDY_TRACE COMMAND_BIT(19)
#define EDIT_SOLVE COMMAND_BIT(20)
#define EDIT_APPLY COMMAND_BIT(21)
#define EDIT_REVERT COMMAND_BIT(22)
#define EDIT_TEST COMMAND_BIT(23)
#define DATA_IMPORT COMMAND_BIT(24)
#define DATA_LINT COMMAND_BIT(25)
#define DATA_ANNOTATE COMMAND_BIT(26)
#define DATA_SHOW COMMAND_BIT(27)
#define EDIT_COVARIANCE COMMAND_BIT(28)
#define EDIT_CURVE COMMAND_BIT(29)
#define STUDY_COMPARE COMMAND_BIT(30)
#define STUDY_MERGE COMMAND_BIT(31)
#define EDIT_COMPARE COMMAND_BIT(32)

#define DATA_COMMANDS (DATA_IMPORT | DATA_LINT | DATA_ANNOTATE | DATA_SHOW)
#define EDIT_SETS (EDIT_TEST | EDIT_CURVE) /* they measure on an edit set */
#define EDIT_SOLVING (EDIT_SOLVE | EDIT_SETS)
/* they read a file of examples */
#define STUDY_COMMANDS (STUDY_PREDICT | STUDY_FLOW | STUDY_KNOCKOUT | STUDY_TRACE | STUDY_RUN)
/* --edit, in memory */
#define EDITED_COMMANDS (ASK | TRACE | KNOCKOUT | LENS | FLOW | SCORE | STUDY_COMMANDS)
/* they read a store */
#define STORE_COMMANDS (STUDY_STATUS | STUDY_EXPORT | STUDY_REPORT | STUDY_MERGE | STUDY_COMPARE)
/* of plain arguments that name files */
#define FILE_COMMANDS                                                                              \
  (STUDY_COMMANDS | STORE_COMMANDS | EDIT_APPLY | EDIT_REVERT | EDIT_COMPARE | DATA_COMMANDS)
#define PROMPT_COMMANDS (TOKENS | ASK | RECORD | TRACE | KNOCKOUT | LENS | FLOW | EDIT_SOLVE)
#define MODEL_COMMANDS                                                                             \
  (PROMPT_COMMANDS | INFO | IMAGE | SCORE | STUDY_COMMANDS | EDIT_APPLY | EDIT_SETS |              \
   EDIT_COVARIANCE)

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
  command_set commands;
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
bool args_parse(command_set command, int argc, char **argv, args *out, char *why, size_t why_size);
void args_clear(args *a);

bool args_has(const args *a, option_id id);
const char *args_get(const args *a, option_id id);       /* the value, or NULL */
const char *args_at(const args *a, option_id id, int i); /* the i-th value, NULL after the last */

#endif
