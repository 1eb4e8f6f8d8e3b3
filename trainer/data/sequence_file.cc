#include "trainer/data/sequence_file.h"

#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <unordered_map>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "core/bundle/id_table.h"

namespace kindred {
namespace {

constexpr size_t kChunkBytes = 1 << 18;
// Longest accepted word: what is longer is no id, and a file without blanks must not be held in memory whole.
constexpr size_t kMaxWordBytes = 1 << 16;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

struct CloseGz {
  void operator()(gzFile_s* file) const { gzclose(file); }
};

// Takes the text piece by piece and appends its words to a log.
class WordReader {
 public:
  explicit WordReader(const std::string& path) : path_(path) {}

  absl::Status Take(std::string_view text) {
    for (char c : text) {
      if (c == 0) return Malformed("holds a NUL byte, expected text");
      if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        RETURN_IF_ERROR(EndWord());
        if (c == '\n') EndLine();
        continue;
      }
      word_.push_back(c);
      if (word_.size() > kMaxWordBytes) {
        return Malformed(
            absl::StrFormat("has an item id of more than %d bytes, expected ids separated by blanks", kMaxWordBytes));
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<EventLog> Finish() {
    RETURN_IF_ERROR(EndWord());
    if (log_.user.empty()) {
      return absl::FailedPreconditionError(StrCat(path_, ": holds no item, expected one sequence of item ids a line"));
    }
    return std::move(log_);
  }

  uint64_t line() const { return line_; }

 private:
  absl::Status EndWord() {
    if (word_.empty()) return absl::OkStatus();
    std::string_view word = word_;
    if (first_word_ && word.starts_with(kByteOrderMark)) word.remove_prefix(kByteOrderMark.size());
    first_word_ = false;
    if (const std::string problem = IdProblem(word); !problem.empty()) {
      return Malformed(StrCat("item id ", Shown(word), " ", problem));
    }
    auto found = items_.find(word);
    if (found == items_.end()) {
      found = items_.emplace(std::string(word), static_cast<uint32_t>(log_.item_ids.size())).first;
      log_.item_ids.emplace_back(word);
    }
    if (!line_has_words_) log_.user_ids.push_back(StrCat(line_));
    line_has_words_ = true;
    log_.user.push_back(static_cast<uint32_t>(log_.user_ids.size() - 1));
    log_.item.push_back(found->second);
    word_.clear();
    return absl::OkStatus();
  }

  void EndLine() {
    ++line_;
    line_has_words_ = false;
  }

  absl::Status Malformed(std::string_view what) const {
    return absl::InvalidArgumentError(absl::StrFormat("%s, line %d: %s", path_, line_, what));
  }

  const std::string& path_;
  EventLog log_;
  std::unordered_map<std::string, uint32_t, StringHash, std::equal_to<>> items_;
  std::string word_;
  uint64_t line_ = 1;
  bool line_has_words_ = false, first_word_ = true;
};

}  // namespace

absl::StatusOr<EventLog> ReadSequenceFile(const std::string& path, Progress* progress) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) {
    const std::string message = absl::StrFormat("%s: %s", path, std::strerror(errno));
    if (errno == ENOENT || errno == ENOTDIR) return absl::NotFoundError(message);
    return absl::InvalidArgumentError(message);
  }
  if (S_ISDIR(info.st_mode)) return absl::InvalidArgumentError(StrCat(path, ": is a directory, expected a file"));
  const std::unique_ptr<gzFile_s, CloseGz> file(gzopen(path.c_str(), "rb"));
  if (file == nullptr) return absl::InvalidArgumentError(absl::StrFormat("%s: %s", path, std::strerror(errno)));
  gzbuffer(file.get(), kChunkBytes);

  progress->Begin(StrCat("reading ", path), static_cast<uint64_t>(info.st_size), "bytes");
  WordReader words(path);
  std::string chunk(kChunkBytes, '\0');
  while (true) {
    const int got = gzread(file.get(), chunk.data(), static_cast<unsigned>(chunk.size()));
    int code = Z_OK;
    const char* reason = gzerror(file.get(), &code);
    // A gzip stream that ends early is reported only here, with the bytes so far handed out.
    if (got < 0 || (code != Z_OK && code != Z_STREAM_END)) {
      return absl::DataLossError(absl::StrFormat("%s, near line %d: %s", path, words.line(),
                                                 code == Z_BUF_ERROR ? "the gzip data ends early; the file is truncated"
                                                 : code == Z_ERRNO   ? std::strerror(errno)
                                                                     : reason));
    }
    if (got == 0) break;
    RETURN_IF_ERROR(words.Take(std::string_view(chunk.data(), static_cast<size_t>(got))));
    progress->Update(static_cast<uint64_t>(std::max<z_off_t>(0, gzoffset(file.get()))));
  }
  ASSIGN_OR_RETURN(EventLog log, words.Finish());
  progress->End(absl::StrFormat("%s events, %s sequences, %s items", WithThousands(log.size()),
                                WithThousands(log.user_ids.size()), WithThousands(log.item_ids.size())));
  return log;
}

}  // namespace kindred
