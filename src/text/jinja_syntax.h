/* A template (jinja.h) as tokens, and as a tree. */
#ifndef LOCI_TEXT_JINJA_SYNTAX_H
#define LOCI_TEXT_JINJA_SYNTAX_H

#include "base/arena.h"
#include "text/jinja.h"
#include "text/jinja_ops.h"

/* ---------------------------------------------------------------- tokens */

typedef enum jtoken_kind {
  JT_END,
  JT_DATA,
  JT_OPEN,   /* {{ */
  JT_CLOSE,  /* }} */
  JT_BEGIN,  /* {% */
  JT_FINISH, /* %} */
  JT_NAME,
  JT_STRING, /* without its quotes, escapes as written */
  JT_INT,
  JT_REAL,
  JT_OP
} jtoken_kind;

/* An operator of one or two characters. */
#define OP2(a, b) ((a) | (b) << 8)

typedef struct jtoken {
  jtoken_kind kind;
  int op, line;
  const char *s;
  size_t n;
} jtoken;

typedef struct jtokens {
  jtoken *at; /* JT_END is the last */
  size_t count, room;
} jtokens;

/* [text] in the arena, of line breaks \n only. */
loci_status jinja_tokens(const char *text, size_t n, const char *name, arena *mem, jtokens *out,
                         loci_err *err);

/* ---------------------------------------------------------------- the tree */

/* The words after a kind say what a, b, c, kids and others hold. */
typedef enum jnode_kind {
  /* expressions */
  JN_CONST,     /* value */
  JN_NAME,      /* name */
  JN_LIST,      /* kids */
  JN_TUPLE,     /* kids */
  JN_DICT,      /* kids: key, value, key, ... */
  JN_ATTRIBUTE, /* a.name */
  JN_ITEM,      /* a[b] */
  JN_SLICE,     /* a[kids: from, to, step]; JN_ABSENT where not written */
  JN_ABSENT,
  JN_CALL,   /* a(kids: JN_ARG) */
  JN_ARG,    /* a; name: by keyword; op '*' or OP2('*', '*'): all of a */
  JN_FILTER, /* a|name(kids); a NULL: the text of a block */
  JN_TEST,   /* a is name(kids) */
  JN_BINARY, /* a op b */
  JN_NOT,
  JN_SIGN, /* op a */
  JN_AND,
  JN_OR,
  JN_COMPARE, /* a, kids: JN_OPERAND */
  JN_OPERAND, /* op a; 'i': in, 'n': not in */
  JN_CHOICE,  /* b if a else c */
  JN_CONCAT,  /* kids, by ~ */
  /* statements */
  JN_DATA,         /* value */
  JN_OUTPUT,       /* a */
  JN_IF,           /* a, kids, others; op 'e': an elif, the others of the one before */
  JN_FOR,          /* target a in b if c: kids, others */
  JN_SET,          /* a = b */
  JN_SET_BLOCK,    /* a, filters b, kids */
  JN_MACRO,        /* name, others: JN_PARAMETER, kids; op: JM_ */
  JN_PARAMETER,    /* name = a */
  JN_CALL_BLOCK,   /* a, others: JN_PARAMETER, kids */
  JN_FILTER_BLOCK, /* filters b, kids */
  JN_WITH,         /* others: JN_SET, kids */
  JN_BREAK,
  JN_CONTINUE
} jnode_kind;

/* What a macro is given beside its parameters, if it speaks of it. */
enum { JM_VARARGS = 1, JM_KWARGS = 2, JM_CALLER = 4 };

typedef struct jnode {
  jnode_kind kind;
  int op, line;
  const char *name;
  jtext text; /* JN_CONST of a text, JN_DATA */
  jvalue value;
  const struct jcall *call; /* JN_FILTER, JN_TEST; NULL: unknown */
  struct jnode *a, *b, *c, *kids, *others, *next;
} jnode;

struct jinja {
  arena *mem;
  const char *name;
  jnode *body;
};

#endif
