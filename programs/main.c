/* loci: the table of commands, and the way from argv to one of them. */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "data.h"
#include "edit.h"
#include "study.h"
#include "words.h"

#define GRID_ENDINGS ".json .csv .safetensors .npz .png .svg .pdf .html"
#define FLAGS " -m models/flags"
#define UKRAINE FLAGS " -i models/flags/images/ukraine.png"
#define CAPITAL " -q \"What is the capital of this country?\""
#define COUNTRY " -c \"this country\""

const command commands[] = {
    {"info",
     "what a checkpoint holds, and what a trace of it needs",
     "loci info" FLAGS "\n"
     "loci info -m llava-hf/llava-1.5-7b-hf --json\n",
     "Opens a checkpoint, checks it, and shows family, sizes, number format, template, tokenizer, "
     "a hash over all weights and the memory a trace needs.",
     ".json",
     cmd_info,
     INFO,
     {OPT_MODEL, OPT_COUNT}},

    {"tokens",
     "the sequence the model reads",
     "loci tokens" UKRAINE CAPITAL COUNTRY "\n"
     "loci tokens" FLAGS " --text \"the capital of Kenya\"\n"
     "loci tokens" FLAGS " --lines texts.jsonl\n",
     "Shows every position of the expanded prompt with its id, text, byte range and role, and the "
     "spans of the constraints.  With --text or --lines it tokenizes any text; only the "
     "tokenizer's files are needed then.",
     ".json",
     cmd_tokens,
     TOKENS,
     {OPT_MODEL, OPT_COUNT}},

    {"image",
     "what the model sees of a picture",
     "loci image" UKRAINE " -o seen.png\n"
     "loci image" UKRAINE " -o seen.safetensors\n",
     "Writes the picture after resizing and cropping (.png), or the decoded bytes and the "
     "normalised numbers (.safetensors).  Only the image processor's files are needed.",
     ".safetensors .png",
     cmd_image,
     IMAGE,
     {OPT_MODEL, OPT_IMAGE, OPT_COUNT}},

    {"ask",
     "the model's answer, with probabilities",
     "loci ask" UKRAINE CAPITAL "\n",
     "Answers greedily, and shows for the first tokens what else the model could have said.",
     ".json",
     cmd_ask,
     ASK,
     {OPT_MODEL, OPT_QUESTION, OPT_COUNT}},

    {"record",
     "activations of one run, into a file",
     "loci record" UKRAINE CAPITAL " --site mlp_out,pattern --layers 1-3 -o run.safetensors\n",
     "Runs the prompt once and writes the named sites of the named layers as 32-bit numbers, with "
     "the input ids, pixel values and visual features beside them.  'loci help sites' lists the "
     "sites.",
     ".safetensors",
     cmd_record,
     RECORD,
     {OPT_MODEL, OPT_QUESTION, OPT_COUNT}},

    {"trace",
     "where the answer's fact is kept: causal tracing",
     "loci trace" UKRAINE CAPITAL COUNTRY "\n"
     "loci trace" UKRAINE CAPITAL COUNTRY " --corrupt mean --window 1,3 -o grid.json -o grid.png\n",
     "Corrupts the constraint, restores clean activations one place at a time, and shows where "
     "that brings the answer back.  All cells come from one walk through the layers.",
     GRID_ENDINGS,
     cmd_trace,
     TRACE,
     {OPT_MODEL, OPT_QUESTION, OPT_COUNT}},

    {"knockout",
     "by which way the answer got there: attention cut",
     "loci knockout" UKRAINE CAPITAL COUNTRY "\n"
     "loci knockout" UKRAINE CAPITAL COUNTRY
     " --from image --to constraint,last --window 1 -o cut.png\n",
     "Cuts the attention edges from the tokens of one group to those of another, in a window of "
     "layers round each centre, and shows what that does to the answer.  All pathways and layers "
     "come from one walk; without a picture or a constraint the pathways that remain are cut.",
     ".json .csv .png .svg .pdf .html",
     cmd_knockout,
     KNOCKOUT,
     {OPT_MODEL, OPT_QUESTION, OPT_COUNT}},

    {"lens",
     "what every layer would answer",
     "loci lens" UKRAINE CAPITAL COUNTRY "\n"
     "loci lens" UKRAINE CAPITAL COUNTRY " --positions constraint,80,last -a Kyiv -o words.png\n",
     "Puts final norm and output head on the residual stream behind every layer, and shows the "
     "most likely word there, with the probability and the rank of the target.",
     ".json .csv .png .svg .pdf .html",
     cmd_lens,
     LENS,
     {OPT_MODEL, OPT_QUESTION, OPT_COUNT}},

    {"flow",
     "what flows through attention: image to constraint to answer",
     "loci flow" UKRAINE CAPITAL COUNTRY "\n"
     "loci flow" UKRAINE CAPITAL COUNTRY " --layers 2-8 -o flow.json -o flow.pdf\n"
     "loci flow" UKRAINE CAPITAL " --from image --to last --heads -o flow.npz\n",
     "Measures what each position gives to the attention output of another: weight times value "
     "times output projection.  By default from the picture to the constraint's last token, and "
     "from the constraint to the position that answers.",
     GRID_ENDINGS,
     cmd_flow,
     FLOW,
     {OPT_MODEL, OPT_QUESTION, OPT_COUNT}},

    {"score",
     "accuracy on a question set, free answers or options",
     "loci score --data models/flags/data/score.jsonl" FLAGS " --by relation\n"
     "loci score --data models/flags/data/choice.jsonl" FLAGS " --choice text -o bars.png\n",
     "Answers every question of a file and compares: free answers but for case, articles, "
     "punctuation and number words; of questions with options, as in MMMU, the most likely one "
     "counts.  With 95 % intervals, of all questions and of groups.",
     ".json .csv .png .svg .pdf .html",
     cmd_score,
     SCORE,
     {OPT_MODEL, OPT_DATA, OPT_COUNT}},

    {"edit solve",
     "a new answer, as a change of one matrix",
     "loci edit solve" UKRAINE CAPITAL COUNTRY " --target Lima -o lima.edit\n"
     "loci edit solve" FLAGS " --requests wrong.jsonl --layer 3 --stop-p 0.9 -o wrong.edit\n",
     "Finds the change of one layer's down projection that brings the target (MultEdit): the value "
     "that makes the target likely, by gradients, then the smallest update that brings it; or by "
     "one of its rivals: fine-tuning (ft, ft-l), ROME, MEMIT.  The model is only read; the change "
     "goes into a small file.",
     ".edit .json",
     cmd_edit_solve,
     EDIT_SOLVE,
     {OPT_MODEL, OPT_COUNT}},

    {"edit apply",
     "edits as a checkpoint that other tools load",
     "loci edit apply lima.edit" FLAGS " --out edited\n",
     "Writes the model with the edits in it to a new directory, in the source's own layout, dtypes "
     "and names; files without changes are linked or copied.  Then opens it and says what the "
     "edits "
     "do there, because 16 bits may lose a small one.",
     NULL,
     cmd_edit_apply,
     EDIT_APPLY,
     {OPT_MODEL, OPT_OUT, OPT_COUNT}},

    {"edit revert",
     "what edit apply replaced, put back",
     "loci edit revert edited\n",
     "Makes the edited checkpoint what its source was, bit for bit.",
     NULL,
     cmd_edit_revert,
     EDIT_REVERT,
     {OPT_COUNT}},

    {"edit test",
     "what edits do, to their questions and to others",
     "loci edit test --data edits.jsonl" FLAGS " --layer 3 --limit 20\n"
     "loci edit test --data edits.jsonl --edit lima.edit" FLAGS " --json\n",
     "Measures, before and after, on an edit set: the question itself, its paraphrases and other "
     "pictures of the entity, which shall have the new answer; and other questions on the picture, "
     "the question on other pictures and unrelated ones, which shall keep theirs.  By free "
     "answers, "
     "by the first token and by probability, with 95 % intervals.",
     ".json .csv .png .svg .pdf .html",
     cmd_edit_test,
     EDIT_TEST,
     {OPT_MODEL, OPT_DATA, OPT_COUNT}},

    {"edit curve",
     "what edits do over a setting, or over their number",
     "loci edit curve --data edits.jsonl" FLAGS " --over layer=0-10 --limit 20 -o layers.png\n"
     "loci edit curve --data edits.jsonl" FLAGS " --layer 3 --over count=1,3,10 -o count.csv\n",
     "Tests edits as edit test does, at each value of a layer, lambda, steps, max-norm or lr, or "
     "with "
     "1, 3, 10, ... requests solved into one matrix, and draws what becomes of the question, its "
     "paraphrases, other pictures and other questions, with 95 % intervals.",
     ".json .csv .png .svg .pdf .html",
     cmd_edit_curve,
     EDIT_CURVE,
     {OPT_MODEL, OPT_DATA, OPT_OVER, OPT_COUNT}},

    {"edit compare",
     "results of edit test beside each other",
     "loci edit compare multedit.json ft.json rome.json -o methods.png\n",
     "Puts files that edit test wrote with -o F.json into one table and one picture, named as the "
     "files are, with 95 % intervals.",
     ".json .csv .png .svg .pdf .html",
     cmd_edit_compare,
     EDIT_COMPARE,
     {OPT_COUNT}},

    {"edit covariance",
     "how keys of a layer vary, for the methods rome and memit",
     "loci edit covariance --data questions.jsonl" FLAGS " --layer 3 -o keys.safetensors\n"
     "loci edit solve" UKRAINE CAPITAL COUNTRY " --target Lima --layer 3 --method rome "
     "--covariance keys.safetensors -o lima.edit\n",
     "Averages k k^T over every position of the questions of a file, k the input of the layer's "
     "down projection: what an update by ROME or MEMIT spares.",
     ".safetensors .json",
     cmd_edit_covariance,
     EDIT_COVARIANCE,
     {OPT_MODEL, OPT_DATA, OPT_LAYER, OPT_OUT, OPT_COUNT}},

    {"data import",
     "a table of questions as a file of examples",
     "loci data import okvqa okvqa.csv --images val2014 -o okvqa.jsonl\n"
     "loci data import okvqa okvqa.csv --answers questions.json --answers annotations.json -o "
     "okvqa.jsonl\n"
     "loci data import csv mine.csv -o mine.jsonl\n",
     "Reads VQA-Constraints' tables (okvqa, known, movies), Encyclopedic-VQA's (evqa) or a plain "
     "one (csv: question and, as far as there are, id, image, answer, constraint, entity, set, "
     "target; any other column is kept), finds the pictures, joins the answers, repairs what is "
     "unambiguous and names the rest.  Exit code 1: there are rows with errors that stay.",
     ".jsonl .json",
     cmd_data_import,
     DATA_IMPORT,
     {OPT_OUT, OPT_COUNT}},

    {"data lint",
     "what would refuse or spoil the lines of a file of examples",
     "loci data lint questions.jsonl" FLAGS "\n"
     "loci data lint questions.jsonl --fix -o better.jsonl -o found.json\n",
     "Checks every line: that it is an example, its constraint a piece of the question, its "
     "picture "
     "there and readable, its answers, doubles, and with -m what the tokenizer makes of it.  "
     "docs/DATA.md lists what is looked for.  Exit code 1: there are lines with errors that stay.",
     ".jsonl .json",
     cmd_data_lint,
     DATA_LINT,
     {OPT_COUNT}},

    {"data annotate",
     "constraints proposed from the grammar of the questions",
     "loci data annotate questions.jsonl -o proposed.jsonl\n"
     "loci data annotate questions.jsonl --compare\n"
     "loci data annotate questions.jsonl --train mine.csv --weights mine.json -o proposed.jsonl\n",
     "Proposes for every question the piece that points at the picture, and names and numbers as "
     "further conditions, by rules and without a model: to be corrected in the file.  --why says "
     "what speaks for each proposal, --compare how often proposals agree with the constraints that "
     "are there, articles aside.",
     ".jsonl .json",
     cmd_data_annotate,
     DATA_ANNOTATE,
     {OPT_COUNT}},

    {"data show",
     "the questions of a file with their constraints marked",
     "loci data show questions.jsonl\n"
     "loci data show questions.jsonl --limit 20 --json\n",
     "Prints every example of the file: its question with the constraints coloured, or in brackets "
     "(visual [], textual {}), its answers and its picture.",
     NULL,
     cmd_data_show,
     DATA_SHOW,
     {OPT_COUNT}},

    {"study flow",
     "contributions averaged over questions: right and wrong answers",
     "loci study flow questions.jsonl" FLAGS " -o flow.png\n",
     "Averages what the image gives to the constraint and the constraint to the last position, "
     "layer "
     "by layer, apart for right and for wrong answers, with 95 % intervals; how concentrated and "
     "how "
     "alike the visual tokens are that feed the constraint, and which they are.",
     ".json .csv .png .svg .pdf .html",
     cmd_study_flow,
     STUDY_FLOW,
     {OPT_MODEL, OPT_COUNT}},

    {"study knockout",
     "attention cut, averaged over questions",
     "loci study knockout questions.jsonl" FLAGS " --window 3 -o cut.png\n",
     "Cuts each pathway in a window of layers round each centre, and averages the probability of "
     "the "
     "model's own answer over the examples, with 95 % intervals.",
     ".json .csv .png .svg .pdf .html",
     cmd_study_knockout,
     STUDY_KNOCKOUT,
     {OPT_MODEL, OPT_COUNT}},

    {"study trace",
     "causal traces averaged over questions, by role",
     "loci study trace questions.jsonl" FLAGS " -o trace.png\n"
     "loci study trace questions.jsonl" FLAGS
     " --corrupt swap --site mlp_out --window 1,3 --json\n",
     "Traces every example that is answered rightly and whose total effect is at least --min-te, "
     "and "
     "averages indirect effects by role, layer, site and window, with 95 % intervals.  '--corrupt "
     "swap' takes the replacement from each example's field \"swap\".",
     ".json .csv .png .svg .pdf .html",
     cmd_study_trace,
     STUDY_TRACE,
     {OPT_MODEL, OPT_COUNT}},

    {"study run",
     "measurements of many questions, into a store",
     "loci study run questions.jsonl" FLAGS " --store study.db\n"
     "loci study run questions.jsonl" FLAGS
     " --store study.db --what trace,flow,ask --shard 1/4 --stop-when \"width<0.02\"\n",
     "Measures every example of the file that the store does not have yet, and writes each one's "
     "numbers at once: stopped in any way, the same command goes on where it was.  Other settings "
     "or other weights are another run in the same store.  Examples that cannot be used are "
     "written "
     "down with the reason.",
     ".json",
     cmd_study_run,
     STUDY_RUN,
     {OPT_MODEL, OPT_STORE, OPT_COUNT}},

    {"study status",
     "what is in a store: runs, examples, reasons",
     "loci study status study.db\n"
     "loci study status study.db --json\n",
     "Lists the runs of a store with their settings, how many examples each one used and dropped, "
     "and why.  May be asked while a run is writing.",
     ".json",
     cmd_study_status,
     STUDY_STATUS,
     {OPT_COUNT}},

    {"study report",
     "what a store's run shows: averages with intervals",
     "loci study report study.db\n"
     "loci study report study.db --run 2 -o trace.png -o trace.csv\n"
     "loci study report study.db -o pages\n",
     "Averages the examples of a run, exactly as the study command of that kind does with a file; "
     "or all runs as one "
     "page for a browser, in the directory of -o.",
     NULL,
     cmd_study_report,
     STUDY_REPORT,
     {OPT_COUNT}},

    {"study compare",
     "two runs, number by number: models, corruptions, right and wrong",
     "loci study compare mllm.db llm.db\n"
     "loci study compare study.db --run 1,2 -o differences.csv\n"
     "loci study compare study.db --by right\n",
     "Differences of all numbers two runs have in common: of pairs where the runs have examples in "
     "common, with bootstrap intervals, corrected for how many were compared; and how alike their "
     "layer profiles are.  --by right compares the right answers of a run with the wrong ones.",
     ".json .csv",
     cmd_study_compare,
     STUDY_COMPARE,
     {OPT_COUNT}},

    {"study merge",
     "stores of shares of a file, put together",
     "loci study merge share1.db share2.db -o all.db\n",
     "Copies what the last store does not have yet.  Settings and weights must agree; merging "
     "again "
     "changes nothing.",
     ".db",
     cmd_study_merge,
     STUDY_MERGE,
     {OPT_OUT, OPT_COUNT}},

    {"study export",
     "the numbers of a store, for other programs",
     "loci study export study.db -o study.csv\n"
     "loci study export study.db --run 2 -o study.npz\n",
     "Writes every number of every example: as rows, or as arrays with an example in each row.  A "
     "store is an SQLite file, too: docs/STORE.md has its tables and example queries.",
     ".csv .npz",
     cmd_study_export,
     STUDY_EXPORT,
     {OPT_OUT, OPT_COUNT}},

    {"study predict",
     "will the answer be wrong: scores that may tell",
     "loci study predict questions.jsonl" FLAGS "\n"
     "loci study predict questions.jsonl" FLAGS " --limit 500 -o roc.png -o scores.csv\n",
     "Answers every example of the file, and measures how well the attention contribution from the "
     "constraint to the last position tells right answers from wrong ones, beside the model's "
     "confidence, its margin and entropy, and a probe on its residual stream: areas under ROC "
     "curves with 95 % intervals.  Layers are chosen on one half of the examples and tested on the "
     "other, unless --layers gives them.",
     ".json .csv .png .svg .pdf .html",
     cmd_study_predict,
     STUDY_PREDICT,
     {OPT_MODEL, OPT_COUNT}},

    {"bench",
     "the speed of this machine, against its measured limit",
     "loci bench\n"
     "loci bench --rows 4096 --precision bf16 --json\n"
     "loci bench -m models/flags --scale\n"
     "loci bench -m models/flags --edit\n",
     "Times a walk through four layers of random weights, and the bare matrix products of the same "
     "shapes.  With -m the width, the MLP and the heads are that model's.  The layers are always "
     "sequential with a gated MLP, and a head is as wide as the width divided by the heads.  With "
     "--scale an answer and a whole trace of a random question, as long as the model's own ones "
     "are, "
     "and what their time goes into; with --edit an edit of that question.",
     ".json",
     cmd_bench,
     BENCH,
     {OPT_COUNT}},

    {"help",
     "examples and options of a command",
     "loci help trace\n"
     "loci help sites\n",
     "Explains a command, or lists the sites.",
     NULL,
     cmd_help,
     HELP,
     {OPT_COUNT}},
};
const int command_count = LENGTH(commands);

const command *command_find(const char *name) {
  for (int i = 0; i < command_count; i++)
    if (strcmp(commands[i].name, name) == 0) return &commands[i];
  return NULL;
}

const char *command_near(const char *name) {
  const char *names[LENGTH(commands)];
  for (int i = 0; i < command_count; i++) names[i] = commands[i].name;
  return loci_name_near(name, names, command_count);
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

static int unknown_command(cli *c, int argc, char **argv) {
  char name[64], kinds[128] = "";
  size_t n = strlen(argv[1]), used = 0;
  snprintf(name, sizeof name, "%.30s", argv[1]);
  for (int i = 0; i < command_count; i++) {
    if (strncmp(commands[i].name, argv[1], n) != 0 || commands[i].name[n] != ' ') continue;
    used += (size_t)snprintf(kinds + used, sizeof kinds - used, "%s%s", used ? ", " : "",
                             commands[i].name + n + 1);
  }
  if (used > 0 && argc > 2) snprintf(name, sizeof name, "%.30s %.30s", argv[1], argv[2]);
  const char *near = used > 0 && argc == 2 ? NULL : command_near(name);
  if (near) return cli_usage(c, "unknown command \"%s\"; did you mean %s?", name, near);
  if (used > 0) return cli_usage(c, "%.30s needs a second word: %s", argv[1], kinds);
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

static int check_needed(cli *c) {
  char missing[128] = "";
  for (const option_id *id = c->command->needed; *id != OPT_COUNT; id++) {
    if (args_has(&c->args, *id)) continue;
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

/* What the plain argument is. */
static const char *file_of(const cli *c) {
  if (c->command->bit == EDIT_APPLY) return "an edit's file";
  if (c->command->bit == EDIT_COMPARE) return "results of edit test (.json)";
  if (c->command->bit == DATA_IMPORT) return "a kind of table (okvqa, ...) and its file";
  if (c->command->bit & STORE_COMMANDS) return "a store";
  return c->command->bit == EDIT_REVERT ? "the directory of an edited checkpoint"
                                        : "a file of examples";
}

static int run(cli *c, int argc, char **argv) {
  char why[256];
  color_when when;
  if (!args_parse(c->command->bit, argc, argv, &c->args, why, sizeof why))
    return cli_usage(c, "%s", why);
  int code = check_color(c, &when);
  if (code) return code;
  term_init(&c->term, when, args_has(&c->args, OPT_NO_PROGRESS));
  if (args_has(&c->args, OPT_HELP)) {
    help_command(c->command, &c->term);
    return EXIT_DONE;
  }
  int plain = c->command->bit == DATA_IMPORT ? 2 : c->command->bit & FILE_COMMANDS ? 1 : 0;
  int most = c->command->bit & (EDIT_APPLY | STUDY_MERGE | EDIT_COMPARE) ? INT_MAX : plain;
  if (c->command->bit == STUDY_COMPARE) most = 2;
  if (c->command->bit != HELP && c->args.rest_count > most)
    return cli_usage(c, "unexpected argument \"%.100s\"", c->args.rest[most]);
  if (c->args.rest_count < plain) return cli_usage(c, "%s needs %s", c->command->name, file_of(c));
  if ((code = check_needed(c)) || (code = cli_check_outputs(c))) return code;
  return c->command->run(c);
}

static int start(cli *c, int argc, char **argv) {
  const char *name = argc > 1 ? argv[1] : "--help";
  if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
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
  term_catch_signals();
  memset(&c, 0, sizeof c);
  c.json = wants_json(argc, argv);
  term_init(&c.term, COLOR_AUTO, true);
  int code = start(&c, argc, argv);
  edit_free_files(&c.edits);
  args_clear(&c.args);
  return cli_finish(&c, code);
}
