// The only file that sees Arrow. A shared library of its own: see parquet_plugin.h.
#include "trainer/data/parquet_plugin.h"

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/properties.h>

#include <algorithm>
#include <exception>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace kindred {
namespace {

constexpr int64_t kBatchRows = 1 << 16;
constexpr int64_t kPageBufferBytes = 1 << 20;

int64_t FloorDivide(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

// One column's values unpacked; the buffers are used again for the next batch.
struct Unpacked {
  ParquetColumn view;
  std::vector<uint8_t> valid;
  std::vector<int64_t> integers;
  std::vector<double> numbers;
  std::vector<const char*> texts;
  std::vector<int32_t> lengths;
  std::vector<std::string> owned;        // texts that the array does not hold
  std::unique_ptr<Unpacked> dictionary;  // of a dictionary column
  std::shared_ptr<arrow::Array> source;  // keeps the texts alive
};

void Unpack(const std::shared_ptr<arrow::Array>& array, Unpacked* out);

void UnpackValid(const arrow::Array& array, Unpacked* out) {
  out->view.valid = nullptr;
  if (array.null_count() == 0 && array.type_id() != arrow::Type::NA) return;
  out->valid.resize(array.length());
  for (int64_t i = 0; i < array.length(); ++i) out->valid[i] = array.IsValid(i) ? 1 : 0;
  out->view.valid = out->valid.data();
}

void SetIntegers(ParquetColumn::Kind kind, Unpacked* out) {
  out->view.kind = kind;
  out->view.integers = out->integers.data();
}

template <typename ArrayType>
void UnpackIntegers(const arrow::Array& array, Unpacked* out) {
  const auto& typed = static_cast<const ArrayType&>(array);
  out->integers.resize(array.length());
  for (int64_t i = 0; i < array.length(); ++i) out->integers[i] = static_cast<int64_t>(typed.Value(i));
  SetIntegers(ParquetColumn::kInteger, out);
}

template <typename ArrayType>
void UnpackNumbers(const arrow::Array& array, Unpacked* out) {
  const auto& typed = static_cast<const ArrayType&>(array);
  out->numbers.resize(array.length());
  for (int64_t i = 0; i < array.length(); ++i) out->numbers[i] = static_cast<double>(typed.Value(i));
  out->view.kind = ParquetColumn::kNumber;
  out->view.numbers = out->numbers.data();
}

template <typename ArrayType>
void UnpackDecimals(const arrow::Array& array, int32_t scale, Unpacked* out) {
  const auto& typed = static_cast<const ArrayType&>(array);
  out->numbers.resize(array.length());
  for (int64_t i = 0; i < array.length(); ++i) {
    out->numbers[i] = array.IsValid(i) ? std::stod(typed.FormatValue(i)) : 0.0;
  }
  out->view.kind = ParquetColumn::kNumber;
  out->view.numbers = out->numbers.data();
}

void SetTexts(Unpacked* out) {
  out->view.kind = ParquetColumn::kText;
  out->view.texts = out->texts.data();
  out->view.lengths = out->lengths.data();
}

template <typename ArrayType>
void UnpackTexts(const arrow::Array& array, Unpacked* out) {
  const auto& typed = static_cast<const ArrayType&>(array);
  out->texts.resize(array.length());
  out->lengths.resize(array.length());
  for (int64_t i = 0; i < array.length(); ++i) {
    const std::string_view text = array.IsValid(i) ? typed.GetView(i) : std::string_view();
    out->texts[i] = text.data();
    out->lengths[i] = static_cast<int32_t>(std::min<size_t>(text.size(), std::numeric_limits<int32_t>::max()));
  }
  SetTexts(out);
}

// Beyond what an int64_t holds, the digits as text.
void UnpackUnsigned(const arrow::Array& array, Unpacked* out) {
  const auto& typed = static_cast<const arrow::UInt64Array&>(array);
  bool fits = true;
  for (int64_t i = 0; i < array.length(); ++i) {
    fits = fits && (array.IsNull(i) || typed.Value(i) <= uint64_t{std::numeric_limits<int64_t>::max()});
  }
  if (fits) return UnpackIntegers<arrow::UInt64Array>(array, out);
  out->owned.resize(array.length());
  out->texts.resize(array.length());
  out->lengths.resize(array.length());
  for (int64_t i = 0; i < array.length(); ++i) {
    out->owned[i] = std::to_string(typed.Value(i));
    out->texts[i] = out->owned[i].data();
    out->lengths[i] = static_cast<int32_t>(out->owned[i].size());
  }
  SetTexts(out);
}

// Timestamps and dates as milliseconds: times `multiply` or divided by `divide`, rounded down.
template <typename ArrayType>
void UnpackTimes(const arrow::Array& array, int64_t multiply, int64_t divide, Unpacked* out) {
  const auto& typed = static_cast<const ArrayType&>(array);
  out->integers.resize(array.length());
  for (int64_t i = 0; i < array.length(); ++i) {
    const int64_t value = array.IsValid(i) ? static_cast<int64_t>(typed.Value(i)) : 0;
    int64_t time = 0;
    // What is out of range is no time of an event; the far end stands for it.
    if (__builtin_mul_overflow(value, multiply, &time)) {
      time = value < 0 ? std::numeric_limits<int64_t>::min() / 1024 : std::numeric_limits<int64_t>::max() / 1024;
    }
    out->integers[i] = FloorDivide(time, divide);
  }
  SetIntegers(ParquetColumn::kTimeMs, out);
}

void UnpackTimestamps(const arrow::Array& array, Unpacked* out) {
  switch (static_cast<const arrow::TimestampType&>(*array.type()).unit()) {
    case arrow::TimeUnit::SECOND:
      return UnpackTimes<arrow::TimestampArray>(array, 1000, 1, out);
    case arrow::TimeUnit::MILLI:
      return UnpackTimes<arrow::TimestampArray>(array, 1, 1, out);
    case arrow::TimeUnit::MICRO:
      return UnpackTimes<arrow::TimestampArray>(array, 1, 1000, out);
    case arrow::TimeUnit::NANO:
      return UnpackTimes<arrow::TimestampArray>(array, 1, 1'000'000, out);
  }
}

// Rows point into the unpacked dictionary.
void UnpackDictionary(const arrow::Array& array, Unpacked* out) {
  const auto& typed = static_cast<const arrow::DictionaryArray&>(array);
  if (out->dictionary == nullptr) out->dictionary = std::make_unique<Unpacked>();
  Unpack(typed.dictionary(), out->dictionary.get());
  const ParquetColumn& values = out->dictionary->view;
  const auto n = static_cast<size_t>(array.length());
  out->valid.assign(n, 1);
  out->integers.resize(n);
  out->numbers.resize(n);
  out->texts.resize(n);
  out->lengths.resize(n);
  for (size_t i = 0; i < n; ++i) {
    const auto row = static_cast<int64_t>(i);
    const int64_t at = array.IsValid(row) ? typed.GetValueIndex(row) : -1;
    if (at < 0 || (values.valid != nullptr && values.valid[at] == 0)) {
      out->valid[i] = 0;
      continue;
    }
    if (values.integers != nullptr) out->integers[i] = values.integers[at];
    if (values.numbers != nullptr) out->numbers[i] = values.numbers[at];
    if (values.texts != nullptr) {
      out->texts[i] = values.texts[at];
      out->lengths[i] = values.lengths[at];
    }
  }
  out->view = {.kind = values.kind,
               .valid = out->valid.data(),
               .integers = out->integers.data(),
               .numbers = out->numbers.data(),
               .texts = out->texts.data(),
               .lengths = out->lengths.data()};
}

void Unpack(const std::shared_ptr<arrow::Array>& array, Unpacked* out) {
  out->view = ParquetColumn{};
  out->source = array;
  UnpackValid(*array, out);
  switch (array->type_id()) {
    case arrow::Type::NA:
      out->texts.assign(array->length(), nullptr);
      out->lengths.assign(array->length(), 0);
      return SetTexts(out);
    case arrow::Type::BOOL:
      return UnpackIntegers<arrow::BooleanArray>(*array, out);
    case arrow::Type::INT8:
      return UnpackIntegers<arrow::Int8Array>(*array, out);
    case arrow::Type::INT16:
      return UnpackIntegers<arrow::Int16Array>(*array, out);
    case arrow::Type::INT32:
      return UnpackIntegers<arrow::Int32Array>(*array, out);
    case arrow::Type::INT64:
      return UnpackIntegers<arrow::Int64Array>(*array, out);
    case arrow::Type::UINT8:
      return UnpackIntegers<arrow::UInt8Array>(*array, out);
    case arrow::Type::UINT16:
      return UnpackIntegers<arrow::UInt16Array>(*array, out);
    case arrow::Type::UINT32:
      return UnpackIntegers<arrow::UInt32Array>(*array, out);
    case arrow::Type::UINT64:
      return UnpackUnsigned(*array, out);
    case arrow::Type::FLOAT:
      return UnpackNumbers<arrow::FloatArray>(*array, out);
    case arrow::Type::DOUBLE:
      return UnpackNumbers<arrow::DoubleArray>(*array, out);
    case arrow::Type::DECIMAL128:
      return UnpackDecimals<arrow::Decimal128Array>(*array, 0, out);
    case arrow::Type::DECIMAL256:
      return UnpackDecimals<arrow::Decimal256Array>(*array, 0, out);
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return UnpackTexts<arrow::BinaryArray>(*array, out);
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY:
      return UnpackTexts<arrow::LargeBinaryArray>(*array, out);
    case arrow::Type::FIXED_SIZE_BINARY:
      return UnpackTexts<arrow::FixedSizeBinaryArray>(*array, out);
    case arrow::Type::TIMESTAMP:
      return UnpackTimestamps(*array, out);
    case arrow::Type::DATE32:
      return UnpackTimes<arrow::Date32Array>(*array, 86'400'000, 1, out);
    case arrow::Type::DATE64:
      return UnpackTimes<arrow::Date64Array>(*array, 1, 1, out);
    case arrow::Type::DICTIONARY:
      return UnpackDictionary(*array, out);
    default:
      return;  // kWrongType
  }
}

class ArrowSource final : public ParquetSource {
 public:
  void Open(const std::string& path) {
    Guard([&]() -> arrow::Status {
      ARROW_ASSIGN_OR_RAISE(const auto file, arrow::io::ReadableFile::Open(path));
      parquet::ReaderProperties properties = parquet::default_reader_properties();
      // Pages as they are needed, instead of whole column chunks: a file may have but one row group.
      properties.enable_buffered_stream();
      properties.set_buffer_size(kPageBufferBytes);
      properties.set_page_checksum_verification(true);  // of pages that have one
      parquet::ArrowReaderProperties arrow_properties;
      arrow_properties.set_batch_size(kBatchRows);
      arrow_properties.set_pre_buffer(false);
      arrow_properties.set_use_threads(false);
      parquet::arrow::FileReaderBuilder builder;
      ARROW_RETURN_NOT_OK(builder.Open(file, properties));
      builder.properties(arrow_properties);
      ARROW_RETURN_NOT_OK(builder.Build(&reader_));
      ARROW_RETURN_NOT_OK(reader_->GetSchema(&schema_));
      for (const auto& field : schema_->fields()) types_.push_back(field->type()->ToString());
      rows_ = reader_->parquet_reader()->metadata()->num_rows();
      return arrow::Status::OK();
    });
  }

  const char* error() const override { return error_.c_str(); }
  int64_t rows() const override { return rows_; }
  int32_t columns() const override { return schema_->num_fields(); }
  const char* name(int32_t column) const override { return schema_->field(column)->name().c_str(); }
  const char* type(int32_t column) const override { return types_[column].c_str(); }

  void Select(const int32_t* columns, int32_t count) override {
    Guard([&]() -> arrow::Status {
      selected_.assign(columns, columns + count);
      unpacked_.resize(count);
      std::vector<int> leaves;
      for (const auto& top : reader_->manifest().schema_fields) {
        const auto field = static_cast<int32_t>(&top - reader_->manifest().schema_fields.data());
        const bool wanted = std::find(selected_.begin(), selected_.end(), field) != selected_.end();
        if (wanted && top.is_leaf()) leaves.push_back(top.column_index);
      }
      std::vector<int> groups(reader_->num_row_groups());
      for (size_t i = 0; i < groups.size(); ++i) groups[i] = static_cast<int>(i);
      ARROW_ASSIGN_OR_RAISE(batches_, reader_->GetRecordBatchReader(groups, leaves));
      return arrow::Status::OK();
    });
  }

  int64_t Next() override {
    Guard([&]() -> arrow::Status {
      do {
        ARROW_RETURN_NOT_OK(batches_->ReadNext(&batch_));
      } while (batch_ != nullptr && batch_->num_rows() == 0);
      if (batch_ == nullptr) return arrow::Status::OK();
      for (size_t i = 0; i < selected_.size(); ++i) {
        const int at = batch_->schema()->GetFieldIndex(name(selected_[i]));
        if (at < 0) {
          unpacked_[i].view = ParquetColumn{};  // of a type that is not decoded
        } else {
          Unpack(batch_->column(at), &unpacked_[i]);
        }
      }
      return arrow::Status::OK();
    });
    if (!error_.empty()) return -1;
    return batch_ == nullptr ? 0 : batch_->num_rows();
  }

  const ParquetColumn& column(int32_t selected) const override { return unpacked_[selected].view; }

 private:
  // Arrow mostly returns its errors; what it throws must not cross into code of other exceptions.
  template <typename Body>
  void Guard(Body body) {
    if (!error_.empty()) return;
    try {
      const arrow::Status status = body();
      if (!status.ok()) error_ = status.message();
    } catch (const std::exception& exception) {
      error_ = exception.what();
    } catch (...) {
      error_ = "an error without a description";
    }
    if (error_.empty()) return;
    if (const size_t line = error_.find('\n'); line != error_.npos) error_.resize(line);
  }

  std::string error_;
  int64_t rows_ = 0;
  std::unique_ptr<parquet::arrow::FileReader> reader_;
  std::shared_ptr<arrow::Schema> schema_;
  std::vector<std::string> types_;
  std::vector<int32_t> selected_;
  std::shared_ptr<arrow::RecordBatchReader> batches_;
  std::shared_ptr<arrow::RecordBatch> batch_;
  std::vector<Unpacked> unpacked_;
};

}  // namespace
}  // namespace kindred

extern "C" __attribute__((visibility("default"))) kindred::ParquetSource* KindredOpenParquet(const char* path,
                                                                                             int32_t version) {
  if (version != kindred::kParquetPluginVersion) return nullptr;
  auto source = std::make_unique<kindred::ArrowSource>();
  source->Open(path);
  return source.release();
}
