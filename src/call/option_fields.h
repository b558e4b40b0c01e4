/* The blocks of a request: which members each kind of options has (docs/FORMATS.md, "Requests"). */
#ifndef LOCI_CALL_OPTION_FIELDS_H
#define LOCI_CALL_OPTION_FIELDS_H

#include "call/fields.h"

/* An edit that is asked for, by numbers of the call's prompts. */
typedef struct edit_ask {
  int prompt;
  const int *rephrased;
  int rephrased_count;
  const int *kept;
  int kept_count;
  const char *target;
  const char *name, *refused; /* as loci_edit_request has them */
} edit_ask;

/* Ends of pathways: every one of [from] with every one of [to]. */
typedef struct cut_ends {
  const char *const *from;
  int from_count;
  const char *const *to;
  int to_count;
} cut_ends;

/* A trace's donor: what makes its prompt. */
typedef struct donor_words {
  const char *text, *image, *model; /* model: a name; NULL: the call's own */
  const char *const *constraints;
  int constraint_count;
} donor_words;

/* What is no option of one struct. */
typedef struct extras {
  int max_new, layer; /* of ask; of a covariance */
  bool no_hash;       /* of info */
  double least_effect;
  const char *const *covariances; /* paths, or "none" alone */
  int covariance_count;
  const char *preset;
  const edit_ask *asks;
  int ask_count;
  const int *keep; /* prompts */
  int keep_count;
} extras;

field_table model_fields(void);       /* loci_model_opts */
field_table question_fields(void);    /* loci_question */
field_table trace_fields(void);       /* loci_trace_opts */
field_table cell_fields(void);        /* the same, of one cell of it */
field_table donor_fields(void);       /* donor_words */
field_table donors_fields(void);      /* loci_average_opts */
field_table kept_donors_fields(void); /* the same of loci_store_run_opts */
field_table knockout_fields(void);
field_table flow_fields(void);
field_table lens_fields(void);
field_table study_fields(void);
field_table predict_fields(void);
field_table score_fields(void);
field_table edit_fields(void);    /* loci_edit_opts */
field_table setting_fields(void); /* loci_edit_settings */
field_table trial_fields(void);   /* loci_edit_test_opts */
field_table curve_fields(void);
field_table run_fields(void);
field_table ask_fields(void); /* extras, as all that follow */
field_table info_fields(void);
field_table ends_fields(void); /* cut_ends */
field_table least_fields(void);
field_table store_fields(void); /* loci_store_opts */
field_table edit_ask_fields(void);
field_table covariance_fields(void);
/* Members of a result's request that say what a call has already: they are passed over. */
field_table told_fields(void);

#endif
