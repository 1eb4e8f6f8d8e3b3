#include "trainer/evaluation/embedding_quality.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "core/engine/recommender.h"
#include "core/packing/csv_reader.h"
#include "trainer/base/random.h"

namespace kindred {
namespace {

using Columns = std::vector<size_t>;
using Index = std::unordered_map<std::string, uint32_t, StringHash, std::equal_to<>>;

absl::StatusOr<Columns> FindColumns(const CsvReader& reader, const std::vector<std::string>& names) {
  Columns out;
  out.reserve(names.size());
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(out.emplace_back(), reader.Column(name));
  }
  return out;
}

absl::Status NoRows(const std::string& path) {
  return absl::FailedPreconditionError(StrCat(path, ": has no row below its header"));
}

uint32_t NumberOf(std::string_view id, Index* index, std::vector<std::string>* ids) {
  const auto found = index->find(id);
  if (found != index->end()) return found->second;
  const auto number = static_cast<uint32_t>(ids->size());
  ids->emplace_back(id);
  index->emplace(id, number);
  return number;
}

// Cosine of two rows; nullopt when one is zeros.
std::optional<double> Cosine(std::span<const float> a, std::span<const float> b) {
  double aa = 0, bb = 0, ab = 0;
  for (size_t j = 0; j < a.size(); ++j) {
    aa += static_cast<double>(a[j]) * a[j];
    bb += static_cast<double>(b[j]) * b[j];
    ab += static_cast<double>(a[j]) * b[j];
  }
  if (aa == 0 || bb == 0) return std::nullopt;
  return ab / (std::sqrt(aa) * std::sqrt(bb));
}

std::optional<double> SparseCosine(const RowsView& rows, uint32_t a, uint32_t b) {
  const auto norm = [&](uint32_t row) {
    double sum = 0;
    for (const float w : rows.RowWeights(row)) sum += static_cast<double>(w) * w;
    return std::sqrt(sum);
  };
  const double norms = norm(a) * norm(b);
  if (norms == 0) return std::nullopt;
  const auto columns_a = rows.Row(a), columns_b = rows.Row(b);
  double sum = 0;
  for (size_t i = 0, j = 0; i < columns_a.size() && j < columns_b.size();) {
    if (columns_a[i] == columns_b[j])
      sum += static_cast<double>(rows.RowWeights(a)[i++]) * rows.RowWeights(b)[j++];
    else if (columns_a[i] < columns_b[j])
      ++i;
    else
      ++j;
  }
  return sum / norms;
}

std::optional<double> Similarity(const Space& space, PairKind kind, uint32_t a, uint32_t b) {
  if (kind == PairKind::kItems && IsSparse(space.spec.fold_in)) {
    // An item's own neighbours say how near it is to each of them; there is no vector beside.
    if (!space.sparse.neighbors) return SparseCosine(space.sparse.rows, a, b);
    if (a == b) return 1;
    return SparseKernel(space.sparse, a, b);
  }
  const auto matrix = kind == PairKind::kItems ? space.items : space.embedding.tokens;
  const size_t dim = kind == PairKind::kItems ? space.spec.dim : space.embedding.dim;
  return Cosine(matrix.subspan(a * dim, dim), matrix.subspan(b * dim, dim));
}

}  // namespace

absl::StatusOr<SimilarityPairs> ReadSimilarityPairs(const std::string& path, const std::vector<std::string>& columns) {
  SimilarityPairs out;
  out.path = path;
  ASSIGN_OR_RETURN(const auto reader, CsvReader::Open(path));
  ASSIGN_OR_RETURN(const Columns at, FindColumns(*reader, columns));
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader->Next());
    if (!more) break;
    const std::optional<double> expected = ParseNumber(reader->Field(at[2]));
    if (!expected) {
      return reader->ErrorAt(at[2],
                             StrCat("found ", Shown(reader->Field(at[2])), ", expected a number, the similarity"));
    }
    out.a.emplace_back(Trimmed(reader->Field(at[0])));
    out.b.emplace_back(Trimmed(reader->Field(at[1])));
    out.expected.push_back(*expected);
  }
  if (out.expected.empty()) return NoRows(path);
  return out;
}

absl::StatusOr<UserSegments> ReadUserSegments(const std::string& path, const std::vector<std::string>& columns) {
  UserSegments out;
  out.path = path;
  Index users, segments;
  ASSIGN_OR_RETURN(const auto reader, CsvReader::Open(path));
  ASSIGN_OR_RETURN(const Columns at, FindColumns(*reader, columns));
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader->Next());
    if (!more) break;
    const std::string_view label = Trimmed(reader->Field(at[1]));
    if (label.empty()) continue;  // not labelled
    const uint32_t user = NumberOf(Trimmed(reader->Field(at[0])), &users, &out.users);
    const uint32_t segment = NumberOf(label, &segments, &out.segments);
    if (out.segments.size() > kMaxSegments) {
      return reader->ErrorAt(at[1],
                             StrCat("more than ", kMaxSegments, " different segments; is this the right column?"));
    }
    if (user < out.segment.size() && out.segment[user] != segment) {
      return reader->ErrorAt(at[1],
                             StrCat("user ", Shown(out.users[user]), " is in segment ", Shown(label), " here and in ",
                                    Shown(out.segments[out.segment[user]]), " above; expected one segment a user"));
    }
    if (user == out.segment.size()) out.segment.push_back(segment);
  }
  if (out.users.empty()) return NoRows(path);
  return out;
}

absl::StatusOr<SimilarityFigures> MeasureSimilarity(const Model& model, const Space& space,
                                                    const SimilarityPairs& pairs) {
  const IdTable& ids = pairs.kind == PairKind::kItems ? model.items() : model.token_ids();
  if (pairs.kind == PairKind::kTokens && space.embedding.tokens.empty()) {
    return absl::FailedPreconditionError(
        StrCat("space '", space.name, "' has no token vectors; compare items, or a space of family traits"));
  }
  SimilarityFigures out;
  out.kind = pairs.kind;
  out.given = pairs.expected.size();
  std::vector<double> found, expected;
  found.reserve(out.given);
  expected.reserve(out.given);
  for (size_t i = 0; i < pairs.expected.size(); ++i) {
    const auto a = ids.Find(pairs.a[i]), b = ids.Find(pairs.b[i]);
    if (!a || !b) {
      ++out.unknown;
      continue;
    }
    const std::optional<double> similarity = Similarity(space, pairs.kind, *a, *b);
    if (!similarity) {
      ++out.without_vector;
      continue;
    }
    found.push_back(*similarity);
    expected.push_back(pairs.expected[i]);
  }
  if (found.empty()) {
    const bool tokens = pairs.kind == PairKind::kTokens;
    return absl::FailedPreconditionError(
        StrCat(pairs.path, ": of ", out.given, " pairs none has two ", tokens ? "tokens" : "items",
               " with a vector in this bundle; the first is ", Shown(pairs.a[0]), ", ", Shown(pairs.b[0]),
               tokens ? "" : " (tokens are compared with --similarity-of tokens)"));
  }
  out.spearman = SpearmanCorrelation(found, expected);
  return out;
}

absl::StatusOr<SegmentFigures> MeasureSegments(const Model& model, const Space& space, const UserSegments& segments,
                                               uint32_t sample, uint64_t seed) {
  if (IsSparse(space.spec.fold_in)) {
    return absl::FailedPreconditionError(
        StrCat("space '", space.name, "' has no user vectors to compare with segments: its rows are sparse"));
  }
  SegmentFigures out;
  out.given = segments.users.size();
  std::vector<uint32_t> taken(segments.users.size());
  for (size_t i = 0; i < taken.size(); ++i) taken[i] = static_cast<uint32_t>(i);
  if (sample > 0 && sample < taken.size()) {
    Random random(seed);
    for (uint32_t i = 0; i < sample; ++i) {
      std::swap(taken[i], taken[i + random.Below(static_cast<uint32_t>(taken.size() - i))]);
    }
    taken.resize(sample);
    std::sort(taken.begin(), taken.end());
  }
  out.sampled = taken.size();

  const Recommender recommender(model);
  EngineScratch scratch;
  const auto vector = [&](std::string_view user, AnswerSource* source) -> std::span<const float> {
    SubjectView subject;
    subject.user_id = user;
    *source = recommender.Resolve(subject, space, &scratch, nullptr);
    return space.traits != nullptr ? scratch.profile : scratch.vector;
  };
  std::vector<uint32_t> users, labels;
  users.reserve(taken.size());
  labels.reserve(taken.size());
  for (const uint32_t user : taken) {
    if (model.users().empty() || !model.users().Find(segments.users[user])) {
      ++out.unknown;
      continue;
    }
    AnswerSource source = AnswerSource::kPopularity;
    const auto found = vector(segments.users[user], &source);
    const bool zeros = std::all_of(found.begin(), found.end(), [](float x) { return x == 0; });
    const bool trained = source == AnswerSource::kTrainedVector || source == AnswerSource::kCategory;
    if (!trained || zeros) {
      ++out.without_vector;
      continue;
    }
    users.push_back(user);
    labels.push_back(segments.segment[user]);
  }
  const absl::StatusOr<Silhouette> silhouette =
      CosineSilhouette(labels, static_cast<uint32_t>(segments.segments.size()), space.spec.dim, [&](size_t i) {
        AnswerSource source = AnswerSource::kPopularity;
        return vector(segments.users[users[i]], &source);
      });
  if (!silhouette.ok()) {
    return absl::Status(
        silhouette.status().code(),
        StrCat(segments.path, ": ", silhouette.status().message(), " (", out.given, " users given, ", out.unknown,
               " of them unknown to the bundle, ", out.without_vector, " without a vector)"));
  }
  out.silhouette = *silhouette;
  return out;
}

}  // namespace kindred
