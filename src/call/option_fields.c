/* Tables of members (see option_fields.h).  Names and values are those that results tell in their
 * request, so that a request can be asked again as it was told. */
#include "call/option_fields.h"

#include <limits.h>

#include "call/readers.h"
#include "study/request.h"

/* ---------------------------------------------------------------- tables */

#define AT(member) offsetof(OF, member)
#define TEXT(name, member)                                                                         \
  { name, field_text, AT(member), 0, 0, 0, "a text" }
#define NUMBER(name, member, lo, hi)                                                               \
  { name, field_int, AT(member), lo, hi, 0, "a whole number" }
#define FLAG(name, member)                                                                         \
  { name, field_flag, AT(member), 0, 0, 0, "true or false" }
#define NAMED(name, member, list)                                                                  \
  { name, field_name, AT(member), 0, 0, list, "a name" }
#define SEED(name, member)                                                                         \
  { name, field_seed, AT(member), 0, 0, 0, "a whole number" }
#define OWN(name, read, member, wanted)                                                            \
  { name, read, AT(member), 0, INT_MAX, 0, wanted }
#define LAYERS OWN("layers", member_layers, first_layer, "layers such as 3-5, 7 or all")
#define LEAST OWN("min_te", member_probability, least_effect, "a probability such as 0.1")
#define NOT_NEGATIVE "a number that is not negative"
#define HASH OWN("hash", member_hash, no_hash, "true or false")

#define OF loci_model_opts
static const field of_model[] = {
    NAMED("precision", precision, LOCI_NAMES_PRECISION),
    NUMBER("threads", threads, 0, 1024),
    TEXT("mmproj", mmproj),
    TEXT("device", device),
    OWN("max_pixels", member_count, max_pixels, "a number of pixels"),
    OWN("exif", member_exif, turn_images, "ignore or turn"),
    OWN("gate_rows", member_gate_rows, gate_rows_hf, "meta or hf"),
    OWN("memory", member_size, memory_bytes, "a size such as 512M or 4G"),
};
field_table model_fields(void) { return FIELD_TABLE(of_model); }

#undef OF
#define OF loci_question
static const field of_question[] = {
    TEXT("image", image),
    TEXT("question", text),
    TEXT("system", system),
    TEXT("template", template_name),
    TEXT("date", date),
    OWN("constraints", field_texts, constraints, "a list of texts"),
    OWN("kinds", field_texts, kinds, "a list of texts"),
};
field_table question_fields(void) { return FIELD_TABLE(of_question); }

#undef OF
#define OF loci_trace_opts
/* What cells of a trace are, all of them or one. */
#define PLACES_OF_CELLS                                                                            \
  OWN("sites", member_sites, sites, "site names joined by commas"),                                \
      OWN("site", member_sites, sites, "site names joined by commas"),                             \
      {"window", member_ints, AT(windows), 1, 10000, 0, "numbers of layers such as 1,3"}, LAYERS
#define CORRUPTED_HOW                                                                              \
  {"direction", member_direction, AT(direction), 0, 0, LOCI_NAMES_DIRECTION, "a name"},            \
      NUMBER("seeds", seeds, 1, 10000), SEED("seed", seed), TEXT("noise", noise_path),             \
      TEXT("noise_data", noise_data),                                                              \
      OWN("noise_deviation", member_positive, noise_deviation, "a number above 0"),                \
      OWN("compat", member_compat, authors, "authors")
static const field of_trace[] = {
    TEXT("corrupt", corrupt),
    NUMBER("only", constraint, 1, 1000000),
    TEXT("answer", answer),
    PLACES_OF_CELLS,
    OWN("positions", field_joined, positions, "\"each\" and groups"),
    CORRUPTED_HOW,
    TEXT("receiver", receiver),
    TEXT("donor_at", donor_at),
    TEXT("set", set),
    NUMBER("controls", controls, 1, 10000),
    NUMBER("verify", verify, 0, 1000000),
    OWN("method", member_cells, screen,
        "screen:K with K from 1 up, such as screen:150, and after it ig:STEPS or atp, and audit:N"),
    NAMED("metric", screen_metric, LOCI_NAMES_METRIC),
    FLAG("partial", partial),
    HASH,
};
field_table trace_fields(void) { return FIELD_TABLE(of_trace); }

static const field of_cell[] = {
    TEXT("corrupt", corrupt),
    NUMBER("only", constraint, 1, 1000000),
    PLACES_OF_CELLS,
    OWN("positions", field_joined, positions, "a position by its number, or a group"),
    CORRUPTED_HOW,
};
field_table cell_fields(void) { return FIELD_TABLE(of_cell); }

#undef OF
#define OF loci_average_opts
static const field of_donors[] = {TEXT("donors", donors), TEXT("donor_model", donor_model)};
field_table donors_fields(void) { return FIELD_TABLE(of_donors); }

#undef OF
#define OF donor_words
static const field of_donor[] = {
    TEXT("donor", text),
    TEXT("donor_image", image),
    TEXT("donor_model", model),
    OWN("donor_constraint", field_texts, constraints, "a list of texts"),
};
field_table donor_fields(void) { return FIELD_TABLE(of_donor); }

#undef OF
#define OF loci_knockout_opts
static const field of_knockout[] = {
    TEXT("answer", answer),
    OWN("pathways", member_pathways, pathways, "pathways such as \"image->last\""),
    NUMBER("only", constraint, 1, 1000000),
    {"window", member_window, AT(window), 1, 10000, 0, "a number of layers, all or onward"},
    NUMBER("controls", controls, 1, 10000),
    SEED("seed", seed),
    LAYERS,
    HASH,
};
field_table knockout_fields(void) { return FIELD_TABLE(of_knockout); }

#undef OF
#define OF loci_flow_opts
static const field of_flow[] = {
    TEXT("from", from),
    TEXT("to", to),
    OWN("pathway", member_pathway, from, "a pathway such as \"image->last\""),
    FLAG("heads", heads),
    LAYERS,
    HASH};
field_table flow_fields(void) { return FIELD_TABLE(of_flow); }

#undef OF
#define OF loci_lens_opts
static const field of_lens[] = {
    TEXT("answer", answer),
    NUMBER("only", constraint, 1, 1000000),
    OWN("positions", field_joined, positions, "positions and groups"),
    LAYERS,
    HASH,
};
field_table lens_fields(void) { return FIELD_TABLE(of_lens); }

#undef OF
#define OF loci_study_opts
static const field of_study[] = {
    TEXT("template", template_name),
    TEXT("system", system),
    TEXT("date", date),
    NUMBER("limit", limit, 1, INT_MAX),
    NUMBER("sample", sample, 1, INT_MAX),
    NUMBER("max_new", max_new, 1, 65536),
    FLAG("first_token", first_token),
    SEED("seed", seed),
    HASH,
};
field_table study_fields(void) { return FIELD_TABLE(of_study); }

#undef OF
#define OF loci_predict_opts
static const field of_predict[] = {
    LAYERS, NUMBER("samples", samples, 1, PREDICT_SAMPLES),
    OWN("temperature", member_positive, temperature, "a number above 0")};
field_table predict_fields(void) { return FIELD_TABLE(of_predict); }

#undef OF
#define OF loci_score_opts
static const field of_score[] = {
    NAMED("choice", choose, LOCI_NAMES_CHOICE),
    OWN("by", field_list_of_words, by, "up to 8 names of fields joined by commas")};
field_table score_fields(void) { return FIELD_TABLE(of_score); }

#undef OF
#define OF loci_edit_opts
static const field of_edit[] = {
    {"layer", member_edit_layer, AT(layer), 0, 100000, 0, "a layer, layers such as 3-5, or auto"},
    {"method", field_named, AT(method), 0, 0, LOCI_NAMES_METHOD, "a method"},
    FLAG("drop", drop),
    FLAG("no_answers", no_answers),
    OWN("words", field_texts, words, "texts"),
};
field_table edit_fields(void) { return FIELD_TABLE(of_edit); }

#undef OF
#define OF loci_edit_settings
static const field of_settings[] = {
    NUMBER("steps", steps, 1, 100000),
    OWN("lr", member_positive, lr, "a number above 0"),
    OWN("weight_decay", member_weight, weight_decay, NOT_NEGATIVE),
    OWN("lambda", member_weight, lambda, NOT_NEGATIVE),
    OWN("max_norm", member_weight, max_norm, NOT_NEGATIVE),
    OWN("stop_p", member_probability, stop_p, "a probability"),
    OWN("stop_loss", member_weight, stop_loss, NOT_NEGATIVE),
    OWN("ridge", member_weight, ridge, NOT_NEGATIVE),
    OWN("null_below", member_positive, null_below, "a number above 0"),
    OWN("null_relative", member_positive, null_relative, "a number above 0"),
    NUMBER("batch", batch, 1, 1000000),
    OWN("ft_at", member_ft_at, at_last, "answer or last"),
    OWN("kl", member_weight, kl, NOT_NEGATIVE),
    OWN("eps", member_positive, eps, "a number above 0"),
    OWN("keep_weight", member_weight, keep_weight, NOT_NEGATIVE),
    FLAG("average_loss", average_loss),
    FLAG("each_key", each_key),
    FLAG("without_constraint", without_constraint),
    OWN("compat", member_compat, authors, "authors"),
};
field_table setting_fields(void) { return FIELD_TABLE(of_settings); }

#undef OF
#define OF loci_edit_test_opts
static const field of_trial[] = {NUMBER("prompts", prompts, 1, 1000),
                                 NUMBER("renderings", renderings, 0, 1000)};
field_table trial_fields(void) { return FIELD_TABLE(of_trial); }

#undef OF
#define OF loci_edit_curve_opts
static const field of_curve[] = {
    OWN("over", member_over, over,
        "a name and its values, such as layer=0-11 or lambda=0.01,0.1,1"),
    OWN("values", member_values, values, "numbers"),
};
field_table curve_fields(void) { return FIELD_TABLE(of_curve); }

#undef OF
#define OF loci_store_run_opts
static const field of_kept_donors[] = {TEXT("donors", donors), TEXT("donor_model", donor_model)};
field_table kept_donors_fields(void) { return FIELD_TABLE(of_kept_donors); }

static const field of_run[] = {
    OWN("what", field_joined, what, "kinds of measurement"),
    LEAST,
    {"shard", member_shard, AT(shard), 1, 1000000, 0, "a share such as 1/4"},
    NUMBER("shards", shard_count, 1, 1000000),
    OWN("stop_width", member_positive, stop_width, "a width"),
    OWN("stop_when", member_stop, stop_width,
        "a width of the mean's interval such as \"width<0.02\""),
    FLAG("retry", retry),
};
field_table run_fields(void) { return FIELD_TABLE(of_run); }

#undef OF
#define OF loci_store_opts
static const field of_store[] = {
    OWN("run", member_count, run, "a run's number"),
    LEAST,
    SEED("seed", seed),
};
field_table store_fields(void) { return FIELD_TABLE(of_store); }

#undef OF
#define OF extras
static const field of_ask[] = {NUMBER("max_new", max_new, 1, 65536)};
field_table ask_fields(void) { return FIELD_TABLE(of_ask); }

static const field of_info[] = {HASH};
field_table info_fields(void) { return FIELD_TABLE(of_info); }

static const field of_least[] = {LEAST};
field_table least_fields(void) { return FIELD_TABLE(of_least); }

#undef OF
#define OF cut_ends
static const field of_ends[] = {OWN("from", field_list_of_words, from, "groups"),
                                OWN("to", field_list_of_words, to, "groups")};
field_table ends_fields(void) { return FIELD_TABLE(of_ends); }

#undef OF
#define OF extras

static const field of_edit_asks[] = {
    OWN("requests", member_edit_asks, asks, "a list of objects with prompt and target"),
    OWN("keep", member_ints, keep, "numbers of prompts"),
    OWN("covariance", member_paths, covariances, "a file, files or none"),
    {"preset", field_named, AT(preset), 0, 0, LOCI_NAMES_PRESET, "a preset"},
};
field_table edit_ask_fields(void) { return FIELD_TABLE(of_edit_asks); }

static const field of_covariance[] = {NUMBER("layer", layer, 0, 100000)};
field_table covariance_fields(void) { return FIELD_TABLE(of_covariance); }

static const field of_told[] = {
    {"hash", member_passed, 0, 0, 0, 0, ""},        {"image", member_passed, 0, 0, 0, 0, ""},
    {"question", member_passed, 0, 0, 0, 0, ""},    {"system", member_passed, 0, 0, 0, 0, ""},
    {"kinds", member_passed, 0, 0, 0, 0, ""},       {"constraints", member_passed, 0, 0, 0, 0, ""},
    {"template", member_passed, 0, 0, 0, 0, ""},    {"exif", member_passed, 0, 0, 0, 0, ""},
    {"gate_rows", member_passed, 0, 0, 0, 0, ""},   {"mmproj", member_passed, 0, 0, 0, 0, ""},
    {"max_pixels", member_passed, 0, 0, 0, 0, ""},  {"date", member_passed, 0, 0, 0, 0, ""},
    {"pixels", member_passed, 0, 0, 0, 0, ""},      {"paths", member_passed, 0, 0, 0, 0, ""},
    {"precision", member_passed, 0, 0, 0, 0, ""},   {"edits", member_passed, 0, 0, 0, 0, ""},
    {"picture", member_passed, 0, 0, 0, 0, ""},     {"noise_bytes", member_passed, 0, 0, 0, 0, ""},
    {"donor_bytes", member_passed, 0, 0, 0, 0, ""}, {"device", member_passed, 0, 0, 0, 0, ""},
    {"device_name", member_passed, 0, 0, 0, 0, ""},
};
field_table told_fields(void) { return FIELD_TABLE(of_told); }
