#pragma once

// How this room's files reach libsodium. Internal to the room.

namespace hanse::crypto {

/// Initialises libsodium once, and checks once that it verifies signatures by the predicate of keys.hpp. Aborts if
/// either fails: a node that verifies otherwise than the others would leave the network's ledger. Thread-safe.
void need_sodium();

}  // namespace hanse::crypto
