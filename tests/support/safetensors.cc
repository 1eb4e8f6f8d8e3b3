#include "tests/support/safetensors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/base/checked_math.h"
#include "core/base/str_cat.h"
#include "core/bundle/seal.h"
#include "core/bundle/strict_json.h"

namespace kindred::testing {
namespace {

constexpr size_t kLengthBytes = 8;

size_t HeaderEnd(std::string_view file) {
  uint64_t length = 0;
  std::memcpy(&length, file.data(), kLengthBytes);
  return kLengthBytes + length;
}

}  // namespace

std::string SafetensorsFile(std::string_view json, std::string_view data) {
  const uint64_t length = json.size();
  std::string file(kLengthBytes, '\0');
  std::memcpy(file.data(), &length, kLengthBytes);
  file += json;
  file += data;
  return file;
}

std::string SafetensorsBytes(const TensorMap& tensors, const Metadata& metadata) {
  std::string json = "{";
  if (!metadata.empty()) {
    json += "\"__metadata__\":{";
    for (const auto& [key, value] : metadata) {
      StrAppend(&json, json.back() == '{' ? "" : ",", JsonString(key), ":", JsonString(value));
    }
    json += "}";
  }
  std::vector<const TensorMap::value_type*> order;
  for (const auto& entry : tensors) order.push_back(&entry);
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return DTypeSize(a->second.dtype) > DTypeSize(b->second.dtype);
  });
  std::string data;
  for (const auto* entry : order) {
    const TensorView& tensor = entry->second;
    StrAppend(&json, json.size() == 1 ? "" : ",", JsonString(entry->first), ":{\"dtype\":\"", DTypeName(tensor.dtype),
              "\",\"shape\":[", StrJoin(tensor.shape, ","), "],\"data_offsets\":[", data.size(), ",",
              data.size() + tensor.bytes.size(), "]}");
    data.append(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
  }
  json += "}";
  json.resize(RoundUp(json.size(), 8), ' ');
  return SafetensorsFile(json, data);
}

std::string HeaderJson(std::string_view file) {
  std::string json(file.substr(kLengthBytes, HeaderEnd(file) - kLengthBytes));
  json.resize(json.find_last_not_of(' ') + 1);
  return json;
}

std::string WithHeaderJson(std::string_view file, std::string_view json) {
  std::string padded(json);
  padded.resize(RoundUp(padded.size(), 8), ' ');
  return SafetensorsFile(padded, file.substr(HeaderEnd(file)));
}

std::string Resealed(std::string file) {
  const std::string mark = "\"kindred.digest\":\"xxh128:";
  const size_t at = file.find(mark);
  EXPECT_NE(at, std::string::npos) << "not a sealed file";
  if (at == std::string::npos) return file;
  std::fill_n(file.begin() + at + mark.size(), 32, '0');
  SealHeader(std::span(file).first(HeaderEnd(file)));
  return file;
}

}  // namespace kindred::testing
