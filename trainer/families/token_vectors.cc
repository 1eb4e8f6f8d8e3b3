#include "trainer/families/token_vectors.h"

#include "core/base/status_macros.h"

namespace kindred {
namespace {

// Σ weight · row and Σ weight of a few rows, as means.
class Means {
 public:
  Means(size_t n, size_t d) : d_(d), sums_(n * d, 0.0), weights_(n, 0.0) {}

  void Add(size_t i, const float* row, double weight) {
    for (size_t j = 0; j < d_; ++j) sums_[i * d_ + j] += weight * row[j];
    weights_[i] += weight;
  }
  std::vector<float> Take() const {
    std::vector<float> out(sums_.size(), 0.0f);
    for (size_t i = 0; i < weights_.size(); ++i) {
      if (!(weights_[i] > 0)) continue;
      for (size_t j = 0; j < d_; ++j) out[i * d_ + j] = static_cast<float>(sums_[i * d_ + j] / weights_[i]);
    }
    return out;
  }

 private:
  const size_t d_;
  std::vector<double> sums_, weights_;
};

SessionSplit Resolve(SequenceSplit split, const EventLog& events) {
  switch (split) {
    case SequenceSplit::kGap:
      return SessionSplit::kGap;
    case SequenceSplit::kColumn:
      return SessionSplit::kColumn;
    case SequenceSplit::kUser:
      return SessionSplit::kUser;
    case SequenceSplit::kAuto:
      break;
  }
  if (!events.session.empty()) return SessionSplit::kColumn;
  return events.time_ms.empty() ? SessionSplit::kUser : SessionSplit::kGap;
}

size_t Width(const TokenSequences& sequences, const std::vector<float>& vectors) {
  return sequences.token_ids.empty() ? 0 : vectors.size() / sequences.token_ids.size();
}

}  // namespace

void TokenVectorOptions::Describe(ParameterList* parameters) {
  parameters->Add("factors", &item2vec.factors, "Dimensions of the vectors", 1, 4096);
  parameters->Add("window", &item2vec.window,
                  "Most tokens on each side that count as neighbours; each token draws its own from 1 to this", 1,
                  1000000);
  parameters->Add("negatives", &item2vec.negatives, "Tokens drawn at random against each pair of neighbours", 1, 63);
  parameters->Add("exponent", &item2vec.exponent,
                  "Negatives are drawn in proportion to count^exponent: 0 uniformly, below 0 rare tokens more often",
                  -10, 10);
  parameters->Add("subsample", &item2vec.subsample,
                  "Tokens of a frequency f above this t are dropped at random, kept with the chance sqrt(t/f) + t/f; 0 "
                  "keeps all",
                  0, 1);
  parameters->Add("epochs", &item2vec.epochs, "Passes over the sequences", 1, 1000000);
  parameters->Add("learning_rate", &item2vec.learning_rate, "Step at the start; falls linearly to its minimum", 1e-9,
                  1e3);
  parameters->Add("min_learning_rate", &item2vec.min_learning_rate, "Step at the end", 0, 1e3);
  parameters->Add<SequenceSplit>("sessions", &split,
                                 "What begins a new sequence: gap = a pause, column = another session id, user = "
                                 "nothing; auto = the session column "
                                 "where there is one, else gap where there are times, else user",
                                 {{"auto", SequenceSplit::kAuto},
                                  {"gap", SequenceSplit::kGap},
                                  {"column", SequenceSplit::kColumn},
                                  {"user", SequenceSplit::kUser}});
  parameters->Add("session_gap_minutes", &sessions.gap_minutes, "The longest pause within a session");
  parameters->Add("min_tokens", &sessions.min_tokens, "Leave out shorter sequences", 1);
  parameters->Add("min_occurrences", &sessions.min_occurrences, "Leave out tokens that occur less often", 1);
}

absl::StatusOr<TokenVectors> TrainTokenVectors(const TrainingData& data, const TokenVectorOptions& options,
                                               Progress* progress) {
  SessionOptions sessions = options.sessions;
  sessions.split = Resolve(options.split, *data.events);
  TokenVectors out;
  ASSIGN_OR_RETURN(out.sequences, MakeSequences(*data.events, sessions));
  Item2vecOptions item2vec = options.item2vec;
  item2vec.seed = data.seed;
  item2vec.threads = data.threads;
  ASSIGN_OR_RETURN(out.vectors, Item2vec(out.sequences, item2vec, progress));
  return out;
}

std::vector<float> ItemMeans(const TokenSequences& sequences, const std::vector<float>& vectors, size_t n_items) {
  const size_t d = Width(sequences, vectors);
  Means means(n_items, d);
  for (size_t t = 0; t < sequences.token_ids.size(); ++t) {
    means.Add(sequences.token_item[t], vectors.data() + t * d, static_cast<double>(sequences.token_count[t]));
  }
  return means.Take();
}

std::vector<float> CategoryMeans(const TokenSequences& sequences, const std::vector<float>& vectors,
                                 const ItemTable& items) {
  const size_t d = Width(sequences, vectors);
  Means means(items.category_ids.size(), d);
  if (items.categories.empty()) return means.Take();
  for (size_t t = 0; t < sequences.token_ids.size(); ++t) {
    for (uint32_t category : items.categories[sequences.token_item[t]]) means.Add(category, vectors.data() + t * d, 1);
  }
  return means.Take();
}

std::vector<float> ActionMeans(const TokenSequences& sequences, const std::vector<float>& vectors, size_t n_actions) {
  const size_t d = Width(sequences, vectors);
  Means means(n_actions, d);
  for (size_t t = 0; t < sequences.token_action.size(); ++t) {
    means.Add(sequences.token_action[t], vectors.data() + t * d, 1);
  }
  return means.Take();
}

}  // namespace kindred
