#include "trainer/families/tfidf.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>

#include "core/base/text.h"
#include "trainer/families/tokenizer.h"
#include "trainer/linalg/sparse_ops.h"

namespace kindred {
namespace {

struct Word {
  std::string text;
  uint32_t texts = 0;        // that have it
  uint64_t occurrences = 0;  // in all
};

constexpr uint32_t kLeftOut = 0xFFFFFFFF;

}  // namespace

Tfidf MakeTfidf(const std::vector<std::string>& texts, const TfidfOptions& options) {
  std::unordered_map<std::string, uint32_t, StringHash, std::equal_to<>> index;
  std::vector<Word> all;
  std::vector<std::map<uint32_t, uint32_t>> counts(texts.size());  // word → tf, of each text
  for (size_t i = 0; i < texts.size(); ++i) {
    ForEachWord(texts[i], [&](std::string_view text) {
      if (!options.stop_words.empty() && options.stop_words.contains(std::string(text))) return;
      const auto [found, is_new] = index.try_emplace(std::string(text), static_cast<uint32_t>(all.size()));
      if (is_new) all.push_back({found->first});
      ++all[found->second].occurrences;
      if (++counts[i][found->second] == 1) ++all[found->second].texts;
    });
  }

  const auto n = static_cast<double>(texts.size());
  std::vector<uint32_t> kept;
  for (uint32_t w = 0; w < all.size(); ++w) {
    if (all[w].texts >= options.min_df && all[w].texts <= options.max_df * n) kept.push_back(w);
  }
  if (options.max_features > 0 && kept.size() > options.max_features) {
    std::sort(kept.begin(), kept.end(), [&](uint32_t a, uint32_t b) {
      return all[a].occurrences != all[b].occurrences ? all[a].occurrences > all[b].occurrences
                                                      : all[a].text < all[b].text;
    });
    kept.resize(options.max_features);
  }
  std::sort(kept.begin(), kept.end(), [&](uint32_t a, uint32_t b) { return all[a].text < all[b].text; });

  Tfidf out;
  std::vector<uint32_t> column(all.size(), kLeftOut);
  for (uint32_t w : kept) {
    column[w] = static_cast<uint32_t>(out.words.size());
    out.words.push_back(all[w].text);
  }
  out.values.rows = static_cast<uint32_t>(texts.size());
  out.values.cols = static_cast<uint32_t>(out.words.size());
  std::vector<std::pair<uint32_t, double>> row;
  for (const auto& words : counts) {
    row.clear();
    for (const auto& [w, count] : words) {
      if (column[w] == kLeftOut) continue;
      const double tf = options.sublinear ? 1 + std::log(count) : count;
      row.emplace_back(column[w], tf * (std::log((1 + n) / (1 + all[w].texts)) + 1));
    }
    std::sort(row.begin(), row.end());
    for (const auto& [index_of_word, value] : row) {
      out.values.indices.push_back(index_of_word);
      out.values.values.push_back(value);
    }
    out.values.offsets.push_back(out.values.nnz());
  }
  out.values = NormalizedRows(out.values);
  return out;
}

}  // namespace kindred
