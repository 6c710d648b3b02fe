// SPDX-License-Identifier: Apache-2.0
#include "tpm/random.hpp"

#include <algorithm>
#include <format>

namespace dsmil::tpm {
namespace {

constexpr std::size_t at_a_time = 32;

} // namespace

Result<Bytes> random_bytes(Tpm &tpm, std::size_t size) {
    if (size == 0 || size > max_random_bytes) {
        return fail(Code::usage, std::format("1 to {} random bytes at a time", max_random_bytes));
    }
    Bytes bytes;
    while (bytes.size() < size) {
        const auto wanted = static_cast<UINT16>(std::min(size - bytes.size(), at_a_time));
        TPM2B_DIGEST *given = nullptr;
        auto made = tpm.context().run(
            "GetRandom", "asking for random bytes",
            [&](ESYS_CONTEXT *esys) {
                return Esys_GetRandom_Async(esys, tpm.session().handle(Protect::answer), ESYS_TR_NONE,
                                            ESYS_TR_NONE, wanted);
            },
            [&](ESYS_CONTEXT *esys) { return Esys_GetRandom_Finish(esys, &given); });
        const EsysPtr<TPM2B_DIGEST> owned(given);
        if (!made) {
            return std::unexpected(std::move(made.error()));
        }
        if (given->size == 0 || given->size > wanted) {
            return fail(Code::tpm_failed, "the TPM gave no random bytes");
        }
        bytes.insert(bytes.end(), given->buffer, given->buffer + given->size);
    }
    return bytes;
}

} // namespace dsmil::tpm
