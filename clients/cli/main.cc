// The composition root of `kindred`: the offline commands of trainer/ and the queries of clients/ in one program.
#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>

#include "clients/cli/load_command.h"
#include "clients/cli/models_commands.h"
#include "clients/cli/profiles_commands.h"
#include "clients/cli/query_commands.h"
#include "clients/cli/replay_command.h"
#include "clients/cli/server_ranking.h"
#include "trainer/commands/commands.h"

namespace {

// `kindred evaluate --server`: the trainer's questions put to a server, its own and the API's words side by side.
class ServerRanker : public kindred::Ranker {
 public:
  explicit ServerRanker(const kindred::RemoteRankerOptions& options)
      : ranking_(options.server, options.model, options.space, options.timeout_seconds) {}

  absl::StatusOr<kindred::RankerInfo> Info() const override {
    kindred::ServerQuestion question;
    question.k = 1;
    const auto answer = ranking_.Ask(question);
    if (!answer.ok()) return answer.status();
    return kindred::RankerInfo{answer->model, answer->version, answer->digest, answer->space};
  }

  absl::Status Rank(const kindred::RankRequest& request, kindred::RankAnswer* answer) const override {
    kindred::ServerQuestion question;
    question.user_id = request.user_id;
    for (const kindred::RankEvent& event : request.events) {
      question.events.push_back({event.item_id, event.action, event.weight, event.time_ms});
    }
    question.k = request.k;
    question.include_seen = request.include_seen;
    question.explain = request.split_prior;
    question.exclude_item_ids = request.exclude_item_ids;
    question.candidate_item_ids = request.candidate_item_ids;
    auto ranked = ranking_.Ask(question);
    if (!ranked.ok()) return ranked.status();
    answer->items = std::move(ranked->items);
    answer->scores = std::move(ranked->scores);
    answer->priors = std::move(ranked->priors);
    answer->source = std::move(ranked->source);
    answer->missing_ids = std::move(ranked->missing_ids);
    return absl::OkStatus();
  }

 private:
  kindred::ServerRanking ranking_;
};

absl::StatusOr<std::unique_ptr<const kindred::Ranker>> ServerRankerOf(const kindred::RemoteRankerOptions& options) {
  return std::make_unique<const ServerRanker>(options);
}

int Run(int argc, char** argv) {
  CLI::App app("Kindred: trains models into bundles, looks after bundles, and asks a running server.", "kindred");
  app.footer(
      "Every command has --help with examples. Exit codes: 0 done, 1 failed, 2 wrong usage or no such file.\n"
      "Start here:  make demo");
  app.set_version_flag("--version", "kindred " KINDRED_VERSION);
  app.require_subcommand(1);
  int exit_code = kindred::kExitOk;
  kindred::AddTrainerCommands(app, &exit_code, ServerRankerOf);
  kindred::AddQueryCommands(app, &exit_code);
  kindred::AddLoadCommand(app, &exit_code);
  kindred::AddProfilesCommands(app, &exit_code);
  kindred::AddModelsCommands(app, &exit_code);
  kindred::AddReplayCommand(app, &exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kindred::kExitOk : kindred::kExitUsage;
  }
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  int exit_code = kindred::kExitFailed;
  try {
    exit_code = Run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "kindred: " << error.what() << "\n";
    return kindred::kExitFailed;
  }
  if (!std::cout.flush()) {
    std::cerr << "kindred: could not write to standard output\n";
    return kindred::kExitFailed;
  }
  return exit_code;
}
