// Any bytes as a pickle: read or refused with an INVALID_ARGUMENT that names the file, within the limits, and the same
// twice. What is read can be walked: texts and containers are where the values say.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/packing/pickle.h"

namespace kindred {
namespace {

constexpr std::string_view kPath = "input.pkl";
// Small, so that inputs of a fuzzer's size meet them.
constexpr PickleLimits kLimits{
    .max_bytes = 1 << 16, .max_operations = 20'000, .max_encoded_bytes = 10'000, .max_containers = 2'000};

void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "fuzz_pickle: %s\n", what);
  std::abort();
}

void CheckValue(const PickleValue& value, const PickleData& data, std::string_view bytes) {
  if (value.kind == PickleKind::kText) {
    const std::string_view text = value.view();
    const bool in_file = text.data() >= bytes.data() && text.data() + text.size() <= bytes.data() + bytes.size();
    bool made = false;
    for (const std::string& unescaped : data.unescaped) {
      made = made || (unescaped.data() == text.data() && unescaped.size() == text.size());
    }
    Require(text.empty() || in_file || made, "a text that is nowhere");
  } else if (value.kind == PickleKind::kList || value.kind == PickleKind::kDict) {
    Require(value.container < data.containers.size(), "a container that is nowhere");
    Require(value.kind == PickleKind::kList || data.Elements(value).size() % 2 == 0, "a key without a value");
  }
}

void Check(const PickleData& data, std::string_view bytes) {
  uint64_t values = 0, made = 0;
  CheckValue(data.root, data, bytes);
  for (const std::vector<PickleValue>& container : data.containers) {
    values += container.size();
    for (const PickleValue& value : container) CheckValue(value, data, bytes);
  }
  for (const std::string& text : data.unescaped) made += text.size();
  Require(data.containers.size() <= kLimits.max_containers, "more containers than the limit");
  Require(values <= kLimits.max_operations, "more values than operations");
  Require(made <= 2 * bytes.size() + kLimits.max_encoded_bytes, "more text than the limit");
}

}  // namespace
}  // namespace kindred

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string path(kindred::kPath);
  const auto first = kindred::ReadPickleBytes(path, bytes, kindred::kLimits, kindred::GoOn());
  const auto second = kindred::ReadPickleBytes(path, bytes, kindred::kLimits, kindred::GoOn());
  kindred::Require(first.status() == second.status(), "another answer the second time");
  if (first.ok()) {
    kindred::Check(*first, bytes);
  } else {
    kindred::Require(first.status().code() == absl::StatusCode::kInvalidArgument, "an error of the wrong kind");
    kindred::Require(first.status().message().find(kindred::kPath) != absl::string_view::npos,
                     "an error without a file");
  }
  return 0;
}
