/* Readers of members that are of one block of a request (see option_fields.c). */
#ifndef LOCI_CALL_READERS_H
#define LOCI_CALL_READERS_H

#include "call/fields.h"

/* ---- of several: layers, numbers, sizes, words */
field_read member_layers /* "3-5", 7, "all": the first, and after it how many */, member_ints,
    member_values;
field_read member_count /* from 1 up */, member_size /* "4G" */, member_hash /* no_hash */;
field_read member_positive /* > 0 */, member_probability, member_weight /* 0: none, -1 */;
field_read member_compat, member_exif, member_gate_rows, member_ft_at;

/* ---- of traces, knockouts and flows */
field_read member_sites, member_direction, member_cells, member_window, member_pathways,
    member_pathway;

/* ---- of studies and edits */
field_read member_stop, member_shard, member_edit_layer, member_over, member_edit_asks,
    member_paths;

/* Said for a reader's sake alone: not read. */
field_read member_passed;

#endif
