/* loci, the command: what its files share.
 *
 * main.c: from argv to a command.  commands.c: their table.  cmd_X.c: the command X; it returns its
 * exit code: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C.  args.*: the command line, one
 * table for all.  values.*: numbers, sizes, layers, read strictly; typed_options.*: the same of
 * options, and names.
 * A client of loci.h like any other: nothing private is included. */
#ifndef LOCI_PROGRAMS_CLI_H
#define LOCI_PROGRAMS_CLI_H

#include <loci.h>
#include <stdbool.h>
#include <stdio.h>

#include "host.h"
#include "args.h"
#include "terminal.h"
#include "text_out.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))

typedef struct cli cli;

typedef struct edit_files {
  loci_edit **at;
  int count;
} edit_files;

/* Plain arguments: how many, how the usage line writes them, what they are. */
typedef struct plain_files {
  int fewest, most;
  const char *usage, *what;
} plain_files;

typedef struct command {
  command_id id;
  const char *name;
  const char *summary;  /* for the first screen */
  const char *examples; /* lines, each a command line */
  const char *about;    /* a paragraph */
  const char *endings;  /* of -o: ".json .csv"; NULL: no -o */
  plain_files files;
  option_id needed[5]; /* required options, OPT_COUNT after the last */
} command;

extern const command commands[COMMAND_COUNT];  /* in the order of their ids */
const command *command_find(const char *name); /* NULL: none */
const char *command_near(const char *name);    /* did you mean; NULL: none */

typedef int command_run(cli *c);
struct cli {
  const command *command;
  command_run *run; /* of whatever command there is */
  args args;
  terminal term;
  bool json;
  int threads;          /* where --threads does not say; 0: one per core */
  const cli_host *host; /* NULL: a terminal */
  loci_draw_opts look;  /* of pictures, as --width and its like ask */
  edit_files edits;     /* those that cli_open_model applied: they outlive the model */
  loci_err err;
};

/* ---- output.c */
#define PRINTF(format_at, list_at) __attribute__((format(printf, format_at, list_at)))

/* Writes the sentence; returns code. */
loci_status cli_fail(loci_err *err, loci_status code, const char *format, ...) PRINTF(3, 4);
/* Says what failed (c->err), on standard output too with --json; returns the exit code. */
int cli_failed(cli *c);
/* Wrong usage: the sentence and where to read on; returns EXIT_USAGE. */
int cli_usage(cli *c, const char *format, ...) PRINTF(2, 3);
/* "--threads wants a whole number, not "2x"": the common case of it. */
int cli_bad_value(cli *c, option_id id, const char *wanted);

/* Endings and places of all -o files, before any work starts. */
int cli_check_outputs(cli *c);
bool cli_ends_with(const char *path, const char *ending);
bool cli_is_same_file(const char *a, const char *b); /* they lead to the same thing */
/* Hands a result's JSON to the host, or to --json's output and every -o F.json. */
int cli_write_json(cli *c, const loci_result *r);
void cli_say_written(cli *c, const char *path); /* "wrote F", in human output */
/* Writes every -o file but F.jsonl, then prints JSON or draws ([how] NULL: cli_draw_opts). */
int cli_show_result(cli *c, const loci_result *r, const loci_draw_opts *how);
loci_draw_opts cli_draw_opts(const cli *c);
bool cli_no_hash(const cli *c); /* neither JSON nor a file: nobody would see it */
/* Closes standard output; an error of any print before shows here. */
int cli_finish(cli *c, int code);

/* ---- open_model.c */
enum { MOST_THREADS = 1024, MOST_SEEDS = 10000, MOST_NEW = 1 << 16 }; /* of the library */
int cli_model_opts(cli *c, loci_model_opts *out);
int cli_stopped(cli *c); /* fails after a Ctrl-C */
/* Opens the model of -m with --precision, --threads and --memory, and applies every --edit. */
int cli_open_model(cli *c, loci_model **out);
void cli_close_model(const cli *c, loci_model *m); /* but not the host's */
void cli_close_prompt(const cli *c, void *result, loci_model *m, loci_prompt *p); /* all of it */
const char *cli_template(const cli *c); /* of --template, or --no-chat; NULL: the model's own */
/* The directory of -m, of LOCI_PATH_SIZE bytes (loci_model_find). */
int cli_model_path(cli *c, char *out);
typedef struct cli_constraints {
  const char **text;
  int count;
} cli_constraints;
void cli_put_day(const loci_prompt_info *p); /* a line, if the prompt names the day */
loci_question cli_question(cli *c); /* what options say of any: template, system, day, progress */
/* Model and prompt; both NULL after a failure.  [only]: these constraints; NULL: all of -c. */
int cli_open_prompt(cli *c, const cli_constraints *only, loci_model **model, loci_prompt **prompt);

/* ---- the commands, the help screens */
command_run cmd_info, cmd_tokens, cmd_tokens_of_text /* --text, --lines */, cmd_image, cmd_ask,
    cmd_record, cmd_trace, cmd_knockout, cmd_lens, cmd_flow, cmd_bench, cmd_serve, cmd_help;
void help_screen(const terminal *t);
void help_command(const command *cmd, const terminal *t);
/* The commands that begin with a word; false: there are none. */
bool help_family(const char *word, const terminal *t);

#endif
