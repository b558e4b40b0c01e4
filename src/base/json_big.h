/* JSON with integers beyond 64 bits, which Hugging Face writes: nearly every tokenizer_config.json
 * has "model_max_length": 1000000000000000019884624838656 (Python's int(1e30)).  They are read as
 * real numbers. */
#ifndef LOCI_BASE_JSON_BIG_H
#define LOCI_BASE_JSON_BIG_H

#include "base/json.h"

/* As js_parse and js_parse_file. */
loci_status js_parse_big(const char *text, size_t n, const char *what, js_value **out,
                         loci_err *err);
loci_status js_parse_big_file(const char *path, size_t limit, js_value **out, loci_err *err);

#endif
