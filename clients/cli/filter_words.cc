#include "clients/cli/filter_words.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "clients/cli/text_table.h"

namespace kindred {
namespace {

constexpr std::string_view kSigns = "(),=<>";

}  // namespace

absl::Status FilterError(std::string_view text, size_t place, const std::string& wrong) {
  // One character an unprintable byte, so that the mark stands under the place.
  const std::string before = FitToWidth(text.substr(0, place), SIZE_MAX);
  return absl::InvalidArgumentError(
      absl::StrCat(wrong, "\n  ", FitToWidth(text, SIZE_MAX), "\n  ", std::string(DisplayWidth(before), ' '), "^"));
}

absl::StatusOr<std::vector<FilterWord>> SplitFilter(std::string_view text) {
  std::vector<FilterWord> words;
  size_t at = 0;
  while (at < text.size()) {
    if (absl::ascii_isspace(static_cast<unsigned char>(text[at]))) {
      ++at;
      continue;
    }
    FilterWord& word = words.emplace_back();
    word.begin = at;
    if (kSigns.find(text[at]) != std::string_view::npos) {
      word.kind = FilterWord::Kind::kSign;
      word.text = text[at++];
      if ((word.text == "<" || word.text == ">") && at < text.size() && text[at] == '=') word.text += text[at++];
    } else if (text[at] == '"') {
      word.kind = FilterWord::Kind::kQuoted;
      for (++at; at < text.size() && text[at] != '"'; ++at) {
        if (text[at] == '\\' && at + 1 < text.size()) ++at;
        word.text += text[at];
      }
      if (at >= text.size()) return FilterError(text, word.begin, "this quote has no end");
      ++at;
    } else {
      word.kind = FilterWord::Kind::kWord;
      while (at < text.size() && !absl::ascii_isspace(static_cast<unsigned char>(text[at])) && text[at] != '"' &&
             kSigns.find(text[at]) == std::string_view::npos) {
        word.text += text[at++];
      }
    }
    word.end = at;
  }
  words.push_back({FilterWord::Kind::kEnd, "", text.size(), text.size()});
  return words;
}

}  // namespace kindred
