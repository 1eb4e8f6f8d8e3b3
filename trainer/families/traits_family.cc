#include "trainer/families/traits_family.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "core/bundle/id_table.h"
#include "core/bundle/tensor_names.h"
#include "core/engine/token_embedding.h"
#include "core/solve/trait_projection.h"
#include "trainer/base/parallel.h"
#include "trainer/families/customers.h"
#include "trainer/families/factor_family.h"
#include "trainer/families/nmf.h"

namespace kindred {
namespace {

constexpr int64_t kUserBlock = 64;
constexpr size_t kMaxTokenBytes = 1024;  // of an id table

// Positions 0 … n-1 by what they belong to; the arrays behind a RowsView.
struct Rows {
  std::vector<int64_t> offsets;
  std::vector<uint32_t> values;
  RowsView view() const { return {offsets, values, {}}; }
};

Rows TokensOfItems(const TokenSequences& sequences, size_t n_items) {
  Rows out;
  out.offsets.assign(n_items + 1, 0);
  for (uint32_t item : sequences.token_item) ++out.offsets[item + 1];
  for (size_t i = 0; i < n_items; ++i) out.offsets[i + 1] += out.offsets[i];
  out.values.resize(sequences.token_item.size());
  std::vector<int64_t> next(out.offsets.begin(), out.offsets.end() - 1);
  for (uint32_t t = 0; t < sequences.token_item.size(); ++t) out.values[next[sequences.token_item[t]]++] = t;
  return out;
}

Rows CategoriesOfItems(const ItemTable& items) {
  Rows out;
  if (items.categories.empty()) return out;
  out.offsets = {0};
  for (const std::vector<uint32_t>& row : items.categories) {
    out.values.insert(out.values.end(), row.begin(), row.end());
    out.offsets.push_back(static_cast<int64_t>(out.values.size()));
  }
  return out;
}

// The shifted means of the customers who have one: [n × d_e], for the factorization.
SparseMatrix ShiftedMeans(const Customers& customers, uint32_t dim, int threads) {
  std::vector<double> means(customers.size() * dim);
  std::vector<uint8_t> has(customers.size());
  ParallelFor(static_cast<int64_t>(customers.size()), kUserBlock, threads, [&](int64_t begin, int64_t end) {
    std::vector<TokenWeight> history;
    uint32_t counted = 0;
    for (int64_t user = begin; user < end; ++user) {
      const std::span<double> e = std::span(means).subspan(user * dim, dim);
      has[user] = customers.Mean(static_cast<uint32_t>(user), 0, false, &history, e, &counted) ? 1 : 0;
      if (has[user] != 0) ShiftToPositive(e);
    }
  });
  SparseMatrix out;
  out.cols = dim;
  for (size_t user = 0; user < customers.size(); ++user) {
    if (has[user] == 0) continue;
    ++out.rows;
    for (uint32_t j = 0; j < dim; ++j) {
      out.indices.push_back(j);
      out.values.push_back(means[user * dim + j]);
    }
    out.offsets.push_back(out.nnz());
  }
  return out;
}

// ‖e − s·Hᵀp‖ / ‖e‖ at the best s, which is the residual of A6's problem, since p is its w but for the size.
double RelativeResidual(std::span<const double> e, std::span<const float> p, std::span<const float> basis) {
  double ee = 0, eh = 0, hh = 0;
  for (size_t j = 0; j < e.size(); ++j) {
    double h = 0;
    for (size_t t = 0; t < p.size(); ++t) h += double{p[t]} * basis[t * e.size() + j];
    ee += e[j] * e[j];
    eh += e[j] * h;
    hh += h * h;
  }
  const double left = hh > 0 ? ee - eh * eh / hh : ee;
  return ee > 0 ? std::sqrt(std::max(0.0, left) / ee) : 0;
}

struct Profiles {
  std::vector<float> users;    // [n_users × k], what serving makes of the events; zeros where they say nothing
  std::vector<float> average;  // [k], of all who have a vector, those of few tokens too
  uint64_t with_profile = 0;
  double mean_residual = 0;
};

Profiles Project(const Customers& customers, const TraitProjection& projection, std::span<const float> basis,
                 double half_life_days, int threads) {
  const uint32_t k = projection.k(), dim = projection.embedding();
  Profiles out;
  out.users.assign(customers.size() * k, 0.0f);
  std::vector<float> all(out.users.size());
  std::vector<double> residual(customers.size(), -1);  // -1: no vector
  ParallelFor(static_cast<int64_t>(customers.size()), kUserBlock, threads, [&](int64_t begin, int64_t end) {
    std::vector<TokenWeight> history;
    std::vector<double> e(dim);
    TraitScratch scratch;
    uint32_t counted = 0;
    for (int64_t user = begin; user < end; ++user) {
      const auto id = static_cast<uint32_t>(user);
      const std::span<float> plain = std::span(all).subspan(user * k, k);
      const std::span<float> served = std::span(out.users).subspan(user * k, k);
      if (!customers.Mean(id, half_life_days, false, &history, e, &counted)) continue;
      projection.Profile(e, plain, &scratch);
      std::vector<double> shifted = e;
      ShiftToPositive(shifted);
      residual[user] = RelativeResidual(shifted, plain, basis);
      if (counted >= kFewTokens) {
        std::copy(plain.begin(), plain.end(), served.begin());
      } else if (customers.Mean(id, half_life_days, true, &history, e, &counted)) {
        projection.Profile(e, served, &scratch);
      }
    }
  });
  std::vector<double> sum(k, 0.0);
  for (size_t user = 0; user < customers.size(); ++user) {
    if (residual[user] < 0) continue;
    ++out.with_profile;
    out.mean_residual += residual[user];
    for (uint32_t t = 0; t < k; ++t) sum[t] += all[user * k + t];
  }
  const double n = std::max<double>(1, static_cast<double>(out.with_profile));
  out.mean_residual /= n;
  for (double value : sum) out.average.push_back(static_cast<float>(value / n));
  return out;
}

// Unit item vectors · Hᵀ: [n_items × k]. An item without a token stands where its categories do (A8).
std::vector<float> ItemTraits(const TokenSequences& sequences, const std::vector<float>& tokens,
                              const TokenEmbedding& embedding, std::span<const float> basis, size_t n_items) {
  const size_t dim = embedding.dim, k = basis.size() / dim;
  const std::vector<float> means = ItemMeans(sequences, tokens, n_items);
  std::vector<float> out(n_items * k, 0.0f);
  std::vector<double> x(dim);
  for (uint32_t i = 0; i < n_items; ++i) {
    std::copy_n(means.begin() + static_cast<ptrdiff_t>(i * dim), dim, x.begin());
    if (embedding.item_tokens.Row(i).empty()) AddCategoryVector(embedding, i, 1, x);
    double squared = 0;
    for (double value : x) squared += value * value;
    if (!(squared > 0)) continue;
    const double inverse = 1 / std::sqrt(squared);
    for (size_t t = 0; t < k; ++t) {
      double sum = 0;
      for (size_t j = 0; j < dim; ++j) sum += x[j] * basis[t * dim + j];
      out[i * k + t] = static_cast<float>(sum * inverse);
    }
  }
  return out;
}

absl::Status CheckTokenIds(const TokenSequences& sequences) {
  for (const std::string& id : sequences.token_ids) {
    if (id.size() <= kMaxTokenBytes) continue;
    return absl::InvalidArgumentError(absl::StrFormat(
        "the token %s… (action and item) has %d bytes, at most %d are allowed; shorten the item ids, or "
        "train with tokens=item",
        id.substr(0, 40), id.size(), kMaxTokenBytes));
  }
  return absl::OkStatus();
}

void AddMatrix(std::string_view space, std::string_view part, std::span<const float> values, size_t columns,
               TrainedSpace* out) {
  if (values.empty()) return;
  out->parts.push_back(OwnedTensor::Copy<float>(names::Space(space, part), {values.size() / columns, columns}, values));
}

void AddTable(std::string_view table, const std::vector<std::string>& ids, TrainedSpace* out) {
  for (OwnedTensor& tensor : MakeIdTensors(table, ids)) out->parts.push_back(std::move(tensor));
}

}  // namespace

// What came out best on Online Retail's validation cut, 0.2 · log(1 + popularity), in units of the prior, which is
// divided by its maximum (about 7 there).
double TraitsFamily::default_prior_weight() const { return 1.4; }

void TraitsFamily::Describe(ParameterList* parameters) {
  parameters->Add("traits", &traits_, "Number of traits; reduced, and said so, when the vectors carry fewer", 1, 4096);
  parameters->Add<bool>("tokens", &options_.sessions.with_actions,
                        "What a token is: action = '<action>_<item>' where the events have actions, item = the item",
                        {{"action", true}, {"item", false}});
  options_.Describe(parameters);
  DescribeTransform(&transform_, parameters);
  parameters->Add("nmf_iterations", &iterations_, "Most iterations of the factorization into traits", 1, 1000000);
  parameters->Add("nmf_tolerance", &tolerance_, "Stop when its projected gradient falls below this share of the first");
}

absl::StatusOr<TrainedSpace> TraitsFamily::Train(const TrainingData& data, std::string_view space, Progress* progress) {
  ASSIGN_OR_RETURN(const TokenVectors trained, TrainTokenVectors(data, options_, progress));
  const TokenSequences& sequences = trained.sequences;
  RETURN_IF_ERROR(CheckTokenIds(sequences));
  const size_t n_items = data.events->item_ids.size();
  const uint32_t dim = options_.item2vec.factors;
  const std::vector<float>& tokens = trained.vectors.input;
  const bool with_actions = !sequences.token_action.empty();
  const std::vector<float> categories = CategoryMeans(sequences, tokens, *data.items);
  const std::vector<float> actions =
      with_actions ? ActionMeans(sequences, tokens, data.events->action_ids.size()) : std::vector<float>();
  const Rows item_tokens = TokensOfItems(sequences, n_items);
  const Rows item_categories = CategoriesOfItems(*data.items);
  const TokenEmbedding embedding{.dim = dim,
                                 .tokens = tokens,
                                 .categories = categories,
                                 .actions = actions,
                                 .item_tokens = item_tokens.view(),
                                 .item_categories = item_categories.view()};
  const Customers customers(data, sequences, embedding, transform_);

  const SparseMatrix means = ShiftedMeans(customers, dim, data.threads);
  if (means.rows == 0) {
    return absl::FailedPreconditionError(
        "no customer has an event that counts: every value or action weight is 0, so there is nothing to find traits "
        "in");
  }
  NmfOptions nmf_options;
  nmf_options.factors = traits_;
  nmf_options.max_iterations = iterations_;
  nmf_options.tolerance = tolerance_;
  nmf_options.seed = data.seed;
  nmf_options.threads = data.threads;
  ASSIGN_OR_RETURN(const NmfResult nmf, Nmf(means, nmf_options, progress));
  const auto k = static_cast<uint32_t>(nmf.items.cols());
  ASSIGN_OR_RETURN(const std::vector<float> basis, ToFloats(nmf.items.transpose()));

  progress->Begin("profiles", 0, "");
  const std::vector<float> none(k, 0.0f);
  ASSIGN_OR_RETURN(const TraitProjection projection, TraitProjection::Create(basis, k, dim, none));
  Profiles profiles = Project(customers, projection, basis, data.weights.half_life_days, data.threads);
  progress->End(absl::StrFormat("%s customers, %d traits", WithThousands(profiles.with_profile), k));

  TrainedSpace out;
  out.spec.family = name();
  out.spec.fold_in = FoldIn::kTraits;
  out.spec.metric = Metric::kDot;
  out.spec.transform = transform_;
  out.spec.dim = k;
  out.items = ItemTraits(sequences, tokens, embedding, basis, n_items);
  out.users = std::move(profiles.users);
  AddTable(names::kTokenIds, sequences.token_ids, &out);
  if (with_actions) AddTable(names::kActionIds, data.events->action_ids, &out);
  AddMatrix(space, names::kTokens, tokens, dim, &out);
  AddMatrix(space, names::kBasis, basis, dim, &out);
  AddMatrix(space, names::kCategoryVectors, categories, dim, &out);
  AddMatrix(space, names::kActionVectors, actions, dim, &out);
  out.parts.push_back(OwnedTensor::Copy<float>(names::Space(space, names::kAverageProfile), {k},
                                               std::span<const float>(profiles.average)));
  if (!nmf.reduced.empty()) out.notes.push_back(nmf.reduced);
  out.figures_json = nlohmann::ordered_json{{"traits", k},
                                            {"tokens", sequences.token_ids.size()},
                                            {"sequences", sequences.size()},
                                            {"left_out_events", sequences.left_out_events},
                                            {"tokens_trained", trained.vectors.tokens_trained},
                                            {"customers", profiles.with_profile},
                                            {"nmf_iterations", nmf.iterations},
                                            {"nmf_error", nmf.error},
                                            {"nmf_relative_error", nmf.error / std::sqrt(SquaredNorm(means))},
                                            {"mean_relative_residual", profiles.mean_residual}}
                         .dump();
  return out;
}

}  // namespace kindred
