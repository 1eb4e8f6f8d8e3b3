#include "core/packing/pickle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "core/packing/mapping.h"
#include "tests/support/files.h"
#include "tests/unit/packing/pickle_bytes.h"

namespace kindred {
namespace {

using kindred::testing::TempDir;
using kindred::testing::WriteFile;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PickleTest : public ::testing::Test {
 protected:
  absl::StatusOr<PickleData> Read(const std::string& bytes, const PickleLimits& limits = {}) {
    WriteFile(path_, bytes);
    return ReadPickle(path_, limits);
  }
  std::string Error(const std::string& bytes, const PickleLimits& limits = {}) {
    const absl::Status status = Read(bytes, limits).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(path_));
    return std::string(status.message());
  }
  // Its ids by row, or the message.
  std::vector<std::string> Ids(const std::string& bytes, uint64_t rows = 2) {
    WriteFile(path_, bytes);
    const auto ids = ReadMapping(path_, rows);
    return ids.ok() ? *ids : std::vector<std::string>{std::string(ids.status().message())};
  }

  TempDir dir_;
  const std::string path_ = dir_.File("item_mapping.pkl");
};

TEST_F(PickleTest, EveryProtocolIsRead) {
  for (const std::string& bytes : PickledMappings()) EXPECT_THAT(Ids(bytes), ElementsAre("bén", "anna")) << bytes;
}

TEST_F(PickleTest, NumpyIntegersAreIntegers) {
  for (const std::string& bytes : PickledNumpyMappings()) EXPECT_THAT(Ids(bytes), ElementsAre("-5", "7001")) << bytes;
}

TEST_F(PickleTest, OtherShapesOfMappings) {
  EXPECT_THAT(Ids(Bytes("\x80\x04]\x94(\x8c\x03tea\x94\x8c\x04milk\x94"
                        "e.")),
              ElementsAre("tea", "milk"));
  // A tuple; {0: 'a', 1: 'b'}; OrderedDict and defaultdict(int).
  EXPECT_THAT(Ids(Bytes("\x80\x04\x8c\x01"
                        "a\x8c\x01"
                        "b\x86.")),
              ElementsAre("a", "b"));
  EXPECT_THAT(Ids(Bytes("\x80\x04}(K\x00\x8c\x01"
                        "aK\x01\x8c\x01"
                        "bu.")),
              ElementsAre("a", "b"));
  EXPECT_THAT(Ids(Bytes("\x80\x04\x8c\x0b"
                        "collections\x94\x8c\x0bOrderedDict\x94\x93\x94)R\x94(\x8c\x01"
                        "a\x94K\x00\x8c\x01"
                        "b\x94K\x01u.")),
              ElementsAre("a", "b"));
  EXPECT_THAT(Ids(Bytes("\x80\x02"
                        "ccollections\ndefaultdict\nq\x00"
                        "c__builtin__\nlong\nq\x01\x85q\x02Rq\x03X\x01\x00\x00\x00"
                        "aq\x04K\x00s."),
                  1),
              ElementsAre("a"));
  // Integers of every width, and one of an escape in protocol 0: {10**12: 0, -3: 1, 300: 2}.
  EXPECT_THAT(Ids(Bytes("\x80\x02}q\x00(\x8a\x06\x00\x10\xa5\xd4\xe8\x00K\x00J\xfd\xff\xff\xffK\x01M,\x01K\x02u."), 3),
              ElementsAre("1000000000000", "-3", "300"));
  EXPECT_THAT(Ids("(dp0\nS'a\\x41\\n\\''\nI0\nsVb\\u20ac\nI1L\ns."), ElementsAre("aA\n'", "b€"));
}

TEST_F(PickleTest, TextKeysAreIdsBesideIntegers) {
  // {'0': 1, '1': 0}: both number the rows; integers say which.
  EXPECT_THAT(Ids(Bytes("\x80\x04}(\x8c\x01"
                        "0K\x01\x8c\x01"
                        "1K\x00u.")),
              ElementsAre("1", "0"));
  EXPECT_THAT(Ids(Bytes("\x80\x04}(K\x00K\x01K\x01K\x00u."))[0], HasSubstr("cannot be told which are the ids"));
}

TEST_F(PickleTest, MappingsBothWaysMustAgree) {
  const std::string forth = Bytes(
      "}(\x8c\x01"
      "aK\x01\x8c\x01"
      "bK\x00u");
  const std::string back = Bytes(
      "}(K\x00\x8c\x01"
      "bK\x01\x8c\x01"
      "au");
  const std::string other = Bytes(
      "}(K\x00\x8c\x01"
      "aK\x01\x8c\x01"
      "bu");
  EXPECT_THAT(Ids(forth + back + Bytes("\x86.")), ElementsAre("b", "a"));
  EXPECT_THAT(Ids(Bytes("}\x8c\x01x") + forth + "s."), ElementsAre("b", "a"));
  EXPECT_THAT(Ids(forth + other + Bytes("\x86."))[0], HasSubstr("disagree"));
  // A dict that holds itself.
  EXPECT_THAT(Ids(Bytes("}\x94\x8c\x01xh\x00s."))[0], HasSubstr("found a dict, expected an id"));
}

TEST_F(PickleTest, WhatIsNoMappingIsNamed) {
  EXPECT_THAT(Ids(Bytes("\x80\x04N."))[0], HasSubstr("found None, expected {id: row, …}"));
  EXPECT_THAT(Ids(Bytes("\x80\x04}\x8c\x01"
                        "aG\x00\x00\x00\x00\x00\x00\x00\x00s."))[0],
              HasSubstr("key 'a': found a float, expected an id or a row number"));
  EXPECT_THAT(Ids(Bytes("\x80\x04](\x88K\x01"
                        "e."))[0],
              HasSubstr("entry 0 is True, expected an id"));
  EXPECT_THAT(Ids(Bytes("](K\x01K\x02K\x03"
                        "e."))[0],
              HasSubstr("has 3 entries, expected 2"));
  EXPECT_THAT(Ids("]X" + Bytes("\x01\x04\x00\x00") + std::string(1025, 'x') + "aK\x01" + "a.")[0],
              HasSubstr("is 1025 bytes long, at most 1024"));
}

TEST_F(PickleTest, NothingIsImportedCalledOrConstructed) {
  EXPECT_THAT(Error("cos\nsystem\n(S'true'\ntR."),
              HasSubstr("byte 0: found the name 'os.system'; it was not executed"));
  EXPECT_THAT(Error("cos\nsystem\n."), HasSubstr("python3 -m kindred.legacy mapping '" + path_ + "'"));
  EXPECT_THAT(Error(Bytes("\x80\x04\x8c\x08"
                          "builtins\x8c\x04"
                          "eval\x93.")),
              HasSubstr("found the name 'builtins.eval'"));
  EXPECT_THAT(Error("(S'true'\nios\nsystem\n."), HasSubstr("an object of a class"));
  EXPECT_THAT(Error("cbuiltins\nint\n)R."), HasSubstr("a call with arguments that it is not called with"));
  EXPECT_THAT(Error("}}b."), HasSubstr("a state given to an object"));
  EXPECT_THAT(Error("Pid\n."), HasSubstr("a persistent id"));
  EXPECT_THAT(Error(Bytes("\x82\x01.")), HasSubstr("extension registry"));
  EXPECT_THAT(Error(Bytes("\x8f.")), HasSubstr("a set"));
  EXPECT_THAT(Error("}}R."), HasSubstr("a call of what is no name"));
  EXPECT_THAT(Error("cnumpy\ndtype\n(S'O8'\ntR."), HasSubstr("the NumPy type 'O8'"));
  EXPECT_THAT(Error("cnumpy\ndtype\n(S'i8'\ntR(I3\nS'>'\ntb."), HasSubstr("not little-endian"));
}

TEST_F(PickleTest, DamageIsFoundAtItsByte) {
  EXPECT_THAT(Error(Bytes("\x80\x06.")), HasSubstr("is of pickle protocol 6, expected 0 to 5"));
  EXPECT_THAT(Error("\xff"), HasSubstr("which is no pickle opcode"));
  EXPECT_THAT(Error("."), HasSubstr("byte 0: takes a value that is not there"));
  EXPECT_THAT(Error("u."), HasSubstr("up to a mark that is not there"));
  EXPECT_THAT(Error("(K\x01K\x02u."), HasSubstr("puts keys into what is no dict"));
  EXPECT_THAT(Error("}(K\x01u."), HasSubstr("a key has no value"));
  EXPECT_THAT(Error("}(]K\x01u."), HasSubstr("a key that is neither text nor a number"));
  EXPECT_THAT(Error("}h\x07."), HasSubstr("takes memo 7, which was never put"));
  EXPECT_THAT(Error(Bytes("}r\xff\xff\xff\x7f.")), HasSubstr("puts memo 2147483647 after 2 operations"));
  EXPECT_THAT(Error("Inumber\n."), HasSubstr("expected an integer"));
  EXPECT_THAT(Error("Vx\\u12\n."), HasSubstr("not escaped"));
}

TEST_F(PickleTest, HugeCountsTakeNoMemory) {
  EXPECT_THAT(Error(Bytes("X\xff\xff\xff\xff.")), HasSubstr("a text of 4294967295 bytes, and 1 are left"));
  EXPECT_THAT(Error(Bytes("\x8d\xff\xff\xff\xff\xff\xff\xff\xff.")), HasSubstr("are left of the file"));
  EXPECT_THAT(Error(Bytes("\x8b\xff\xff\xff\x7f.")), HasSubstr("an integer of 2147483647 bytes"));
  EXPECT_THAT(Error(std::string(1000, ']'), {.max_containers = 10}), HasSubstr("more than 10 lists"));
  EXPECT_THAT(Error(std::string(1000, 'N'), {.max_operations = 10}), HasSubstr("more than 10 operations"));
  EXPECT_THAT(Error(std::string(1000, 'N'), {.max_bytes = 999}), HasSubstr("expected at most 999"));
}

TEST_F(PickleTest, EveryTruncationIsRefused) {
  std::vector<std::string> all = PickledMappings();
  for (const std::string& bytes : PickledNumpyMappings()) all.push_back(bytes);
  for (const std::string& bytes : all) {
    for (size_t size = 0; size < bytes.size(); ++size) Error(bytes.substr(0, size));
  }
}

TEST_F(PickleTest, RandomFlipsAreRefusedOrAMapping) {
  std::vector<std::string> all = PickledMappings();
  for (const std::string& bytes : PickledNumpyMappings()) all.push_back(bytes);
  std::mt19937 random(5);
  for (int i = 0; i < 3000; ++i) {
    std::string bytes = all[i % all.size()];
    for (uint32_t flips = 1 + random() % 3; flips > 0; --flips) {
      bytes[random() % bytes.size()] ^= static_cast<char>(1 << random() % 8);
    }
    WriteFile(path_, bytes);
    const auto ids = ReadMapping(path_, 2);
    if (ids.ok()) {
      EXPECT_EQ(ids->size(), 2u);
    } else {
      EXPECT_EQ(ids.status().code(), absl::StatusCode::kInvalidArgument) << ids.status();
    }
  }
}

TEST_F(PickleTest, ListsThatCallsCopyAgainAndAgainAreCounted) {
  // A list of 1,000 pairs; OrderedDict of it, for 10 bytes each time.
  std::string bytes = Bytes("\x80\x02(]q\x00(");
  for (int i = 0; i < 1000; ++i) bytes += Bytes("(K\x01K\x02l");
  bytes += Bytes(
      "e\x85q\x01"
      "0ccollections\nOrderedDict\nq\x02"
      "0");
  constexpr uint64_t kBuild = 6 * 1000;
  std::string calls;
  for (int i = 0; i < 50; ++i) calls += Bytes("h\x02h\x01R");
  const std::string all = bytes + calls + "l.";
  EXPECT_TRUE(Read(all, {.max_operations = kBuild + 50 * 2100}).ok());
  EXPECT_THAT(Error(all, {.max_operations = kBuild + 50 * 500}), HasSubstr("operations"));
}

TEST_F(PickleTest, BytesThatCallsMakeAreBounded) {
  std::string bytes = Bytes("\x80\x02(X\xe8\x03\x00\x00") + std::string(1000, 'a') +
                      Bytes(
                          "\x85q\x00"
                          "0c_codecs\nencode\nq\x01"
                          "0");
  for (int i = 0; i < 50; ++i) bytes += Bytes("h\x01h\x00R");
  bytes += "l.";
  EXPECT_TRUE(Read(bytes, {.max_encoded_bytes = 50'000}).ok());
  EXPECT_THAT(Error(bytes, {.max_encoded_bytes = 49'999}), HasSubstr("more than 49999 bytes given to _codecs.encode"));
}

}  // namespace
}  // namespace kindred
