// Checksums of bundle parts: XXH3 (https://xxhash.com), which detects accidental damage. Not a signature.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace kindred {

// XXH3-64 with seed 0. O(n), above 10 GB/s.
uint64_t Xxh3(std::span<const std::byte> bytes);

// The same of bytes that come in pieces.
class Xxh3Stream {
 public:
  Xxh3Stream();
  ~Xxh3Stream();
  Xxh3Stream(const Xxh3Stream&) = delete;
  Xxh3Stream& operator=(const Xxh3Stream&) = delete;

  void Update(std::span<const std::byte> bytes);
  uint64_t Finish() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// XXH3-64 as 16 lowercase hexadecimal digits, most significant first.
std::string Xxh3Hex(std::span<const std::byte> bytes);
std::string Xxh3Hex(uint64_t checksum);

// XXH3-128 as 32 lowercase hexadecimal digits, high half first.
std::string Xxh128Hex(std::span<const std::byte> bytes);

}  // namespace kindred
