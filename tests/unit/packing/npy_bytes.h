// .npy files for tests, as NumPy writes them.
#pragma once

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

namespace kindred {

template <typename T>
std::string Elements(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

inline std::string NpyDict(const std::string& descr, bool fortran_order, const std::string& shape) {
  return "{'descr': '" + descr + "', 'fortran_order': " + (fortran_order ? "True" : "False") + ", 'shape': " + shape +
         ", }";
}

inline std::string NpyFile(int version, std::string dict, const std::string& elements) {
  const size_t length_bytes = version == 1 ? 2 : 4;
  while ((8 + length_bytes + dict.size() + 1) % 64 != 0) dict += ' ';
  dict += '\n';
  std::string out = "\x93NUMPY";
  out += static_cast<char>(version);
  out += '\0';
  const auto length = static_cast<uint32_t>(dict.size());
  out.append(reinterpret_cast<const char*>(&length), length_bytes);
  return out + dict + elements;
}

}  // namespace kindred
