#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>

#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "trainer/base/parallel.h"
#include "trainer/commands/commands.h"
#include "trainer/commands/embedding_flags.h"
#include "trainer/commands/event_flags.h"
#include "trainer/evaluation/cold_start.h"
#include "trainer/evaluation/evaluate.h"
#include "trainer/evaluation/model_ranker.h"

namespace kindred {
namespace {

struct Flags {
  std::string bundle;
  RemoteRankerOptions remote;
  std::string space;
  std::vector<std::string> test, train, history, candidates;
  std::vector<uint32_t> cold_start;
  std::string reference;
  EventFlags events;
  EvaluateOptions options;
  std::string subject = "user", values = "auto";
  std::vector<double> clip;
  EmbeddingFlags embedding;
  bool json = false, csv = false, quiet = false;
};

constexpr char kFooter[] =
    "Each test user is asked for; what the list holds of the items that the user went on to touch is counted. Items\n"
    "that the user already had are neither recommended nor counted (--include-seen turns that around). Popularity, "
    "and\n"
    "the means where values are compared, stand beside the model. With --server the same questions go to a running\n"
    "kindred-server, and the figures are the same; give --train there for what only the training data says. Formulas:\n"
    "docs/evaluation.md.\n\n"
    "Exit codes: 0 done, 1 failed, 2 wrong usage or no such file.\n\n"
    "Examples:\n"
    "  kindred evaluate --bundle bundle.safetensors --test test.csv --train train.csv\n"
    "  kindred evaluate --server 127.0.0.1:50051 --model groceries --test test.csv --train train.csv --json\n"
    "  kindred evaluate --bundle bundle.safetensors --test test.csv -k 10 --negatives 99\n"
    "  kindred evaluate --bundle bundle.safetensors --train train.csv --test held_out.csv --cold-start 1,3,5,10\n"
    "  kindred evaluate --bundle bundle.safetensors --similarity-pairs pairs.csv --segments segments.csv";

// What is wrong with the flags, or nothing.
std::string Resolve(Flags* flags) {
  if (flags->bundle.empty() == flags->remote.server.empty()) return "expected --bundle or --server, one of them";
  if (flags->json && flags->csv) return "--json and --csv exclude each other";
  if (!flags->candidates.empty() && flags->options.negatives > 0) {
    return "--negatives and --candidates exclude each other";
  }
  if (!flags->clip.empty()) {
    if (flags->clip.size() != 2 || !(flags->clip[0] <= flags->clip[1])) return "--predicted-range: expected LOW,HIGH";
    flags->options.clip = {flags->clip[0], flags->clip[1]};
  }
  if (flags->test.empty() && !flags->embedding.wanted()) {
    return "expected --test, or --similarity-pairs or --segments to measure the vectors alone";
  }
  if (flags->embedding.wanted() && flags->bundle.empty()) {
    return "--similarity-pairs and --segments need --bundle: a server does not show its vectors";
  }
  flags->options.fold_in = flags->subject == "events";
  if (flags->options.fold_in && flags->train.empty() && flags->history.empty()) {
    return "--subject events needs --history or --train, the events to ask with";
  }
  if (!flags->reference.empty() && flags->cold_start.empty()) return "--reference goes with --cold-start";
  flags->remote.space = flags->space;
  return "";
}

absl::StatusOr<EventLog> ReadLog(const std::vector<std::string>& paths, const EventFlags& flags, Progress* progress) {
  EventReadOptions options = flags.options;
  options.allow_negative = true;
  ASSIGN_OR_RETURN(EventInput input, ReadEvents(paths, options, progress));
  return std::move(input.log);
}

absl::StatusOr<Evaluation> EvaluateAs(Flags* flags, const RemoteRankerFactory& remote_factory, Progress* progress) {
  EvaluateInput input;
  std::unique_ptr<const Ranker> ranker;
  const ModelRanker* model = nullptr;
  if (!flags->bundle.empty()) {
    ASSIGN_OR_RETURN(auto loaded, Model::Load(flags->bundle));
    ASSIGN_OR_RETURN(auto offline, ModelRanker::Create(std::move(loaded), flags->space));
    model = offline.get();
    ranker = std::move(offline);
  } else {
    ASSIGN_OR_RETURN(ranker, remote_factory(flags->remote));
  }
  EmbeddingQuality embedding;
  if (flags->embedding.wanted()) {
    ASSIGN_OR_RETURN(embedding, MeasureEmbedding(flags->embedding, *model, flags->options.seed));
  }
  if (flags->test.empty()) return EmbeddingOnly(*model, embedding);
  input.ranker = ranker.get();
  ASSIGN_OR_RETURN(const EventLog test, ReadLog(flags->test, flags->events, progress));
  input.test = &test;
  EventLog train, history, candidates;
  std::optional<Background> background;
  if (!flags->train.empty()) {
    ASSIGN_OR_RETURN(train, ReadLog(flags->train, flags->events, progress));
    input.train = &train;
    ASSIGN_OR_RETURN(background, Background::OfEvents(train, *ranker));
  } else if (model != nullptr) {
    background = Background::OfModel(model->model());
  }
  if (background) input.background = &*background;
  if (!flags->history.empty()) {
    ASSIGN_OR_RETURN(history, ReadLog(flags->history, flags->events, progress));
    input.history = &history;
  }
  std::unique_ptr<const Ranker> reference;
  if (!flags->reference.empty()) {
    ASSIGN_OR_RETURN(auto trained, Model::Load(flags->reference));
    ASSIGN_OR_RETURN(reference, ModelRanker::Create(std::move(trained), flags->space));
  }
  if (!flags->candidates.empty()) {
    ASSIGN_OR_RETURN(candidates, ReadLog(flags->candidates, flags->events, progress));
    input.candidates = &candidates;
  }
  if (flags->values == "identity") flags->options.values = ValueScale::kIdentity;
  if (flags->values == "log1p") flags->options.values = ValueScale::kLog1p;
  if (flags->values == "auto" && model != nullptr && !test.value.empty()) {
    flags->options.values = ValueScaleOf(model->space().spec);
  }
  ASSIGN_OR_RETURN(Evaluation out,
                   flags->cold_start.empty()
                       ? Evaluate(input, flags->options, progress)
                       : EvaluateColdStart(input, reference.get(), flags->cold_start, flags->options, progress));
  out.embedding = embedding;
  if (model != nullptr) {
    out.family = model->space().spec.family;
    out.dim = model->space().spec.dim;
  }
  if (flags->values == "auto" && model == nullptr && !test.value.empty()) {
    out.notes.emplace_back(
        "values: a server does not say how its scores relate to values; --values identity or log1p does");
  }
  return out;
}

int Run(const CLI::App& command, Flags* flags, const RemoteRankerFactory& remote) {
  if (const std::string problem = Resolve(flags); !problem.empty()) return FailUsage(command, problem);
  if (!flags->remote.server.empty() && !remote) {
    return FailUsage(command, "--server: this build of kindred has no client of a server");
  }
  Progress progress(flags->quiet ? Progress::Mode::kSilent : Progress::Mode::kAuto);
  const absl::StatusOr<Evaluation> evaluation = EvaluateAs(flags, remote, &progress);
  if (!evaluation.ok()) return Fail(evaluation.status());
  std::cout << (flags->json  ? EvaluationJson(*evaluation)
                : flags->csv ? EvaluationCsv(*evaluation)
                             : EvaluationText(*evaluation));
  return kExitOk;
}

}  // namespace

void AddEvaluateCommand(CLI::App& app, const RemoteRankerFactory& remote, int* exit_code) {
  CLI::App* command =
      app.add_subcommand("evaluate", "Measure a bundle or a running server against what users did later");
  const auto flags = std::make_shared<Flags>();
  EvaluateOptions& options = flags->options;
  options.threads = DefaultThreads();
  command->add_option("--bundle", flags->bundle, "Bundle to measure")->type_name("FILE");
  command->add_option("--server", flags->remote.server, "Running kindred-server to measure instead")
      ->type_name("HOST:PORT");
  command->add_option("--model", flags->remote.model, "Model of the server (may be left out when it has one)")
      ->type_name("NAME");
  command->add_option("--space", flags->space, "Space of the model (default: the model's own choice)")
      ->type_name("NAME");
  command->add_option("--timeout", flags->remote.timeout_seconds, "Seconds to wait for an answer of the server")
      ->check(CLI::Range(0.001, 3600.0))
      ->capture_default_str();

  command->add_option("--test", flags->test, "What users did later: the events to find")
      ->type_name("FILE")
      ->group("Input");
  command
      ->add_option("--train", flags->train,
                   "What the model was trained on: popularity, means, coverage, and items that users already have "
                   "(default: what the bundle says of it)")
      ->type_name("FILE")
      ->group("Input");
  command
      ->add_option("--history", flags->history,
                   "What the test's users did before: the events that --subject events and --cold-start ask with "
                   "(default: --train; for --cold-start the users' own first rows of --test)")
      ->type_name("FILE")
      ->group("Input");
  command
      ->add_option("--candidates", flags->candidates,
                   "Pairs of user and item: rank each user's test items among these only (sampled negatives)")
      ->type_name("FILE")
      ->group("Input");
  AddEventFlags(command, &flags->events, "Input");

  const std::string group = "Protocol";
  command->add_option("-k,--k", options.ks, "Lengths of the list, separated by commas")
      ->delimiter(',')
      ->check(CLI::Range(uint32_t{1}, kMaxRankedItems))
      ->capture_default_str()
      ->group(group);
  command->add_option("--sample-users", options.sample_users, "Test users to take, at random; 0 = all")
      ->capture_default_str()
      ->group(group);
  command->add_option("--seed", options.seed, "Seed of the sample and of the negatives")
      ->capture_default_str()
      ->group(group);
  command
      ->add_flag("--include-seen", options.include_seen,
                 "Repeats count: items that a user already has may be recommended, and are to be found")
      ->group(group);
  command
      ->add_option("--negatives", options.negatives,
                   "Rank each user's test items among this many others, drawn from what the user does not have; 0 = "
                   "among the whole catalogue")
      ->check(CLI::Range(0, static_cast<int>(kMaxRankIds) - 1))
      ->capture_default_str()
      ->group(group);
  command
      ->add_option("--subject", flags->subject,
                   "Ask for the user by id, or with the user's events of --history (else --train) as an anonymous "
                   "session")
      ->check(CLI::IsMember({"user", "events"}))
      ->capture_default_str()
      ->group(group);
  command
      ->add_option(
          "--cold-start", flags->cold_start,
          "Users whom the model was not trained on: fold them in from their first so many events, as 1,3,5,10; "
          "what they did later is to be found")
      ->delimiter(',')
      ->check(CLI::Range(size_t{1}, kMaxRankEvents))
      ->type_name("N,…")
      ->group(group);
  command
      ->add_option("--reference", flags->reference,
                   "Bundle that was trained on the first events of those users as well; --cold-start then gives shares "
                   "of its NDCG")
      ->type_name("FILE")
      ->group(group);
  command
      ->add_option("--values", flags->values,
                   "Compare predicted values with the test's: as scores (identity), as exp(score) - 1 (log1p), off, or "
                   "as the bundle's space says (auto)")
      ->check(CLI::IsMember({"auto", "off", "identity", "log1p"}))
      ->capture_default_str()
      ->group(group);
  command->add_option("--predicted-range", flags->clip, "Range of predicted values, such as 1,5")
      ->delimiter(',')
      ->type_name("LOW,HIGH")
      ->group(group);
  command->add_option("--threads", options.threads, "Threads")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str()
      ->group(group);

  AddEmbeddingFlags(command, &flags->embedding);
  command->add_flag("--json", flags->json, "Print one JSON object");
  command->add_flag("--csv", flags->csv, "Print CSV: ranker,metric,k,value,standard_error");
  command->add_flag("--quiet", flags->quiet, "No progress on standard error");
  command->footer(kFooter);
  command->callback([command, flags, remote, exit_code] { *exit_code = Run(*command, flags.get(), remote); });
}

}  // namespace kindred
