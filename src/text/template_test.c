/* Prompt templates: those with a name, a checkpoint's, a user's own, and where the question went.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "text/pipeline.h"
#include "text/template.h"
#include "text/golden_test.h"

#define TEMPLATES GOLDEN_DIR "/templates/"
#define QUESTION "Who is this?"

static const template_list nothing;

static loci_status fill(const template_list *list, const char *name, prompt_given g, arena *a,
                        prompt_text *out, loci_err *err) {
  prompt_template t;
  if (!g.mark) g.mark = "<image>";
  if (!g.day.year) g.day = (jinja_day){2026, 1, 31};
  *out = (prompt_text){0};
  TRY(template_choose(list, name, "raw", a, &t, err));
  return template_fill(&t, &g, a, out, err);
}

/* The text, and the question in it where the template says. */
static void makes(const char *name, prompt_given g, const char *text) {
  prompt_text p;
  loci_err err;
  arena *a = arena_new();
  assert_ok(fill(&nothing, name, g, a, &p, &err), err);
  assert_string_equal(p.text, text);
  assert_int_equal(p.size, strlen(text));
  assert_false(p.asked_day);
  for (const char *at = g.question; *at; at++) {
    int64_t from = at - g.question, place;
    if (strchr(" \n\t\xC3\xBC", *at) || (at[0] & 0x80)) continue;
    assert_ok(template_place(&p, g.question, from, from + 1, &place, &err), err);
    assert_int_equal(p.text[place], *at);
  }
  arena_free(a);
}

static void refuses(const template_list *list, const char *name, prompt_given g,
                    const char *sentence) {
  prompt_text p;
  loci_err err;
  arena *a = arena_new();
  assert_int_not_equal(fill(list, name, g, a, &p, &err), LOCI_OK);
  if (!strstr(err.msg, sentence)) print_error("%s\n", err.msg);
  assert_non_null(strstr(err.msg, sentence));
  arena_free(a);
}

#define VICUNA                                                                                     \
  "A chat between a curious user and an artificial intelligence assistant. The assistant gives "   \
  "helpful, detailed, and polite answers to the user's questions."
#define ASKED(q)                                                                                   \
  (prompt_given) { .question = (q) }
#define SEEN(q)                                                                                    \
  (prompt_given) { .question = (q), .has_image = true }
#define TOLD(q, s)                                                                                 \
  (prompt_given) { .question = (q), .system = (s) }

static void named_templates_make_their_texts(void **s) {
  (void)s;
  makes("llava-paper", SEEN(QUESTION),
        "<image>\nUSER: Who is this? Answer in a few words.\nASSISTANT:");
  makes("llava-paper", ASKED(QUESTION), "USER: Who is this? Answer in a few words.\nASSISTANT:");
  makes("vicuna_v1", SEEN("Who?"), VICUNA " USER: <image>\nWho? ASSISTANT:");
  makes("vicuna_v1", ASKED("Who?"), VICUNA " USER: Who? ASSISTANT:");
  makes("vicuna_v1", TOLD("Who?", "Be brief."), "Be brief. USER: Who? ASSISTANT:");
  makes("bunny", SEEN("Who?"), VICUNA " USER: <image>\nWho? ASSISTANT:");
  makes("llava_v1", ASKED("Who?"),
        "A chat between a curious human and an artificial intelligence assistant. The assistant "
        "gives helpful, detailed, and polite answers to the human's questions. USER: Who? "
        "ASSISTANT:");
  makes("raw", ASKED("The capital of France is"), "The capital of France is");
  makes("raw", SEEN("<image>\nUSER: Who?"), "<image>\nUSER: Who?");
  makes("plain", SEEN("This is"), "<image>\nThis is");
  makes("plain", SEEN("The capital of it is"),
        "<image>\nThe capital of it is"); /* no mark at its end */
  makes("chat", SEEN("Who?"), "USER: <image>\nWho? ASSISTANT:");
  makes("chat", ASKED("Who?"), "USER: Who? ASSISTANT:");
  makes("is-a", SEEN("this"), "<image>\nthis is a");
  makes("chatml", SEEN("Who?"),
        "<|im_start|>user\n<image>\nWho?<|im_end|>\n<|im_start|>assistant\n");
  makes("qwen2", TOLD("Who?", "Be brief."),
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWho?<|im_end|>\n"
        "<|im_start|>assistant\n");
  makes("llama2", TOLD(" Who? ", "S"), "[INST] <<SYS>>\nS\n<</SYS>>\n\nWho? [/INST]");
  makes("mistral", ASKED(" Who?"), "[INST]  Who? [/INST]");
  makes("llama3", TOLD("Who?", "S"),
        "<|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|><|start_header_id|>user"
        "<|end_header_id|>\n\nWho?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n");
}

static void a_question_without_an_end_gets_a_question_mark_under_llava_paper(void **s) {
  (void)s;
  static const char *const ended[] = {"Name it.", "Name:",    "Who?!",       "Who? ",
                                      "Who?\n",   "(Who?)",   "Say \"no.\"", "誰ですか？",
                                      "誰。",     "「誰？」", "Stop!",       "Well…"};
  char text[128];
  makes("llava-paper", SEEN("Who is this"),
        "<image>\nUSER: Who is this? Answer in a few words.\nASSISTANT:");
  makes("llava-paper", ASKED("Who (is) this)"),
        "USER: Who (is) this)? Answer in a few words.\nASSISTANT:");
  for (size_t i = 0; i < sizeof ended / sizeof *ended; i++) {
    size_t n = strlen(ended[i]);
    while (strchr(" \n", ended[i][n - 1])) n--;
    snprintf(text, sizeof text, "USER: %.*s Answer in a few words.\nASSISTANT:", (int)n, ended[i]);
    makes("llava-paper", ASKED(ended[i]), text);
  }
  makes("chat", SEEN("Who is this"), "USER: <image>\nWho is this ASSISTANT:");
}

static void a_template_of_ones_own_has_places_for_what_is_given(void **s) {
  (void)s;
  makes("text:{image}\nQ: {question}\nA:", SEEN(QUESTION), "<image>\nQ: Who is this?\nA:");
  makes("text:{image}\nQ: {question}\nA:", ASKED(QUESTION), "Q: Who is this?\nA:");
  makes("text:{image}\\nQ:\\t{question}\\\\", SEEN(QUESTION), "<image>\nQ:\tWho is this?\\");
  makes("text:{{ \"a\" }} {% x %} {question} {other}\n", ASKED(QUESTION),
        "{{ \"a\" }} {% x %} Who is this? {other}\n");
  makes("text:[{system}] {question} {image}",
        ((prompt_given){QUESTION, "S", NULL, true, {0}, NULL}), "[S] Who is this? <image>");
  refuses(&nothing, "text:{question} {question}", ASKED("a"), "{question} once");
  refuses(&nothing, "text:a", ASKED("a"), "{question} once");
  refuses(&nothing, "text:{question}", SEEN("a"), "no place for an image");
  refuses(&nothing, "text:{question}", TOLD("a", "S"), "no place for a system prompt");
  refuses(&nothing, "text:{image}{image}{question}", SEEN("a"), "2 image marks");
  refuses(&nothing, "file:/nosuch/file", ASKED("a"), "/nosuch/file");
}

static void what_a_template_has_no_place_for_is_said(void **s) {
  (void)s;
  refuses(&nothing, "raw", SEEN("what?"), "write <image> into the question");
  refuses(&nothing, "raw", TOLD("what?", "S"), "no place for a system prompt");
}

/* ---------------------------------------------------------------- a checkpoint's */

static void templates_of_checkpoints_make_what_jinja2_makes(void **s) {
  (void)s;
  js_value *rows;
  loci_err err;
  arena *a = arena_new();
  assert_ok(js_parse_file(TEMPLATES "cases.json", 1 << 20, &rows, &err), err);
  assert_true(js_count(rows) >= 10);
  for (int64_t i = 0; i < js_count(rows); i++) {
    const js_value *row = js_at(rows, i);
    template_list list;
    prompt_text p;
    static const tokenizer tokens = {.named = {{"bos_token", "<s>"}, {"eos_token", "</s>"}},
                                     .named_count = 2};
    prompt_given g = {.question = js_text_of(js_get(row, "question"), NULL), .tokens = &tokens};
    char dir[512];
    snprintf(dir, sizeof dir, TEMPLATES "%s", js_text_of(js_get(row, "dir"), NULL));
    js_bool_of(js_get(row, "has_image"), &g.has_image);
    assert_ok(template_list_read(dir, g.has_image, a, &list, &err), err);
    assert_true(list.has_default);
    assert_ok(fill(&list, "auto", g, a, &p, &err), err);
    assert_string_equal(p.text, js_text_of(js_get(row, "text"), NULL));
  }
  js_free(rows);
  arena_free(a);
}

static void a_directory_without_a_template_gives_none(void **s) {
  (void)s;
  template_list list;
  prompt_template t;
  loci_err err;
  arena *a = arena_new();
  assert_ok(template_list_read(GOLDEN_DIR "/phi", true, a, &list, &err), err);
  assert_false(list.has_default);
  assert_ok(template_choose(&list, NULL, "bunny", a, &t, &err), err);
  assert_string_equal(t.name, "bunny");
  arena_free(a);
}

/* A directory that is filled file by file. */
typedef struct place {
  char dir[40];
  arena *mem;
  template_list list;
} place;

static void put(const place *d, const char *name, const char *text) {
  char path[300];
  loci_err err;
  snprintf(path, sizeof path, "%s/%s", d->dir, name);
  assert_ok(file_write(path, text, strlen(text), &err), err);
}

static void drop(const place *d, const char *name) {
  char path[300];
  snprintf(path, sizeof path, "%s/%s", d->dir, name);
  assert_int_equal(remove(path), 0);
}

static const char *first_of(place *d, bool sees) {
  loci_err err;
  assert_ok(template_list_read(d->dir, sees, d->mem, &d->list, &err), err);
  return d->list.has_default ? d->list.items[0].text : "none";
}

static void the_sources_of_templates_have_an_order(void **s) {
  (void)s;
  place d = {"/tmp/loci_template_XXXXXX", arena_new(), {0}};
  prompt_template t;
  loci_err err;
  char more[80];
  assert_non_null(mkdtemp(d.dir));
  put(&d, "processor_config.json", "{\"chat_template\": \"P\"}");
  assert_string_equal(first_of(&d, false), "P");
  put(&d, "tokenizer_config.json",
      "{\"chat_template\": [{\"name\": \"rag\", \"template\": \"first\"},"
      " {\"name\": \"default\", \"template\": \"first\"}, {\"name\": \"rag\", \"template\": \"R\"},"
      " {\"name\": \"default\", \"template\": \"T\"}]}");
  assert_string_equal(first_of(&d, false), "T");
  assert_int_equal(d.list.count, 2);
  assert_ok(template_choose(&d.list, "rag", "raw", d.mem, &t, &err), err);
  assert_string_equal(t.text, "R");
  assert_ok(template_choose(&d.list, "tokenizer_config.json", "raw", d.mem, &t, &err), err);
  assert_string_equal(t.text, "T");
  assert_string_equal(first_of(&d, true), "P");
  put(&d, "chat_template.json", "{\"chat_template\": \"J\"}");
  assert_string_equal(first_of(&d, true), "J");
  put(&d, "chat_template.jinja", "own");
  snprintf(more, sizeof more, "%s/additional_chat_templates", d.dir);
  assert_int_equal(mkdir(more, 0700), 0);
  put(&d, "additional_chat_templates/tool_use.jinja", "U");
  put(&d, "additional_chat_templates/.hidden.jinja", "H");
  put(&d, "additional_chat_templates/note.txt", "N");
  assert_string_equal(first_of(&d, true), "own");
  assert_int_equal(d.list.count, 2);
  assert_ok(template_choose(&d.list, "tool_use", "raw", d.mem, &t, &err), err);
  assert_string_equal(t.text, "U");
  drop(&d, "additional_chat_templates/tool_use.jinja");
  drop(&d, "additional_chat_templates/.hidden.jinja");
  drop(&d, "additional_chat_templates/note.txt");
  drop(&d, "additional_chat_templates");
  drop(&d, "chat_template.jinja");
  drop(&d, "chat_template.json");
  drop(&d, "processor_config.json");
  drop(&d, "tokenizer_config.json");
  assert_int_equal(remove(d.dir), 0);
  arena_free(d.mem);
}

static void a_mistyped_template_member_is_an_error(void **s) {
  (void)s;
  place d = {"/tmp/loci_template_XXXXXX", arena_new(), {0}};
  loci_err err;
  assert_non_null(mkdtemp(d.dir));
  const struct {
    const char *text;
    loci_status status;
  } files[] = {{"{\"chat_template\": [1, {}]}", LOCI_EFORMAT},
               {"{\"chat_template\": 7}", LOCI_EFORMAT},
               {"{\"chat_template\": \"", LOCI_EFORMAT},
               {"[]", LOCI_OK},
               {"{\"chat_template\": null}", LOCI_OK},
               {"{\"chat_template\": \"{# '{{ - \\\\\"}", LOCI_EFORMAT},
               {"{\"chat_template\": \"{{ 'a\\u0000 \\\\\"}", LOCI_EFORMAT},
               {"{\"chat_template\": \"{% include 'a' %}\"}", LOCI_EUNSUPPORTED}};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    put(&d, "tokenizer_config.json", files[i].text);
    loci_status st = template_list_read(d.dir, false, d.mem, &d.list, &err);
    assert_int_equal(st, files[i].status);
    if (st) assert_non_null(strstr(err.msg, "tokenizer_config.json"));
  }
  drop(&d, "tokenizer_config.json");
  assert_int_equal(remove(d.dir), 0);
  arena_free(d.mem);
}

/* A template of messages, made of the text. */
static void chats(const char *source, prompt_given g, const char *text) {
  const prompt_template item = {"own", source, strlen(source), true, false};
  const template_list list = {&item, 1, true};
  prompt_text p;
  loci_err err;
  arena *a = arena_new();
  if (text[0] == '!') {
    refuses(&list, "auto", g, text + 1);
  } else {
    assert_ok(fill(&list, "auto", g, a, &p, &err), err);
    assert_string_equal(p.text, text);
  }
  arena_free(a);
}

#define TEXTS "{% for m in messages %}<{{ m.role }}>{{ m.content + '' }}{% endfor %}"
#define PARTS                                                                                      \
  "{% for m in messages %}<{{ m.role }}>{% for p in m.content %}{{ '<image>' if p.type == "        \
  "'image' else p.text }}{% endfor %}{% endfor %}"
#define DEAF "{% for m in messages %}{% for p in m.content %}{{ p.text }}{% endfor %}{% endfor %}"

static void content_is_given_as_the_template_wants_it(void **s) {
  (void)s;
  chats(TEXTS, ASKED("Who?"), "<user>Who?");
  chats(TEXTS, SEEN("Who?"), "<user><image>\nWho?");
  chats(TEXTS, TOLD("Who?", "S"), "<system>S<user>Who?");
  chats(PARTS, ASKED("Who?"), "<user>Who?");
  chats(PARTS, SEEN("Who?"), "<user><image>Who?");
  chats(PARTS, TOLD("Who?", "S"), "<system>S<user>Who?");
  chats("{% if messages[0].role == 'system' %}{{ messages[0].content + '\n' }}"
        "{% set messages = messages[1:] %}{% endif %}" PARTS,
        ((prompt_given){QUESTION, "S", NULL, true, {0}, NULL}), "S\n<user><image>Who is this?");
  chats(DEAF, SEEN("Who?"), "!no place for an image");
  chats("{{ messages[-1].role }}", ASKED("Who?"), "!leaves the question out");
  chats("{{ messages[0].content * 2 }}", ASKED("Who?"), "!repeats the question");
  chats("{{ messages[-1].content }}", TOLD("Who?", "S"), "!no place for a system prompt");
  chats("{{ raise_exception('no system here') if messages|length > 1 }}{{ messages[0].content }}",
        TOLD("Who?", "S"), "!no system here");
  chats("<image>" PARTS, SEEN("Who?"), "!2 image marks");
  chats("<image>" TEXTS, ASKED("Who?"), "!1 image marks");
}

static void the_users_words_are_found_where_the_template_put_them(void **s) {
  (void)s;
  static const struct {
    const char *source;
    int64_t place; /* of "it"; -1: a sentence */
  } rows[] = {{"Say it: {{ messages[0].content }}", 21},
              {"{{ messages[0].content|trim }}. Is it?", 11},
              {"{{ messages[0].content[4:] }}{{ messages[0].content[:4] }} it", 9},
              {"{{ messages[0].content|lower }} it", 13},
              {"{{ messages[0].content|tojson }} it", 14},
              {"{{ messages[0].content|upper }}", -1},
              {"{{ messages[0].content|lower ~ messages[0].content|lower if messages[0].content[-1]"
               " == ' ' else messages[0].content }}",
               -1}};
  static const char question[] = "  and who is it ";
  loci_err err;
  arena *a = arena_new();
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const prompt_template item = {"own", rows[i].source, strlen(rows[i].source), true, false};
    const template_list list = {&item, 1, true};
    prompt_text p;
    int64_t at = -1;
    assert_ok(fill(&list, NULL, ASKED(question), a, &p, &err), err);
    loci_status st = template_place(&p, question, 13, 15, &at, &err);
    if (rows[i].place < 0) {
      assert_int_not_equal(st, LOCI_OK);
      assert_non_null(strstr(err.msg, i == 5 ? "does not write" : "more than once"));
      continue;
    }
    assert_ok(st, err);
    assert_int_equal(at, rows[i].place);
    assert_memory_equal(p.text + at, "it", 2);
  }
  arena_free(a);
}

/* Compared at every place of the prompt these words would take minutes. */
static void long_words_in_a_long_prompt_are_found_at_once(void **s) {
  (void)s;
  enum { WORDS = 200000 };
  static char question[WORDS + 2];
  static const char source[] = "{{ 'a' * 2000000 }} {{ messages[0].content|upper|lower }}";
  const prompt_template item = {"own", source, sizeof source - 1, true, false};
  const template_list list = {&item, 1, true};
  prompt_text p;
  loci_err err;
  int64_t at;
  arena *a = arena_new();
  memset(question, 'a', WORDS);
  question[WORDS] = 'b';
  assert_ok(fill(&list, NULL, ASKED(question), a, &p, &err), err);
  assert_ok(template_place(&p, question, 0, 5, &at, &err), err);
  assert_int_equal(at, 2000001);
  arena_free(a);
}

static void an_unknown_name_gets_the_list_and_the_nearest(void **s) {
  (void)s;
  prompt_template t;
  loci_err err;
  arena *a = arena_new();
  assert_int_equal(template_choose(&nothing, "vicuna_v2", "raw", a, &t, &err), LOCI_EINVAL);
  assert_non_null(strstr(err.msg, "did you mean \"vicuna_v1\""));
  assert_non_null(strstr(err.msg, "llava-paper, vicuna_v1, bunny"));
  assert_int_equal(template_choose(&nothing, "something else", "raw", a, &t, &err), LOCI_EINVAL);
  assert_null(strstr(err.msg, "did you mean"));
  for (int i = 0; template_at(i); i++) {
    assert_ok(template_choose(&nothing, template_at(i)->name, "raw", a, &t, &err), err);
    assert_string_equal(t.text, template_at(i)->text);
  }
  arena_free(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(named_templates_make_their_texts),
      cmocka_unit_test(a_question_without_an_end_gets_a_question_mark_under_llava_paper),
      cmocka_unit_test(a_template_of_ones_own_has_places_for_what_is_given),
      cmocka_unit_test(what_a_template_has_no_place_for_is_said),
      cmocka_unit_test(templates_of_checkpoints_make_what_jinja2_makes),
      cmocka_unit_test(a_directory_without_a_template_gives_none),
      cmocka_unit_test(the_sources_of_templates_have_an_order),
      cmocka_unit_test(a_mistyped_template_member_is_an_error),
      cmocka_unit_test(content_is_given_as_the_template_wants_it),
      cmocka_unit_test(the_users_words_are_found_where_the_template_put_them),
      cmocka_unit_test(long_words_in_a_long_prompt_are_found_at_once),
      cmocka_unit_test(an_unknown_name_gets_the_list_and_the_nearest),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
