#include "trainer/families/item2vec.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <mutex>
#include <new>
#include <thread>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "trainer/base/alias_table.h"
#include "trainer/base/random.h"
#include "trainer/linalg/skipgram_kernels.h"

namespace kindred {
namespace {

// Tokens after which the learning rate is set anew and another thread may take over: what a thread draws depends on
// the seed and the chunk alone.
constexpr int64_t kChunkTokens = 4096;
constexpr size_t kRowAlignment = 64;

absl::Status CheckInput(const TokenSequences& sequences, const Item2vecOptions& options) {
  const auto wrong = [](std::string_view name, double value, std::string_view expected) {
    return absl::InvalidArgumentError(absl::StrFormat("%s is %g, expected %s", name, value, expected));
  };
  if (options.factors == 0 || options.factors > 4096) return wrong("factors", options.factors, "1 to 4096");
  if (options.window == 0) return wrong("window", options.window, "at least 1");
  if (options.negatives == 0 || options.negatives >= kMaxSkipGramTargets) {
    return wrong("negatives", options.negatives, "1 to 63");
  }
  if (!std::isfinite(options.exponent)) return wrong("exponent", options.exponent, "a finite number");
  if (!(options.subsample >= 0) || !std::isfinite(options.subsample)) {
    return wrong("subsample", options.subsample, "a finite number ≥ 0");
  }
  if (options.epochs == 0) return wrong("epochs", options.epochs, "at least 1");
  if (!(options.learning_rate > 0) || !std::isfinite(options.learning_rate)) {
    return wrong("learning_rate", options.learning_rate, "a finite number > 0");
  }
  if (!(options.min_learning_rate >= 0) || !(options.min_learning_rate <= options.learning_rate)) {
    return wrong("min_learning_rate", options.min_learning_rate, "0 to learning_rate");
  }
  if (sequences.token_ids.empty()) {
    return absl::InvalidArgumentError("there is no token to train on: every event was left out, or there is none");
  }
  for (size_t s = 0; s < sequences.size(); ++s) {
    if (sequences.Sequence(s).size() >= 2) return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrFormat("no sequence has two tokens, so nothing has a neighbour to learn from (%d sequences of one "
                      "token): split sessions "
                      "at longer pauses, or make one sequence a user",
                      sequences.size()));
}

// A matrix whose rows are padded with zeros and aligned as the kernel wants them.
class Rows {
 public:
  Rows(size_t n, size_t d)
      : n_(n),
        d_(d),
        stride_((d + kSkipGramLanes - 1) / kSkipGramLanes * kSkipGramLanes),
        data_(static_cast<float*>(::operator new(n* stride_ * sizeof(float), std::align_val_t(kRowAlignment)))) {
    std::fill_n(data_, n_ * stride_, 0.0f);
  }
  ~Rows() { ::operator delete(data_, std::align_val_t(kRowAlignment)); }
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  float* Row(size_t i) { return data_ + i * stride_; }
  size_t stride() const { return stride_; }

  // Without the padding: [n × d].
  std::vector<float> Packed() const {
    std::vector<float> out;
    out.reserve(n_ * d_);
    for (size_t i = 0; i < n_; ++i) out.insert(out.end(), data_ + i * stride_, data_ + i * stride_ + d_);
    return out;
  }

 private:
  const size_t n_, d_, stride_;
  float* const data_;
};

// Whole sequences [begin, end) and the tokens that stand before them.
struct Chunk {
  size_t begin = 0, end = 0;
  int64_t tokens_before = 0;
};

std::vector<Chunk> Chunks(const TokenSequences& sequences) {
  std::vector<Chunk> chunks;
  for (size_t s = 0; s < sequences.size();) {
    Chunk chunk{s, s, sequences.offsets[s]};
    while (s < sequences.size() && sequences.offsets[s] - chunk.tokens_before < kChunkTokens) ++s;
    chunk.end = s;
    chunks.push_back(chunk);
  }
  return chunks;
}

// Chance × 2³² with which each token is kept, word2vec's rule.
std::vector<uint64_t> KeepThresholds(const TokenSequences& sequences, double subsample) {
  std::vector<uint64_t> keep(sequences.token_ids.size(), uint64_t{1} << 32);
  if (subsample == 0) return keep;
  const auto total = static_cast<double>(sequences.tokens.size());
  for (size_t t = 0; t < keep.size(); ++t) {
    const double ratio = subsample * total / static_cast<double>(sequences.token_count[t]);
    keep[t] = static_cast<uint64_t>(std::min(1.0, std::sqrt(ratio) + ratio) * 4294967296.0);
  }
  return keep;
}

AliasTable NoiseTable(const TokenSequences& sequences, double exponent) {
  std::vector<double> weights;
  weights.reserve(sequences.token_count.size());
  // Relative to the mean count, so that no exponent overflows where the ratios do not.
  const double mean = static_cast<double>(sequences.tokens.size()) / static_cast<double>(sequences.token_count.size());
  for (uint64_t count : sequences.token_count) {
    weights.push_back(std::pow(static_cast<double>(std::max<uint64_t>(count, 1)) / mean, exponent));
  }
  return AliasTable(weights);
}

class SkipGram {
 public:
  SkipGram(const TokenSequences& sequences, const Item2vecOptions& options)
      : sequences_(sequences),
        options_(options),
        chunks_(Chunks(sequences)),
        keep_(KeepThresholds(sequences, options.subsample)),
        noise_(NoiseTable(sequences, options.exponent)),
        input_(sequences.token_ids.size(), options.factors),
        output_(sequences.token_ids.size(), options.factors) {
    Random random(options.seed);
    const double scale = 1.0 / options.factors;
    for (size_t t = 0; t < sequences.token_ids.size(); ++t) {
      for (size_t j = 0; j < options.factors; ++j) {
        input_.Row(t)[j] = static_cast<float>((random.Uniform() - 0.5) * scale);
      }
    }
  }

  void Run(Progress* progress) {
    const uint64_t steps = uint64_t{options_.epochs} * chunks_.size();
    std::atomic<uint64_t> next{0}, done{0};
    std::mutex progress_lock;
    const auto work = [&] {
      std::vector<uint32_t> kept;
      for (uint64_t step = next.fetch_add(1); step < steps; step = next.fetch_add(1)) {
        const Chunk& chunk = chunks_[step % chunks_.size()];
        TrainChunk(step, chunk, &kept);
        const int64_t tokens = sequences_.offsets[chunk.end] - chunk.tokens_before;
        const uint64_t sum = done.fetch_add(static_cast<uint64_t>(tokens)) + static_cast<uint64_t>(tokens);
        if (const std::unique_lock lock(progress_lock, std::try_to_lock); lock.owns_lock()) progress->Update(sum);
      }
    };
    std::vector<std::thread> others;
    for (int t = 1; t < options_.threads && static_cast<uint64_t>(t) < chunks_.size(); ++t) others.emplace_back(work);
    work();
    for (std::thread& thread : others) thread.join();
  }

  std::vector<float> Input() const { return input_.Packed(); }
  std::vector<float> Output() const { return output_.Packed(); }

 private:
  void TrainChunk(uint64_t step, const Chunk& chunk, std::vector<uint32_t>* kept) {
    const auto total = static_cast<double>(sequences_.tokens.size());
    const double progress =
        (static_cast<double>(step / chunks_.size()) * total + static_cast<double>(chunk.tokens_before)) /
        (total * options_.epochs);
    const auto rate =
        static_cast<float>(options_.learning_rate - (options_.learning_rate - options_.min_learning_rate) * progress);
    Random random(options_.seed, step);
    for (size_t s = chunk.begin; s < chunk.end; ++s) {
      kept->clear();
      for (uint32_t token : sequences_.Sequence(s)) {
        if (options_.subsample == 0 || random.Bits() >> 32 < keep_[token]) kept->push_back(token);
      }
      TrainSequence(*kept, rate, &random);
    }
  }

  void TrainSequence(const std::vector<uint32_t>& tokens, float rate, Random* random) {
    float* outputs[kMaxSkipGramTargets];
    const size_t n = tokens.size();
    for (size_t center = 0; center < n; ++center) {
      const size_t reach = 1 + random->Below(options_.window);
      const size_t begin = center < reach ? 0 : center - reach;
      const size_t end = std::min(n, center + reach + 1);
      outputs[0] = output_.Row(tokens[center]);
      for (size_t context = begin; context < end; ++context) {
        if (context == center) continue;
        size_t targets = 1;
        for (uint32_t i = 0; i < options_.negatives; ++i) {
          const uint32_t negative = noise_.Draw(random->Bits());
          if (negative != tokens[center]) outputs[targets++] = output_.Row(negative);
        }
        SkipGramStep(input_.Row(tokens[context]), outputs, targets, input_.stride(), rate);
      }
    }
  }

  const TokenSequences& sequences_;
  const Item2vecOptions& options_;
  const std::vector<Chunk> chunks_;
  const std::vector<uint64_t> keep_;
  const AliasTable noise_;
  Rows input_, output_;
};

absl::Status CheckFinite(const std::vector<float>& vectors) {
  if (std::all_of(vectors.begin(), vectors.end(), [](float v) { return std::isfinite(v); })) return absl::OkStatus();
  return absl::FailedPreconditionError("the vectors grew beyond what a float holds; give a smaller learning_rate");
}

}  // namespace

absl::StatusOr<Item2vecResult> Item2vec(const TokenSequences& sequences, const Item2vecOptions& options,
                                        Progress* progress) {
  RETURN_IF_ERROR(CheckInput(sequences, options));
  Item2vecResult result;
  result.tokens_trained = uint64_t{options.epochs} * sequences.tokens.size();
  progress->Begin("item2vec", result.tokens_trained, "tokens");
  const auto start = std::chrono::steady_clock::now();
  SkipGram model(sequences, options);
  model.Run(progress);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  result.input = model.Input();
  result.output = model.Output();
  RETURN_IF_ERROR(CheckFinite(result.input));
  RETURN_IF_ERROR(CheckFinite(result.output));
  progress->End(absl::StrFormat("%s tokens in the vocabulary, %d factors, %d epochs",
                                WithThousands(sequences.token_ids.size()), options.factors, options.epochs));
  return result;
}

}  // namespace kindred
