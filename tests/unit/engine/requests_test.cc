// What a request may ask for, against a reference that is written plainly: score everything, sort, filter, take.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <set>

#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"
#include "core/engine/recommender.h"
#include "tests/unit/engine/catalogue.h"

namespace kindred {
namespace {

using testing::Catalogue;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

// A condition as the reference sees it.
struct Condition {
  ItemFilter::Kind kind = ItemFilter::Kind::kAllOf;
  std::vector<Condition> operands;
  std::vector<std::string> any_of, all_of, none_of;
  std::string attribute;
  std::optional<double> min, max;
  bool flag = true;
};

bool Meets(const Catalogue& c, uint32_t item, const Condition& condition) {
  const auto meets = [&](const Condition& operand) { return Meets(c, item, operand); };
  const auto has = [&](const std::string& name) { return c.HasCategory(item, name); };
  const auto& operands = condition.operands;
  switch (condition.kind) {
    case ItemFilter::Kind::kAllOf:
      return std::all_of(operands.begin(), operands.end(), meets);
    case ItemFilter::Kind::kAnyOf:
      return std::any_of(operands.begin(), operands.end(), meets);
    case ItemFilter::Kind::kNoneOf:
      return std::none_of(operands.begin(), operands.end(), meets);
    case ItemFilter::Kind::kCategories:
      return (condition.any_of.empty() || std::any_of(condition.any_of.begin(), condition.any_of.end(), has)) &&
             std::all_of(condition.all_of.begin(), condition.all_of.end(), has) &&
             std::none_of(condition.none_of.begin(), condition.none_of.end(), has);
    case ItemFilter::Kind::kRange: {
      const float value = c.attributes.at(condition.attribute)[item];
      return !std::isnan(value) && (!condition.min || value >= *condition.min) &&
             (!condition.max || value <= *condition.max);
    }
    case ItemFilter::Kind::kFlag: {
      const float value = c.attributes.at(condition.attribute)[item];
      return !std::isnan(value) && (value != 0) == condition.flag;
    }
  }
  return false;
}

void Append(const Condition& condition, ItemFilter* out) {
  for (const Condition& operand : condition.operands) Append(operand, out);
  ItemFilter::Node node;
  node.kind = condition.kind;
  node.operands = static_cast<uint32_t>(condition.operands.size());
  node.begin = static_cast<uint32_t>(out->names.size());
  out->names.insert(out->names.end(), condition.any_of.begin(), condition.any_of.end());
  node.any_end = static_cast<uint32_t>(out->names.size());
  out->names.insert(out->names.end(), condition.all_of.begin(), condition.all_of.end());
  node.all_end = static_cast<uint32_t>(out->names.size());
  out->names.insert(out->names.end(), condition.none_of.begin(), condition.none_of.end());
  node.end = static_cast<uint32_t>(out->names.size());
  node.attribute = condition.attribute;
  node.min = condition.min;
  node.max = condition.max;
  node.flag = condition.flag;
  out->nodes.push_back(node);
}

// A random request, and what it is made of.
struct Request {
  std::string user;
  std::string space;
  std::vector<std::pair<std::string, double>> blend;
  bool include_seen = false;
  std::vector<std::string> exclude, candidates;
  std::optional<Condition> filter;
  std::optional<std::set<uint32_t>> unavailable;
  std::optional<float> min_score;
  uint32_t max_per_category = 0;
  std::string category_prefix;
  std::optional<double> diversity;
  std::vector<std::pair<std::string, float>> category_boosts;
  std::vector<std::pair<std::vector<std::string>, float>> item_boosts;
};

class Generator {
 public:
  Generator(const Catalogue& c, uint32_t seed) : c_(c), random_(seed) {}

  uint32_t Below(uint32_t limit) { return static_cast<uint32_t>(random_() % limit); }
  bool One(uint32_t in) { return Below(in) == 0; }
  template <typename T>
  T Of(std::initializer_list<T> values) {
    return *(values.begin() + Below(static_cast<uint32_t>(values.size())));
  }

  std::string Category() {
    return One(20) ? "no:such" : c_.category_names[Below(static_cast<uint32_t>(c_.category_names.size()))];
  }
  std::vector<std::string> Categories(uint32_t most) {
    std::vector<std::string> out;
    for (uint32_t n = Below(most + 1); n > 0; --n) out.push_back(Category());
    return out;
  }
  std::vector<std::string> Ids(uint32_t count) {
    std::vector<std::string> out;
    for (; count > 0; --count) out.push_back(One(20) ? "nobody" : absl::StrFormat("i%d", Below(c_.n_items)));
    return out;
  }

  Condition MakeCondition(int depth) {
    Condition out;
    out.kind = depth == 0 ? Of({ItemFilter::Kind::kCategories, ItemFilter::Kind::kRange, ItemFilter::Kind::kFlag})
                          : static_cast<ItemFilter::Kind>(Below(6));
    switch (out.kind) {
      case ItemFilter::Kind::kAllOf:
      case ItemFilter::Kind::kAnyOf:
      case ItemFilter::Kind::kNoneOf:
        for (uint32_t n = Below(4); n > 0; --n) out.operands.push_back(MakeCondition(depth - 1));
        break;
      case ItemFilter::Kind::kCategories:
        out.any_of = Categories(3);
        out.all_of = Categories(One(3) ? 2 : 0);
        out.none_of = Categories(One(3) ? 2 : 0);
        break;
      case ItemFilter::Kind::kRange:
        out.attribute = "price";
        if (!One(3)) out.min = Of({0.0, 0.1, 1.0, 2.25, 4.0, 1e300, -1e300});
        if (!out.min || !One(3)) out.max = Of({0.0, 1.0, 2.6, 4.0, 5.0, 1e300});
        break;
      case ItemFilter::Kind::kFlag:
        out.attribute = "fresh";
        out.flag = One(2);
        break;
    }
    return out;
  }

  Request Make() {
    Request out;
    out.user = One(6) ? "stranger" : absl::StrFormat("u%d", Below(Catalogue::kUsers));
    if (One(3)) {
      const auto weight = [&] { return Of({0.5, 1.0, 2.0, 0.0}); };
      out.blend.emplace_back("dot", 1.0);
      if (!One(4)) out.blend.emplace_back("cos", weight());
      if (One(3)) out.blend.emplace_back("words", weight());
    } else {
      out.space = Of<const char*>({"", "dot", "cos", "words", "both"});
    }
    out.include_seen = One(3);
    if (One(2)) out.exclude = Ids(Of({1u, 5u, 400u}));
    if (One(4)) out.candidates = Ids(Of({1u, 20u, 400u}));
    if (One(2)) out.filter = MakeCondition(static_cast<int>(Below(4)));
    if (One(3)) {
      out.unavailable.emplace();
      for (uint32_t n = Below(c_.n_items); n > 0; --n) out.unavailable->insert(Below(c_.n_items));
    }
    if (One(4)) out.min_score = Of({-1.0f, 0.0f, 0.25f, 1.0f, 100.0f});
    if (One(2)) {
      out.max_per_category = Of({1u, 2u, 5u});
      out.category_prefix = Of<const char*>({"", "kind:", "tag:", "tag:1", "none"});
    }
    if (One(3)) out.diversity = Of({0.0, 0.3, 0.7, 1.0});
    for (uint32_t n = One(2) ? Below(3) : 0; n > 0; --n) {
      out.category_boosts.emplace_back(Category(), Of({-2.0f, 0.1f, 0.5f, 1e6f}));
    }
    for (uint32_t n = One(3) ? Below(3) : 0; n > 0; --n) out.item_boosts.emplace_back(Ids(4), Of({-1.0f, 0.3f}));
    return out;
  }

 private:
  const Catalogue& c_;
  std::mt19937 random_;
};

// The options as views of the request, which they must not outlive.
class Options {
 public:
  explicit Options(const Request& request, const Catalogue& c) {
    options_.space = request.space;
    options_.include_seen = request.include_seen;
    exclude_.assign(request.exclude.begin(), request.exclude.end());
    candidates_.assign(request.candidates.begin(), request.candidates.end());
    options_.exclude_item_ids = exclude_;
    options_.candidate_item_ids = candidates_;
    if (request.filter) {
      Append(*request.filter, &filter_);
      options_.filter = &filter_;
    }
    if (request.unavailable) {
      available_.assign((c.n_items + 63) / 64, ~uint64_t{0});
      for (uint32_t item : *request.unavailable) available_[item / 64] &= ~(uint64_t{1} << (item % 64));
      options_.available = available_;
    }
    options_.min_score = request.min_score;
    options_.max_per_category = request.max_per_category;
    options_.category_prefix = request.category_prefix;
    options_.diversity = request.diversity;
    for (const auto& [ids, amount] : request.item_boosts) boosted_.emplace_back(ids.begin(), ids.end());
    for (const auto& [category, amount] : request.category_boosts) boosts_.push_back({category, {}, amount});
    for (size_t i = 0; i < boosted_.size(); ++i) boosts_.push_back({"", boosted_[i], request.item_boosts[i].second});
    options_.boosts = boosts_;
    for (const auto& [space, weight] : request.blend) blend_.push_back({space, weight});
    options_.blend = blend_;
  }
  RecommendOptions& operator*() { return options_; }
  RecommendOptions* operator->() { return &options_; }

 private:
  RecommendOptions options_;
  std::vector<std::string_view> exclude_, candidates_;
  ItemFilter filter_;
  std::vector<uint64_t> available_;
  std::vector<std::vector<std::string_view>> boosted_;
  std::vector<BoostOption> boosts_;
  std::vector<BlendOption> blend_;
};

float PlainDot(const float* a, const float* b, size_t dim) {
  float lanes[16] = {};
  for (size_t j = 0; j < dim; ++j) lanes[j % 16] += a[j] * b[j];
  for (int width = 8; width >= 1; width /= 2) {
    for (int lane = 0; lane < width; ++lane) lanes[lane] += lanes[lane + width];
  }
  return lanes[0];
}

std::vector<float> Unit(std::vector<float> vector) {
  double sum = 0;
  for (float x : vector) sum += static_cast<double>(x) * x;
  if (sum > 0) {
    const double inverse = 1 / std::sqrt(sum);
    for (float& x : vector) x = static_cast<float>(x * inverse);
  }
  return vector;
}

// The list, as docs/api.md defines it.
class Reference {
 public:
  Reference(const Catalogue& c, const Model& model, const Request& request) : c_(c), model_(model), request_(request) {
    Score();
    Shape();
  }
  const std::vector<ScoredItem>& list() const { return list_; }

 private:
  struct Subject {
    AnswerSource source;
    std::vector<float> vector;
    std::vector<ItemWeight> coefficients;
  };
  // Fold-ins have tests of their own: what the engine resolves stands.
  Subject Resolve(const Space& space) const {
    EngineScratch scratch;
    SubjectView view;
    view.user_id = request_.user;
    const AnswerSource source = Recommender(model_).Resolve(view, space, &scratch, nullptr);
    return {source, scratch.vector, scratch.coefficients};
  }

  double Row(const Space& space, const Subject& subject, const std::vector<float>& vector, uint32_t item) const {
    if (IsSparse(space.spec.fold_in)) {
      double sum = 0;
      for (uint32_t word = 0; word < Catalogue::kWords; ++word) {
        if (!c_.words[item].contains(word)) continue;
        double query = 0;
        for (const ItemWeight& entry : subject.coefficients) {
          const auto found = c_.words[entry.item].find(word);
          if (found != c_.words[entry.item].end()) query += entry.weight * found->second;
        }
        sum += query * c_.words[item].at(word);
      }
      return sum * (space.inverse_norms.empty() ? 1.0 : space.inverse_norms[item]);
    }
    return PlainDot(vector.data(), &space.items[size_t{item} * space.spec.dim], space.spec.dim);
  }

  void Score() {
    scores_.assign(c_.n_items, 0.0f);
    const bool has_own = [&] {
      for (const auto& [name, weight] : request_.blend) {
        if (weight == 0) continue;
        const AnswerSource source = Resolve(*model_.FindSpace(name)).source;
        if (source != AnswerSource::kAverage && source != AnswerSource::kPopularity) return true;
      }
      return false;
    }();
    if (request_.blend.empty()) {
      ScoreSpace(*model_.FindSpace(request_.space));
    } else {
      ScoreBlend(has_own);
    }
  }

  float Boost(uint32_t item) const {
    float boost = 0;
    for (const auto& [category, amount] : request_.category_boosts) {
      if (c_.HasCategory(item, category)) boost += amount;
    }
    for (const auto& [ids, amount] : request_.item_boosts) {
      for (const std::string& id : ids) boost += id == absl::StrFormat("i%d", item) ? amount : 0.0f;
    }
    return boost;
  }
  bool boosted() const { return !request_.category_boosts.empty() || !request_.item_boosts.empty(); }

  void ByPopularity() {
    for (uint32_t item = 0; item < c_.n_items; ++item) {
      scores_[item] = model_.popularity()[item];
      if (boosted()) scores_[item] += Boost(item);
    }
  }

  void ScoreSpace(const Space& space) {
    const Subject subject = Resolve(space);
    if (subject.source == AnswerSource::kPopularity) return ByPopularity();
    const bool cosine = space.spec.metric == Metric::kCosine;
    const bool sparse = IsSparse(space.spec.fold_in);
    const std::vector<float> vector = cosine ? Unit(subject.vector) : subject.vector;
    const auto beta = static_cast<float>(space.spec.prior_weight);
    for (uint32_t item = 0; item < c_.n_items; ++item) {
      auto score = static_cast<float>(Row(space, subject, vector, item));
      if (cosine && !sparse) score *= space.inverse_norms[item];
      const float prior = beta != 0 ? beta * c_.prior[item] : 0.0f;
      if (sparse) {
        if (beta != 0) score += prior;
        if (boosted()) score += Boost(item);
      } else if (boosted()) {
        score += prior + Boost(item);
      } else if (beta != 0) {
        score += prior;
      }
      scores_[item] = score;
    }
  }

  void ScoreBlend(bool has_own) {
    std::vector<double> sums(c_.n_items, 0.0);
    const bool in_bundle = std::none_of(request_.blend.begin(), request_.blend.end(),
                                        [](const auto& part) { return part.first == "words"; });
    const Space& both = *model_.FindSpace("both");
    std::vector<float> joined(both.spec.dim, 0.0f);
    bool any = false;
    for (const auto& [name, weight] : request_.blend) {
      const Space& space = *model_.FindSpace(name);
      const Subject subject = Resolve(space);
      const bool own = subject.source != AnswerSource::kAverage && subject.source != AnswerSource::kPopularity;
      if (weight == 0 || subject.source == AnswerSource::kPopularity || own != has_own) continue;
      any = true;
      const std::vector<float> unit = Unit(subject.vector);
      const double bundled = name == "dot" ? c_.both_dot_weight : c_.both_cos_weight;
      for (size_t j = 0; in_bundle && j < unit.size(); ++j) {
        const size_t first = both.parts[0]->name == name ? 0 : both.parts[0]->spec.dim;
        joined[first + j] = static_cast<float>(weight / bundled * unit[j]);
      }
      for (uint32_t item = 0; item < c_.n_items; ++item) {
        const double row = Row(space, subject, unit, item);
        const double scale = IsSparse(space.spec.fold_in) ? 1.0
                             : name == "cos"              ? space.inverse_norms[item]
                                                          : space.item_scale;
        sums[item] += weight * (row * scale);
      }
    }
    if (!any) return ByPopularity();
    for (uint32_t item = 0; item < c_.n_items; ++item) {
      scores_[item] = in_bundle ? PlainDot(joined.data(), &both.items[size_t{item} * both.spec.dim], both.spec.dim)
                                : static_cast<float>(sums[item]);
      if (boosted()) scores_[item] += in_bundle ? 0.0f + Boost(item) : Boost(item);
    }
  }

  bool Admissible(uint32_t item) const {
    const std::string id = absl::StrFormat("i%d", item);
    const auto in = [&](const std::vector<std::string>& ids) {
      return std::find(ids.begin(), ids.end(), id) != ids.end();
    };
    if (in(request_.exclude) || (!request_.candidates.empty() && !in(request_.candidates))) return false;
    if (request_.unavailable && request_.unavailable->contains(item)) return false;
    if (request_.filter && !Meets(c_, item, *request_.filter)) return false;
    if (request_.min_score && !(scores_[item] >= *request_.min_score)) return false;
    if (request_.include_seen || request_.user == "stranger") return true;
    const auto& seen = c_.seen[std::stoul(request_.user.substr(1))];
    return std::find(seen.begin(), seen.end(), item) == seen.end();
  }

  float Similarity(uint32_t a, uint32_t b) const {
    std::vector<std::pair<std::string, double>> parts = request_.blend;
    if (parts.empty()) parts.emplace_back(request_.space, 1.0);
    double total = 0;
    for (const auto& [name, weight] : parts) total += weight;
    float out = 0;
    for (const auto& [name, weight] : parts) {
      if (weight == 0) continue;
      const Space& space = *model_.FindSpace(name);
      double cosine = 0;
      if (IsSparse(space.spec.fold_in)) {
        for (const auto& [word, value] : c_.words[a]) {
          const auto other = c_.words[b].find(word);
          if (other != c_.words[b].end()) cosine += static_cast<double>(value) * other->second;
        }
        cosine = cosine * space.inverse_norms[a] * space.inverse_norms[b];
      } else {
        const size_t dim = space.spec.dim;
        cosine = PlainDot(&space.items[a * dim], &space.items[b * dim], dim) * space.inverse_norms[a] *
                 space.inverse_norms[b];
      }
      out = static_cast<float>(out + weight / total * cosine);
    }
    return out;
  }

  bool Fits(uint32_t item) const {
    if (request_.max_per_category == 0) return true;
    for (uint32_t category : c_.categories[item]) {
      const std::string& name = c_.category_names[category];
      if (!name.starts_with(request_.category_prefix)) continue;
      uint32_t before = 0;
      for (const ScoredItem& taken : list_) before += c_.HasCategory(taken.item, name) ? 1 : 0;
      if (before >= request_.max_per_category) return false;
    }
    return true;
  }

  void Shape() {
    std::vector<ScoredItem> sorted;
    for (uint32_t item = 0; item < c_.n_items; ++item) {
      if (Admissible(item)) sorted.push_back({item, scores_[item]});
    }
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const ScoredItem& a, const ScoredItem& b) { return a.score > b.score; });
    size_t behind = 0;
    if (request_.diversity) {
      behind = std::min<size_t>(sorted.size(), 1000);
      std::vector<ScoredItem> pool(sorted.begin(), sorted.begin() + static_cast<ptrdiff_t>(behind));
      const double top = behind > 0 ? pool.front().score : 0, range = behind > 0 ? top - pool.back().score : 0;
      while (true) {
        size_t next = pool.size();
        double best = 0;
        for (size_t i = 0; i < pool.size(); ++i) {
          if (!Fits(pool[i].item)) continue;
          double nearest = list_.empty() ? 0 : -HUGE_VAL;
          for (const ScoredItem& taken : list_) {
            nearest = std::max<double>(nearest, Similarity(taken.item, pool[i].item));
          }
          const double relevance = range > 0 ? 1 - (top - pool[i].score) / range : 1;
          const double value = *request_.diversity * relevance - (1 - *request_.diversity) * nearest;
          if (next == pool.size() || value > best) {
            next = i;
            best = value;
          }
        }
        if (next == pool.size()) break;
        list_.push_back(pool[next]);
        pool.erase(pool.begin() + static_cast<ptrdiff_t>(next));
        if (list_.size() >= kLongest) return;
      }
    }
    for (size_t i = behind; i < sorted.size() && list_.size() < kLongest; ++i) {
      if (Fits(sorted[i].item)) list_.push_back(sorted[i]);
    }
  }

  static constexpr size_t kLongest = 120;  // of what the tests look at

  const Catalogue& c_;
  const Model& model_;
  const Request& request_;
  std::vector<float> scores_;
  std::vector<ScoredItem> list_;
};

void ExpectSame(std::span<const ScoredItem> found, std::span<const ScoredItem> expected, const std::string& what) {
  ASSERT_EQ(found.size(), expected.size()) << what;
  for (size_t i = 0; i < found.size(); ++i) {
    ASSERT_EQ(found[i].item, expected[i].item)
        << what << " at " << i << ": " << found[i].score << " and " << expected[i].score;
    ASSERT_EQ(found[i].score, expected[i].score) << what << " at " << i;
  }
}

std::string Words(const Request& r) {
  return StrCat("user ", r.user, ", space '", r.space, "', blend of ", r.blend.size(), ", candidates ",
                r.candidates.size(), ", exclude ", r.exclude.size(), ", filter ", r.filter.has_value(), ", cap ",
                r.max_per_category, " '", r.category_prefix, "', diversity ", r.diversity.value_or(-1), ", min ",
                r.min_score.value_or(-99), ", boosts ", r.category_boosts.size() + r.item_boosts.size());
}

class RequestsTest : public ::testing::Test {
 protected:
  RecommendResult Ask(const Model& model, const Request& request, const RecommendOptions& options) {
    RecommendResult result;
    SubjectView subject;
    subject.user_id = request.user;
    const absl::Status status = Recommender(model).Recommend(subject, options, &scratch_, &result);
    EXPECT_TRUE(status.ok()) << status;
    return result;
  }

  // Lists of several lengths and their pages.
  void Check(const Catalogue& c, const Model& model, const Request& request) {
    const Reference reference(c, model, request);
    Options options(request, c);
    const std::span<const ScoredItem> expected = reference.list();
    for (const uint32_t k : {1u, 10u, 100u}) {
      options->k = k;
      options->offset = 0;
      options->after.reset();
      const RecommendResult result = Ask(model, request, *options);
      ExpectSame(result.items, expected.first(std::min<size_t>(k, expected.size())),
                 StrCat(k, " items: ", Words(request)));
      ASSERT_EQ(result.more, expected.size() > k) << Words(request);
      if (HasFatalFailure()) return;
    }
    options->k = 7;
    std::optional<ScoredItem> last;
    for (uint32_t begin = 0; begin < std::min<size_t>(expected.size(), 60); begin += 7) {
      options->offset = begin;
      // By place, and where the order is by score by where the page before ended.
      for (const bool by_place : {true, false}) {
        if (!by_place && (request.diversity.has_value() || begin == 0)) continue;
        options->after = by_place ? std::nullopt : last;
        const RecommendResult page = Ask(model, request, *options);
        ExpectSame(page.items, expected.subspan(begin).first(std::min<size_t>(7, expected.size() - begin)),
                   StrCat("page at ", begin, ": ", Words(request)));
        if (HasFatalFailure()) return;
        if (!by_place || begin == 0 || request.diversity.has_value()) last = page.items.back();
      }
    }
  }

  EngineScratch scratch_;
};

TEST_F(RequestsTest, EveryCombinationIsWhatThePlainReferenceGives) {
  uint32_t seed = 1;
  for (const uint32_t n_items : {1u, 2u, 63u, 64u, 65u, 200u, 300u}) {
    for (int catalogue = 0; catalogue < 4; ++catalogue) {
      ++seed;
      const Catalogue c(n_items, 1 + seed % 7, seed);
      const auto model = c.Load();
      ASSERT_NE(model, nullptr);
      Generator generator(c, seed);
      for (int i = 0; i < 60; ++i) {
        Check(c, *model, generator.Make());
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_F(RequestsTest, LargeCataloguesAreScannedAndPooled) {
  const Catalogue c(2'500, 8, 77);
  const auto model = c.Load();
  ASSERT_NE(model, nullptr);
  Generator generator(c, 77);
  for (int i = 0; i < 40; ++i) {
    Request request = generator.Make();
    if (i % 4 != 0) request.diversity.reset();  // the reference takes its time
    Check(c, *model, request);
    if (HasFatalFailure()) return;
  }
}

TEST_F(RequestsTest, ExactlyKWhereKAreAdmissible) {
  const Catalogue c(500, 6, 5);
  const auto model = c.Load();
  Generator generator(c, 6);
  int with_filter = 0;
  for (int i = 0; i < 200; ++i) {
    Request request = generator.Make();
    request.min_score.reset();
    request.max_per_category = 0;
    request.candidates.clear();
    Options options(request, c);
    options->k = 1;
    uint32_t admissible = 0;
    for (uint32_t item = 0; item < c.n_items; ++item) {
      const std::string id = absl::StrFormat("i%d", item);
      bool in = std::find(request.exclude.begin(), request.exclude.end(), id) == request.exclude.end();
      in = in && !(request.unavailable && request.unavailable->contains(item));
      in = in && (!request.filter || Meets(c, item, *request.filter));
      if (!request.include_seen && request.user != "stranger") {
        const auto& seen = c.seen[std::stoul(request.user.substr(1))];
        in = in && std::find(seen.begin(), seen.end(), item) == seen.end();
      }
      admissible += in ? 1 : 0;
    }
    with_filter += request.filter ? 1 : 0;
    for (const uint32_t k : {1u, 3u, 50u, 500u, 1'000u}) {
      options->k = k;
      EXPECT_EQ(Ask(*model, request, *options).items.size(), std::min(k, admissible)) << k << " " << Words(request);
    }
  }
  EXPECT_GT(with_filter, 50);
}

TEST_F(RequestsTest, PagesByScoreStandWhenItemsComeAndGo) {
  const Catalogue c(300, 6, 9);
  const auto model = c.Load();
  for (const uint32_t cap : {0u, 20u}) {
    Request request;
    request.user = "u1";
    request.max_per_category = cap;
    std::mt19937 random(4);
    std::set<uint32_t> returned;
    std::optional<ScoredItem> last;
    uint32_t offset = 0;
    for (int page = 0; page < 12; ++page) {
      // Other items are out for every page.
      request.unavailable.emplace();
      for (int n = 0; n < 40; ++n) request.unavailable->insert(random() % c.n_items);
      Options options(request, c);
      options->k = 10;
      options->offset = offset;
      options->after = last;
      const RecommendResult result = Ask(*model, request, *options);
      for (const ScoredItem& item : result.items) {
        EXPECT_TRUE(returned.insert(item.item).second) << "twice";
        EXPECT_FALSE(request.unavailable->contains(item.item));
        EXPECT_TRUE(!last || RanksBefore(*last, item)) << "out of order";
      }
      if (result.items.empty()) break;
      offset += static_cast<uint32_t>(result.items.size());
      last = result.items.back();
    }
    EXPECT_GT(returned.size(), 60u);
  }
}

TEST_F(RequestsTest, TermsPriorAndBoostAddUpToTheScore) {
  const Catalogue c(200, 6, 11);
  const auto model = c.Load();
  Generator generator(c, 12);
  for (int i = 0; i < 150; ++i) {
    const Request request = generator.Make();
    Options options(request, c);
    options->explain = true;
    const RecommendResult result = Ask(*model, request, *options);
    const size_t n = result.items.size();
    ASSERT_EQ(result.prior_terms.size(), n);
    ASSERT_EQ(result.boost_terms.size(), request.category_boosts.empty() && request.item_boosts.empty() ? 0 : n);
    size_t dimensions = 0;
    for (size_t item = 0; item < n; ++item) {
      double sum = result.prior_terms[item], size = std::abs(sum);
      const auto add = [&](double term) {
        sum += term;
        size += std::abs(term);
      };
      if (!result.boost_terms.empty()) add(result.boost_terms[item]);
      if (!request.blend.empty()) {
        ASSERT_EQ(result.blended_spaces.size(), request.blend.size());
        const bool by_popularity = result.source == AnswerSource::kPopularity;
        for (size_t p = 0; p < request.blend.size(); ++p) {
          const size_t n = item * request.blend.size() + p;
          add(result.blend_terms[n]);
          double inner = 0, inner_size = 0.1;
          const auto add_inner = [&](double term) {
            inner += term;
            inner_size += std::abs(term);
          };
          if (IsSparse(result.parts[p]->spec.fold_in)) {
            for (uint32_t t = by_popularity ? 0 : result.history_begin[n];
                 t < (by_popularity ? 0 : result.history_begin[n + 1]); ++t) {
              add_inner(result.history_terms[t].value);
            }
          } else {
            for (uint32_t j = 0; j < result.parts[p]->spec.dim && !by_popularity; ++j) {
              add_inner(result.terms[dimensions++]);
            }
          }
          EXPECT_NEAR(inner, result.blend_terms[n], 1e-5 * inner_size) << Words(request);
        }
      } else if (!result.history_begin.empty()) {
        for (uint32_t t = result.history_begin[item]; t < result.history_begin[item + 1]; ++t) {
          add(result.history_terms[t].value);
        }
      } else if (!result.terms.empty()) {
        const size_t dim = result.space->spec.dim;
        for (size_t j = 0; j < dim; ++j) add(result.terms[item * dim + j]);
      }
      EXPECT_NEAR(sum, result.items[item].score, 1e-5 * std::max(size, 0.1)) << Words(request);
    }
  }
}

TEST_F(RequestsTest, WhatTheModelDoesNotHaveIsNamedOnce) {
  const Catalogue c(50, 4, 3);
  const auto model = c.Load();
  Request request;
  request.user = "u0";
  request.exclude = {"y", "i1", "x", "y", "x"};
  request.candidates = {"i1", "i2", "z"};
  request.item_boosts = {{{"y", "i3"}, 1.0f}};
  request.category_boosts = {{"no:such", 1.0f}, {"kind:0", 1.0f}};
  Condition condition;
  condition.kind = ItemFilter::Kind::kCategories;
  condition.any_of = {"kind:0", "nor:this"};
  condition.none_of = {"no:such"};
  request.filter = condition;
  Options options(request, c);
  const RecommendResult result = Ask(*model, request, *options);
  EXPECT_THAT(result.missing_ids, ElementsAre("y", "x", "z"));  // as they came
  EXPECT_THAT(result.missing_categories, ElementsAre("no:such", "nor:this"));

  request.blend = {{"dot", 1}, {"gone", 2}};
  Options blended(request, c);
  const RecommendResult partial = Ask(*model, request, *blended);
  EXPECT_TRUE(partial.spaces_missing);
  EXPECT_THAT(partial.blended_spaces, ElementsAre("dot"));
}

TEST_F(RequestsTest, ErrorsNameWhatThereIs) {
  const Catalogue c(50, 4, 3);
  const auto model = c.Load();
  const auto status = [&](const Request& request) {
    Options options(request, c);
    RecommendResult result;
    return Recommender(*model).Recommend({}, *options, &scratch_, &result);
  };
  Request request;
  request.space = "gone";
  EXPECT_TRUE(absl::IsNotFound(status(request)));
  EXPECT_THAT(StrCat(status(request).message()), HasSubstr("it has: both, cos, dot, words"));
  request.space = "";
  request.blend = {{"gone", 1}, {"dot", 0}};
  EXPECT_TRUE(absl::IsNotFound(status(request)));
  request.blend.clear();
  Condition condition;
  condition.kind = ItemFilter::Kind::kRange;
  condition.attribute = "weight";
  condition.min = 1;
  request.filter = condition;
  EXPECT_TRUE(absl::IsInvalidArgument(status(request)));
  EXPECT_THAT(StrCat(status(request).message()), HasSubstr("it has: fresh, price"));
}

TEST_F(RequestsTest, ManySubjectsOfOnePlanAreEachTheirOwnAnswer) {
  const Catalogue c(300, 6, 21);
  const auto model = c.Load();
  Generator generator(c, 22);
  EngineScratch other;
  for (int i = 0; i < 60; ++i) {
    Request request = generator.Make();
    Options options(request, c);
    RecommendResult shared, answer;
    ASSERT_TRUE(Recommender(*model).Plan(*options, &other, &shared).ok());
    std::vector<std::string> ids;
    std::vector<SubjectView> subjects;
    for (uint32_t n = 0; n < kBatchGroup; ++n) {
      ids.push_back(n % 6 == 5 ? "stranger" : absl::StrFormat("u%d", n % 6));
    }
    for (const std::string& id : ids) subjects.push_back({id, {}, {}});
    std::vector<RecommendResult> together(subjects.size());
    Recommender(*model).AnswerMany(subjects, *options, shared, &other, together);
    for (uint32_t user = 0; user <= Catalogue::kUsers; ++user) {
      ExpectSame(together[6 + user].items, together[user].items, "the same subject twice");
      request.user = user == Catalogue::kUsers ? "stranger" : absl::StrFormat("u%d", user);
      SubjectView subject;
      subject.user_id = request.user;
      Recommender(*model).Answer(subject, *options, shared, &other, &answer);
      const RecommendResult alone = Ask(*model, request, *options);
      ExpectSame(answer.items, alone.items, Words(request));
      ExpectSame(together[user].items, alone.items, StrCat("together: ", Words(request)));
      EXPECT_EQ(together[user].more, alone.more);
      EXPECT_EQ(together[user].source, alone.source);
      EXPECT_EQ(together[user].missing_ids, alone.missing_ids);
      EXPECT_EQ(answer.source, alone.source);
      EXPECT_EQ(answer.missing_ids, alone.missing_ids);
      if (HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace kindred
