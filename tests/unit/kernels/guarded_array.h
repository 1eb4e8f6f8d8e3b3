// An array that ends where an unreadable page begins, so that one element read too many faults.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

namespace kindred {

template <typename T>
class GuardedArray {
 public:
  explicit GuardedArray(size_t size) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t bytes = size * sizeof(T);
    const size_t readable = (bytes + page - 1) / page * page;
    mapped_ = readable + page;
    base_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base_ == MAP_FAILED) throw std::bad_alloc();
    if (mprotect(static_cast<char*>(base_) + readable, page, PROT_NONE) != 0) throw std::bad_alloc();
    data_ = reinterpret_cast<T*>(static_cast<char*>(base_) + readable - bytes);
  }
  GuardedArray(const T* from, size_t size) : GuardedArray(size) {
    if (size > 0) std::memcpy(data_, from, size * sizeof(T));
  }
  ~GuardedArray() { munmap(base_, mapped_); }
  GuardedArray(const GuardedArray&) = delete;
  GuardedArray& operator=(const GuardedArray&) = delete;

  T* data() { return data_; }

 private:
  void* base_ = nullptr;
  size_t mapped_ = 0;
  T* data_ = nullptr;
};

}  // namespace kindred
