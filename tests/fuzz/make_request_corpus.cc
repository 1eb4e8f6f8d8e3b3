// Writes the seeds of the request fuzzer: good and bad requests of every method, against the model that fuzz_request.cc
// makes. Deterministic.
#include <google/protobuf/text_format.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "core/base/str_cat.h"
#include "kindred/v1/recommendation_service.pb.h"
#include "tests/support/files.h"

namespace kindred::testing {
namespace {

constexpr char kTwice = 0x20, kGoodProfileToken = 0x40;
constexpr int kMorePages = 0x80;

struct Seed {
  const char* method;
  const char* name;
  int mode;
  const char* request;  // text format
};

constexpr Seed kSeeds[] = {
    {"Recommend", "anyone", 0, ""},
    {"Recommend", "user", kTwice, R"(model: "zoo" subject { user_id: "u1" } page_size: 3 view: ITEM_VIEW_FULL)"},
    {"Recommend", "pages", kMorePages, R"(subject { user_id: "nobody" } page_size: 4)"},
    {"Recommend", "diverse_pages", kMorePages,
     R"(subject { user_id: "u2" } page_size: 5 diversity { lambda: 0.5 } max_per_category { max_items: 3 prefix: "c" })"},
    {"Recommend", "events", kTwice,
     R"(subject { events { events { item_id: "p1" action: "view" weight: 2 }
                           events { item_id: "p29" time { seconds: 1700000000 } } events { item_id: "?" } } }
        explain: true space: "traits")"},
    {"Recommend", "token", kGoodProfileToken, R"(subject { profile_token: "x" } min_profile_version: 9)"},
    {"Recommend", "bad_token", 0, R"(subject { profile_token: "KPT1 and more" } page_token: "AAAA")"},
    {"Recommend", "filter", 0,
     R"(filter { all_of { filters { categories { any_of: "c0" any_of: "none" none_of: "c1" } }
                          filters { any_of { filters { range { attribute: "price" min: 2 max: 20.5 } }
                                             filters { flag { attribute: "price" value: true } } } }
                          filters { none_of { filters { categories { all_of: "c2" } } } } } }
        include_seen: true)"},
    {"Recommend", "filter_unknown", 0, R"(filter { range { attribute: "weight" max: 1 } })"},
    {"Recommend", "filter_empty", 0, R"(filter { all_of { filters {} } })"},
    {"Recommend", "boosts", kTwice,
     R"(boosts { category: "c1" amount: 0.5 } boosts { item_ids { ids: "p2" ids: "p3" ids: "?" } amount: -1 }
        min_score: 0.1 explain: true)"},
    {"Recommend", "blend", kTwice,
     R"(subject { user_id: "u0" } blend { space: "vectors" weight: 1 } blend { space: "implicit" weight: 0.5 }
        blend { space: "gone" weight: 2 } explain: true)"},
    {"Recommend", "blend_sparse", 0,
     R"(subject { user_id: "u1" } blend { space: "words" weight: 1 } blend { space: "vectors" weight: 1 })"},
    {"Recommend", "candidates", 0,
     R"(candidate_item_ids: "p1" candidate_item_ids: "p7" candidate_item_ids: "p11" candidate_item_ids: "?" exclude_item_ids: "p7" page_size: 1000)"},
    {"Recommend", "sparse", 0, R"(space: "words" subject { user_id: "u1" } explain: true)"},
    {"Recommend", "neighbors", 0,
     R"(space: "neighbors" subject { events { events { item_id: "p4" } } } explain: true)"},
    {"Recommend", "negative", 0, R"(page_size: -1 min_score: nan view: 9 space: "none" max_per_category {})"},
    {"BatchRecommend", "three", kTwice,
     R"(subjects { user_id: "u1" } subjects { user_id: "" } subjects { events { events { item_id: "p1" } } } subjects {}
        request { page_size: 2 explain: true })"},
    {"BatchRecommend", "many", 0, R"(subjects {} subjects {} subjects {} subjects {} subjects {} subjects {} subjects {}
        subjects {} subjects {} subjects {} subjects {} subjects {} subjects {} subjects {} subjects {} subjects {}
        subjects { user_id: "u3" } request { space: "words" })"},
    {"BatchRecommend", "none", 0, R"(request { subject { user_id: "u1" } page_token: "x" })"},
    {"StreamRecommend", "two", kTwice,
     R"(subjects { user_id: "u1" } subjects { user_id: "nobody" } request { page_size: 1000 })"},
    {"StreamRecommend", "none", 0, ""},
    {"SimilarItems", "near", kTwice, R"(item_id: "p3" page_size: 5 view: ITEM_VIEW_FULL)"},
    {"SimilarItems", "sparse", 0, R"(item_id: "p3" space: "words")"},
    {"SimilarItems", "unknown", 0, R"(item_id: "?" model: "zoo")"},
    {"ScoreItems", "two", kTwice,
     R"(queries { subject { user_id: "u1" } item_ids: "p1" item_ids: "?" item_ids: "p1" } queries { item_ids: "p2" }
        queries { subject { user_id: "u2" } })"},
    {"ScoreItems", "blend", 0,
     R"(queries { item_ids: "p0" } blend { space: "vectors" weight: 1 } blend { space: "vectors" weight: 1 })"},
    {"GetVectors", "all", kTwice,
     R"(space: "traits" item_ids: "p1" item_ids: "?" user_ids: "u1" tokens: "view_p1" tokens: "buy_p29" tokens: "?_?"
        resolve_unknown_tokens: true)"},
    {"GetVectors", "sparse", 0, R"(space: "words" item_ids: "p1" user_ids: "u0" tokens: "view_p1")"},
    {"UpdateProfile", "new", kTwice,
     R"(user_id: "new" events { item_id: "p1" action: "buy" weight: 2.5 time { seconds: 1 nanos: 1 } } update_id: "a")"},
    {"UpdateProfile", "blend", 0, R"(user_id: "u1" events { item_id: "p9" } mode: UPDATE_MODE_BLEND)"},
    {"UpdateProfile", "bad", 0, R"(events { weight: -1 time { seconds: 9999999999999 nanos: -1 } } mode: 7)"},
    {"GetProfile", "user", kTwice, R"(user_id: "u1" space: "traits" view: ITEM_VIEW_FULL min_profile_version: 9)"},
    {"GetProfile", "sparse", 0, R"(user_id: "nobody" space: "words")"},
    {"BatchGetProfile", "some", kTwice,
     R"(user_ids: "u1" user_ids: "" user_ids: "nobody" user_ids: "?" view: ITEM_VIEW_FULL)"},
    {"DeleteProfile", "user", kTwice, R"(user_id: "u1")"},
    {"DeleteProfile", "nobody", 0, ""},
};

int Run(const std::string& folder) {
  const auto* service = v1::RecommendRequest::descriptor()->file()->FindServiceByName("RecommendationService");
  const auto write = [&](int method, int mode, std::string_view name, const std::string& bytes) {
    WriteFile(StrCat(folder, "/", name), std::string(1, static_cast<char>(method | mode)) + bytes);
  };
  for (const Seed& seed : kSeeds) {
    const auto* method = service->FindMethodByName(seed.method);
    const auto* type = method == nullptr ? nullptr : method->input_type();
    if (type == nullptr) {
      std::fprintf(stderr, "make_request_corpus: no method %s\n", seed.method);
      return 1;
    }
    std::unique_ptr<google::protobuf::Message> request(
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
    if (!google::protobuf::TextFormat::ParseFromString(seed.request, &*request)) {
      std::fprintf(stderr, "make_request_corpus: %s/%s is no %s\n", seed.method, seed.name, type->full_name().c_str());
      return 1;
    }
    write(method->index(), seed.mode, StrCat(seed.method, "_", seed.name), request->SerializeAsString());
  }
  const int recommend = service->FindMethodByName("Recommend")->index();
  write(recommend, 0, "Recommend_not_utf8", "\x0a\x02\xff\xfe");
  write(recommend, 0, "Recommend_cut", "\x0a\x7f");
  // A filter that is nested too deep: each layer is all_of { filters { … } } around the one before.
  v1::RecommendRequest deep;
  v1::Filter* filter = deep.mutable_filter();
  for (int i = 0; i < 40; ++i) filter = filter->mutable_all_of()->add_filters();
  write(recommend, 0, "Recommend_deep", deep.SerializeAsString());
  return 0;
}

}  // namespace
}  // namespace kindred::testing

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_request_corpus FOLDER\n");
    return 2;
  }
  return kindred::testing::Run(argv[1]);
}
