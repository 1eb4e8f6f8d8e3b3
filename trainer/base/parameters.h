// Named hyper-parameters over plain fields: one description serves flags, YAML keys, tuning grids and what a bundle
// remembers of its training. Not thread-safe; the fields must outlive the list.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace kindred {

struct Parameter {
  std::string name{};       // "cg_steps": YAML key and grid name; the flag is --cg-steps
  std::string type_name{};  // what stands for its value in help: "N", "X", "HOW"
  std::string help{};
  bool is_flag = false;  // true or false
  bool is_list = false;  // several texts
  char separator = ',';  // of a list in one text; 0: none, the text is one element
  // Parses and stores; INVALID_ARGUMENT saying what was found and what is expected.
  std::function<absl::Status(std::string_view)> set{};
  // Of a list only: takes its elements as they are, commas and all.
  std::function<absl::Status(const std::vector<std::string>&)> set_list{};
  // The value as text, as `set` reads it, and as JSON.
  std::function<std::string()> get{};
  std::function<std::string()> get_json{};
};

// How an enumeration is written: name → value.
template <typename T>
using NamedValues = std::vector<std::pair<std::string_view, T>>;

class ParameterList {
 public:
  // Integers and real numbers from `min` to `max`, both included; NaN and infinities are refused.
  void Add(std::string_view name, uint32_t* field, std::string_view help, uint32_t min = 0,
           uint32_t max = std::numeric_limits<uint32_t>::max());
  void Add(std::string_view name, uint64_t* field, std::string_view help);
  void Add(std::string_view name, int* field, std::string_view help, int min, int max);
  void Add(std::string_view name, double* field, std::string_view help, double min = 0,
           double max = std::numeric_limits<double>::max());
  void Add(std::string_view name, bool* field, std::string_view help);
  void Add(std::string_view name, std::string* field, std::string_view help, std::string_view type_name = "TEXT");
  // Texts, which `set` separates at commas.
  void Add(std::string_view name, std::vector<std::string>* field, std::string_view help,
           std::string_view type_name = "A,B,…");
  template <typename T>
  void Add(std::string_view name, T* field, std::string_view help, NamedValues<T> values);

  const std::vector<Parameter>& all() const { return parameters_; }
  // One that is read and written in a way of its own.
  void Add(Parameter parameter) { parameters_.push_back(std::move(parameter)); }

  // nullptr when there is none; '-' and '_' are the same.
  const Parameter* Find(std::string_view name) const;
  // INVALID_ARGUMENT for an unknown name (listing those there are) or a value that does not fit.
  absl::Status Set(std::string_view name, std::string_view value) const;
  // JSON object of all values.
  std::string ToJson() const;

 private:
  void AddNamed(std::string_view name, std::string_view help, std::vector<std::string_view> names,
                std::function<void(size_t)> store, std::function<size_t()> load);

  std::vector<Parameter> parameters_;
};

template <typename T>
void ParameterList::Add(std::string_view name, T* field, std::string_view help, NamedValues<T> values) {
  std::vector<std::string_view> names;
  names.reserve(values.size());
  for (const auto& [text, value] : values) names.push_back(text);
  AddNamed(
      name, help, std::move(names), [field, values](size_t i) { *field = values[i].second; },
      [field, values] {
        size_t i = 0;
        while (i + 1 < values.size() && values[i].second != *field) ++i;
        return i;
      });
}

// Text as a JSON string, and texts as an array of them.
std::string JsonText(std::string_view text);
std::string JsonTexts(const std::vector<std::string>& texts);

}  // namespace kindred
