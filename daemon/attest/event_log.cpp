// SPDX-License-Identifier: Apache-2.0
#include "attest/event_log.hpp"

#include "attest/event_type.hpp"
#include "attest/reader.hpp"

#include <algorithm>
#include <format>
#include <optional>

namespace dsmil::attest {
namespace {

constexpr unsigned last_firmware_pcr = 7;
constexpr std::size_t sha1_bytes = 20;
constexpr std::size_t max_algorithms = 16; // of TPML_DIGEST_VALUES, and more than any TPM has
constexpr std::string_view spec_id_03{"Spec ID Event03\0", 16};
constexpr std::string_view startup_locality_sign{"StartupLocality\0", 16};

std::unexpected<Error> malformed(std::string detail) {
    return fail(Code::malformed, "the event log: " + std::move(detail));
}

struct Algorithm {
    std::uint16_t number;
    std::uint16_t size;
};

// The banks of the log, from its first event (TCG_EfiSpecIDEventStruct).
Result<std::vector<Algorithm>> read_spec_id(ByteView data) {
    LittleReader reader(data);
    reader.take(spec_id_03.size());
    reader.take(4 + 4); // platform class, version, errata, size of UINTN
    const auto count = reader.number<std::uint32_t>();
    if (count == 0 || count > max_algorithms) {
        return malformed(std::format("its first event names {} hash algorithms", count));
    }
    std::vector<Algorithm> algorithms;
    for (std::uint32_t i = 0; i < count; i++) {
        const auto number = reader.number<std::uint16_t>();
        const auto size = reader.number<std::uint16_t>();
        const auto known = hash_alg(number);
        if (std::ranges::contains(algorithms, number, &Algorithm::number)) {
            return malformed(std::format("its first event names algorithm 0x{:04x} twice", number));
        }
        if (size == 0 || size > Digest::max_bytes || (known && size_of(*known) != size)) {
            return malformed(std::format("its first event says that digests of algorithm 0x{:04x} have {} "
                                         "bytes",
                                         number, size));
        }
        algorithms.push_back({number, size});
    }
    reader.take(reader.number<std::uint8_t>()); // the vendor's
    if (!reader.ok()) {
        return malformed("its first event is cut");
    }
    return algorithms;
}

// An event of the old form, with the fields of TCG_PCR_EVENT.
Event read_old(LittleReader &reader) {
    Event event;
    event.pcr = reader.number<std::uint32_t>();
    event.type = reader.number<std::uint32_t>();
    event.digest = reader.take(sha1_bytes);
    event.data = reader.take(reader.number<std::uint32_t>());
    return event;
}

class Parser {
  public:
    Parser(ByteView bytes, HashAlg bank) : reader_(bytes) { log_.bank = bank; }

    Result<EventLog> parse() {
        if (auto begun = begin(); !begun) {
            return std::unexpected(std::move(begun.error()));
        }
        while (!reader_.at_end()) {
            if (log_.events.size() >= max_log_events) {
                return malformed(std::format("it has more than {} events", max_log_events));
            }
            auto event = log_.crypto_agile ? read_agile() : Result<Event>(read_old(reader_));
            if (!event) {
                return std::unexpected(std::move(event.error()));
            }
            if (!reader_.ok()) {
                return malformed(std::format("it is cut in event {}; fetch it again", log_.events.size()));
            }
            if (auto added = add(*event); !added) {
                return std::unexpected(std::move(added.error()));
            }
        }
        return std::move(log_);
    }

  private:
    Result<void> begin() {
        LittleReader ahead = reader_;
        const Event first = read_old(ahead);
        if (!ahead.ok()) {
            return malformed("it is too short for one event; fetch binary_bios_measurements again");
        }
        log_.crypto_agile = first.type == event_type::no_action && first.pcr == 0 &&
                            as_text(first.data).starts_with(spec_id_03);
        if (log_.crypto_agile) {
            auto algorithms = read_spec_id(first.data);
            if (!algorithms) {
                return std::unexpected(std::move(algorithms.error()));
            }
            algorithms_ = std::move(*algorithms);
            reader_ = ahead;
            log_.events.push_back(first);
        } else {
            algorithms_ = {{static_cast<std::uint16_t>(HashAlg::sha1), sha1_bytes}};
        }
        const auto number = static_cast<std::uint16_t>(log_.bank);
        if (std::ranges::find(algorithms_, number, &Algorithm::number) == algorithms_.end()) {
            return malformed(std::format("it has no {} digests; {}", name_of(log_.bank),
                                         log_.crypto_agile ? "enable the bank in the firmware's TPM settings"
                                                           : "it is of the old form, which has SHA-1 only"));
        }
        return {};
    }

    Result<Event> read_agile() {
        Event event;
        event.pcr = reader_.number<std::uint32_t>();
        event.type = reader_.number<std::uint32_t>();
        const auto count = reader_.number<std::uint32_t>();
        // Firmware announces a bank and leaves it out of an event at times.
        if (reader_.ok() && (count == 0 || count > algorithms_.size())) {
            return malformed(std::format("event {} has {} digests, {} were announced", log_.events.size(),
                                         count, algorithms_.size()));
        }
        std::uint32_t seen = 0;
        for (std::uint32_t i = 0; i < count && reader_.ok(); i++) {
            const auto number = reader_.number<std::uint16_t>();
            const auto known = std::ranges::find(algorithms_, number, &Algorithm::number);
            const auto index = static_cast<unsigned>(known - algorithms_.begin());
            if (known == algorithms_.end() || (seen >> index & 1U) != 0) {
                return malformed(std::format("event {} has a digest of algorithm 0x{:04x}, which was not "
                                             "announced or is there twice",
                                             log_.events.size(), number));
            }
            seen |= 1U << index;
            const ByteView value = reader_.take(known->size);
            if (number == static_cast<std::uint16_t>(log_.bank)) {
                event.digest = value;
            }
        }
        event.data = reader_.take(reader_.number<std::uint32_t>());
        if (reader_.ok() && event.digest.empty()) {
            return malformed(std::format("event {} has no {} digest, so that this bank cannot be replayed",
                                         log_.events.size(), name_of(log_.bank)));
        }
        return event;
    }

    Result<void> add(Event event) {
        event.number = log_.events.size();
        if (event_type_name(event.type).empty()) {
            return malformed(
                std::format("event {} is of type 0x{:08x}, which the specification does not have; "
                            "it cannot be judged, and is not skipped",
                            event.number, event.type));
        }
        if (event.type == event_type::no_action) {
            auto noted = note_locality(event);
            log_.events.push_back(event);
            return noted;
        }
        if (event.pcr >= pcr_count) {
            return malformed(
                std::format("event {} is of PCR {}, which no TPM of a PC has", event.number, event.pcr));
        }
        event.extended = true;
        event.covered = digest(log_.bank, event.data) == event.digest;
        if (event.type == event_type::separator && !is_separator(event)) {
            return fail(
                Code::attestation_failed,
                std::format("the event log: event {} says that it is the separator of PCR {}, and its "
                            "digest is not one; somebody changed the log",
                            event.number, event.pcr));
        }
        pcr0_extended_ = pcr0_extended_ || event.pcr == 0;
        log_.events.push_back(event);
        return {};
    }

    // It says where PCR 0 began, and so makes sense only before anything was extended into it.
    Result<void> note_locality(const Event &event) {
        if (!as_text(event.data).starts_with(startup_locality_sign)) {
            return {};
        }
        const bool whole = event.data.size() == startup_locality_sign.size() + 1;
        if (event.pcr != 0 || !whole || !is_startup_locality(event.data.back()) || pcr0_extended_ ||
            locality_noted_) {
            return malformed(std::format("event {} says at which locality the TPM started, in a wrong place "
                                         "or form",
                                         event.number));
        }
        log_.startup_locality = event.data.back();
        locality_noted_ = true;
        return {};
    }

    // TPM2_Startup comes from 0 or 3; 4 stands for what began the measuring before it (H-CRTM).
    static bool is_startup_locality(std::uint8_t locality) {
        return locality == 0 || locality == 3 || locality == 4;
    }

    // Four zero bytes or ones, or an error. Beyond the firmware's PCRs others end their part with four
    // letters (Windows: "WBCL").
    [[nodiscard]] bool is_separator(const Event &event) const {
        static constexpr std::array<std::uint8_t, 4> zeros = {0, 0, 0, 0};
        static constexpr std::array<std::uint8_t, 4> ones = {0xFF, 0xFF, 0xFF, 0xFF};
        return digest(log_.bank, zeros) == event.digest || digest(log_.bank, ones) == event.digest ||
               is_error_separator(event) ||
               (event.pcr > last_firmware_pcr && event.covered && event.data.size() == zeros.size());
    }

    LittleReader reader_;
    std::vector<Algorithm> algorithms_;
    bool pcr0_extended_ = false;
    bool locality_noted_ = false;
    EventLog log_;
};

} // namespace

Result<EventLog> parse_event_log(ByteView log, HashAlg bank) {
    if (log.size() > max_log_bytes) {
        return malformed(std::format("it has more than {} bytes", max_log_bytes));
    }
    return Parser(log, bank).parse();
}

std::map<unsigned, Digest> replay(const EventLog &log) {
    std::map<unsigned, Digest> values;
    const auto begin = [&](unsigned pcr) {
        Digest value(size_of(log.bank));
        if (pcr == 0) {
            value.data()[value.size() - 1] = log.startup_locality;
        } else if (pcr >= 17 && pcr <= 22) {
            std::fill_n(value.data(), value.size(), std::uint8_t{0xFF}); // until a dynamic launch
        }
        return value;
    };
    if (log.startup_locality != 0) {
        values.emplace(0, begin(0));
    }
    for (const auto &event : log.events) {
        if (event.extended) {
            auto &value = values.try_emplace(event.pcr, begin(event.pcr)).first->second;
            value = digest(log.bank, {value.view(), event.digest});
        }
    }
    return values;
}

} // namespace dsmil::attest
