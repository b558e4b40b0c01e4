/* Reads a SentencePiece tokenizer.model (sentencepiece_model.proto) of type BPE.
 *
 * There are no merges in it: a pair may merge if its text is a piece, the piece with the higher
 * score first, so scores become ranks here.  What SentencePiece does to the text before (a blank
 * mark in front, no squeezing of blanks for LLaMA) becomes steps of the same pipeline that a
 * tokenizer.json fills, and so does transformers' way of calling it: `legacy` puts a mark before
 * every piece of text between added tokens, otherwise only before the first. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/build.h"
#include "text/protobuf.h"

#define MARK "\xE2\x96\x81" /* U+2581 */

enum { PIECE_NORMAL = 1, PIECE_UNKNOWN, PIECE_CONTROL, PIECE_USER, PIECE_UNUSED, PIECE_BYTE };
enum { MODEL_UNIGRAM = 1, MODEL_BPE };
enum { PIECE_LIMIT = 1 << 20 };

typedef struct spm_piece {
  const char *text;
  size_t size;
  float score;
  int type;
} spm_piece;

typedef struct spm_file {
  spm_piece *pieces;
  int count;
  int64_t model_type, unk_id, bos_id;
  bool byte_fallback, suffix_marks;                  /* trainer */
  bool dummy_prefix, removes_blanks, escapes_blanks; /* normalizer */
  bool has_charsmap, has_rules;
  const char *name; /* of the normalizer; not terminated */
  int name_size;
  arena *mem;
  const char *what;
  loci_err *err;
} spm_file;

/* ---------------------------------------------------------------- reading */

static loci_status broken(const spm_file *f, const char *part) {
  return fail(f->err, LOCI_EFORMAT, "%s: not a SentencePiece model: its %s is cut off or garbled",
              f->what, part);
}

static float float_of(uint64_t bits) {
  uint32_t b = (uint32_t)bits;
  float x;
  memcpy(&x, &b, sizeof x);
  return x;
}

static loci_status read_piece(spm_file *f, const pb_field *message, spm_piece *out) {
  pb_reader r = {message->bytes, message->size, false};
  pb_field x;
  *out = (spm_piece){.text = "", .type = PIECE_NORMAL};
  while (pb_next(&r, &x)) {
    if (x.number == 1 && x.wire == PB_BYTES) {
      out->text = (const char *)x.bytes;
      out->size = x.size;
    } else if (x.number == 2 && x.wire == PB_FIXED32) {
      out->score = float_of(x.value);
    } else if (x.number == 3 && x.wire == PB_VARINT) {
      out->type = x.value <= PIECE_BYTE ? (int)x.value : 0;
    }
  }
  if (r.broken) return broken(f, "list of pieces");
  if (out->size == 0 || !utf8_is_valid(out->text, out->size) || memchr(out->text, 0, out->size)) {
    return fail(f->err, LOCI_EFORMAT, "%s: piece %d is empty or not UTF-8", f->what, f->count);
  }
  if (!isfinite(out->score)) {
    return fail(f->err, LOCI_EFORMAT, "%s: the score of piece %d is not a number", f->what,
                f->count);
  }
  if (out->type == PIECE_UNUSED || out->type == 0) {
    return fail(f->err, LOCI_EUNSUPPORTED, "%s: piece %d is of a type loci does not know (unused)",
                f->what, f->count);
  }
  return LOCI_OK;
}

static loci_status read_trainer(spm_file *f, const pb_field *message) {
  pb_reader r = {message->bytes, message->size, false};
  pb_field x;
  while (pb_next(&r, &x)) {
    if (x.wire != PB_VARINT) continue;
    int32_t value = (int32_t)(uint32_t)x.value; /* protobuf's int32 on the wire */
    if (x.number == 3) f->model_type = value;
    if (x.number == 24) f->suffix_marks = x.value != 0;
    if (x.number == 35) f->byte_fallback = x.value != 0;
    if (x.number == 40) f->unk_id = value;
    if (x.number == 41) f->bos_id = value;
  }
  return r.broken ? broken(f, "trainer_spec") : LOCI_OK;
}

static loci_status read_normalizer(spm_file *f, const pb_field *message) {
  pb_reader r = {message->bytes, message->size, false};
  pb_field x;
  while (pb_next(&r, &x)) {
    if (x.wire == PB_BYTES) {
      if (x.number == 1) {
        f->name = (const char *)x.bytes;
        f->name_size = (int)(x.size < 64 ? x.size : 64);
      }
      if (x.number == 2 && x.size > 0) f->has_charsmap = true;
      if (x.number == 6 && x.size > 0) f->has_rules = true;
    } else if (x.wire == PB_VARINT) {
      if (x.number == 3) f->dummy_prefix = x.value != 0;
      if (x.number == 4) f->removes_blanks = x.value != 0;
      if (x.number == 5) f->escapes_blanks = x.value != 0;
    }
  }
  return r.broken ? broken(f, "normalizer_spec") : LOCI_OK;
}

static loci_status read_file(spm_file *f, const uint8_t *bytes, size_t n) {
  pb_reader r = {bytes, n, false};
  pb_field x;
  int count = 0;
  while (pb_next(&r, &x)) count += x.number == 1 && x.wire == PB_BYTES;
  if (r.broken || count == 0) return broken(f, "outermost message");
  if (count > PIECE_LIMIT) {
    return fail(f->err, LOCI_EFORMAT, "%s: %d pieces; the limit is %d", f->what, count,
                PIECE_LIMIT);
  }
  f->pieces = arena_array(f->mem, count, spm_piece);
  if (!f->pieces) return fail_nomem(f->err, f->what);
  r = (pb_reader){bytes, n, false};
  while (pb_next(&r, &x)) {
    if (x.wire != PB_BYTES) continue;
    if (x.number == 1) {
      TRY(read_piece(f, &x, &f->pieces[f->count]));
      f->count++;
    }
    if (x.number == 2) TRY(read_trainer(f, &x));
    if (x.number == 3) TRY(read_normalizer(f, &x));
  }
  return LOCI_OK;
}

static loci_status check_supported(const spm_file *f) {
  static const char *const types[] = {"?", "unigram", "BPE", "word", "char"};
  if (f->model_type != MODEL_BPE) {
    int64_t i = f->model_type >= 1 && f->model_type <= 4 ? f->model_type : 0;
    return fail(f->err, LOCI_EUNSUPPORTED,
                "%s: a SentencePiece model of type %s; loci reads type BPE only", f->what,
                types[i]);
  }
  if (f->has_charsmap || f->has_rules) {
    return fail(f->err, LOCI_EUNSUPPORTED,
                "%s: SentencePiece normalizer \"%.*s\" is not supported, only \"identity\"",
                f->what, f->name_size, f->name);
  }
  if (!f->escapes_blanks || f->suffix_marks) {
    return fail(f->err, LOCI_EUNSUPPORTED,
                "%s: SentencePiece models without blank marks, or with marks after words, are not "
                "supported",
                f->what);
  }
  return LOCI_OK;
}

/* ---------------------------------------------------------------- into the pipeline */

/* Floats in descending order as ascending numbers. */
static uint32_t rank_of(float score) {
  uint32_t b;
  float x = score + 0.0f; /* no -0 */
  memcpy(&b, &x, sizeof b);
  b = b >> 31 ? ~b : b | 0x80000000u;
  uint32_t rank = ~b;
  return rank == NO_RANK ? NO_RANK - 1 : rank;
}

static loci_status put_pieces(tokenizer *t, const spm_file *f) {
  bpe_model *m = &t->model;
  m->score_rank = arena_array(t->mem, f->count, uint32_t);
  if (!m->score_rank || token_table_init(&m->vocab, (size_t)f->count, t->mem) != 0) {
    return fail_nomem(f->err, f->what);
  }
  for (int i = 0; i < f->count; i++) {
    const spm_piece *p = &f->pieces[i];
    if (token_by_text(&m->vocab, p->text, p->size)) {
      return fail(f->err, LOCI_EFORMAT, "%s: piece %d, \"%.*s\", occurs twice", f->what, i,
                  (int)(p->size < 80 ? p->size : 80), p->text);
    }
    const char *text = arena_strndup(t->mem, p->text, p->size);
    if (!text) return fail_nomem(f->err, f->what);
    token_table_put(&m->vocab, text, p->size, i);
    bool mergeable = p->type == PIECE_NORMAL || p->type == PIECE_USER;
    m->score_rank[i] = mergeable ? rank_of(p->score) : NO_RANK;
    if (mergeable && p->size > m->longest) m->longest = p->size;
    if (p->type == PIECE_UNKNOWN) m->unk = i;
    if (p->type == PIECE_NORMAL || p->type == PIECE_BYTE) continue;
    added_token a = {.content = text, .size = p->size, .id = i, .special = p->type != PIECE_USER};
    TRY(added_put(t, &a, f->what, f->err));
  }
  m->byte_fallback = f->byte_fallback;
  m->fuse_unk = true;
  bpe_find_bytes(m);
  return LOCI_OK;
}

static void add_norm(tokenizer *t, norm_step step) { t->norm[t->norm_count++] = step; }
static void add_dec(tokenizer *t, dec_step step) { t->dec[t->dec_count++] = step; }

static void put_steps(tokenizer *t, const spm_file *f) {
  if (f->removes_blanks) add_norm(t, (norm_step){.kind = NORM_SQUEEZE});
  if (f->dummy_prefix) add_norm(t, (norm_step){.kind = NORM_PREPEND, .content = MARK, .size = 3});
  add_norm(t,
           (norm_step){.kind = NORM_REPLACE, .content = MARK, .size = 3, .find = {" ", 1, NULL}});
  add_dec(t,
          (dec_step){.kind = DEC_REPLACE, .find = MARK, .find_size = 3, .content = " ", .size = 1});
  add_dec(t, (dec_step){.kind = DEC_BYTE_FALLBACK});
  add_dec(t, (dec_step){.kind = DEC_FUSE});
  if (f->dummy_prefix) {
    add_dec(t, (dec_step){.kind = DEC_STRIP, .find = " ", .find_size = 1, .start = 1});
  }
  t->has_decoder = true;
}

/* BOS is on unless tokenizer_config.json says otherwise. */
static loci_status put_bos(tokenizer *t, const spm_file *f) {
  if (f->bos_id < 0 || f->bos_id >= f->count) return LOCI_OK;
  t->prefix = arena_array(t->mem, 1, int);
  if (!t->prefix) return fail_nomem(f->err, f->what);
  t->prefix[0] = (int)f->bos_id;
  t->prefix_count = 1;
  return LOCI_OK;
}

loci_status spm_read(tokenizer *t, const uint8_t *bytes, size_t n, const char *what,
                     loci_err *err) {
  loci_status st = LOCI_OK;
  spm_file f = {.model_type = MODEL_UNIGRAM, .bos_id = 1, .what = what, .err = err, .name = ""};
  f.dummy_prefix = f.removes_blanks = f.escapes_blanks = true;
  f.mem = arena_new();
  if (!f.mem) return fail_nomem(err, what);
  TRY_DONE(read_file(&f, bytes, n));
  TRY_DONE(check_supported(&f));
  TRY_DONE(put_pieces(t, &f));
  put_steps(t, &f);
  TRY_DONE(put_bos(t, &f));
  t->kind = "SentencePiece BPE model, legacy";
done:
  arena_free(f.mem);
  return st;
}

/* Without a blank mark before the text.  The slow tokenizer leaves the model's own in the old
 * reading, the fast one does not: which is meant cannot be known. */
static loci_status drop_prefix(tokenizer *t, const side_files *side, loci_err *err) {
  if (!side->converted) {
    return fail(err, LOCI_EUNSUPPORTED,
                "%s: \"add_prefix_space\" without a \"legacy\" of false: transformers' slow and "
                "fast tokenizers disagree about it; put the tokenizer.json of the one you mean "
                "beside it",
                side->config_what);
  }
  int n = 0;
  for (int i = 0; i < t->norm_count; i++) {
    if (t->norm[i].kind != NORM_PREPEND) t->norm[n++] = t->norm[i];
  }
  t->norm_count = n;
  return LOCI_OK;
}

/* Not legacy: the prefix becomes a mark before the text, unless the text starts with an added token
 * (transformers' slow tokenizer drops the mark there if that token is a named special one, as
 * <image> is; the fast one puts none before a mark). */
loci_status spm_configure(tokenizer *t, const side_files *side, loci_err *err) {
  bool legacy = true, prefix = true;
  if (!side->config) return LOCI_OK;
  TRY(js_get_bool(side->config, "legacy", side->config_what, &legacy, err));
  TRY(js_get_bool(side->config, "add_prefix_space", side->config_what, &prefix, err));
  prefix &= !config_is_null(side->config, "add_prefix_space");
  bool strips = t->dec_count > 0 && t->dec[t->dec_count - 1].kind == DEC_STRIP;
  if (side->converted && !prefix && strips) t->dec_count--;
  if (legacy) return prefix ? LOCI_OK : drop_prefix(t, side, err);
  t->norm_count = t->norm[0].kind == NORM_SQUEEZE; /* keeps that one only */
  prepend_scheme scheme = !prefix ? PREPEND_NEVER : side->converted ? PREPEND_FIRST : PREPEND_TEXT;
  t->pre[t->pre_count++] = (pre_step){
      .kind = PRE_METASPACE, .mark = MARK, .mark_size = 3, .prepend = scheme, .split = false};
  t->kind = "SentencePiece BPE model";
  return LOCI_OK;
}
