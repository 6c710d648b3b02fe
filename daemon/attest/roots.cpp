// SPDX-License-Identifier: Apache-2.0
#include "attest/roots.hpp"

#include "base/file.hpp"

#include <algorithm>
#include <filesystem>
#include <format>
#include <openssl/x509.h>
#include <sys/stat.h>

namespace dsmil::attest {
namespace {

constexpr std::array<std::string_view, 4> extensions = {".pem", ".crt", ".cer", ".der"};

bool may_be_missing(std::string_view folder) {
    return std::ranges::contains(default_root_folders, folder);
}

Result<std::vector<std::string>> list(const std::string &folder) {
    std::error_code error;
    std::vector<std::string> paths;
    for (const auto &entry : std::filesystem::directory_iterator(folder, error)) {
        if (!std::ranges::contains(extensions, entry.path().extension().string())) {
            continue;
        }
        if (paths.size() >= max_roots) {
            return fail(Code::usage, std::format("{} has more than {} files", folder, max_roots));
        }
        paths.push_back(entry.path().string());
    }
    if (error) {
        const bool missing = error == std::errc::no_such_file_or_directory;
        if (missing && may_be_missing(folder)) {
            return paths;
        }
        const bool denied = error == std::errc::permission_denied;
        return fail(missing  ? Code::not_found
                    : denied ? Code::permission
                             : Code::usage,
                    std::format("reading {}", folder), {error.message()});
    }
    std::ranges::sort(paths);
    return paths;
}

// Who can write the file decides whom we believe.
Result<void> check_file(const std::string &path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
        return fail(Code::malformed, std::format("{} is no file", path));
    }
    if ((status.st_mode & S_IWOTH) != 0) {
        return fail(Code::permission, std::format("{}: anybody may write it; chmod o-w", path));
    }
    return {};
}

Result<void> read_into(const std::string &path, std::vector<Root> &roots) {
    auto text = check_file(path).and_then([&] { return read_file(path, max_certificate_bytes * 16); });
    if (!text) {
        return std::unexpected(std::move(text.error()).in(std::format("reading {}", path)));
    }
    auto certificates = read_certificates(as_bytes(*text));
    if (!certificates) {
        Error error = std::move(certificates.error());
        error.detail = std::format("{}: {}", path, error.detail);
        return std::unexpected(std::move(error));
    }
    for (auto &certificate : *certificates) {
        auto facts = certificate_facts(certificate);
        const bool self_signed = X509_self_signed(certificate.get(), 1) == 1;
        roots.push_back({path, std::move(certificate), std::move(facts), self_signed});
    }
    if (roots.size() > max_roots) {
        return fail(Code::usage,
                    std::format("{}: with it there are more than {} certificates", path, max_roots));
    }
    return {};
}

} // namespace

std::vector<std::string> default_roots() {
    return {default_root_folders.begin(), default_root_folders.end()};
}

Result<std::vector<Root>> read_roots(std::span<const std::string> folders) {
    std::vector<Root> roots;
    for (const auto &folder : folders) {
        const auto paths = list(folder);
        if (!paths) {
            return std::unexpected(paths.error());
        }
        for (const auto &path : *paths) {
            if (auto read = read_into(path, roots); !read) {
                return std::unexpected(std::move(read.error()));
            }
        }
    }
    return roots;
}

std::vector<CertificatePointer> certificates_of(std::span<const Root> roots) {
    std::vector<CertificatePointer> certificates;
    std::vector<ByteView> seen;
    for (const auto &root : roots) {
        if (std::ranges::none_of(
                seen, [&](ByteView hash) { return std::ranges::equal(hash, root.facts.sha256); })) {
            seen.emplace_back(root.facts.sha256);
            X509_up_ref(root.certificate.get());
            certificates.emplace_back(root.certificate.get());
        }
    }
    return certificates;
}

const Root *find_root(std::span<const Root> roots, ByteView sha256) {
    const auto found = std::ranges::find_if(
        roots, [&](const Root &root) { return std::ranges::equal(root.facts.sha256, sha256); });
    return found != roots.end() ? &*found : nullptr;
}

} // namespace dsmil::attest
