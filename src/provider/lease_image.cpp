// The image of a lease's job. One that could be pulled only with its renter's login is that renter's alone: it goes
// with the lease, and another lease that names it must show that it may pull it too.

#include <spdlog/spdlog.h>

#include <algorithm>

#include "provider/lease_run.hpp"
#include "provider/registry_access.hpp"

namespace hanse::provider {

namespace {

/// Its node, engine or name server is away: no word on whether the renter may pull.
bool may_pass(const Error& error) {
  return error.code == ErrorCode::unavailable || error.code == ErrorCode::timeout;
}

}  // namespace

/// Before the job: in memory only, for as long as the job has not started.
Result<> LeaseRun::take_login(const client::RegistryLogin& login) {
  const std::lock_guard lock(mutex_);
  if (ended_) return fail(ErrorCode::wrong_state, name() + " has ended: 'hanse bill " + name() + "' shows why");
  if (lease_.job_hash.is_zero()) return fail(ErrorCode::wrong_state, name() + " was rented without a job");
  if (entry_.container.empty()) login_ = login;
  return {};
}

Result<> LeaseRun::fetch_image(const std::string& text, const Engine::Progress& progress) {
  const auto image = client::parse_image(text);
  if (!image) return fail(image);
  auto id = context_.engine.image_id(text);
  if (!id) return fail(id);
  if (*id) {
    const auto hidden = is_anothers(**id, *image);
    if (!hidden) return fail(hidden);
    if (!*hidden) return use_image(**id);
  }
  if (auto allowed = check_registry(*image, context_.config.registries); !allowed) return allowed;
  if (auto pulled = pull_image(*image, progress); !pulled) {
    return std::unexpected(why_not_pulled(pulled.error(), *image));
  }
  id = context_.engine.image_id(image->full);
  if (!id) return fail(id);
  if (!*id) return fail(ErrorCode::io, "image " + image->full + " was pulled and is gone: try again");
  return use_image(**id);
}

/// As nobody first: what anyone may pull is no secret, and stays for others. Then with the renter's login.
Result<> LeaseRun::pull_image(const client::ImageReference& image, const Engine::Progress& progress) {
  const auto pulled = context_.engine.pull(image.full, progress);
  if (pulled || may_pass(pulled.error())) return pulled;
  std::optional<client::RegistryLogin> login;
  {
    const std::lock_guard lock(mutex_);
    login = login_;
  }
  if (!login) {
    return fail(pulled.error().code, pulled.error().message +
                                         ". Check its name; a registry that wants to know who "
                                         "asks is told with 'hanse run --registry-auth FILE'");
  }
  if (!client::is_for(login->place, image)) {
    return fail(ErrorCode::denied, "the login is for " + login->place + ", and the image is " + image.full);
  }
  {
    const std::lock_guard images(context_.images_mutex);
    const std::lock_guard lock(mutex_);
    entry_.private_image = image.full;
    entry_.image.clear();
    if (auto saved = context_.journal.save(entry_); !saved) return saved;
  }
  auto own = context_.engine.pull(image.full, progress, &*login);
  if (own || may_pass(own.error())) return own;
  return fail(own.error().code,
              own.error().message + ", as " + (login->user.empty() ? std::string("the token's owner") : login->user));
}

/// Names move, so a private image is known by its id; while it is being pulled, by all names of its repository.
Result<bool> LeaseRun::is_anothers(const std::string& id, const client::ImageReference& image) {
  const auto entries = context_.journal.entries();
  if (!entries) return fail(entries);
  return std::any_of(entries->begin(), entries->end(), [&](const JournalEntry& other) {
    if (other.private_image.empty()) return false;
    if (!other.image.empty()) return other.image == id && other.lease != lease_.id;
    const auto its = client::parse_image(other.private_image);
    return its && its->repository == image.repository;
  });
}

Result<> LeaseRun::use_image(const std::string& id) {
  const std::lock_guard lock(mutex_);
  entry_.image = id;
  return context_.journal.save(entry_);
}

/// Once nothing of this lease runs.
Result<> LeaseRun::forget_image() {
  if (entry_.private_image.empty()) return {};
  const std::lock_guard images(context_.images_mutex);
  const auto entries = context_.journal.entries();
  if (!entries) return fail(entries);
  const bool is_needed = std::any_of(entries->begin(), entries->end(), [&](const JournalEntry& other) {
    return other.lease != lease_.id && !other.private_image.empty() &&
           (other.private_image == entry_.private_image || other.image == entry_.image);
  });
  if (is_needed) return {};  // who needs it last removes it
  auto removed = context_.engine.remove_image(entry_.private_image);
  if (removed || removed.error().code != ErrorCode::conflict) return removed;
  // By now anyone may pull it, and somebody did; or the machine's owner runs it.
  spdlog::info("{}: its image stays, for it is in use", name());
  return {};
}

}  // namespace hanse::provider
