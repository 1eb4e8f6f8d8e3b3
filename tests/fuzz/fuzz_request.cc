// Any bytes as a request of any method of RecommendationService, against a small model with a space of every kind, an
// item that is out, and a store with two profiles in it. What comes back must be an answer or an error that a caller
// can act on.
//
// The first byte: the method, by its number in the service, modulo how many there are, in the low five bits; bit 5, the
// request is asked twice and must end the same way; bit 6, a profile token in it becomes one that the server gave;
// bit 7, the pages that follow are asked for as well. Tokens have checksums that mutations do not find.
#include <google/protobuf/message.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/str_cat.h"
#include "core/bundle/bundle_writer.h"
#include "core/bundle/tensor_names.h"
#include "core/engine/model.h"
#include "core/lifecycle/availability.h"
#include "core/lifecycle/model_registry.h"
#include "kindred/v1/recommendation_service.pb.h"
#include "server/grpc_status.h"
#include "server/limits.h"
#include "server/memory_profile_store.h"
#include "server/profile_token.h"
#include "server/profile_writer.h"
#include "server/recommendation_service.h"
#include "tests/support/files.h"
#include "tests/unit/engine/space_zoo.h"

namespace kindred {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;
using google::protobuf::Reflection;

constexpr uint8_t kMethodBits = 0x1f, kTwice = 0x20, kGoodProfileToken = 0x40, kMorePages = 0x80;
constexpr int kMostPages = 4;
constexpr std::string_view kUnavailable = "p11";

void Require(bool condition, std::string_view what) {
  if (condition) return;
  std::fprintf(stderr, "fuzz_request: %s\n", std::string(what).c_str());
  std::abort();
}

const google::protobuf::ServiceDescriptor* Service() {
  return v1::RecommendRequest::descriptor()->file()->FindServiceByName("RecommendationService");
}

std::shared_ptr<const Model> MakeModel() {
  const testing::SpaceZoo zoo;
  TensorMap tensors = zoo.Tensors();
  std::vector<float> prices;
  for (uint32_t i = 0; i < testing::SpaceZoo::kItems; ++i) prices.push_back(i % 7 == 3 ? NAN : static_cast<float>(i));
  const OwnedTensor price = OwnedTensor::Copy<float>(StrCat(names::kAttributePrefix, "price"), {prices.size()},
                                                     std::span<const float>(prices));
  tensors.emplace(price.name, price.view());
  const testing::TempDir dir;
  const std::string path = dir.File("bundle.safetensors");
  Require(WriteBundle(path, tensors, zoo.metadata()).ok(), "the model cannot be written");
  auto model = Model::Load(path, "zoo", "1");
  Require(model.ok(), std::string(model.status().message()));
  return *model;
}

std::vector<Profile> MakeProfiles() {
  std::vector<Profile> profiles(2);
  profiles[0].user_id = "u1";
  profiles[0].events = {{"p3", "view", 1'700'000'000'000, 1.0, 0}, {"p29", "buy", 1'700'000'100'000, 2.0, 1}};
  profiles[1].user_id = "nobody";
  profiles[1].events = {{"p5", "", 1'700'000'000'000, 1.0, 0}, {"unknown", "view", 1'700'000'000'001, 3.0, 0}};
  for (Profile& profile : profiles) profile.version = 3;
  return profiles;
}

// A server's parts, as they are before the first request. Only the model outlives a run.
class Parts {
 public:
  explicit Parts(const std::shared_ptr<const Model>& model)
      : writer_(&store_, {}), service_(&models_, &availability_, &store_, &writer_, 1) {
    models_.Publish(model);
    availability_.Publish(std::make_shared<const UnavailableItems>(std::span(&kUnavailable, 1), 1));
    const std::vector<Profile> profiles = MakeProfiles();
    std::vector<const Profile*> views;
    views.reserve(profiles.size());
    for (const Profile& profile : profiles) views.push_back(&profile);
    Require(store_.Commit(views).ok(), "the profiles cannot be stored");
    service_.Register(&server_);
  }

  absl::Status Run(const MethodDescriptor& method, const std::string& request, std::vector<std::string>* responses) {
    responses->clear();
    return server_.RunLocally(method.service()->full_name(), method.name(), request, responses);
  }

 private:
  ModelRegistry models_;
  AvailabilityRegistry availability_;
  MemoryProfileStore store_;
  ProfileWriter writer_;
  RecommendationService service_;
  rpc::RpcServer server_{rpc::RpcServerOptions()};
};

// Every number is one, at any depth.
void RequireFinite(const Message& message) {
  const Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const int n = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
    for (int i = 0; i < n; ++i) {
      switch (field->cpp_type()) {
        case FieldDescriptor::CPPTYPE_FLOAT:
          Require(std::isfinite(field->is_repeated() ? reflection.GetRepeatedFloat(message, field, i)
                                                     : reflection.GetFloat(message, field)),
                  StrCat(field->full_name(), " is no finite number"));
          break;
        case FieldDescriptor::CPPTYPE_MESSAGE:
          RequireFinite(field->is_repeated() ? reflection.GetRepeatedMessage(message, field, i)
                                             : reflection.GetMessage(message, field));
          break;
        default:
          break;
      }
    }
  }
}

void RequireActionable(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kResourceExhausted:
      break;
    default:
      Require(false, StrCat("an unexpected error: ", status.ToString()));
  }
  Require(!status.message().empty(), "an error without a message");
  Require(ToGrpcStatus(status).error_details().size() < 8192, "an error that clients do not accept");
}

// What a list must be, whatever was asked.
void CheckList(const v1::RecommendRequest& request, const v1::RecommendResponse& response,
               std::set<std::string>* seen) {
  Require(response.items_size() <= limits::kMaxPageSize, "more items than there may be");
  const std::set<std::string> candidates(request.candidate_item_ids().begin(), request.candidate_item_ids().end());
  const std::set<std::string> excluded(request.exclude_item_ids().begin(), request.exclude_item_ids().end());
  for (int i = 0; i < response.items_size(); ++i) {
    const v1::RecommendedItem& item = response.items(i);
    Require(seen->insert(item.item_id()).second, "an item twice");
    Require(candidates.empty() || candidates.contains(item.item_id()), "an item that is no candidate");
    Require(!excluded.contains(item.item_id()), "an item that was excluded");
    Require(item.item_id() != kUnavailable, "an item that is out");
    Require(!request.has_min_score() || item.score() >= request.min_score(), "a score below the least");
    const bool falls = i == 0 || response.items(i - 1).score() >= item.score();
    Require(falls || request.has_diversity(), "a score above the one before it");
  }
}

// The same of many subjects; returns how many there are.
template <typename Results>
int CheckResults(const v1::RecommendRequest& request, const Results& results) {
  for (const v1::RecommendResult& result : results) {
    Require(result.has_response() || result.has_status(), "neither an answer nor a reason");
    std::set<std::string> seen;
    CheckList(request, result.response(), &seen);
  }
  return results.size();
}

std::unique_ptr<Message> Parse(const google::protobuf::Descriptor* type, const std::string& bytes) {
  std::unique_ptr<Message> message(google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
  return message->ParseFromString(bytes) ? std::move(message) : nullptr;
}

void CheckAnswer(const MethodDescriptor& method, const Message& request, const std::vector<std::string>& responses) {
  int results = 0;
  for (const std::string& bytes : responses) {
    Require(bytes.size() <= limits::kMaxResponseBytes, "an answer above the limit");
    const std::unique_ptr<Message> response = Parse(method.output_type(), bytes);
    Require(response != nullptr, "an answer that is no message");
    RequireFinite(*response);
    if (const auto* list = dynamic_cast<const v1::RecommendResponse*>(&*response)) {
      std::set<std::string> seen;
      CheckList(dynamic_cast<const v1::RecommendRequest&>(request), *list, &seen);
    }
    if (const auto* batch = dynamic_cast<const v1::BatchRecommendResponse*>(&*response)) {
      const auto& asked = dynamic_cast<const v1::BatchRecommendRequest&>(request);
      Require(CheckResults(asked.request(), batch->results()) == asked.subjects_size(), "a subject without a result");
    }
    if (const auto* similar = dynamic_cast<const v1::SimilarItemsResponse*>(&*response)) {
      for (const v1::RecommendedItem& item : similar->items()) {
        Require(item.item_id() != kUnavailable, "an item that is out");
        Require(item.item_id() != dynamic_cast<const v1::SimilarItemsRequest&>(request).item_id(), "the item itself");
      }
    }
    if (const auto* part = dynamic_cast<const v1::StreamRecommendResponse*>(&*response)) {
      Require(part->first() == results, "subjects out of order");
      results += CheckResults(dynamic_cast<const v1::StreamRecommendRequest&>(request).request(), part->results());
    }
  }
  if (const auto* stream = dynamic_cast<const v1::StreamRecommendRequest*>(&request)) {
    Require(results == stream->subjects_size(), "a subject without a result");
  } else {
    Require(responses.size() == 1, "not one answer");
  }
}

// The pages after `response`: none has an item of another.
void FollowPages(const MethodDescriptor& method, v1::RecommendRequest request, std::string response_bytes,
                 Parts* parts) {
  std::set<std::string> seen;
  std::vector<std::string> responses;
  for (int page = 0; page < kMostPages; ++page) {
    v1::RecommendResponse response;
    Require(response.ParseFromString(response_bytes), "an answer that is no message");
    CheckList(request, response, &seen);
    if (response.next_page_token().empty()) return;
    Require(response.items_size() > 0, "a page after none");
    request.set_page_token(response.next_page_token());
    const absl::Status status = parts->Run(method, request.SerializeAsString(), &responses);
    Require(status.ok(), StrCat("a page that was promised: ", status.ToString()));
    response_bytes = responses[0];
  }
}

void SetProfileToken(v1::RecommendRequest* request) {
  if (request == nullptr || !request->subject().has_profile_token()) return;
  ProfileCodecScratch scratch;
  Profile profile = MakeProfiles()[0];
  profile.version = 4;
  EncodeProfileToken(profile, &scratch, request->mutable_subject()->mutable_profile_token());
}

void Run(uint8_t mode, std::string bytes) {
  static const std::shared_ptr<const Model> model = MakeModel();
  const google::protobuf::ServiceDescriptor& service = *Service();
  const MethodDescriptor& method = *service.method((mode & kMethodBits) % service.method_count());
  const std::unique_ptr<Message> request = Parse(method.input_type(), bytes);
  if ((mode & kGoodProfileToken) != 0 && request != nullptr) {
    SetProfileToken(dynamic_cast<v1::RecommendRequest*>(&*request));
    bytes = request->SerializeAsString();
  }
  Parts parts(model);
  std::vector<std::string> responses, again;
  const absl::Status status = parts.Run(method, bytes, &responses);
  if (!status.ok()) {
    RequireActionable(status);
  } else {
    Require(request != nullptr, "an answer to bytes that are no request");
    CheckAnswer(method, *request, responses);
    auto* recommend = dynamic_cast<v1::RecommendRequest*>(&*request);
    if ((mode & kMorePages) != 0 && recommend != nullptr && recommend->page_token().empty()) {
      FollowPages(method, *recommend, responses[0], &parts);
    }
  }
  if ((mode & kTwice) != 0) {
    const absl::Status second = parts.Run(method, bytes, &again);
    Require(second.code() == status.code(), StrCat("another end the second time: ", second.ToString()));
    Require(again.size() == responses.size(), "another number of messages the second time");
  }
}

}  // namespace
}  // namespace kindred

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Protobuf says on standard error what it will not parse, which here is most of it.
  [[maybe_unused]] static const bool quiet = [] {
    google::protobuf::SetLogHandler(nullptr);
    return true;
  }();
  if (size == 0) return 0;
  kindred::Run(data[0], std::string(reinterpret_cast<const char*>(data) + 1, size - 1));
  return 0;
}
