#include "clients/cli/replay_command.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "clients/cli/answer_json.h"
#include "clients/cli/answer_text.h"
#include "clients/cli/logged_call.h"
#include "clients/cli/query_call.h"
#include "clients/cli/replayer.h"
#include "clients/cli/text_parts.h"
#include "clients/cli/text_table.h"
#include "clients/cpp/model_client.h"
#include "clients/cpp/recommend_client.h"

namespace kindred {
namespace {

// Of a digest, so that it names one generation.
constexpr size_t kMinDigestChars = 8;

struct ReplayCommand {
  QueryCall call;
  QueryCall admin = AdminCall();
  std::string file, digest;
  std::vector<uint64_t> lines;

  int Run() const {
    std::ifstream opened;
    if (file != "-") {
      opened.open(file, std::ios::binary);
      if (!opened) {
        std::cerr << "kindred: " << file << " cannot be opened\n";
        return 1;
      }
    }
    std::istream& in = file == "-" ? std::cin : opened;
    return digest.empty() ? Lines(in) : Generation(in);
  }

  bool Wanted(uint64_t number, const std::string& line) const {
    if (line.find_first_not_of(" \t\r") == std::string::npos) return false;
    return lines.empty() || std::find(lines.begin(), lines.end(), number) != lines.end();
  }

  int Lines(std::istream& in) const {
    RecommendClient client(call.server, call.Options());
    TextTable table({{"line", TextTable::Align::kRight},
                     {"method"},
                     {"for"},
                     {"generation"},
                     {"result", TextTable::Align::kLeft, SIZE_MAX}});
    std::array<uint64_t, 3> counts{};
    std::string line;
    // Not what comes after: a server that is asked may append these very calls to the file.
    std::error_code no_size;
    uint64_t left = file == "-" ? UINT64_MAX : std::filesystem::file_size(file, no_size);
    for (uint64_t number = 1; left > 0 && std::getline(in, line); ++number) {
      left -= std::min<uint64_t>(left, line.size() + 1);
      if (!Wanted(number, line)) continue;
      const auto logged = LoggedCallFromJson(line);
      ReplayOutcome outcome{ReplayResult::kNotReproducible, std::string(logged.status().message())};
      if (logged.ok()) {
        auto replayed = Replay(*logged, &client);
        if (!replayed.ok()) return PrintError(call, replayed.status());
        outcome = *std::move(replayed);
      }
      ++counts[static_cast<size_t>(outcome.result)];
      const LoggedCall unread;
      Report(number, logged.ok() ? *logged : unread, outcome, &table);
    }
    if (in.bad()) {
      std::cerr << "kindred: " << file << " cannot be read to its end\n";
      return 1;
    }
    const uint64_t all = counts[0] + counts[1] + counts[2];
    if (all == 0) {
      std::cerr << "kindred: " << file << ": no call in it" << (lines.empty() ? "" : " at these lines") << "\n";
      return 1;
    }
    if (!call.json) {
      std::cout << table.ToString()
                << absl::StrCat(counts[0], " same, ", counts[1], " differ, ", counts[2], " not reproducible\n");
    }
    return counts[0] == all ? 0 : 1;
  }

  static std::string For(const LoggedRequest& request) {
    if (const auto* recommend = std::get_if<v1::RecommendRequest>(&request)) return Whom(recommend->subject());
    if (const auto* similar = std::get_if<v1::SimilarItemsRequest>(&request)) return similar->item_id();
    const auto& score = std::get<v1::ScoreItemsRequest>(request);
    return score.queries().empty() ? "" : Whom(score.queries(0).subject());
  }

  void Report(uint64_t number, const LoggedCall& logged, const ReplayOutcome& outcome, TextTable* table) const {
    const RankedAnswer& answer = logged.answer;
    if (call.json) {
      nlohmann::ordered_json json = {{"line", number},          {"method", MethodOf(logged.request)},
                                     {"model", answer.model},   {"version", answer.version},
                                     {"digest", answer.digest}, {"result", ReplayWord(outcome.result)}};
      if (outcome.result == ReplayResult::kDiffers) {
        json.update({{"rank", outcome.rank}, {"expected", outcome.expected}, {"found", outcome.found}});
      }
      if (!outcome.reason.empty()) json["reason"] = outcome.reason;
      return PrintJson(json);
    }
    const bool read = !answer.model.empty();
    table->AddRow({absl::StrCat(number), read ? MethodOf(logged.request) : "", read ? For(logged.request) : "",
                   read ? absl::StrCat(answer.model, "@", answer.version) : "", Text(outcome)});
  }

  static std::string Text(const ReplayOutcome& outcome) {
    switch (outcome.result) {
      case ReplayResult::kSame:
        return "same";
      case ReplayResult::kDiffers:
        return absl::StrCat("differs at rank ", outcome.rank, ": expected ",
                            outcome.expected.empty() ? "nothing" : outcome.expected, ", found ",
                            outcome.found.empty() ? "nothing" : outcome.found, "; ", outcome.reason);
      case ReplayResult::kNotReproducible:
        return absl::StrCat("not reproducible: ", outcome.reason);
    }
    return "";
  }

  // What the generation with the digest answers to a request.
  int Generation(std::istream& in) const {
    v1::RecommendRequest request;
    const std::string json{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    if (const absl::Status status = MessageFromJson(json, file, &request); !status.ok()) {
      std::cerr << "kindred: " << status.message() << "\n";
      return 1;
    }
    const auto generation = FindGeneration();
    if (!generation.ok()) return PrintError(admin, generation.status());
    request.set_model(*generation);
    auto answer = RecommendClient(call.server, call.Options()).Recommend(request);
    if (answer.ok() && answer->digest().compare(0, digest.size(), digest) != 0) {
      answer = absl::FailedPreconditionError(
          absl::StrCat(*generation, " answered with digest ", answer->digest(), ", expected ", digest));
    }
    return PrintAnswer(
        call, answer, [](const auto& response) { return ToJson(response); },
        [&](const auto& response) { return ToText(request, response); });
  }

  // "<model>@<version>".
  absl::StatusOr<std::string> FindGeneration() const {
    const auto models = ModelClient(admin.server, admin.Options()).ListModels({});
    if (!models.ok()) return models.status();
    std::vector<std::string> known;
    std::string loadable;
    for (const v1::ServedModel& model : models->models()) {
      for (const v1::ModelVersion& version : model.versions()) {
        if (version.digest().empty()) continue;
        const bool ready = version.state() == v1::VERSION_STATE_READY && !version.poisoned();
        if (version.digest().compare(0, digest.size(), digest) != 0) {
          known.push_back(absl::StrCat(model.model(), "@", version.version(), " ", version.digest()));
        } else if (ready) {
          return absl::StrCat(model.model(), "@", version.version());
        } else {
          loadable = absl::StrCat(model.model(), " ", version.version());
        }
      }
    }
    if (!loadable.empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat("the generation with digest ", digest, " is not ready here: kindred models load ", loadable));
    }
    return absl::NotFoundError(absl::StrCat(
        "no version here is known to have digest ", digest,
        "; digests are known of versions that were loaded (kindred models load): ", absl::StrJoin(known, ", ")));
  }
};

}  // namespace

void AddReplayCommand(CLI::App& app, int* exit_code) {
  const auto run = std::make_shared<ReplayCommand>();
  CLI::App* command = app.add_subcommand("replay", "Make logged answers again, and compare them to the bit");
  command->footer(
      "FILE is what `kindred query … --log` or the server's logging.request_log wrote. Each call is put to the very\n"
      "generation that answered it, which has to be ready (kindred models load), for the profile that was used then;\n"
      "ids, order and scores have to be the same. Availability is what it is now. With --digest, FILE is a\n"
      "RecommendRequest in JSON, and what that generation answers is printed.\n"
      "Exit codes: 0 every answer came again, 1 otherwise.\n"
      "\n"
      "Examples:\n"
      "  kindred replay calls.jsonl\n"
      "  kindred replay /var/log/kindred/requests.jsonl --line 17 --json\n"
      "  kindred query recommend --user 1234 --print-request | kindred replay - --digest 1f8a02c4");
  command->callback([=] { *exit_code = run->Run(); });
  AddCallOptions(command, &run->call);
  AddAdminServer(command, &run->admin);
  command->add_option("FILE", run->file, "Lines of calls, - for standard input")
      ->required()
      ->check(FileOrStandardInput())
      ->type_name("FILE");
  CLI::Option* line = command->add_option("--line", run->lines, "Only this line, from 1; may be repeated");
  command->add_option("--digest", run->digest, "Digest of a generation, or its first characters")
      ->check([](const std::string& text) {
        return text.size() >= kMinDigestChars ? std::string()
                                              : absl::StrCat("expected at least ", kMinDigestChars, " characters");
      })
      ->excludes(line);
}

}  // namespace kindred
