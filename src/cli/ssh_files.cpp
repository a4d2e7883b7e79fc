#include "cli/ssh_files.hpp"

#include "client/private_file.hpp"
#include "client/wallet.hpp"
#include "model/text.hpp"

namespace hanse::cli {
namespace {

/// The endpoint's host without the brackets of an IPv6 address, and its port.
std::pair<std::string, std::string> split(const std::string& endpoint) {
  const auto colon = endpoint.rfind(':');
  std::string host = endpoint.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return {host, colon == std::string::npos ? "22" : endpoint.substr(colon + 1)};
}

/// An endpoint comes from the provider: anything that could be more than a host and a port must not reach a config.
bool is_safe(const std::string& text) {
  return !text.empty() && text.front() != '-' &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-_[]") ==
             std::string::npos;
}

/// As OpenSSH reads a file's name: in quotes, where % begins a token.
std::string in_quotes(const std::filesystem::path& path) {
  std::string out = "\"";
  for (const char c : path.string()) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '%') out += '%';
    out += c;
  }
  return out + "\"";
}

/// As Include reads one: a pattern, in which some versions look for tokens too and others do not. What any of them
/// takes for more than itself is matched by a `?`.
std::string as_pattern(const std::filesystem::path& path) {
  std::string out = path.string();
  for (char& c : out) {
    if (std::string_view("%$[]{}*\"\\").find(c) != std::string_view::npos) c = '?';
  }
  return "\"" + out + "\"";
}

}  // namespace

std::string ssh_config_text(const std::vector<model::Lease>& running, const Home& home) {
  std::string out = "# Written by hanse for the live leases; changes are lost.\n";
  for (const auto& lease : running) {
    if (!is_safe(lease.endpoint)) continue;
    const std::string name = model::format_id(lease.id);
    const auto [host, port] = split(lease.endpoint);
    out += "\nHost " + name + "\n  HostName " + host + "\n  Port " + port + "\n  User " + name + "\n  HostKeyAlias " +
           name + "\n  IdentityFile " + in_quotes(home.access_key()) + "\n  IdentitiesOnly yes\n  UserKnownHostsFile " +
           in_quotes(home.ssh() / "known_hosts") +
           "\n  GlobalKnownHostsFile none\n  StrictHostKeyChecking yes\n  HostKeyAlgorithms ssh-ed25519\n"
           "  PreferredAuthentications publickey\n  ServerAliveInterval 15\n"
           // What the user gives to all hosts is not for a stranger's machine.
           "  ForwardAgent no\n  ForwardX11 no\n  ForwardX11Trusted no\n  GSSAPIAuthentication no\n"
           "  GSSAPIDelegateCredentials no\n  PermitLocalCommand no\n  RemoteCommand none\n  Tunnel no\n";
  }
  return out;
}

std::string known_hosts_text(const std::vector<model::Lease>& running) {
  std::string out;
  for (const auto& lease : running) {
    out += model::format_id(lease.id) + " " + client::format_ssh_public_key(lease.host_key) + "\n";
  }
  return out;
}

Result<> write_ssh_files(const std::vector<model::Lease>& running, const Home& home) {
  if (auto written = client::replace_private_file(home.ssh() / "known_hosts", known_hosts_text(running)); !written)
    return written;
  return client::replace_private_file(home.ssh() / "config", ssh_config_text(running, home));
}

void forget_ssh_host(model::LeaseId lease, const Home& home) {
  auto text = read_text(home.ssh() / "config");
  const auto begin = text ? text->find("\nHost " + model::format_id(lease) + "\n") : std::string::npos;
  if (begin == std::string::npos) return;
  text->erase(begin, text->find("\nHost ", begin + 1) - begin);
  (void)client::replace_private_file(home.ssh() / "config", *text);  // at worst it stays until the next `hanse ssh`
}

std::string include_line(const Home& home) {
  return "Include " + as_pattern(home.ssh() / "config");
}

Result<> add_include(const Home& home, const std::filesystem::path& user_config) {
  std::string text;
  if (std::filesystem::exists(user_config)) {
    auto read = read_text(user_config);
    if (!read) return fail(read);
    text = std::move(*read);
  }
  if (text.find(include_line(home)) != std::string::npos) return {};
  // write_file replaces by rename, which would cut a linked config (dotfiles) off from where it is kept.
  std::error_code error;
  const auto target =
      std::filesystem::exists(user_config) ? std::filesystem::canonical(user_config, error) : user_config;
  return client::replace_private_file(error ? user_config : target, include_line(home) + "\n\n" + text);
}

}  // namespace hanse::cli
