// What kindred_parquet.so offers the trainer: tables of a Parquet file, batch by batch, as plain arrays. The Arrow
// libraries behind it are 60 MB and need not be installed, so it is loaded when the first Parquet file comes. Only
// plain data crosses: the two sides share neither a heap's types nor a string's layout. One thread at a time.
#pragma once

#include <cstdint>

namespace kindred {

// One column of one batch; what it points at lives until the next call of Next.
struct ParquetColumn {
  enum Kind : int32_t { kText, kInteger, kNumber, kTimeMs, kWrongType };
  Kind kind = kWrongType;
  const uint8_t* valid = nullptr;      // [rows] 0 = null; or null when all are valid
  const int64_t* integers = nullptr;   // [rows] kInteger, kTimeMs
  const double* numbers = nullptr;     // [rows] kNumber
  const char* const* texts = nullptr;  // [rows] kText: where each begins,
  const int32_t* lengths = nullptr;    // [rows] how many bytes it has
};

class ParquetSource {
 public:
  virtual ~ParquetSource() = default;
  // What went wrong; "" when nothing has. After an error only this may be called.
  virtual const char* error() const = 0;
  virtual int64_t rows() const = 0;
  virtual int32_t columns() const = 0;
  virtual const char* name(int32_t column) const = 0;
  virtual const char* type(int32_t column) const = 0;  // as Arrow writes it: "int64", "list<item: int64>"
  // Before the first Next: the columns that are read. Columns of a type that is no id, number or time are not decoded.
  virtual void Select(const int32_t* columns, int32_t count) = 0;
  // Rows of the next batch; 0 at the end, −1 after an error.
  virtual int64_t Next() = 0;
  virtual const ParquetColumn& column(int32_t selected) const = 0;  // place in Select
};

inline constexpr int32_t kParquetPluginVersion = 1;
inline constexpr char kParquetPluginEntry[] = "KindredOpenParquet";
// A new source, to be deleted by the caller; null when the plugin is of another version.
using OpenParquetFunction = ParquetSource* (*)(const char* path, int32_t version);

}  // namespace kindred
