// absl::StrCat and friends for std::string_view, which Debian 12's abseil (its own string_view type) does not take.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace kindred {
namespace internal {

template <typename T>
decltype(auto) AbslPiece(const T& value) {
  if constexpr (std::is_same_v<T, std::string_view>) {
    return absl::string_view(value.data(), value.size());
  } else {
    return (value);
  }
}

}  // namespace internal

template <typename... Parts>
[[nodiscard]] std::string StrCat(const Parts&... parts) {
  return absl::StrCat(internal::AbslPiece(parts)...);
}

template <typename... Parts>
void StrAppend(std::string* out, const Parts&... parts) {
  absl::StrAppend(out, internal::AbslPiece(parts)...);
}

template <typename Range>
[[nodiscard]] std::string StrJoin(const Range& range, std::string_view separator) {
  return absl::StrJoin(range, internal::AbslPiece(separator),
                       [](std::string* out, const auto& part) { StrAppend(out, part); });
}

}  // namespace kindred
