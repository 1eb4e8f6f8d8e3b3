#include "clients/cli/event_argument.h"

#include <charconv>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"

namespace kindred {
namespace {

std::optional<double> Number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

absl::StatusOr<v1::Event> ParseEventArgument(std::string_view text) {
  v1::Event event;
  std::string_view item = text;
  const size_t last = text.rfind(':');
  if (last != std::string_view::npos) {
    const std::string_view tail = text.substr(last + 1);
    if (const auto weight = Number(tail)) {
      event.set_weight(*weight);
      item = text.substr(0, last);
    } else {
      const size_t before = last == 0 ? std::string_view::npos : text.rfind(':', last - 1);
      const auto middle =
          before == std::string_view::npos ? std::nullopt : Number(text.substr(before + 1, last - before - 1));
      if (!middle.has_value()) {
        return absl::InvalidArgumentError(
            absl::StrFormat("event '%s': expected ITEM, ITEM:WEIGHT or ITEM:WEIGHT:ACTION with a number as WEIGHT (an "
                            "id that holds a colon needs one: '%s:1')",
                            text, text));
      }
      event.set_weight(*middle);
      event.set_action(std::string(tail));
      item = text.substr(0, before);
    }
  }
  if (item.empty()) return absl::InvalidArgumentError(absl::StrFormat("event '%s': the item id is empty", text));
  event.set_item_id(std::string(item));
  return event;
}

}  // namespace kindred
