#include "trainer/families/tokenizer.h"

#include <cstdint>
#include <iterator>

namespace kindred {
namespace {

constexpr uint32_t kInvalid = 0xFFFFFFFF;

// The code point at `*at`, which moves past it; kInvalid, one byte further, for what is not UTF-8.
uint32_t Next(std::string_view text, size_t* at) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte((*at)++);
  if (lead < 0x80) return lead;
  const int more = lead >= 0xF0 && lead < 0xF5   ? 3
                   : lead >= 0xE0 && lead < 0xF0 ? 2
                   : lead >= 0xC2 && lead < 0xE0 ? 1
                                                 : 0;
  if (more == 0 || *at + more > text.size()) return kInvalid;
  uint32_t point = lead & (0x3F >> more);
  for (int i = 0; i < more; ++i) {
    if ((byte(*at + i) & 0xC0) != 0x80) return kInvalid;
    point = (point << 6) | (byte(*at + i) & 0x3F);
  }
  *at += more;
  return point;
}

void Append(uint32_t point, std::string* out) {
  if (point < 0x80) {
    out->push_back(static_cast<char>(point));
    return;
  }
  const int more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  constexpr uint8_t kLead[] = {0, 0xC0, 0xE0, 0xF0};
  out->push_back(static_cast<char>(kLead[more] | (point >> (6 * more))));
  for (int i = more - 1; i >= 0; --i) out->push_back(static_cast<char>(0x80 | ((point >> (6 * i)) & 0x3F)));
}

bool Within(uint32_t point, uint32_t first, uint32_t last) { return point >= first && point <= last; }

// Unicode's simple mapping for the scripts named in the header.
uint32_t Lower(uint32_t p) {
  if (Within(p, 'A', 'Z')) return p + 32;
  if (p < 0xC0) return p;
  if (Within(p, 0xC0, 0xDE)) return p == 0xD7 ? p : p + 32;
  if (p == 0x130) return 'i';
  if (p == 0x178) return 0xFF;
  // Capitals are even here, odd in the two stretches around.
  if (Within(p, 0x100, 0x137) || Within(p, 0x14A, 0x177)) return p | 1;
  if (Within(p, 0x139, 0x148) || Within(p, 0x179, 0x17E)) return p + (p & 1);
  if (p == 0x386) return 0x3AC;
  if (Within(p, 0x388, 0x38A)) return p + 37;
  if (p == 0x38C) return 0x3CC;
  if (Within(p, 0x38E, 0x38F)) return p + 63;
  if (Within(p, 0x391, 0x3AB) && p != 0x3A2) return p + 32;
  if (Within(p, 0x400, 0x40F)) return p + 80;
  if (Within(p, 0x410, 0x42F)) return p + 32;
  if (Within(p, 0x460, 0x481) || Within(p, 0x48A, 0x4BF) || Within(p, 0x4D0, 0x52F)) return p | 1;
  return p;
}

bool IsWord(uint32_t p) {
  if (p < 0x80) return Within(p, '0', '9') || Within(p, 'a', 'z') || Within(p, 'A', 'Z') || p == '_';
  if (p == kInvalid) return false;
  if (p < 0xC0) return p == 0xAA || p == 0xB5 || p == 0xBA || p == 0xB2 || p == 0xB3 || p == 0xB9;
  if (p == 0xD7 || p == 0xF7) return false;
  constexpr struct {
    uint32_t first, last;
  } kNotWords[] = {{0x2000, 0x206F},    // spaces and general punctuation
                   {0x20A0, 0x20CF},    // currency
                   {0x2190, 0x245F},    // arrows, mathematical and technical symbols
                   {0x2500, 0x2BFF},    // boxes, shapes, dingbats
                   {0x2E00, 0x2E7F},    // more punctuation
                   {0x3000, 0x3004},    // CJK punctuation
                   {0x3008, 0x3020},    //
                   {0x3030, 0x3030},    //
                   {0xE000, 0xF8FF},    // private use
                   {0xFE10, 0xFE6F},    // forms of punctuation
                   {0xFEFF, 0xFEFF},    // byte order mark
                   {0xFF00, 0xFF0F},    // wide punctuation
                   {0xFF1A, 0xFF20},    //
                   {0xFF3B, 0xFF3E},    //
                   {0xFF5B, 0xFF65},    //
                   {0xFFF0, 0xFFFF},    // replacement character and its like
                   {0x1F000, 0x1FAFF},  // emoji
                   {0xE0000, 0x10FFFF}};
  for (const auto& range : kNotWords) {
    if (Within(p, range.first, range.last)) return false;
  }
  return p != 0x1680;
}

}  // namespace

std::string LowerCase(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    const uint32_t point = Next(text, &at);
    if (point == kInvalid) {
      out.append(text.substr(begin, at - begin));
    } else {
      Append(Lower(point), &out);
    }
  }
  return out;
}

void ForEachWord(std::string_view text, const std::function<void(std::string_view)>& word) {
  const std::string lower = LowerCase(text);
  size_t begin = 0, characters = 0;
  for (size_t at = 0; at < lower.size();) {
    const size_t before = at;
    if (IsWord(Next(lower, &at))) {
      if (characters++ == 0) begin = before;
      if (at < lower.size()) continue;
      if (characters >= 2) word(std::string_view(lower).substr(begin));
      return;
    }
    if (characters >= 2) word(std::string_view(lower).substr(begin, before - begin));
    characters = 0;
  }
}

const std::unordered_set<std::string_view>& EnglishStopWords() {
  static constexpr std::string_view kWords[] = {
      "about", "above", "after", "again",  "all",   "also",  "am",      "an",    "and",   "any",   "are",   "as",
      "at",    "be",    "been",  "before", "being", "below", "both",    "but",   "by",    "can",   "could", "did",
      "do",    "does",  "doing", "down",   "each",  "few",   "for",     "from",  "had",   "has",   "have",  "having",
      "he",    "her",   "here",  "hers",   "him",   "his",   "how",     "if",    "in",    "into",  "is",    "it",
      "its",   "just",  "may",   "me",     "might", "more",  "most",    "must",  "my",    "no",    "nor",   "not",
      "now",   "of",    "off",   "on",     "once",  "only",  "or",      "other", "our",   "ours",  "out",   "over",
      "own",   "same",  "she",   "should", "so",    "some",  "such",    "than",  "that",  "the",   "their", "them",
      "then",  "there", "these", "they",   "this",  "those", "through", "to",    "too",   "under", "until", "up",
      "us",    "very",  "was",   "we",     "were",  "what",  "when",    "where", "which", "while", "who",   "whom",
      "why",   "will",  "with",  "would",  "you",   "your",  "yours"};
  static const auto* const set = new std::unordered_set<std::string_view>(std::begin(kWords), std::end(kWords));
  return *set;
}

}  // namespace kindred
