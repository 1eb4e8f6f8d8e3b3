#include "core/engine/item_filter.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/engine/model.h"

namespace kindred {
namespace {

using Words = std::span<uint64_t>;

// Four floats at a time in GCC's and clang's vector type: where the compiler finds the vectors itself, in a loop over
// bytes, the bits cost half as much again.
using Floats [[gnu::vector_size(16)]] = float;
using Bits [[gnu::vector_size(16)]] = uint32_t;

// Bit i: meets(values[i]), of 64 values.
template <typename Predicate>
uint64_t MarkWord(const float* values, Predicate meets) {
  uint64_t word = 0;
  for (uint32_t half = 0; half < 64; half += 32) {
    Bits marked = {};
    for (uint32_t i = 0; i < 32; i += 4) {
      Floats four;
      std::memcpy(&four, values + half + i, sizeof(four));
      const Bits bits = {1u << i, 2u << i, 4u << i, 8u << i};
      marked |= std::bit_cast<Bits>(meets(four)) & bits;  // a comparison is all ones or all zeros
    }
    word |= uint64_t{marked[0] | marked[1] | marked[2] | marked[3]} << half;
  }
  return word;
}

// Bit i of word t: meets(values[64t + i]). `meets` combines comparisons with & and |, of floats and of vectors alike.
template <typename Predicate>
void Mark(std::span<const float> values, Predicate meets, Words out) {
  const size_t full = values.size() / 64;
  for (size_t t = 0; t < full; ++t) out[t] = MarkWord(values.data() + 64 * t, meets);
  if (full == out.size()) return;
  out[full] = 0;
  for (size_t i = 64 * full; i < values.size(); ++i) {
    out[full] |= static_cast<uint64_t>(meets(values[i]) != 0) << (i % 64);
  }
}

// The least float ≥ x, and the largest ≤ x: a stored float meets a bound of doubles exactly when it meets these.
float AtLeast(double x) {
  if (x > std::numeric_limits<float>::max()) return std::numeric_limits<float>::infinity();
  const auto y = static_cast<float>(std::max<double>(x, std::numeric_limits<float>::lowest()));
  return y < x ? std::nextafter(y, std::numeric_limits<float>::infinity()) : y;
}
float AtMost(double x) { return -AtLeast(-x); }

class Evaluation {
 public:
  Evaluation(const Model& model, const ItemFilter& filter, ItemFilterScratch* scratch,
             std::vector<std::string_view>* missing)
      : model_(model), filter_(filter), stack_(scratch->stack), missing_(*missing), words_(model.item_words()) {}

  absl::Status Run(std::vector<uint64_t>* allowed) {
    size_t deepest = 1, depth = 0;
    for (const ItemFilter::Node& node : filter_.nodes) {
      depth = depth - node.operands + 1;
      deepest = std::max(deepest, depth);
    }
    stack_.resize(std::max(stack_.size(), deepest * words_));
    size_ = 0;
    for (const ItemFilter::Node& node : filter_.nodes) RETURN_IF_ERROR(Push(node));
    allowed->assign(stack_.begin(), stack_.begin() + static_cast<ptrdiff_t>(words_));
    if (model_.n_items() % 64 != 0) allowed->back() &= (uint64_t{1} << (model_.n_items() % 64)) - 1;
    return absl::OkStatus();
  }

 private:
  Words At(size_t place) { return Words(stack_).subspan(place * words_, words_); }

  absl::Status Push(const ItemFilter::Node& node) {
    switch (node.kind) {
      case ItemFilter::Kind::kAllOf:
      case ItemFilter::Kind::kAnyOf:
      case ItemFilter::Kind::kNoneOf:
        Combine(node);
        return absl::OkStatus();
      case ItemFilter::Kind::kCategories:
        MarkCategories(node, At(size_++));
        return absl::OkStatus();
      case ItemFilter::Kind::kRange:
      case ItemFilter::Kind::kFlag:
        return MarkAttribute(node, At(size_++));
    }
    return absl::InternalError("a filter node of no kind");
  }

  void Combine(const ItemFilter::Node& node) {
    const bool all = node.kind == ItemFilter::Kind::kAllOf;
    const size_t first = size_ - node.operands;
    const Words out = At(first);
    if (node.operands == 0) std::fill(out.begin(), out.end(), all ? ~uint64_t{0} : 0);
    for (size_t place = first + 1; place < size_; ++place) {
      const Words operand = At(place);
      for (size_t t = 0; t < words_; ++t) out[t] = all ? out[t] & operand[t] : out[t] | operand[t];
    }
    if (node.kind == ItemFilter::Kind::kNoneOf) {
      for (uint64_t& word : out) word = ~word;
    }
    size_ = first + 1;
  }

  // nullptr, and named as missing, for a category that the model does not have.
  const uint64_t* Members(std::string_view name) {
    const auto category = model_.categories().empty() ? std::nullopt : model_.categories().Find(name);
    if (category.has_value()) return model_.CategoryBitmap(*category).data();
    missing_.push_back(name);
    return nullptr;
  }

  void MarkCategories(const ItemFilter::Node& node, Words out) {
    std::fill(out.begin(), out.end(), node.begin == node.any_end ? ~uint64_t{0} : 0);
    for (uint32_t i = node.begin; i < node.any_end; ++i) {
      const uint64_t* members = Members(filter_.names[i]);
      for (size_t t = 0; t < words_ && members != nullptr; ++t) out[t] |= members[t];
    }
    for (uint32_t i = node.any_end; i < node.all_end; ++i) {
      const uint64_t* members = Members(filter_.names[i]);
      for (size_t t = 0; t < words_; ++t) out[t] &= members == nullptr ? 0 : members[t];
    }
    for (uint32_t i = node.all_end; i < node.end; ++i) {
      const uint64_t* members = Members(filter_.names[i]);
      for (size_t t = 0; t < words_ && members != nullptr; ++t) out[t] &= ~members[t];
    }
  }

  absl::Status MarkAttribute(const ItemFilter::Node& node, Words out) {
    const auto values = model_.FindAttribute(node.attribute);
    if (!values.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrFormat("model '%s' has no attribute '%s'; it has: %s", model_.name(), node.attribute,
                          model_.attribute_names().empty() ? "none" : StrJoin(model_.attribute_names(), ", ")));
    }
    // Every comparison with an unknown value (NaN) is false.
    if (node.kind == ItemFilter::Kind::kRange) {
      constexpr float kInfinity = std::numeric_limits<float>::infinity();
      const float low = node.min ? AtLeast(*node.min) : -kInfinity, high = node.max ? AtMost(*node.max) : kInfinity;
      Mark(
          *values, [=](auto x) { return (x >= low) & (x <= high); }, out);
    } else if (node.flag) {
      Mark(
          *values, [](auto x) { return (x < 0.0f) | (x > 0.0f); }, out);
    } else {
      Mark(
          *values, [](auto x) { return x == 0.0f; }, out);
    }
    return absl::OkStatus();
  }

  const Model& model_;
  const ItemFilter& filter_;
  std::vector<uint64_t>& stack_;
  std::vector<std::string_view>& missing_;
  const size_t words_;
  size_t size_ = 0;
};

}  // namespace

absl::Status EvaluateItemFilter(const Model& model, const ItemFilter& filter, ItemFilterScratch* scratch,
                                std::vector<uint64_t>* allowed, std::vector<std::string_view>* missing_categories) {
  if (filter.nodes.empty()) {
    allowed->assign(model.item_words(), ~uint64_t{0});
    if (model.n_items() % 64 != 0) allowed->back() &= (uint64_t{1} << (model.n_items() % 64)) - 1;
    return absl::OkStatus();
  }
  return Evaluation(model, filter, scratch, missing_categories).Run(allowed);
}

}  // namespace kindred
