#include "provider/registry_access.hpp"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <memory>

#include "provider/network.hpp"

namespace hanse::provider {

namespace {

const std::string kDefaultRegistrysHost = "registry-1.docker.io";

std::string host_of(const ImageReference& image) {
  return image.registry == client::kDefaultRegistry ? kDefaultRegistrysHost
                                                    : image.registry.substr(0, image.registry.find(':'));
}

Error no_names(const ImageReference& image) {
  return {ErrorCode::unavailable, "image " + image.full + " is not on this machine, and the machine cannot look up " +
                                      host_of(image) + " to pull it: its trouble, not the job's. Try again in a " +
                                      "moment, or rent another machine"};
}

}  // namespace

Result<std::vector<std::string>> look_up(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* first = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &first);
  if (error == EAI_NONAME || error == EAI_NODATA) return fail(ErrorCode::not_found, "there is no " + host);
  if (error != 0) return fail(ErrorCode::unavailable, "cannot look up " + host + ": " + ::gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(first, &::freeaddrinfo);
  std::vector<std::string> out;
  for (const addrinfo* at = first; at != nullptr; at = at->ai_next) {
    std::array<char, NI_MAXHOST> text{};  // stays empty, which is no public address, where there is none
    ::getnameinfo(at->ai_addr, at->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST);
    out.emplace_back(text.data());
  }
  return out;
}

Result<> check_registry(const ImageReference& image, const std::vector<std::string>& allowed, const Resolver& resolve) {
  // The engine's own default, perhaps through a mirror of the owner's, says nothing of what is inside.
  if (image.registry == client::kDefaultRegistry) return {};
  if (std::find(allowed.begin(), allowed.end(), image.registry) != allowed.end()) return {};
  const auto found = resolve(host_of(image));
  if (!found && found.error().code == ErrorCode::unavailable) return std::unexpected(no_names(image));
  if (found && std::all_of(found->begin(), found->end(), is_public_address)) return {};
  return fail(ErrorCode::denied, "image " + image.full +
                                     " is not on this machine, which pulls from public registries " +
                                     "only and sees none at " + image.registry +
                                     ": check its name, push the image to " + "one, or rent another machine");
}

Error why_not_pulled(const Error& error, const ImageReference& image, const Resolver& resolve) {
  // Every engine is in Go, which begins so where a name cannot be looked up.
  if (error.message.find("lookup ") == std::string::npos) return error;
  return resolve(host_of(image)) ? error : no_names(image);
}

}  // namespace hanse::provider
