// A file of registry logins, as a renter names one and as a machine is sent it: read or refused, and what is read comes
// out as it went in.

#include "client/registry_login.hpp"
#include "fuzz/fuzz.hpp"

namespace hanse::fuzz {

std::vector<Bytes> seeds() {
  const std::string_view texts[] = {R"({"auths": {"https://index.docker.io/v1/": {"auth": "aHViOnNlY3JldDox"}}})",
                                    R"({"auths": {"ghcr.io/me": {"username": "u", "password": "p"}}})",
                                    R"({"auths": {"a:5000": {"identitytoken": "t"}}, "credHelpers": {"b": "c"}})",
                                    R"({"credsStore": "desktop"})"};
  std::vector<Bytes> out;
  for (const auto text : texts) out.emplace_back(text.begin(), text.end());
  return out;
}

}  // namespace hanse::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hanse;
  const auto text = as_text(ByteView(data, size));
  if (const auto logins = client::parse_registry_logins(text)) {
    for (const auto& login : logins->logins) {
      const auto again = client::parse_registry_logins(client::format_registry_login(login));
      // A user and a password come back together: where one of them is missing there may be nothing to come back.
      HANSE_CHECK(again && again->logins.size() == 1 && again->logins[0].password == login.password);
      HANSE_CHECK(again->logins[0].token == login.token);
    }
  }
  if (const auto image = client::parse_image(std::string(text))) {
    HANSE_CHECK(client::is_for(image->registry, *image) && client::is_for(image->repository, *image));
    HANSE_CHECK(client::parse_image(image->full)->full == image->full);
  }
  return 0;
}
