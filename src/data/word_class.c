/* Lists of words (see word_class.h), in the order they are asked; a list is one string with blanks
 * between the words. */
#include "data/word_class.h"

#include <string.h>

#include "base/plain.h"

/* ---------------------------------------------------------------- closed classes */

static const char demonstratives[] = " this that these those ";
static const char articles[] = " a an the ";
static const char possessives[] = " his her their its my your our whose ";
static const char pronouns[] =
    " he she it they him them we us you i me himself herself itself themselves someone somebody "
    "anyone anybody everyone nobody something anything nothing everything one's there ";
static const char wh_words[] = " what which who whom where when why how what's who's whats ";
static const char be_words[] = " is are was were be been being am isn't aren't wasn't weren't ";
static const char auxiliaries[] =
    " do does did can could would should will shall might may must has have had don't doesn't "
    "didn't can't cannot couldn't wouldn't shouldn't won't ";
static const char prepositions[] =
    " of in on at by for with from to into onto under over behind beside besides near about above "
    "across after against along among around as before below beneath between beyond during inside "
    "like off out outside past per since through throughout toward towards until up upon versus "
    "vs via within without than down amid despite except ";
static const char conjunctions[] = " and or but nor if because while although though whether ";
static const char quantifiers[] =
    " some any many much few several all each every other another both more most no less least "
    "enough half ";
static const char numbers[] = " one two three four five six seven eight nine ten eleven twelve "
                              "hundred thousand million first "
                              "second third ";
static const char adverbs[] =
    " usually often typically commonly normally generally sometimes always never now then today "
    "currently instead here very really mostly mainly ever also just not only still too so away "
    "apart "
    "together well maybe perhaps else again soon once already yet even quite almost ";

/* ---------------------------------------------------------------- verbs */

/* Base forms that are seldom nouns. */
static const char verbs[] =
    " eat live get make drive go come grow find see take give know think say tell ask leave "
    "put mean keep let begin hear move believe bring happen write provide sit lose pay meet "
    "include continue learn understand follow create speak read allow add spend remember "
    "consider appear buy serve die send expect build fall remain suggest raise sell require "
    "decide fly swim sleep weigh belong originate migrate consume produce contain perform "
    "represent symbolize symbolise signify indicate depict resemble become hang catch carry "
    "wear bake boil melt freeze prevent protect hatch reproduce survive evolve use want like "
    "need prefer enjoy inhabit feed choose compete participate celebrate invent introduce "
    "manufacture operate own occur exist stay pledge look seem feel involve refer relate "
    "depend differ arrive affect accept achieve admit adopt advertise agree apply argue "
    "assemble assist attach attract avoid bend bleed blow borrow breathe bury calculate chew "
    "classify collect combine communicate compare complete compose confuse connect consist "
    "convert cool crawl defend deliver describe destroy develop dig digest discover discuss "
    "divide donate earn employ enter escape establish estimate exceed expand explain express "
    "extend fasten flap forget gather glide govern grab grind handle harvest heal hide hire "
    "identify imply improve inform inspire install join kill kneel lay lean locate maintain "
    "marry memorize observe obtain perch possess pray predict prepare prove pursue qualify "
    "quit receive recognize recycle regulate rely remove replace respond restore retire roam "
    "rub save scare sing slow solve steal swallow teach tear terminate thrive typify unlock "
    "vary wander warn weave weld ";
/* Base forms that are as often nouns: verbs only where a verb has to come. */
static const char either[] =
    " breed burn call cause change climb close cook cost cross cut dress drink drop end face "
    "fit float function head help hit hold hunt jump kick land last lead lift mate name offer "
    "open pass plant play pull push reach report rest ride run sail share show skate ski smell "
    "sound stand start stop stretch surf taste throw tow train travel turn type wait walk "
    "watch work act aid answer attack bite bounce break brush chase count cover cure damage "
    "deal design dry fight fix flow fold gain guess heat hop hurt increase judge lack mark "
    "measure mix mount order pack park peel pick place plan pour promote purchase record "
    "release repair result roast roll rule score search shine shoot sign sink slice slide "
    "smoke sort spin split spray spread steer sting store strike suck support swing test tie "
    "tip touch track trade transport treat trust try twist visit vote wash waste wave win wrap "
    "yield ";
static const char participles[] =
    " made built worn known grown found taken shown seen held eaten sold kept caught born drawn "
    "written driven thrown done given bought brought cut spent won lost laid put sung woven "
    "torn hidden hit shot stolen struck split spread swum wound rung risen hung fed bred ridden "
    "flown frozen chosen broken begun set said told thought meant used gone "
    "become fallen sat stood got gotten ";
/* Nouns and adjectives that end as participles or gerunds do. */
static const char not_verbs[] =
    " left right bed red shed seed weed breed speed feed sled reed hundred bread thread head "
    "building painting "
    "clothing setting flooring wing ring king thing string spring ceiling wedding dressing "
    "stuffing "
    "frosting icing topping railing siding lighting seating awning drawing carving covering "
    "filling "
    "bedding swing sling earring meeting evening morning crossing pudding duckling sibling opening "
    "something anything nothing everything during skiing surfing skating fishing boxing "
    "snowboarding skateboarding swimming wrestling racing cooking baking engineering marking "
    "greeting parking landing wiring piping molding tubing ";

/* ---------------------------------------------------------------- adjectives */

static const char adjectives[] =
    " red blue green yellow white black brown gray grey orange pink purple golden silver dark "
    "light "
    "bright big small large little tall short long high low old new young wide narrow thick thin "
    "heavy hot cold warm cool wet dry clean dirty full empty round square flat sharp soft hard "
    "sweet sour salty fresh raw wild rare common good bad best better worse worst main famous "
    "popular typical special different same similar whole entire single double outdoor indoor "
    "sunny cloudy rainy windy snowy happy sad safe real fake male female domestic modern ancient "
    "important possible likely legal illegal ripe tropical upset alive dead open busy able sick "
    "healthy hungry strong weak fast slow loud quiet rich poor expensive cheap sporty ";
static const char not_adjectives[] =
    " cheese executive individual animal animals meal metal hospital festival cereal signal pedal "
    "medal mammal terminal crystal "
    "capital journal olive dive hive music traffic plastic fabric mosaic clinic picnic comic table "
    "cable vegetable dish fish brush bush wish finish relish polish dial royal petal portal tribal "
    "individual professional material general principal ritual manual arrival approval rental "
    "canal sandal goal coal seal deal ";

/* ---------------------------------------------------------------- nouns by use */

static const char sorts[] =
    " kind kinds type types sort sorts breed brand style model species variety make form class "
    "category genre ";
static const char relations[] =
    " name names purpose term part parts piece color colour shape size place area use "
    "benefit benefits age origin nationality profession occupation job designer maker "
    "material ingredient ingredients height weight length width depth cost price value "
    "number amount horsepower lifespan life top bottom side front back middle end edge "
    "capital history symbol meaning effect action owner manufacturer inventor country state "
    "function nickname scientific result temperature way subject title left right background "
    "foreground corner distance center centre ";
static const char pictures[] = " picture pictures photo photos photograph image images scene pic ";
static const char shown[] =
    " pictured shown worn depicted seen displayed featured photographed visible ";

/* Whether the list has the word. */
static bool has(const char *list, const char *word) {
  char wanted[40];
  int n = snprintf(wanted, sizeof wanted, " %s ", word);
  return n < (int)sizeof wanted && strstr(list, wanted) != NULL;
}

static bool ends(const char *word, const char *ending) {
  size_t n = strlen(word), m = strlen(ending);
  return n > m + 1 && strcmp(word + n - m, ending) == 0;
}

/* A verb with -s: "lives", "uses", "carries". */
static bool is_verb(const char *word) {
  char base[40];
  size_t n = strlen(word);
  if (has(verbs, word)) return true;
  if (n < 3 || n >= sizeof base || word[n - 1] != 's') return false;
  snprintf(base, sizeof base, "%.*s", (int)n - 1, word);
  if (has(verbs, base)) return true;
  if (!ends(word, "es")) return false;
  snprintf(base, sizeof base, "%.*s", (int)n - 2, word);
  if (has(verbs, base)) return true;
  if (!ends(word, "ies")) return false;
  snprintf(base, sizeof base, "%.*sy", (int)n - 3, word);
  return has(verbs, base);
}

static bool is_number(const char *word) {
  return (word[0] >= '0' && word[0] <= '9') || has(numbers, word);
}

static bool is_adjective(const char *word) {
  static const char *const endings[] = {"ous", "ful", "less", "ible", "able", "ive",
                                        "ic",  "ish", "al",   "ese",  "ican"};
  if (has(adjectives, word)) return true;
  if (has(not_adjectives, word)) return false;
  for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
    if (ends(word, endings[i])) return true;
  }
  return false;
}

static word_class open_class(const char *word) {
  if (has(not_verbs, word)) return has(adjectives, word) ? WORD_ADJECTIVE : WORD_NOUN;
  if (has(participles, word)) return WORD_PARTICIPLE;
  if (is_verb(word)) return WORD_VERB;
  if (is_adjective(word)) return WORD_ADJECTIVE;
  if (ends(word, "ing")) return WORD_GERUND;
  if (ends(word, "ed")) return WORD_PARTICIPLE;
  if (ends(word, "ly")) return WORD_ADVERB;
  return WORD_NOUN;
}

word_class word_class_of(const char *word) {
  static const struct {
    const char *list;
    word_class is;
  } closed[] = {{demonstratives, WORD_DEMONSTRATIVE},
                {articles, WORD_ARTICLE},
                {possessives, WORD_POSSESSIVE},
                {pronouns, WORD_PRONOUN},
                {wh_words, WORD_WH},
                {be_words, WORD_BE},
                {auxiliaries, WORD_AUXILIARY},
                {prepositions, WORD_PREPOSITION},
                {conjunctions, WORD_CONJUNCTION},
                {quantifiers, WORD_QUANTIFIER},
                {adverbs, WORD_ADVERB}};
  for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++) {
    if (has(closed[i].list, word)) return closed[i].is;
  }
  return is_number(word) ? WORD_NUMBER : open_class(word);
}

bool word_is_either(const char *word) {
  char base[40];
  size_t n = strlen(word);
  if (has(either, word)) return true;
  if (n < 3 || n >= sizeof base || word[n - 1] != 's') return false;
  snprintf(base, sizeof base, "%.*s", (int)n - 1, word);
  return has(either, base);
}

bool word_is_relation(const char *word) {
  char single[40];
  size_t n = strlen(word);
  if (has(relations, word) || has(sorts, word)) return true;
  if (n < 3 || n >= sizeof single || word[n - 1] != 's') return false;
  snprintf(single, sizeof single, "%.*s", (int)n - 1, word);
  return has(relations, single);
}
bool word_is_sort(const char *word) { return has(sorts, word); }
bool word_is_picture(const char *word) { return has(pictures, word); }
bool word_is_shown(const char *word) { return has(shown, word); }
bool word_owns(const char *word) { return has(" his her their its ", word); }
