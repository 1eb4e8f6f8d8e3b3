// The flags of one model family: what it trains on, its parameters, and the bundle; those of `kindred train FAMILY` and
// `kindred tune FAMILY`.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>

#include "trainer/base/parameters.h"
#include "trainer/families/train.h"

namespace kindred {

// What the flags set, a recipe of one space. Stays where it is, since the parameters point into it, and outlives
// parsing.
struct FamilyFlags {
  // REQUIRES: one of FamilyNames().
  explicit FamilyFlags(std::string_view family);
  FamilyFlags(const FamilyFlags&) = delete;
  FamilyFlags& operator=(const FamilyFlags&) = delete;

  std::string command() const;  // "item-cosine"
  std::string summary() const;

  TrainOptions options;
  ParameterList events, items, space, family, bundle;
};

void AddFamilyFlags(CLI::App* app, const FamilyFlags& flags, bool out_required);

// What is wrong with options that came from flags or a file, in words; empty when nothing is.
std::string TrainUsageProblem(const TrainOptions& options);

}  // namespace kindred
