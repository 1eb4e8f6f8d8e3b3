// A small model for tests of what the server says about one.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/bundle/tensor_names.h"
#include "core/engine/model.h"
#include "core/lifecycle/model_registry.h"
#include "tests/support/bundle_builder.h"
#include "tests/support/files.h"

namespace kindred::testing {

// The model of `builder`'s bundle, named `name`. The file may go once it is mapped.
inline std::shared_ptr<const Model> LoadTestModel(BundleBuilder builder, const std::string& name = "shop",
                                                  const std::string& version = "3") {
  builder.metadata()[std::string(names::kModel)] = name;
  const TempDir dir;
  const std::string path = dir.File("bundle.safetensors");
  builder.WriteRaw(path);
  auto model = Model::Load(path, name, version);
  EXPECT_TRUE(model.ok()) << model.status();
  return model.ok() ? *std::move(model) : nullptr;
}

// A generation of the model "shop" whose answers are its own: those of the seed `version`.
inline std::shared_ptr<const Model> LoadGeneration(uint32_t version) {
  BundleShape shape;
  shape.seed = version;
  return LoadTestModel(BundleBuilder(shape), "shop", std::to_string(version));
}

inline ModelRoutes RoutesOf(ModelHandle serving, std::vector<ModelHandle> others = {}) {
  ModelRoutes routes;
  routes.serving = std::move(serving);
  routes.others = std::move(others);
  return routes;
}

}  // namespace kindred::testing
