#include "clients/cli/json_parts.h"

#include <charconv>

namespace kindred {

double Shortest(float value) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value);
  double result = value;
  std::from_chars(digits, end.ptr, result);
  return result;
}

}  // namespace kindred
