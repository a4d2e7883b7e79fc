#pragma once

// A lease's life: match → start → run ends → files kept → end → release, and the money and devices that go with each
// step. The steps check nothing about who asks: that is the operations' part. Each keeps tables, book and events in
// step.

#include "ledger/context.hpp"

namespace hanse::ledger {

/// Makes the leases of a placement, numbered on from the one returned, and turns the request to them. The locks are out
/// of the consumer's account already. `prices`: the price list of a single match, where it is not the offer's own.
model::LeaseId match_leases(Context& context, model::RequestId request, const market::Matches& matches,
                            const model::PriceList* prices = nullptr);

/// matched → running: payment starts now. The provider's sign of life is the caller's part, before.
void start_lease(Context& context, model::LeaseId lease, std::string endpoint, const crypto::PublicKey& host_key);

/// Ends the run of a lease as of `at` (not after now), and with it the lease: what is earned stays for the claim
/// window, the rest goes back to the consumer at once, the devices are free. Ends its request too, unless other
/// machines of its gang go on, or it was preempted: then the request bids again, while it may wait. A lease that earned
/// nothing is closed on the spot. Requires that it holds devices.
void end_lease(Context& context, model::LeaseId lease, model::EndReason reason, Time at, const std::string& note);

/// The same of one that runs; but where its files are to be kept it is kept from then on, and holds their disk and the
/// money for that.
void end_run(Context& context, model::LeaseId lease, model::EndReason reason, Time at, const std::string& note);

/// Ends a kept lease as of `at` (not after now): its disk is free, and what keeping the files did not cost goes back at
/// once. provider_failed: the files are lost, which costs nothing and counts as a failure.
void end_keeping(Context& context, model::LeaseId lease, model::EndReason reason, Time at);

/// Ends every lease that holds devices of a request that goes on: `failed` never started, the others are cancelled,
/// whatever they delivered is paid. The caller moves the request on, and offers the devices to those that wait.
void drop_leases(Context& context, const model::Request& request, model::LeaseId failed, const std::string& note);

/// Pays out what has passed the claim window; closes an ended lease once all of its money is out.
void settle_lease(Context& context, model::LeaseId lease);

/// A withdrawn offer goes once nothing of it is leased; others stay.
void erase_if_withdrawn(Context& context, model::OfferId offer);

}  // namespace hanse::ledger
