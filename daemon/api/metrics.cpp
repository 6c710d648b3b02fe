// SPDX-License-Identifier: Apache-2.0
#include "api/metrics.hpp"

#include "base/prometheus.hpp"

#include <format>
#include <string_view>

namespace dsmil::api {
namespace {

double seconds(std::chrono::nanoseconds duration) {
    return std::chrono::duration<double>(duration).count();
}

void put_commands(prometheus::Page &page, const tpm::Timings::Snapshot &counted) {
    constexpr std::string_view name = "dsmil_tpm_command_seconds";
    page.family(name, "histogram", "How long commands of the TPM took, its retries included.");
    for (const auto &[command, histogram] : counted.commands) {
        std::uint64_t below = 0;
        for (std::size_t bucket = 0; bucket + 1 < tpm::Histogram::bucket_count; bucket++) {
            below += histogram.buckets().at(bucket);
            page.sample(
                std::format("{}_bucket", name),
                std::format("command=\"{}\",le=\"{}\"", command, seconds(tpm::Histogram::bound(bucket))),
                below);
        }
        const std::string label = std::format("command=\"{}\"", command);
        page.sample(std::format("{}_bucket", name), label + ",le=\"+Inf\"", histogram.count());
        page.sample(std::format("{}_sum", name), label, seconds(histogram.sum()));
        page.sample(std::format("{}_count", name), label, histogram.count());
    }
    page.family("dsmil_tpm_errors_total", "counter", "Commands of the TPM that failed, by kind.");
    for (const auto &[kind, count] : counted.errors) {
        page.sample("dsmil_tpm_errors_total", std::format("kind=\"{}\"", kind), count);
    }
}

void put_status(prometheus::Page &page, const tpm::Status &status) {
    page.single("dsmil_tpm_lockout_counter", "gauge", "Wrong authorisations that the TPM has not forgiven.",
                status.lockout_counter);
    page.single("dsmil_tpm_lockout_limit", "gauge", "Wrong authorisations that lock the TPM out.",
                status.lockout_limit);
    page.single("dsmil_tpm_lockout_left_seconds", "gauge",
                "Until the TPM takes authorisations again, at most; 0 when it takes them.",
                status.lockout_left.count());
    page.single("dsmil_tpm_resets_total", "counter", "Resets of the TPM, as it counts them.",
                status.reset_count);
    page.single("dsmil_tpm_restarts_total", "counter",
                "Resumes since the last reset, as the TPM counts them.", status.restart_count);
    page.single("dsmil_tpm_nv_writes_total", "counter",
                "Commands of this daemon that wrote to the TPM's memory, which wears out.", status.nv_writes);
    page.single("dsmil_tpm_nv_worn_ratio", "gauge",
                "That, of what a place of such memory usually bears: an upper bound of its wear.",
                static_cast<double>(status.nv_writes) / static_cast<double>(tpm::nv_endurance));
    page.single("dsmil_tpm_persistent_room", "gauge", "Objects that the TPM has room for, at least.",
                status.persistent_room);
}

void put_counts(prometheus::Page &page, const ledger::Counts &counts) {
    page.family("dsmil_ledger_acknowledged_total", "counter",
                "Records that were acknowledged, by what the acknowledgement promised.");
    for (const auto durability :
         {ledger::Durability::none, ledger::Durability::process, ledger::Durability::power}) {
        page.sample("dsmil_ledger_acknowledged_total",
                    std::format("durability=\"{}\"", ledger::name_of(durability)),
                    counts.acknowledged.at(static_cast<std::size_t>(durability)));
    }
    page.single("dsmil_ledger_commits_total", "counter", "Transactions that took records.", counts.commits);
    page.single("dsmil_ledger_lost_total", "counter",
                "Records that were acknowledged without any promise and could not be kept.", counts.lost);
}

void put_sinks(prometheus::Page &page, const std::vector<sinks::Status> &sinks) {
    const auto family = [&](std::string_view name, std::string_view type, std::string_view help,
                            std::uint64_t sinks::Status::*number) {
        page.family(name, type, help);
        for (const auto &sink : sinks) {
            page.sample(name, std::format("sink=\"{}\"", sink.name), sink.*number);
        }
    };
    page.family("dsmil_sink_state", "gauge", "1 for the state that a sink is in.");
    for (const auto &sink : sinks) {
        for (const auto state :
             {sinks::State::current, sinks::State::sending, sinks::State::blocked, sinks::State::failed}) {
            page.sample("dsmil_sink_state", std::format("sink=\"{}\",state=\"{}\"", sink.name, name(state)),
                        sink.state == state ? 1 : 0);
        }
    }
    family("dsmil_sink_behind_records", "gauge", "Records that a sink has not yet.", &sinks::Status::behind);
    family("dsmil_sink_sent_total", "counter", "Records that a sink took.", &sinks::Status::sent);
    family("dsmil_sink_refused_total", "counter", "Records that the other side will never take.",
           &sinks::Status::refused);
    family("dsmil_sink_skipped_total", "counter", "Records that were pruned before they could be sent.",
           &sinks::Status::skipped);
    family("dsmil_sink_failures_total", "counter", "Tries to send that did not work.",
           &sinks::Status::failures);
}

void put_audit(prometheus::Page &page, const ingest::AuditCounts &counts) {
    page.single("dsmil_audit_lines_total", "counter", "Lines of the kernel's audit that came.", counts.lines);
    page.single("dsmil_audit_malformed_total", "counter", "Of them, those that were none.", counts.malformed);
    page.single("dsmil_audit_records_total", "counter", "Records that the ledger took of them.",
                counts.records);
    page.single("dsmil_audit_lost_total", "counter",
                "Records for which there was no room, and at least so many lines.", counts.lost);
}

void put_anchors(prometheus::Page &page, const ledger::Anchorer &anchors) {
    const auto budget = anchors.budget();
    const auto &last = anchors.last();
    page.family("dsmil_anchor_state", "gauge", "1 for the state that the TPM's memory of the ledger is in.");
    for (const auto state :
         {ledger::AnchorState::off, ledger::AnchorState::waiting, ledger::AnchorState::kept,
          ledger::AnchorState::rolled_back, ledger::AnchorState::lost, ledger::AnchorState::differs}) {
        page.sample("dsmil_anchor_state", std::format("state=\"{}\"", ledger::name_of(state)),
                    anchors.state() == state ? 1 : 0);
    }
    page.single("dsmil_anchored_records", "gauge", "Records that the TPM remembers.", last ? last->size : 0);
    page.single("dsmil_anchors_total", "counter", "Checkpoints that the TPM was made to remember.",
                anchors.made());
    page.single("dsmil_anchors_refused_total", "counter",
                "Critical and last checkpoints that it was not, to spare its memory.", anchors.refused());
    page.single("dsmil_anchor_budget_per_day", "gauge", "How many it may be made to remember in 24 hours.",
                budget.per_day());
    page.single("dsmil_anchor_budget_used", "gauge", "How many of them were used in the last 24 hours.",
                budget.used(anchors.now()));
    page.single("dsmil_anchor_budget_left", "gauge",
                "How many it may be made to remember now, one after the other.", budget.left(anchors.now()));
}

} // namespace

std::string metrics_text(const ledger::Service &ledger, const tpm::Service &tpm, const Beside &beside) {
    prometheus::Page page;
    const auto &snapshot = ledger.snapshot();
    page.family("dsmil_build_info", "gauge", "The version of dsmild.");
    page.sample("dsmil_build_info", "version=\"" DSMIL_VERSION "\"", 1);
    page.single("dsmil_ledger_records", "gauge", "Records in the ledger.", snapshot.head.size);
    page.single("dsmil_ledger_pruned_records", "gauge",
                "The oldest of them, of which only the hashes are left.", snapshot.first);
    page.single("dsmil_ledger_has_reserve", "gauge",
                "0 while the disk is full and only what matters to security is recorded.",
                snapshot.has_reserve ? 1 : 0);
    page.single("dsmil_ledger_signed_records", "gauge", "Records that a signed checkpoint covers.",
                snapshot.checkpoint_size);
    page.single("dsmil_ledger_failing", "gauge", "1 while records cannot be written.",
                ledger.trouble() ? 1 : 0);
    put_counts(page, ledger.counts());
    put_sinks(page, beside.sinks);
    put_audit(page, beside.audit);
    put_anchors(page, ledger.anchors());
    page.single("dsmil_tpm_up", "gauge",
                "1 when the TPM can be used: without it, this machine is unattested.", tpm.trouble() ? 0 : 1);
    page.single("dsmil_tpm_queue_waiting", "gauge", "Commands that wait for the TPM.", tpm.waiting());
    page.single("dsmil_tpm_queue_limit", "gauge", "Commands that may wait for it; more are refused.",
                Worker::queue_limit);
    put_commands(page, tpm.timings().snapshot());
    if (const auto &status = tpm.last_status()) {
        put_status(page, *status);
    }
    return page.take();
}

} // namespace dsmil::api
