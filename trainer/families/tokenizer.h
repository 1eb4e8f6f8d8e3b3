// Free text → words, for features of items. Pure functions, thread-safe.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>

namespace kindred {

// The text with its letters in lower case: ASCII, Latin-1, Latin Extended-A, Greek and Cyrillic; others, and bytes that
// are not UTF-8, stay as they are.
std::string LowerCase(std::string_view text);

// Calls `word` for every run of at least two word characters of the lower-cased text, in order: letters, digits and
// '_'. Beyond ASCII every character counts as a letter unless it is punctuation, a symbol, a space or an emoji; bytes
// that are not UTF-8 separate. On ASCII text these are the tokens of scikit-learn's default pattern (?u)\b\w\w+\b.
void ForEachWord(std::string_view text, const std::function<void(std::string_view)>& word);

// Words that say nothing of a text's subject ("the", "with", …): our own short list for English.
const std::unordered_set<std::string_view>& EnglishStopWords();

}  // namespace kindred
