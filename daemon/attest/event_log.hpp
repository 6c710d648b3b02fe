// SPDX-License-Identifier: Apache-2.0
// The log of what firmware and boot loader measured, as the kernel gives it in
// binary_bios_measurements (TCG PC Client Platform Firmware Profile, 10). The
// bytes may be hostile: nothing of a log is true until its replay has led to
// values that a TPM signed, and even then not what the digests do not cover.
#pragma once

#include "attest/hash.hpp"
#include "attest/quote.hpp"
#include "dsmil/error.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace dsmil::attest {

inline constexpr std::size_t max_log_bytes = 16UZ << 20U;
inline constexpr std::size_t max_log_events = 65536;

struct Event {
    std::size_t number = 0; // in the log, from 0
    unsigned pcr = 0;
    std::uint32_t type = 0; // no digest covers it: somebody can have changed it
    ByteView digest;        // of the log's bank
    ByteView data;
    bool extended = false; // into the PCR; EV_NO_ACTION is not
    bool covered = false;  // `digest` is that of `data`: only then `data` is true when `digest` is
};

struct EventLog {
    HashAlg bank = HashAlg::sha256;
    bool crypto_agile = false;         // else the old form, with SHA-1 only
    std::uint8_t startup_locality = 0; // where PCR 0 began: 0, 3 or 4
    std::vector<Event> events;         // views of the bytes that were parsed
};

// One bank of the log, with views of `log`. malformed, with the number of the event, for what is
// cut or damaged, an event type that the specification does not have (a parser that skips such an
// event could be deceived), a bank that the log lacks, more than max_log_events.
// attestation_failed for an event that says it is a separator and is none: its type was changed.
[[nodiscard]] Result<EventLog> parse_event_log(ByteView log, HashAlg bank);

// The values to which the log leads, of the PCRs that it extends (and PCR 0 after a
// StartupLocality event).
[[nodiscard]] std::map<unsigned, Digest> replay(const EventLog &log);

// "EV_SEPARATOR"; empty if the specification does not have it.
[[nodiscard]] std::string_view event_type_name(std::uint32_t type);

// A separator by which firmware says that measuring failed: its digest is that of the number 1, whatever
// the data (TCG PC Client Platform Firmware Profile, EV_SEPARATOR).
[[nodiscard]] bool is_error_separator(const Event &event);

// What happened, from the data of an event that is covered, else "not covered". Printable ASCII,
// at most some 200 characters.
[[nodiscard]] std::string describe(const Event &event);

} // namespace dsmil::attest
