#include "core/packing/gzip_problem.h"

#include <zlib.h>

#include <cerrno>
#include <cstring>

#include "core/base/str_cat.h"

namespace kindred {

std::string GzipProblem(int code, std::string_view reason) {
  if (code == Z_BUF_ERROR) return "the gzip data ends early; the file is truncated: write or fetch it again";
  if (code == Z_ERRNO) return std::strerror(errno);
  if (const size_t path_end = reason.rfind(": "); path_end != reason.npos) reason.remove_prefix(path_end + 2);
  return StrCat("the gzip data is damaged (", reason, "): write or fetch the file again");
}

}  // namespace kindred
