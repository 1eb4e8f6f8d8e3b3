#include "trainer/families/train.h"

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/engine/fold_in.h"
#include "trainer/base/parallel.h"
#include "trainer/packing/bundle_parts.h"

namespace kindred {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kUserBlock = 64;

// The factors of one model as a bundle holds them.
struct Factors {
  SpaceSpec spec;
  std::vector<float> items;  // [n_items × d]
  std::vector<float> users;  // [n_users × d]
  std::string reduced;
  double relative_error = 0;
  Json training;
};

absl::StatusOr<std::vector<float>> ToFloat(const DenseMatrix& x) {
  std::vector<float> out(x.size());
  for (int64_t i = 0; i < x.size(); ++i) {
    out[i] = static_cast<float>(x.data()[i]);
    if (!std::isfinite(out[i])) {
      return absl::InvalidArgumentError(
          "a factor does not fit a 32-bit float; the interactions hold values that are too large, try --transform "
          "log1p");
    }
  }
  return out;
}

absl::StatusOr<Factors> Factorize(const Interactions& interactions, const TrainOptions& options,
                                  const SvdOptions& svd_options, Progress* progress) {
  const SparseMatrix r = Transformed(interactions.values, options.transform);
  ASSIGN_OR_RETURN(const SvdResult svd, TruncatedSvd(r, svd_options, progress));
  Factors out;
  out.spec.family = "svd";
  out.spec.fold_in = FoldIn::kRidge;
  ASSIGN_OR_RETURN(out.items, ToFloat(svd.items));
  // V is orthonormal, so R V is the fold-in of every user at once (ridge with λ = 0).
  ASSIGN_OR_RETURN(out.users, ToFloat(svd.users));
  out.reduced = svd.reduced;
  out.relative_error = svd.residual_norm / std::sqrt(SquaredNorm(r));
  out.spec.dim = static_cast<uint32_t>(svd.items.cols());
  out.training = {{"family", "svd"},
                  {"factors", out.spec.dim},
                  {"seed", svd_options.seed},
                  {"iterations", svd.iterations},
                  {"converged", svd.converged},
                  {"residual", svd.residual},
                  {"error", svd.residual_norm},
                  {"relative_error", out.relative_error},
                  {"singular_values", svd.singular_values}};
  return out;
}

// Every user folded in from their own row by the code that serves them.
absl::StatusOr<std::vector<float>> FoldInUsers(const SpaceSpec& spec, std::span<const float> items,
                                               const SparseMatrix& values, int threads) {
  const uint32_t d = spec.dim;
  const Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>> x(items.data(),
                                                                                                  values.cols, d);
  const Eigen::MatrixXd gram = Gram(x.cast<double>(), threads);
  ASSIGN_OR_RETURN(const FoldInSolver solver,
                   FoldInSolver::Create(spec, items, std::span(gram.data(), static_cast<size_t>(gram.size()))));
  std::vector<float> users(size_t{values.rows} * d);
  ParallelFor(values.rows, kUserBlock, threads, [&](int64_t begin, int64_t end) {
    FoldInScratch scratch;
    std::vector<ItemWeight> history;
    for (int64_t user = begin; user < end; ++user) {
      history.clear();
      for (int64_t p = values.offsets[user]; p < values.offsets[user + 1]; ++p) {
        if (values.values[p] > 0) history.push_back({values.indices[p], values.values[p]});
      }
      solver.Solve(history, std::span(users).subspan(user * d, d), &scratch);
    }
  });
  return users;
}

absl::StatusOr<Factors> Factorize(const Interactions& interactions, const TrainOptions& options,
                                  const NmfOptions& nmf_options, Progress* progress) {
  const SparseMatrix r = Transformed(interactions.values, options.transform);
  ASSIGN_OR_RETURN(const NmfResult nmf, Nmf(r, nmf_options, progress));
  Factors out;
  out.spec.family = "nmf";
  out.spec.fold_in = FoldIn::kNnls;
  out.spec.fold_in_lambda = nmf_options.alpha;
  out.spec.transform = options.transform;
  out.spec.dim = static_cast<uint32_t>(nmf.items.cols());
  ASSIGN_OR_RETURN(out.items, ToFloat(nmf.items));
  progress->Begin("folding users in", 0, "");
  ASSIGN_OR_RETURN(out.users, FoldInUsers(out.spec, out.items, interactions.values, nmf_options.threads));
  progress->End(absl::StrFormat("%s users", WithThousands(interactions.user_ids.size())));
  out.reduced = nmf.reduced;
  out.relative_error = nmf.error / std::sqrt(SquaredNorm(r));
  out.training = {{"family", "nmf"},
                  {"factors", out.spec.dim},
                  {"alpha", nmf_options.alpha},
                  {"seed", nmf_options.seed},
                  {"iterations", nmf.iterations},
                  {"converged", nmf.converged},
                  {"error", nmf.error},
                  {"relative_error", out.relative_error},
                  {"objective", nmf.objective}};
  return out;
}

std::string TrainingJson(const TrainOptions& options, const IngestReport& ingest, Json training, double seconds) {
  training["transform"] = ValueTransformName(options.transform);
  training["prior_weight"] = options.prior_weight;
  training["aggregation"] = AggregationName(options.ingest.aggregation);
  training["value_column"] = ingest.value_column;
  training["min_user_items"] = options.ingest.min_user_items;
  training["min_item_users"] = options.ingest.min_item_users;
  training["rows_read"] = ingest.rows_read;
  training["rows_used"] = ingest.rows_used;
  Json skipped = Json::object();
  for (const auto& [reason, rows] : ingest.skipped) skipped[reason] = rows;
  training["rows_skipped"] = std::move(skipped);
  if (!WantsReproducibleBytes()) training["seconds"] = seconds;
  return training.dump();
}

}  // namespace

absl::StatusOr<TrainReport> Train(const TrainOptions& options, Progress* progress) {
  RETURN_IF_ERROR(CheckOutputPath(options.out));
  const auto start = std::chrono::steady_clock::now();
  TrainReport report;
  ASSIGN_OR_RETURN(const Ingested ingested, ReadInteractions(options.interactions_path, options.ingest, progress));
  const Interactions& interactions = ingested.interactions;
  report.ingest = ingested.report;
  ItemTable table;
  if (!options.items_path.empty()) {
    ASSIGN_OR_RETURN(table, ReadItemTable(options.items_path, options.items, interactions.item_ids));
    progress->Say(absl::StrFormat("reading %s: %s rows, %s of items without interactions; %s items without a row",
                                  options.items_path, WithThousands(table.rows_read),
                                  WithThousands(table.rows_of_other_items), WithThousands(table.items_without_row)));
  }
  ASSIGN_OR_RETURN(Factors factors,
                   std::visit([&](const auto& family) { return Factorize(interactions, options, family, progress); },
                              options.family));
  factors.spec.transform = options.transform;
  factors.spec.prior_weight = options.prior_weight;
  report.reduced = factors.reduced;
  report.relative_error = factors.relative_error;

  progress->Begin("packing", 0, "");
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const std::string source =
      options.source.empty() ? std::filesystem::path(options.interactions_path).filename().string() : options.source;
  BundleParts parts;
  AddIds(interactions.user_ids, interactions.item_ids, &parts);
  AddSeen(interactions.values, &parts);
  AddItemTable(table, &parts);
  AddSpace(kCollaborativeSpace, factors.spec.dim, factors.items, factors.users, &parts);
  AddMetadata(options.model, options.version, source, {{std::string(kCollaborativeSpace), factors.spec}},
              kCollaborativeSpace, TrainingJson(options, report.ingest, std::move(factors.training), seconds), &parts);
  ASSIGN_OR_RETURN(report.pack, PackParts(parts, options.out));
  progress->End(absl::StrFormat("%s, %s bytes, %d golden queries", options.out,
                                WithThousands(report.pack.info.file_size), report.pack.golden_queries));
  return report;
}

}  // namespace kindred
