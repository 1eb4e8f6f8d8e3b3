#include "trainer/base/parameters.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"

namespace kindred {
namespace {

std::string Shortest(double value) { return nlohmann::json(value).dump(); }

absl::Status Unexpected(std::string_view name, std::string_view found, std::string_view expected) {
  return absl::InvalidArgumentError(StrCat(name, ": found ", Shown(found), ", expected ", expected));
}

std::optional<int64_t> ParseInteger(std::string_view text) {
  int64_t value = 0;
  if (!absl::SimpleAtoi(absl::string_view(text.data(), text.size()), &value)) return std::nullopt;
  return value;
}

std::string Canonical(std::string_view name) {
  std::string out(name);
  for (char& c : out) c = c == '-' ? '_' : c;
  return out;
}

std::string IntegerRange(int64_t min, int64_t max) {
  if (max >= std::numeric_limits<uint32_t>::max()) return absl::StrFormat("a whole number, at least %d", min);
  return absl::StrFormat("a whole number from %d to %d", min, max);
}

// A parameter whose value is an integer of any width.
template <typename T>
Parameter IntegerParameter(std::string_view name, T* field, std::string_view help, int64_t min, int64_t max) {
  Parameter out;
  out.name = name;
  out.type_name = "N";
  out.help = help;
  out.set = [name = out.name, field, min, max](std::string_view text) {
    const std::optional<int64_t> value = ParseInteger(text);
    if (!value || *value < min || *value > max) return Unexpected(name, text, IntegerRange(min, max));
    *field = static_cast<T>(*value);
    return absl::OkStatus();
  };
  out.get = out.get_json = [field] { return StrCat(*field); };
  return out;
}

}  // namespace

void ParameterList::Add(std::string_view name, uint32_t* field, std::string_view help, uint32_t min, uint32_t max) {
  parameters_.push_back(IntegerParameter(name, field, help, min, max));
}

void ParameterList::Add(std::string_view name, uint64_t* field, std::string_view help) {
  parameters_.push_back(IntegerParameter(name, field, help, 0, std::numeric_limits<int64_t>::max()));
}

void ParameterList::Add(std::string_view name, int* field, std::string_view help, int min, int max) {
  parameters_.push_back(IntegerParameter(name, field, help, min, max));
}

void ParameterList::Add(std::string_view name, double* field, std::string_view help, double min, double max) {
  Parameter out;
  out.name = name;
  out.type_name = "X";
  out.help = help;
  out.set = [name = out.name, field, min, max](std::string_view text) {
    const std::optional<double> value = ParseNumber(text);
    // Written so that NaN is refused.
    if (!value || !(*value >= min && *value <= max)) {
      return Unexpected(name, text,
                        max == std::numeric_limits<double>::max()
                            ? StrCat("a number, at least ", Shortest(min))
                            : StrCat("a number from ", Shortest(min), " to ", Shortest(max)));
    }
    *field = *value;
    return absl::OkStatus();
  };
  out.get_json = [field] { return Shortest(*field); };
  out.get = [field] {
    std::string text = Shortest(*field);
    if (text.ends_with(".0")) text.resize(text.size() - 2);
    return text;
  };
  parameters_.push_back(std::move(out));
}

void ParameterList::Add(std::string_view name, bool* field, std::string_view help) {
  Parameter out;
  out.name = name;
  out.type_name = "";
  out.help = help;
  out.is_flag = true;
  out.set = [name = out.name, field](std::string_view text) {
    if (text != "true" && text != "false") return Unexpected(name, text, "true or false");
    *field = text == "true";
    return absl::OkStatus();
  };
  out.get = out.get_json = [field] { return std::string(*field ? "true" : "false"); };
  parameters_.push_back(std::move(out));
}

void ParameterList::Add(std::string_view name, std::string* field, std::string_view help, std::string_view type_name) {
  Parameter out;
  out.name = name;
  out.type_name = type_name;
  out.help = help;
  out.set = [field](std::string_view text) {
    *field = std::string(text);
    return absl::OkStatus();
  };
  out.get = [field] { return *field; };
  out.get_json = [field] { return JsonText(*field); };
  parameters_.push_back(std::move(out));
}

void ParameterList::Add(std::string_view name, std::vector<std::string>* field, std::string_view help,
                        std::string_view type_name) {
  Parameter out;
  out.name = name;
  out.type_name = type_name;
  out.help = help;
  out.is_list = true;
  out.set_list = [field](const std::vector<std::string>& values) {
    *field = values;
    return absl::OkStatus();
  };
  out.set = [field](std::string_view text) {
    field->clear();
    for (absl::string_view part : absl::StrSplit(absl::string_view(text.data(), text.size()), ',', absl::SkipEmpty())) {
      field->emplace_back(part);
    }
    return absl::OkStatus();
  };
  out.get = [field] { return StrJoin(*field, ","); };
  out.get_json = [field] { return JsonTexts(*field); };
  parameters_.push_back(std::move(out));
}

void ParameterList::AddNamed(std::string_view name, std::string_view help, std::vector<std::string_view> names,
                             std::function<void(size_t)> store, std::function<size_t()> load) {
  Parameter out;
  out.name = name;
  out.type_name = "HOW";
  out.help = StrCat(help, ": ", StrJoin(names, ", "));
  out.set = [name = out.name, names, store = std::move(store)](std::string_view text) {
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i] != text) continue;
      store(i);
      return absl::OkStatus();
    }
    return Unexpected(name, text, StrCat("one of ", StrJoin(names, ", ")));
  };
  out.get = [names, load] { return std::string(names[load()]); };
  out.get_json = [get = out.get] { return StrCat("\"", get(), "\""); };
  parameters_.push_back(std::move(out));
}

const Parameter* ParameterList::Find(std::string_view name) const {
  const std::string wanted = Canonical(name);
  for (const Parameter& parameter : parameters_) {
    if (Canonical(parameter.name) == wanted) return &parameter;
  }
  return nullptr;
}

absl::Status ParameterList::Set(std::string_view name, std::string_view value) const {
  if (const Parameter* parameter = Find(name); parameter != nullptr) return parameter->set(value);
  std::vector<std::string> names;
  names.reserve(parameters_.size());
  for (const Parameter& parameter : parameters_) names.push_back(parameter.name);
  return absl::InvalidArgumentError(StrCat("unknown parameter ", Shown(name), "; there are ", StrJoin(names, ", ")));
}

std::string JsonText(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string JsonTexts(const std::vector<std::string>& texts) {
  return nlohmann::json(texts).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string ParameterList::ToJson() const {
  std::string out = "{";
  for (const Parameter& parameter : parameters_) {
    StrAppend(&out, out.size() == 1 ? "" : ",", "\"", parameter.name, "\":", parameter.get_json());
  }
  return out + "}";
}

}  // namespace kindred
