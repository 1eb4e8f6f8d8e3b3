// Reading a number of a mapped file once. Somebody may overwrite the file meanwhile: a number that was checked and is
// then read again may be another one.
#pragma once

namespace kindred {

// The value, loaded from memory exactly here: what the compiler keeps of it is what was checked.
template <typename T>
T ReadOnce(const T& value) {
  return *static_cast<const volatile T*>(&value);
}

}  // namespace kindred
