/* loci help: the first screen, a command's examples and options, lists of names, and the table for
 * the shell completions.  All of it comes from tables (commands.def, options.def, loci_names.def).
 */
#include <string.h>

#include "cli.h"

static void put_line(const terminal *t, const char *s, int indent) {
  printf("%*s", indent, "");
  put_wrapped(stdout, s, &(wrap){indent, indent, t->wrap, t->utf8});
}

/* A word in a column of its own, then its meaning; on narrow screens below each other. */
static void put_entry(const terminal *t, const char *word, const char *meaning, int column) {
  if (t->wrap < column + 24) column = 8;
  int at = 2 + (int)strlen(word);
  printf("  %s", word);
  if (at + 2 > column) {
    printf("\n%*s", column, "");
  } else {
    printf("%*s", column - at, "");
  }
  put_wrapped(stdout, meaning, &(wrap){column, column, t->wrap, t->utf8});
}

/* Command lines to be copied stay whole: the shell sees where a line ends, the terminal wraps it.
 */
static void put_examples(const char *examples) {
  while (*examples) {
    int n = (int)strcspn(examples, "\n");
    printf("  %.*s\n", n, examples);
    examples += n;
    examples += *examples == '\n';
  }
}

void help_screen(const terminal *t) {
  put_line(t,
           "loci shows where a multimodal language model keeps a fact, and how the fact reached "
           "its answer.",
           0);
  printf("\ncommands\n");
  for (int i = 0; i < COMMAND_COUNT; i++) put_entry(t, commands[i].name, commands[i].summary, 19);
  printf("\nexample\n");
  put_examples("loci trace -m models/flags -i models/flags/images/ukraine.png -q \"What is the "
               "capital of this "
               "country?\" -c \"this country\"\n");
  printf("\n");
  put_line(t, "'loci help trace' explains a command; 'loci --version' names the version.", 0);
}

static void put_usage(const command *cmd) {
  printf("usage\n  loci %s%s%s", cmd->name, *cmd->files.usage ? " " : "", cmd->files.usage);
  for (const option_id *id = cmd->needed; *id != OPT_COUNT; id++) {
    const option *o = option_get(*id);
    if (o->letter) printf(" -%c %s", o->letter, o->argument);
    if (!o->letter) printf(" --%s %s", o->name, o->argument);
  }
  printf("%s\n", cmd->id == COMMAND_HELP ? "" : " [options]");
}

static void put_option(const terminal *t, const command *cmd, option_id id) {
  char word[64], meaning[400];
  const option *o = option_get(id);
  snprintf(word, sizeof word, "%s%c%s--%s%s%s", o->letter ? "-" : "", o->letter ? o->letter : ' ',
           o->letter ? ", " : "   ", o->name, o->argument ? " " : "",
           o->argument ? o->argument : "");
  bool out = id == OPT_OUT && cmd->endings;
  snprintf(meaning, sizeof meaning, "%s%s%s%s", option_help(id, cmd->id, NULL), out ? ": " : "",
           out ? cmd->endings : "", o->many ? "; may be repeated" : "");
  put_entry(t, word, meaning, 30);
}

/* ---------------------------------------------------------------- lists of names */

/* What `loci help WORD` lists, beside commands. */
static const struct {
  const char *word;
  loci_names list;
  const char *about;
} topics[] = {
    {"sites", LOCI_NAMES_SITE,
     "The activations of a decoder layer, in the order it computes them:"},
    {"groups", LOCI_NAMES_GROUP, "Groups of positions, for --positions, --from and --to:"},
    {"roles", LOCI_NAMES_ROLE, "What a position is:"},
    {"corruptions", LOCI_NAMES_CORRUPTION, "Kinds of --corrupt, written as KIND or KIND:VALUE:"},
    {"metrics", LOCI_NAMES_METRIC, "What is computed of every run, and drawn by --metric:"},
    {"directions", LOCI_NAMES_DIRECTION, "Directions of a trace:"},
    {"methods", LOCI_NAMES_METHOD, "Methods of edits:"},
    {"measurements", LOCI_NAMES_STUDY, "What study run measures of each example, for --what:"},
    {"templates", LOCI_NAMES_TEMPLATE, "Prompt templates, for -t; auto is the model's own:"},
    {"presets", LOCI_NAMES_PRESET, "Published settings of edits, for --preset:"},
};

static void put_names(const terminal *t, loci_names list) {
  const char *name;
  for (int i = 0; (name = loci_name(list, i)) != NULL; i++)
    put_entry(t, name, loci_name_meaning(list, i), 20);
}

void help_command(const command *cmd, const terminal *t) {
  printf("examples\n");
  put_examples(cmd->examples);
  printf("\n");
  put_usage(cmd);
  printf("\n");
  put_line(t, cmd->about, 0);
  printf("\noptions\n");
  for (int i = 0; i < OPT_COUNT; i++)
    if (option_is_taken((option_id)i, cmd->id)) put_option(t, cmd, (option_id)i);
  if (cmd->id != COMMAND_RECORD) return;
  printf("\nsites\n");
  put_names(t, LOCI_NAMES_SITE);
}

bool help_family(const char *word, const terminal *t) {
  size_t n = strlen(word);
  bool any = false;
  for (int i = 0; i < COMMAND_COUNT; i++) {
    if (strncmp(commands[i].name, word, n) != 0 || commands[i].name[n] != ' ') continue;
    put_entry(t, commands[i].name, commands[i].summary, 19);
    any = true;
  }
  if (any) printf("\n");
  if (any) printf("'loci help %s WORD' explains one of them\n", word);
  return any;
}

/* ---------------------------------------------------------------- for completion */

/* The words of "{group}|each", names of lists written out; kinds of corruption end in ":" where a
 * value follows. */
static void put_takes(const char *takes) {
  static const char *const words[] = {
      [LOCI_NAMES_SITE] = "site",         [LOCI_NAMES_GROUP] = "group",
      [LOCI_NAMES_ROLE] = "role",         [LOCI_NAMES_CORRUPTION] = "corruption",
      [LOCI_NAMES_METRIC] = "metric",     [LOCI_NAMES_DIRECTION] = "direction",
      [LOCI_NAMES_METHOD] = "method",     [LOCI_NAMES_STUDY] = "study",
      [LOCI_NAMES_CHOICE] = "choice",     [LOCI_NAMES_PRECISION] = "precision",
      [LOCI_NAMES_TEMPLATE] = "template", [LOCI_NAMES_PRESET] = "preset"};
  static const char *const arguments[] = {
#define CORRUPTION(id, name, argument, on_image, meaning) argument,
#include <loci_names.def>
  };
  while (*takes) {
    size_t n = strcspn(takes, "}");
    const char *name;
    if (*takes != '{') {
      putchar(*takes++);
      continue;
    }
    for (int l = 0; l < LENGTH(words); l++) {
      if (strncmp(takes + 1, words[l], n - 1) != 0) continue;
      for (int i = 0; (name = loci_name((loci_names)l, i)) != NULL; i++)
        printf("%s%s%s", i ? "|" : "", name,
               l == LOCI_NAMES_CORRUPTION && *arguments[i] ? ":" : "");
    }
    takes += n + 1;
  }
}

/* Lines for the scripts: "command NAME summary", "files NAME", "option NAME -o,--out file help". */
static void put_table(void) {
  for (int i = 0; i < COMMAND_COUNT; i++) {
    const command *c = &commands[i];
    char name[32];
    snprintf(name, sizeof name, "%s", c->name);
    if (strchr(name, ' ')) *strchr(name, ' ') = '-';
    printf("command %s %s\n", name, c->summary);
    if (c->files.fewest > 0) printf("files %s\n", name);
    for (int k = 0; k < OPT_COUNT; k++) {
      const option *o = option_get((option_id)k);
      const char *takes, *help = option_help((option_id)k, c->id, &takes);
      if (!option_is_taken((option_id)k, c->id)) continue;
      printf("option %s ", name);
      if (o->letter) printf("-%c,", o->letter);
      printf("--%s ", o->name);
      put_takes(takes ? takes : "-");
      printf(" %s\n", help);
    }
  }
  for (int i = 0; i < LENGTH(topics); i++) printf("topic %s\n", topics[i].word);
}

/* ---------------------------------------------------------------- the command */

int cmd_help(cli *c) {
  char two[64];
  const char *topic = c->args.rest_count > 0 ? c->args.rest[0] : NULL;
  if (c->args.rest_count == 2) { /* study predict */
    snprintf(two, sizeof two, "%.30s %.30s", c->args.rest[0], c->args.rest[1]);
    topic = two;
  }
  if (c->args.rest_count > 2 || (topic == two && !command_find(two)))
    return cli_usage(c, "help explains one command at a time");
  if (args_has(&c->args, OPT_TABLE)) {
    put_table();
    return EXIT_DONE;
  }
  if (!topic) {
    help_screen(&c->term);
    return EXIT_DONE;
  }
  for (int i = 0; i < LENGTH(topics); i++) {
    if (strcmp(topic, topics[i].word) != 0) continue;
    put_line(&c->term, topics[i].about, 0);
    put_names(&c->term, topics[i].list);
    return EXIT_DONE;
  }
  const command *cmd = command_find(topic);
  if (!cmd && help_family(topic, &c->term)) return EXIT_DONE;
  const char *near = cmd ? NULL : command_near(topic);
  if (near) return cli_usage(c, "unknown command \"%.60s\"; did you mean %s?", topic, near);
  if (!cmd) return cli_usage(c, "unknown command \"%.60s\"", topic);
  help_command(cmd, &c->term);
  return EXIT_DONE;
}
