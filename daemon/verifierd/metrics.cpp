// SPDX-License-Identifier: Apache-2.0
#include "verifierd/metrics.hpp"

#include "base/prometheus.hpp"
#include "base/worker.hpp"

#include <array>

namespace dsmil::verifierd {
namespace {

void put_machines(prometheus::Page &page, const std::vector<MachineView> &machines) {
    std::array<std::size_t, state_count> counts{};
    for (const auto &view : machines) {
        counts.at(static_cast<std::size_t>(view.state))++;
    }
    page.family("dsmil_verifier_machines", "gauge", "Machines that are enrolled, by state.");
    for (std::size_t state = 0; state < state_count; state++) {
        page.sample("dsmil_verifier_machines",
                    std::format("state=\"{}\"", name_of(static_cast<State>(state))), counts.at(state));
    }
    page.single("dsmil_verifier_machines_limit", "gauge", "Machines that there may be.", max_machines);
    page.family("dsmil_verifier_machine_ok", "gauge",
                "1 while the machine's last result holds and is not late.");
    for (const auto &view : machines) {
        page.sample("dsmil_verifier_machine_ok", std::format("machine=\"{}\"", view.machine.name),
                    view.state == State::fresh ? 1 : 0);
    }
    page.family("dsmil_verifier_machine_attested_timestamp_seconds", "gauge",
                "When everything held the last time; 0 for never.");
    for (const auto &view : machines) {
        page.sample("dsmil_verifier_machine_attested_timestamp_seconds",
                    std::format("machine=\"{}\"", view.machine.name), view.machine.attested_s.value_or(0));
    }
}

void put_results(prometheus::Page &page, const Service::Numbers &numbers) {
    page.family("dsmil_verifier_results_total", "counter", "Judgements since the start, by outcome.");
    for (std::size_t outcome = 0; outcome < numbers.results.size(); outcome++) {
        page.sample("dsmil_verifier_results_total",
                    std::format("outcome=\"{}\"", name_of(static_cast<Outcome>(outcome))),
                    numbers.results.at(outcome));
    }
    page.single("dsmil_verifier_inconclusive_total", "counter",
                "Evidence whose parts did not fit together, and which was asked for again.",
                numbers.inconclusive);
    page.single("dsmil_verifier_enrolments_total", "counter", "Machines that were enrolled since the start.",
                numbers.enrolled);
    page.single("dsmil_verifier_enrolments_refused_total", "counter",
                "Enrolments that were refused since the start.", numbers.enrolments_refused);
    page.single("dsmil_verifier_sessions", "gauge", "Questions that wait for evidence.",
                numbers.waiting.sessions);
    page.single("dsmil_verifier_sessions_limit", "gauge", "Questions that may wait; more are refused.",
                max_sessions);
    page.single("dsmil_verifier_enrolments_waiting", "gauge", "Enrolments that wait for their secret.",
                numbers.waiting.enrolments);
    page.single("dsmil_verifier_enrolments_waiting_limit", "gauge", "Enrolments that may wait.",
                max_enrolments);
}

void put_server(prometheus::Page &page, const Numbers &all) {
    page.single("dsmil_verifier_connections", "gauge", "Connections that are open.", all.server.connections);
    page.single("dsmil_verifier_connections_limit", "gauge", "Connections that may be open.",
                https::max_connections);
    page.single("dsmil_verifier_handshakes_failed_total", "counter",
                "Connections without a certificate that is trusted, or without TLS 1.3.",
                all.server.handshakes_failed);
    page.single("dsmil_verifier_turned_away_total", "counter",
                "Connections beyond those of one certificate, and bodies for which there was no room.",
                all.server.turned_away);
    page.single("dsmil_verifier_rate_limited_total", "counter",
                "Requests beyond those of one certificate in a minute.", all.rate_limited);
    page.single("dsmil_verifier_queue_waiting", "gauge", "Requests that wait for the verifier's thread.",
                all.waiting);
    page.single("dsmil_verifier_queue_limit", "gauge", "Requests that may wait; more are refused.",
                Worker::queue_limit);
    page.single("dsmil_verifier_pulls_total", "counter", "Machines that were asked and answered.", all.pulls);
    page.single("dsmil_verifier_pulls_failed_total", "counter",
                "Machines that were asked and could not be, or did not answer.", all.pulls_failed);
}

} // namespace

std::string metrics_text(const Numbers &all) {
    prometheus::Page page;
    page.family("dsmil_verifier_build_info", "gauge", "The version of dsmil-verifierd.");
    page.sample("dsmil_verifier_build_info", "version=\"" DSMIL_VERSION "\"", 1);
    put_machines(page, all.machines);
    put_results(page, all.numbers);
    put_server(page, all);
    return page.take();
}

} // namespace dsmil::verifierd
