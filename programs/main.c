/* loci: the way from argv to one of the commands. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "calls.h"
#include "data_common.h"
#include "edit_common.h"
#include "study_common.h"
#include "typed_options.h"

/* What each command runs; the table itself (commands.c) is for everybody who only reads of them. */
static int run_command(cli *c) {
  static command_run *const runs[] = {
#define COMMAND(id, name, run, ...) [COMMAND_##id] = run,
#include "commands.def"
  };
  return runs[c->command->id](c);
}

/* The command of "study predict", which takes two words, or of one; *words says how many. */
static const command *find_command(int argc, char **argv, int *words) {
  char two[64];
  *words = 2;
  const command *found = NULL;
  if (argc > 2) {
    snprintf(two, sizeof two, "%.30s %.30s", argv[1], argv[2]);
    found = command_find(two);
  }
  if (found) return found;
  *words = 1;
  return command_find(argv[1]);
}

static bool is_help(const char *arg) {
  return strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0;
}

static int unknown_command(cli *c, int argc, char **argv) {
  char name[64], kinds[128] = "";
  size_t n = strlen(argv[1]);
  snprintf(name, sizeof name, "%.30s", argv[1]);
  for (int i = 0; i < COMMAND_COUNT; i++) {
    if (strncmp(commands[i].name, argv[1], n) != 0 || commands[i].name[n] != ' ') continue;
    size_t used = strlen(kinds);
    snprintf(kinds + used, sizeof kinds - used, "%s%s", used ? ", " : "", commands[i].name + n + 1);
  }
  bool any = kinds[0] != 0;
  bool alone = any && (argc == 2 || is_help(argv[2])); /* study, study --help */
  if (any && argc > 2) snprintf(name, sizeof name, "%.30s %.30s", argv[1], argv[2]);
  const char *near = alone ? NULL : command_near(name);
  if (near) return cli_usage(c, "unknown command \"%s\"; did you mean %s?", name, near);
  if (any && argc > 2 && is_help(argv[2])) {
    help_family(argv[1], &c->term);
    return EXIT_DONE;
  }
  if (any) return cli_usage(c, "%.30s needs a second word: %s", argv[1], kinds);
  return cli_usage(c, "unknown command \"%.60s\"", argv[1]);
}

/* A program started with a closed standard stream would open its first file there and print into
 * it. */
static void keep_standard_streams(void) {
  static const int refusing[] = {O_WRONLY, O_RDONLY, O_RDWR}; /* reads of 0 and writes to 1 fail */
  for (int fd = 0; fd < 3; fd++)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", refusing[fd]) != fd) _exit(EXIT_FAILED);
}

static bool wants_json(int argc, char **argv) {
  for (int i = 1; i < argc; i++)
    if (strcmp(argv[i], "--json") == 0) return true;
  return false;
}

static int check_color(cli *c, color_when *out) {
  static const char *const names[] = {"auto", "always", "never"};
  const char *s = args_get(&c->args, OPT_COLOR);
  int i = 0;
  int code = s ? cli_word(c, OPT_COLOR, s, names, LENGTH(names), &i) : EXIT_DONE;
  *out = (color_when)i;
  return code;
}

static int check_kinds(cli *c) {
  static const char *const names[] = {"auto", "visual", "textual"};
  int code = EXIT_DONE, k;
  for (int i = 0; i < c->args.given_count && !code; i++) /* as it was given: it is not read yet */
    if (c->args.given[i].id == OPT_KIND)
      code = cli_word(c, OPT_KIND, c->args.given[i].value, names, LENGTH(names), &k);
  return code;
}

static int check_needed(cli *c) {
  char missing[128] = "";
  for (const option_id *id = c->command->needed; *id != OPT_COUNT; id++) {
    if (args_has(&c->args, *id)) continue;
    if (*id == OPT_MODEL && args_has(&c->args, OPT_DEVICES)) continue;
    if (*id == OPT_QUESTION && args_has(&c->args, OPT_TEXT)) continue;
    const option *o = option_get(*id);
    size_t used = strlen(missing);
    const char *joint = used ? " and " : "";
    if (o->letter) {
      snprintf(missing + used, sizeof missing - used, "%s-%c %s", joint, o->letter, o->argument);
    } else {
      snprintf(missing + used, sizeof missing - used, "%s--%s %s", joint, o->name, o->argument);
    }
  }
  return missing[0] ? cli_usage(c, "%s needs %s", c->command->name, missing) : EXIT_DONE;
}

/* The plain arguments: as many as the command takes.  --data names a file of examples, too. */
static int check_files(cli *c) {
  const plain_files *f = &c->command->files;
  const char *data = args_get(&c->args, OPT_DATA);
  if (data && c->args.rest_count > 0)
    return cli_usage(c, "a file of examples is named twice: %.80s and --data %.80s",
                     c->args.rest[0], data);
  if (data) c->args.rest[c->args.rest_count++] = data;
  if (c->args.rest_count > f->most)
    return cli_usage(c, "unexpected argument \"%.100s\"", c->args.rest[f->most]);
  if (c->args.rest_count < f->fewest) return cli_usage(c, "%s needs %s", c->command->name, f->what);
  return EXIT_DONE;
}

/* A command that ends well has read all that it was given: what its way does not read is refused by
 * the parser.  Where that is not so, options.def is wrong, and the numbers are not those asked for.
 */
static int check_read(cli *c) {
  const option *o = args_unread(&c->args);
  if (!o) return EXIT_DONE;
  cli_fail(&c->err, LOCI_EUNSUPPORTED, "--%s was given, and %s has not read it", o->name,
           c->command->name);
  return cli_failed(c);
}

static int run(cli *c, int argc, char **argv) {
  char why[256];
  color_when when;
  if (!args_parse(c->command->id, argc, argv, &c->args, why, sizeof why)) {
    if (c->args.given && c->args.rest) return cli_usage(c, "%s", why);
    cli_fail(&c->err, LOCI_ENOMEM, "%s", why);
    return cli_failed(c);
  }
  c->json = args_has(&c->args, OPT_JSON);
  int code = check_color(c, &when);
  if (code) return code;
  terminal_init(&c->term, when,
                args_has(&c->args, OPT_NO_PROGRESS) || args_has(&c->args, OPT_QUIET));
  if (args_has(&c->args, OPT_HELP)) {
    help_command(c->command, &c->term);
    return EXIT_DONE;
  }
  if ((code = check_files(c)) || (code = check_needed(c)) || (code = check_kinds(c)) ||
      (code = cli_look(c, &c->look)) || (code = cli_check_outputs(c)))
    return code;
  /* What is printed for people goes nowhere; JSON stays. */
  if (args_has(&c->args, OPT_QUIET) && !c->json && !freopen("/dev/null", "w", stdout))
    return EXIT_FAILED;
  code = c->run(c);
  return code ? code : check_read(c);
}

static int start(cli *c, int argc, char **argv) {
  const char *name = argc > 1 ? argv[1] : "--help";
  if (is_help(name)) {
    help_screen(&c->term);
    return EXIT_DONE;
  }
  if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
    printf("loci %s\n", loci_version());
    return EXIT_DONE;
  }
  if (name[0] == '-')
    return cli_usage(c, "the command comes first, then its options, as in: loci info %.60s", name);
  int words;
  c->command = find_command(argc, argv, &words);
  if (c->command) return run(c, argc - 1 - words, argv + 1 + words);
  return unknown_command(c, argc, argv);
}

/* OpenMP's threads wait for work by spinning unless the environment said otherwise before the
 * program began.  On a busy machine that slows a small trace tenfold, on an idle one it gains
 * nothing: so the program begins again with the other policy, once. */
static void wait_without_spinning(char **argv) {
  if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT")) return;
  if (setenv("OMP_WAIT_POLICY", "passive", 1) == 0) execv("/proc/self/exe", argv);
}

int main(int argc, char **argv) {
  cli c;
  wait_without_spinning(argv);
  keep_standard_streams();
  terminal_catch_signals();
  memset(&c, 0, sizeof c);
  c.run = run_command;
  c.json = wants_json(argc, argv);
  terminal_init(&c.term, COLOR_AUTO, true);
  int code = start(&c, argc, argv);
  edit_free_files(&c.edits);
  args_clear(&c.args);
  return cli_finish(&c, code);
}
