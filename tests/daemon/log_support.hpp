// SPDX-License-Identifier: Apache-2.0
// Event logs and IMA lists as firmware and kernel write them, for the verifier's tests.
#pragma once

#include "attest/hash.hpp"
#include "base/bytes.hpp"

#include <array>
#include <string_view>

namespace dsmil::test {

void put_little(Bytes &out, std::uint64_t value, std::size_t width);

// A crypto-agile log with SHA-1 and SHA-256, or one of the old form.
class LogBuilder {
  public:
    enum class Form : std::uint8_t { agile, old };
    explicit LogBuilder(Form form = Form::agile);

    // With the digest of `data`.
    LogBuilder &event(unsigned pcr, std::uint32_t type, std::string_view data);
    // With the digest of `measured`.
    LogBuilder &event(unsigned pcr, std::uint32_t type, std::string_view data, std::string_view measured);

    [[nodiscard]] const Bytes &bytes() const { return bytes_; }

  private:
    Form form_;
    Bytes bytes_;
};

// One entry of an IMA list in both forms, by the template ima-ng.
struct ImaLine {
    std::string ascii;
    Bytes binary;
    Bytes extended; // into the SHA-256 bank
};
[[nodiscard]] ImaLine ima_ng(std::string_view path, bool violation = false); // the path is the content too
[[nodiscard]] ImaLine ima_ng_of(std::string_view path, std::string_view content);

// What a PCR holds after zeros were extended with these.
[[nodiscard]] Bytes extended_with(const std::vector<Bytes> &digests);

} // namespace dsmil::test
