/* What stands beside a tokenizer's own file: tokenizer_config.json, special_tokens_map.json and
 * added_tokens.json, taken as transformers 4.57.1 takes them.
 *
 * Which fields count depends on the class: only some build BOS and EOS from add_bos_token and
 * add_eos_token, and a class has special tokens and settings of its own where nothing is written.
 * Tokens are taken in when the tokenizer's own are there: those of added_tokens_decoder by their
 * written ids, then the named special ones (added_put_later says which ids and flags they get). */
#include <stdlib.h>
#include <string.h>

#include "text/build.h"

enum { NAMED = 7 };
static const char *const named_keys[NAMED] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                              "pad_token", "cls_token", "mask_token"};
enum { BOS, EOS, PAD = 4 };

/* Classes with rules of their own; every other one has none. */
typedef struct class_rules {
  const char *name;
  bool templates, adds_bos; /* builds BOS and EOS itself; BOS unless told otherwise */
  bool rebuilds;            /* with add_prefix_space, from tokenizer.model */
  bool refuses_bos;
  const char *usual[NAMED]; /* special tokens where none is written */
} class_rules;

#define END "<|endoftext|>"
static const class_rules classes[] = {
    {"LlamaTokenizer", true, true, true, false, {"<s>", "</s>", "<unk>"}},
    {"CodeLlamaTokenizer", true, true, true, false, {"<s>", "</s>", "<unk>"}},
    {"GemmaTokenizer", true, true, false, false, {"<bos>", "<eos>", "<unk>", NULL, "<pad>"}},
    {"GPTNeoXTokenizer", true, false, false, false, {END, END, END}},
    {"GPT2Tokenizer", false, false, false, false, {END, END, END}},
    {"CodeGenTokenizer", false, false, false, true, {END, END, END}},
    {"Qwen2Tokenizer", false, false, false, false, {NULL, END, END, NULL, END}},
    {"PreTrainedTokenizer", false, false, false, false, {NULL}},
    {"TokenizersBackend", false, false, false, false, {NULL}},
    {"", false, false, false, false, {NULL}}, /* not said */
};

enum { CLASSES = sizeof classes / sizeof *classes };

/* NULL: a class whose rules are not known. */
static const class_rules *rules_of(const char *name) {
  size_t n = name ? strlen(name) : 0;
  if (n > 4 && strcmp(name + n - 4, "Fast") == 0) n -= 4;
  for (int i = 0; i + 1 < CLASSES; i++) {
    if (name && strlen(classes[i].name) == n && memcmp(classes[i].name, name, n) == 0)
      return &classes[i];
  }
  return name ? NULL : &classes[CLASSES - 1];
}

/* Whether the key is written at all, be it null. */
static bool is_written(const js_value *object, const char *key) {
  const char *k;
  const js_value *m;
  for (void *it = js_first(object, &k, &m); it; it = js_next(object, it, &k, &m)) {
    if (strcmp(k, key) == 0) return true;
  }
  return false;
}

bool config_is_null(const js_value *config, const char *key) {
  return is_written(config, key) && !js_get(config, key);
}

bool config_rebuilds(const char *class_name, const js_value *config) {
  const class_rules *rules = rules_of(class_name);
  return rules && rules->rebuilds && js_get(config, "add_prefix_space");
}

/* ---------------------------------------------------------------- tokens to be added */

typedef struct token_list {
  tokenizer *t;
  const side_files *side;
  const class_rules *class;
  added_token *items;
  const char **what; /* the file of each */
  size_t count, room;
  const js_value *special_of[NAMED]; /* the named ones as written */
  loci_err *err;
} token_list;

static loci_status push(token_list *l, const added_token *a, const char *what) {
  if (l->count == l->room) {
    size_t room = l->room ? 2 * l->room : 64;
    added_token *items = arena_array(l->t->mem, (int64_t)room, added_token);
    const char **whats = arena_array(l->t->mem, (int64_t)room, const char *);
    if (!items || !whats) return fail_nomem(l->err, what);
    for (size_t i = 0; i < l->count; i++) items[i] = l->items[i], whats[i] = l->what[i];
    l->items = items;
    l->what = whats;
    l->room = room;
  }
  l->items[l->count] = *a;
  l->what[l->count++] = what;
  return LOCI_OK;
}

static const added_token *find_listed(const token_list *l, const char *s, size_t n) {
  for (size_t i = 0; i < l->count; i++) {
    if (l->items[i].size == n && memcmp(l->items[i].content, s, n) == 0) return &l->items[i];
  }
  return NULL;
}

/* The id a key of added_tokens_decoder spells, or -1. */
static int id_of_key(const char *key) {
  int id = 0;
  for (const char *c = key; *c; c++) {
    if (*c < '0' || *c > '9' || id > ID_LIMIT) return -1;
    id = 10 * id + (*c - '0');
  }
  return *key && id < ID_LIMIT ? id : -1;
}

static int compare_ids(const void *a, const void *b) {
  const added_token *x = a, *y = b;
  return x->id < y->id ? -1 : x->id > y->id;
}

static loci_status list_decoder(token_list *l, const js_value *map) {
  const char *what = l->side->config_what, *key;
  const js_value *m;
  if (js_kind_of(map) != JS_OBJECT) {
    return fail(l->err, LOCI_EFORMAT, "%s: \"added_tokens_decoder\" must be an object, found %s",
                what, js_kind_name(js_kind_of(map)));
  }
  for (void *it = js_first(map, &key, &m); it; it = js_next(map, it, &key, &m)) {
    added_token a = {.id = id_of_key(key)};
    if (a.id < 0) {
      return fail(l->err, LOCI_EFORMAT,
                  "%s: a key of \"added_tokens_decoder\" must be an id below %d, found \"%s\"",
                  what, ID_LIMIT, key);
    }
    TRY(json_read_added(m, what, &a, l->err));
    TRY(push(l, &a, what));
  }
  if (l->count) qsort(l->items, l->count, sizeof *l->items, compare_ids);
  return LOCI_OK;
}

/* Whether tokenizer.json's own list writes a token with this id, which then is the one that counts.
 */
static bool own_has_id(const token_list *l, int64_t id) {
  int64_t own;
  for (int64_t i = 0; i < js_count(l->side->own_added); i++) {
    if (js_int_of(js_get(js_at(l->side->own_added, i), "id"), &own) && own == id) return true;
  }
  return false;
}

/* added_tokens.json: {"<image>": 32000, ..} */
static loci_status list_added(token_list *l, const js_value *map) {
  const char *what = l->side->added_what, *key;
  const js_value *m;
  if (js_kind_of(map) != JS_OBJECT) {
    return fail(l->err, LOCI_EFORMAT, "%s: must be an object of ids, found %s", what,
                js_kind_name(js_kind_of(map)));
  }
  for (void *it = js_first(map, &key, &m); it; it = js_next(map, it, &key, &m)) {
    int64_t id;
    if (!js_int_of(m, &id) || id < 0 || id >= ID_LIMIT) {
      return fail(l->err, LOCI_EFORMAT, "%s: the id of \"%s\" must be an integer from 0 to %d",
                  what, key, ID_LIMIT - 1);
    }
    if (own_has_id(l, id)) continue;
    added_token a = {.content = key, .size = strlen(key), .id = (int)id};
    a.normalized =
        !l->side->from_model; /* the slow tokenizer looks for tokens in the text itself */
    TRY(push(l, &a, what));
  }
  if (l->count) qsort(l->items, l->count, sizeof *l->items, compare_ids);
  return LOCI_OK;
}

/* added_tokens of a tokenizer.json. */
static loci_status list_own(token_list *l, const js_value *list) {
  for (int64_t i = 0; i < js_count(list); i++) {
    added_token a = {.id = -1};
    TRY(json_read_added(js_at(list, i), "tokenizer.json", &a, l->err));
    TRY(push(l, &a, "tokenizer.json"));
  }
  return LOCI_OK;
}

/* Remembers the token's name for templates. */
static loci_status name_token(token_list *l, const char *name, const js_value *m,
                              const char *usual) {
  tokenizer *t = l->t;
  const char *text = js_text_of(js_kind_of(m) == JS_OBJECT ? js_get(m, "content") : m, NULL);
  if (!text) text = usual;
  if (!text || t->named_count == NAMED_LIMIT) return LOCI_OK;
  named_token *named = &t->named[t->named_count];
  named->name = arena_strdup(t->mem, name);
  named->text = arena_strdup(t->mem, text);
  if (!named->name || !named->text) return fail_nomem(l->err, "reading special tokens");
  t->named_count++;
  return LOCI_OK;
}

/* A special token by its name: "<s>" or {"content": "<s>", ..}.  One that a file lists already
 * becomes special there; any other is taken in after them. */
static loci_status list_special(token_list *l, const js_value *m, const char *usual,
                                const char *what) {
  added_token a = {.content = usual, .size = usual ? strlen(usual) : 0, .id = -1, .special = true};
  if (js_kind_of(m) == JS_OBJECT) {
    TRY(json_read_added(m, what, &a, l->err));
    a.id = -1;
    a.special = true;
  } else if (m) {
    a.content = js_text_of(m, &a.size);
  }
  if (!a.content) {
    return fail(l->err, LOCI_EFORMAT, "%s: a special token must be a string or have a \"content\"",
                what);
  }
  if (strlen(a.content) != a.size || a.size == 0) return LOCI_OK;
  added_token *listed = (added_token *)(uintptr_t)find_listed(l, a.content, a.size);
  if (listed) {
    a.id = listed->id;
    listed->special = true;
    if (js_kind_of(m) == JS_OBJECT && what == l->side->special_what) *listed = a;
    return LOCI_OK;
  }
  return added_find(l->t, a.content, a.size) ? LOCI_OK : push(l, &a, what);
}

static loci_status list_many(token_list *l, const js_value *m, const char *what) {
  const char *key;
  const js_value *item;
  for (int64_t i = 0; js_kind_of(m) == JS_ARRAY && i < js_count(m); i++) {
    TRY(list_special(l, js_at(m, i), NULL, what));
  }
  if (js_kind_of(m) != JS_OBJECT) return LOCI_OK;
  for (void *it = js_first(m, &key, &item); it; it = js_next(m, it, &key, &item)) {
    if (js_text_of(item, NULL) || js_kind_of(item) == JS_OBJECT) {
      TRY(list_special(l, item, NULL, what));
      TRY(name_token(l, key, item, NULL));
    }
  }
  return LOCI_OK;
}

/* Without added_tokens_decoder the older special_tokens_map.json overrules the named ones. */
static loci_status list_named(token_list *l) {
  const side_files *f = l->side;
  bool old = !js_get(f->config, "added_tokens_decoder");
  const js_value *map = old ? f->special : NULL;
  for (int i = 0; i < NAMED; i++) {
    const char *key = named_keys[i], *usual = l->class->usual[i];
    if (i == PAD && !usual) usual = f->pad_token;
    bool above = is_written(map, key);
    const js_value *m = js_get(above ? map : f->config, key);
    if (!m && (!usual || above || is_written(f->config, key))) continue;
    TRY(list_special(l, m, usual, above ? f->special_what : f->config_what));
    TRY(name_token(l, key, m, usual));
    l->special_of[i] = m;
  }
  TRY(list_many(l, js_get(f->config, "additional_special_tokens"), f->config_what));
  TRY(list_many(l, js_get(map, "additional_special_tokens"), f->special_what));
  return list_many(l, js_get(f->config, "extra_special_tokens"), f->config_what);
}

static loci_status add_tokens(token_list *l) {
  const js_value *decoder = js_get(l->side->config, "added_tokens_decoder");
  if (decoder) TRY(list_decoder(l, decoder));
  if (!decoder && l->side->added) TRY(list_added(l, l->side->added));
  if (!decoder && l->side->converted) TRY(list_own(l, l->side->own_added));
  TRY(list_named(l));
  for (size_t i = 0; i < l->count; i++) {
    added_token *a = &l->items[i];
    if (a->special && l->what[i] == l->side->added_what) a->normalized = false;
    bool keeps_id = l->side->from_model && a->id >= 0;
    TRY(keeps_id ? added_put(l->t, a, l->what[i], l->err)
                 : added_put_later(l->t, a, l->what[i], l->err));
  }
  return LOCI_OK;
}

/* ---------------------------------------------------------------- BOS and EOS */

static loci_status put_one(token_list *l, int which, int **ids, int *count) {
  const char *what = l->side->config_what;
  const js_value *m = l->special_of[which];
  const char *s = js_text_of(js_kind_of(m) == JS_OBJECT ? js_get(m, "content") : m, NULL);
  if (!s && !is_written(l->side->config, named_keys[which])) s = l->class->usual[which];
  if (!s) {
    return fail(l->err, LOCI_EFORMAT, "%s: \"%s\" is true, but there is no \"%s\"", what,
                which == BOS ? "add_bos_token" : "add_eos_token", named_keys[which]);
  }
  *ids = arena_array(l->t->mem, 1, int);
  if (!*ids) return fail_nomem(l->err, what);
  (*ids)[0] = tokenizer_id(l->t, s);
  *count = 1;
  return LOCI_OK;
}

/* The class's own template takes the place of tokenizer.json's. */
static loci_status put_template(token_list *l) {
  const js_value *config = l->side->config;
  const char *what = l->side->config_what;
  tokenizer *t = l->t;
  bool bos = l->class->adds_bos, eos = false;
  TRY(js_get_bool(config, "add_bos_token", what, &bos, l->err));
  TRY(js_get_bool(config, "add_eos_token", what, &eos, l->err));
  if (l->class->refuses_bos && js_get(config, "add_bos_token") && bos) {
    return fail(l->err, LOCI_EUNSUPPORTED, "%s: \"add_bos_token\" of a %s is not supported", what,
                l->class->name);
  }
  if (l->class->templates) {
    t->prefix_count = t->suffix_count = 0;
    if (bos) TRY(put_one(l, BOS, &t->prefix, &t->prefix_count));
    return eos ? put_one(l, EOS, &t->suffix, &t->suffix_count) : LOCI_OK;
  }
  bool differs = (js_get(config, "add_bos_token") && bos != (t->prefix_count > 0)) ||
                 (js_get(config, "add_eos_token") && eos != (t->suffix_count > 0));
  if (differs) {
    tokenizer_add_note(t,
                       "%s: add_bos_token and add_eos_token are not obeyed: %s takes the template "
                       "of tokenizer.json, as in transformers up to 4.57; later ones obey",
                       what, l->side->class_name ? l->side->class_name : "the tokenizer's class");
  }
  return LOCI_OK;
}

/* ---------------------------------------------------------------- the whole */

/* Of a ByteLevel pre-tokenizer the config decides whether a blank comes first: no, unless written;
 * null leaves it. */
static loci_status set_prefix_space(token_list *l) {
  const js_value *config = l->side->config;
  bool value = false;
  if (!l->side->byte_level || l->class->rebuilds) return LOCI_OK;
  if (config_is_null(config, "add_prefix_space")) return LOCI_OK;
  TRY(js_get_bool(config, "add_prefix_space", l->side->config_what, &value, l->err));
  l->t->pre[0].add_prefix_space = value;
  return LOCI_OK;
}

loci_status config_apply(tokenizer *t, const side_files *side, loci_err *err) {
  side_files own = *side;
  const js_value *config = side->config;
  token_list l = {.t = t, .side = &own, .err = err, .class = rules_of(side->class_name)};
  if (!l.class) {
    return fail(err, LOCI_EUNSUPPORTED,
                "%s: the rules of \"tokenizer_class\" \"%.60s\" are not known here; "
                "\"PreTrainedTokenizerFast\" takes tokenizer.json as it is",
                side->config_what ? side->config_what : "config.json", side->class_name);
  }
  if (side->from_model && !l.class->templates) l.class = &classes[0]; /* of SentencePiece */
  if (!config)
    own.config_what = side->special ? side->special_what
                      : side->added ? side->added_what
                                    : "tokenizer.json";
  if (config && js_kind_of(config) != JS_OBJECT) {
    return fail(err, LOCI_EFORMAT, "%s: must be an object, found %s", side->config_what,
                js_kind_name(js_kind_of(config)));
  }
  bool alone = !config && !side->special && !side->added;
  if (alone && (side->from_model || !side->class_name)) {
    for (int i = 0; i < NAMED; i++) TRY(name_token(&l, named_keys[i], NULL, l.class->usual[i]));
    return LOCI_OK;
  }
  TRY(add_tokens(&l));
  TRY(js_get_bool(config, "split_special_tokens", side->config_what, &t->splits_special, err));
  TRY(js_get_bool(config, "clean_up_tokenization_spaces", side->config_what, &t->cleans_up, err));
  TRY(set_prefix_space(&l));
  return put_template(&l);
}
