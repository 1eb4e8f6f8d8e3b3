#include "trainer/commands/embedding_flags.h"

#include "core/base/status_macros.h"

namespace kindred {

void AddEmbeddingFlags(CLI::App* command, EmbeddingFlags* flags) {
  const std::string group = "Vectors against what people know";
  command
      ->add_option("--similarity-pairs", flags->pairs,
                   "CSV of pairs and how similar they should be: Spearman's correlation with the cosine of their "
                   "vectors; needs no --test")
      ->type_name("FILE")
      ->group(group);
  command->add_option("--similarity-columns", flags->pair_columns, "Its columns: the two ids and the similarity")
      ->delimiter(',')
      ->expected(3)
      ->type_name("A,B,EXPECTED")
      ->capture_default_str()
      ->group(group);
  command->add_option("--similarity-of", flags->pairs_of, "Whose ids they are: items, or tokens (view_4711)")
      ->check(CLI::IsMember({"items", "tokens"}))
      ->capture_default_str()
      ->group(group);
  command
      ->add_option("--segments", flags->segments,
                   "CSV of users and the segment each is in: silhouette of their vectors (of profiles in a traits "
                   "space); needs no --test")
      ->type_name("FILE")
      ->group(group);
  command->add_option("--segment-columns", flags->segment_columns, "Its columns")
      ->delimiter(',')
      ->expected(2)
      ->type_name("USER,SEGMENT")
      ->capture_default_str()
      ->group(group);
  command->add_option("--segment-users", flags->sample, "Users of --segments to take, at random; 0 = all")
      ->capture_default_str()
      ->group(group);
}

absl::StatusOr<EmbeddingQuality> MeasureEmbedding(const EmbeddingFlags& flags, const ModelRanker& ranker,
                                                  uint64_t seed) {
  EmbeddingQuality out;
  if (!flags.pairs.empty()) {
    ASSIGN_OR_RETURN(SimilarityPairs pairs, ReadSimilarityPairs(flags.pairs, flags.pair_columns));
    pairs.kind = flags.pairs_of == "tokens" ? PairKind::kTokens : PairKind::kItems;
    ASSIGN_OR_RETURN(out.similarity, MeasureSimilarity(ranker.model(), ranker.space(), pairs));
  }
  if (!flags.segments.empty()) {
    ASSIGN_OR_RETURN(const UserSegments segments, ReadUserSegments(flags.segments, flags.segment_columns));
    ASSIGN_OR_RETURN(out.segments, MeasureSegments(ranker.model(), ranker.space(), segments, flags.sample, seed));
  }
  return out;
}

absl::StatusOr<Evaluation> EmbeddingOnly(const ModelRanker& ranker, EmbeddingQuality quality) {
  Evaluation out;
  ASSIGN_OR_RETURN(out.ranker, ranker.Info());
  out.family = ranker.space().spec.family;
  out.dim = ranker.space().spec.dim;
  out.embedding = quality;
  return out;
}

}  // namespace kindred
