// SPDX-License-Identifier: Apache-2.0
#include "attest/verdict.hpp"

#include "attest/event_type.hpp"

#include <algorithm>
#include <format>
#include <string_view>

namespace dsmil::attest {
namespace {

// Beyond it others extend without writing to the firmware's log.
constexpr unsigned last_firmware_pcr = 7;
// IMA's first entry is a hash of these at the kernel's start (ima_calc_boot_aggregate of Linux).
constexpr unsigned last_aggregate_pcr = 9;
constexpr std::string_view boot_aggregate = "boot_aggregate";

class Judge {
  public:
    Judge(const Evidence &evidence, const Reference &reference)
        : evidence_(evidence), reference_(reference) {}

    Verdict judge() {
        prove();
        verdict_.compared = !reference_.ak_names.empty() || !reference_.ek_names.empty() ||
                            !reference_.firmware_versions.empty() || !reference_.pcrs.empty() ||
                            !reference_.events.empty();
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
        verdict_.failed.insert(finding.check);
        if (verdict_.findings.size() < max_findings) {
            verdict_.findings.push_back(std::move(finding));
        } else {
            verdict_.more++;
        }
    }

    // Which values the log leads to: only of those PCRs does it say something.
    void prove() {
        if (evidence_.pcrs == nullptr || evidence_.log == nullptr || evidence_.log->bank != HashAlg::sha256) {
            return;
        }
        led_to_ = replay(*evidence_.log);
        for (const auto &[pcr, value] : *evidence_.pcrs) {
            const auto found = led_to_.find(pcr);
            if (found != led_to_.end() ? found->second == ByteView(value) : is_initial(value)) {
                verdict_.proven.insert(pcr);
            }
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
        if (!verdict_.proven.contains(pcr)) {
            return "; the event log does not lead to it, and so does not say which event it was";
        }
        if (reference_.events.contains(pcr)) {
            return "";
        }
        std::string text;
        std::size_t count = 0;
        for (const auto &event : evidence_.log->events) {
            if (event.extended && event.pcr == pcr && event.type != event_type::separator) {
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
        for (const auto &[pcr, value] : *evidence_.pcrs) {
            if (verdict_.proven.contains(pcr)) {
                continue;
            }
            const auto found = led_to_.find(pcr);
            if (pcr <= last_firmware_pcr || reference_.events.contains(pcr)) {
                find({.check = "replay",
                      .pcr = pcr,
                      .entry = {},
                      .what = std::format("the event log leads to {} in PCR {}, the TPM has {}",
                                          found != led_to_.end() ? to_hex(found->second.view()) : "nothing",
                                          pcr, to_hex(value)),
                      .remedy =
                          "the log was changed, cut or is of another start, so that nothing that it says of "
                          "this PCR is shown; fetch it again, and distrust the machine if it stays"});
            }
        }
        for (const auto &[pcr, allowed] : reference_.events) {
            if (!verdict_.proven.contains(pcr)) {
                verdict_.failed.insert("event"); // Nothing shows which there were.
            }
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
            const bool shown = evidence_.pcrs == nullptr || verdict_.proven.contains(event.pcr);
            if (!event.extended || !shown || allowed == reference_.events.end() ||
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
        const auto reach = evidence_.pcrs != nullptr ? reach_of(*list) : Reach{};
        if (evidence_.pcrs != nullptr && !reach.contains(ima_pcr)) {
            return;
        }
        std::size_t quoted = 0;
        std::size_t files = 0;
        for (std::size_t i = 0; i < list->size(); i++) {
            const auto &entry = list->at(i);
            const auto end = reach.find(entry.pcr);
            if (evidence_.pcrs != nullptr && (end == reach.end() || i >= end->second)) {
                continue;
            }
            quoted++;
            // The kernel's own entry comes before all files; what is called so later is a file.
            if (i == 0 && entry.path == boot_aggregate && entry.pcr == ima_pcr && !entry.violation) {
                check_boot_aggregate(entry);
            } else {
                files++;
                check_file(entry, i + 1);
            }
        }
        if (evidence_.pcrs != nullptr) {
            verdict_.ima_quoted = quoted;
        }
        if (reference_.has_files && files == 0) {
            find({.check = "files",
                  .pcr = ima_pcr,
                  .entry = {},
                  .what = "IMA measured no file, so that nothing shows which were run",
                  .remedy =
                      "let the kernel measure (ima_policy=tcb, or a policy of your own), then ask again"});
        }
    }

    // Of each PCR of the list, how many entries there were when it had the value that is shown.
    using Reach = std::map<unsigned, std::size_t>;
    Reach reach_of(const std::vector<ImaEntry> &list) {
        std::set<unsigned> pcrs = {ima_pcr};
        for (const auto &entry : list) {
            pcrs.insert(entry.pcr);
        }
        Reach reach;
        for (const unsigned pcr : pcrs) {
            const Bytes *const value = value_of(pcr);
            const auto prefix = value != nullptr ? quoted_prefix(list, pcr, *value) : std::nullopt;
            if (prefix) {
                reach[pcr] = *prefix;
            } else if (value != nullptr) {
                find({.check = "ima",
                      .pcr = pcr,
                      .entry = {},
                      .what = std::format("no part of the IMA list leads to the value of PCR {}", pcr),
                      .remedy =
                          "fetch the list again, after the quote; if it stays, the list was changed, or "
                          "the kernel is older than 5.8 and pads SHA-1 hashes"});
            } else if (pcr == ima_pcr) {
                find({.check = "ima",
                      .pcr = pcr,
                      .entry = {},
                      .what = "PCR 10, into which IMA measures, is not quoted",
                      .remedy = "quote PCR 10 too"});
            } else if (reference_.has_files) {
                find({.check = "files",
                      .pcr = pcr,
                      .entry = {},
                      .what = std::format("the IMA list has entries of PCR {}, which is not quoted", pcr),
                      .remedy = std::format("quote PCR {} too", pcr)});
            }
        }
        return reach;
    }

    // The SHA-256 bank's, where all of it is shown; other banks are not.
    void check_boot_aggregate(const ImaEntry &entry) {
        if (reference_.files.contains(boot_aggregate)) {
            check_file(entry, 1);
            return;
        }
        Bytes all;
        for (unsigned pcr = 0; pcr <= last_aggregate_pcr; pcr++) {
            const Bytes *const value = value_of(pcr);
            if (value == nullptr) {
                return;
            }
            all.insert(all.end(), value->begin(), value->end());
        }
        const Digest made = digest(HashAlg::sha256, all);
        if (reference_.has_files && entry.file_hash == HashAlg::sha256 && entry.file_digest != made) {
            find({.check = "ima",
                  .pcr = entry.pcr,
                  .entry = 1,
                  .what =
                      std::format("entry 1: boot_aggregate is {}, and PCRs 0 to {} make {}",
                                  to_hex(entry.file_digest.view()), last_aggregate_pcr, to_hex(made.view())),
                  .remedy =
                      "find out what extended one of them after the kernel began; if it is wanted, name "
                      "the digest as that of a file"});
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
        if (!reference_.has_files) {
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
    std::map<unsigned, Digest> led_to_; // by the log, if there are values to compare
    Verdict verdict_;
};

} // namespace

Verdict judge(const Evidence &evidence, const Reference &reference) {
    return Judge(evidence, reference).judge();
}

} // namespace dsmil::attest
