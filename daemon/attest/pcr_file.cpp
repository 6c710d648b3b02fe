// SPDX-License-Identifier: Apache-2.0
// The serialized form are the C structures TPML_PCR_SELECTION (a count and 16 entries of 8 bytes,
// the last one padding), a count of lists, and so many TPML_DIGEST (a count and 8 entries of 2 + 64
// bytes), little-endian. Raw values tpm2_checkquote cannot take of more than seven PCRs
// (tpm2-tools issue 3542); we can.
#include "attest/pcr_file.hpp"

#include "attest/reader.hpp"

#include <algorithm>
#include <format>
#include <tss2/tss2_tpm2_types.h>

namespace dsmil::attest {
namespace {

constexpr std::size_t value_bytes = 32;
constexpr std::size_t selection_entries = 16;
constexpr std::size_t list_digests = 8;
constexpr std::size_t digest_bytes = 64;
constexpr std::size_t list_bytes = 4 + list_digests * (2 + digest_bytes);
constexpr std::size_t max_lists = 64; // of tpm2_quote
constexpr std::size_t head_bytes = 4 + selection_entries * 8 + 4;

std::unexpected<Error> malformed(std::string_view detail) {
    return fail(Code::malformed, std::format("the PCR file: {}", detail));
}

bool is_serialized(ByteView file) {
    return file.size() >= head_bytes && (file.size() - head_bytes) % list_bytes == 0;
}

Result<std::vector<unsigned>> read_selection(LittleReader &reader) {
    const auto banks = reader.number<std::uint32_t>();
    const auto hash = reader.number<std::uint16_t>();
    const auto size = std::min<std::size_t>(reader.number<std::uint8_t>(), 4);
    const ByteView bits = reader.take(4).first(reader.ok() ? size : 0);
    reader.take(1 + (selection_entries - 1) * 8);
    if (banks != 1 || hash != TPM2_ALG_SHA256) {
        return malformed("it has not just the SHA-256 bank, which alone is verified; quote sha256:...");
    }
    std::vector<unsigned> pcrs;
    for (unsigned pcr = 0; pcr < bits.size() * 8; pcr++) {
        if ((bits[pcr / 8] >> (pcr % 8) & 1U) == 0) {
            continue;
        }
        if (pcr >= pcr_count) {
            return malformed("it has a PCR beyond 23, which no TPM of a PC has");
        }
        pcrs.push_back(pcr);
    }
    return pcrs;
}

Result<std::vector<Bytes>> read_lists(LittleReader &reader) {
    const auto lists = reader.number<std::uint32_t>();
    if (lists > max_lists || reader.rest().size() != lists * list_bytes) {
        return malformed("its lists of values are not as long as they say");
    }
    std::vector<Bytes> values;
    for (std::uint32_t i = 0; i < lists; i++) {
        const auto count = reader.number<std::uint32_t>();
        if (count > list_digests) {
            return malformed("a list has more than 8 values");
        }
        for (std::uint32_t j = 0; j < list_digests; j++) {
            const auto size = reader.number<std::uint16_t>();
            const ByteView value = reader.take(digest_bytes);
            if (j < count) {
                if (size != value_bytes) {
                    return malformed("a value is not one of SHA-256");
                }
                values.push_back(to_bytes(value.first(value_bytes)));
            }
        }
    }
    return values;
}

Result<Pcrs> combine(const std::vector<unsigned> &pcrs, std::vector<Bytes> values) {
    if (pcrs.size() != values.size()) {
        return malformed(std::format("it has {} values for {} PCRs", values.size(), pcrs.size()));
    }
    Pcrs combined;
    for (std::size_t i = 0; i < pcrs.size(); i++) {
        combined[pcrs[i]] = std::move(values[i]);
    }
    return combined;
}

void put(Bytes &bytes, std::uint64_t value, std::size_t width) {
    for (std::size_t i = 0; i < width; i++) {
        bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    }
}

} // namespace

Result<Pcrs> read_pcr_file(ByteView file, std::span<const unsigned> quoted) {
    if (is_serialized(file)) {
        LittleReader reader(file);
        const auto pcrs = read_selection(reader);
        if (!pcrs) {
            return std::unexpected(pcrs.error());
        }
        auto values = read_lists(reader);
        if (!values) {
            return std::unexpected(std::move(values.error()));
        }
        return combine(*pcrs, std::move(*values));
    }
    if (file.size() % value_bytes != 0 || file.size() > pcr_count * value_bytes) {
        return malformed("it is neither what tpm2_quote writes with '-F serialized' nor with '-F values'");
    }
    std::vector<Bytes> values;
    for (std::size_t at = 0; at < file.size(); at += value_bytes) {
        values.push_back(to_bytes(file.subspan(at, value_bytes)));
    }
    return combine({quoted.begin(), quoted.end()}, std::move(values));
}

Bytes serialized_pcrs(const Pcrs &pcrs) {
    Bytes bitmap(3);
    Bytes lists;
    std::size_t count = 0;
    for (const auto &[pcr, value] : pcrs) {
        bitmap.at(pcr / 8) |= static_cast<std::uint8_t>(1U << pcr % 8);
        if (count % list_digests == 0) {
            put(lists, std::min(list_digests, pcrs.size() - count), 4);
        }
        put(lists, value.size(), 2);
        lists.insert(lists.end(), value.begin(), value.end());
        lists.resize(lists.size() + digest_bytes - value.size());
        count++;
    }
    const auto list_count = (count + list_digests - 1) / list_digests;
    lists.resize(list_count * list_bytes);

    Bytes bytes;
    put(bytes, 1, 4); // selections
    put(bytes, TPM2_ALG_SHA256, 2);
    put(bytes, bitmap.size(), 1);
    bytes.insert(bytes.end(), bitmap.begin(), bitmap.end());
    bytes.resize(head_bytes - 4);
    put(bytes, list_count, 4);
    bytes.insert(bytes.end(), lists.begin(), lists.end());
    return bytes;
}

} // namespace dsmil::attest
