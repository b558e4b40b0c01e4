/* loci help: the first screen, a command's examples and options, the list of sites.  All of it
 * comes from the tables (main.c, options.def, loci_sites.def). */
#include <string.h>

#include "cli.h"

static void put_line(const term *t, const char *s, int indent) {
  printf("%*s", indent, "");
  put_wrapped(stdout, s, &(wrap){indent, indent, t->columns, t->utf8});
}

/* A word in a column of its own, then its meaning; on narrow screens below each other. */
static void put_entry(const term *t, const char *word, const char *meaning, int column) {
  if (t->columns < column + 24) column = 8;
  int at = 2 + (int)strlen(word);
  printf("  %s", word);
  if (at + 2 > column) {
    printf("\n%*s", column, "");
  } else {
    printf("%*s", column - at, "");
  }
  put_wrapped(stdout, meaning, &(wrap){column, column, t->columns, t->utf8});
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

void help_screen(const term *t) {
  put_line(t,
           "loci shows where a multimodal language model keeps a fact, and how the fact reached "
           "its answer.",
           0);
  printf("\ncommands\n");
  for (int i = 0; i < command_count; i++) put_entry(t, commands[i].name, commands[i].summary, 19);
  printf("\nexample\n");
  put_examples("loci trace -m models/flags -i models/flags/images/ukraine.png -q \"What is the "
               "capital of this "
               "country?\" -c \"this country\"\n");
  printf("\n");
  put_line(t, "'loci help trace' explains a command; 'loci --version' names the version.", 0);
}

static void put_usage(const command *cmd) {
  printf("usage\n  loci %s", cmd->name);
  if (cmd->bit == HELP) printf(" [COMMAND | sites]");
  if (cmd->bit == DATA_IMPORT) printf(" KIND"); /* of table */
  if (cmd->bit & FILE_COMMANDS)
    printf(" FILE%s", cmd->bit & (EDIT_APPLY | EDIT_COMPARE) ? "..." : "");
  for (const option_id *id = cmd->needed; *id != OPT_COUNT; id++) {
    const option *o = option_get(*id);
    if (o->letter) printf(" -%c %s", o->letter, o->argument);
    if (!o->letter) printf(" --%s %s", o->name, o->argument);
  }
  printf("%s\n", cmd->bit == HELP ? "" : " [options]");
}

static void put_option(const term *t, const command *cmd, const option *o) {
  char word[64], meaning[320];
  snprintf(word, sizeof word, "%s%c%s--%s%s%s", o->letter ? "-" : "", o->letter ? o->letter : ' ',
           o->letter ? ", " : "   ", o->name, o->argument ? " " : "",
           o->argument ? o->argument : "");
  bool out = o == option_get(OPT_OUT) && cmd->endings;
  snprintf(meaning, sizeof meaning, "%s%s%s%s", o->help, out ? ": " : "", out ? cmd->endings : "",
           o->many ? "; may be repeated" : "");
  put_entry(t, word, meaning, 30);
}

static void put_sites(const term *t) {
  char meaning[160];
  for (int i = 0; i < LOCI_SITE_COUNT; i++) {
    loci_site site = (loci_site)i;
    snprintf(meaning, sizeof meaning, "%s (%s)", loci_site_meaning(site), loci_site_axes(site));
    put_entry(t, loci_site_name(site), meaning, 14);
  }
}

void help_command(const command *cmd, const term *t) {
  printf("examples\n");
  put_examples(cmd->examples);
  printf("\n");
  put_usage(cmd);
  printf("\n");
  put_line(t, cmd->about, 0);
  printf("\noptions\n");
  for (int i = 0; i < OPT_COUNT; i++)
    if (option_get((option_id)i)->commands & cmd->bit) put_option(t, cmd, option_get((option_id)i));
  if (cmd->bit != RECORD) return;
  printf("\nsites\n");
  put_sites(t);
}

int cmd_help(cli *c) {
  char two[64];
  const char *topic = c->args.rest_count > 0 ? c->args.rest[0] : NULL;
  if (c->args.rest_count == 2) { /* study predict */
    snprintf(two, sizeof two, "%.30s %.30s", c->args.rest[0], c->args.rest[1]);
    topic = two;
  }
  if (c->args.rest_count > 2 || (topic == two && !command_find(two)))
    return cli_usage(c, "help explains one command at a time");
  if (!topic) {
    help_screen(&c->term);
    return EXIT_DONE;
  }
  if (strcmp(topic, "sites") == 0) {
    put_line(&c->term, "The activations of a decoder layer, in the order it computes them:", 0);
    put_sites(&c->term);
    return EXIT_DONE;
  }
  const command *cmd = command_find(topic);
  const char *near = cmd ? NULL : command_near(topic);
  if (near) return cli_usage(c, "unknown command \"%.60s\"; did you mean %s?", topic, near);
  if (!cmd) return cli_usage(c, "unknown command \"%.60s\"", topic);
  help_command(cmd, &c->term);
  return EXIT_DONE;
}
