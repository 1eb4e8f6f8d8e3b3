// A model with a space of every fold-in, and what each should answer: dense loops in double over the same numbers,
// nothing shared with the engine. For tests.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/bundle/bundle_writer.h"
#include "core/bundle/space_spec.h"
#include "core/engine/model.h"

namespace kindred::testing {

using Vector = std::vector<double>;
using Matrix = std::vector<Vector>;

// 30 items "p<i>", 6 users "u<u>" of whom the last has seen nothing, categories "c0" … "c3" (item i < 24 in "c<i%3>",
// none in "c3"), actions "view" and "buy", tokens "view_p<i>" for i < 20 and "buy_p<i>" for i < 10.
struct SpaceZoo {
  static constexpr uint32_t kItems = 30, kUsers = 6, kCategories = 4, kWords = 50, kEmbedding = 5, kTraits = 3;

  explicit SpaceZoo(uint32_t seed = 1);

  SpaceSpecs specs;  // change before Write
  std::map<std::string, Matrix> items, users;
  Matrix tokens, basis, sources, words, similar;
  Vector average_profile, prior;
  std::vector<std::vector<uint32_t>> seen;
  std::vector<Vector> seen_weights;

  TensorMap Tensors() const;  // views that live as long as this and until the next call
  Metadata metadata() const;
  std::shared_ptr<const Model> Load() const;

  struct Event {
    std::string item, action = "";
    double weight = 1;
    double days = 0;  // of time; 0 = unknown
  };
  // The vector of a history in a space of an item matrix, normalized as a blend's part; empty where nothing is known.
  // In a traits space u; `profile` then has p.
  Vector Fold(const std::string& space, const std::vector<Event>& events, Vector* profile = nullptr) const;
  // The same of a trained user.
  Vector Trained(const std::string& space, uint32_t user, Vector* profile = nullptr) const;
  // Score of every item for a vector or, in a space of sparse rows, for weights of items; the prior is in it.
  Vector Scores(const std::string& space, const Vector& u) const;
  // Item weights of a history, as a space of sparse rows takes them (normalized).
  Vector Coefficients(const std::string& space, const std::vector<Event>& events) const;
  Vector TrainedCoefficients(const std::string& space, uint32_t user) const;
  // The item matrix of the blend.
  Matrix BlendItems() const;
  Vector CategoryVector(uint32_t category) const;
  Vector ActionVector(const std::string& action) const;

 private:
  std::map<std::string, double> Worth(const SpaceSpec& spec, const std::vector<Event>& events,
                                      std::vector<double>* each) const;
  Vector FoldWeights(const std::string& space, const std::vector<double>& per_item) const;
  Vector FoldMean(const std::string& space, const Vector& mean, Vector* profile) const;
  Vector Query(const Vector& p) const;
  Vector Normalized(const std::string& space, Vector coefficients) const;

  mutable std::vector<OwnedTensor> owned_;
};

double Dot(const Vector& a, const Vector& b);
Vector Unit(Vector v);
Vector Mix(double a, const Vector& x, double b, const Vector& y);

}  // namespace kindred::testing
