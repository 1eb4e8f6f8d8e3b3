#include "tests/unit/engine/space_zoo.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "absl/strings/str_format.h"
#include "core/bundle/id_table.h"
#include "core/bundle/tensor_names.h"

namespace kindred::testing {
namespace {

double Transformed(ValueTransform transform, double w) {
  return transform == ValueTransform::kLog1p ? std::log(1 + w) : transform == ValueTransform::kBinary ? 1 : w;
}

// Gauss with pivoting.
Vector SolveSystem(Matrix a, Vector b) {
  const size_t n = b.size();
  for (size_t k = 0; k < n; ++k) {
    size_t pivot = k;
    for (size_t i = k; i < n; ++i) {
      if (std::abs(a[i][k]) > std::abs(a[pivot][k])) pivot = i;
    }
    std::swap(a[k], a[pivot]);
    std::swap(b[k], b[pivot]);
    for (size_t i = 0; i < n; ++i) {
      if (i == k) continue;
      const double factor = a[i][k] / a[k][k];
      for (size_t j = k; j < n; ++j) a[i][j] -= factor * a[k][j];
      b[i] -= factor * b[k];
    }
  }
  for (size_t k = 0; k < n; ++k) b[k] /= a[k][k];
  return b;
}

// argmin_{w ≥ 0} ‖e − Hᵀw‖ by trying every set of rows.
Vector BruteForceNnls(const Matrix& h, const Vector& e) {
  const size_t k = h.size();
  Vector best(k, 0.0);
  double least = Dot(e, e);
  for (size_t set = 1; set < (size_t{1} << k); ++set) {
    std::vector<size_t> rows;
    for (size_t t = 0; t < k; ++t) {
      if ((set >> t & 1) != 0) rows.push_back(t);
    }
    Matrix gram(rows.size(), Vector(rows.size()));
    Vector rhs(rows.size());
    for (size_t a = 0; a < rows.size(); ++a) {
      for (size_t b = 0; b < rows.size(); ++b) gram[a][b] = Dot(h[rows[a]], h[rows[b]]);
      rhs[a] = Dot(h[rows[a]], e);
    }
    const Vector w = SolveSystem(gram, rhs);
    if (std::any_of(w.begin(), w.end(), [](double x) { return x < 0; })) continue;
    Vector residual = e;
    for (size_t a = 0; a < rows.size(); ++a) residual = Mix(1, residual, -w[a], h[rows[a]]);
    if (Dot(residual, residual) >= least) continue;
    least = Dot(residual, residual);
    best.assign(k, 0.0);
    for (size_t a = 0; a < rows.size(); ++a) best[rows[a]] = w[a];
  }
  return best;
}

Matrix RandomMatrix(size_t rows, size_t columns, std::mt19937* random, bool positive = false) {
  Matrix out(rows, Vector(columns));
  for (Vector& row : out) {
    for (double& value : row) {
      const float x = static_cast<float>((*random)() >> 8) * 0x1p-23f - 1;
      value = positive ? std::abs(x) : x;
    }
  }
  return out;
}

std::vector<std::string> Numbered(const char* prefix, uint32_t n) {
  std::vector<std::string> ids;
  for (uint32_t i = 0; i < n; ++i) ids.push_back(absl::StrFormat("%s%d", prefix, i));
  return ids;
}

std::vector<std::string> TokenNames() {
  std::vector<std::string> names = Numbered("view_p", 20);
  for (const std::string& name : Numbered("buy_p", 10)) names.push_back(name);
  return names;
}

// The row of a token; −1 for one that was not trained.
int TokenRow(const std::string& token) {
  const auto names = TokenNames();
  const auto at = std::find(names.begin(), names.end(), token);
  return at == names.end() ? -1 : static_cast<int>(at - names.begin());
}

int ItemIndex(const std::string& item) {
  const auto names = Numbered("p", SpaceZoo::kItems);
  const auto at = std::find(names.begin(), names.end(), item);
  return at == names.end() ? -1 : static_cast<int>(at - names.begin());
}

OwnedTensor FloatTensor(const std::string& name, const Matrix& matrix) {
  auto tensor = OwnedTensor::Zeros<float>(name, {matrix.size(), matrix[0].size()});
  size_t at = 0;
  for (const Vector& row : matrix) {
    for (double value : row) tensor.Data<float>()[at++] = static_cast<float>(value);
  }
  return tensor;
}

// `.offsets`, `.values` and `.weights` of what is not 0.
void AppendSparse(const std::string& csr, const Matrix& matrix, std::vector<OwnedTensor>* out) {
  std::vector<int64_t> offsets = {0};
  std::vector<uint32_t> values;
  std::vector<float> weights;
  for (const Vector& row : matrix) {
    for (uint32_t j = 0; j < row.size(); ++j) {
      if (row[j] == 0) continue;
      values.push_back(j);
      weights.push_back(static_cast<float>(row[j]));
    }
    offsets.push_back(static_cast<int64_t>(values.size()));
  }
  out->push_back(OwnedTensor::Copy<int64_t>(names::Offsets(csr), {offsets.size()}, offsets));
  out->push_back(OwnedTensor::Copy<uint32_t>(names::Values(csr), {values.size()}, values));
  out->push_back(OwnedTensor::Copy<float>(names::Weights(csr), {weights.size()}, weights));
}

}  // namespace

double Dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

Vector Mix(double a, const Vector& x, double b, const Vector& y) {
  Vector out(x.size());
  for (size_t i = 0; i < x.size(); ++i) out[i] = a * x[i] + b * y[i];
  return out;
}

Vector Unit(Vector v) {
  const double norm = std::sqrt(Dot(v, v));
  for (double& x : v) x = norm > 0 ? x / norm : 0;
  return v;
}

SpaceZoo::SpaceZoo(uint32_t seed) {
  std::mt19937 random(seed);
  const auto add = [&](const char* name, FoldIn fold_in, uint32_t dim) -> SpaceSpec& {
    SpaceSpec& spec = specs[name];
    spec.family = "zoo";
    spec.fold_in = fold_in;
    spec.dim = dim;
    if (!IsSparse(fold_in) && fold_in != FoldIn::kBlend) items[name] = RandomMatrix(kItems, dim, &random);
    return spec;
  };
  SpaceSpec& implicit = add("implicit", FoldIn::kImplicit, 4);
  implicit.fold_in_lambda = 0.1;
  implicit.fold_in_alpha = 5;
  implicit.transform = ValueTransform::kLog1p;
  implicit.prior_weight = 0.3;
  users["implicit"] = RandomMatrix(kUsers, 4, &random);
  add("observed", FoldIn::kObserved, 4).fold_in_lambda = 0.2;
  add("ridge", FoldIn::kRidge, 3).fold_in_lambda = 0.5;
  SpaceSpec& mean = add("vectors", FoldIn::kMean, 4);
  mean.metric = Metric::kCosine;
  sources = RandomMatrix(kItems, 4, &random);
  add("tokens", FoldIn::kMean, kEmbedding).prior_weight = 0.05;
  tokens = RandomMatrix(30, kEmbedding, &random);
  SpaceSpec& traits = add("traits", FoldIn::kTraits, kTraits);
  traits.actions = {{"view", 0.5}, {"buy", 2}, {"bounce", 0}};
  traits.half_life_days = 10;
  basis = RandomMatrix(kTraits, kEmbedding, &random, /*positive=*/true);
  users["traits"] = RandomMatrix(kUsers, kTraits, &random, /*positive=*/true);
  average_profile = {0.5, 0.25, 0.125};
  add("words", FoldIn::kSparse, kWords).metric = Metric::kCosine;
  specs["words"].prior_weight = 0.2;
  words = RandomMatrix(kItems, kWords, &random, /*positive=*/true);
  SpaceSpec& neighbors = add("neighbors", FoldIn::kNeighbors, kItems);
  neighbors.transform = ValueTransform::kLog1p;
  neighbors.actions = {{"view", 0.25}};
  similar = RandomMatrix(kItems, kItems, &random, /*positive=*/true);
  for (uint32_t i = 0; i < kItems; ++i) {
    for (uint32_t j = 0; j < kWords; ++j) {
      if ((i * 7 + j * 3) % 11 > 2 || i == 4) words[i][j] = 0;
    }
    for (uint32_t j = 0; j < kItems; ++j) {
      if (i == j || (i + j) % 5 != 0) similar[i][j] = 0;
    }
  }
  SpaceSpec& blend = add("blend", FoldIn::kBlend, 4 + kTraits + 4);
  blend.parts = {{"implicit", 1}, {"traits", 0.5}, {"vectors", 0.25}};
  blend.prior_weight = 0.1;

  seen.resize(kUsers);
  seen_weights.resize(kUsers);
  Vector popularity(kItems, 0.0);
  for (uint32_t u = 0; u + 1 < kUsers; ++u) {
    for (uint32_t i = u; i < kItems; i += 4 + u) {
      seen[u].push_back(i);
      seen_weights[u].push_back(1 + (i + u) % 3);
      popularity[i] += 1;
    }
  }
  const double max = *std::max_element(popularity.begin(), popularity.end());
  for (double count : popularity) prior.push_back(std::log1p(count) / std::log1p(max));
}

TensorMap SpaceZoo::Tensors() const {
  owned_.clear();
  const auto ids = [&](std::string_view table, const std::vector<std::string>& values) {
    for (OwnedTensor& tensor : MakeIdTensors(table, values)) owned_.push_back(std::move(tensor));
  };
  ids(names::kItemIds, Numbered("p", kItems));
  ids(names::kUserIds, Numbered("u", kUsers));
  ids(names::kCategoryIds, Numbered("c", kCategories));
  ids(names::kActionIds, {"view", "buy"});
  ids(names::kTokenIds, TokenNames());
  Matrix categories(kItems, Vector(kCategories, 0.0)), seen_matrix(kUsers, Vector(kItems, 0.0));
  for (uint32_t i = 0; i < 24; ++i) categories[i][i % 3] = 1;
  AppendSparse(std::string(names::kItemCategories), categories, &owned_);
  owned_.pop_back();  // categories have no weights
  for (uint32_t u = 0; u < kUsers; ++u) {
    for (size_t s = 0; s < seen[u].size(); ++s) seen_matrix[u][seen[u][s]] = seen_weights[u][s];
  }
  AppendSparse(std::string(names::kSeen), seen_matrix, &owned_);
  for (const auto& [space, matrix] : items) owned_.push_back(FloatTensor(names::Space(space, names::kItems), matrix));
  for (const auto& [space, matrix] : users) owned_.push_back(FloatTensor(names::Space(space, names::kUsers), matrix));
  owned_.push_back(FloatTensor("space.vectors.sources", sources));
  owned_.push_back(FloatTensor("space.tokens.tokens", tokens));
  owned_.push_back(FloatTensor("space.traits.tokens", tokens));
  owned_.push_back(FloatTensor("space.traits.basis", basis));
  owned_.push_back(FloatTensor("space.traits.average_profile", {average_profile}));
  owned_.back().shape = {kTraits};
  AppendSparse("space.words.rows", words, &owned_);
  AppendSparse("space.neighbors.rows", similar, &owned_);
  TensorMap out;
  for (const OwnedTensor& tensor : owned_) out.emplace(tensor.name, tensor.view());
  return out;
}

Metadata SpaceZoo::metadata() const {
  return {{std::string(names::kSpaces), SpaceSpecsToJson(specs)},
          {std::string(names::kDefaultSpace), "implicit"},
          {std::string(names::kModel), "zoo"},
          {std::string(names::kVersion), "1"}};
}

std::shared_ptr<const Model> SpaceZoo::Load() const {
  static int count = 0;
  const std::string path = absl::StrFormat("%s/zoo_%d_%d.safetensors", ::testing::TempDir(), getpid(), ++count);
  const absl::Status written = WriteBundle(path, Tensors(), metadata());
  EXPECT_TRUE(written.ok()) << written;
  auto model = Model::Load(path);
  EXPECT_TRUE(model.ok()) << model.status();
  unlink(path.c_str());  // the map keeps it
  return model.ok() ? *model : nullptr;
}

// What each event is worth.
std::map<std::string, double> SpaceZoo::Worth(const SpaceSpec& spec, const std::vector<Event>& events,
                                              std::vector<double>* each) const {
  double newest = 0;
  for (const Event& event : events) newest = std::max(newest, event.days);
  std::map<std::string, double> per_item;
  for (const Event& event : events) {
    double worth = event.weight;
    if (spec.actions.contains(event.action)) worth *= spec.actions.find(event.action)->second;
    if (spec.half_life_days > 0 && event.days > 0) worth *= std::pow(2, -(newest - event.days) / spec.half_life_days);
    each->push_back(worth);
    per_item[event.item] += worth;
  }
  return per_item;
}

Vector SpaceZoo::FoldWeights(const std::string& space, const std::vector<double>& per_item) const {
  const SpaceSpec& spec = specs.find(space)->second;
  const Matrix& x = items.find(space)->second;
  const size_t d = spec.dim;
  const bool observed = spec.fold_in == FoldIn::kObserved;
  const size_t solved = observed ? d - 1 : d;
  Matrix a(solved, Vector(solved, 0.0));
  Vector b(solved, 0.0), mean(d, 0.0);
  double total = 0;
  for (size_t j = 0; j < solved; ++j) a[j][j] = spec.fold_in_lambda;
  for (uint32_t i = 0; i < kItems; ++i) {
    const double r = per_item[i] == 0 ? 0 : Transformed(spec.transform, per_item[i]);
    const bool touched = per_item[i] != 0;
    const double curvature =
        observed ? (touched ? 1 : 0) : 1 + spec.fold_in_alpha * r * (spec.fold_in == FoldIn::kImplicit);
    const double target = observed                            ? r - x[i][d - 1]
                          : spec.fold_in == FoldIn::kImplicit ? 1 + spec.fold_in_alpha * r
                                                              : r;
    for (size_t p = 0; p < solved; ++p) {
      for (size_t q = 0; q < solved; ++q) a[p][q] += curvature * x[i][p] * x[i][q];
      if (touched) b[p] += target * x[i][p];
    }
    if (touched && spec.fold_in == FoldIn::kMean) mean = Mix(1, mean, r, sources[i]);
    total += r;
  }
  if (spec.fold_in == FoldIn::kMean) return Mix(1 / total, mean, 0, mean);
  Vector u = SolveSystem(a, b);
  if (observed) u.push_back(1);
  return u;
}

Vector SpaceZoo::CategoryVector(uint32_t category) const {
  Vector sum(kEmbedding, 0.0);
  double count = 0;
  const auto names = TokenNames();
  for (size_t t = 0; t < names.size(); ++t) {
    const int item = ItemIndex(names[t].substr(names[t].find('_') + 1));
    if (item >= 24 || item % 3 != static_cast<int>(category)) continue;
    sum = Mix(1, sum, 1, tokens[t]);
    ++count;
  }
  return Mix(count > 0 ? 1 / count : 0, sum, 0, sum);
}

Vector SpaceZoo::ActionVector(const std::string& action) const {
  const size_t begin = action == "view" ? 0 : 20, end = action == "view" ? 20 : 30;
  Vector sum(kEmbedding, 0.0);
  for (size_t t = begin; t < end; ++t) sum = Mix(1, sum, 1.0 / static_cast<double>(end - begin), tokens[t]);
  return sum;
}

Vector SpaceZoo::Query(const Vector& p) const {
  const Vector q = Mix(1, p, -1, average_profile);
  Vector mapped(kEmbedding, 0.0);
  for (size_t t = 0; t < kTraits; ++t) mapped = Mix(1, mapped, q[t], basis[t]);
  return Mix(1 / std::sqrt(Dot(mapped, mapped)), q, 0, q);
}

Vector SpaceZoo::FoldMean(const std::string& space, const Vector& mean, Vector* profile) const {
  if (space != "traits") return mean;
  Vector e = mean;
  const double least = *std::min_element(e.begin(), e.end());
  for (double& x : e) x = x - least + 1e-6;
  const Vector w = BruteForceNnls(basis, e);
  double sum = 1e-6;
  for (double x : w) sum += x;
  const Vector p = Mix(1 / sum, w, 0, w);
  if (profile != nullptr) *profile = p;
  return Query(p);
}

Vector SpaceZoo::Fold(const std::string& space, const std::vector<Event>& events, Vector* profile) const {
  const SpaceSpec& spec = specs.find(space)->second;
  std::vector<double> each;
  const auto per_id = Worth(spec, events, &each);
  if (space != "traits" && space != "tokens") {
    Vector per_item(kItems, 0.0);
    bool known = false;
    for (const auto& [id, worth] : per_id) {
      if (ItemIndex(id) < 0 || worth == 0) continue;
      per_item[ItemIndex(id)] = worth;
      known = true;
    }
    return known ? FoldWeights(space, per_item) : Vector();
  }
  size_t n_tokens = 0;
  for (double worth : each) n_tokens += worth != 0;
  Vector sum(kEmbedding, 0.0);
  double total = 0;
  for (size_t i = 0; i < events.size(); ++i) {
    if (each[i] == 0) continue;
    const int item = ItemIndex(events[i].item);
    const int row = TokenRow(events[i].action + "_" + events[i].item);
    Vector stands;
    if (!(space == "traits" && n_tokens < 3)) {
      if (row >= 0) stands = tokens[row];
      if (row < 0 && events[i].action.empty()) {
        Vector own(kEmbedding, 0.0);
        double count = 0;
        for (const char* action : {"view_", "buy_"}) {
          if (TokenRow(action + events[i].item) < 0) continue;
          own = Mix(1, own, 1, tokens[TokenRow(action + events[i].item)]);
          ++count;
        }
        if (count > 0) stands = Mix(1 / count, own, 0, own);
      }
      if (stands.empty() && !(item >= 0 && item < 24) && (events[i].action == "view" || events[i].action == "buy")) {
        stands = ActionVector(events[i].action);
      }
    }
    if (stands.empty() && item >= 0 && item < 24) stands = CategoryVector(item % 3);
    if (stands.empty()) continue;
    sum = Mix(1, sum, each[i], stands);
    total += each[i];
  }
  if (total == 0) return {};
  return FoldMean(space, Mix(1 / total, sum, 0, sum), profile);
}

Vector SpaceZoo::Trained(const std::string& space, uint32_t user, Vector* profile) const {
  if (space == "traits") {
    const Vector& p = users.find(space)->second[user];
    if (profile != nullptr) *profile = p;
    return Query(p);
  }
  if (const auto it = users.find(space); it != users.end()) return it->second[user];
  if (seen[user].empty()) return {};
  std::vector<Event> events;
  for (size_t s = 0; s < seen[user].size(); ++s) {
    events.push_back({absl::StrFormat("p%d", seen[user][s]), "", seen_weights[user][s]});
  }
  return Fold(space, events);
}

Matrix SpaceZoo::BlendItems() const {
  Matrix out(kItems);
  for (const BlendPart& part : specs.find("blend")->second.parts) {
    const Matrix& x = items.find(part.space)->second;
    double mean_square = 0;
    for (const Vector& row : x) mean_square += Dot(row, row) / kItems;
    for (uint32_t i = 0; i < kItems; ++i) {
      const bool cosine = specs.find(part.space)->second.metric == Metric::kCosine;
      const double norm = std::sqrt(cosine ? Dot(x[i], x[i]) : mean_square);
      for (double value : x[i]) out[i].push_back(part.weight * value / norm);
    }
  }
  return out;
}

Vector SpaceZoo::Normalized(const std::string& space, Vector coefficients) const {
  if (space == "neighbors") return coefficients;
  Vector q(kWords, 0.0);
  for (uint32_t i = 0; i < kItems; ++i) q = Mix(1, q, coefficients[i], words[i]);
  const double norm = std::sqrt(Dot(q, q));
  return Mix(norm > 0 ? 1 / norm : 0, coefficients, 0, coefficients);
}

Vector SpaceZoo::Coefficients(const std::string& space, const std::vector<Event>& events) const {
  const SpaceSpec& spec = specs.find(space)->second;
  std::vector<double> each;
  Vector out(kItems, 0.0);
  for (const auto& [id, worth] : Worth(spec, events, &each)) {
    if (ItemIndex(id) >= 0 && worth != 0) out[ItemIndex(id)] = Transformed(spec.transform, worth);
  }
  return Normalized(space, out);
}

Vector SpaceZoo::TrainedCoefficients(const std::string& space, uint32_t user) const {
  Vector out(kItems, 0.0);
  for (size_t s = 0; s < seen[user].size(); ++s) {
    out[seen[user][s]] = Transformed(specs.find(space)->second.transform, seen_weights[user][s]);
  }
  return Normalized(space, out);
}

Vector SpaceZoo::Scores(const std::string& space, const Vector& u) const {
  const SpaceSpec& spec = specs.find(space)->second;
  Vector scores(kItems, 0.0);
  const Matrix blend = space == "blend" ? BlendItems() : Matrix();
  for (uint32_t j = 0; j < kItems; ++j) {
    if (spec.fold_in == FoldIn::kNeighbors) {
      for (uint32_t i = 0; i < kItems; ++i) scores[j] += u[i] * similar[i][j];
    } else if (spec.fold_in == FoldIn::kSparse) {
      const double norm = std::sqrt(Dot(words[j], words[j]));
      for (uint32_t i = 0; i < kItems && norm > 0; ++i) scores[j] += u[i] * Dot(words[i], words[j]) / norm;
    } else {
      const Vector& x = space == "blend" ? blend[j] : items.find(space)->second[j];
      scores[j] = spec.metric == Metric::kCosine ? Dot(Unit(u), Unit(x)) : Dot(u, x);
    }
    scores[j] += spec.prior_weight * prior[j];
  }
  return scores;
}

}  // namespace kindred::testing
