/* A JSON document too large for one tree: an object whose lists are gone through item by item, as
 * annotation files have them: {"info": ..., "annotations": [{...}, {...}, ...]}. */
#ifndef LOCI_DATA_JSON_ITEMS_H
#define LOCI_DATA_JSON_ITEMS_H

#include "base/file.h"

/* One item of the list under [key]: the bytes of one JSON value, for js_parse, which is what
 * checks them. */
typedef loci_status json_item_fn(void *ctx, const char *key, const char *item, size_t n,
                                 loci_err *err);

/* Calls [each] for every item of every list in the object, in order, until it fails.  The brackets
 * of the document are checked here. */
loci_status json_each_item(const file_map *map, const char *path, json_item_fn *each, void *ctx,
                           loci_err *err);

#endif
