// SPDX-License-Identifier: Apache-2.0
#include "expected_ak.hpp"

#include "attest_answer.hpp"
#include "new_file.hpp"

namespace dsmilctl {
namespace {

using dsmil::Code;
using dsmil::Result;

constexpr std::size_t max_key_bytes = 16384;

} // namespace

Result<std::optional<dsmil::Bytes>> expected_ak(const Call &call) {
    const auto file = call.option("--ak");
    if (!file) {
        return std::nullopt;
    }
    auto ak = read_file(*file, max_key_bytes).and_then(spki_of);
    if (!ak) {
        ak.error().code = ak.error().code == Code::attestation_failed ? Code::usage : ak.error().code;
        return std::unexpected(std::move(ak.error()).in(*file));
    }
    return std::move(*ak);
}

Result<void> compare_ak(const std::optional<dsmil::Bytes> &expected, const dsmil::Bytes &ak) {
    return !expected || *expected == ak
               ? Result<void>{}
               : dsmil::fail(Code::attestation_failed, "it is signed by another key than the one of --ak");
}

} // namespace dsmilctl
