/* Proposals for questions of every form the rules know; all questions are written for this test. */
#include "data/feature_weights.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"

static qtext q;
static proposals p;

/* The best proposal's words, as the question spells them. */
static void best_of(const char *question, char out[200]) {
  double w[FEATURE_COUNT];
  feature_weights_default(w);
  question_words(question, &q);
  propose(&q, &p);
  int best = proposal_best(&p, w);
  out[0] = 0;
  if (best < 0) return;
  int64_t begin = q.words[p.items[best].first].begin, end = q.words[p.items[best].last].end;
  snprintf(out, 200, "%.*s", (int)(end - begin), question + begin);
}

static void check_all(const char *const (*list)[2], size_t count) {
  char found[200];
  for (size_t i = 0; i < count; i++) {
    best_of(list[i][0], found);
    if (strcmp(found, list[i][1]) != 0)
      fail_msg("%s: \"%s\", expected \"%s\"", list[i][0], found, list[i][1]);
  }
}
#define CHECK(list) check_all(list, sizeof(list) / sizeof(list)[0])

static void demonstratives_point(void **state) {
  (void)state;
  static const char *const list[][2] = {
      {"What breed is this dog?", "this dog"},
      {"What is this man's profession?", "this man's profession"},
      {"How is this dish made?", "this dish"},
      {"Which country uses this kind of bus?", "this kind of bus"},
      {"What does this large stuffed animal represent?", "this large stuffed animal"},
      {"What is that thing on the roof?", "that thing"},
      {"What does this grow on?", "this"},
      {"How does this work?", "this"},
      {"Is this safe or dangerous?", "this"},
      {"Is this food spicy or mild?", "this food"},
      {"Is this meal healthy?", "this meal"},
      {"What do these signs mean?", "these signs"},
      {"Where does this bird usually nest?", "this bird"},
      {"What kind of boat is that?", "boat is that"},
      {"What animals are these?", "these"},
      {"Where could I find one of these?", "one of these"},
      {"Who needs a ladder like this?", "ladder like this"},
      {"What year was this photo taken?", "this photo"},
      {"This series premieres on", "This series"},
      {"This executive is employed by", "This executive"},
      {"This operating system runs on", "This operating system"},
  };
  CHECK(list);
}

static void that_may_join_clauses(void **state) {
  (void)state;
  static const char *const list[][2] = {
      {"What is the object that the man is using called?", "object"},
      {"How do you know that the ice is thick?", "ice"},
      {"What do you call people that repair the roof?", "roof"},
  };
  CHECK(list);
}

static void definite_phrases_point_where_nothing_else_does(void **state) {
  (void)state;
  static const char *const list[][2] = {
      {"What is the red fruit called?", "red fruit"},
      {"What is the man on the left holding?", "man on the left"},
      {"What is the white stuff on the ground?", "white stuff"},
      {"What are the logos on this truck?", "logos on this truck"},
      {"What is the purpose of the umbrella?", "umbrella"},
      {"What is the hairstyle of the boy called?", "boy"},
      {"What part of the room is the lamp in?", "lamp"},
      {"What is the shape?", "shape"},
      {"What does the bird eat?", "bird"},
      {"Why are the branches bare?", "branches"},
      {"What does the pattern of the light mean?", "light"},
      {"What do the letters on the wagon stand for?", "letters on the wagon"},
      {"Which fuel does the vehicle pictured need?", "vehicle pictured"},
      {"What is the person in the photo doing?", "person in the photo"},
      {"What is the weather like in this picture?", "weather"},
      {"Why are they holding the ball?", "they"},
      {"What is his hobby?", "hobby"},
      {"Who might live here?", "here"},
  };
  CHECK(list);
}

static void what_is_asked_for_points_last(void **state) {
  (void)state;
  static const char *const list[][2] = {
      {"What type of hat is the man wearing?", "hat"},
      {"What kind of cheese is being used?", "cheese"},
      {"What kind of food is on the plate?", "food"},
      {"What time of day is it?", "time of day"},
      {"Which spoon is on the left?", "spoon"},
      {"What material are the curtains made of?", "curtains"},
      {"Why so many ripe bananas?", "ripe bananas"},
      {"", ""},
      {"Why?", ""},
      {"?!", ""},
  };
  CHECK(list);
}

static void agreement_ignores_articles_case_and_marks(void **state) {
  (void)state;
  question_words("Who owns the red car of this man?", &q);
  proposal one = {.first = 3, .last = 4}; /* red car */
  agreement a = proposal_agrees(&q, &one, "The red car?");
  assert_true(a.sound && a.same);
  assert_true(a.f1 == 1);
  a = proposal_agrees(&q, &one, "car of this man");
  assert_true(a.sound && !a.same);
  assert_true(a.f1 == 2.0 / 6); /* one word of two and of four */
  a = proposal_agrees(&q, &one, "this car");
  assert_true(!a.sound && !a.same);
  a = proposal_agrees(&q, &one, "  ");
  assert_true(!a.sound && !a.same && a.f1 == 0);
}

/* A person who always means the thing something lies on. */
static void weights_are_learned_written_and_read(void **state) {
  (void)state;
  char path[] = "/tmp/loci-weights-XXXXXX", csv[64];
  double w[FEATURE_COUNT], again[FEATURE_COUNT];
  loci_err err = {0};
  static const char rows[] = "question,constraint\n"
                             "What kind of food is on the plate?,plate\n"
                             "What type of cup is on the desk?,the desk\n"
                             "What is it?,nothing of it\n";
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  close(fd);
  snprintf(csv, sizeof csv, "%s.csv", path);
  assert_int_equal(file_write(csv, rows, strlen(rows), &err), LOCI_OK);
  feature_weights_default(w);
  assert_int_equal(feature_weights_learn(csv, w, &err), LOCI_OK);
  question_words("What sort of bird is on the roof?", &q);
  propose(&q, &p);
  proposal best = p.items[proposal_best(&p, w)];
  assert_string_equal(q.words[best.last].low, "roof");
  assert_int_equal(feature_weights_write(path, w, &err), LOCI_OK);
  feature_weights_default(again);
  assert_int_equal(feature_weights_read(path, again, &err), LOCI_OK);
  for (int f = 0; f < FEATURE_COUNT; f++)
    assert_true(again[f] - w[f] < 1e-9 && w[f] - again[f] < 1e-9);
  static const char *const wrong[] = {
      "{}", "{\"format\":\"loci.data-weights/1\",\"weights\":{\"magic\":1}}",
      "{\"format\":\"loci.data-weights/1\",\"weights\":{\"here\":\"1\"}}"};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    assert_int_equal(file_write(path, wrong[i], strlen(wrong[i]), &err), LOCI_OK);
    assert_int_equal(feature_weights_read(path, again, &err), LOCI_EFORMAT);
  }
  assert_int_equal(file_write(csv, "question,constraint\nWhat?,x\n", 29, &err), LOCI_OK);
  assert_int_equal(feature_weights_learn(csv, w, &err), LOCI_EINVAL);
  unlink(path);
  unlink(csv);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(demonstratives_point),
      cmocka_unit_test(that_may_join_clauses),
      cmocka_unit_test(definite_phrases_point_where_nothing_else_does),
      cmocka_unit_test(what_is_asked_for_points_last),
      cmocka_unit_test(agreement_ignores_articles_case_and_marks),
      cmocka_unit_test(weights_are_learned_written_and_read)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
