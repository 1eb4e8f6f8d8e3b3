#include "trainer/families/item2vec_family.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/bundle/tensor_names.h"
#include "trainer/families/factor_family.h"

namespace kindred {

Item2vecFamily::Item2vecFamily() { options_.sessions.with_actions = false; }

// What came out best for the mean of input vectors on Online Retail in issue 3's table, 0.05 · log(1 + popularity), in
// units of the prior, which is divided by its maximum (about 7 there).
double Item2vecFamily::default_prior_weight() const { return 0.35; }

void Item2vecFamily::Describe(ParameterList* parameters) {
  options_.Describe(parameters);
  parameters->Add<Scoring>(
      "scoring", &scoring_,
      "What an item is to a user's mean of input vectors: input = its input vector (near what they "
      "have), output = its output vector (likely beside what they have)",
      {{"input", Scoring::kInput}, {"output", Scoring::kOutput}});
}

absl::StatusOr<TrainedSpace> Item2vecFamily::Train(const TrainingData& data, std::string_view space,
                                                   Progress* progress) {
  ASSIGN_OR_RETURN(const TokenVectors tokens, TrainTokenVectors(data, options_, progress));
  const size_t n_items = data.events->item_ids.size();
  TrainedSpace out;
  out.spec.family = name();
  out.spec.fold_in = FoldIn::kMean;
  out.spec.metric = Metric::kCosine;
  out.spec.dim = options_.item2vec.factors;
  std::vector<float> input = ItemMeans(tokens.sequences, tokens.vectors.input, n_items);
  progress->Begin("folding users in", 0, "");
  ASSIGN_OR_RETURN(out.users, FoldInUsers(out.spec, input, data.interactions->values, data.threads));
  progress->End(absl::StrFormat("%s users", WithThousands(data.interactions->values.rows)));
  if (scoring_ == Scoring::kOutput) {
    out.items = ItemMeans(tokens.sequences, tokens.vectors.output, n_items);
    out.parts.push_back(OwnedTensor::Copy<float>(names::Space(space, "sources"), {n_items, out.spec.dim},
                                                 std::span<const float>(input)));
  } else {
    out.items = std::move(input);
  }
  out.figures_json = nlohmann::ordered_json{{"tokens", tokens.sequences.token_ids.size()},
                                            {"sequences", tokens.sequences.size()},
                                            {"left_out_events", tokens.sequences.left_out_events},
                                            {"tokens_trained", tokens.vectors.tokens_trained}}
                         .dump();
  return out;
}

}  // namespace kindred
