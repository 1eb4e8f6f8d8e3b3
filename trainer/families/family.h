// A model family by name: its hyper-parameters and how it makes one space of a bundle. One object is one recipe; not
// thread-safe.
//
// A new family is a class of this kind in <name>_family.cc, its line in families.cc, and tests; flags, YAML keys,
// tuning grids and the bundle's memory of its training follow from Describe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/base/parameters.h"
#include "trainer/base/progress.h"
#include "trainer/families/trained_space.h"

namespace kindred {

class Family {
 public:
  virtual ~Family() = default;

  virtual std::string_view name() const = 0;     // "als": the command and the YAML value
  virtual std::string_view summary() const = 0;  // one line for --help
  // Adds the hyper-parameters, bound to this object; their values now are the defaults.
  virtual void Describe(ParameterList* parameters) = 0;
  // The parameter that says how large the model is ("factors"), for the rule "the smallest that is good enough"; empty
  // when there is none.
  virtual std::string_view size_parameter() const { return ""; }
  // β of score = metric + β·prior that suits the family, unless the caller says otherwise.
  virtual double default_prior_weight() const = 0;
  // Whether negative values mean something to it.
  virtual bool allows_negative() const { return false; }

  // `space` names the tensors. INVALID_ARGUMENT or FAILED_PRECONDITION with what to do when the data cannot carry it.
  virtual absl::StatusOr<TrainedSpace> Train(const TrainingData& data, std::string_view space, Progress* progress) = 0;
};

// The families there are, in the order of the documents.
const std::vector<std::string_view>& FamilyNames();
// INVALID_ARGUMENT listing the families for an unknown name.
absl::StatusOr<std::unique_ptr<Family>> MakeFamily(std::string_view name);

}  // namespace kindred
