// What happens to a model when the file below it changes: nothing may crash, hang or read what is not the model's, and
// the model must be able to tell. Worth most under AddressSanitizer.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <random>
#include <set>
#include <thread>

#include "core/bundle/fault_guard.h"
#include "core/bundle/tensor_names.h"
#include "core/engine/derive.h"
#include "core/engine/golden.h"
#include "core/engine/recommender.h"
#include "tests/support/files.h"
#include "tests/support/safetensors.h"
#include "tests/unit/engine/space_zoo.h"
#include "tests/unit/engine/test_model.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;
using testing::PatchFile;
using testing::ReadFile;

// Writes the tensors and all parts derived from them, so that nothing of the model but what it copies is in memory.
void WritePacked(const std::string& path, TensorMap tensors, const Metadata& metadata) {
  ASSERT_TRUE(WriteBundle(path, tensors, metadata).ok());
  const auto reader = BundleReader::Open(path, VerifyLevel::kChecksums);
  ASSERT_TRUE(reader.ok()) << reader.status();
  const auto derived = DeriveMissing((*reader)->info(), (*reader)->tensors());
  ASSERT_TRUE(derived.ok()) << derived.status();
  for (const OwnedTensor& tensor : *derived) tensors.emplace(tensor.name, tensor.view());
  const absl::Status written = WriteBundle(path, tensors, metadata);
  ASSERT_TRUE(written.ok()) << written;
}

// Every kind of space, ready lists and an attribute.
void WriteZoo(const std::string& path) {
  constexpr uint32_t kItems = testing::SpaceZoo::kItems, kUsers = testing::SpaceZoo::kUsers;
  const testing::SpaceZoo zoo;
  TensorMap tensors = zoo.Tensors();
  auto offsets = OwnedTensor::Zeros<int64_t>("users.recommendations.offsets", {kUsers + 1});
  auto values = OwnedTensor::Zeros<uint32_t>("users.recommendations.values", {3 * kUsers});
  auto weights = OwnedTensor::Zeros<float>("users.recommendations.weights", {3 * kUsers});
  for (uint32_t u = 0; u < kUsers; ++u) {
    offsets.Data<int64_t>()[u + 1] = 3 * (u + 1);
    for (uint32_t i = 0; i < 3; ++i) {
      values.Data<uint32_t>()[3 * u + i] = (u * 5 + i) % kItems;
      weights.Data<float>()[3 * u + i] = static_cast<float>(3 - i);
    }
  }
  auto price = OwnedTensor::Zeros<float>("items.attr.price", {kItems});
  for (uint32_t i = 0; i < kItems; ++i) price.Data<float>()[i] = static_cast<float>(i);
  for (const OwnedTensor* tensor : {&offsets, &values, &weights, &price}) tensors.emplace(tensor->name, tensor->view());
  WritePacked(path, tensors, zoo.metadata());
}

// A catalogue of several tiles and pages, so that codes are scanned.
void WriteScanned(const std::string& path) {
  testing::ModelShape shape;
  shape.n_items = 3000;
  shape.n_users = 400;
  const auto raw = testing::RawTensors(shape);
  TensorMap tensors;
  for (const OwnedTensor& tensor : raw) tensors.emplace(tensor.name, tensor.view());
  WritePacked(path, tensors, testing::RawMetadata(shape));
}

// Asks everything that can be asked, and returns what came back, scores bit by bit.
class Questions {
 public:
  explicit Questions(const Model& model) : model_(model), recommender_(model) {
    for (uint32_t i = 0; i < model.n_items(); ++i) items_.emplace_back(model.items().Id(i));
    for (uint32_t u = 0; u < model.n_users(); ++u) users_.emplace_back(model.users().Id(u));
    for (uint32_t c = 0; c < model.categories().size(); ++c) categories_.emplace_back(model.categories().Id(c));
    for (const std::string& id : items_) views_.push_back(id);
  }

  std::vector<uint64_t> Ask() {
    said_.clear();
    for (const auto& space : model_.spaces()) AskSpace(*space);
    RecommendOptions blend;
    const BlendOption two[] = {{model_.spaces().front()->name, 1}, {model_.spaces().back()->name, 0.5}};
    const BlendOption sparse[] = {{"implicit", 1}, {"words", 0.5}, {"neighbors", 0.25}};
    blend.explain = true;
    blend.blend = two;
    AskAll(blend);
    blend.blend = sparse;
    AskAll(blend);
    LookUp();
    return said_;
  }

 private:
  void Say(std::span<const ScoredItem> items) {
    for (const ScoredItem& item : items) {
      uint32_t bits;
      std::memcpy(&bits, &item.score, sizeof(bits));
      said_.push_back(uint64_t{item.item} << 32 | bits);
      EXPECT_LT(item.item, model_.n_items());
      said_.push_back(model_.items().Id(item.item).size() + model_.ItemName(item.item).size());
      for (const uint32_t category : model_.ItemCategories(item.item)) EXPECT_LT(category, categories_.size());
    }
  }

  void AskAll(const RecommendOptions& options) {
    EventView events[] = {{items_[0], 2, "view", 1}, {items_[7], 1, "buy", 86'400'000, 1}, {items_[20], 1, "", 5, 1}};
    const std::string last = users_.back();
    const SubjectView subjects[] = {{.user_id = users_[0]},
                                    {.user_id = last},
                                    {.user_id = users_[1], .live_history = events},
                                    {.user_id = "nobody", .inline_events = events},
                                    {.user_id = last, .inline_events = std::span(events).first(1)},
                                    {.user_id = "nobody"}};
    for (const SubjectView& subject : subjects) {
      if (recommender_.Recommend(subject, options, &scratch_, &result_).ok()) Say(result_.items);
    }
    RecommendResult shared;
    std::vector<RecommendResult> results(std::size(subjects));
    if (!recommender_.Plan(options, &scratch_, &shared).ok()) return;
    recommender_.AnswerMany(subjects, options, shared, &scratch_, results);
    for (const RecommendResult& result : results) Say(result.items);
  }

  void AskSpace(const Space& space) {
    RecommendOptions plain;
    plain.space = space.name;
    AskAll(plain);
    RecommendOptions explained = plain;
    explained.explain = true;
    explained.include_seen = true;
    explained.k = 20;
    AskAll(explained);
    ItemFilter filter;
    filter.names = {categories_[0], categories_[1]};
    ItemFilter::Node node;
    node.kind = ItemFilter::Kind::kCategories;
    node.any_end = node.all_end = node.end = 2;
    filter.nodes.push_back(node);
    if (!model_.attribute_names().empty()) {
      node = ItemFilter::Node();
      node.kind = ItemFilter::Kind::kRange;
      node.attribute = "price";
      node.min = 1;
      node.max = 20;
      filter.nodes.push_back(node);
      node = ItemFilter::Node();
      node.operands = 2;
      filter.nodes.push_back(node);
    }
    BoostOption boost;
    boost.category = categories_[1];
    boost.amount = 0.5;
    RecommendOptions filtered = plain;
    filtered.filter = &filter;
    filtered.boosts = std::span(&boost, 1);
    AskAll(filtered);
    RecommendOptions shaped = plain;
    shaped.max_per_category = 2;
    shaped.k = 25;
    shaped.exclude_item_ids = std::span(views_).first(std::min<size_t>(views_.size(), 300));
    AskAll(shaped);
    shaped.exclude_item_ids = {};
    shaped.diversity = 0.5;
    AskAll(shaped);
    RecommendOptions restricted = plain;
    restricted.candidate_item_ids = std::span(views_).subspan(3, 12);
    AskAll(restricted);
    for (const size_t item : {size_t{0}, size_t{4}, items_.size() - 1}) {
      if (recommender_.SimilarItems(items_[item], space.name, 10, &scratch_, &result_).ok()) Say(result_.items);
    }
  }

  void LookUp() {
    std::vector<uint32_t> found(views_.size());
    model_.items().FindMany(views_, found);
    for (const uint32_t item : found) {
      EXPECT_TRUE(item == IdTable::kNone || item < model_.n_items());
      said_.push_back(item);
    }
    for (uint32_t u = 0; u < model_.n_users(); ++u) {
      for (const uint32_t item : model_.Seen(u)) said_.push_back(model_.items().Id(item).size());
      said_.push_back(model_.users().Find(users_[u]).value_or(UINT32_MAX));
    }
  }

  const Model& model_;
  const Recommender recommender_;
  std::vector<std::string> items_, users_, categories_;
  std::vector<std::string_view> views_;
  EngineScratch scratch_;
  RecommendResult result_;
  std::vector<uint64_t> said_;
};

std::shared_ptr<const Model> LoadOrFail(const std::string& path, const ModelLoadOptions& options = {}) {
  auto model = Model::Load(path, options);
  EXPECT_TRUE(model.ok()) << model.status();
  return model.ok() ? *model : nullptr;
}

bool Always() { return true; }

class FileChangesTest : public ::testing::TestWithParam<void (*)(const std::string&)> {
 protected:
  void SetUp() override {
    InstallFaultGuard();
    path_ = dir_.File("bundle");
    GetParam()(path_);
    bytes_ = ReadFile(path_);
  }

  void Restore() { PatchFile(path_, 0, bytes_); }

  // Loads by the header alone what is there now, and asks it if that works.
  void AskUnchecked() {
    const auto model = Model::Load(path_, {.verify = VerifyLevel::kHeader});
    if (model.ok() && (*model)->n_users() > 0) Questions(**model).Ask();
  }

  testing::TempDir dir_;
  std::string path_, bytes_;
};

INSTANTIATE_TEST_SUITE_P(Bundles, FileChangesTest, ::testing::Values(WriteZoo, WriteScanned));

TEST_P(FileChangesTest, TensorsOverwrittenInPlaceHarmNothing) {
  const auto model = LoadOrFail(path_);
  ASSERT_NE(model, nullptr);
  Questions questions(*model);
  const auto before = questions.Ask();
  std::mt19937_64 random(11);
  for (const TensorEntry& tensor : model->info().header.tensors) {
    for (const int way : {0, 1, 2}) {
      SCOPED_TRACE(tensor.name + " way " + std::to_string(way));
      std::string garbage(tensor.end - tensor.begin, way == 0 ? '\0' : '\xff');
      for (char& byte : garbage) byte = way == 2 ? static_cast<char>(random()) : byte;
      PatchFile(path_, tensor.begin, garbage);
      questions.Ask();
      if (way == 2) AskUnchecked();
      PatchFile(path_, tensor.begin, bytes_.substr(tensor.begin, tensor.end - tensor.begin));
    }
  }
  EXPECT_EQ(questions.Ask(), before);
  EXPECT_FALSE(model->poisoned());
}

TEST_P(FileChangesTest, ExtremeNumbersInPlaceHarmNothing) {
  const auto model = LoadOrFail(path_);
  ASSERT_NE(model, nullptr);
  Questions questions(*model);
  std::mt19937_64 random(12);
  constexpr uint64_t kExtremes[] = {0,
                                    1,
                                    0x7fffffff,
                                    0x80000000,
                                    0xffffffff,
                                    1ull << 63,
                                    ~0ull >> 1,
                                    ~0ull,
                                    0x7f8000007f800000,
                                    0x7fc000007fc00000,
                                    0xff800000,
                                    1ull << 48,
                                    0x100000000ull,
                                    29,
                                    30};
  for (int round = 0; round < 40; ++round) {
    SCOPED_TRACE(round);
    for (const TensorEntry& tensor : model->info().header.tensors) {
      const size_t size = DTypeSize(tensor.dtype), n = (tensor.end - tensor.begin) / size;
      for (int word = 0; word < 3 && n > 0; ++word) {
        const uint64_t value = kExtremes[random() % std::size(kExtremes)];
        PatchFile(path_, tensor.begin + random() % n * size, {reinterpret_cast<const char*>(&value), size});
      }
    }
    questions.Ask();
    if (round % 4 == 0) AskUnchecked();
    if (round % 2 == 0) Restore();
  }
}

TEST_P(FileChangesTest, AFileCutShortUnderRequestsPoisonsTheModel) {
  for (const size_t size : {size_t{0}, size_t{4096}, bytes_.size() / 2}) {
    SCOPED_TRACE(size);
    testing::WriteFile(path_, bytes_);
    const auto model = LoadOrFail(path_);
    ASSERT_NE(model, nullptr);
    EXPECT_FALSE(model->poisoned());
    std::atomic<bool> stop = false;
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&] {
        Questions questions(*model);
        do {
          questions.Ask();
        } while (!stop);
      });
    }
    ASSERT_EQ(truncate(path_.c_str(), static_cast<off_t>(size)), 0);
    Questions questions(*model);
    questions.Ask();
    uint64_t sum = 0;
    for (const auto& [name, tensor] : model->tensors()) {
      for (const std::byte byte : tensor.bytes) sum += std::to_integer<uint64_t>(byte);
    }
    stop = true;
    for (std::thread& thread : threads) thread.join();
    EXPECT_TRUE(model->poisoned()) << sum;
    EXPECT_EQ(model->CheckFile().code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(model->VerifyAgain(0, Always).code(), absl::StatusCode::kDataLoss);
    EXPECT_FALSE(Model::Load(path_).ok());
  }
}

TEST_P(FileChangesTest, ACopyAnswersAsBeforeWhateverHappens) {
  const auto model = LoadOrFail(path_, {.mode = LoadMode::kCopy});
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->load_mode(), LoadMode::kCopy);
  Questions questions(*model);
  const auto before = questions.Ask();
  EXPECT_EQ(Questions(*LoadOrFail(path_)).Ask(), before);
  PatchFile(path_, 0, std::string(bytes_.size(), '\xff'));
  EXPECT_EQ(questions.Ask(), before);
  ASSERT_EQ(truncate(path_.c_str(), 0), 0);
  EXPECT_EQ(questions.Ask(), before);
  ASSERT_EQ(unlink(path_.c_str()), 0);
  EXPECT_EQ(questions.Ask(), before);
  EXPECT_FALSE(model->poisoned());
  EXPECT_TRUE(model->CheckFile().ok());
  EXPECT_TRUE(model->VerifyAgain(0, Always).ok());
  model->Prefault(0, Always);
  EXPECT_EQ(questions.Ask(), before);
}

TEST_P(FileChangesTest, DeletedOrReplacedByAnotherFileNothingChanges) {
  const auto model = LoadOrFail(path_);
  ASSERT_NE(model, nullptr);
  Questions questions(*model);
  const auto before = questions.Ask();
  testing::WriteFile(dir_.File("other"), std::string(bytes_.size() / 2, 'x'));
  ASSERT_EQ(rename(dir_.File("other").c_str(), path_.c_str()), 0);
  EXPECT_EQ(questions.Ask(), before);
  ASSERT_EQ(unlink(path_.c_str()), 0);
  EXPECT_EQ(questions.Ask(), before);
  EXPECT_FALSE(model->poisoned());
  EXPECT_TRUE(model->CheckFile().ok()) << model->CheckFile();
  EXPECT_TRUE(model->VerifyAgain(0, Always).ok());
}

TEST_P(FileChangesTest, VerifyingAgainNamesTheTensorThatChanged) {
  const auto model = LoadOrFail(path_);
  ASSERT_NE(model, nullptr);
  EXPECT_TRUE(model->VerifyAgain(0, Always).ok());
  for (const TensorEntry& tensor : model->info().header.tensors) {
    if (tensor.begin == tensor.end) continue;
    const std::string changed(1, static_cast<char>(bytes_[tensor.end - 1] ^ 1));
    PatchFile(path_, tensor.end - 1, changed);
    const absl::Status found = model->VerifyAgain(0, Always);
    EXPECT_EQ(found.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(found.message()), HasSubstr("tensor \"" + tensor.name + "\", bytes "));
    // Whoever is told to stop has found nothing.
    EXPECT_TRUE(model->VerifyAgain(0, [] { return false; }).ok());
    PatchFile(path_, tensor.end - 1, bytes_.substr(tensor.end - 1, 1));
  }
  PatchFile(path_, 20, std::string(1, '\0'));
  EXPECT_THAT(std::string(model->VerifyAgain(0, Always).message()), HasSubstr("header, bytes 0.."));
  EXPECT_FALSE(model->poisoned());
  model->Poison();
  model->Poison();
  EXPECT_TRUE(model->poisoned());
}

TEST_P(FileChangesTest, PagesAreAskedForUntilItIsToldToStop) {
  const auto model = LoadOrFail(path_);
  ASSERT_NE(model, nullptr);
  int asked = 0;
  model->Prefault(0, [&] { return ++asked > 0; });
  EXPECT_GE(asked, 10);
  int once = 0;
  model->Prefault(1, [&] { return ++once < 1; });
  EXPECT_EQ(once, 1);
}

TEST(PrefaultTest, LeavesSpacesThatTheDefaultOneDoesNotNeed) {
  const testing::SpaceZoo zoo;
  const auto asked = [&zoo](const char* default_space) {
    Metadata metadata = zoo.metadata();
    metadata[std::string(names::kDefaultSpace)] = default_space;
    const testing::TempDir dir;
    EXPECT_TRUE(WriteBundle(dir.File("zoo"), zoo.Tensors(), metadata).ok());
    const auto model = LoadOrFail(dir.File("zoo"));
    int chunks = 0;
    if (model != nullptr) model->Prefault(0, [&] { return ++chunks > 0; });
    return chunks;
  };
  EXPECT_GT(asked("words"), 0);
  EXPECT_GT(asked("blend"), asked("implicit"));  // and its parts
}

TEST(FileChangesOfRawBundlesTest, AreFoundByTheChecksumsTakenAtLoad) {
  const testing::TempDir dir;
  testing::ModelShape shape;
  const auto tensors = testing::RawTensors(shape);
  TensorMap views;
  for (const OwnedTensor& tensor : tensors) views.emplace(tensor.name, tensor.view());
  testing::WriteFile(dir.File("raw"), testing::SafetensorsBytes(views, testing::RawMetadata(shape)));
  const auto model = LoadOrFail(dir.File("raw"), {.verify = VerifyLevel::kHeader});
  ASSERT_NE(model, nullptr);
  EXPECT_FALSE(model->info().sealed);
  EXPECT_TRUE(model->VerifyAgain(0, Always).ok());
  const TensorEntry& tensor = model->info().header.tensors.front();
  PatchFile(dir.File("raw"), tensor.begin, "\x55\x66\x77");
  const absl::Status found = model->VerifyAgain(0, Always);
  EXPECT_EQ(found.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(found.message()), HasSubstr("tensor \"" + tensor.name + "\""));
}

}  // namespace
}  // namespace kindred
