// Whom and what a recommendation is asked for, on the command line.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "kindred/v1/recommendation_service.pb.h"

namespace kindred {

// --user, --event, --profile-token: one of them, or the average user.
struct SubjectArguments {
  std::optional<std::string> user;  // an empty id is the server's to refuse
  std::vector<std::string> events;
  std::string token;

  void AddTo(CLI::App* command);
  void Fill(v1::Subject* subject) const;
};

// --event alone. The parser has checked each.
void AddEventOption(CLI::App* command, std::vector<std::string>* events, bool required);
void FillEvents(const std::vector<std::string>& events, google::protobuf::RepeatedPtrField<v1::Event>* out);

// --profile-token alone, checked likewise.
CLI::Option* AddTokenOption(CLI::App* command, std::string* token);

// --model, --space, --ids-only.
struct ModelArguments {
  std::string model, space;
  bool ids_only = false;

  void AddTo(CLI::App* command, bool with_view = true);
  v1::ItemView View() const { return ids_only ? v1::ITEM_VIEW_BASIC : v1::ITEM_VIEW_FULL; }
};

// What is asked for one subject or for each of many: everything but the subject and the page.
struct RecommendArguments {
  ModelArguments model;
  int32_t k = 10;
  bool include_seen = false, explain = false;
  std::vector<std::string> exclude, candidates, boosts;
  std::string exclude_file, candidate_file, filter, filter_json, category_prefix, blend;
  std::optional<float> min_score;
  std::optional<int32_t> max_per_category;
  std::optional<double> diversity;
  uint64_t min_profile_version = 0;

  void AddTo(CLI::App* command);
  // The fields of *request but for subject and page_token. What AppendIds says of files.
  absl::Status Fill(v1::RecommendRequest* request) const;
};

// --blend, as RecommendArguments has it. The parser has checked the text.
CLI::Option* AddBlendOption(CLI::App* command, std::string* blend);
void FillBlend(const std::string& text, google::protobuf::RepeatedPtrField<v1::SpaceWeight>* blend);

}  // namespace kindred
