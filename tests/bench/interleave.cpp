// SPDX-License-Identifier: Apache-2.0
#include "interleave.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <format>

namespace bench {

double thread_ns() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

std::vector<double> measure(const std::vector<Candidate> &candidates, unsigned slices, double slice_ns) {
    std::vector<std::vector<double>> spent(candidates.size());
    for (const auto &candidate : candidates) {
        candidate.work(); // what is made once is made
    }
    for (unsigned slice = 0; slice < slices; slice++) {
        for (std::size_t i = 0; i < candidates.size(); i++) {
            const double start = thread_ns();
            double now = start;
            unsigned calls = 0;
            while (now - start < slice_ns) {
                candidates[i].work();
                calls++;
                now = thread_ns();
            }
            spent[i].push_back((now - start) / calls);
        }
    }
    std::vector<double> medians;
    for (auto &one : spent) {
        std::ranges::nth_element(one, one.begin() + static_cast<std::ptrdiff_t>(one.size() / 2));
        medians.push_back(one[one.size() / 2]);
    }
    return medians;
}

void print_line(std::string_view name, double ours_ns, std::string_view peer, double peer_ns, double goal) {
    const double ratio = peer_ns / ours_ns;
    std::puts(std::format("{}: ours {:.1f} ns, {} {:.1f} ns, ratio {:.2f}, goal >= {:.2f}, {}", name, ours_ns,
                          peer, peer_ns, ratio, goal, ratio >= goal ? "pass" : "short")
                  .c_str());
    std::fflush(stdout);
}

} // namespace bench
