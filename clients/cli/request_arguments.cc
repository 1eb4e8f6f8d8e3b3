#include "clients/cli/request_arguments.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace kindred {
namespace {

constexpr std::string_view kCategory = "category:";

template <typename Float>
std::optional<Float> Number(std::string_view text) {
  Float value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

absl::Status Wrong(const char* what, std::string_view text, const std::string& expected) {
  return absl::InvalidArgumentError(absl::StrCat(what, " '", std::string(text), "': expected ", expected));
}

// The ids of "ID,ID,…"; nullopt when one is empty or a quote has no end.
std::optional<std::vector<std::string>> Ids(std::string_view text) {
  std::vector<std::string> ids;
  size_t at = 0;
  while (true) {
    std::string& id = ids.emplace_back();
    if (at < text.size() && text[at] == '"') {
      for (++at; at < text.size() && text[at] != '"'; ++at) {
        if (text[at] == '\\' && at + 1 < text.size()) ++at;
        id += text[at];
      }
      if (at++ >= text.size()) return std::nullopt;
    } else {
      while (at < text.size() && text[at] != ',') id += text[at++];
    }
    if (id.empty()) return std::nullopt;
    if (at == text.size()) return ids;
    if (text[at++] != ',') return std::nullopt;
  }
}

}  // namespace

absl::StatusOr<v1::Boost> ParseBoostArgument(std::string_view text) {
  const std::string expected = "ITEM=AMOUNT, ITEM,ITEM,…=AMOUNT or category:NAME=AMOUNT with a number as AMOUNT";
  const size_t equals = text.rfind('=');
  if (equals == std::string_view::npos) return Wrong("boost", text, expected);
  const auto amount = Number<float>(text.substr(equals + 1));
  if (!amount.has_value()) return Wrong("boost", text, expected);
  v1::Boost boost;
  boost.set_amount(*amount);
  const std::string_view what = text.substr(0, equals);
  if (what.starts_with(kCategory)) {
    if (what.size() == kCategory.size()) return Wrong("boost", text, expected);
    boost.set_category(std::string(what.substr(kCategory.size())));
    return boost;
  }
  auto ids = Ids(what);
  if (!ids.has_value()) return Wrong("boost", text, expected);
  for (std::string& id : *ids) boost.mutable_item_ids()->add_ids(std::move(id));
  return boost;
}

absl::StatusOr<std::vector<v1::SpaceWeight>> ParseBlendArgument(std::string_view text) {
  std::vector<v1::SpaceWeight> blend;
  size_t at = 0;
  while (at <= text.size()) {
    const size_t end = std::min(text.find(',', at), text.size());
    const std::string_view part = text.substr(at, end - at);
    const size_t equals = part.rfind('=');
    const auto weight = equals == std::string_view::npos ? std::nullopt : Number<double>(part.substr(equals + 1));
    if (!weight.has_value() || equals == 0) {
      return Wrong("blend", text,
                   absl::StrCat("SPACE=WEIGHT,… with numbers as weights, found '", std::string(part), "'"));
    }
    v1::SpaceWeight& space = blend.emplace_back();
    space.set_space(std::string(part.substr(0, equals)));
    space.set_weight(*weight);
    at = end + 1;
  }
  return blend;
}

absl::StatusOr<std::string> ParseTokenArgument(std::string_view text) {
  std::string token;
  const absl::string_view base64(text.data(), text.size());
  if (!text.empty() && (absl::Base64Unescape(base64, &token) || absl::WebSafeBase64Unescape(base64, &token))) {
    return token;
  }
  return absl::InvalidArgumentError("a profile token is Base64, as `kindred query update --json` prints it");
}

std::string TokenText(const std::string& token) { return absl::Base64Escape(token); }

}  // namespace kindred
