#include "trainer/families/content_family.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "trainer/families/sparse_rows.h"
#include "trainer/families/svd.h"
#include "trainer/families/tokenizer.h"

namespace kindred {

void ContentFamily::Describe(ParameterList* parameters) {
  parameters->Add(
      "dims", &dims_,
      "Dimensions that the features are reduced to; fewer, and said so, when they have less. 0: the features as "
      "they are, in a sparse space",
      0, 4096);
  parameters->Add("text_weight", &options_.text_weight, "Weight of the text columns; 0 leaves them out");
  parameters->Add("category_weight", &options_.category_weight, "Weight of the categories; 0 leaves them out");
  parameters->Add("attribute_weight", &options_.attribute_weight, "Weight of each number; 0 leaves them out");
  parameters->Add<Scaling>("scaling", &options_.scaling,
                           "How numbers are scaled, standard = (x − mean) / deviation, minmax = to [0, 1]",
                           {{"standard", Scaling::kStandard}, {"minmax", Scaling::kMinMax}});
  parameters->Add("min_df", &options_.text.min_df, "Leave out words of fewer items", 1);
  parameters->Add("max_df", &options_.text.max_df, "Leave out words of more than this share of the items", 0, 1);
  parameters->Add("max_words", &options_.text.max_features, "Keep so many words, the most frequent; 0 = all");
  parameters->Add("sublinear", &options_.text.sublinear, "Count a word that stands n times as 1 + ln n");
  parameters->Add("stop_words", &stop_words_,
                  "Words to leave out, separated by commas; 'english' stands for a short list of that language");
  DescribeTransform(&transform_, parameters);
}

absl::StatusOr<TrainedSpace> ContentFamily::Train(const TrainingData& data, std::string_view space,
                                                  Progress* progress) {
  ContentFeatureOptions options = options_;
  for (const std::string& word : stop_words_) {
    if (word == "english") {
      for (std::string_view stop : EnglishStopWords()) options.text.stop_words.emplace(stop);
    } else {
      options.text.stop_words.insert(LowerCase(word));
    }
  }
  const auto n_items = static_cast<uint32_t>(data.interactions->item_ids.size());
  progress->Begin("item features", 0, "");
  const ContentFeatures features = MakeContentFeatures(*data.items, n_items, options);
  progress->End(absl::StrFormat("%s items: %s words, %s categories, %d numbers", WithThousands(n_items),
                                WithThousands(features.words), WithThousands(features.categories), features.numbers));
  TrainedSpace out;
  out.notes = features.notes;
  out.spec.family = name();
  out.spec.fold_in = FoldIn::kMean;
  out.spec.metric = Metric::kCosine;
  out.spec.transform = transform_;
  nlohmann::ordered_json figures = {{"words", features.words},
                                    {"categories", features.categories},
                                    {"numbers", features.numbers},
                                    {"items_without_features", features.items_without}};
  if (features.items_without == n_items) {
    // Nothing to compare by: a space of zeros, which every request passes on to popularity.
    out.spec.dim = 1;
    out.items.assign(n_items, 0.0f);
  } else if (dims_ == 0) {
    // Rows of length 1 and a query of length 1: their product is the cosine.
    out.spec.fold_in = FoldIn::kSparse;
    out.spec.metric = Metric::kDot;
    out.spec.dim = features.values.cols;
    RETURN_IF_ERROR(AddSparseRows(space, features.values, &out.parts));
  } else if (std::min(n_items, features.values.cols) < 2) {
    // One feature, or one item: the decomposition of a single row or column is itself.
    out.spec.dim = 1;
    out.items.assign(n_items, 0.0f);
    for (uint32_t item = 0; item < n_items; ++item) {
      if (features.values.RowIndices(item).empty()) continue;
      out.items[item] = features.values.cols == 1 ? static_cast<float>(features.values.RowValues(item)[0]) : 1.0f;
    }
  } else {
    ASSIGN_OR_RETURN(
        const SvdResult svd,
        TruncatedSvd(features.values, {.factors = dims_, .seed = data.seed, .threads = data.threads}, progress));
    out.spec.dim = static_cast<uint32_t>(svd.users.cols());
    if (out.spec.dim < dims_) {
      out.notes.push_back(absl::StrFormat("%d dimensions asked for, %d taken: %s items with %s features carry no more",
                                          dims_, out.spec.dim, WithThousands(n_items),
                                          WithThousands(features.values.cols)));
    }
    ASSIGN_OR_RETURN(out.items, ToFloats(svd.users));
    figures["kept"] = 1 - svd.residual_norm * svd.residual_norm / SquaredNorm(features.values);
  }
  figures["dims"] = out.spec.dim;
  out.figures_json = figures.dump();
  return out;
}

}  // namespace kindred
