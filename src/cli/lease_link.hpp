#pragma once

// From a lease's id to a logged-in SSH session with its machine, verified against the ledger on the way.

#include <memory>

#include "cli/context.hpp"
#include "cli/lease_watch.hpp"
#include "cli/ssh_client.hpp"

namespace hanse::cli {

/// The lease, if it is live: it runs, will run, or is kept. wrong_state says how it ended.
Result<LeaseView> live_lease(Context& context, model::LeaseId lease);

/// The same, if it is this account's too; not_authorized says whose it is not.
Result<LeaseView> own_lease(Context& context, model::LeaseId lease);

/// The same, if it runs or will; wrong_state says that it is kept only.
Result<LeaseView> own_working_lease(Context& context, model::LeaseId lease);

/// Connects and logs in. wrong_state: it has ended or has not started, or a stop came. `stop` outlives the session.
Result<std::unique_ptr<SshSession>> open_lease(Context& context, model::LeaseId lease, const StopSource& stop);

/// What to say where work on a lease's machine failed: that it ended, if that is why.
Error why_broken(Context& context, model::LeaseId lease, const LeaseWatch& watch, const Error& error);

/// Ends it, whether it runs already or not, or is kept; the lease as it is then. One that has ended is left as it is.
Result<LeaseView> end_by_consumer(Context& context, model::LeaseId lease, const std::string& note);

/// Makes plain `ssh lease-7` know this lease, and the account's others that run or are kept (ssh_files.hpp).
Result<> publish_to_ssh(Context& context, model::Lease lease);

}  // namespace hanse::cli
