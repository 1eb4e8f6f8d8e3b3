#include "core/engine/item_filter.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "core/base/str_cat.h"
#include "core/engine/model.h"

namespace kindred {
namespace {

using Words = std::span<uint64_t>;

// Bit i of word t: low ≤ values[64t + i] ≤ high; unknown values (NaN) are not.
void MarkRange(std::span<const float> values, float low, float high, Words out) {
  for (size_t t = 0; t < out.size(); ++t) {
    const size_t begin = t * 64, count = std::min<size_t>(64, values.size() - begin);
    // Bytes first: that loop is one the compiler vectorizes.
    uint8_t meets[64] = {};
    for (size_t i = 0; i < count; ++i) {
      const float value = values[begin + i];
      meets[i] = static_cast<uint8_t>((value >= low) & (value <= high));
    }
    uint64_t word = 0;
    for (size_t byte = 0; byte < 8; ++byte) {
      uint64_t eight = 0;
      __builtin_memcpy(&eight, meets + 8 * byte, 8);
      word |= ((eight * 0x0102040810204080) >> 56) << (8 * byte);
    }
    out[t] = word;
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
    for (const ItemFilter::Node& node : filter_.nodes) {
      if (const absl::Status status = Push(node); !status.ok()) return status;
    }
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
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    if (node.kind == ItemFilter::Kind::kRange) {
      MarkRange(*values, node.min ? AtLeast(*node.min) : -kInfinity, node.max ? AtMost(*node.max) : kInfinity, out);
      return absl::OkStatus();
    }
    MarkRange(*values, 0, 0, out);
    if (!node.flag) return absl::OkStatus();
    for (size_t t = 0; t < words_; ++t) {  // known and not 0
      uint64_t known = 0;
      const size_t count = std::min<size_t>(64, values->size() - t * 64);
      for (size_t i = 0; i < count; ++i) known |= uint64_t{!std::isnan((*values)[t * 64 + i])} << i;
      out[t] = known & ~out[t];
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
