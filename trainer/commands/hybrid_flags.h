// The flags of `kindred train hybrid` and `kindred tune hybrid`: several families in one bundle, each with its usual
// parameters, and a blend that ranks by some of them together. A YAML file says more (train_config.h).
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "trainer/base/parameters.h"
#include "trainer/families/train.h"

namespace kindred {

inline constexpr const char* kHybridCommand = "hybrid";
inline constexpr const char* kHybridSummary =
    "Several families in one bundle, and a blend that ranks by them together: als and item2vec unless told otherwise";

// What the flags set. Stays where it is, since the parameters point into it, and outlives parsing.
struct HybridFlags {
  HybridFlags();
  HybridFlags(const HybridFlags&) = delete;
  HybridFlags& operator=(const HybridFlags&) = delete;

  TrainOptions options;  // its recipe's spaces and blend come from SetRecipe
  ParameterList events, items, bundle;
  std::vector<std::string> parts = {"als=1", "item2vec=1"};  // FAMILY=WEIGHT
  std::vector<std::string> spaces;                           // families beside the blend
  double prior_weight = 0;                                   // β of the blend
};

void AddHybridFlags(CLI::App* app, HybridFlags* flags, bool out_required);

// Makes the recipe of what was parsed; what is wrong with it, in words, or nothing.
std::string SetHybridRecipe(HybridFlags* flags);

}  // namespace kindred
