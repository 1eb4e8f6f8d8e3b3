#include "clients/cli/filter_syntax.h"

#include <google/protobuf/util/json_util.h>

#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "clients/cli/filter_words.h"

namespace kindred {
namespace {

using Kind = FilterWord::Kind;

constexpr std::string_view kCategory = "category:";
constexpr std::string_view kFlag = "flag:";
// The server takes 8; this only bounds the recursion.
constexpr int kMaxDepth = 100;

std::optional<double> Number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

class Parser {
 public:
  Parser(std::string_view text, std::vector<FilterWord> words) : text_(text), words_(std::move(words)) {}

  absl::StatusOr<v1::Filter> Parse() {
    auto filter = Any();
    if (filter.ok() && Next().kind != Kind::kEnd) {
      return Wrong("expected 'and', 'or' or the end here; names with spaces need quotes");
    }
    return filter;
  }

 private:
  using Result = absl::StatusOr<v1::Filter>;

  const FilterWord& Next() const { return words_[at_]; }
  const FilterWord& Take() { return words_[at_++]; }
  bool Sign(std::string_view sign) const { return Next().kind == Kind::kSign && Next().text == sign; }
  bool Keyword(std::string_view keyword) const {
    return Next().kind == Kind::kWord && absl::AsciiStrToLower(Next().text) == keyword;
  }
  absl::Status Wrong(const std::string& what) const { return FilterError(text_, Next().begin, what); }

  // Two or more of the same kind become one list.
  template <typename Operand>
  Result List(std::string_view keyword, v1::FilterList* (v1::Filter::*list)(), const Operand& operand) {
    Result first = operand();
    if (!first.ok() || !Keyword(keyword)) return first;
    v1::Filter filter;
    v1::FilterList* filters = (filter.*list)();
    *filters->add_filters() = *std::move(first);
    while (Keyword(keyword)) {
      Take();
      Result more = operand();
      if (!more.ok()) return more;
      *filters->add_filters() = *std::move(more);
    }
    return filter;
  }

  Result Any() {
    return List("or", &v1::Filter::mutable_any_of, [this] { return All(); });
  }
  Result All() {
    return List("and", &v1::Filter::mutable_all_of, [this] { return Unary(); });
  }

  Result Unary() {
    if (++depth_ > kMaxDepth) return Wrong("nested too deep here");
    Result filter = UnaryAtDepth();
    --depth_;
    return filter;
  }

  Result UnaryAtDepth() {
    if (Keyword("not")) {
      Take();
      Result inner = Unary();
      if (!inner.ok()) return inner;
      v1::Filter filter;
      *filter.mutable_none_of()->add_filters() = *std::move(inner);
      return filter;
    }
    if (Sign("(")) {
      const size_t open = Take().begin;
      Result inner = Any();
      if (!inner.ok()) return inner;
      if (!Sign(")")) {
        return Next().kind == Kind::kEnd ? FilterError(text_, open, "this ( has no )")
                                         : Wrong("expected 'and', 'or' or ) here; names with spaces need quotes");
      }
      Take();
      return inner;
    }
    return Condition();
  }

  Result Condition() {
    const bool word = Next().kind == Kind::kWord;
    if ((!word && Next().kind != Kind::kQuoted) || Keyword("and") || Keyword("or")) {
      return Wrong("expected a condition here, such as category:A, price 1..5 or flag:NAME");
    }
    if (word && std::string_view(Next().text).starts_with(kCategory)) return Category();
    if (word && std::string_view(Next().text).starts_with(kFlag)) return Flag();
    return Range();
  }

  // The name behind "category:" or "flag:", in the same word or quoted right after it.
  absl::StatusOr<std::string> NameBehind(std::string_view prefix) {
    const FilterWord& word = Take();
    if (word.text.size() > prefix.size()) return word.text.substr(prefix.size());
    if (Next().begin != word.end) return Wrong(absl::StrCat("expected a name right behind ", std::string(prefix)));
    return Name();
  }

  absl::StatusOr<std::string> Name() {
    if ((Next().kind != Kind::kWord && Next().kind != Kind::kQuoted) || Next().text.empty()) {
      return Wrong("expected a name here");
    }
    return Take().text;
  }

  Result Category() {
    v1::Filter filter;
    auto name = NameBehind(kCategory);
    if (!name.ok()) return name.status();
    filter.mutable_categories()->add_any_of(*std::move(name));
    while (Sign(",")) {
      Take();
      name = Name();
      if (!name.ok()) return name.status();
      filter.mutable_categories()->add_any_of(*std::move(name));
    }
    return filter;
  }

  Result Flag() {
    v1::Filter filter;
    auto name = NameBehind(kFlag);
    if (!name.ok()) return name.status();
    filter.mutable_flag()->set_attribute(*std::move(name));
    filter.mutable_flag()->set_value(true);
    if (!Sign("=")) return filter;
    Take();
    if (!Keyword("yes") && !Keyword("no")) return Wrong("expected yes or no here");
    filter.mutable_flag()->set_value(Keyword("yes"));
    Take();
    return filter;
  }

  Result Range() {
    v1::Filter filter;
    v1::RangeCondition* range = filter.mutable_range();
    auto name = Name();
    if (!name.ok()) return name.status();
    range->set_attribute(*std::move(name));
    if (Sign("<") || Sign(">")) return Wrong(absl::StrCat("bounds belong to a range: write ", Next().text, "= here"));
    if (Sign("<=") || Sign(">=") || Sign("=")) {
      const std::string sign = Take().text;
      const auto bound = Next().kind == Kind::kWord ? Number(Next().text) : std::nullopt;
      if (!bound.has_value()) return Wrong("expected a number here");
      Take();
      if (sign != "<=") range->set_min(*bound);
      if (sign != ">=") range->set_max(*bound);
      return filter;
    }
    const std::string_view text = Next().kind == Kind::kWord ? std::string_view(Next().text) : std::string_view();
    const size_t dots = text.find("..");
    const auto min = Number(text.substr(0, dots));
    const auto max = dots == std::string_view::npos ? std::nullopt : Number(text.substr(dots + 2));
    const bool bad_min = !min.has_value() && dots != 0;
    const bool bad_max = dots != std::string_view::npos && !max.has_value() && dots + 2 < text.size();
    if (dots == std::string_view::npos || bad_min || bad_max || (!min.has_value() && !max.has_value())) {
      return Wrong(absl::StrCat("expected what '", range->attribute(),
                                "' must be, such as 1..5, ..5, >= 1 or = 3; categories are written category:NAME"));
    }
    Take();
    if (min.has_value()) range->set_min(*min);
    if (max.has_value()) range->set_max(*max);
    return filter;
  }

  std::string_view text_;
  std::vector<FilterWord> words_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

absl::StatusOr<v1::Filter> ParseFilterSyntax(std::string_view text) {
  auto words = SplitFilter(text);
  if (!words.ok()) return words.status();
  return Parser(text, *std::move(words)).Parse();
}

absl::StatusOr<v1::Filter> ParseFilterJson(std::string_view json) {
  v1::Filter filter;
  const auto status = google::protobuf::util::JsonStringToMessage({json.data(), json.size()}, &filter);
  if (!status.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("no kindred.v1.Filter as JSON: ", std::string(status.message()),
                     "; expected such as {\"categories\":{\"any_of\":[\"A\"]}} (proto/kindred/v1/filter.proto)"));
  }
  return filter;
}

}  // namespace kindred
