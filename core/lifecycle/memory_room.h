// How much memory this process may still take, and how much a bundle will take of it.
#pragma once

#include <cstdint>
#include <string>

#include "core/bundle/bundle_reader.h"
#include "core/bundle/mapped_file.h"

namespace kindred {

// What this process may still take: the least of its cgroup's limit (v1 and v2, each level up) less its use without
// file cache, and the machine's MemAvailable.
struct MemoryRoom {
  uint64_t available = 0;
  uint64_t resident = 0;  // of this process, without file pages
  uint64_t mapped = 0;    // file pages of this process that are in memory; part of `available`, as they can be dropped
  std::string bound;      // where the bound comes from, for messages: "cgroup limit /kindred", "machine"
};

// Reads /proc and /sys/fs/cgroup below `root` ("" is the machine's own). What cannot be read or makes no sense bounds
// nothing; where nothing does, `available` is the largest number there is and `bound` "nothing".
MemoryRoom ReadMemoryRoom(const std::string& root = "");

// Bytes of the process's own that loading the bundle takes: parts that it lacks and that are made, parts that are
// always made (solvers, mean vectors of categories), copies of misaligned tensors and of indices (index_copies.h) and,
// with kCopy, the file itself.
// An estimate from the header alone, on the high side where only the content decides.
uint64_t BytesMadeAtLoad(const BundleInfo& info, LoadMode mode);

}  // namespace kindred
