#include "core/lifecycle/unavailable_items.h"

namespace kindred {

UnavailableItems::UnavailableItems(std::span<const std::string_view> ids, uint64_t version) : version_(version) {
  size_t bytes = 0;
  for (std::string_view id : ids) bytes += id.size();
  bytes_.reserve(bytes);
  ends_.reserve(ids.size());
  for (std::string_view id : ids) Append(id);
}

void UnavailableItems::Append(std::string_view id) {
  bytes_.append(id);
  ends_.push_back(bytes_.size());
}

size_t UnavailableItems::CountUpTo(std::string_view id) const {
  size_t begin = 0, end = size();
  while (begin < end) {
    const size_t middle = begin + (end - begin) / 2;
    if (Id(middle) <= id) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return begin;
}

bool UnavailableItems::Contains(std::string_view id) const {
  const size_t count = CountUpTo(id);
  return count > 0 && Id(count - 1) == id;
}

UnavailableItems UnavailableItems::With(std::span<const std::string_view> out, std::span<const std::string_view> back,
                                        size_t* changed) const {
  *changed = 0;
  UnavailableItems result;
  result.version_ = version_ + 1;
  result.bytes_.reserve(bytes_.size());
  result.ends_.reserve(size() + out.size());
  size_t next_out = 0, next_back = 0;
  for (size_t i = 0; i < size(); ++i) {
    const std::string_view id = Id(i);
    for (; next_out < out.size() && out[next_out] < id; ++next_out, ++*changed) result.Append(out[next_out]);
    if (next_out < out.size() && out[next_out] == id) ++next_out;
    while (next_back < back.size() && back[next_back] < id) ++next_back;
    if (next_back < back.size() && back[next_back] == id) {
      ++*changed;
    } else {
      result.Append(id);
    }
  }
  for (; next_out < out.size(); ++next_out, ++*changed) result.Append(out[next_out]);
  return result;
}

}  // namespace kindred
