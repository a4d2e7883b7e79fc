#pragma once

// From a lease's id to a logged-in SSH session with its machine, verified against the ledger on the way.

#include <memory>

#include "cli/context.hpp"
#include "cli/ssh_client.hpp"

namespace hanse::cli {

/// The lease, if it is live; wrong_state says how it ended.
Result<LeaseView> live_lease(Context& context, model::LeaseId lease);

/// Connects and logs in. wrong_state: it has ended or has not started.
Result<std::unique_ptr<SshSession>> open_lease(Context& context, model::LeaseId lease);

}  // namespace hanse::cli
