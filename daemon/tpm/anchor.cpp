// SPDX-License-Identifier: Apache-2.0
#include "tpm/anchor.hpp"

#include "tpm/certify.hpp"
#include "tpm/nv.hpp"
#include "tpm/public_key.hpp"

#include <algorithm>
#include <format>

namespace dsmil::tpm {
namespace {

constexpr std::string_view secret_name = "anchor";

struct Indices {
    std::optional<NvIndex> value;
    std::optional<NvIndex> count;
};

Result<std::optional<NvIndex>> find(Tpm &tpm, attest::NvPublic wanted) {
    auto index = find_index(tpm, wanted.index, tpm.secrets().find(secret_name));
    if (!index) {
        return index;
    }
    const auto &found = *index;
    if (!found) {
        return index;
    }
    if (!found->written()) {
        wanted.attributes &= ~attest::nv::written;
    }
    const auto name = found->name();
    if (!name || *name != attest::name_of(wanted)) {
        return fail(
            Code::conflict,
            std::format(
                "NV index 0x{:08X} is not as this daemon makes it: somebody else did, and must remove it",
                wanted.index));
    }
    return index;
}

Result<Indices> find_both(Tpm &tpm) {
    auto value = find(tpm, ledger::anchor_value_public);
    auto count = value ? find(tpm, ledger::anchor_count_public) : std::unexpected(value.error());
    if (!count) {
        return std::unexpected(std::move(count.error()));
    }
    return Indices{std::move(*value), std::move(*count)};
}

// What was never written cannot be read.
Result<Bytes> read_if_written(Tpm &tpm, const std::optional<NvIndex> &index, std::size_t size) {
    if (!index || !index->written()) {
        return Bytes{};
    }
    auto bytes = read_index(tpm, *index);
    return bytes && bytes->size() != size ? fail(Code::tpm_failed, "an anchor's NV index has another size")
                                          : std::move(bytes);
}

Result<ledger::AnchorMemory> read_both(Tpm &tpm, const Indices &indices) {
    const auto value = read_if_written(tpm, indices.value, sizeof(Hash));
    const auto count = value ? read_if_written(tpm, indices.count, sizeof(std::uint64_t)) : value;
    if (!count) {
        return std::unexpected(count.error());
    }
    ledger::AnchorMemory memory{.has_value = indices.value.has_value(),
                                .has_count = indices.count.has_value(),
                                .value = {},
                                .count = {}};
    if (!value->empty()) {
        std::ranges::copy(*value, memory.value.emplace().begin());
    }
    if (!count->empty()) {
        memory.count = 0;
        for (const std::uint8_t byte : *count) {
            memory.count = *memory.count << 8U | byte;
        }
    }
    return memory;
}

std::unexpected<Error> not_made() {
    return fail(Code::not_found, "the TPM has no index for the ledger's anchors");
}

} // namespace

Result<ledger::AnchorMemory> read_anchor(Tpm &tpm) {
    return find_both(tpm).and_then([&](const Indices &indices) { return read_both(tpm, indices); });
}

Result<ledger::AnchorMemory> define_anchor(Tpm &tpm) {
    const auto indices = find_both(tpm);
    if (!indices) {
        return std::unexpected(indices.error());
    }
    const ByteView secret = tpm.secrets().find(secret_name);
    Result<void> made;
    if (!indices->value) {
        made = define_index(tpm, ledger::anchor_value_index, NvKind::extend, 0, secret);
    }
    if (made && !indices->count) {
        made = define_index(tpm, ledger::anchor_count_index, NvKind::counter, 0, secret);
    }
    return made ? read_anchor(tpm) : std::unexpected(std::move(made.error()));
}

Result<ledger::AnchorMemory> extend_anchor(Tpm &tpm, const Hash &before, const Hash &digest) {
    const auto indices = find_both(tpm);
    auto memory = indices ? read_both(tpm, *indices) : std::unexpected(indices.error());
    if (!memory || memory->value.value_or(Hash{}) != before) {
        return memory;
    }
    const auto &value = indices->value;
    if (!value) {
        return not_made();
    }
    // The Name changes with the first write, so it is found anew.
    return extend_index(tpm, *value, digest).and_then([&] { return read_anchor(tpm); });
}

Result<ledger::AnchorMemory> count_anchor(Tpm &tpm, std::optional<std::uint64_t> before) {
    const auto indices = find_both(tpm);
    auto memory = indices ? read_both(tpm, *indices) : std::unexpected(indices.error());
    if (!memory || memory->count != before) {
        return memory;
    }
    const auto &count = indices->count;
    if (!count) {
        return not_made();
    }
    return increment_index(tpm, *count).and_then([&] { return read_anchor(tpm); });
}

Result<ledger::AnchorEvidence> certify_anchor(Tpm &tpm, ByteView nonce) {
    const auto indices = find_both(tpm);
    if (!indices) {
        return std::unexpected(indices.error());
    }
    const auto &value_index = indices->value;
    const auto &count_index = indices->count;
    if (!value_index || !count_index || !value_index->written() || !count_index->written()) {
        return fail(Code::not_found, "nothing of the ledger was anchored in the TPM so far");
    }
    auto value = certify_index(tpm, *value_index, nonce);
    auto count = value ? certify_index(tpm, *count_index, nonce) : std::unexpected(value.error());
    if (!count) {
        return std::unexpected(std::move(count.error()));
    }
    return ledger::AnchorEvidence{
        .value = {std::move(value->attest), std::move(value->signature)},
        .count = {std::move(count->attest), std::move(count->signature)},
        .ak_public_pem = spki_to_pem(tpm.key(Purpose::attestation).spki()),
    };
}

} // namespace dsmil::tpm
