// What the JSON of several answers has in common.
#pragma once

#include <nlohmann/json.hpp>

#include "clients/cli/words.h"
#include "kindred/v1/recommendation_service.pb.h"

namespace kindred {

// The double that prints as the shortest digits which read back as `value`.
double Shortest(float value);

template <typename Strings>
nlohmann::ordered_json ListOf(const Strings& strings) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const auto& text : strings) list.push_back(text);
  return list;
}

template <typename Values>
nlohmann::ordered_json DegradationList(const Values& values) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const int value : values) list.push_back(DegradationWord(static_cast<v1::Degradation>(value)));
  return list;
}

}  // namespace kindred
