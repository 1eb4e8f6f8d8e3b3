// Checksums of bundle parts: XXH3 (https://xxhash.com), which detects accidental damage. Not a signature.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace kindred {

// XXH3-64 with seed 0. O(n), above 10 GB/s.
uint64_t Xxh3(std::span<const std::byte> bytes);

// XXH3-64 as 16 lowercase hexadecimal digits, most significant first.
std::string Xxh3Hex(std::span<const std::byte> bytes);

// XXH3-128 as 32 lowercase hexadecimal digits, high half first.
std::string Xxh128Hex(std::span<const std::byte> bytes);

}  // namespace kindred
