#pragma once

// What is due: one step of it at a time.

#include "ledger/context.hpp"

namespace hanse::ledger {

/// Fires the earliest timer that is due at the context's time (ties: leases and requests before providers). False if
/// none is. Each firing moves its timer into the future or ends it.
bool fire_next_timer(Context& context);

}  // namespace hanse::ledger
