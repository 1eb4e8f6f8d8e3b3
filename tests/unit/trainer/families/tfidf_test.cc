#include "trainer/families/tfidf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "trainer/families/tokenizer.h"

namespace kindred {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  ForEachWord(text, [&](std::string_view word) { words.emplace_back(word); });
  return words;
}

TEST(TokenizerTest, RunsOfTwoWordCharacters) {
  EXPECT_THAT(Words("Hand-made, x_1 a 28cm!"), ElementsAre("hand", "made", "x_1", "28cm"));
  EXPECT_THAT(Words(""), IsEmpty());
  EXPECT_THAT(Words("a . b"), IsEmpty());
  EXPECT_THAT(Words("ends here"), ElementsAre("ends", "here"));
  EXPECT_THAT(Words("ends h"), ElementsAre("ends"));
}

TEST(TokenizerTest, BeyondAscii) {
  EXPECT_THAT(Words("GRÖSSE Ärmel—ŁÓDŹ Ÿ"), ElementsAre("grösse", "ärmel", "łódź"));
  EXPECT_THAT(Words("ЧЁРНЫЙ Чай «Ассам»"), ElementsAre("чёрный", "чай", "ассам"));
  EXPECT_THAT(Words("ΑΘΗΝΑ, Ώρα"), ElementsAre("αθηνα", "ώρα"));
  EXPECT_THAT(Words("红茶,绿茶。龙井"), ElementsAre("红茶", "绿茶", "龙井"));
  EXPECT_THAT(Words("tea☕cup 🫖pot"), ElementsAre("tea", "cup", "pot"));
  EXPECT_EQ(LowerCase("ŠĆŽ ĐĦ ŹŽ Ķķ"), "šćž đħ źž ķķ");
}

TEST(TokenizerTest, BytesThatAreNotUtf8Separate) {
  EXPECT_THAT(Words("ab\xff"
                    "cd\xc3"),
              ElementsAre("ab", "cd"));
  EXPECT_THAT(Words("\xe2\x82"), IsEmpty());
  EXPECT_EQ(LowerCase("A\xff"
                      "B"),
            "a\xff"
            "b");
}

// Values of TfidfVectorizer (scikit-learn 1.9.1) with the same options.
TEST(TfidfTest, MatchesScikitLearn) {
  const std::vector<std::string> texts = {"Red wool scarf, hand-made in the Highlands.",
                                          "Blue WOOL hat with a red pom-pom; wool lined",
                                          "Stainless steel pan 28cm x_1",
                                          "",
                                          "the the the scarf and the hat",
                                          "a b c I"};
  const struct {
    TfidfOptions options;
    std::vector<std::string> words;
    std::vector<int64_t> offsets;
    std::vector<uint32_t> indices;
    std::vector<double> values;
  } cases[] = {
      {{},
       {"28cm", "and", "blue", "hand", "hat", "highlands", "in", "lined", "made", "pan", "pom", "red", "scarf",
        "stainless", "steel", "the", "with", "wool", "x_1"},
       {0, 8, 15, 20, 20, 24, 24},
       {3, 5, 6, 8, 11, 12, 15, 17, 2, 4, 7, 10, 11, 16, 17, 0, 9, 13, 14, 18, 1, 4, 12, 15},
       {0.386631183392, 0.386631183392, 0.386631183392, 0.386631183392, 0.317043101217, 0.317043101217,
        0.317043101217, 0.317043101217, 0.301039073224, 0.246856346467, 0.301039073224, 0.602078146448,
        0.246856346467, 0.301039073224, 0.493712692935, 0.4472135955,   0.4472135955,   0.4472135955,
        0.4472135955,   0.4472135955,   0.276251291387, 0.226530010767, 0.226530010767, 0.906120043069}},
      {{.min_df = 2, .max_df = 0.5},
       {"hat", "red", "scarf", "the", "wool"},
       {0, 4, 7, 7, 7, 10, 10},
       {1, 2, 3, 4, 0, 1, 4, 0, 2, 3},
       {0.5, 0.5, 0.5, 0.5, 0.408248290464, 0.408248290464, 0.816496580928, 0.235702260396, 0.235702260396,
        0.942809041582}},
      {{.max_features = 6, .sublinear = true},
       {"hat", "pom", "red", "scarf", "the", "wool"},
       {0, 4, 8, 8, 8, 11, 11},
       {2, 3, 4, 5, 0, 1, 2, 5, 0, 3, 4},
       {0.5, 0.5, 0.5, 0.5, 0.330950717983, 0.683339633839, 0.330950717983, 0.560348275057, 0.360506083826,
        0.360506083826, 0.860273634984}},
      {{.stop_words = {"the", "and", "with"}},
       {"28cm", "blue", "hand", "hat", "highlands", "in", "lined", "made", "pan", "pom", "red", "scarf", "stainless",
        "steel", "wool", "x_1"},
       {0, 7, 13, 18, 18, 20, 20},
       {2, 4, 5, 7, 10, 11, 14, 1, 3, 6, 9, 10, 14, 0, 8, 12, 13, 15, 3, 11},
       {0.407662005498, 0.407662005498, 0.407662005498, 0.407662005498, 0.334288676194, 0.334288676194, 0.334288676194,
        0.315683039319, 0.25886460815,  0.315683039319, 0.631366078639, 0.25886460815,  0.517729216301, 0.4472135955,
        0.4472135955,   0.4472135955,   0.4472135955,   0.4472135955,   0.707106781187, 0.707106781187}},
  };
  for (const auto& c : cases) {
    const Tfidf tfidf = MakeTfidf(texts, c.options);
    EXPECT_EQ(tfidf.words, c.words);
    EXPECT_EQ(tfidf.values.offsets, c.offsets);
    EXPECT_EQ(tfidf.values.indices, c.indices);
    ASSERT_EQ(tfidf.values.values.size(), c.values.size());
    for (size_t i = 0; i < c.values.size(); ++i) EXPECT_NEAR(tfidf.values.values[i], c.values[i], 1e-11) << i;
    EXPECT_EQ(tfidf.values.rows, texts.size());
    EXPECT_EQ(tfidf.values.cols, c.words.size());
  }
}

TEST(TfidfTest, NothingIsLeft) {
  const Tfidf none = MakeTfidf({}, {});
  EXPECT_EQ(none.values.rows, 0u);
  EXPECT_EQ(none.values.cols, 0u);
  const Tfidf empty = MakeTfidf({"the", "the"}, {.stop_words = {"the"}});
  EXPECT_EQ(empty.values.offsets, (std::vector<int64_t>{0, 0, 0}));
  EXPECT_THAT(empty.words, IsEmpty());
  for (std::string_view word : EnglishStopWords()) EXPECT_THAT(Words(word), ElementsAre(std::string(word)));
}

}  // namespace
}  // namespace kindred
