#pragma once

// What products of two 64-bit numbers fit in, for where a quotient is to be exact.

namespace hanse {

__extension__ using Int128 = __int128;
__extension__ using UInt128 = unsigned __int128;

}  // namespace hanse
