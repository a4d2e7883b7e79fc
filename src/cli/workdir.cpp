#include "cli/workdir.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/check.hpp"
#include "cli/ignore_list.hpp"
#include "cli/progress.hpp"
#include "model/text.hpp"
#include "provider/lease_spec.hpp"
#include "provider/workspace.hpp"

namespace hanse::cli {
namespace {

/// Of paths in small letters, in the language of .hanseignore: what it would leave out looks like a secret.
constexpr std::string_view kSecretNames = R"(
*token*
!*tokeni[sz]*
!special_tokens_map.json
!added_tokens.json
!*.py
!*.[ch]
!*.[ch]pp
!*.[jt]s
!*.go
!*.rs
!*.java
.env
.env.*
*.env
!.env.example
!.env.sample
!.env.template
!.env.dist
!example.env
!sample.env
*.pem
!cacert.pem
*.key
*.p12
*.pfx
*.jks
*.keystore
*.kdbx
*.ppk
.netrc
_netrc
.npmrc
.pypirc
.pgpass
.my.cnf
.htpasswd
.git-credentials
.dockercfg
.s3cfg
.boto
rclone.conf
kaggle.json
*service*account*.json
*credentials*.json
client_secret*.json
kubeconfig
**/.kube/config
**/.docker/config.json
**/.aws/**
**/.azure/**
**/.config/gcloud/**
**/.gnupg/**
**/.hanse/**
**/.ssh/**
id_rsa*
id_dsa*
id_ecdsa*
id_ed25519*
!id_*.pub
)";

constexpr std::size_t kMostNamed = 5;
constexpr std::size_t kMostInJson = 1000;

std::string in_small_letters(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

/// "a, b and 3 more"
std::string some_of(const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), kMostNamed); ++i) out += (i == 0 ? "" : ", ") + names[i];
  return printable_name(out) +
         (names.size() > kMostNamed ? " and " + std::to_string(names.size() - kMostNamed) + " more" : "");
}

std::string files_text(const LocalTree& tree) {
  return std::to_string(tree.files.size()) + (tree.files.size() == 1 ? " file, " : " files, ") + rough_size(tree.bytes);
}

/// What the tree takes of a volume: whole blocks, and the names in its folders.
std::uint64_t bytes_in_blocks(const LocalTree& tree, std::uint64_t block) {
  constexpr std::uint64_t kEntryBytes = 12;  // of a folder, beside the name
  std::uint64_t names = 0, bytes = tree.folders.size() * block;
  for (const auto& file : tree.files) {
    bytes += (file.size + block - 1) / block * block;
    names += file.relative.size() - (file.relative.rfind('/') + 1) + kEntryBytes;
  }
  return bytes + names / 3 * 4;  // folders are filled to three quarters
}

bool fits(const LocalTree& tree, std::uint64_t disk_bytes) {
  const auto room = provider::Workspaces::room(disk_bytes);
  return tree.files.size() + tree.folders.size() <= room.files && bytes_in_blocks(tree, room.block_bytes) <= room.bytes;
}

/// The least disk that it fits, in round figures.
std::string disk_for(const LocalTree& tree) {
  std::uint64_t step = 100'000'000, disk = step;
  while (!fits(tree, disk)) {
    if (disk >= 20 * step) step *= 10, disk = disk / step * step;
    disk += step;
  }
  return model::format_size(disk);
}

}  // namespace

std::vector<std::string> likely_secrets(const LocalTree& tree) {
  static const auto names = IgnoreList::parse(kSecretNames);
  HANSE_CHECK(names.has_value());
  std::vector<std::string> out;
  for (const auto& file : tree.files) {
    if (file.is_meant) continue;
    if (names->judge(in_small_letters(file.relative), false) == IgnoreList::Verdict::left_out) {
      out.push_back(file.relative);
    }
  }
  return out;
}

Facts workdir_facts(const LocalTree& tree, std::uint32_t machines) {
  const bool is_one = tree.files.size() == 1;
  const std::string where = machines == 1 ? "the machine" : "each of the " + std::to_string(machines) + " machines";
  Facts out{{"workdir", files_text(tree) + (is_one ? " goes to " : " go to ") + where}};
  const auto secrets = likely_secrets(tree);
  if (secrets.empty()) return out;
  out.emplace_back("secrets?", some_of(secrets) +
                                   (secrets.size() == 1 ? " looks like a secret" : " look like secrets") +
                                   ": name in .hanseignore what must not go, behind a ! what is meant to");
  return out;
}

nlohmann::json workdir_json(const LocalTree& tree) {
  auto secrets = likely_secrets(tree);
  secrets.resize(std::min(secrets.size(), kMostInJson));
  return {{"files", tree.files.size()}, {"bytes", tree.bytes}, {"secrets", std::move(secrets)}};
}

Result<> check_disk(const LocalTree& tree, std::uint64_t disk_bytes) {
  const bool is_default = disk_bytes == 0;
  const auto rented = is_default ? model::kDefaultDiskBytes : disk_bytes;
  if (fits(tree, rented)) return {};
  const auto room = provider::Workspaces::room(rented);
  const std::string holds = tree.files.size() + tree.folders.size() > room.files
                                ? std::to_string(room.files) + " files and folders"
                                : rough_size(room.bytes) + ", in blocks of " + std::to_string(room.block_bytes) + " B";
  return fail(ErrorCode::too_large, "the workdir does not fit: it has " + files_text(tree) + ", and " +
                                        (is_default ? "the disk of a job that asks for none, " : "the job's disk of ") +
                                        model::format_size(rented) + ", holds " + holds +
                                        ": write \"resources: {disk: " + disk_for(tree) +
                                        "}\" or more, or name in .hanseignore what it does not need");
}

}  // namespace hanse::cli
