// Strong index types: a row of the item or user table of one bundle. An index is meaningless in another bundle.
#pragma once

#include <compare>
#include <cstdint>

namespace kindred {

struct ItemIndex {
  uint32_t value = 0;
  friend auto operator<=>(const ItemIndex&, const ItemIndex&) = default;
};

struct UserIndex {
  uint32_t value = 0;
  friend auto operator<=>(const UserIndex&, const UserIndex&) = default;
};

}  // namespace kindred
