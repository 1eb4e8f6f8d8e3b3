#include "server/redis/reply_reader.h"

#include <new>
#include <utility>

#include "core/base/str_cat.h"
#include "server/redis/failure.h"

namespace kindred::redis {
namespace {

// Where the value of `task` goes: into the array that it is an element of, or a new reply. An array has its size before
// its elements come, so they stay where they are.
Reply* Place(const redisReadTask* task) {
  if (task->parent == nullptr) return new (std::nothrow) Reply;
  return &static_cast<Reply*>(task->parent->obj)->elements[static_cast<size_t>(task->idx)];
}

void* MakeString(const redisReadTask* task, char* text, size_t length) {
  Reply* const reply = Place(task);
  if (reply == nullptr) return nullptr;
  reply->text.assign(text, length);
  reply->type = task->type == REDIS_REPLY_STRING ? Reply::Type::kString : Reply::Type::kStatus;
  if (task->type == REDIS_REPLY_ERROR) reply->failure = ClassifyError(reply->text);
  return reply;
}

void* MakeArray(const redisReadTask* task, int n_elements) {
  if (n_elements < 0 || n_elements > ReplyLimits::kArrayElements) return nullptr;
  Reply* const reply = Place(task);
  if (reply == nullptr) return nullptr;
  reply->type = Reply::Type::kArray;
  reply->elements.resize(static_cast<size_t>(n_elements));
  return reply;
}

// NOLINTNEXTLINE(google-runtime-int): hiredis's type.
void* MakeInteger(const redisReadTask* task, long long value) {
  Reply* const reply = Place(task);
  if (reply == nullptr) return nullptr;
  reply->type = Reply::Type::kInteger;
  reply->integer = value;
  return reply;
}

void* MakeNil(const redisReadTask* task) { return Place(task); }

// hiredis frees the outermost value only.
void FreeReply(void* reply) { delete static_cast<Reply*>(reply); }

redisReplyObjectFunctions functions = {MakeString, MakeArray, MakeInteger, MakeNil, FreeReply};

}  // namespace

ReplyReader::ReplyReader() : reader_(redisReaderCreateWithFunctions(&functions)) {
  if (reader_ == nullptr) throw std::bad_alloc();
}

void ReplyReader::Feed(std::string_view bytes) {
  if (broken() || scanner_.broken()) return;
  const size_t good = scanner_.Scan(bytes);
  if (redisReaderFeed(reader_.get(), bytes.data(), good) != REDIS_OK) error_ = reader_->errstr;
}

std::optional<Reply> ReplyReader::Next() {
  if (broken()) return std::nullopt;
  if (given_ == scanner_.replies()) {
    if (scanner_.broken()) error_ = scanner_.error();
    return std::nullopt;
  }
  void* made = nullptr;
  if (redisReaderGetReply(reader_.get(), &made) != REDIS_OK) {
    error_ = reader_->errstr;
    return std::nullopt;
  }
  const std::unique_ptr<Reply> reply(static_cast<Reply*>(made));
  if (reply == nullptr) {
    error_ = "hiredis and the scanner disagree where a reply ends";
    return std::nullopt;
  }
  ++given_;
  return std::move(*reply);
}

}  // namespace kindred::redis
