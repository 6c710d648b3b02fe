// SPDX-License-Identifier: Apache-2.0
#include "attest/verdict.hpp"

#include <algorithm>
#include <format>

namespace dsmil::attest {
namespace {

// Beyond it others extend without writing to the firmware's log.
constexpr unsigned last_firmware_pcr = 7;

class Judge {
  public:
    Judge(const Evidence &evidence, const Reference &reference)
        : evidence_(evidence), reference_(reference) {}

    Verdict judge() {
        check_name("ak-name", "attestation key", evidence_.ak_name, reference_.ak_names);
        check_name("ek-name", "endorsement key", evidence_.ek_name, reference_.ek_names);
        check_firmware();
        check_pcrs();
        if (evidence_.log != nullptr && evidence_.log->bank != HashAlg::sha256) {
            // Compared with nothing it holds; else it would seem to show what it does not.
            if (evidence_.pcrs != nullptr || !reference_.events.empty()) {
                find({.check = "replay",
                      .pcr = {},
                      .entry = {},
                      .what = "the event log was read in another bank than SHA-256, of which the values are",
                      .remedy = "read it in the bank sha256"});
            }
        } else if (evidence_.log != nullptr) {
            check_replay();
            check_events();
        } else if (!reference_.events.empty()) {
            find({.check = "event",
                  .pcr = {},
                  .entry = {},
                  .what = "the reference values name events, and there is no event log",
                  .remedy = "give the machine's binary_bios_measurements"});
        }
        check_ima();
        return std::move(verdict_);
    }

  private:
    void find(Finding finding) {
        if (verdict_.findings.size() < max_findings) {
            verdict_.findings.push_back(std::move(finding));
        } else {
            verdict_.more++;
        }
    }

    void check_name(const char *check, std::string_view whose, const Bytes *name,
                    const std::vector<Bytes> &known) {
        if (known.empty()) {
            return;
        }
        if (name == nullptr) {
            find({.check = check,
                  .pcr = {},
                  .entry = {},
                  .what = std::format("the name of the {} is not shown", whose),
                  .remedy = "give the key as the TPM writes it (tpm2_readpublic -o), PEM has no name"});
        } else if (std::ranges::find(known, *name) == known.end()) {
            find({.check = check,
                  .pcr = {},
                  .entry = {},
                  .what = std::format("the {} {} is not one that is known", whose, to_hex(*name)),
                  .remedy = "if the machine or its TPM was replaced, enrol it again; else do not trust it"});
        }
    }

    void check_firmware() {
        const auto &known = reference_.firmware_versions;
        if (known.empty()) {
            return;
        }
        const auto *const version = evidence_.firmware_version;
        if (version == nullptr || std::ranges::find(known, *version) == known.end()) {
            find({.check = "firmware",
                  .pcr = {},
                  .entry = {},
                  .what =
                      version == nullptr
                          ? "the firmware version of the TPM is not shown"
                          : std::format("the firmware version 0x{:016x} of the TPM is not known", *version),
                  .remedy = version == nullptr
                                ? "give a quote"
                                : "if the TPM's firmware was updated on purpose, add the version"});
        }
    }

    void check_pcrs() {
        for (const auto &[pcr, allowed] : reference_.pcrs) {
            const Bytes *const value = value_of(pcr);
            if (value == nullptr) {
                find({.check = "pcr",
                      .pcr = pcr,
                      .entry = {},
                      .what = std::format("the value of PCR {} is not shown", pcr),
                      .remedy = std::format("quote PCR {} too", pcr)});
            } else if (!allowed.contains(*value)) {
                find(
                    {.check = "pcr",
                     .pcr = pcr,
                     .entry = {},
                     .what = std::format("PCR {} is {}, which is not one of the {} values that are allowed{}",
                                         pcr, to_hex(*value), allowed.size(), suspects(pcr)),
                     .remedy = remedy_of(pcr)});
            }
        }
    }

    [[nodiscard]] const Bytes *value_of(unsigned pcr) const {
        if (evidence_.pcrs == nullptr) {
            return nullptr;
        }
        const auto found = evidence_.pcrs->find(pcr);
        return found == evidence_.pcrs->end() ? nullptr : &found->second;
    }

    // Which events of the log can have changed it.
    [[nodiscard]] std::string suspects(unsigned pcr) const {
        if (evidence_.log == nullptr) {
            return "; with the event log it could be said which event it was";
        }
        if (reference_.events.contains(pcr)) {
            return "";
        }
        std::string text;
        std::size_t count = 0;
        for (const auto &event : evidence_.log->events) {
            if (event.extended && event.pcr == pcr && event.type != 0x04) {
                text = std::format("event {} ({}: {})", event.number, event_type_name(event.type),
                                   describe(event));
                count++;
            }
        }
        if (count == 0) {
            return "; the log has no event of it";
        }
        return std::format(
            "; it is one of the {} events of it, the last of which is {} (with their digests under "
            "[events] it can be said which)",
            count, text);
    }

    [[nodiscard]] static std::string remedy_of(unsigned pcr) {
        if (pcr <= 1) {
            return "look for a firmware update or changed firmware settings";
        }
        if (pcr <= 3) {
            return "look for new or changed expansion cards and their firmware";
        }
        if (pcr <= 5) {
            return "look for an update of the boot loader or a changed boot order or partition table";
        }
        if (pcr == 7) {
            return "look for changed Secure Boot keys, a revocation list update, or Secure Boot being off";
        }
        return "find out which software was updated";
    }

    // Whether the log is the one whose end the TPM signed.
    void check_replay() {
        if (evidence_.pcrs == nullptr) {
            return;
        }
        const auto led_to = replay(*evidence_.log);
        for (const auto &[pcr, value] : *evidence_.pcrs) {
            const auto found = led_to.find(pcr);
            if (found != led_to.end() ? found->second == ByteView(value) : is_initial(value)) {
                verdict_.proven.insert(pcr);
            } else if (pcr <= last_firmware_pcr || reference_.events.contains(pcr)) {
                find({.check = "replay",
                      .pcr = pcr,
                      .entry = {},
                      .what = std::format("the event log leads to {} in PCR {}, the TPM has {}",
                                          found != led_to.end() ? to_hex(found->second.view()) : "nothing",
                                          pcr, to_hex(value)),
                      .remedy =
                          "the log was changed, cut or is of another start, so that nothing that it says of "
                          "this PCR is shown; fetch it again, and distrust the machine if it stays"});
            }
        }
        for (const auto &[pcr, allowed] : reference_.events) {
            if (!evidence_.pcrs->contains(pcr)) {
                find({.check = "replay",
                      .pcr = pcr,
                      .entry = {},
                      .what = std::format(
                          "the reference values name events of PCR {}, whose value is not shown", pcr),
                      .remedy = std::format("quote PCR {} too", pcr)});
            }
        }
    }

    static bool is_initial(const Bytes &value) {
        return std::ranges::all_of(value, [](std::uint8_t byte) { return byte == 0; });
    }

    void check_events() {
        for (const auto &event : evidence_.log->events) {
            const auto allowed = reference_.events.find(event.pcr);
            if (!event.extended || allowed == reference_.events.end() ||
                allowed->second.contains(Bytes(event.digest.begin(), event.digest.end()))) {
                continue;
            }
            find({.check = "event",
                  .pcr = event.pcr,
                  .entry = event.number,
                  .what = std::format(
                      "event {} changed PCR {}: {} ({}), digest {}, which is not allowed there", event.number,
                      event.pcr, event_type_name(event.type), describe(event), to_hex(event.digest)),
                  .remedy = remedy_of(event.pcr) + "; if the change is wanted, add the digest"});
        }
    }

    void check_ima() {
        const auto *const list = evidence_.ima;
        if (list == nullptr) {
            if (reference_.has_files) {
                find({.check = "ima",
                      .pcr = ima_pcr,
                      .entry = {},
                      .what = "the reference values name files, and there is no IMA list",
                      .remedy = "give the machine's ascii_runtime_measurements"});
            }
            return;
        }
        std::size_t count = list->size();
        if (evidence_.pcrs != nullptr) {
            const Bytes *const value = value_of(ima_pcr);
            const auto quoted = value != nullptr ? quoted_prefix(*list, ima_pcr, *value) : std::nullopt;
            if (!quoted) {
                find(
                    {.check = "ima",
                     .pcr = ima_pcr,
                     .entry = {},
                     .what = value == nullptr ? "PCR 10, into which IMA measures, is not quoted"
                                              : "no part of the IMA list leads to the value of PCR 10",
                     .remedy =
                         value == nullptr
                             ? "quote PCR 10 too"
                             : "fetch the list again, after the quote; if it stays, the list was changed, or "
                               "the kernel is older than 5.8 and pads SHA-1 hashes"});
                return;
            }
            verdict_.ima_quoted = quoted;
            count = *quoted;
        }
        for (std::size_t i = 0; i < count; i++) {
            check_file(list->at(i), i + 1);
        }
    }

    void check_file(const ImaEntry &entry, std::size_t number) {
        if (entry.violation) {
            if (reference_.has_files && !reference_.violations) {
                find({.check = "ima",
                      .pcr = entry.pcr,
                      .entry = number,
                      .what = std::format(
                          "entry {}: a file was being written while it was measured (the list says "
                          "{}, which nothing covers)",
                          number, entry.path),
                      .remedy = "leave files that are written out of IMA's policy, or allow violations"});
            }
            return;
        }
        if (!reference_.has_files || entry.path == "boot_aggregate") {
            return;
        }
        const auto known = reference_.files.find(entry.path);
        const auto value = entry.file_digest.view();
        if (known != reference_.files.end() && known->second.contains(Bytes(value.begin(), value.end()))) {
            return;
        }
        find({.check = "ima",
              .pcr = entry.pcr,
              .entry = number,
              .what = std::format("entry {} changed PCR {}: {} with {}:{}, {}", number, entry.pcr, entry.path,
                                  name_of(entry.file_hash), to_hex(value),
                                  known == reference_.files.end() ? "a file that is not allowed"
                                                                  : "which is not a digest that is allowed"),
              .remedy =
                  "find out where the file is from (dpkg -S, debsums); if it is wanted, add its digest"});
    }

    const Evidence &evidence_;
    const Reference &reference_;
    Verdict verdict_;
};

} // namespace

Verdict judge(const Evidence &evidence, const Reference &reference) {
    return Judge(evidence, reference).judge();
}

} // namespace dsmil::attest
