// Pickles for tests, as Python's pickle.dumps writes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kindred {

// A literal with zero bytes in it.
template <size_t N>
std::string Bytes(const char (&literal)[N]) {
  return std::string(literal, N - 1);
}

// {'anna': 1, 'bén': 0} in protocols 0 to 5.
inline std::vector<std::string> PickledMappings() {
  return {
      Bytes("(dp0\nVanna\np1\nI1\nsVb\xe9n\np2\nI0\ns."),
      Bytes("}q\x00(X\x04\x00\x00\x00"
            "annaq\x01K\x01X\x04\x00\x00\x00"
            "b\xc3\xa9nq\x02K\x00u."),
      Bytes("\x80\x02}q\x00(X\x04\x00\x00\x00"
            "annaq\x01K\x01X\x04\x00\x00\x00"
            "b\xc3\xa9nq\x02K\x00u."),
      Bytes("\x80\x03}q\x00(X\x04\x00\x00\x00"
            "annaq\x01K\x01X\x04\x00\x00\x00"
            "b\xc3\xa9nq\x02K\x00u."),
      Bytes("\x80\x04\x95\x17\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x04"
            "anna\x94K\x01\x8c\x04"
            "b\xc3\xa9n\x94K\x00u."),
      Bytes("\x80\x05\x95\x17\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x04"
            "anna\x94K\x01\x8c\x04"
            "b\xc3\xa9n\x94K\x00u."),
  };
}

// {np.int64(7001): np.int64(1), np.int64(-5): np.int64(0)} in protocols 0, 2 and 4.
inline std::vector<std::string> PickledNumpyMappings() {
  return {
      Bytes(
          "(dp0\ncnumpy._core.multiarray\nscalar\np1\n(cnumpy\ndtype\np2\n(Vi8\np3\nI00\nI01\ntp4\nRp5\n(I3\nV<\n"
          "p6\nNNNI-1\nI-1\nI0\ntp7\nbc_codecs\nencode\np8\n(VY\x1b\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\np9\n"
          "Vlatin1\np10\ntp11\nRp12\ntp13\nRp14\ng1\n(g5\ng8\n(V\x01\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\n"
          "p15\ng10\ntp16\nRp17\ntp18\nRp19\nsg1\n(g5\ng8\n(V\xfb\xff\xff\xff\xff\xff\xff\xff\np20\ng10\ntp21\nRp22\n"
          "tp23\nRp24\ng1\n(g5\ng8\n(V\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\np25\ng10\ntp26\nRp27\n"
          "tp28\nRp29\ns."),
      Bytes(
          "\x80\x02}q\x00(cnumpy._core.multiarray\nscalar\nq\x01"
          "cnumpy\ndtype\nq\x02X\x02\x00\x00\x00i8q\x03\x89\x88"
          "\x87q\x04Rq\x05(K\x03X\x01\x00\x00\x00<q\x06NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x07"
          "bc_codecs\n"
          "encode\nq\x08X\x08\x00\x00\x00Y\x1b\x00\x00\x00\x00\x00\x00q\x09X\x06\x00\x00\x00latin1q\n\x86q\x0bRq\x0c"
          "\x86q\x0dRq\x0eh\x01h\x05h\x08X\x08\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00q\x0fh\n\x86q\x10Rq\x11\x86q"
          "\x12Rq\x13h\x01h\x05h\x08X\x10\x00\x00\x00\xc3\xbb\xc3\xbf\xc3\xbf\xc3\xbf\xc3\xbf\xc3\xbf\xc3\xbf\xc3\xbfq"
          "\x14h\n\x86q\x15Rq\x16\x86q\x17Rq\x18h\x01h\x05h\x08X\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00q\x19h"
          "\n\x86q\x1aRq\x1b\x86q\x1cRq\x1du."),
      Bytes("\x80\x04\x95\xa7\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x16numpy._core.multiarray\x94\x8c\x06scalar\x94\x93"
            "\x94\x8c\x05numpy\x94\x8c\x05"
            "dtype\x94\x93\x94\x8c\x02i8\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01<\x94NNNJ"
            "\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t\x94"
            "bC\x08Y\x1b\x00\x00\x00\x00\x00\x00\x94\x86\x94R\x94h\x03h"
            "\x09"
            "C\x08\x01\x00\x00\x00\x00\x00\x00\x00\x94\x86\x94R\x94h\x03h\x09"
            "C\x08\xfb\xff\xff\xff\xff\xff\xff"
            "\xff\x94\x86\x94R\x94h\x03h\x09"
            "C\x08\x00\x00\x00\x00\x00\x00\x00\x00\x94\x86\x94R\x94u."),
  };
}

}  // namespace kindred
